#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A debugger at a worker, by a client of the Chrome DevTools Protocol: breakpoints, steps, values,
# console, exceptions, profiles, a worker that computes, debuggers that leave, and who is refused.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"

needs jq curl
/usr/bin/python3 -c 'import websocket' 2>/dev/null || skip "python3-websocket is not installed"
# shellcheck disable=SC2317 # called by clean_up
at_end() {
	[ ! -e "$TMP/seeds" ] || "$B/turf" seed stop --force inspect 2>/dev/null
}

# Starts a worker; $port is its debugger's.
start() { # option...
	launch "$@"
	said err 'debugger listening'
	port=$(sed -n 's|.*debugger listening on ws://127.0.0.1:\([0-9]*\)/.*|\1|p' "$TMP/err")
}

debug() { # case [address]
	timeout 60 /usr/bin/python3 tests/integration/cdp_client.py "${2:-127.0.0.1:$port}" "$1" 2>&1 |
		tail -1
}

cat >"$TMP/worker.js" <<'JS'
// A worker
// with its first statement in line 4.

const name = 'world';
function add(a, b) {
	const sum = a + b; // here
	return sum;
}
function later() {
	const sum = add(2, 3);
	console.warn('the sum is', sum);
	Promise.reject(new RangeError('not here'));
}
setTimeout(function first() { later(); }, 1);
//# sourceMappingURL=worker.js.map
JS

cat >"$TMP/serve.js" <<'JS'
class Findable {}
globalThis.held = [new Findable(), Array.from({ length: 1e5 }, (_, i) => ({ i }))];
globalThis.spin = function spin(ms) {
	let n = 0;
	for (const end = Date.now() + ms; Date.now() < end;)
		n++;
	return n;
};
addEventListener('fetch', (e) => e.respondWith(new Response('served')));
JS

# --- what a debugger does ---

start --inspect-brk=0 "$TMP/worker.js"
check "steps" ok "$(debug steps)"
ended_with 1
check "console as before" "the sum is 5" "$(grep sum "$TMP/err")"
check "at the end" "aworker: waiting for the debugger to disconnect" "$(grep waiting "$TMP/err")"

start --inspect=0 --listen "unix:$TMP/socket" "$TMP/serve.js"
await test -S "$TMP/socket"
for case in serves paused leaves; do
	check "$case" ok "$(debug "$case")"
	check "then it serves" served "$(curl -sS --max-time 10 --unix-socket "$TMP/socket" http://x/)"
	check "one thread" 1 "$(sed -n 's/Threads:.//p' "/proc/$worker/status")"
done
stop

# --- who is refused ---

start --inspect=0 --listen "unix:$TMP/socket" "$TMP/serve.js"
check "by address" 200 \
	"$(curl -s -o "$TMP/json" -w '%{http_code}' "http://127.0.0.1:$port/json/version")"
check "version" "aworker/$(cat hack/version)" "$(sed -n 's/.*"Browser": "\(.*\)".*/\1/p' "$TMP/json")"
for host in localhost "LOCALHOST:$port" '[::1]' 127.0.0.1; do
	check "Host $host" 200 \
		"$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $host" "http://127.0.0.1:$port/json")"
done
for host in evil.example localhost.evil.example 127.0.0.1.evil.example '[::1].x' ''; do
	check "Host $host" 403 \
		"$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $host" "http://127.0.0.1:$port/json" |
			sed 's/400/403/')"
done
path=$(sed -n 's|.*ws://[^/]*/\(.*\)|\1|p' "$TMP/err")
check "its link" "devtools://devtools/bundled/js_app.html?v8only=true&ws=127.0.0.1:$port/$path" \
	"$(curl -s "http://127.0.0.1:$port/json" | jq -r '.[0].devtoolsFrontendUrl')"
upgrade() { # path header...
	where=$1
	shift
	curl -s -o /dev/null -w '%{http_code}' --max-time 1 -H 'Connection: Upgrade' \
		-H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
		-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "$@" "http://127.0.0.1:$port/$where"
}
check "a page of the web" 403 "$(upgrade "$path" -H 'Origin: https://evil.example')"
check "a page without one" 403 "$(upgrade "$path" -H 'Origin: null')"
check "DevTools" 101 "$(upgrade "$path" -H 'Origin: devtools://devtools')"
check "no Origin" 101 "$(upgrade "$path")"
check "another path" 404 "$(upgrade "${path%?}x")"
check "no WebSocket" 400 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/$path")"
stop

# --- signals ---

start --inspect-brk=0 "$TMP/worker.js"
timeout 60 /usr/bin/python3 tests/integration/cdp_client.py "127.0.0.1:$port" waits >"$TMP/client" 2>&1 &
client=$!
said client paused
stop
wait "$client"
check "the debugger hears of it" ok "$(tail -1 "$TMP/client")"
start --inspect-brk=0 "$TMP/worker.js"
stop
check "nothing ran" "" "$(cat "$TMP/out")"

# --- profiles of a whole run ---

cat >"$TMP/busy.js" <<'JS'
globalThis.kept = Array.from({ length: 2e5 }, (_, i) => ({ i, list: [i] }));
function busy(ms) {
	for (const end = Date.now() + ms; Date.now() < end;)
		;
}
busy(200);
console.log('done');
setTimeout(() => {}, 1e6);
JS

# Functions with samples of the CPU profile, and whether the other one has any.
profiled() {
	jq -r '.nodes[] | select(.hitCount > 20) | .callFrame | select(.functionName == "busy") | "busy " + .url' \
		"$TMP"/p/CPU.*.0.001.cpuprofile
	jq '(.samples | length) > 10 and .head.callFrame.functionName == "(root)"' "$TMP/p/h.heapprofile"
}

for tool in '' --inspect=0; do
	rm -rf "$TMP/p" "$TMP/out"
	mkdir "$TMP/p"
	(cd "$TMP/p" && exec "$A" $tool --cpu-prof --cpu-prof-interval=500 \
		--heap-prof=h.heapprofile "$TMP/busy.js") >"$TMP/out" 2>"$TMP/err" &
	worker=$!
	said out 'done'
	check "a thread takes samples" 2 "$(sed -n 's/Threads:.//p' "/proc/$worker/status")"
	stop
	check "profiles" "busy file://$TMP/busy.js
true" "$(profiled)"
done
"$A" --cpu-prof="$TMP/none/x" -e 'console.log(1)' >"$TMP/out" 2>"$TMP/err"
check "a profile that cannot be written" "0 1 aworker: CPU profile: create '$TMP/none/x': No such file or directory" \
	"$? $(cat "$TMP/out" "$TMP/err" | without_asan | tr '\n' ' ' | sed 's/ $//')"
"$A" --cpu-prof-interval=0 -e 1 2>"$TMP/err"
check "a wrong interval" 2 $?

# --- a clone of a seed, whose engine is older than its command line ---

if [ "$(id -u)" = 0 ]; then
	export TURF_SEEDS_DIR="$TMP/seeds"
	"$B/turf" seed start inspect
	mkdir -p "$TMP/bundle/rootfs/dir"
	"$B/turf" spec --bundle "$TMP/bundle"
	jq --arg dir "$TMP" '.process.terminal = false
		| .process.args = ["aworker", "--inspect-brk=unix:/dir/socket",
			"--cpu-prof=/dir/clone.cpuprofile", "/dir/worker.js"]
		| .annotations = {"turf.noslate.dev/seed": "inspect"}
		| .mounts += [{destination: "/dir", type: "bind", source: $dir, options: ["rbind", "rw"]}]
		' <"$TMP/bundle/config.json" >"$TMP/config.json"
	mv "$TMP/config.json" "$TMP/bundle/config.json"
	rm -f "$TMP/socket"
	: >"$TMP/err"
	"$B/turf" --root "$TMP/root" run --warmfork require --bundle "$TMP/bundle" "inspect-$$" \
		>"$TMP/out" 2>"$TMP/err" &
	worker=$!
	said err 'debugger listening'
	check "in a clone" ok "$(debug steps "unix:$TMP/socket")"
	ended_with 1
	check "its profile" true "$(jq '.samples | length > 0' "$TMP/clone.cpuprofile")"
	"$B/turf" seed stop --force inspect
fi

# --- mistakes ---

start --inspect=0 --listen "unix:$TMP/socket" "$TMP/serve.js"
"$A" --inspect="127.0.0.1:$port" -e 1 2>"$TMP/err2"
check "the address is taken" 4 $?
check "its sentence" 1 "$(grep -c "aworker: debugger: .*127.0.0.1:$port" "$TMP/err2")"
stop

verdict
