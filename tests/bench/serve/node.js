// SPDX-License-Identifier: Apache-2.0
// The same answers in the way that Node.js has had for longest.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { page, pipe } from './answers.js';

const file = new URL('file.bin', import.meta.url);
const chunk = Buffer.alloc(64 << 10, 'x');

function* chunks() {
  for (let i = 0; i < 16; i++) yield chunk;
}

createServer(async (request, response) => {
  let bytes = 0;
  switch (request.url) {
    case '/ssr':
      response.setHeader('content-type', 'text/html');
      response.end(page());
      break;
    case '/up':
      for await (const part of request) bytes += part.length;
      response.end(String(bytes));
      break;
    case '/down':
      Readable.from(chunks()).pipe(response);
      break;
    case '/pipe':
      response.end(await pipe());
      break;
    case '/file':
      response.end(await readFile(file));
      break;
    default:
      response.end('hello');
  }
}).listen(process.env.PORT, '127.0.0.1');
