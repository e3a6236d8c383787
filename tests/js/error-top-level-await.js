// SPDX-License-Identifier: Apache-2.0
// A rejected top-level await ends the worker.
// expect error: RangeError: awaited
console.log('start'); // expect: start
await Promise.reject(new RangeError('awaited'));
export {};
