// SPDX-License-Identifier: Apache-2.0
// BroadcastChannel within the process.
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const a = new BroadcastChannel('news');
const b = new BroadcastChannel('news');
const c = new BroadcastChannel('news');
const elsewhere = new BroadcastChannel('other');
console.log(a.name, new BroadcastChannel(5).name, throws(() => new BroadcastChannel())); // expect: news 5 TypeError
a.onmessage = () => console.log('the sender does not hear itself');
elsewhere.onmessage = () => console.log('another name');
const got = [];
b.onmessage = (e) => {
	got.push(e.data.list);
	console.log('b', e.data.list.join(), e.isTrusted);
};
c.addEventListener('message', (e) => {
	got.push(e.data.list);
	console.log('c', e.data.list.join(), got[0] !== got[1], e.data.once);
	c.close();
	a.postMessage({ list: [3], once: 2 });
	b.onmessage = (last) => console.log('b again', last.data.list[0]);
});
let n = 0;
a.postMessage({
	list: [1, 2],
	get once() {
		return ++n;
	},
});
console.log(throws(() => a.postMessage(Symbol())), throws(() => a.postMessage())); // expect: DataCloneError TypeError
const closed = new BroadcastChannel('news');
closed.close();
closed.close();
console.log(throws(() => closed.postMessage(1))); // expect: InvalidStateError
// expect: b 1,2 true
// expect: c 1,2 true 1
// expect: b again 3
