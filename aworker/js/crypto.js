// SPDX-License-Identifier: Apache-2.0
// crypto.getRandomValues() and randomUUID(), atob() and btoa().
'use strict';

const { expose, defineGlobal, guardConstructor, secret, domString, requireArguments } =
	internals.webidl;
const { viewTag, isView, typedByteLength } = internals.primordials;
const { DOMException } = internals;

const RANDOM_BYTES_MAX = 65536; // in one call, as the standard has it
const INTEGER_ARRAYS = [
	'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array',
	'Uint32Array', 'BigInt64Array', 'BigUint64Array',
];

class Crypto {
	#brand;

	constructor() {
		guardConstructor(arguments[0]);
	}

	get subtle() {
		void this.#brand;
		return internals.subtleCrypto;
	}

	getRandomValues(array) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'getRandomValues');
		if (!isView(array))
			throw new TypeError('getRandomValues: the argument is not a view of an ArrayBuffer');
		if (!INTEGER_ARRAYS.includes(viewTag(array)))
			throw new DOMException('getRandomValues: the view is not of integers',
				'TypeMismatchError');
		if (typedByteLength(array) > RANDOM_BYTES_MAX)
			throw new DOMException(
				`getRandomValues: ${typedByteLength(array)} bytes are more than ${RANDOM_BYTES_MAX}`,
				'QuotaExceededError');
		ops.randomFill(array);
		return array;
	}

	randomUUID() {
		void this.#brand;
		return ops.randomUuid();
	}
}

expose(Crypto);
defineGlobal('crypto', new Crypto(secret));

const ABOVE_BYTE = /[^\0-\xff]/;

const base64 = {
	atob(data) {
		requireArguments(arguments.length, 1, 'atob');
		const s = domString(data);
		const bytes = ABOVE_BYTE.test(s) ? undefined : ops.base64Decode(s);
		if (bytes === undefined)
			throw new DOMException('atob: the string is not base64', 'InvalidCharacterError');
		return bytes;
	},
	btoa(data) {
		requireArguments(arguments.length, 1, 'btoa');
		const s = domString(data);
		if (ABOVE_BYTE.test(s))
			throw new DOMException('btoa: the string has a character above U+00FF',
				'InvalidCharacterError');
		return ops.base64Encode(s);
	},
};
defineGlobal('atob', base64.atob);
defineGlobal('btoa', base64.btoa);
