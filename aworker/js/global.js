// SPDX-License-Identifier: Apache-2.0
// The global object: its prototype chain, self, navigator, location, and what happens to errors that
// nobody caught.
'use strict';

const { expose, defineGlobal, guardConstructor, secret, requireArguments } =
	internals.webidl;
const { EventTarget, ErrorEvent, PromiseRejectionEvent } = internals;
const { ReflectApply } = internals.primordials;

class WorkerGlobalScope extends EventTarget {
	constructor() {
		guardConstructor(arguments[0]);
		super();
	}
}

class ServiceWorkerGlobalScope extends WorkerGlobalScope {
	constructor() {
		guardConstructor(arguments[0]);
		super(secret);
	}
}

const LANGUAGES = Object.freeze(['en-US']);

class WorkerNavigator {
	#brand;

	constructor() {
		guardConstructor(arguments[0]);
	}

	get userAgent() {
		void this.#brand;
		return `aworker/${ops.version()}`;
	}

	get appCodeName() {
		void this.#brand;
		return 'Mozilla';
	}

	get appName() {
		void this.#brand;
		return 'Netscape';
	}

	get appVersion() {
		void this.#brand;
		return '5.0 (Linux)';
	}

	get platform() {
		void this.#brand;
		return 'Linux';
	}

	get product() {
		void this.#brand;
		return 'Gecko';
	}

	get hardwareConcurrency() {
		void this.#brand;
		return 1;
	}

	get language() {
		void this.#brand;
		return 'en-US';
	}

	get languages() {
		void this.#brand;
		return LANGUAGES;
	}
}

// --- location ---

let locationHref; // undefined: nobody has asked this process yet

// What relative URLs are resolved against; '' when there is no location.
internals.baseUrl = () => {
	if (locationHref === undefined) {
		const href = ops.workerLocation() || ops.workerFile();
		locationHref = href === '' ? '' : new internals.URL(href).href;
	}
	return locationHref;
};
internals.resetLocation = () => {
	locationHref = undefined;
};

class WorkerLocation {
	#brand;

	constructor() {
		guardConstructor(arguments[0]);
	}

	get href() {
		return this.#part('href');
	}

	get origin() {
		return this.#part('origin');
	}

	get protocol() {
		return this.#part('protocol');
	}

	get host() {
		return this.#part('host');
	}

	get hostname() {
		return this.#part('hostname');
	}

	get port() {
		return this.#part('port');
	}

	get pathname() {
		return this.#part('pathname');
	}

	get search() {
		return this.#part('search');
	}

	get hash() {
		return this.#part('hash');
	}

	toString() {
		return this.#part('href');
	}

	#part(name) {
		void this.#brand;
		const href = internals.baseUrl();
		return href === '' ? '' : new internals.URL(href)[name];
	}
}

expose(WorkerGlobalScope, ServiceWorkerGlobalScope, WorkerNavigator, WorkerLocation);
Object.setPrototypeOf(globalThis, ServiceWorkerGlobalScope.prototype);

const navigatorObject = new WorkerNavigator(secret);
const locationObject = new WorkerLocation(secret);
const attributes = {
	get self() {
		return globalThis;
	},
	set self(value) {
		defineGlobal('self', value);
	},
	get navigator() {
		return navigatorObject;
	},
	set navigator(value) {
		defineGlobal('navigator', value);
	},
	get location() {
		return internals.baseUrl() === '' ? undefined : locationObject;
	},
	set location(value) {
		defineGlobal('location', value);
	},
	get origin() {
		return internals.baseUrl() === '' ? 'null' : locationObject.origin;
	},
	set origin(value) {
		defineGlobal('origin', value);
	},
};
for (const name of Object.keys(attributes))
	Object.defineProperty(globalThis, name,
		{ ...Object.getOwnPropertyDescriptor(attributes, name), enumerable: false });
defineGlobal('isSecureContext', true);
defineGlobal('crossOriginIsolated', false);

// --- errors that nobody caught ---

// onerror is called with the parts of the event; returning true says that the error was handled.
function callOnError(handler, target, event) {
	if (!internals.isErrorEvent(event)) {
		if (ReflectApply(handler, target, [event]) === false)
			event.preventDefault();
		return;
	}
	const { message, filename, lineno, colno, error } = event;
	if (ReflectApply(handler, target, [message, filename, lineno, colno, error]) === true)
		event.preventDefault();
}
internals.defineHandler(globalThis, 'error', callOnError);
internals.defineHandler(globalThis, 'unhandledrejection');
internals.defineHandler(globalThis, 'rejectionhandled');

const FRAMES = /\(?([^\s()]+):(\d+):(\d+)\)?$/gm;

// The first frame of a stack that is not the platform's own.
function placeIn(stack) {
	if (typeof stack !== 'string')
		return null;
	FRAMES.lastIndex = 0;
	for (let found = FRAMES.exec(stack); found; found = FRAMES.exec(stack))
		if (!found[1].startsWith('aworker:'))
			return { filename: found[1], lineno: +found[2], colno: +found[3] };
	return null;
}

function placeOf(error, caller) {
	let stack;
	try {
		stack = error?.stack;
	} catch {
		stack = undefined;
	}
	return placeIn(stack) ?? placeIn(caller) ?? {};
}

function messageOf(error) {
	try {
		if (error instanceof Error || internals.isDOMException(Object(error)))
			return `Uncaught ${error.name}: ${error.message}`;
		return `Uncaught ${String(error)}`;
	} catch {
		return 'Uncaught exception';
	}
}

let reporting = false;
const giveUp = new Set(); // errors that go to C without asking listeners once more

// True when a listener of `error` took care of it. `caller` is a stack, for what has none itself.
internals.reportException = (error, caller) => {
	if (giveUp.delete(error) || reporting)
		return false;
	if (!internals.hasListeners(globalThis, 'error'))
		return false;
	reporting = true;
	try {
		const event = new ErrorEvent('error', {
			cancelable: true, message: messageOf(error), error, ...placeOf(error, caller),
		});
		return !internals.fire(globalThis, event);
	} finally {
		reporting = false;
	}
};

// For errors in callbacks that the platform itself calls: listeners first, then as an uncaught
// exception of the loop, which C prints.
internals.report = (error, caller = undefined) => {
	if (internals.reportException(error, caller))
		return;
	internals.startTimer(() => {
		giveUp.add(error);
		throw error;
	}, 0);
};

const PlatformError = Error;
const { reportError } = {
	reportError(e) {
		requireArguments(arguments.length, 1, 'reportError');
		internals.report(e, new PlatformError().stack);
	},
};
defineGlobal('reportError', reportError);

internals.reportRejection = (promise, reason) => {
	if (!internals.hasListeners(globalThis, 'unhandledrejection'))
		return false;
	return !internals.fire(globalThis, new PromiseRejectionEvent('unhandledrejection',
		{ promise, reason, cancelable: true }));
};

internals.rejectionHandled = (promise, reason) => {
	if (internals.hasListeners(globalThis, 'rejectionhandled'))
		internals.fire(globalThis, new PromiseRejectionEvent('rejectionhandled', { promise, reason }));
	return true;
};
