// SPDX-License-Identifier: Apache-2.0
// What the servers of bench-serve answer, by path; in Web APIs alone.
import { render } from '../ssr/page.jsx';

const DOWN_BYTES = 1 << 20;
const PIPE_BYTES = 4 << 20;
const chunk = new Uint8Array(64 << 10).fill(120);
const small = new Uint8Array(1 << 10).fill(120);

function source(part, bytes) {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) {
        controller.close();
        return;
      }
      left -= part.length;
      controller.enqueue(part);
    },
  });
}

// Chunks through two transforms into a sink.
export async function pipe() {
  let bytes = 0;
  await source(small, PIPE_BYTES)
    .pipeThrough(new TransformStream())
    .pipeThrough(new TransformStream({ transform: (part, controller) => controller.enqueue(part) }))
    .pipeTo(new WritableStream({ write: (part) => void (bytes += part.length) }));
  return String(bytes);
}

async function count(body) {
  let bytes = 0;
  for await (const part of body) bytes += part.length;
  return String(bytes);
}

export const page = () => render('/');

// `file`: the URL of what /file sends.
export async function answer(request, file) {
  switch (new URL(request.url).pathname) {
    case '/ssr':
      return new Response(page(), { headers: { 'content-type': 'text/html' } });
    case '/up':
      return new Response(await count(request.body));
    case '/down':
      return new Response(source(chunk, DOWN_BYTES));
    case '/pipe':
      return new Response(await pipe());
    case '/file':
      return fetch(file);
    default:
      return new Response('hello');
  }
}
