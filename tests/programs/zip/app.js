// SPDX-License-Identifier: Apache-2.0
// Archives that are made while they are downloaded, and read while they are uploaded.
import { BlobReader, BlobWriter, TextReader, TextWriter, ZipReader, ZipReaderStream, ZipWriter, ZipWriterStream,
	configure } from '@zip.js/zip.js';

configure({ useWebWorkers: false });

const lastModDate = new Date(Date.UTC(2020, 1, 29));
const text = Array.from({ length: 5000 }, (_, i) => `line ${i * i}\n`).join('');
const hex = (data) => [...new Uint8Array(data)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function download() {
	const zip = new ZipWriterStream({ lastModDate, level: 0, zip64: false });
	(async () => {
		await new Blob([text]).stream().pipeTo(zip.writable('lines.txt'));
		await new Response('ü').body.pipeTo(zip.writable('folder/umlaut ü.txt'));
		await zip.close();
	})();
	return new Response(zip.readable, { headers: { 'Content-Type': 'application/zip' } });
}

async function unpack(stream) {
	const entries = [];
	for await (const { filename, readable } of stream.pipeThrough(new ZipReaderStream()))
		entries.push({ filename, sha256: hex(await crypto.subtle.digest('SHA-256', await new Response(readable).arrayBuffer())) });
	return Response.json(entries);
}

async function locked(password) {
	const writer = new ZipWriter(new BlobWriter('application/zip'), { lastModDate, password: 'pässword', encryptionStrength: 3 });
	await writer.add('a', new TextReader(text));
	await writer.add('b', new BlobReader(new Blob(['bytes ', new Uint8Array([0, 255])])), { level: 9, comment: 'why ☃' });
	const reader = new ZipReader(new BlobReader(await writer.close()));
	const read = [];
	try {
		for (const entry of await reader.getEntries())
			read.push([entry.filename, entry.comment, entry.uncompressedSize, hex(await crypto.subtle.digest('SHA-256',
				new TextEncoder().encode(await entry.getData(new TextWriter(), { password, checkSignature: true }))))]);
	} catch (e) {
		return new Response(e.message, { status: 403 });
	}
	return Response.json(read);
}

// From a stream to another, packed and unpacked on the way by the platform.
const round = (body, format) => new Response(body.pipeThrough(new CompressionStream(format))
	.pipeThrough(new DecompressionStream(format)));

export default {
	async fetch(request) {
		const { pathname, searchParams } = new URL(request.url);
		switch (pathname) {
		case '/download': return download();
		case '/unpack': return unpack(request.body ?? download().body);
		case '/locked': return locked(searchParams.get('password'));
		case '/round': return round(request.body, searchParams.get('format'));
		case '/wrong':
			return new ZipReader(new BlobReader(new Blob(['no archive']))).getEntries()
				.then(() => new Response('entries'), (e) => new Response(e.message, { status: 400 }));
		}
		return new Response(null, { status: 404 });
	},
};
