// SPDX-License-Identifier: Apache-2.0
// What is no script: JSON by assertion, WebAssembly, text and bytes by name, as wrangler bundles them.
import data from './modules/data.json' assert { type: 'json' };
import add from './modules/add.wasm';
import text from './modules/text.txt';
import bytes from './modules/bytes.bin';

console.log(data.list); // expect: [ 1, 2 ]
console.log(add instanceof WebAssembly.Module); // expect: true
console.log(new WebAssembly.Instance(add).exports.add(20, 22)); // expect: 42
console.log(JSON.stringify(text)); // expect: "plain text\n"
console.log(bytes instanceof ArrayBuffer, new Uint8Array(bytes)[3]); // expect: true 255
console.log((await import('./modules/add.wasm?module')).default === add); // expect: true
const again = await import('./modules/data.json', { assert: { type: 'json' } });
console.log(again.default === data, Object.keys(again)); // expect: true [ 'default' ]
const tell = (error) => console.log(`${error.name}: ${error.message}`);
await import('./modules/data.json').catch(tell);
// expect: Error: Cannot import './modules/data.json': JSON has to be imported with assert { type: 'json' }
await import('./modules/text.txt', { assert: { type: 'css' } }).catch(tell);
// expect: TypeError: import assertion { type: 'css' } is not supported
await import('./modules/text.txt', { assert: { type: 'json' } }).catch((e) => console.log(e.name));
// expect: SyntaxError
