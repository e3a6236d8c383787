// SPDX-License-Identifier: Apache-2.0
// Platform objects in console.
console.log(new Headers({ a: '1' })); // expect: Headers { 'a' => '1' }
console.log(new URLSearchParams('q=x')); // expect: URLSearchParams { 'q' => 'x' }
console.log(new Response('x', { status: 404 }).status, new Blob(['abc'], { type: 'a/b' })); // expect: 404 Blob { size: 3, type: 'a/b' }
console.log(new AbortController().signal); // expect: AbortSignal { aborted: false }
console.log(new ReadableStream()); // expect: ReadableStream { locked: false }
console.log(new Event('x').type, new File([], 'n', { lastModified: 1 })); // expect: x File { name: 'n', size: 0, type: '', lastModified: 1 }
console.log(new Response(null, { headers: { h: 'v' } }));
// expect: Response {
// expect:   status: 200,
// expect:   statusText: '',
// expect:   headers: Headers { 'h' => 'v' },
// expect:   bodyUsed: false,
// expect:   type: 'default'
// expect: }
console.log(Headers.prototype !== undefined, { f: new FormData() }); // expect: true { f: FormData {} }
