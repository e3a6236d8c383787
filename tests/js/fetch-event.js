// SPDX-License-Identifier: Apache-2.0
// FetchEvent and ExtendableEvent made by a script: not trusted, so they hold nothing.
const request = new Request('http://h/');
const e = new FetchEvent('fetch', { request, clientId: 'c' });
console.log(e.request === request, e.clientId, e instanceof ExtendableEvent, e.isTrusted); // expect: true c true false
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (err) {
		return err.name;
	}
};
console.log(throws(() => e.respondWith(new Response())), throws(() => e.waitUntil(1))); // expect: InvalidStateError InvalidStateError
console.log(throws(() => new FetchEvent('fetch')), throws(() => new FetchEvent('fetch', {}))); // expect: TypeError TypeError
console.log(throws(() => ExtendableEvent.prototype.waitUntil.call({}, 1))); // expect: TypeError
onfetch = () => {};
console.log(typeof onfetch); // expect: function
onfetch = null;
