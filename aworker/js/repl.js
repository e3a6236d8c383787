// SPDX-License-Identifier: Apache-2.0
// What the prompt prints (aworker/repl.c). An input arrives as the promise of the box that V8 puts
// its value into.
'use strict';

const { defineGlobal } = internals.webidl;
const { promiseThen } = internals.primordials;

const STDOUT = 1;
const STDERR = 2;

function print(fd, text) {
	ops.write(fd, `${text}\n`);
}

internals.replResult = (promise) => {
	promiseThen(promise, (box) => {
		const value = box['.repl_result'];
		defineGlobal('_', value);
		print(STDOUT, internals.inspect(value, { colors: internals.useColors(STDOUT) }));
		ops.replReady();
	}, (error) => {
		print(STDERR, `Uncaught ${internals.inspect(error, { colors: internals.useColors(STDERR) })}`);
		ops.replReady();
	});
};
