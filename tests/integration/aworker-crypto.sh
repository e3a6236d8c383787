#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Cryptography in copies of one process: keys that were there are there, and nothing random is
# drawn twice. All of them have one process id, each in a namespace of its own, as in containers:
# OpenSSL left to itself takes such copies for one process.
# shellcheck disable=SC2016 # jq and the inner shell have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_BASE_IMAGE=$TMP/base
base_image
state=$TMP/state

cat >"$TMP/w.js" <<-'END'
	const { subtle } = crypto;
	const data = new Uint8Array(20);
	const hex = (b) => [...new Uint8Array(b)].map((v) => v.toString(16).padStart(2, '0')).join('');
	const rsa = (name) => ({ name, modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' });
	const ec = (name) => ({ name, namedCurve: 'P-256' });
	const pss = { name: 'RSA-PSS', saltLength: 20 };
	const ecdsa = { name: 'ECDSA', hash: 'SHA-256' };
	const gcm = { name: 'AES-GCM', iv: new Uint8Array(12) };
	const kept = {};
	// What was used here has been brought up by the time the state is saved.
	onserialize = (e) => e.waitUntil((async () => {
		kept.pss = await subtle.generateKey(rsa('RSA-PSS'), false, ['sign', 'verify']);
		kept.oaep = await subtle.generateKey(rsa('RSA-OAEP'), false, ['encrypt', 'decrypt']);
		kept.ec = await subtle.generateKey(ec('ECDSA'), true, ['sign', 'verify']);
		kept.aes = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
		kept.parcel = await subtle.encrypt(gcm, kept.aes, data);
		kept.signature = await subtle.sign(pss, kept.pss.privateKey, data);
		await subtle.sign(ecdsa, kept.ec.privateKey, data);
	})());
	const routes = {
		kept: async () => [hex(await subtle.exportKey('raw', kept.ec.publicKey)),
			await subtle.verify(pss, kept.pss.publicKey, kept.signature, data),
			hex(await subtle.decrypt(gcm, kept.aes, kept.parcel)) === hex(data)],
		drawn: async () => [
			hex(await subtle.sign(pss, kept.pss.privateKey, data)),
			hex(await subtle.encrypt('RSA-OAEP', kept.oaep.publicKey, data)),
			hex(await subtle.sign(ecdsa, kept.ec.privateKey, data)),
			(await subtle.exportKey('jwk', (await subtle.generateKey(rsa('RSA-PSS'), true, ['sign'])).publicKey)).n,
			(await subtle.exportKey('jwk', (await subtle.generateKey(ec('ECDH'), true, ['deriveBits'])).publicKey)).x,
			(await subtle.exportKey('jwk', (await subtle.generateKey('Ed25519', true, ['sign'])).publicKey)).x,
			(await subtle.exportKey('jwk', (await subtle.generateKey('X448', true, ['deriveBits'])).publicKey)).x,
			(await subtle.exportKey('jwk', await subtle.generateKey({ name: 'AES-CBC', length: 128 }, true, ['encrypt']))).k,
		],
	};
	addEventListener('fetch', (e) => e.respondWith((async () =>
		new Response((await routes[new URL(e.request.url).pathname.slice(1)]()).map((v) => `${v}\n`).join('')))()));
END

# What is saved is a child of who saves it, so process 2.
alone=(unshare --pid --fork --kill-child --mount-proc)
second=("${alone[@]}" sh -c '"$@" & wait' sh)
answers() { # answers NAME: what one that goes on says, as files NAME.kept and NAME.drawn
	rm -f "$TMP/sock"
	"${second[@]}" "$B/aworker" --state="$state" --listen="unix:$TMP/sock" "$TMP/w.js" 2>"$TMP/err" &
	HELPERS+=($!)
	await test -S "$TMP/sock"
	for what in kept drawn; do
		curl -sS --max-time 30 --unix-socket "$TMP/sock" "http://h/$what" >"$TMP/$1.$what"
	done
	kill -9 "${HELPERS[-1]}"
	wait "${HELPERS[-1]}" 2>/dev/null || :
	[ "$(grep -c 'state image' "$TMP/err")" = 0 ] || fail "the state image: $(cat "$TMP/err")"
}

"${alone[@]}" "$B/aworker" --build-state="$state" "$TMP/w.js"
answers one
answers two
eq "$(cat "$TMP/one.kept")" "$(cat "$TMP/two.kept")" "keys of before"
eq "$(tail -n 2 "$TMP/one.kept")" "$(printf 'true\ntrue')" "they work"
eq "$(wc -l <"$TMP/one.drawn")" 8 "things that are drawn"
eq "$(cat "$TMP/one.drawn" "$TMP/two.drawn" | sort | uniq -d)" "" "what both have drawn"

# --- clones of one seed ---
dir=$TMP/bundle
mkdir -p "$dir/rootfs"
"$TURF" spec --bundle "$dir"
edit "$dir" '.process.terminal = false | .process.args = ["aworker", "w.js"]
	| .annotations = {"turf.noslate.dev/seed": "crypto"}
	| .process.env += ["TEST_MARK=\($m)"]' --arg m "$MARK"
cat >"$dir/rootfs/w.js" <<-'END'
	(async () => {
		const ec = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
		console.log((await crypto.subtle.exportKey('jwk', ec.publicKey)).x);
		const aes = await crypto.subtle.generateKey({ name: 'AES-CBC', length: 128 }, true, ['encrypt']);
		console.log((await crypto.subtle.exportKey('jwk', aes)).k);
	})();
END
"$TURF" seed start crypto
for n in 1 2 3; do
	turf run --warmfork require -b "$dir" "$MARK-$n" >>"$TMP/clones" </dev/null
done
"$TURF" seed stop --force crypto
eq "$(wc -l <"$TMP/clones")" 6 "keys of clones"
eq "$(sort "$TMP/clones" | uniq -d)" "" "keys that two clones have made"
