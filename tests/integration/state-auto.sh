#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# State images that an annotation asks for: made once, behind the first start, and charged to the
# cgroup that the container's own is in.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
base_image
id=$MARK-a
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
worker() {
	echo "$1" >"$dir/rootfs/worker.js"
}
turf spec --bundle "$dir"
edit "$dir" '.root.readonly = false | .process.terminal = false
	| .process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.js"]
	| .annotations = {"turf.noslate.dev/state-image": "auto"}'

count() { # count .|.failed-|.lock-: files of the store that begin so
	find "$TURF_STATES_DIR" -type f -name "$1*" 2>/dev/null | wc -l
}
images() { find "$TURF_STATES_DIR" -type f ! -name '.*' 2>/dev/null | wc -l; }
one_image() { [ "$(images)" = 1 ]; }
one_failed() { [ "$(count .failed-)" = 1 ]; }
# start_it from-state|from-source
start_it() {
	local want=$1 has=source

	shift
	rm -f "$dir/rootfs/tmp/s"
	turf run -d "$@" -b "$dir" "$id" </dev/null >"$TMP/out" 2>"$TMP/err"
	await test -S "$dir/rootfs/tmp/s"
	[ -s "$TMP/out" ] || has=state
	eq "from-$has" "$want" "what it goes on from"
	eq "$(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/)" hello
}
nobody_builds() {
	[ "$(count .lock-)" = 0 ] && ! turf list | grep -q state-image
}

# --- made while the container lives, by another in a cgroup beside its own ---
worker "console.log('initialises'); const a = new Uint8Array(2e7).fill(1);
	addEventListener('fetch', (e) => e.respondWith(new Response('hello' + (a[5] - 1 || ''))));"
edit "$dir" '.linux.cgroupsPath = "/\($mark)-tenant/it"' --arg mark "$MARK"
memory=/sys/fs/cgroup/memory usage=memory.usage_in_bytes
[ -d "$memory" ] || memory=/sys/fs/cgroup usage=memory.current
mkdir "$memory/$MARK-tenant"
start_it from-source
await one_image
await nobody_builds
turf delete -f "$id"
# Nobody of it is there any more, but the pages of the image's file.
charged=$(cat "$memory/$MARK-tenant/$usage")
[ "$charged" -gt 20000000 ] || fail "the image is not charged to the tenant: $charged bytes"
start_it from-state
turf delete -f "$id"
eq "$(images)" 1 "images"
turf seed image rm "$(turf seed image list | awk 'END {print $1}')"
find "$memory/$MARK-tenant" -depth -type d -exec rmdir {} \;
edit "$dir" 'del(.linux.cgroupsPath)'

# --- create and start, and another at the same time ---
turf create -b "$dir" "$id" </dev/null >/dev/null
turf create -b "$dir" "$id-2" </dev/null >/dev/null
await one_image
await nobody_builds
turf delete -f "$id"
turf delete -f "$id-2"
turf seed image build --if-missing --bundle "$dir" >"$TMP/out"
eq "$(cat "$TMP/out")" "" "output of what need not be made"
nothing_left "images made unasked"

# --- what cannot have one is tried once ---
worker "console.log('initialises')"
turf run -b "$dir" "$id" </dev/null >/dev/null
await one_failed
await nobody_builds
# As who comes next would have it done; it would print a word if it ran.
eq "$(turf seed image build --if-missing --bundle "$dir" 2>&1)" "" "a second try"
eq "$(count .failed-) $(count .lock-) $(images)" "1 0 1" "failed, locked, made"
find "$TURF_STATES_DIR" -name '.failed-*' -exec touch -d '2 days ago' {} \;
turf seed image list >/dev/null
eq "$(count .failed-)" 0 "failures after two days"

# --- the other words ---
worker "console.log('initialises'); addEventListener('fetch', (e) => e.respondWith(new Response('hello')));"
edit "$dir" '.annotations["turf.noslate.dev/state-image"] = "use"'
start_it from-source
turf delete -f "$id"
turf seed image build --bundle "$dir" >/dev/null
start_it from-state
turf delete -f "$id"
edit "$dir" '.annotations["turf.noslate.dev/state-image"] = "never"'
start_it from-source
turf delete -f "$id"
edit "$dir" '.annotations["turf.noslate.dev/state-image"] = "always"'
fails "'always' is none of use, auto, never" turf run -b "$dir" "$id"
nothing_left "state images by annotation"
