// SPDX-License-Identifier: Apache-2.0
// Blob and File.
(async () => {
	const b = new Blob(['aé', new Uint8Array([66, 67]), new Blob(['!'])], { type: 'Text/PLAIN' });
	console.log(b.size, b.type, await b.text()); // expect: 6 text/plain aéBC!
	console.log(new Blob().size, new Blob([1, {}]).size, new Blob(['x'], { type: 'é' }).type === ''); // expect: 0 16 true
	const s = b.slice(3, -1, 'X/y');
	console.log(s.size, s.type, await s.text(), await b.slice(-1).text(), b.slice(5, 2).size); // expect: 2 x/y BC ! 0
	console.log(b.slice(NaN, 1).size, b.slice(0, 1e9).size, b.slice(2).type === ''); // expect: 1 6 true
	console.log(new Blob(['a\r\nb\rc\nd'], { endings: 'native' }).size); // expect: 7
	console.log((await b.arrayBuffer()).byteLength, (await b.bytes()).length); // expect: 6 6
	let text = '';
	for await (const chunk of b.stream())
		text += new TextDecoder().decode(chunk, { stream: true });
	console.log(text); // expect: aéBC!
	const big = new Blob([new Uint8Array(200000)]);
	let total = 0;
	for await (const chunk of big.stream())
		total += chunk.length;
	console.log(total); // expect: 200000
	const f = new File(['x'], 'n/m', { lastModified: 5, type: 'a/b' });
	console.log(f.name, f.lastModified, f.size, f.type, f instanceof Blob); // expect: n/m 5 1 a/b true
	console.log(Math.abs(new File([], 'x').lastModified - Date.now()) < 60000); // expect: true
	const throws = (fn) => {
		try {
			fn();
			return 'nothing';
		} catch (e) {
			return e.name;
		}
	};
	const bad = [() => new Blob('text'), () => new Blob({}), () => new Blob(null), () => new Blob([], { endings: 'x' }),
		() => new File([]), () => new File('x', 'n'), () => Blob(), () => Blob.prototype.size, () => new Blob([Symbol('s')])];
	bad.forEach((fn) => throws(fn) === 'TypeError' || console.log('accepted', fn));
	console.log(String(b), String(f)); // expect: [object Blob] [object File]
})();
