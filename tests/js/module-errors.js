// SPDX-License-Identifier: Apache-2.0
// What cannot be imported says why; what cannot be linked names the line.
const tell = (error) => console.log(`${error.name}: ${error.message}`);
await import('node:fs').catch(tell);
// expect: Error: Cannot import 'node:fs': it is a module of Node.js, which aworker has not: use a Web API, or give a replacement by --import-map or by an alias of the bundler
await import('stream/web').catch((e) => console.log(e.message.slice(0, 60)));
// expect: Cannot import 'stream/web': it is a module of Node.js, which
await import('npm:react').catch(tell);
// expect: Error: Cannot import 'npm:react': modules of 'npm:' are not fetched: bundle it into the file, or give a copy by --import-map
await import('@scope/package').catch(tell);
// expect: Error: Cannot import '@scope/package': it is neither a path (./x.js, /x.js) nor a file: URL nor a name of --import-map; bundle packages into the file
await import('./modules/none.js').catch((e) => console.log(e.message.replace(/open '.*'/, "open '...'")));
// expect: Cannot import './modules/none.js': open '...': No such file or directory
await import('./modules/bad-wasm.wasm').catch((e) => console.log(e.name)); // expect: CompileError
await import('./modules/bad-link.js').catch((e) => {
	console.log(e.message); // expect: The requested module './where.js' does not provide an export named 'nothing'
});
