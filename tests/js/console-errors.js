// SPDX-License-Identifier: Apache-2.0
// Errors: stack, cause, own properties, changed messages.
// expect stderr: RangeError: shown
// expect stderr: console-errors.js:9
// expect stderr: [cause]: TypeError: inner
// expect stderr: code: 7
// expect stderr: Changed: new message
// expect stderr: { nested: { e: [Error: no stack] } }
const e = new RangeError('shown', { cause: new TypeError('inner') });
e.code = 7;
console.error(e);
const changed = new Error('old');
changed.name = 'Changed';
changed.message = 'new message';
console.error(changed);
const bare = new Error('no stack');
bare.stack = undefined;
console.error({ nested: { e: bare } });
console.error(new DOMException('dom', 'AbortError'));
// expect stderr: AbortError: dom
console.error(new AggregateError([new Error('one')], 'many'));
// expect stderr: [errors]: [
