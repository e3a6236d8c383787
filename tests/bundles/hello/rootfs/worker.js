// SPDX-License-Identifier: Apache-2.0
// The whole root file system of this container is this file.
let served = 0;

addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url);
  served += 1;
  event.respondWith(new Response(
    `Hello from a worker in a container.\npath ${pathname}, request ${served}, id ${crypto.randomUUID()}\n`,
    { headers: { 'content-type': 'text/plain; charset=utf-8' } },
  ));
});
