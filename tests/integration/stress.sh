#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Clones and loaded states under load: they allocate, collect, compile, lose optimised code, recurse
# to the end of the stack and leave the bounds of wasm's memory, STRESS_SECONDS for each kind of
# base image, in a cgroup whose limit is near. Every answer has to be right.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

STRESS_SECONDS=${STRESS_SECONDS:-2}
WORKERS=3
# Of one worker; what it uses comes near.
LIMIT=$((96 << 20))
# Flags of V8 that an image is made with.
KINDS=('' --stress-scavenge=50 --stress-compaction --always-sparkplug)

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_STATES_DIR=$TMP/states TURF_BASE_IMAGE=$TMP/base
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys}
cat >"$dir/rootfs/worker.js" <<-'END'
	const wasm = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0,
		0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 102, 0, 0, 10, 9,
		1, 7, 0, 32, 0, 40, 2, 0, 11]))).exports;
	const caught = (f) => {
		try {
			return f();
		} catch (e) {
			return e.name;
		}
	};
	const depth = (n) => 1 + depth(n + 1);
	const add = (a, b) => a + b;
	let kept = [], n = 0;
	const work = {
		allocate() {
			kept = Array.from({ length: 20000 }, (_, i) => ({ i, s: `${i}` }));
			return kept.reduce((sum, x) => sum + x.s.length, 0);
		},
		buffers: () => Array.from({ length: 20 }, (_, i) => new Uint8Array(1 << 19).fill(i)[7]).join(''),
		compile: () => new Function('a', `return a.map((x) => x * ${++n % 7 + 1}).length`)([1, 2, 3]),
		deoptimise() {
			let sum = 0;
			for (let i = 0; i < 30000; i++)
				sum = add(sum, 1);
			return add(`${sum}`, add('a', {}));
		},
		recurse: () => caught(() => depth(0)),
		wasm: () => `${wasm.f(0)}${caught(() => wasm.f(1 << 20))}`,
		regexp: () => /^(a+)+b$/.test('aaaaaaaaaab') && 'x'.repeat(500).replace(/x/g, 'yy').length,
	};
	addEventListener('fetch', (e) =>
		e.respondWith(new Response(Object.values(work).map((f) => f()).join() + '\n')));
END
right='88890,012345678910111213141516171819,3,30000a[object Object],RangeError,0RuntimeError,1000'
turf spec --bundle "$dir"
edit "$dir" '.root.readonly = false | .process.terminal = false | .linux.resources.memory.limit = $limit' \
	--argjson limit $LIMIT

# load SOCKET: as long as it lasts; fails when an answer is wrong
load() {
	local urls=() i

	for i in $(seq 20); do
		urls+=("http://h/$i")
	done
	while [ "$SECONDS" -lt "$end" ]; do
		curl -s --fail --unix-socket "$1" "${urls[@]}" >"$1.out" || return 1
		[ "$(sort -u "$1.out")" = "$right" ] || return 1
		answers=$((answers + 20))
		echo "$answers" >"$1.answers"
	done
}
answers=0
for kind in "${KINDS[@]}"; do
	rm -rf "$TMP/base" "$TURF_STATES_DIR"
	"$B/aworker" ${kind:+--v8-options="$kind"} --build-image="$TMP/base" 2>"$TMP/err" || {
		grep -q 'sanitizer reserves all memory' "$TMP/err" || fail "$(cat "$TMP/err")"
		skip "no images with a sanitizer"
	}
	turf seed start default
	end=$((SECONDS + STRESS_SECONDS)) pids=()
	for i in $(seq $((2 * WORKERS))); do
		edit "$dir" '.process.args = ["aworker", "--listen=unix:/s\($i)", "/worker.js"]' --arg i "$i"
		# Half of them from a state image, of which some have been made already.
		[ "$i" -le $WORKERS ] || turf seed image build --bundle "$dir"
		rm -f "$dir/rootfs/s$i"
		turf run -d --exit-file --warmfork require -b "$dir" "$MARK-$i" </dev/null >/dev/null
		await test -S "$dir/rootfs/s$i"
		load "$dir/rootfs/s$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "'$kind': a wrong answer, or none: $(tail -qn 1 "$dir/rootfs/"*.out)"
	done
	for i in $(seq $((2 * WORKERS))); do
		has_status "$MARK-$i" running || fail "'$kind': worker $i has ended"
		turf delete -f "$MARK-$i"
	done
	echo "right answers, '$kind': $(cat "$dir/rootfs/"*.answers | awk '{n += $1} END {print n}')"
	turf seed stop
done
nothing_left "stress"
