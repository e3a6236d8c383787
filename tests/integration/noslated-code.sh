#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where functions' code comes from: directories, files, zip files, OCI layouts, URLs and bundles; that it is what it is
# said to be; and that what is hostile, cut short or too large changes nothing and leaves nothing.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/noslated" ] || skip "noslated is not built"
command -v curl >/dev/null || skip "needs curl"
command -v python3 >/dev/null || skip "needs python3"
command -v openssl >/dev/null || skip "needs openssl"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
tests=$(realpath "$(dirname "$0")")
code=$TMP/code
front=$TMP/front
run=$TMP/run
state=$TMP/state
mkdir "$code" "$code/dir"
umask 022
ctl() { "$B/noslatectl" --run "$run" "$@"; }
get() { curl -sS --max-time 60 --unix-socket "$front" -H "x-noslate-function: $1" "http://any/"; }
daemon() {
	"$B/noslated" --listen "unix:$front" --run "$run" --state "$state" --log "$TMP/log" \
		--root "$ROOT" 2>>"$TMP/err" &
	noslated=$!
	HELPERS+=("$noslated")
	await ctl version >/dev/null 2>&1
	await healthy
}
healthy() { curl -sf --unix-socket "$run/admin.sock" http://any/healthz >"$TMP/health" 2>&1; }
ends() {
	kill "$noslated"
	code 0 wait "$noslated"
}
# set NAME CODE [MORE]: a set with one function; both are jq
set_of() { jq -n --arg c "$code" "{version: 1, functions: [{name: \"$1\", code: $2} + (${3:-{\}})]}"; }
apply() { set_of "$@" | ctl apply -; }
# refused PATTERN NAME CODE [MORE]: and what was applied stays
refused() {
	local pattern=$1 before after

	shift
	before=$(ctl get)
	set_of "$@" >"$TMP/wrong"
	fails "$pattern" ctl apply "$TMP/wrong"
	after=$(ctl get)
	eq "$after" "$before" "what is applied after a mistake"
	await nothing_half_made
}
trees() { find "$state/code/sha256" -mindepth 1 -maxdepth 1 | wc -l; }
nothing_half_made() { [ -z "$(ls -A "$state/code/tmp")" ]; }
digest() { ctl digest "$1"; }
answer() { echo "let n = 0; onfetch = (e) => e.respondWith(new Response(\`$1 \${++n}\`));"; }

python3 "$tests/noslated_code.py" make "$code"
python3 "$tests/noslated_code.py" serve "$code" "$TMP/port" &
server=$!
HELPERS+=("$server")
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	-keyout "$TMP/key" -out "$TMP/authority" 2>"$TMP/err"
cat "$TMP/authority" "$TMP/key" >"$TMP/certificate"
python3 "$tests/noslated_code.py" serve "$code" "$TMP/tls-port" "$TMP/certificate" &
HELPERS+=($!)
await test -s "$TMP/port"
await test -s "$TMP/tls-port"
url=http://127.0.0.1:$(cat "$TMP/port")
secure=https://localhost:$(cat "$TMP/tls-port")
base_image
turf seed start default
daemon

# --- directories and files, as they are ---
answer first >"$code/dir/worker.js"
answer file >"$code/f.js"
apply d '{path: "\($c)/dir"}'
eq "$(get d)" "first 1" "of a directory"
apply d '{path: "\($c)/dir"}'
eq "$(get d)" "first 2" "the same worker: nothing has changed"
answer second >"$code/dir/worker.js"
apply d '{path: "\($c)/dir"}'
eq "$(get d)" "second 1" "another worker: the code has changed"
apply d '{path: "\($c)/f.js"}'
eq "$(get d)" "file 1" "of a file"
eq "$(digest "$code/f.js")" "sha256:$(sha256sum "$code/f.js" | cut -d' ' -f1)" "the digest of a file"
apply d "{path: \"\(\$c)/f.js\", digest: \"$(digest "$code/f.js")\"}"
eq "$(get d)" "file 2" "the same worker: only the digest is new"
apply d "{path: \"\(\$c)/dir\", digest: \"$(digest "$code/dir")\"}"
eq "$(get d)" "second 1" "of a directory with a digest"
tree=$(digest "$code/dir")
touch "$code/dir/empty"
[ "$(digest "$code/dir")" != "$tree" ] || fail "an empty file changes no digest"
refused "function 'd': code.digest: '$code/dir': the digest is sha256:[0-9a-f]*, not $tree" d \
	"{path: \"\(\$c)/dir\", digest: \"$tree\"}"
rm "$code/dir/empty"
eq "$(digest "$code/dir")" "$tree" "a digest does not depend on times"
mkfifo "$code/dir/fifo"
refused "'fifo' is no file, no directory and no symbolic link" d "{path: \"\(\$c)/dir\", digest: \"$tree\"}"
rm "$code/dir/fifo"
ln -s /etc/hostname "$code/dir/out.js"
refused "code.entry: there is no file 'out.js' in" d '{path: "\($c)/dir", entry: "out.js"}'
rm "$code/dir/out.js"
refused "code.path: '/dev/null': it is no directory and no file" d '{path: "/dev/null"}'
refused "code.path: '$code/none': No such file or directory" d '{path: "\($c)/none"}'
eq "$(trees)" 0 "trees: nothing was copied"

# --- zip files ---
apply z '{path: "\($c)/good.zip"}'
eq "$(get z)" "from a zip" "of a zip file"
hex=$(sha256sum "$code/good.zip" | cut -d' ' -f1)
eq "$(find "$state/code/sha256/$hex" -printf '%P %y %m\n' | sort | xargs)" \
	"d 755 lib d 755 lib/a.js f 644 worker.js f 644" "what was unpacked"
eq "$(digest "$code/good.zip")" "sha256:$hex" "the digest of a zip file"
apply z "{path: \"\(\$c)/good.zip\", digest: \"sha256:$hex\"}"
apply z '{path: "\($c)/main.zip", entry: "src/main.js"}'
eq "$(get z)" "from main" "with an entry"
refused "code.digest: '$code/other.zip': the digest is" z "{path: \"\(\$c)/other.zip\", digest: \"sha256:$hex\"}"
refused "code.path: '$code/main.zip' has no worker.js or index.js" z '{path: "\($c)/main.zip"}'
refused "a name leaves the archive by '..'" z '{path: "\($c)/slip.zip"}'
refused "'worker.js' is a symbolic link that leads out of it" z '{path: "\($c)/symlink.zip"}'
refused "it unpacks to more than 200 times its size" z '{path: "\($c)/bomb.zip"}'
refused "more than 65536 entries" z '{path: "\($c)/many.zip"}'
refused "a name of more than .* or 32 parts" z '{path: "\($c)/deep.zip"}'
refused "code.path: '$code/short.zip': " z '{path: "\($c)/short.zip"}'
eq "$(get z)" "from main" "after all that"
[ ! -e "$TMP/evil.js" ] || fail "something was written outside"

# --- OCI layouts ---
apply o '{path: "\($c)/layout"}'
eq "$(get o)" "from a layer" "of an OCI layout"
hex=$(digest "$code/layout" | cut -d: -f2)
eq "$(find "$state/code/sha256/$hex" -printf '%P %y\n' | sort | xargs)" \
	"d hard f kept d kept/a f link l opaque d opaque/new f worker.js f" "layers on each other"
apply o "{path: \"\(\$c)/layout\", digest: \"sha256:$hex\"}"
apply o '{path: "\($c)/artifact"}'
eq "$(get o)" "from a zip" "of an artifact that is a zip file"
refused "there are 2 images; which is it" o '{path: "\($c)/two"}'
apply o "{path: \"\(\$c)/two\", digest: \"$(cat "$code/two.digest")\"}"
eq "$(get o)" b "one of two"
refused "there is no image sha256:$hex" o "{path: \"\(\$c)/two\", digest: \"sha256:$hex\"}"
refused "layer 0: the digest is sha256:" o '{path: "\($c)/changed-blob"}'
refused "open 'blobs/sha256/.*': Too many levels of symbolic links" o '{path: "\($c)/linked-blob"}'
refused "'d' is no file, no directory and no link" o '{path: "\($c)/device"}'
refused "'f' is no file, no directory and no link" o '{path: "\($c)/fifo"}'
refused "'h' is a link: a name leaves the archive by '..'" o '{path: "\($c)/hard-link"}'
refused "'/etc/evil' is an absolute name" o '{path: "\($c)/absolute"}'
refused "layer 1: a name leaves the archive by '..'" o '{path: "\($c)/through-link"}'
refused "'application/json' is no tar file and no zip file" o '{path: "\($c)/no-archive"}'
refused "there is no image" o '{path: "\($c)/empty"}'

# --- URLs ---
good=$(digest "$code/good.zip")
other=$(digest "$code/other.zip")
apply u "{url: \"$url/other.zip\", digest: \"$other\"}"
eq "$(get u)" "from another" "of a URL"
refused "function 'u': code.digest: '$url/main.zip': the digest is" u "{url: \"$url/main.zip\", digest: \"sha256:${hex}\"}"
none=sha256:$(printf '%064d' 0)
refused "code.url: '$url/none': .*404" u "{url: \"$url/none\", digest: \"$none\"}"
refused "code.url: '$url/loop': .*5.* redirects" u "{url: \"$url/loop\", digest: \"$none\"}"
refused "code.url: '$url/file': Protocol .file. " u "{url: \"$url/file\", digest: \"$none\"}"
refused "code.url: '$url/cut': " u "{url: \"$url/cut\", digest: \"$none\"}"
refused "code.url: '$url/declared': more than 268435456 bytes" u "{url: \"$url/declared\", digest: \"$none\"}"
refused "code.url: '$url/endless': more than 268435456 bytes" u "{url: \"$url/endless\", digest: \"$none\"}"
refused "code.url: '$secure/good.zip': SSL certificate problem" u "{url: \"$secure/good.zip\", digest: \"$good\"}"
refused "code.url: 'http://127.0.0.1:1/': " u "{url: \"http://127.0.0.1:1/\", digest: \"$none\"}"
ends
SSL_CERT_FILE=$TMP/authority daemon
apply u "{url: \"$secure/main.zip\", digest: \"$(digest "$code/main.zip")\", entry: \"src/main.js\"}"
eq "$(get u)" "from main" "of a URL whose certificate is right"
rm -rf "$state/code/sha256/${good#*:}"
apply u "{url: \"$url/moved\", digest: \"$good\"}"
eq "$(get u)" "from a zip" "of a URL that has moved"

# --- one set at a time; the next requests are served meanwhile; one that was not finished is not applied ---
set_of u "{url: \"$url/hang\", digest: \"$none\"}" >"$TMP/hangs"
ctl apply "$TMP/hangs" 2>"$TMP/hang.err" &
hangs=$!
HELPERS+=("$hangs")
is_busy() { apply u '{path: "\($c)/f.js"}' 2>&1 | grep -q "another set is being applied"; }
await is_busy
eq "$(get u)" "from a zip" "while a set is applied"
before=$(cat "$state/functions.json")
ends
code 1 wait "$hangs"
matches "$(cat "$TMP/hang.err")" "noslated ends; nothing was applied" "who waited"
eq "$(cat "$state/functions.json")" "$before" "what lasts"
nothing_half_made || fail "left in the store: $(ls "$state/code/tmp")"

# --- killed in the middle: whoever worked for it ends, too ---
daemon
ctl apply "$TMP/hangs" 2>"$TMP/hang.err" &
hangs=$!
HELPERS+=("$hangs")
fetches() { pgrep -f -- "^noslate-code fetch $url/hang" >/dev/null; }
await fetches
fetcher=$(pgrep -f -- "^noslate-code fetch $url/hang")
rights() { sed -n 's/^\(Uid\|Gid\|CapEff\|CapPrm\|NoNewPrivs\):\t\([^\t]*\).*/\2/p' "/proc/$fetcher/status" | xargs; }
has_none() { [ "$(rights)" = "65534 65534 0000000000000000 0000000000000000 1" ]; }
await has_none
kill -KILL "$(pgrep -P "$noslated" -f -- --control-plane)"
code 1 wait "$hangs"
is_over() { ! fetches; }
await is_over
ends

# --- a restart: what is stored needs nobody; what was half made goes ---
kill "$server"
wait "$server" 2>/dev/null || :
mkdir "$state/code/tmp/old"
touch "$state/code/tmp/old/file"
daemon
eq "$(get u)" "from a zip" "after a restart, without its server"
nothing_half_made || fail "left in the store: $(ls "$state/code/tmp")"
ends
rm -rf "$state/code/sha256/${good#*:}"
daemon
matches "$(cat "$TMP/err")" "function 'u': code.url: '$url/moved': it was not kept; apply" "what is said"
matches "$(get u)" "not_starting|worker_unreachable" "a function whose code is not there"

# --- what nobody uses goes ---
apply x '{path: "\($c)/good.zip"}' '{scale: {idle: "1s"}}'
eq "$(get x)" "from a zip" "another one"
apply x '{path: "\($c)/other.zip"}' '{scale: {idle: "1s"}}'
eq "$(get x)" "from another" "its next version"
no_workers() { [ "$(ctl --json workers | jq length)" = 0 ]; }
await no_workers
one_is_left() {
	apply x '{path: "\($c)/other.zip"}' '{scale: {idle: "1s"}}'
	[ "$(trees)" = 1 ]
}
await one_is_left
eq "$(find "$run/functions" -mindepth 2 -maxdepth 2 | wc -l)" 1 "bundles"

# --- a full disk ---
ends
mkdir "$TMP/small"
mount -t tmpfs -o size=5m,mode=700 "$MARK" "$TMP/small"
state=$TMP/small
daemon
apply s '{path: "\($c)/other.zip"}'
refused "code.path: '$code/random.zip': copy: No space left on device" s '{path: "\($c)/random.zip"}'
refused "code.path: '$code/zeros.zip': .*No space left on device" s '{path: "\($c)/zeros.zip"}'
eq "$(get s)" "from another" "on a full disk"
ends
umount "$TMP/small"
state=$TMP/state
daemon

# --- bundles of others ---
bundle "$TMP/bundle" /activated
cp "$B/tests/activated" "$TMP/bundle/rootfs/"
edit "$TMP/bundle" '.process.env += ["OWN=1", "GIVEN=theirs", "LISTEN_PID=7"] | .process.terminal = true
	| .linux.cgroupsPath = "/elsewhere"'
given() { set_of b "{path: \"$TMP/bundle\"}" '{runtime: "bundle", environment: {GIVEN: "ours"}, resources: {pids: 5}}'; }
given | ctl apply -
eq "$(get b)" "1 http b 1 ours root is read-only" "of a bundle"
pid=$(ctl --json workers | jq '.[] | select(.function == "b") | .pid')
matches "$(cat "/proc/$pid/cgroup")" "/b\.[^/]*$" "its cgroup"
given | ctl apply -
eq "$(ctl --json workers | jq '.[] | select(.function == "b") | .pid')" "$pid" "the same worker"
edit "$TMP/bundle" '.process.env += ["MORE=1"]'
given | ctl apply -
eq "$(get b)" "1 http b 1 ours root is read-only" "of a bundle that has changed"
[ "$(ctl --json workers | jq '[.[] | select(.function == "b") | .pid] | max')" != "$pid" ] || fail "the same worker"
edit "$TMP/bundle" '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/1/ns/pid" else . end)'
fails "code.path: '$TMP/bundle': linux.namespaces: those of processes and mounts have to be new" ctl apply <(given)
edit "$TMP/bundle" '.linux.namespaces |= map(del(.path)) | .linux.resources.unified = {"memory.max": "max"}'
fails "'memory.max' is the profile's to say" ctl apply <(given)
edit "$TMP/bundle" 'del(.linux.resources.unified) | .process.args = "no list"'
fails "config.json: process.args: not an array" ctl apply <(given)
rm "$TMP/bundle/config.json"
fails "code.path: '$TMP/bundle': 'config.json': No such file" ctl apply <(given)

ends
turf seed stop
nothing_left "code of all kinds"
