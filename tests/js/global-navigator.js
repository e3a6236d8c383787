// SPDX-License-Identifier: Apache-2.0
// navigator, self, location and friends.
console.log(/^aworker\/\S+$/.test(navigator.userAgent), navigator.hardwareConcurrency); // expect: true 1
console.log(self === globalThis, isSecureContext, navigator instanceof WorkerNavigator); // expect: true true true
console.log(location.protocol, location.href.endsWith('global-navigator.js') || location.href === 'file:///worker.js'); // expect: file: true
console.log(String(location) === location.href, location.search === '', location.hash === ''); // expect: true true true
self = 5;
console.log(self); // expect: 5
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(throws(() => new WorkerNavigator()), throws(() => WorkerNavigator.prototype.userAgent)); // expect: TypeError TypeError
console.log(throws(() => new WorkerGlobalScope())); // expect: TypeError
console.log(navigator.appCodeName, navigator.appName, navigator.appVersion, navigator.platform, navigator.product); // expect: Mozilla Netscape 5.0 (Linux) Linux Gecko
