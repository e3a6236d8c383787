// SPDX-License-Identifier: Apache-2.0
// A module: strict, top-level await, import.meta, namespace objects.
console.log(this); // expect: undefined
const value = await new Promise((resolve) => setTimeout(() => resolve('awaited'), 1));
console.log(value); // expect: awaited
console.log(typeof import.meta); // expect: object
export const exported = 1;
