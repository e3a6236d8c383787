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
memory=$((160 << 20))
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

verdict
