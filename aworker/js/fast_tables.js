// SPDX-License-Identifier: Apache-2.0
// The tables that the platform's files share have so many members that V8 keeps them as hash tables,
// where compiled code looks a member up at each use. An object whose heir is read often gets a
// layout instead, and then what is read of it is a constant.
'use strict';

const READS = 100; // more than V8 watches before it believes that the heir is used

for (const table of [ops, internals, internals.streams, internals.subtle, internals.webidl]) {
	const heir = { __proto__: table };
	for (let i = 0; i < READS; i++)
		void heir.anyMember;
}
