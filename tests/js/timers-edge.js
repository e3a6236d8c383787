// SPDX-License-Identifier: Apache-2.0
// Odd delays, strings as handlers, errors of arguments, clearing from inside.
const order = [];
setTimeout(() => order.push('negative'), -5);
setTimeout(() => order.push('NaN'), NaN);
setTimeout(() => order.push('none'));
setTimeout(() => order.push('wraps'), 2 ** 32);
setTimeout(() => order.push('text'), '1');
globalThis.order = order;
setTimeout("order.push('string')", 2);
const far = setTimeout(() => order.push('far'), 2 ** 31 - 1);
clearInterval(far);
let self1 = setInterval(() => {
	clearInterval(self1);
	order.push('once');
}, 3);
for (const f of [() => setTimeout(), () => setTimeout(() => {}, Symbol('s')), () => setTimeout(() => {}, 1n),
	() => queueMicrotask(), () => queueMicrotask('x'), () => clearTimeout(Symbol('s'))]) {
	try {
		f();
		console.log('accepted', f);
	} catch (e) {
		if (!(e instanceof TypeError))
			console.log('wrong error', e);
	}
}
setTimeout(() => console.log(order.join()), 40); // expect: negative,NaN,none,wraps,text,string,once
