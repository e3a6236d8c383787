// SPDX-License-Identifier: Apache-2.0
// reportError() goes to the listeners of error, then to standard error.
addEventListener('error', (e) => {
	console.log('listener', e.error, e.cancelable); // expect: listener reported true
	if (e.error === 'reported')
		e.preventDefault();
});
reportError('reported');
console.log(reportError.length); // expect: 1
try {
	reportError();
} catch (e) {
	console.log(e.name); // expect: TypeError
}
