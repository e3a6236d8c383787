#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whoever builds a state image is hostile: native code in the place of a worker (tests/hostile).
# It can harm nobody but itself, and what it puts into an image has no more rights than a worker.
# shellcheck disable=SC2016,SC2119,SC2120 # jq has variables of its own; an argument more is rare
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/tests/hostile" ] || skip "$B/tests/hostile is not built"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
base_image
id=$MARK-a
dir=$TMP/b
# turf takes the aworker that stands beside it.
mkdir "$TMP/bin"
cp "$B/turf" "$B/turf-seed" "$TMP/bin"
cp "$B/tests/hostile" "$TMP/bin/aworker"

mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
chmod 1777 "$dir/rootfs/tmp"
turf spec --bundle "$dir"
# as HOW: the bundle of a builder that does so
as() {
	edit "$dir" '.root.readonly = false | .process.terminal = false
		| .process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}
		| .process.args = ["aworker", "rest", $how]' --arg how "$1"
}
build() {
	"$TMP/bin/turf" --root "$ROOT" seed image build --bundle "$dir" "$@"
}
images() {
	find "$TURF_STATES_DIR" -type f 2>/dev/null | wc -l
}

# --- while it is made: an error, and no image is left, and no container ---
as nowhere
fails "read '/proc/.*/mem'" build
as chatty
fails "unexpected message" build
as silent
fails "did not answer in time" build --timeout 1
fails "no image is made in no time" build --timeout 0
as pieces
fails "memory map: more than .* regions" build
as large
fails "it has changed .* MiB, at most 2048 are possible" build
eq "$(images)" 0 "images of hostile builders"
nothing_left "hostile builders"
# Whether there is one then, depends on what was gone when.
as gone
rc=0
build 2>"$TMP/err" || rc=$?
[ "$rc" -le 1 ] || fail "turf ended with $rc: $(cat "$TMP/err")"
nothing_left "a builder that takes its memory away"
rm -rf "$TURF_STATES_DIR"

# --- in use: it has the rights of the container that it is mapped in ---
echo "addEventListener('fetch', (e) => e.respondWith(new Response('hello')));" >"$dir/rootfs/worker.js"
edit "$dir" '.process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.js"]'
turf seed image build --bundle "$dir"
"$B/tests/hostile" forge "$(find "$TURF_STATES_DIR" -type f)"
turf seed start default
for how in "--warmfork never" "--exit-file --warmfork require"; do
	# shellcheck disable=SC2086 # two words
	turf run $how -b "$dir" "$id" </dev/null >"$TMP/out"
	eq "$(cat "$TMP/out")" hhhhhhhhhhh "what code of an image could do ($how)"
done
eq "$(turf seed info | sed -n 's/^restarts: *//p')" 0 "seeds that ended"
# Of another tenant it is not mapped at all.
turf run -d --warmfork never --tenant other -b "$dir" "$id" </dev/null >"$TMP/out"
await test -S "$dir/rootfs/tmp/s"
eq "$(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/)" hello
turf delete -f "$id"
turf seed stop
nothing_left "a hostile image"
