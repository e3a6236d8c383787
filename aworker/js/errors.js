// SPDX-License-Identifier: Apache-2.0
// DOMException, and the registry of platform objects that structuredClone() may copy.
'use strict';

const { expose, constants, domString, tag } = internals.webidl;

// name: [legacy code, legacy constant]
const NAMES = {
	__proto__: null,
	IndexSizeError: [1, 'INDEX_SIZE_ERR'],
	HierarchyRequestError: [3, 'HIERARCHY_REQUEST_ERR'],
	WrongDocumentError: [4, 'WRONG_DOCUMENT_ERR'],
	InvalidCharacterError: [5, 'INVALID_CHARACTER_ERR'],
	NoModificationAllowedError: [7, 'NO_MODIFICATION_ALLOWED_ERR'],
	NotFoundError: [8, 'NOT_FOUND_ERR'],
	NotSupportedError: [9, 'NOT_SUPPORTED_ERR'],
	InUseAttributeError: [10, 'INUSE_ATTRIBUTE_ERR'],
	InvalidStateError: [11, 'INVALID_STATE_ERR'],
	SyntaxError: [12, 'SYNTAX_ERR'],
	InvalidModificationError: [13, 'INVALID_MODIFICATION_ERR'],
	NamespaceError: [14, 'NAMESPACE_ERR'],
	InvalidAccessError: [15, 'INVALID_ACCESS_ERR'],
	TypeMismatchError: [17, 'TYPE_MISMATCH_ERR'],
	SecurityError: [18, 'SECURITY_ERR'],
	NetworkError: [19, 'NETWORK_ERR'],
	AbortError: [20, 'ABORT_ERR'],
	URLMismatchError: [21, 'URL_MISMATCH_ERR'],
	QuotaExceededError: [22, 'QUOTA_EXCEEDED_ERR'],
	TimeoutError: [23, 'TIMEOUT_ERR'],
	InvalidNodeTypeError: [24, 'INVALID_NODE_TYPE_ERR'],
	DataCloneError: [25, 'DATA_CLONE_ERR'],
};
// Constants that no name of today maps to.
const OLD_CONSTANTS = { DOMSTRING_SIZE_ERR: 2, NO_DATA_ALLOWED_ERR: 6, VALIDATION_ERR: 16 };

class DOMException {
	#message;
	#name;

	constructor(message = '', name = 'Error') {
		this.#message = domString(message);
		this.#name = domString(name);
		// As for an Error: `stack` is an own property that is not enumerable.
		Error.captureStackTrace(this, new.target);
	}

	get name() {
		return this.#name;
	}

	get message() {
		return this.#message;
	}

	get code() {
		return NAMES[this.#name]?.[0] ?? 0;
	}

	static {
		internals.isDOMException = (value) => #message in value;
	}
}

Object.setPrototypeOf(DOMException.prototype, Error.prototype);
expose(DOMException);
tag(DOMException.prototype, 'DOMException');
const codes = { ...OLD_CONSTANTS };
for (const name of Object.keys(NAMES))
	codes[NAMES[name][1]] = NAMES[name][0];
// In the order of their values, as Web IDL declares them.
constants(DOMException, Object.fromEntries(Object.entries(codes).sort((a, b) => a[1] - b[1])));

internals.DOMException = DOMException;

// Entries are [isInstance(object), clone(object)].
internals.cloneables = [[
	internals.isDOMException,
	(e) => {
		const copy = new DOMException(e.message, e.name);
		Object.defineProperty(copy, 'stack',
			{ value: e.stack, writable: true, configurable: true });
		return copy;
	},
]];
