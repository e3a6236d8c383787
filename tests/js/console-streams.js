// SPDX-License-Identifier: Apache-2.0
// What goes to standard output and what to standard error.
// expect stderr: a warning
// expect stderr: an error
// expect stderr: Assertion failed: %s
// expect stderr: Assertion failed
// expect stderr: Trace: here 1
// expect stderr: console-streams.js
// expect stderr: Warning: Count for 'none' does not exist
// expect stderr: Warning: No such label 'none' for console.timeEnd()
// expect stderr: Warning: Label 't' already exists for console.time()
console.info('info'); // expect: info
console.debug('debug'); // expect: debug
console.warn('a warning');
console.error('an error');
console.assert(true, 'silent');
console.assert(false, '%s');
console.assert(false);
console.assert();
console.trace('here', 1);
console.count(); // expect: default: 1
console.count('x'); // expect: x: 1
console.count(); // expect: default: 2
console.countReset();
console.count(undefined); // expect: default: 1
console.countReset('none');
console.timeEnd('none');
console.time('t');
console.time('t');
console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 }); // expect: { a: [Object] }
console.dirxml({ a: 1 }, [2]); // expect: { a: 1 } [ 2 ]
console.group('outer', 1); // expect: outer 1
console.log('in'); // expect:   in
console.groupCollapsed();
console.log('two\nlines');
// expect:     two
// expect:     lines
console.groupEnd();
console.groupEnd();
console.groupEnd();
console.log('out'); // expect: out
console.log(Object.keys(console).length > 15, String(console), typeof console.clear); // expect: true [object console] function
const { log } = console;
log('unbound'); // expect: unbound
