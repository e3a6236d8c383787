#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images outlive a restart of the machine: VM_BOOTS=2 hack/vm v2 tests/vm/reboot.sh
# They are where turf keeps them by itself, and the bundle on the same disk.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

[ -n "${VM_BOOT:-}" ] || skip "only for a machine of hack/vm, whose /var it uses"
unset TURF_VERIFIED_DIR
id=$MARK-a
dir=/var/tmp/reboot

images() {
	stat -c '%n %i %Y %s' /var/cache/turf/base /var/cache/turf/state/*/*
}
# run_it ARG...: what was drawn when the code ran
run_it() {
	rm -f "$dir/rootfs/tmp/s"
	turf run -d "$@" -b "$dir" "$id" </dev/null >"$TMP/out" 2>"$TMP/err"
	await test -S "$dir/rootfs/tmp/s"
	[ ! -s "$TMP/out" ] || fail "it has run its code again: $(cat "$TMP/out")"
	eq "$(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/)" "$(cat "$dir/drawn")" "its state"
	grep -q /var/cache/turf/base "/proc/$(turf state "$id" | jq .pid)/maps" || fail "not from the base image"
	turf kill "$id" KILL
	await has_status "$id" stopped
	turf delete "$id"
}

if [ "$VM_BOOT" = 1 ]; then
	mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
	cat >"$dir/rootfs/worker.js" <<-'END'
		const drawn = Math.random();
		console.log(drawn);
		addEventListener('fetch', (e) => e.respondWith(new Response(`${drawn}\n`)));
	END
	turf spec --bundle "$dir"
	edit "$dir" '.root.readonly = false | .process.terminal = false
		| .process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.js"]'
	turf seed image rebuild
	turf seed image build --bundle "$dir" >"$dir/drawn"
	images >"$dir/images"
	cp /proc/sys/kernel/random/boot_id "$dir/boot"
else
	! cmp -s /proc/sys/kernel/random/boot_id "$dir/boot" || fail "the machine was not started again"
	[ ! -e /run/turf-images ] || fail "somebody has looked at the images already"
fi
run_it --warmfork never
[ -n "$(ls /run/turf-images)" ] || fail "nobody has looked at the images"
turf seed start default
run_it --exit-file --warmfork require
turf seed stop
eq "$(images)" "$(cat "$dir/images")" "the images"
