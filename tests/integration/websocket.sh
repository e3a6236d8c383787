#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# WebSocket: a client of another make speaks to a worker that answers with an end of a WebSocketPair,
# and a worker that connects speaks to a server of another make, also by TLS.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"

needs curl openssl ss
/usr/bin/python3 -c 'import websocket' 2>/dev/null || skip "python3-websocket is not installed"

client() { # case
	timeout 60 /usr/bin/python3 tests/integration/websocket_client.py "127.0.0.1:$port" "$1" 2>&1 |
		tail -1
}

cat >"$TMP/worker.mjs" <<'JS'
function answer(server, data) {
	if (data === 'close') {
		server.close(4001, 'bye é');
	} else if (data === 'protocol') {
		server.send(server.protocol);
	} else if (data === 'buffered') {
		server.send('x'.repeat(5));
		server.send('é');
		server.send(`${server.bufferedAmount}`);
		const sent = () => server.bufferedAmount === 0 ? server.send('0') : setTimeout(sent, 1);
		sent();
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

launch --listen 127.0.0.1:0 "$TMP/worker.mjs"
address=$(listening)
port=${address##*:}

for case in messages queues handshake refused flood; do
	check "$case" ok "$(client "$case")"
done
said out 'close 1006  false'
check "errors of the protocol" error "$(grep error "$TMP/out" | head -1)"
check "no WebSocket asked for" 500 \
	"$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/echo")"
check "its sentence" 1 "$(grep -c 'the request does not ask for a WebSocket' "$TMP/err")"

client stays >"$TMP/client" &
client=$!
# shellcheck disable=SC2317 # called by await
connected() {
	[ "$(ss -Htn state established "sport = :$port" | wc -l)" = 1 ]
}
await connected
stop
wait "$client"
check "who stays" ok "$(cat "$TMP/client")"
check "the worker hears of it" "close 1000  true" "$(tail -1 "$TMP/out")"

# --- a worker that connects ---

serve_sockets() { # serve_sockets FILE [CERTIFICATE KEY]: its port is in the file
	local file=$1

	shift
	server "$file" /usr/bin/python3 tests/integration/websocket_server.py "$@"
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/key" -out "$TMP/cert" -days 2 -subj /CN=test \
	-addext subjectAltName=DNS:localhost 2>/dev/null
serve_sockets plain
serve_sockets tls "$TMP/cert" "$TMP/key"

cat >"$TMP/client.js" <<'JS'
function connect(url, protocols, then) {
	const ws = new WebSocket(url, protocols);
	ws.binaryType = 'arraybuffer';
	const said = [ws.readyState];
	return new Promise((resolve) => {
		ws.onopen = () => said.push('open', ws.readyState, ws.protocol);
		ws.onmessage = (e) => {
			said.push(typeof e.data === 'string' ? e.data.length > 20 ? e.data.length : e.data
				: new Uint8Array(e.data).join());
			then?.(ws, e, said);
		};
		ws.onerror = (e) => said.push(e.type);
		ws.onclose = (e) => {
			said.push(ws.readyState, e.code, e.reason, e.wasClean);
			resolve(said.join(' '));
		};
	});
}
const [url, ...paths] = ARGUMENTS;
const steps = {
	'/echo': (() => {
		let n = 0;
		return (ws) => [
			() => ws.send('é'.repeat(40000)), () => ws.send(new Uint8Array([1, 2])),
			() => ws.send(new Blob(['blob'])), () => ws.close(3001, 'bye é'),
		][n++]();
	})(),
	'/drop': (ws) => ws.send('drop'),
};
(async () => {
	for (const path of paths)
		console.log(path, await connect(url + path.split('|')[0], path.split('|').slice(1), steps[path.split('|')[0]]));
})();
JS

connect() { # url path... : what the worker says
	list=$(printf '"%s",' "$@")
	sed "s#ARGUMENTS#[$list]#" "$TMP/client.js" >"$TMP/client-now.js"
	timeout 40 "$A" "$TMP/client-now.js" 2>&1 | without_asan
}

plain=$(cat "$TMP/plain")
for url in "ws://127.0.0.1:$plain" "http://localhost:$plain"; do
	check "echo of $url" "/echo|a|chat 0 open 1 chat /echo 40000 1,2 98,108,111,98 3 3001 bye é true" \
		"$(connect "$url" '/echo|a|chat')"
done
check "who is refused" "/status 0 error 3 1006  false
/key 0 error 3 1006  false
/extension 0 error 3 1006  false
/other|chat 0 error 3 1006  false
/none|chat 0 error 3 1006  false
/long 0 error 3 1006  false
/gone 0 error 3 1006  false
/bad 0 open 1  /bad error 3 1006  false
/drop 0 open 1  /drop error 3 1006  false" \
	"$(connect "ws://127.0.0.1:$plain" /status /key /extension '/other|chat' '/none|chat' /long /gone \
		/bad /drop)"
check "nobody listens" "/x 0 error 3 1006  false" "$(connect ws://127.0.0.1:1 /x)"
tls=$(cat "$TMP/tls")
check "by TLS" "/echo 0 open 1  /echo 40000 1,2 98,108,111,98 3 3001 bye é true" \
	"$(SSL_CERT_FILE=$TMP/cert connect "wss://localhost:$tls" /echo)"
check "another name" "/echo 0 error 3 1006  false" \
	"$(SSL_CERT_FILE=$TMP/cert connect "wss://127.0.0.1:$tls" /echo)"
check "not trusted" "/echo 0 error 3 1006  false" "$(connect "wss://localhost:$tls" /echo)"

verdict
