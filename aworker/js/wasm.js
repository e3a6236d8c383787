// SPDX-License-Identifier: Apache-2.0
// WebAssembly.compileStreaming() and instantiateStreaming() (WebAssembly Web API). The module is
// compiled when its last byte is there: with one thread there is nobody to compile it meanwhile.
'use strict';

const { promiseThen, PromiseReject, ReflectApply, hasOwn } = internals.primordials;
const { isObject, tag } = internals.webidl;
const S = internals.streams;

const TYPES = ['basic', 'cors', 'default'];
const BLANK_ENDS = /^[\t ]+|[\t ]+$/g;

// The bytes of a Response that may be a module.
function moduleBytes(response) {
	if (!internals.isResponse(response))
		throw new TypeError('The source of a WebAssembly module is not a Response');
	const state = internals.responseState(response);
	if (!TYPES.includes(state.type))
		throw new TypeError(`A Response of type '${state.type}' is no WebAssembly module`);
	if (state.status < 200 || state.status > 299)
		throw new TypeError(`A Response of status ${state.status} is no WebAssembly module`);
	const type = internals.headersGet(state.getHeaders(), 'content-type');
	if (type === null || type.replace(BLANK_ENDS, '').toLowerCase() !== 'application/wasm')
		throw new TypeError(`Content-Type is '${type ?? ''}', not 'application/wasm'`);
	if (state.body === null)
		return new Uint8Array(0);
	if (state.body.unusable)
		throw new TypeError('The body of the Response was read already, or is locked');
	return state.body.takeBytes();
}

// Where this engine is behind the standard and can be brought to it.
function correct({ Exception, Table }) {
	if (Exception && !hasOwn(Exception.prototype, Symbol.toStringTag))
		tag(Exception.prototype, 'WebAssembly.Exception');
	Object.defineProperty(Table.prototype.set, 'length', { value: 1, configurable: true });
}

let installed = false;

// A startup snapshot has no WebAssembly, so this is done in each process.
internals.installWasmStreaming = () => {
	if (installed || typeof WebAssembly !== 'object')
		return;
	installed = true;
	const namespace = WebAssembly;
	const { compile, instantiate } = namespace;
	const members = {
		compileStreaming(source) {
			return promiseThen(promiseThen(S.resolvedWith(source), moduleBytes),
				(bytes) => ReflectApply(compile, namespace, [bytes]));
		},
		instantiateStreaming(source, importObject = undefined) {
			if (importObject !== undefined && !isObject(importObject))
				return PromiseReject(new TypeError('instantiateStreaming: the imports are no object'));
			return promiseThen(promiseThen(S.resolvedWith(source), moduleBytes),
				(bytes) => ReflectApply(instantiate, namespace, [bytes, importObject]));
		},
	};
	correct(namespace);
	for (const name of Object.keys(members))
		Object.defineProperty(namespace, name,
			{ value: members[name], writable: true, enumerable: true, configurable: true });
};
