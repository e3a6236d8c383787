// SPDX-License-Identifier: Apache-2.0
// A top-level await that nothing can settle any more ends the worker.
// expect error: a top-level await never settled
console.log('start'); // expect: start
await new Promise(() => {});
export {};
