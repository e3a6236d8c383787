// SPDX-License-Identifier: Apache-2.0
// import.meta of the main file and of an imported one; a file is one module whatever it is called.
import { meta } from './modules/where.js';
import * as one from './modules/../modules/where.js';

console.log(import.meta.main, meta.main); // expect: true false
console.log(Object.keys(meta).join()); // expect: url,main,filename,dirname,resolve
console.log(meta.url === new URL('modules/where.js', import.meta.url).href); // expect: true
console.log(meta.filename === `${import.meta.dirname}/modules/where.js`); // expect: true
console.log(meta.dirname === `${import.meta.dirname}/modules`); // expect: true
console.log(meta.resolve('../a b.js') === new URL('a%20b.js', import.meta.url).href); // expect: true
console.log(meta.resolve('file:///x/../y.js')); // expect: file:///y.js
console.log((await import(meta.url)).count, (await import(meta.filename)) === one); // expect: 1 true
for (const bad of ['react', 'file://host/x.js', 'node:fs', ''])
	try {
		meta.resolve(bad);
	} catch (error) {
		console.log(error.name, error.message.slice(0, 43));
	}
// expect: TypeError import.meta.resolve: it is neither a path (
// expect: TypeError import.meta.resolve: 'file://host/x.js' nam
// expect: TypeError import.meta.resolve: it is a module of Node
// expect: TypeError import.meta.resolve: it is neither a path (
