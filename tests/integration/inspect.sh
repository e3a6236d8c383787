#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A debugger at a worker, by a client of the Chrome DevTools Protocol: breakpoints, steps, values,
# console, exceptions, profiles, a worker that computes, debuggers that leave, and who is refused.
set -u

dir=$(mktemp -d) || exit 1
pid=
failed=0 passed=0
trap '[ -z "$pid" ] || kill -KILL "$pid"
	[ ! -e "$dir/seeds" ] || "$B/turf" seed stop --force inspect 2>/dev/null
	rm -rf "$dir"' EXIT

if ! command -v jq >/dev/null || ! /usr/bin/python3 -c 'import websocket' 2>/dev/null; then
	echo "jq or python3-websocket is not installed"
	exit 77
fi

check() { # name wanted got
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED %s\nwanted: %s\ngot:    %s\n' "$1" "$2" "$3"
	fi
}

# A text that appears in a file, sooner or later.
await() { # file text
	waits=0
	until grep -qF -- "$2" "$1"; do
		waits=$((waits + 1))
		[ "$waits" -le 100 ] || return 1
		sleep 0.1
	done
}

# Starts a worker; $port is its debugger's.
start() { # option...
	: >"$dir/err"
	"$B/aworker" "$@" >"$dir/out" 2>"$dir/err" &
	pid=$!
	await "$dir/err" 'debugger listening' || cat "$dir/err"
	port=$(sed -n 's|.*debugger listening on ws://127.0.0.1:\([0-9]*\)/.*|\1|p' "$dir/err")
}

end() { # code: without a signal
	wait "$pid"
	check "exit code of $1" "$2" $?
	pid=
}

stop() {
	kill "$pid"
	wait "$pid"
	check "exit code after SIGTERM" 143 $?
	pid=
}

debug() { # case [address]
	timeout 60 /usr/bin/python3 tests/integration/cdp_client.py "${2:-127.0.0.1:$port}" "$1" 2>&1 |
		tail -1
}

cat >"$dir/worker.js" <<'JS'
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

cat >"$dir/serve.js" <<'JS'
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

start --inspect-brk=0 "$dir/worker.js"
check "steps" ok "$(debug steps)"
end steps 1
check "console as before" "the sum is 5" "$(grep sum "$dir/err")"
check "at the end" "aworker: waiting for the debugger to disconnect" "$(grep waiting "$dir/err")"

start --inspect=0 --listen "unix:$dir/socket" "$dir/serve.js"
await "$dir/err" listening
for case in serves paused leaves; do
	check "$case" ok "$(debug "$case")"
	check "then it serves" served "$(curl -sS --max-time 10 --unix-socket "$dir/socket" http://x/)"
	check "one thread" 1 "$(sed -n 's/Threads:.//p' "/proc/$pid/status")"
done
stop

# --- who is refused ---

start --inspect=0 --listen "unix:$dir/socket" "$dir/serve.js"
check "by address" 200 \
	"$(curl -s -o "$dir/json" -w '%{http_code}' "http://127.0.0.1:$port/json/version")"
check "version" "aworker/$(cat hack/version)" "$(sed -n 's/.*"Browser": "\(.*\)".*/\1/p' "$dir/json")"
for host in localhost "LOCALHOST:$port" '[::1]' 127.0.0.1; do
	check "Host $host" 200 \
		"$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $host" "http://127.0.0.1:$port/json")"
done
for host in evil.example localhost.evil.example 127.0.0.1.evil.example '[::1].x' ''; do
	check "Host $host" 403 \
		"$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $host" "http://127.0.0.1:$port/json" |
			sed 's/400/403/')"
done
path=$(sed -n 's|.*ws://[^/]*/\(.*\)|\1|p' "$dir/err")
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

start --inspect-brk=0 "$dir/worker.js"
timeout 60 /usr/bin/python3 tests/integration/cdp_client.py "127.0.0.1:$port" waits >"$dir/client" 2>&1 &
client=$!
await "$dir/client" paused
stop
wait "$client"
check "the debugger hears of it" ok "$(tail -1 "$dir/client")"
start --inspect-brk=0 "$dir/worker.js"
stop
check "nothing ran" "" "$(cat "$dir/out")"

# --- profiles of a whole run ---

cat >"$dir/busy.js" <<'JS'
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
		"$dir"/p/CPU.*.0.001.cpuprofile
	jq '(.samples | length) > 10 and .head.callFrame.functionName == "(root)"' "$dir/p/h.heapprofile"
}

for tool in '' --inspect=0; do
	rm -rf "$dir/p"
	mkdir "$dir/p"
	: >"$dir/out"
	(cd "$dir/p" && exec "$B/aworker" $tool --cpu-prof --cpu-prof-interval=500 \
		--heap-prof=h.heapprofile "$dir/busy.js") >"$dir/out" 2>"$dir/err" &
	pid=$!
	await "$dir/out" 'done'
	check "a thread takes samples" 2 "$(sed -n 's/Threads:.//p' "/proc/$pid/status")"
	stop
	check "profiles" "busy file://$dir/busy.js
true" "$(profiled)"
done
"$B/aworker" --cpu-prof="$dir/none/x" -e 'console.log(1)' >"$dir/out" 2>"$dir/err"
check "a profile that cannot be written" "0 1 aworker: CPU profile: create '$dir/none/x': No such file or directory" \
	"$? $(cat "$dir/out" "$dir/err" | tr '\n' ' ' | sed 's/ $//')"
"$B/aworker" --cpu-prof-interval=0 -e 1 2>"$dir/err"
check "a wrong interval" 2 $?

# --- a clone of a seed, whose engine is older than its command line ---

if [ "$(id -u)" = 0 ]; then
	export TURF_SEEDS_DIR="$dir/seeds"
	"$B/turf" seed start inspect
	mkdir -p "$dir/bundle/rootfs/dir"
	"$B/turf" spec --bundle "$dir/bundle"
	jq --arg dir "$dir" '.process.terminal = false
		| .process.args = ["aworker", "--inspect-brk=unix:/dir/socket",
			"--cpu-prof=/dir/clone.cpuprofile", "/dir/worker.js"]
		| .annotations = {"turf.noslate.dev/seed": "inspect"}
		| .mounts += [{destination: "/dir", type: "bind", source: $dir, options: ["rbind", "rw"]}]
		' <"$dir/bundle/config.json" >"$dir/config.json"
	mv "$dir/config.json" "$dir/bundle/config.json"
	rm -f "$dir/socket"
	: >"$dir/err"
	"$B/turf" --root "$dir/root" run --warmfork require --bundle "$dir/bundle" "inspect-$$" \
		>"$dir/out" 2>"$dir/err" &
	pid=$!
	await "$dir/err" 'debugger listening' || cat "$dir/err"
	check "in a clone" ok "$(debug steps "unix:$dir/socket")"
	end "the clone" 1
	check "its profile" true "$(jq '.samples | length > 0' "$dir/clone.cpuprofile")"
	"$B/turf" seed stop --force inspect
fi

# --- mistakes ---

start --inspect=0 --listen "unix:$dir/socket" "$dir/serve.js"
"$B/aworker" --inspect="127.0.0.1:$port" -e 1 2>"$dir/err2"
check "the address is taken" 4 $?
check "its sentence" 1 "$(grep -c "aworker: debugger: .*127.0.0.1:$port" "$dir/err2")"
stop

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
