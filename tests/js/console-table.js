// SPDX-License-Identifier: Apache-2.0
// console.table
console.table([{ a: 1, b: 'x' }, { a: 2, c: true }]);
// expect: ┌─────────┬───┬─────┬──────┐
// expect: │ (index) │ a │ b   │ c    │
// expect: ├─────────┼───┼─────┼──────┤
// expect: │ 0       │ 1 │ 'x' │      │
// expect: │ 1       │ 2 │     │ true │
// expect: └─────────┴───┴─────┴──────┘
console.table(['one', [2]]);
// expect: ┌─────────┬───┬────────┐
// expect: │ (index) │ 0 │ Values │
// expect: ├─────────┼───┼────────┤
// expect: │ 0       │   │ 'one'  │
// expect: │ 1       │ 2 │        │
// expect: └─────────┴───┴────────┘
console.table([{ a: 1, b: 2 }], ['b']);
// expect: ┌─────────┬───┐
// expect: │ (index) │ b │
// expect: ├─────────┼───┤
// expect: │ 0       │ 2 │
// expect: └─────────┴───┘
console.table('no table'); // expect: no table
console.table(new Map([['k', 'v']]));
// expect: ┌─────────┬─────┬────────┐
// expect: │ (index) │ Key │ Values │
// expect: ├─────────┼─────┼────────┤
// expect: │ 0       │ 'k' │ 'v'    │
// expect: └─────────┴─────┴────────┘
