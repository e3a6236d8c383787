// SPDX-License-Identifier: Apache-2.0
// Tells the driver of each subtest; put behind testharness.js.
(() => {
	const { config, later, say, showScope } = globalThis.wptDriver;
	delete globalThis.wptDriver;
	showScope();
	const WORDS = ['PASS', 'FAIL', 'TIMEOUT', 'NOTRUN', 'PRECONDITION_FAILED'];
	const HARNESS = ['OK', 'ERROR', 'TIMEOUT', 'PRECONDITION_FAILED'];
	const told = new Set();
	const tell = (test) => {
		if (told.has(test))
			return;
		told.add(test);
		say({ name: test.name, status: WORDS[test.status], message: test.message ?? undefined });
	};
	add_result_callback(tell);
	add_completion_callback((tests, status) => {
		tests.forEach(tell);
		say({ done: HARNESS[status.status], message: status.message ?? undefined });
	});
	// The harness's own end names the subtests that hang.
	later(() => timeout(), config.limit);
})();
