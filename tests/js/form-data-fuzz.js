// SPDX-License-Identifier: Apache-2.0
// Multipart bodies that were broken by chance, always the same ones: each is either refused by a
// TypeError, or what was read comes back when it is written and read again.
(async () => {
	let state = 0x9e3779b9;
	const random = (n) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % n;
	};
	const pick = (list) => list[random(list.length)];

	// A character is a byte.
	const field = (name, value) => `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
	const file = (name, filename, type, value) => `--B\r\nContent-Disposition: form-data; name="${name}"; ` +
		`filename="${filename}"\r\nContent-Type: ${type}\r\n\r\n${value}\r\n`;
	const seeds = [
		`${field('a', '1')}--B--`,
		`\r\n${field('a', '')}${field('a%22%0D%0A', 'x\r\ny')}--B--\r\nepilogue`,
		`${file('f', 'x.bin', 'a/b', '\0\x01\xff\r\n--C')}${field('\xc3\xa4', '\xe2\x82\xac')}--B--`,
		`${file('f', '', 'text/plain; charset=x', '')}--B--`,
		`--B\r\nX: y\r\nContent-Disposition:form-data;filename=a;name=b\r\n\r\n\r\n--B--`,
	];
	const words = ['\r\n', '\r', '\n', '--', '--B', '\r\n--B', '--B--', '\r\n\r\n', ';', '=', '"', '\\', ':', ' ', '\t',
		'\0', '%0D', '%0a', '%22', '%', '\xff', '\xef\xbb\xbf', '\xed\xa0\x80', 'name=', 'filename=', '; name="', '; filename="',
		'form-data', 'Content-Disposition: form-data', 'Content-Type: ', 'name*=utf-8\'\'a', '__proto__'];
	const changes = [
		(s, at) => s.slice(0, at) + pick(words) + s.slice(at),
		(s, at) => s.slice(0, at) + String.fromCharCode(random(256)) + s.slice(at + 1),
		(s, at) => s.slice(0, at) + s.slice(at + 1 + random(8)),
		(s, at) => s.slice(0, at) + s.slice(at, at + random(60)) + s.slice(at),
		(s, at) => s.slice(0, at) + pick(seeds).slice(random(40)),
		(s, at) => s.slice(0, at),
	];
	const mutate = () => {
		let s = pick(seeds);
		for (let n = random(4); n >= 0; n--)
			s = changes[random(random(8) ? 4 : 6)](s, random(s.length + 1));
		return s;
	};

	const encode = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0));
	const marks = ['B', 'B', 'B', 'B', 'B', 'B', '-', '""', '"B\\""'];
	const read = (body, mark) => new Response(body,
		{ headers: { 'content-type': `multipart/form-data; boundary=${mark}` } }).formData();
	// Line breaks of names and values are all written as CRLF, and a file without a type has one then.
	const lines = (s) => s.replace(/\r\n|\r|\n/g, '\r\n');
	const text = async (form) => JSON.stringify(await Promise.all([...form].map(async ([name, value]) =>
		typeof value === 'string' ? [lines(name), lines(value)] : [lines(name), value.name,
			value.type || 'application/octet-stream', [...await value.bytes()]])));

	// Fewer where the stress of garbage collection makes each a hundred times slower.
	const end = Date.now() + 5000;
	let rounds = 0, refused = 0, entries = 0, wrong = 0;
	for (; rounds < 3000 && (rounds < 100 || Date.now() < end); rounds++) {
		const body = mutate();
		const mark = pick(marks);
		let form;
		try {
			form = await read(encode(body), mark);
		} catch (e) {
			refused++;
			if (e.constructor !== TypeError && wrong++ < 5)
				console.log(String(e), mark, JSON.stringify(body));
			continue;
		}
		const first = await text(form);
		const second = await text(await new Response(form).formData());
		entries += [...form].length;
		if (first !== second && wrong++ < 5)
			console.log(mark, JSON.stringify(body), first, second);
	}
	console.log(wrong, refused > rounds / 10, entries > rounds / 50); // expect: 0 true true
})();
