#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Cold workers from the base image: the same container, sooner; and without it where it is of no use.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_BASE_IMAGE=$TMP/deep/er/base
fails "base image '$TURF_BASE_IMAGE': No such file" turf seed image
base_image
matches "$(turf seed image info)" "base image: +$TURF_BASE_IMAGE"
eq "$(stat -c '%a %a' "$TURF_BASE_IMAGE" "$TMP/deep/er" | tr '\n' ' ')" "400 400 755 755 " "modes"

id=$MARK-a
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
cat >"$dir/rootfs/worker.js" <<-'END'
	console.log('at work');
	addEventListener('fetch', (e) => e.respondWith(new Response(new URL(e.request.url).pathname)));
END
turf spec --bundle "$dir"
edit "$dir" '.root.readonly = false | .process.terminal = false
	| .process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.js"]'

# from_image yes|no [ARG...]: starts it, and looks at what its process is made of
from_image() {
	local want=$1 has=no

	shift
	turf --log-level info run -d --warmfork never "$@" -b "$dir" "$id" </dev/null >"$TMP/out" 2>"$TMP/log"
	await test -S "$dir/rootfs/tmp/s"
	pid=$(turf state "$id" | jq .pid)
	! grep -q "$TURF_BASE_IMAGE" "/proc/$pid/maps" || has=yes
	eq "$has" "$want" "mapped from the image"
	eq "$(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/path)" /path "its answer"
	matches "$(readlink "/proc/$pid/exe")" "memfd:aworker" "its executable"
	[ -z "$(find "/proc/$pid/fd" -lname "$TURF_BASE_IMAGE")" ] || fail "the image is still open"
	turf kill "$id" KILL
	await has_status "$id" stopped
	turf delete "$id"
	rm -f "$dir/rootfs/tmp/s"
}
from_image yes
# Ids are mapped: the image belongs to nobody in there.
cp "$dir/config.json" "$TMP/plain.json"
edit "$dir" '.linux.namespaces += [{"type": "user"}]
	| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
	| .linux.gidMappings = .linux.uidMappings'
chown -R 100000:100000 "$dir/rootfs"
from_image yes
chown -R 0:0 "$dir/rootfs"
cp "$TMP/plain.json" "$dir/config.json"
edit "$dir" '.process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}
	| .linux.resources.memory.limit = 134217728'
chmod 1777 "$dir/rootfs/tmp"
from_image yes
cp "$TMP/plain.json" "$dir/config.json"

# Its clocks are those of the kernel's vdso, where that has any, and no system calls.
case $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource) in
tsc | kvm-clock)
	edit "$dir" '.process.args = ["aworker", "/clock.js"] | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["clock_gettime", "gettimeofday"], action: "SCMP_ACT_ERRNO"}]}'
	cat >"$dir/rootfs/clock.js" <<-'END'
		const from = Date.now();
		for (let i = 0; performance.now() < 20 && i < 1e7; i++);
		console.log(performance.now() >= 20, from > 1.7e12, Date.now() - from < 10000);
	END
	eq "$(turf run --warmfork never -b "$dir" "$id" </dev/null)" "true true true" "clocks without system calls"
	cp "$TMP/plain.json" "$dir/config.json"
	;;
esac

# Exit codes and errors are those of any container.
edit "$dir" '.process.args = ["aworker", "-e", "throw new Error(\"x\")"]'
rc=0
"$TURF" --root "$ROOT" run --warmfork never -b "$dir" "$id" >/dev/null 2>"$TMP/err" </dev/null || rc=$?
eq "$rc" 1 "exit code"
grep -q 'Error: x' "$TMP/err" || fail "no word of the error: $(cat "$TMP/err")"
edit "$dir" '.process.args = ["aworker", "/none.js"]'
fails "/none.js" turf run --warmfork never -b "$dir" "$id"
edit "$dir" '.process.args = ["aworker", "--v8-options=--expose-gc", "/worker.js"]'
fails "come too late for a container" turf run --warmfork never -b "$dir" "$id"
cp "$TMP/plain.json" "$dir/config.json"

# Of no use: the engine is started, and why is said to those who ask.
chmod 0460 "$TURF_BASE_IMAGE"
from_image no
grep -q 'a new engine: base image.*can write to it' "$TMP/log" || fail "$(cat "$TMP/log")"
chmod 0600 "$TURF_BASE_IMAGE"
cp "$TURF_BASE_IMAGE" "$TMP/good"
truncate -s 3000 "$TURF_BASE_IMAGE"
from_image no
mkdir "$TMP/noexec"
mount -t tmpfs -o noexec,size=200m none "$TMP/noexec"
cp "$TMP/good" "$TMP/noexec/base"
TURF_BASE_IMAGE=$TMP/noexec/base from_image no
umount "$TMP/noexec"
cp "$TMP/good" "$TURF_BASE_IMAGE"
truncate -s 2000000 "$TURF_BASE_IMAGE"
from_image no
grep -q 'a new engine: base image.*it is cut off' "$TMP/log" || fail "$(cat "$TMP/log")"
# Damaged, and by somebody who can make the digest: it has to be where the loader is, and nothing
# tells before it is tried.
cp "$TMP/good" "$TURF_BASE_IMAGE"
# p_vaddr of the first segment, behind file header and the header of the notes.
at=$((64 + 56 + 16))
spoil() {
	printf '\x00\x00\x00\x10\x00\x00\x00\x00' |
		dd of="$TURF_BASE_IMAGE" bs=1 seek="$at" conv=notrunc status=none
}
spoil
from_image no
grep -q 'a new engine: base image.*it is damaged' "$TMP/log" || fail "$(cat "$TMP/log")"
"$B/tests/hostile" seal "$TURF_BASE_IMAGE"
from_image no
grep -q 'a new engine: the base image cannot be mapped' "$TMP/log" || fail "$(cat "$TMP/log")"
turf seed image rebuild
from_image yes
# --- seeds go on from it, too ---

# seed_from_image yes|no: a seed, and a clone of it
seed_from_image() {
	local want=$1 has=no

	turf seed start default
	matches "$(turf seed info)" "engine: +$([ "$want" = yes ] && echo 'from the base image' || echo new)"
	turf run -d --exit-file --warmfork require -b "$dir" "$id" </dev/null >"$TMP/out"
	await test -S "$dir/rootfs/tmp/s"
	pid=$(turf state "$id" | jq .pid)
	! grep -q "$TURF_BASE_IMAGE" "/proc/$pid/maps" || has=yes
	eq "$has" "$want" "a clone's memory is the image's"
	eq "$(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/path)" /path "a clone's answer"
	matches "$(readlink "/proc/$pid/exe")" "memfd:aworker" "a clone's executable"
	eq "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "aworker --listen=unix:/tmp/s /worker.js " "a clone's command line"
	turf kill "$id" KILL
	await has_status "$id" stopped
	turf delete "$id"
	rm -f "$dir/rootfs/tmp/s"
	turf seed stop
}
renewed() {
	[ "$(stat -c %i "$TURF_BASE_IMAGE")" != "$inode" ]
}
seed_from_image yes
inode=$(stat -c %i "$TURF_BASE_IMAGE")
# Of another worker's program: neither used nor made anew.
cp "$B/aworker" "$TMP/aworker"
ln -s "$B/lib" "$TMP/lib"
turf seed start --worker "$TMP/aworker" other
matches "$(turf seed info other)" "engine: +new"
turf seed stop other
! renewed || fail "the image of one program was made anew by another"
# One that is of no use is made anew for the seeds to come: here what everybody may write to,
# and then what cannot be mapped, which nothing tells before.
chmod 0460 "$TURF_BASE_IMAGE"
seed_from_image no
await renewed
seed_from_image yes
inode=$(stat -c %i "$TURF_BASE_IMAGE")
chmod 0600 "$TURF_BASE_IMAGE"
spoil
"$B/tests/hostile" seal "$TURF_BASE_IMAGE"
seed_from_image no
await renewed
seed_from_image yes
nothing_left "base image"
