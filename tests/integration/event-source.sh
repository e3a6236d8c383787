#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# EventSource against a server that behaves and misbehaves: what it is asked with, pieces of any
# size, ends of every kind, who is asked again and who is not, limits, and what keeps a worker.
# shellcheck disable=SC2154,SC2016 # the port that the server writes; templates of JavaScript
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"

needs python3 curl

python3 "$(dirname "$0")/fetch_server.py" "$TMP" &
HELPERS+=($!)
await test -f "$TMP/ports"
# shellcheck source=/dev/null
. "$TMP/ports"

cat >"$TMP/common.js" <<END
const base = 'http://127.0.0.1:$http';
// Tells of an EventSource in words until it has had so many errors, or messages.
function listen(url, errors, messages = Infinity, change = () => {}) {
	return new Promise((resolve) => {
		const said = [];
		const source = new EventSource(url.startsWith('/') ? base + url : url);
		const enough = () => {
			source.close();
			resolve(said.join(' '));
		};
		source.onopen = () => said.push('open');
		source.onmessage = (e) => {
			said.push(change(e) ?? JSON.stringify(e.data));
			if (--messages === 0)
				enough();
		};
		source.onerror = () => {
			said.push(\`error\${source.readyState}\`);
			if (--errors === 0)
				enough();
		};
	});
}
const events = (body, more = '') => \`/events?body=\${encodeURIComponent(body)}\${more}\`;
const text = async (path) => (await fetch(base + path)).text();
END
script() { # script CODE: the worker $TMP/run.js
	{
		cat "$TMP/common.js"
		printf '(async () => {%s\n})();\n' "$1"
	} >"$TMP/run.js"
}
run() { # run CODE: what it prints
	script "$1"
	timeout 60 "$A" "$TMP/run.js" 2>&1 | without_asan
}

# --- what it is asked with ---
eq "$(run "console.log(await listen('/events-echo?id=%C3%A9', 2, 9, (e) => e.lastEventId + e.data))")" \
	'open é{"accept": "text/event-stream", "cache-control": "no-cache", "last-event-id": null, "authorization": null} error0'\
' open é{"accept": "text/event-stream", "cache-control": "no-cache", "last-event-id": "\u00c3\u00a9", "authorization": null} error0' \
	"headers"
eq "$(run "console.log(await listen(base.replace('//', '//u:p@') + '/events-echo', 1, 9,
	(e) => JSON.parse(e.data).authorization))")" "open Basic dTpw error0" "credentials in the URL"

# --- pieces ---
eq "$(run "const body = '\ufeffretry:1\r\ndata:é\r\r\n:c\ndata: two\ndata: lines\r\n\r\nid:7\rdata\r\rdata:lost';
	for (const size of [1, 2, 3, 7, 1000])
		for (const cut of ['', '&cut=1'])
			console.log(await listen(events(body, \`&size=\${size}\${cut}\`), 1));" | sort | uniq -c | sed 's/^ *//')" \
	'10 open "é" "two\nlines" "" error0' "a stream in pieces"
eq "$(run "const many = 'data:' + 'x'.repeat(1e4) + '\n\n';
	console.log((await listen(events(many, '&times=30&size=999'), 1)).length)")" 300101 "large events in pieces"
eq "$(run "console.log(await listen('/events-open?gzip=1', 1, 1), await text('/gone'))")" 'open "here" yes' \
	"a compressed event comes before its stream ends, and close() is seen"

# --- who is asked again ---
eq "$(run "console.log(await listen('/events-flaky?by=a&good=3', 9, 3))")" \
	'open "1" error0 error0 error0 open "4" error0 error0 error0 open "7"' "a server that fails twice"
eq "$(run "for (const path of ['/status?is=204', '/status?is=200', '/status?is=503', '/hello', '/forever', '/gone-for-good',
		'/redirect?to=ftp%3A%2F%2Fx%2F', '/nul'])
	console.log(path, await listen(path, 1));")" \
	"$(printf '%s error2\n' '/status?is=204' '/status?is=200' '/status?is=503' /hello /forever /gone-for-good \
		'/redirect?to=ftp%3A%2F%2Fx%2F' | sed '/^$/d'; echo '/nul error0')" "who is not"
eq "$(run "for (const status of [301, 302, 303, 307, 308])
	console.log(await listen('/redirect?status=' + status + '&to=' + encodeURIComponent('http://localhost:$http' +
		events('data:x\n\n')), 9, 1, (e) => e.origin + status));")" \
	"$(for s in 301 302 303 307 308; do echo "open http://localhost:$http$s"; done)" "redirects"
eq "$(run "console.log(await listen('http://nobody.invalid/', 1), await listen('http://127.0.0.1:1/', 1))")" \
	"error0 error0" "nobody there"

# --- limits ---
eq "$(run "console.log(await listen('/endless?type=text/event-stream', 1), await text('/gone'))")" "open error2 yes" \
	"a line without an end"
eq "$(run "console.log(await listen('/endless?type=text/event-stream&text=data:y%0A', 1), await text('/gone'))")" \
	"open error2 yes" "an event without an end"
eq "$(run "console.log(await listen('/endless?type=text/event-stream&text=data:y%0A%0A', 1, 100, () => ''), await text('/gone'))" |
	tr -s ' ')" "open yes" "events without an end"

# --- what keeps a worker ---
script "new EventSource(base + '/events-open').onmessage = () => console.log('message');"
launch "$TMP/run.js"
HELPERS+=("$worker")
said out message
stop
eq "$(run "console.log(await text('/gone'))")" yes "an open EventSource keeps its worker, until it is ended"

# --- state images ---
export TURF_BASE_IMAGE=$TMP/base
base_image
{
	cat "$TMP/common.js"
	cat <<'END'
const source = new EventSource(`${base}/events-flaky?by=b&good=2&first=0`);
const message = new Promise((done) => source.addEventListener('message', (e) => {
	source.close();
	done(e.data);
}));
const failed = new Promise((done) => source.addEventListener('error', done));
addEventListener('serialize', (e) => e.waitUntil(failed));
addEventListener('fetch', (e) => e.respondWith(message.then((m) => new Response(m))));
END
} >"$TMP/state.js"
"$A" --build-state="$TMP/state" "$TMP/state.js"
"$A" --state="$TMP/state" --listen="unix:$TMP/sock" "$TMP/state.js" 2>"$TMP/err" &
HELPERS+=($!)
await test -S "$TMP/sock"
eq "$(curl -sS --max-time 30 --unix-socket "$TMP/sock" http://h/)" 2 "what waited in a state image connects"
sed -i 's/flaky?by=b.*`/open`/; s/failed = .*/failed = message;/; s/source.close();//' "$TMP/state.js"
fails 'an EventSource is open' "$A" --build-state="$TMP/state.2" "$TMP/state.js"
