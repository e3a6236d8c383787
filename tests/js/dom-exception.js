// SPDX-License-Identifier: Apache-2.0
// DOMException: names, codes, constants, shape.
const e = new DOMException('msg', 'NotFoundError');
console.log(e.name, e.message, e.code, String(e)); // expect: NotFoundError msg 8 NotFoundError: msg
console.log(e instanceof Error, e instanceof DOMException); // expect: true true
console.log(new DOMException().name, new DOMException().message === '', new DOMException().code); // expect: Error true 0
console.log(DOMException.ABORT_ERR, e.DATA_CLONE_ERR, DOMException.VALIDATION_ERR); // expect: 20 25 16
console.log(DOMException.prototype.INDEX_SIZE_ERR); // expect: 1
const names = ['IndexSizeError', 'HierarchyRequestError', 'InvalidCharacterError', 'NotSupportedError',
	'InvalidStateError', 'SyntaxError', 'InvalidAccessError', 'TypeMismatchError', 'SecurityError',
	'NetworkError', 'AbortError', 'QuotaExceededError', 'TimeoutError', 'DataCloneError'];
console.log(names.map((n) => new DOMException('', n).code).join()); // expect: 1,3,5,9,11,12,15,17,18,19,20,22,23,25
console.log(new DOMException('', 'EncodingError').code, new DOMException('', 'toString').code); // expect: 0 0
console.log(typeof e.stack, e.stack.includes('dom-exception.js')); // expect: string true
console.log(Object.prototype.toString.call(e)); // expect: [object DOMException]
console.log(Object.getOwnPropertyNames(e).join()); // expect: stack
console.log(Object.getOwnPropertyDescriptor(DOMException, 'ABORT_ERR').writable); // expect: false
try {
	Object.getOwnPropertyDescriptor(DOMException.prototype, 'code').get.call({});
} catch (err) {
	console.log(err.name); // expect: TypeError
}
console.log(Object.keys(DOMException).slice(0, 4).join()); // expect: INDEX_SIZE_ERR,DOMSTRING_SIZE_ERR,HIERARCHY_REQUEST_ERR,WRONG_DOCUMENT_ERR
