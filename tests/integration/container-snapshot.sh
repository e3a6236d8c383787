#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Containers that go on from a startup snapshot: clones, from the base image, with a new engine. And the
# order of a worker's events in all the ways that it can start in a container.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
id=$MARK-a
dir=$TMP/b
sock=$dir/rootfs/tmp/s
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
chmod 1777 "$dir/rootfs/tmp"
cat >"$dir/rootfs/worker.js" <<-'END'
	const events = [], drawn = Math.random(), made = performance.timeOrigin;
	for (const type of ['serialize', 'deserialize', 'install', 'activate', 'uninstall'])
		addEventListener(type, (event) => {
			events.push(`${type}(`);
			event.waitUntil(new Promise((done) => setTimeout(done, 20)).then(() => {
				events.push(')');
				if (type === 'uninstall')
					console.log(events.join(' '));
			}));
		});
	addEventListener('fetch', (event) => {
		events.push('fetch');
		event.respondWith(Response.json({ events: events.join(' '), drawn, random: Math.random(),
			zone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
			own: performance.timeOrigin !== made }));
	});
END
turf spec --bundle "$dir"
plain='["aworker", "--listen=unix:/tmp/s", "/worker.js"]'
snapshot='["aworker", "--listen=unix:/tmp/s", "--snapshot-blob=/blob", "--require-snapshot", "/worker.js"]'
edit "$dir" '.root.readonly = false | .process.terminal = false | .process.env += ["TZ=Asia/Tokyo"]
	| .process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}'
args() { # args JSON
	edit "$dir" '.process.args = $args' --argjson args "$1"
}
start() { # start ARG...
	rm -f "$sock"
	turf --log-level info run -d "$@" -b "$dir" "$id" </dev/null >"$TMP/out" 2>"$TMP/log"
	await test -S "$sock"
	answer=$(curl -s --unix-socket "$sock" http://h/)
	pid=$(turf state "$id" | jq .pid)
}
end() {
	turf kill "$id" TERM
	await has_status "$id" stopped
	turf delete "$id"
}
# lives EVENTS ARG...: a container that is asked once, and all that it was told
lives() {
	local events=$1

	shift
	start "$@"
	eq "$(jq -r .events <<<"$answer")" "$events" "events ($*)"
	eq "$(jq -r .zone <<<"$answer")" Asia/Tokyo "its time zone ($*)"
	end
	eq "$(cat "$TMP/out")" "$events uninstall( )" "events to the end ($*)"
}
made='serialize( ) deserialize( ) install( ) activate( ) fetch'
anew='install( ) activate( ) fetch'

"$B/aworker" --build-snapshot --snapshot-blob="$dir/rootfs/blob" "$dir/rootfs/worker.js"
base_image

# --- from source, from a snapshot, from a state image, in each kind of process ---
# all_ways ARG...: three workers of each, of which the state's and the snapshot's have drawn the same
all_ways() {
	args "$plain"
	lives "$anew" "$@"
	args "$snapshot"
	for _ in 1 2; do
		lives "$made" "$@"
		jq -r '.drawn, .own' <<<"$answer" >>"$TMP/same"
		jq -r .random <<<"$answer" >>"$TMP/differ"
	done
}
all_ways --warmfork never
TURF_BASE_IMAGE=$TMP/none all_ways --warmfork never
turf seed start default
all_ways --warmfork require
eq "$(sort -u "$TMP/same" | wc -l)" 2 "what is kept is the same in all"
eq "$(sort "$TMP/differ" | uniq -d)" "" "what is random differs in all"
args "$plain"
turf seed image build --bundle "$dir"
lives "$made" --warmfork require
lives "$made" --warmfork never

# --- a clone of another engine is a container like any other ---
args "$snapshot"
start --warmfork require
eq "$(sed -n 's/^\(Uid\|CapEff\|NoNewPrivs\):\t\([^\t]*\).*/\2/p' "/proc/$pid/status" | tr '\n' ' ')" \
	"1000 0000000000000000 1 " "its rights"
eq "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" 1 "threads"
for _ in $(seq 50); do
	curl -s --unix-socket "$sock" http://h/ >/dev/null
done
end

# --- what does not fit ---
stale() { # stale TEXT: FILE runs instead, or nothing does
	args "$(jq -c 'map(select(. != "--require-snapshot"))' <<<"$snapshot")"
	for fork in require never; do
		start --warmfork "$fork"
		eq "$(jq -r .events <<<"$answer")" "$anew" "events from source"
		end
		matches "$(cat "$TMP/out" "$TMP/log")" "startup snapshot '/blob': $1; running /worker.js" "why"
	done
	args "$snapshot"
	for fork in require never; do
		fails "startup snapshot '/blob': $1" turf run --warmfork "$fork" -b "$dir" "$id"
	done
	nothing_left "a snapshot that does not fit"
}
cp "$dir/rootfs/worker.js" "$TMP/unchanged"
echo '// changed' >>"$dir/rootfs/worker.js"
stale "it was made of other code than '/worker.js' has now"
cp "$TMP/unchanged" "$dir/rootfs/worker.js"
mv "$dir/rootfs/blob" "$TMP/blob"
stale "open '/blob': No such file or directory"
head -c 100000 "$TMP/blob" >"$dir/rootfs/blob"
stale 'it was cut short'
# Read by the container, with its rights and of its files.
install -m 600 "$TMP/blob" "$dir/rootfs/blob"
stale "open '/blob': Permission denied"
rm "$dir/rootfs/blob"
ln -s "$TMP/blob" "$dir/rootfs/blob"
stale "open '/blob': No such file or directory"
rm "$dir/rootfs/blob"

args '["aworker", "--build-snapshot", "--snapshot-blob=/tmp/new", "/worker.js"]'
fails "process.args: --build-snapshot comes too late for a container" turf run -b "$dir" "$id"
args "$snapshot"
fails "a state image is made of code, and process.args want startup snapshot '/blob'" \
	turf seed image build --bundle "$dir"
args '["aworker", "--mode=seed-userland", "/worker.js"]'
fails "process.args: a container cannot be a seed" turf run -b "$dir" "$id"
args '["aworker", "--mode=seed"]'
fails "process.args: a container runs a file or code" turf run -b "$dir" "$id"
