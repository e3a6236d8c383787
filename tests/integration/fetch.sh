#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fetch() against servers of ours, on a network that is a loopback device and nothing else: the same
# script from sources, from the snapshot, from a base image and as a clone in a container; then
# names, TLS, HTTP/2, proxies, threads, descriptors, and what a state image may not hold.
# shellcheck disable=SC2154,SC2016,SC2034 # ports that the server writes; variables of jq and of lib.sh
if [ "${FETCH_NET:-}" != own ] && [ "$(id -u)" = 0 ]; then
	FETCH_NET=own exec unshare --net bash "$0" "$@"
fi
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"

needs python3 openssl nghttpd ip
here=$(dirname "$0")
unset SSL_CERT_FILE SSL_CERT_DIR http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
ip link set lo up

at_end() {
	umount /etc/hosts /etc/resolv.conf /etc/ssl/certs 2>/dev/null || :
	MOUNTS=$(count_mounts)
}

# --- a name server, certificates, servers ---
printf '127.0.0.1 localhost\n::1 localhost\n127.0.0.1 file.test\n' >"$TMP/hosts"
printf 'nameserver 127.0.0.1\n' >"$TMP/resolv.conf"
cat >"$TMP/ca.cnf" <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = Authority of a test
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[leaf]
subjectAltName = DNS:localhost,DNS:long.test
END
(
	cd "$TMP" || exit
	openssl req -x509 -newkey rsa:2048 -nodes -config ca.cnf -extensions ca -days 2 \
		-keyout ca.key -out ca.pem
	openssl req -newkey rsa:2048 -nodes -config ca.cnf -subj /CN=server \
		-keyout server.key -out server.csr
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
		-extfile ca.cnf -extensions leaf -out server.pem
) 2>"$TMP/openssl.err"
mkdir "$TMP/certs" "$TMP/docs"
cp "$TMP/ca.pem" "$TMP/certs/ca-certificates.crt"
mount --bind "$TMP/hosts" /etc/hosts
mount --bind "$TMP/resolv.conf" /etc/resolv.conf
mount --bind "$TMP/certs" /etc/ssl/certs
MOUNTS=$(count_mounts)

NAMES=1 python3 "$here/fetch_server.py" "$TMP" "$TMP/server.pem" "$TMP/server.key" &
HELPERS+=($!)
await test -f "$TMP/ports"
# shellcheck source=/dev/null
. "$TMP/ports"
head -c 3000000 /dev/zero | tr '\0' h >"$TMP/docs/large"
echo 'hello h2' >"$TMP/docs/index.html"
h2=18443
nghttpd --echo-upload -d "$TMP/docs" $h2 "$TMP/server.key" "$TMP/server.pem" >"$TMP/nghttpd.out" 2>&1 &
HELPERS+=($!)
listens() { ss -ltn | grep -q ":$1 "; }
await listens $h2

# --- the script, in each mode ---
w=$TMP/w/rootfs/w
mkdir -p "$w/sub"
sed "s/@http@/$http/g" "$here/fetch.js" >"$w/w.js"
echo '{"a":1}' >"$w/sub/a b.json"
ln -s /etc/passwd "$w/link"
ln -s sub/../w.js "$w/inside"
mkfifo "$w/fifo"

same() { # same MODE DIR: what is in $TMP/out is what was expected
	sed "s|$2|DIR|" "$TMP/out" >"$TMP/got"
	diff -u "$here/fetch.expected" "$TMP/got" >"$TMP/diff" ||
		fail "$1: $(cat "$TMP/diff" "$TMP/err")"
}
timeout 120 "$A" --no-snapshot "$w/w.js" >"$TMP/out" 2>"$TMP/err" || :
same sources "$w"
timeout 120 "$A" "$w/w.js" >"$TMP/out" 2>"$TMP/err" || :
same snapshot "$w"

run() { # run CODE [OPTION]...: as a module-less worker; output and errors together
	local code=$1

	shift
	printf '%s\n' "$code" >"$TMP/run.js"
	timeout 60 "$A" "$@" "$TMP/run.js" 2>&1 | without_asan
}
text="const text = async (url, init) => { try { return (await (await fetch(url, init)).text()).trim(); }
	catch (e) { return e.message.replace(/^fetch failed: \S+ /, '') + ' ' + (e.cause?.code ?? ''); } };"

# --- names ---
eq "$(run "$text (async () => console.log(await text('http://file.test:$http/')))()")" hello "a name of /etc/hosts"
eq "$(run "$text (async () => console.log(await text('http://LONG.test:$http/')))()")" hello "a name of a server"
eq "$(run "$text (async () => console.log(await text('http://both.test:$http/')))()")" hello \
	"a name of two families of which one answers"
eq "$(run "$text (async () => console.log(await text('http://nobody.test:$http/')))()")" \
	"could not resolve host 'nobody.test': Domain name not found ENOTFOUND" "a name of nobody"
count='const queries = async () => (await (await fetch(`http://127.0.0.1:'$http'/stats`)).json()).queries;'
asked() { # asked NAME WAIT: queries for three fetches at once, and one more after WAIT ms
	run "$text $count (async () => {
		const before = await queries(), url = 'http://$1:$http/';
		await Promise.all([text(url), text(url), text(url)]);
		await new Promise((done) => setTimeout(done, $2));
		await text(url);
		console.log(await queries() - before);
	})()"
}
eq "$(asked long.test 1500)" 2 "queries for a name that is known: A and AAAA"
eq "$(asked short.test 1500)" 4 "queries for a name whose time to live was over"

# --- one thread, no descriptor that an exec would inherit ---
cat >"$TMP/threads.js" <<END
export default { async fetch(request) {
	return fetch('http://long.test:$http/drip');
} };
END
"$A" --listen "unix:$TMP/sock" "$TMP/threads.js" &
pid=$!
HELPERS+=("$pid")
await test -S "$TMP/sock"
tasks() { find /proc/$pid/task -mindepth 1 -maxdepth 1 | wc -l; }
eq "$(find /proc/$pid/fd -lname '*socket*' | wc -l)" 1 "sockets before the first fetch"
curl -sS --no-buffer --unix-socket "$TMP/sock" http://w/ >"$TMP/drip" &
client=$!
while kill -0 $client 2>/dev/null; do
	eq "$(tasks)" 1 "threads during a fetch by name"
	sleep 0.03
done
wait $client
eq "$(tr -d '\n' <"$TMP/drip")" 01234 "a body that passes through"
eq "$(tasks)" 1 "threads after it"
kill $pid
wait $pid || :

# --- what keeps a worker ---
eq "$(run "fetch('http://127.0.0.1:$http/drip').then((r) => console.log(r.status))")" 200 \
	"a worker whose response nobody reads"
eq "$(run "const drop = async () => void await fetch('http://127.0.0.1:$http/endless');
(async () => {
	await drop();
	const collector = setInterval(gc, 10);
	console.log(await (await fetch('http://127.0.0.1:$http/gone')).text());
	clearInterval(collector);
})()" --v8-options=--expose-gc)" yes "a response that nobody can read any more"
eq "$(run "$text (async () => { await text('http://127.0.0.1:$http/'); console.log('end'); })()")" end \
	"a worker with an idle connection"

# --- TLS ---
tls="$text (async () => console.log(await text('https://localhost:$https/')))()"
eq "$(run "$tls")" hello "TLS with the system's store"
eq "$(SSL_CERT_FILE=$TMP/ca.pem run "$tls")" hello "TLS with SSL_CERT_FILE"
matches "$(SSL_CERT_FILE=$TMP/server.key run "$tls")" "no certificates can be read from" "a store that is none"
matches "$(SSL_CERT_FILE=/nonexistent run "$tls")" "no certificates can be read from" "no store"
mkdir "$TMP/no-certs"
mount --bind "$TMP/no-certs" /etc/ssl/certs
matches "$(run "$tls")" "no certificate authorities are known" "a system without a store"
umount /etc/ssl/certs
openssl req -x509 -newkey rsa:2048 -nodes -config "$TMP/ca.cnf" -extensions ca -days 2 \
	-keyout "$TMP/other.key" -out "$TMP/other.pem" 2>"$TMP/openssl.err"
matches "$(SSL_CERT_FILE=$TMP/other.pem run "$tls")" "certificate problem.*ECERT" "an unknown authority"
matches "$(run "$text (async () => console.log(await text('https://127.0.0.1:$https/')))()")" \
	"no alternative certificate subject name matches.*ECERT" "another name"
eq "$(run "$text (async () => console.log(await text('https://localhost:$https/echo',
	{ method: 'POST', body: 'x'.repeat(1e6) }).then((t) => JSON.parse(t).body.length)))()")" 1000000 \
	"a large body over TLS"

# --- HTTP/2 ---
eq "$(run "(async () => {
	const url = 'https://localhost:$h2';
	const all = await Promise.all(Array.from({ length: 50 }, () => fetch(url + '/').then((r) => r.text())));
	console.log(all.filter((t) => t === 'hello h2\n').length);
	const r = await fetch(url + '/large');
	console.log(r.status, '[' + r.statusText + ']', (await r.text()).length);
	let n = 40;
	const body = new ReadableStream({ async pull(c) {
		if (n-- === 0)
			return c.close();
		if (n % 10 === 0)
			await new Promise((done) => setTimeout(done, 10));
		c.enqueue(new Uint8Array(50000).fill(65));
	} });
	const up = await fetch(url + '/', { method: 'POST', duplex: 'half', body });
	console.log((await up.text()).length);
	const slow = (await fetch(url + '/large')).body.getReader();
	let read = 0;
	for (;;) {
		const { done, value } = await slow.read();
		if (done)
			break;
		read += value.length;
		if (read % 5 === 0)
			await new Promise((next) => setTimeout(next, 2));
	}
	console.log(read);
})().catch((e) => console.log(e))")" "$(printf '50\n200 [] 3000000\n2000000\n3000000')" "HTTP/2"

# --- proxies ---
proxied="const t = async (url) => { try { return await (await fetch(url)).json(); } catch (e) { return { proxy: e.message }; } };
	(async () => console.log((await t('http://unknown.test/echo')).proxy))()"
for name in http_proxy HTTP_PROXY all_proxy ALL_PROXY; do
	eq "$(env $name="http://127.0.0.1:$http" "$A" -e "$proxied" 2>&1 | without_asan)" true "$name"
done
eq "$(http_proxy=localhost:$http run "$proxied")" true "a proxy by name, without a scheme"
matches "$(http_proxy=http://127.0.0.1:$http NO_PROXY=other,.test run "$proxied")" "could not resolve" "NO_PROXY"
matches "$(http_proxy=socks5://127.0.0.1:1 run "$proxied")" "of the kind 'socks5'" "a proxy of another kind"
eq "$(HTTPS_PROXY=http://127.0.0.1:$http run "$tls")" hello "TLS through a proxy"
eq "$(run "(async () => console.log((await (await fetch('http://127.0.0.1:$http/stats')).json()).connect))()")" \
	"localhost:$https" "what the proxy was asked for"

# --- clones: in a container that has one file, and no store of its own ---
export TURF_BASE_IMAGE=$TMP/base
base_image
timeout 120 "$B/aworker-loader" "$TMP/base" /nonexistent "$w/w.js" >"$TMP/out" 2>"$TMP/err" || :
same "base image" "$w"
turf seed start default
"$TURF" spec --bundle "$TMP/w"
in_container() { # in_container NAME MODE FILE
	edit "$TMP/w" '.process.terminal = false | .process.args = ["aworker", $f]
		| .process.env = ["TEST_MARK=\($m)"]
		| .linux.namespaces |= map(select(.type != "network"))' --arg f "$3" --arg m "$MARK"
	timeout 120 "$TURF" --root "$ROOT" run --warmfork "$2" -b "$TMP/w" "$MARK-$1" >"$TMP/out" 2>"$TMP/err" || :
}
mkdir "$TMP/w/rootfs/etc"
echo root >"$TMP/w/rootfs/etc/passwd"
cp "$TMP/hosts" "$TMP/resolv.conf" "$TMP/w/rootfs/etc/"
in_container clone require /w/w.js
same clone /w
echo "$tls" >"$w/tls.js"
in_container tls require /w/tls.js
eq "$(cat "$TMP/out" "$TMP/err")" hello "TLS in a container without a store"
in_container cold never /w/tls.js
matches "$(cat "$TMP/out" "$TMP/err")" "^hello$|no certificate authorities" "TLS in a cold container"
mkdir -p "$TMP/w/rootfs/etc/ssl/certs"
cp "$TMP/other.pem" "$TMP/w/rootfs/etc/ssl/certs/ca-certificates.crt"
in_container own require /w/tls.js
matches "$(cat "$TMP/out" "$TMP/err")" "certificate problem" "a container with a store of its own"

# --- state images ---
state=$TMP/state
cat >"$TMP/state.js" <<END
$text
let first;
const ready = text('https://localhost:$https/').then((t) => { first = t; });
addEventListener('serialize', (e) => e.waitUntil(ready));
addEventListener('fetch', (e) => e.respondWith((async () =>
	new Response(first + await text('https://localhost:$https/')))()));
END
"$A" --build-state="$state" "$TMP/state.js"
"$A" --state="$state" --listen="unix:$TMP/state.sock" "$TMP/state.js" 2>"$TMP/err" &
HELPERS+=($!)
await test -S "$TMP/state.sock"
eq "$(curl -sS --max-time 30 --unix-socket "$TMP/state.sock" http://h/)" hellohello "before and after a state image"
kill "${HELPERS[-1]}"
wait "${HELPERS[-1]}" || :
cat >"$TMP/kept.js" <<END
addEventListener('serialize', (e) => e.waitUntil(
	fetch('http://127.0.0.1:$http/endless').then((response) => { globalThis.kept = response; })));
addEventListener('fetch', () => {});
END
fails 'was not read' "$A" --build-state="$state.2" "$TMP/kept.js"
# Nobody can read what is garbage.
sed 's/globalThis.kept = response/response.status/' "$TMP/kept.js" >"$TMP/dropped.js"
"$A" --build-state="$state.2" "$TMP/dropped.js"
[ -s "$state.2" ] || fail "no state image of a worker that dropped a response"
