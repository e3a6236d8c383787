#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Caches on disk (--cache): what outlives a worker, what several share, limits, a full disk, files
# that are damaged or hostile, and workers that go on from images.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
cache=$TMP/cache

# What all scripts begin with; the script is on standard input.
cat >"$TMP/head.js" <<-'END'
	const failure = (e) => `${e.name}: ${e.message}`;
	const url = (path) => `http://h/${path}`;
	const put = (c, path, body, headers = {}) =>
		c.put(url(path), new Response(body, { headers })).then(() => 'put', failure);
	const get = async (c, path) => {
		const found = await c.match(url(path));
		return found ? found.text().catch(failure) : 'nothing';
	};
	const bytes = (length, step) => new Uint8Array(length).map((_, i) => (i * step) >> 3);
	const sum = (body) => body.reduce((a, b) => (a * 31 + b) % 1000003, 7);
END
js() { # js [OPTION]...: output and errors together
	cat "$TMP/head.js" - >"$TMP/w.mjs"
	timeout -s KILL 100 "$B/aworker" "$@" "$TMP/w.mjs" 2>&1 | without_asan
}
on() { # on DIRECTORY [OPTION]...
	local dir=$1

	shift
	js --cache "$dir" "$@"
}
files() {
	find "$1" -name '0*-*-*' -path '*/c-*/*' | sort
}

# --- what is there outlives the worker ---
eq "$(on "$cache" <<-'END'
	const c = await caches.open('../../outside\0');
	console.log(await put(c, 'small', 'hello', { 'x-a': 'b' }), await put(c, 'large', bytes(1e6, 7)));
	await put(caches.default, 'd', 'default');
END
)" 'put put' 'putting'
eq "$(on "$cache" <<-'END'
	const [name] = await caches.keys();
	const c = await caches.open(name);
	console.log(JSON.stringify(name), (await c.keys()).map((r) => r.url).join());
	const small = await c.match(url('small'));
	console.log(small.headers.get('x-a'), await small.text(), await get(caches.default, 'd'));
	const large = await (await c.match(url('large'))).bytes();
	console.log(large.length, sum(large) === sum(bytes(1e6, 7)));
END
)" '"../../outside\u0000" http://h/small,http://h/large
b hello default
1000000 true' 'after a restart'
[ -z "$(find "$TMP" -name '*outside*')" ] || fail "the name of a cache is the name of a file"
eq "$(find "$cache" -name 't-*' -o -name 'd-*')" '' 'what is left of writing'
eq "$(stat -c %a "$cache" "$cache/lock" | tr '\n' ' ')" '700 600 ' 'modes'

# --- damage ---
fresh() { # a cache with one entry of three blocks and one of a few bytes
	rm -rf "$cache"
	on "$cache" <<-'END' >/dev/null
		const c = await caches.open('c');
		await put(c, 'small', 'hello');
		await put(c, 'large', bytes(150000, 3));
	END
	small=$(files "$cache" | sed -n 1p)
	large=$(files "$cache" | sed -n 2p)
}
look() {
	on "$cache" <<-'END'
		const c = await caches.open('c');
		const large = await get(c, 'large');
		console.log(await get(c, 'small'), large.length < 200 ? large : large.length > 100000);
	END
}
again() { # it can be put anew, and is whole then
	eq "$(on "$cache" <<-'END'
		const c = await caches.open('c');
		console.log(await put(c, 'small', 'again'), await put(c, 'large', 'again'),
			await get(c, 'small'), await get(c, 'large'), (await c.keys()).length);
	END
	)" 'put put again again 2' "$1, put anew"
}
fresh
eq "$(look)" 'hello true' 'nothing is damaged'
for at in 0 9 17 33 41 60; do
	fresh
	printf '\377' | dd of="$small" bs=1 seek=$at conv=notrunc status=none
	eq "$(look)" 'nothing true' "a byte of a small one, at $at"
	[ ! -e "$small" ] || fail "a damaged file is kept"
done
again 'a damaged byte'
fresh
truncate -s -1 "$large"
truncate -s +1 "$small"
eq "$(look)" 'nothing nothing' 'files of another length'
again 'files of another length'
fresh
truncate -s 0 "$large"
truncate -s 100000000 "$small"
eq "$(look)" 'nothing nothing' 'nothing in a file, too much'
fresh
printf 'x' | dd of="$large" bs=1 seek=100000 conv=notrunc status=none
eq "$(look)" 'hello TypeError: cache: the file of the entry is damaged' 'a byte behind the first block'
fresh
mv "$large" "$TMP/kept"
cp "$small" "$large"
eq "$(look)" 'hello nothing' 'a file under the name of another one'

# --- what is no file of ours ---
fresh
echo secret >"$TMP/secret"
rm "$small" "$large"
ln -s "$TMP/secret" "$small"
mkfifo "$large"
eq "$(look)" 'nothing nothing' 'a link and a FIFO'
again 'a link and a FIFO'
eq "$(cat "$TMP/secret")" secret 'where the link led to'
fresh
rm "$small" "$large"
mkdir "$small"
ln -s /dev/zero "$large"
echo junk >"$cache/c-junk"
echo junk >"$(dirname "$small")/junk"
mkdir "$cache/c-00000000000z-00000000000000000000000000000000"
eq "$(look)" 'nothing nothing' 'a directory, a device, junk'
fresh
folder=$(dirname "$small")
mv "$folder" "$TMP/folder"
ln -s "$TMP/folder" "$folder"
eq "$(look)" 'nothing nothing' 'a cache that is a link'
ls "$TMP/folder"/0* >/dev/null || fail "what the link of a cache led to is gone"
rm -rf "$cache"
mkdir "$cache"
ln -s "$TMP/secret" "$cache/lock"
refused() { # refused CODE SENTENCE OPTION...
	local wanted=$1 said=$2

	shift 2
	code "$wanted" "$B/aworker" "$@" -e 1 2>"$TMP/err"
	eq "$(without_asan <"$TMP/err")" "aworker: $said" "$*"
}
refused 3 "--cache: $cache/lock: Too many levels of symbolic links" --cache "$cache"
rm -rf "$cache"

# --- directories that are of no use ---
refused 3 "--cache: $TMP/secret: Not a directory" --cache "$TMP/secret"
mkdir "$TMP/ro"
mount --bind "$TMP/ro" "$TMP/ro"
mount -o remount,bind,ro "$TMP/ro"
refused 3 "--cache: $TMP/ro/lock: Read-only file system" --cache "$TMP/ro"
umount "$TMP/ro"
for size in 12X 0 -1 1025G 99999999999999999999 1K1 ''; do
	refused 2 "option --cache-size: '$size' is not a number of bytes, at most 1024G" \
		--cache-size="$size"
done

# --- limits ---
eq "$(on "$cache" --cache-size 1M <<-'END'
	const c = await caches.open('c');
	const said = [];
	for (let i = 0; i < 5; i++)
		said.push(await put(c, i, bytes(250000, i)));
	console.log(said.join('\n'));
	console.log(await put(c, 'whole', bytes(1 << 20, 1)));
	console.log((await c.keys()).length, await put(c, 0, 'less'), await put(c, 4, bytes(150000, 4)));
	await caches.delete('c');
	const other = await caches.open('c');
	console.log(await put(other, 'a', bytes(1 << 20, 1)));
	console.log(await put(other, 'a', bytes(900000, 1)));
	console.log(await put(caches.default, 'd', bytes(500000, 1)));
	console.log(await put(c, 'b', new Response().body), await put(c, 'c', bytes(50000, 1)));
END
)" 'put
put
put
put
QuotaExceededError: cache: there is no room for the entry
QuotaExceededError: cache: there is no room for the entry
4 put put
QuotaExceededError: cache: the entry is too large
put
QuotaExceededError: cache: there is no room for the entry
InvalidStateError: cache: it was deleted InvalidStateError: cache: it was deleted' 'bytes'
rm -rf "$cache"
for where in "--cache $cache" ''; do
	# shellcheck disable=SC2086 # an option and its value
	eq "$(js $where <<-'END'
		const c = await caches.open('x'.repeat(1024));
		console.log(await caches.open('x'.repeat(1025)).catch(failure));
		console.log(await put(c, 'a', 'b', { a: 'x'.repeat(50000) }));
		for (let i = 1; i < 128; i++)
			await caches.open(`${i}`);
		console.log(await caches.open('128').catch(failure), (await caches.keys()).length);
		await caches.delete('1');
		await caches.open('128');
	END
	)" 'QuotaExceededError: cache: a name has at most 1024 characters
QuotaExceededError: cache: the headers are more than 49152 bytes or 1024 strings
QuotaExceededError: cache: at most 128 caches 128' "names, headers, caches: $where"
done
rm -rf "$cache"

# --- a full disk ---
mkdir "$cache"
mount -t tmpfs -o size=600k,mode=700 "$MARK" "$cache"
eq "$(on "$cache" <<-'END'
	const c = await caches.open('c');
	console.log(await put(c, 'a', bytes(300000, 1)));
	console.log(await put(c, 'a', bytes(400000, 2)));
	console.log(await put(c, 'b', 'small'), (await get(c, 'a')).length > 100000, await get(c, 'b'));
	for (let i = 0; i < 3; i++)
		console.log(await put(caches.default, i, bytes(200000, 2)));
	console.log(await get(caches.default, 0), (await c.keys()).length);
END
)" 'put
QuotaExceededError: cache: there is no room for the entry
put true small
put
put
put
nothing 2' 'a full disk'
eq "$(find "$cache" -name 't-*')" '' 'what is left on a full disk'
umount "$cache"
rmdir "$cache"

# --- several at a time ---
cat >"$TMP/many.js" <<-'END'
	(async () => {
		for (let round = 0; round < 60; round++) {
			const c = await caches.open(`c${round % 3}`);
			const body = new Uint8Array(70000 + round).fill(me + round);
			await c.put('http://h/same', new Response(body));
			await c.put(`http://h/${me}/${round % 5}`, new Response(body));
			const found = await c.match('http://h/same');
			if (found) {
				const got = await found.bytes();
				if (got.length < 70000 || got.some((b) => b !== got[0]))
					throw new Error('a mixture');
			}
			if (round % 20 === 19)
				await caches.delete(`c${(round + me) % 3}`).catch(() => {});
		}
		console.log('done');
	})().catch((e) => {
		// Another one has deleted what this one was about to complete.
		console.log(e.name === 'InvalidStateError' ? 'done' : `${e.stack}`);
	});
END
for me in 1 2 3; do
	{
		echo "const me = $me;"
		cat "$TMP/many.js"
	} >"$TMP/many$me.js"
	timeout -s KILL 200 "$B/aworker" --cache "$cache" "$TMP/many$me.js" >"$TMP/out$me" 2>&1 &
	HELPERS+=($!)
	pids[me]=$!
done
for me in 1 2 3; do
	wait "${pids[me]}" || fail "one of several: $(without_asan <"$TMP/out$me")"
	eq "$(without_asan <"$TMP/out$me")" 'done' "one of several"
done
eq "$(on "$cache" <<-'END'
	for (const name of await caches.keys()) {
		const c = await caches.open(name);
		const keys = (await c.keys()).map((r) => r.url);
		if (new Set(keys).size !== keys.length)
			console.log('twice', keys);
		for (const r of await c.matchAll())
			await r.bytes();
	}
	console.log('whole');
END
)" whole 'what several have left'
eq "$(find "$cache" -name 't-*' -o -name 'd-*')" '' 'what several have left behind'

# --- one that is killed leaves nothing ---
cat >"$TMP/killed.js" <<-'END'
	(async () => {
		const c = await caches.open('killed');
		await c.put('http://h/1', new Response('1'));
		await caches.delete('killed');
		const d = await caches.open('rest');
		const endless = new ReadableStream({
			start(s) { s.enqueue(new Uint8Array(200000)); },
			pull: () => new Promise(() => { console.log('ready'); setInterval(() => c, 1000); }),
		});
		await d.put('http://h/2', new Response(endless));
	})();
END
"$B/aworker" --cache "$cache" "$TMP/killed.js" >"$TMP/out" 2>&1 &
HELPERS+=($!)
await grep -q ready "$TMP/out"
find "$cache" -name 't-*' | grep -q . || fail "nothing is being written"
find "$cache" -name 'd-*' | grep -q . || fail "a deleted cache that is in use is gone"
on "$cache" <<<'' || fail "a second one"
find "$cache" -name 't-*' | grep -q . || fail "what is being written was swept away"
find "$cache" -name 'd-*' | grep -q . || fail "what is in use was swept away"
kill -KILL "${HELPERS[-1]}"
wait "${HELPERS[-1]}" 2>/dev/null || :
on "$cache" <<<'' || fail "a third one"
eq "$(find "$cache" -name 't-*' -o -name 'd-*')" '' 'what a killed one has left'

# --- a process that holds the lock ---
(
	exec 9<"$cache/lock"
	flock 9
	exec sleep 1000
) &
HELPERS+=($!)
await sh -c "! flock -n '$cache/lock' true"
on "$cache" <<-'END' >"$TMP/out" &
	const c = await caches.open('rest');
	console.log(await get(c, 'none'));
END
HELPERS+=($!)
pid=$!
kill "${HELPERS[-2]}"
wait "$pid" || fail "one that waited for the lock"
eq "$(without_asan <"$TMP/out")" nothing 'after the lock'

# --- images ---
if [ "$(uname -m)" = x86_64 ]; then
	export TURF_BASE_IMAGE=$TMP/base
	base_image
	for where in "--cache $cache" ''; do
		cat >"$TMP/state.js" <<-'END'
			let c;
			addEventListener('serialize', (e) => e.waitUntil((async () => {
				c = await caches.open('state');
				await c.put('http://h/before', new Response('before'));
				await (await c.match('http://h/before')).text();
			})()));
			addEventListener('fetch', (e) => e.respondWith((async () => {
				await c.put('http://h/after', new Response(`after ${(await c.keys()).length}`));
				const found = [await c.match('http://h/before'), await c.match('http://h/after')];
				return new Response((await Promise.all(found.map((r) => r.text()))).join());
			})()));
		END
		# shellcheck disable=SC2086 # an option and its value
		"$B/aworker" --build-state="$TMP/state" $where "$TMP/state.js" || fail "no state: $where"
		for i in 1 2; do
			rm -f "$TMP/sock"
			# shellcheck disable=SC2086
			"$B/aworker" --state="$TMP/state" --listen="unix:$TMP/sock" $where "$TMP/state.js" \
				>"$TMP/out" 2>&1 &
			HELPERS+=($!)
			await test -S "$TMP/sock"
			got=$(curl -sS --max-time 30 --unix-socket "$TMP/sock" http://h/)
			kill "${HELPERS[-1]}"
			wait "${HELPERS[-1]}" || :
			# In memory each of them has its own.
			n=1
			[ -z "$where" ] || n=$i
			eq "$got" "before,after $n" "copy $i of a state, $where"
			eq "$(without_asan <"$TMP/out")" '' "what it said"
		done
		[ -z "$where" ] || rm -rf "$cache"
	done
	cat >"$TMP/open.js" <<-'END'
		addEventListener('serialize', (e) => e.waitUntil((async () => {
			const c = await caches.open('state');
			await c.put('http://h/large', new Response(new Uint8Array(200000)));
			globalThis.found = await c.match('http://h/large');
		})()));
		addEventListener('fetch', (e) => e.respondWith(new Response(found.body)));
	END
	eq "$("$B/aworker" --build-state="$TMP/state" --cache "$cache" "$TMP/open.js" 2>&1 | sed 's/.*: //')" \
		'a cached response was not read, or one is being cached' 'a state with a body that is open'
fi

# --- the corpus ---
corpus() { # corpus MODE [OPTION]
	local command="$B/aworker --cache $cache ${2:-}"

	rm -rf "$cache"
	AWORKER_COMMAND=$command B=$B tests/js/run "$1" tests/js/cache*.js || fail "the corpus: $*"
}
corpus snapshot
corpus snapshot --no-snapshot
corpus gc
