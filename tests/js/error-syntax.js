// SPDX-License-Identifier: Apache-2.0
// A syntax error names file and line.
// expect error: SyntaxError
// expect stderr: error-syntax.js:6
const fine = 1;
const = 2;
