// SPDX-License-Identifier: Apache-2.0
// Imported by module-meta.js.
export const meta = import.meta;
export let count = 0;
count++;
