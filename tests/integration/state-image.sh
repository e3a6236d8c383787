#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Workers in containers that go on from a state image: forked, cold, of several tenants; and
# from source wherever there is none for them.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
base_image
id=$MARK-a
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
cat >"$dir/rootfs/worker.js" <<-'END'
	console.log('initialises');
	let count = 0;
	const drawn = Math.random(), list = Array.from({ length: 1e5 }, (_, i) => ({ i }));
	addEventListener('fetch', (e) => e.respondWith(new Response(
		`${drawn} ${count++} ${list.length} ${Math.random()} ${performance.now() < 9000}`)));
END
turf spec --bundle "$dir"
edit "$dir" '.root.readonly = false | .process.terminal = false | .hostname = "worker"
	| .process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.js"]'
chmod 1777 "$dir/rootfs/tmp"

images() {
	turf seed image list | tail -n +2 | wc -l
}
# run_it from-state|from-source ARG...
run_it() {
	local want=$1 has=source

	shift
	rm -f "$dir/rootfs/tmp/s" "$TMP/log"
	turf --log "$TMP/log" --log-level info run -d "$@" -b "$dir" "$id" </dev/null >"$TMP/out" 2>"$TMP/err"
	await test -S "$dir/rootfs/tmp/s"
	[ -s "$TMP/out" ] || has=state
	eq "from-$has" "$want" "what it goes on from"
	read -r drawn count length random now < <(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/ && echo)
	eq "$count $length $now" "0 100000 true" "its answer"
	pid=$(turf state "$id" | jq .pid)
}
end_it() {
	turf kill "$id" KILL
	await has_status "$id" stopped
	turf delete "$id"
}

# --- made, and used by cold workers and clones alike ---
eq "$(turf seed image build --bundle "$dir")" initialises "output while one is made"
eq "$(images)" 1 "images"
nothing_left "making a state image"
eq "$(stat -c '%a %U' "$TURF_STATES_DIR" "$TURF_STATES_DIR"/* | sort -u)" "700 root" "directories of state images"
eq "$(stat -c '%a' "$TURF_STATES_DIR"/*/*)" 400 "a state image"
run_it from-state --warmfork never
first=$drawn once=$random
matches "$(readlink "/proc/$pid/exe")" "memfd:aworker" "its executable"
eq "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "aworker --listen=unix:/tmp/s /worker.js " "its command line"
eq "$(cat "/proc/$pid/comm")" aworker "its name"
eq "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" 1 "threads"
! find "/proc/$pid/fd" -lname "$TMP/states/*" -o -lname '*pagemap*' -o -lname "$TMP/base" | grep . ||
	fail "descriptors of images are open"
fds=$(find "/proc/$pid/fd" -mindepth 1 | wc -l)
[ "$(wc -l <"/proc/$pid/maps")" -le 250 ] || fail "more than 250 areas of memory"
end_it
turf seed start default
# Limits are those of the container that goes on.
edit "$dir" '.annotations = {"turf.noslate.dev/heap-limit": "48Mi"}'
for i in 1 2 3; do
	run_it from-state --exit-file --warmfork require
	eq "$(turf exec "$id" aworker report --json | jq .heap.limit)" $((48 << 20)) "limit of its heap"
	eq "$drawn" "$first" "the state of clone $i"
	[ "$random" != "$once" ] || fail "two workers have the same random numbers"
	once=$random
	eq "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "aworker --listen=unix:/tmp/s /worker.js " "a clone's command line"
	eq "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" "$fds" "descriptors of a clone"
	end_it
done
# A seed that copies itself for each request, without one parked.
turf seed stop
turf seed start --parked 0 default
run_it from-state --exit-file --warmfork require
end_it
cp "$dir/config.json" "$TMP/plain.json"
edit "$dir" '.process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}
	| .linux.resources.memory.limit = 134217728
	| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mount", "ptrace", "bpf",
		"kexec_load", "process_vm_readv", "unshare", "setns", "userfaultfd", "perf_event_open"],
		action: "SCMP_ACT_ERRNO"}]}'
run_it from-state --exit-file --warmfork require
eq "$(awk '/^Uid|^CapEff|^Seccomp:/ {print $2}' "/proc/$pid/status" | tr '\n' ' ')" "1000 0000000000000000 2 " \
	"rights of a clone"
end_it
turf seed stop
edit "$dir" '.linux.namespaces += [{"type": "user"}]
	| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
	| .linux.gidMappings = .linux.uidMappings | .process.user = {"uid": 0, "gid": 0}'
chown -R 100000:100000 "$dir/rootfs"
# Its file has changed with its owner.
run_it from-source --warmfork never
end_it
turf seed image build --bundle "$dir" >/dev/null
run_it from-state --warmfork never
end_it
chown -R 0:0 "$dir/rootfs"
cp "$TMP/plain.json" "$dir/config.json"

# --- whose it is not, and what has changed ---
turf seed image build --bundle "$dir" >/dev/null
edit "$dir" '.annotations = {"io.kubernetes.cri.sandbox-namespace": "somebody"}'
run_it from-source --warmfork never
end_it
turf seed image build --bundle "$dir" >/dev/null
matches "$(turf seed image list)" "ns-somebody/"
run_it from-state --warmfork never
[ "$drawn" != "$first" ] || fail "the state of another tenant"
end_it
edit "$dir" '.annotations["io.kubernetes.cri.sandbox-namespace"] = "../../uid-0"'
fails "'../../uid-0' can be no name of a tenant" turf run -b "$dir" "$id"
# Who is named on the command line is not whom the bundle names.
edit "$dir" '.annotations["io.kubernetes.cri.sandbox-namespace"] = "somebody"'
run_it from-state --warmfork never
end_it
run_it from-source --warmfork never --tenant else
end_it
turf seed image build --tenant else --bundle "$dir" >/dev/null
matches "$(turf seed image list)" "uid-0-else/"
run_it from-state --warmfork never --tenant else
end_it
run_it from-source --warmfork never --tenant other
end_it
fails "option '--tenant': 'a/b' can be no name of a tenant" turf run --tenant a/b -b "$dir" "$id"
cp "$TMP/plain.json" "$dir/config.json"
edit "$dir" '.process.args += ["more"]'
run_it from-source --warmfork never
end_it
cp "$TMP/plain.json" "$dir/config.json"
run_it from-state --warmfork never
end_it
touch "$dir/rootfs/worker.js"
run_it from-source --warmfork never
end_it
turf seed image build --bundle "$dir" >/dev/null
run_it from-state --warmfork never
end_it

# --- exit codes, and errors of a worker that goes on ---
turf run -d --pid-file "$TMP/pid" --warmfork never -b "$dir" "$id" </dev/null
turf kill "$id" TERM
await has_status "$id" stopped
turf delete "$id"
rc=0
{ "$TURF" --root "$ROOT" run --warmfork never -b "$dir" "$id" </dev/null 2>/dev/null || echo $? >"$TMP/rc"; } &
rm -f "$dir/rootfs/tmp/s"
await test -S "$dir/rootfs/tmp/s"
turf kill "$id" TERM
wait $!
eq "$(cat "$TMP/rc")" 143 "exit code"
edit "$dir" '.process.args[1] = "--listen=unix:/nowhere/s"'
turf seed image build --bundle "$dir" >/dev/null
code 4 turf run --warmfork never -b "$dir" "$id" </dev/null 2>/dev/null
cp "$TMP/plain.json" "$dir/config.json"

# --- an image that was changed harms no more than its own container ---
find "$TURF_STATES_DIR" -type f -delete
turf seed image build --bundle "$dir" >/dev/null
image=$(echo "$TURF_STATES_DIR"/*/*)
cp "$image" "$TMP/good"
settled() {
	[ -S "$dir/rootfs/tmp/s" ] || has_status "$id" stopped
}
# It serves, from the image or from source, or it ends; the runtime lives in any case.
spoilt() {
	local rc=0

	rm -f "$dir/rootfs/tmp/s"
	timeout 60 "$TURF" --root "$ROOT" run -d --warmfork never -b "$dir" "$id" \
		</dev/null >/dev/null 2>&1 || rc=$?
	[ "$rc" -lt 124 ] || fail "turf ended with $rc"
	[ "$rc" != 0 ] || {
		await settled
		turf delete --force "$id"
	}
}
# Each byte of the headers that say where what is, of some segments and notes, and of memory.
spoil() { # spoil OFFSET: all bits of one byte
	local byte

	cp -f "$TMP/good" "$image"
	byte=$(od -An -tu1 -j "$1" -N 1 "$image")
	printf '%b' "\\x$(printf %x $((255 - byte)))" |
		dd of="$image" bs=1 seek="$1" conv=notrunc status=none
}
# By somebody who can also give it the right digest; what can have none is refused for that.
seal() {
	"$B/tests/hostile" seal "$image" 2>/dev/null || :
}
for at in 0 4 16 24 32 40 56 64 72 80 96 104 120 130 150 300 700 2000 5000 100000 1000000; do
	spoil "$at"
	seal
	spoilt
done
for size in 0 63 4096 20000 1000000; do
	cp -f "$TMP/good" "$image"
	chmod 600 "$image"
	truncate -s "$size" "$image"
	seal
	spoilt
done
# Without it: damage is found, once, and what is damaged goes away.
spoil 1000000
run_it from-source --warmfork never
grep -q 'from source: state image.*it is damaged' "$TMP/log" || fail "$(cat "$TMP/log")"
end_it
eq "$(images)" 0 "damaged images"
cp -f "$TMP/good" "$image"
run_it from-state --warmfork never
end_it
nothing_left "spoilt images"
cp -f "$TMP/good" "$image"
chmod 0420 "$image"
run_it from-source --warmfork never
end_it
chmod 0400 "$image"
run_it from-state --warmfork never
end_it

# --- what cannot have one ---
worker() {
	echo "$1" >"$dir/rootfs/worker.js"
}
find "$TURF_STATES_DIR" -type f -delete
worker "console.log(1)"
fails "it has no fetch handler" turf seed image build --bundle "$dir" >/dev/null
worker "addEventListener('fetch', () => {}); throw new Error('wrong')"
code 1 turf seed image build --bundle "$dir" 2>"$TMP/err"
grep -q 'Error: wrong' "$TMP/err" || fail "$(cat "$TMP/err")"
eq "$(images)" 0 "images of workers that cannot have one"
edit "$dir" '.process.args = ["/bin/true"]'
fails "is no worker's" turf seed image build --bundle "$dir"
cp "$TMP/plain.json" "$dir/config.json"
worker "addEventListener('fetch', () => {})"
edit "$dir" '.process.args = ["aworker", "--build-state=x", "/worker.js"]'
fails "unexpected message" turf run --warmfork never -b "$dir" "$id"
fails "was not started from a base image" env TURF_BASE_IMAGE=/nowhere/base "$TURF" --root "$ROOT" \
	seed image build --bundle "$dir"
fails "'x' is no TENANT/IMAGE" turf seed image rm x
fails "No such file" turf seed image rm uid-0/x
fails "one argument too many" turf seed image build x
nothing_left "workers without a state image"
cp "$TMP/plain.json" "$dir/config.json"
turf seed image build --bundle "$dir"
turf seed image rm "$(turf seed image list | awk 'END {print $1}')"
eq "$(images)" 0 "images after rm"
