// SPDX-License-Identifier: Apache-2.0
// Long objects over several lines, many elements in columns, limits.
console.log({ first: 'a long enough text', second: 'another long enough text', third: 'and one more text' });
// expect: {
// expect:   first: 'a long enough text',
// expect:   second: 'another long enough text',
// expect:   third: 'and one more text'
// expect: }
const long = 'some longer text that is to be shown';
console.log({ nested: { list: [long, long, 'x'] } });
// expect: {
// expect:   nested: {
// expect:     list: [
// expect:       'some longer text that is to be shown',
// expect:       'some longer text that is to be shown',
// expect:       'x'
// expect:     ]
// expect:   }
// expect: }
console.log(JSON.stringify(internalsAreHidden())); // expect: true
function internalsAreHidden() {
	return typeof internals === 'undefined' && typeof ops === 'undefined';
}
console.group('list');
console.log(101);
console.groupEnd();
// expect: list
// expect:   101
console.log(Array.from({ length: 8 }, (_, i) => i * 111));
// expect: [
// expect:     0, 111, 222, 333, 444, 555, 666, 777
// expect: ]
console.log({ toString() {
	throw new Error('never called');
} }); // expect: { toString: [Function: toString] }
