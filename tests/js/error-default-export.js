// SPDX-License-Identifier: Apache-2.0
// A default export without fetch() is told, not ignored.
// expect error: The default export has no function fetch(request, env, ctx)
export default { notFetch() {} };
