// SPDX-License-Identifier: Apache-2.0
// What began before the first storage was made runs without any, whatever enterWith() has left behind.
let als;
let left = false;
const id = setInterval(() => {
	if (!left)
		return;
	clearInterval(id);
	console.log('timer', als.getStore());
}, 1);
Promise.resolve().then(() => console.log('reaction', als.getStore()));
queueMicrotask(() => {
	als.enterWith('of a microtask');
	Promise.resolve().then(() => console.log('behind', als.getStore()));
});
als = new AsyncLocalStorage();
als.enterWith('of the script');
setTimeout(() => {
	console.log('script', als.getStore());
	als.enterWith('of a timer');
	left = true;
}, 1);
// expect: reaction undefined
// expect: behind of a microtask
// expect: script of the script
// expect: timer undefined
