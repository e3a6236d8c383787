// SPDX-License-Identifier: Apache-2.0
// FormData: entries, files, and the way through multipart and urlencoded bodies.
const f = new FormData();
f.append('a', '1');
f.append('a', 2);
f.append('file', new Blob(['data'], { type: 'text/x' }), 'näme".txt');
f.append('blob', new Blob(['b']));
console.log(f.get('a'), f.getAll('a').join(), f.get('none'), f.has('file')); // expect: 1 1,2 null true
console.log(f.get('file') instanceof File, f.get('file').name, f.get('blob').name); // expect: true näme".txt blob
f.set('a', 'x');
f.delete('blob');
console.log([...f.keys()].join()); // expect: a,file
f.append('lines', 'one\ntwo\r\nthree');
const throws = (fn) => {
	try {
		fn();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(throws(() => f.append('x', 'text', 'name')), throws(() => new FormData({})), throws(() => f.append('x'))); // expect: TypeError TypeError TypeError
(async () => {
	const r = new Response(f);
	const type = r.headers.get('content-type');
	console.log(type.startsWith('multipart/form-data; boundary=')); // expect: true
	const back = await r.formData();
	console.log([...back.keys()].join(), back.get('a')); // expect: a,file,lines x
	const file = back.get('file');
	console.log(file.name, file.type, await file.text()); // expect: näme".txt text/x data
	console.log(JSON.stringify(back.get('lines'))); // expect: "one\r\ntwo\r\nthree"
	const url = new Response('a=1&b=%C3%A4+x', { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
	const form = await url.formData();
	console.log(form.get('a'), form.get('b')); // expect: 1 ä x
	const multipart = (text) => new Response(text, { headers: { 'content-type': 'multipart/form-data; boundary=B' } }).formData();
	const one = await multipart('--B\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n--B--\r\n');
	console.log(one.get('k')); // expect: v
	console.log([...await multipart('--B--')].length); // expect: 0
	const name = (p) => p.then(() => 'nothing', (e) => e.name);
	const bad = ['', 'x', '--B\r\n', '--B\r\nContent-Disposition: form-data; name="k"\r\n\r\nv',
		'--B\r\nX: y\r\n\r\nv\r\n--B--', '--B\r\nContent-Disposition: form-data\r\n\r\nv\r\n--B--',
		'--B\r\nbad line\r\n\r\nv\r\n--B--', '--Bx'];
	for (const text of bad)
		if (await name(multipart(text)) !== 'TypeError')
			console.log('accepted', JSON.stringify(text));
	const part = (d) => multipart(`--B\r\nContent-Disposition: ${d}\r\n\r\nv\r\n--B--`);
	console.log((await part('Form-Data;name=plain ;\tfilename="f;=.txt"')).get('plain ').name); // expect: f;=.txt
	for (const d of ['form-data; name', 'form-data; ="x"', 'form-data; name="x', 'form-data; name="x" y',
		'form-datax; name=x', 'attachment; name=x', `form-data; name=b${' '.repeat(100000)}"`])
		if (await name(part(d)) !== 'TypeError')
			console.log('accepted', d.slice(0, 40));
	// A run of blanks takes time by its length, not by its square.
	console.log((await part(`form-data; name=b${' '.repeat(16000)}c"`).catch((e) => e)).name); // expect: TypeError
	const none = new Response('x', { headers: { 'content-type': 'multipart/form-data' } });
	console.log(await name(none.formData())); // expect: TypeError
})();
