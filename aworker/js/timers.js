// SPDX-License-Identifier: Apache-2.0
// setTimeout and friends. The loop in C keeps one timer per id; what is called, and whether it
// repeats, is known here only.
'use strict';

const { integer, defineGlobal, requireArguments, callbackFunction } = internals.webidl;
const { ReflectApply, PromiseResolve, promiseThen } = internals.primordials;

const CLAMP_LEVEL = 5; // timers nested deeper than this ...
const CLAMP_MS = 4; // ... wait at least so long

const active = new Map(); // id -> { callback, args, ms, repeat, level, frame, background }
const indirectEval = eval;
let nextId = 1;
let level = 0; // nesting of the timer that is running

function start(callback, args, ms, repeat) {
	const id = nextId++;
	const timer = { callback, args, ms, repeat, level: level + 1, frame: internals.asyncFrame(),
		background: false };
	active.set(id, timer);
	ops.timerStart(id, delayOf(timer));
	return id;
}

function delayOf(timer) {
	if (timer.level > CLAMP_LEVEL && timer.ms < CLAMP_MS)
		return CLAMP_MS;
	return timer.ms;
}

function stop(id) {
	if (active.delete(id))
		ops.timerStop(id);
}

function run(timer) {
	level = timer.level;
	try {
		if (typeof timer.callback === 'function')
			internals.asyncCall(timer.frame, timer.callback, globalThis, timer.args);
		else
			internals.asyncCall(timer.frame, indirectEval, undefined, [timer.callback]);
	} finally {
		level = 0;
	}
}

internals.timerFired = (id) => {
	const timer = active.get(id);
	if (!timer)
		return;
	if (!timer.repeat)
		active.delete(id);
	try {
		run(timer);
	} finally {
		if (timer.repeat && active.has(id)) {
			timer.level++;
			ops.timerStart(id, delayOf(timer));
		}
	}
};

// For the platform's own use: `callback` after ms, which may be more than an int holds. One that is
// in the background does not keep the worker alive.
internals.startTimer = (callback, ms, background = false) => {
	const id = nextId++;
	active.set(id,
		{ callback, args: [], ms: 0, repeat: false, level: 0, frame: internals.asyncFrame(), background });
	ops.timerStart(id, Math.min(ms, 2 ** 31 - 1), background);
	return id;
};
internals.stopTimer = stop;

// A startup snapshot has no loop: how long each timer would have waited still goes with it.
internals.suspendTimers = () => {
	for (const [id, timer] of active)
		timer.left = ops.timerLeft(id);
};
internals.resumeTimers = () => {
	for (const [id, timer] of active)
		ops.timerStart(id, timer.left, timer.background);
};

function handlerOf(handler) {
	return typeof handler === 'function' ? handler : `${handler}`;
}

function msOf(timeout) {
	return Math.max(0, integer(timeout, 32, true));
}

const globals = {
	setTimeout(handler, timeout = 0, ...args) {
		requireArguments(arguments.length, 1, 'setTimeout');
		return start(handlerOf(handler), args, msOf(timeout), false);
	},
	setInterval(handler, timeout = 0, ...args) {
		requireArguments(arguments.length, 1, 'setInterval');
		return start(handlerOf(handler), args, msOf(timeout), true);
	},
	clearTimeout(id = 0) {
		stop(integer(id, 32, true));
	},
	clearInterval(id = 0) {
		stop(integer(id, 32, true));
	},
	queueMicrotask(callback) {
		requireArguments(arguments.length, 1, 'queueMicrotask');
		callbackFunction(callback, 'queueMicrotask: the argument');
		promiseThen(PromiseResolve(), () => {
			try {
				ReflectApply(callback, undefined, []);
			} catch (error) {
				internals.report(error);
			}
		});
	},
};
for (const name of Object.keys(globals))
	defineGlobal(name, globals[name]);
internals.primordials.queueMicrotask = globals.queueMicrotask;
