// SPDX-License-Identifier: Apache-2.0
// What began before the first storage was made runs without any, whatever enterWith() has left behind.
let als;
setTimeout(() => console.log('timer', als.getStore()), 10);
Promise.resolve().then(() => console.log('reaction', als.getStore()));
queueMicrotask(() => {
	als.enterWith('of a microtask');
	Promise.resolve().then(() => console.log('behind', als.getStore()));
});
als = new AsyncLocalStorage();
als.enterWith('of the script');
setTimeout(() => console.log('script', als.getStore()), 1);
setTimeout(() => als.enterWith('of a timer'), 2);
// expect: reaction undefined
// expect: behind of a microtask
// expect: script of the script
// expect: timer undefined
