// SPDX-License-Identifier: Apache-2.0
// blob: URLs (File API, section 8). The store belongs to the process; a URL of another one, of this
// worker's seed too, means nothing here.
'use strict';

const { requireArguments, usvString } = internals.webidl;

const BLOB_URLS_MAX = 65536; // at a time

const store = new Map(); // URL without a fragment -> Blob

function originOf(base) {
	return base === '' ? 'null' : new internals.URL(base).origin;
}

const members = {
	createObjectURL(obj) {
		requireArguments(arguments.length, 1, 'URL.createObjectURL');
		if (!internals.isBlob(obj))
			throw new TypeError('URL.createObjectURL: the argument is not a Blob');
		if (store.size >= BLOB_URLS_MAX)
			throw new internals.DOMException(
				`URL.createObjectURL: more than ${BLOB_URLS_MAX} URLs are in use`,
				'QuotaExceededError');
		const url = `blob:${originOf(internals.baseUrl())}/${ops.randomUuid()}`;
		store.set(url, obj);
		return url;
	},
	revokeObjectURL(url) {
		requireArguments(arguments.length, 1, 'URL.revokeObjectURL');
		store.delete(usvString(url));
	},
};
for (const name of Object.keys(members))
	Object.defineProperty(internals.URL, name, Object.getOwnPropertyDescriptor(members, name));

// The Blob that a URL stands for, with or without a fragment; null when there is none.
internals.blobUrlLookup = (url) => {
	const hash = url.indexOf('#');
	return store.get(hash < 0 ? url : url.slice(0, hash)) ?? null;
};
