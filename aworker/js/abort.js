// SPDX-License-Identifier: Apache-2.0
// AbortController and AbortSignal. A signal made by any() is held weakly by its sources until it
// gets a listener, so that a long-lived source does not collect dead dependents.
'use strict';

const {
	expose, guardConstructor, secret, integer, sequence, requireArguments,
} = internals.webidl;
const { EventTarget, Event, DOMException } = internals;

class SignalState {
	aborted = false;
	reason = undefined;
	algorithms = null;
	dependent = false;
	sources = null; // of a dependent one: the signals it follows
	dependents = null; // Map: id -> WeakRef or the signal itself
}

let nextDependent = 1;

class AbortSignal extends EventTarget {
	#state = new SignalState();

	constructor() {
		guardConstructor(arguments[0]);
		super();
	}

	static abort(reason = undefined) {
		const signal = new AbortSignal(secret);
		signal.#state.aborted = true;
		signal.#state.reason = orAbortError(reason);
		return signal;
	}

	static timeout(milliseconds) {
		requireArguments(arguments.length, 1, 'AbortSignal.timeout');
		const ms = integer(milliseconds, 64, false, { enforceRange: true }, 'milliseconds');
		const signal = new AbortSignal(secret);
		internals.startTimer(() => AbortSignal.#abort(signal,
			new DOMException('The operation timed out', 'TimeoutError')), ms, true);
		return signal;
	}

	static any(signals) {
		requireArguments(arguments.length, 1, 'AbortSignal.any');
		const list = sequence(signals, asSignal, 'signals');
		const signal = new AbortSignal(secret);
		const aborted = list.find((s) => s.#state.aborted);
		if (aborted) {
			signal.#state.aborted = true;
			signal.#state.reason = aborted.#state.reason;
			return signal;
		}
		signal.#state.dependent = true;
		signal.#follow(list);
		return signal;
	}

	get aborted() {
		return this.#state.aborted;
	}

	get reason() {
		return this.#state.reason;
	}

	throwIfAborted() {
		if (this.#state.aborted)
			throw this.#state.reason;
	}

	#follow(list) {
		const id = nextDependent++;
		const sources = new Set();
		for (const s of list) {
			if (s.#state.dependent)
				s.#state.sources.forEach((root) => sources.add(root));
			else
				sources.add(s);
		}
		this.#state.sources = sources;
		const weak = new WeakRef(this);
		sources.forEach((s) => AbortSignal.#dependentsOf(s).set(id, weak));
		internals.listenersOf(this).added = (type) => {
			if (type === 'abort')
				this.#keep(id);
		};
		this.#state.keep = () => this.#keep(id);
	}

	// Something waits for this signal: its sources must not lose it.
	#keep(id) {
		if (!this.#state.aborted)
			this.#state.sources.forEach((s) => s.#state.dependents.set(id, this));
	}

	static #dependentsOf(signal) {
		const map = (signal.#state.dependents ??= new Map());
		// Forget those that were collected, now and then.
		if (map.size >= 32 && (map.size & (map.size - 1)) === 0) {
			map.forEach((ref, id) => {
				if (ref instanceof WeakRef && ref.deref() === undefined)
					map.delete(id);
			});
		}
		return map;
	}

	static #abort(signal, reason) {
		const state = signal.#state;
		if (state.aborted)
			return;
		AbortSignal.#mark(state, reason);
		const followers = [];
		state.dependents?.forEach((ref) => {
			const d = ref instanceof WeakRef ? ref.deref() : ref;
			if (d && !d.#state.aborted) {
				AbortSignal.#mark(d.#state, state.reason);
				followers.push(d);
			}
		});
		state.dependents = null;
		AbortSignal.#run(signal);
		followers.forEach(AbortSignal.#run);
	}

	static #mark(state, reason) {
		state.aborted = true;
		state.reason = orAbortError(reason);
	}

	static #run(signal) {
		const algorithms = signal.#state.algorithms;
		signal.#state.algorithms = null;
		algorithms?.forEach((algorithm) => algorithm());
		internals.fire(signal, new Event('abort'));
	}

	static {
		internals.isAbortSignal = (v) => typeof v === 'object' && v !== null && #state in v;
		internals.abortSignal = AbortSignal.#abort;
		internals.newAbortSignal = () => new AbortSignal(secret);
		// A signal that follows another one without its reason being computed anew.
		internals.followSignal = (source) => AbortSignal.any([source]);
		internals.addAbortAlgorithm = (signal, algorithm) => {
			const state = signal.#state;
			if (state.aborted)
				return;
			(state.algorithms ??= new Set()).add(algorithm);
			state.keep?.();
		};
		internals.removeAbortAlgorithm = (signal, algorithm) =>
			signal.#state.algorithms?.delete(algorithm);
	}
}

function orAbortError(reason) {
	if (reason !== undefined)
		return reason;
	return new DOMException('This operation was aborted', 'AbortError');
}

function asSignal(value) {
	if (!internals.isAbortSignal(value))
		throw new TypeError('AbortSignal.any: an element is not an AbortSignal');
	return value;
}

class AbortController {
	#signal = new AbortSignal(secret);

	get signal() {
		return this.#signal;
	}

	abort(reason = undefined) {
		internals.abortSignal(this.#signal, reason);
	}
}

internals.defineHandler(AbortSignal.prototype, 'abort');
expose(AbortController, AbortSignal);
