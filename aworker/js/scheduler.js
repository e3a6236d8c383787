// SPDX-License-Identifier: Apache-2.0
// scheduler.wait(), as Cloudflare Workers have it: a promise for a timer, which a signal can end.
'use strict';

const {
	shape, secret, guardConstructor, requireArguments, integer, dictionary, defineGlobal,
} = internals.webidl;
const { PromiseReject } = internals.primordials;

function asSignal(signal) {
	if (signal !== undefined && !internals.isAbortSignal(signal))
		throw new TypeError('wait: options.signal is not an AbortSignal');
	return signal;
}

function timerPromise(ms, signal) {
	return new Promise((resolve, reject) => {
		let onAbort = null;
		const id = internals.startTimer(() => {
			if (onAbort)
				internals.removeAbortAlgorithm(signal, onAbort);
			resolve();
		}, ms);
		if (!signal)
			return;
		onAbort = () => {
			internals.stopTimer(id);
			reject(signal.reason);
		};
		internals.addAbortAlgorithm(signal, onAbort);
	});
}

class Scheduler {
	#brand;

	constructor() {
		guardConstructor(arguments[0]);
	}

	wait(delay, options = undefined) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'wait');
		const ms = Math.max(0, integer(delay, 64, true));
		const signal = asSignal(dictionary(options).signal);
		return signal?.aborted ? PromiseReject(signal.reason) : timerPromise(ms, signal);
	}
}

shape(Scheduler);
defineGlobal('scheduler', new Scheduler(secret));
