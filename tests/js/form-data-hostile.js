// SPDX-License-Identifier: Apache-2.0
// Multipart bodies that mean harm, or are merely odd.
(async () => {
	const type = { 'content-type': 'multipart/form-data; boundary=B' };
	const read = (body, headers = type) => new Response(body, { headers }).formData();
	const message = (p) => p.then((f) => `${[...f.keys()].length} entries`, (e) => `${e.name}: ${e.message}`);
	const part = (head, value) => `--B\r\n${head}\r\n\r\n${value}\r\n`;
	const field = (name, value) => part(`Content-Disposition: form-data; name="${name}"`, value);

	// Every byte of a file comes through, what looks like a boundary too.
	const all = Uint8Array.from({ length: 256 }, (_, i) => i);
	const form = new FormData();
	form.append('f', new File([all, '\r\n--B', '\r\n-', '--B--\r\n', all], 'a"\r\n\u00e9.bin', { type: 'a/b' }));
	form.append('na\nme', 'v\rw');
	form.append('empty', new File([], ''));
	const back = await new Response(form).formData();
	const file = back.get('f');
	console.log(file.name === 'a"\r\n\u00e9.bin', file.type, file.size); // expect: true a/b 527
	console.log((await file.bytes()).every((b, i, bytes) => i >= 256 || (b === i && bytes[i + 271] === i))); // expect: true
	console.log(JSON.stringify([...back.keys()]), JSON.stringify(back.get('na\r\nme'))); // expect: ["f","na\r\nme","empty"] "v\r\nw"
	console.log(back.get('empty').size, JSON.stringify(back.get('empty').name)); // expect: 0 ""

	// Odd, and common.
	console.log(await message(read(`\r\n\r\n${field('a', '')}--B--`))); // expect: 1 entries
	console.log(await message(read(`${field('a', '1')}--B--\r\nand what follows`))); // expect: 1 entries
	console.log(JSON.stringify((await read(`${field('a', '\r\n\r\n--C\r\n')}--B--`)).get('a'))); // expect: "\r\n\r\n--C\r\n"
	const utf8 = await read(`${field('\u00fc', '\u20ac')}--B--`);
	console.log(utf8.get('\u00fc')); // expect: €
	console.log((await read(`${field('__proto__', 'x')}--B--`)).get('__proto__')); // expect: x

	// A type is ASCII, or there is none.
	const typed = await read(`${part('Content-Disposition: form-data; name="a"; filename="b"\r\nContent-Type: a/\u00e4', '')}--B--`);
	console.log(JSON.stringify(typed.get('a').type)); // expect: ""

	// Headers so long and no longer.
	const long = part(`Content-Disposition: form-data; name="a"\r\nX: ${'x'.repeat(16384)}`, '1');
	console.log(await message(read(`${long}--B--`))); // expect: TypeError: The multipart body is malformed: the headers of a part are longer than 16384

	// Cut and broken.
	const whole = `${field('a', '1')}${part('Content-Disposition: form-data; name="f"; filename="x"', 'data')}--B--`;
	let accepted = 0;
	for (let i = 0; i < whole.length; i++)
		accepted += (await message(read(whole.slice(0, i)))).startsWith('TypeError') ? 0 : 1;
	console.log(accepted); // expect: 0
	for (const body of [`${field('a', '1')}--`, '--B\n', '--B--'.slice(0, 4), `--B \r\n${field('a', '1')}`, `x${whole}`,
		part('Content-Disposition : form-data; name="a"', '') + '--B--', part('Content-Disposition: form-data; name="a', '') + '--B--',
		part(': x', '') + '--B--', part('\0: x', '') + '--B--'])
		if (!(await message(read(body))).startsWith('TypeError'))
			console.log('accepted', JSON.stringify(body));
	console.log(await message(read(whole, { 'content-type': 'multipart/form-data; boundary="C D"' }))); // expect: TypeError: The multipart body is malformed: it does not start with the boundary

	// Megabytes that look like something take time by their length.
	const start = Date.now();
	for (const bait of ['\r\n--', '\r\n\r\n', '--B', '\r\n--B-', '"', ';'])
		await message(read(`--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n${bait.repeat(200000)}`));
	console.log(Date.now() - start < 20000); // expect: true
})();
