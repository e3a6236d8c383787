// SPDX-License-Identifier: Apache-2.0
// unhandledrejection and rejectionhandled.
let late;
addEventListener('unhandledrejection', (e) => {
	console.log(e.type, e.reason.message, e.promise === late, e.cancelable);
	e.preventDefault();
	setTimeout(() => late.catch(() => {}), 0);
});
onrejectionhandled = (e) => console.log(e.type, e.reason.message, e.promise === late);
late = Promise.reject(new Error('late'));
const handled = Promise.reject(new Error('never seen'));
handled.catch(() => {});
// expect: unhandledrejection late true true
// expect: rejectionhandled late true
