#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# WebSocket on the side of the server: a client of another make speaks to a worker that answers with
# an end of a WebSocketPair.
set -u

dir=$(mktemp -d) || exit 1
pid=
failed=0 passed=0
trap '[ -z "$pid" ] || kill -KILL "$pid"; rm -rf "$dir"' EXIT

/usr/bin/python3 -c 'import websocket' 2>/dev/null || {
	echo "python3-websocket is not installed"
	exit 77
}

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

client() { # case
	timeout 60 /usr/bin/python3 tests/integration/websocket_client.py "127.0.0.1:$port" "$1" 2>&1 |
		tail -1
}

cat >"$dir/worker.mjs" <<'JS'
function answer(server, data) {
	if (data === 'close') {
		server.close(4001, 'bye é');
	} else if (data === 'protocol') {
		server.send(server.protocol);
	} else if (data === 'buffered') {
		server.send('x'.repeat(5));
		server.send('é');
		server.send(`${server.bufferedAmount}`);
		setTimeout(() => server.send(`${server.bufferedAmount}`), 20);
	} else {
		server.send(data);
	}
}

export default {
	fetch(request) {
		const { pathname } = new URL(request.url);
		if (pathname === '/plain')
			return new Response('plain');
		const [client, server] = Object.values(new WebSocketPair());
		server.addEventListener('message', (e) => answer(server, e.data));
		server.addEventListener('close', (e) => console.log('close', e.code, e.reason, e.wasClean));
		server.addEventListener('error', () => console.log('error'));
		const headers = { 'upgrade': 'nonsense', 'content-length': '7' };
		if (pathname === '/late') {
			setTimeout(() => {
				server.accept();
				server.send('late');
			}, 50);
		} else {
			server.accept();
		}
		if (pathname === '/early') {
			server.send('before');
			server.send(new Uint8Array([1, 2, 3]));
		}
		if (pathname === '/protocol')
			Object.assign(headers, { 'Sec-WebSocket-Protocol': 'chat', 'set-cookie': 'a=b' });
		return new Response(null, { status: 101, webSocket: client, headers });
	},
};
JS

"$B/aworker" --listen 127.0.0.1:0 "$dir/worker.mjs" >"$dir/out" 2>"$dir/err" &
pid=$!
await "$dir/err" listening
port=$(sed -n 's/.*127.0.0.1://p' "$dir/err")

for case in messages queues handshake refused flood; do
	check "$case" ok "$(client "$case")"
done
await "$dir/out" 'close 1006  false'
check "errors of the protocol" error "$(grep error "$dir/out" | head -1)"
check "no WebSocket asked for" 500 \
	"$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/echo")"
check "its sentence" 1 "$(grep -c 'the request does not ask for a WebSocket' "$dir/err")"

client stays >"$dir/client" &
client=$!
waits=0
until [ "$(ss -Htn state established "sport = :$port" | wc -l)" = 1 ] || [ $waits = 100 ]; do
	waits=$((waits + 1))
	sleep 0.1
done
kill "$pid"
wait "$pid"
check "after SIGTERM" 143 $?
pid=
wait "$client"
check "who stays" ok "$(cat "$dir/client")"
check "the worker hears of it" "close 1000  true" "$(tail -1 "$dir/out")"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
