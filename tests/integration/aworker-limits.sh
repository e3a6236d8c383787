#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Named limits of Web APIs that take too long to reach for the corpus, which also runs under the
# stress of garbage collection; and what a decompression bomb costs.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"

[ "$(id -u)" = 0 ] || skip "hack/cage needs root"
memory=$((1 << 30))

prints() { # prints NAME WANTED: what the script on standard input says
	cat >"$TMP/test.js"
	check "$1" "$2" "$(CAGE_MEMORY=$memory hack/cage "$A" "$TMP/test.js" 2>&1 | without_asan)"
}

prints 'parts of a multipart body' '10000 malformed: it has more than 10000 parts' <<'END'
const read = (parts) => new Response(
	'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'.repeat(parts) + '--B--',
	{ headers: { 'content-type': 'multipart/form-data; boundary=B' } }).formData();
const full = [...await read(10000)].length;
console.log(full, await read(10001).catch((e) => e.message.slice(e.message.indexOf('malformed'))));
END

prints 'blob: URLs' 'QuotaExceededError 65536 again' <<'END'
const urls = [];
try {
	for (;;)
		urls.push(URL.createObjectURL(new Blob()));
} catch (e) {
	URL.revokeObjectURL(urls[0]);
	console.log(e.name, urls.length, URL.createObjectURL(new Blob()) ? 'again' : '');
}
END

# A window of 8 MiB each; they are held, so that none is collected.
prints 'streams that are decompressed' 'RangeError: streams that are compressed or decompressed hold more than 256 MiB' <<'END'
const opens = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x68, 1, 0, 0]);
globalThis.held = [];
for (;;) {
	const stream = new DecompressionStream('zstd');
	held.push(stream);
	const read = stream.readable.getReader().read();
	await stream.writable.getWriter().write(opens).catch((e) => {
		console.log(String(e));
		throw read.catch(() => {});
	}).catch(() => held.push('end'));
	if (held.includes('end') || held.length > 100)
		break;
}
held = null;
END

# A gibibyte out of next to nothing, where it has no room.
[ $asan = yes ] || memory=$((160 << 20))
for format in gzip brotli zstd; do
	prints "a bomb of $format" '1073741824 true' <<END
const zeros = new Uint8Array(1 << 20);
const bomb = new Uint8Array(await new Response(ReadableStream.from(Array(1024).fill(zeros))
	.pipeThrough(new CompressionStream('$format'))).arrayBuffer());
let total = 0;
let peak = 0;
for await (const chunk of new Blob([bomb]).stream().pipeThrough(new DecompressionStream('$format'))) {
	total += chunk.length;
	peak = Math.max(peak, chunk.length);
}
console.log(total, peak <= 65536);
END
done

# --- limits of memory and processor time: limits.sh reaches each of them ---
ends_with() { # ends_with NAME CODE SENTENCE ARG...
	local name=$1 code=$2 sentence=$3 rc=0

	shift 3
	CAGE_MEMORY=$((1 << 30)) hack/cage timeout 60 "$A" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || rc=$?
	check "$name" "$code $sentence" "$rc $(without_asan <"$TMP/err" | grep -F -- "$sentence" | head -n 1)"
}
for time in '' 0s 5 1.5s -1s 10000h; do
	for option in task cpu; do
		ends_with "--$option-limit '$time'" 2 \
			"aworker: option --$option-limit: '$time' is not a duration from 1ms to 9999h, such as 5s" \
			"--$option-limit=$time" -e 1
	done
done
for size in '' 0 64Mi -1 1025G; do
	for option in heap stack; do
		ends_with "--$option-limit '$size'" 2 \
			"aworker: option --$option-limit: '$size' is not a number of bytes, at most 1024G" \
			"--$option-limit=$size" -e 1
	done
done
ends_with '--stack-limit 63K' 2 "aworker: option --stack-limit: '63K' is less than 65536" --stack-limit 63K -e 1
depth='let n = 0; try { (function f() { n++; f(); })(); } catch (e) { console.log(e.name, n > 1e5, n > 1e4, n > 500); }'
prints 'a stack as it is' 'RangeError true true true' <<<"$depth"
check 'the smallest stack' 'RangeError false false true' "$("$A" --stack-limit 64K -e "$depth" 2>&1 | without_asan)"
check 'a stack of a megabyte' 'RangeError false true true' "$("$A" --stack-limit 1M -e "$depth" 2>&1 | without_asan)"
check 'more than there is' 'RangeError true true true' "$("$A" --stack-limit 1G -e "$depth" 2>&1 | without_asan)"
ends_with 'many tasks, none of them long' 0 '' --task-limit 1s -e '
	let n = 0;
	const id = setInterval(() => {
		for (const until = performance.now() + 20; performance.now() < until;);
		if (++n === 75)
			clearInterval(id);
	}, 0);'
ends_with 'waiting takes no time' 0 '' --task-limit 300ms --cpu-limit 20s -e \
	'await new Promise((done) => setTimeout(done, 700))'
while read -r name code; do
	ends_with "a task without end: $name" 6 \
		'[eval]: a task takes more than 200 ms of processor time, its limit' --task-limit 200ms -e "$code"
done <<'END'
key await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 9e6 }, await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']), 256)
search 'a'.repeat(1e7).lastIndexOf('a'.repeat(1e5) + 'b')
number let x = 3n ** 100000n; for (let i = 0; i < 12; i++) x *= x; String(x)
END
ends_with 'the place of a task without end' 6 \
	'[eval]:1:20: a task takes more than 200 ms of processor time, its limit' --task-limit 200ms \
	-e 'setTimeout(() => { for (;;) ; })'
check 'its stack' '    at [eval]:1:20' "$(without_asan <"$TMP/err" | sed -n 2p)"
ends_with 'the lower one of two times' 7 '[eval]:1:1: the worker has used 200 ms of processor time, its limit' \
	--task-limit 60s --cpu-limit 200ms -e 'for (;;);'
mkdir "$TMP/reports"
check 'a report of it' 1 "$("$A" --report "$TMP/reports" --task-limit 200ms -e 'for (;;);' 2>/dev/null
	grep -l 'a task takes more than 200 ms' "$TMP"/reports/* | wc -l)"

verdict
