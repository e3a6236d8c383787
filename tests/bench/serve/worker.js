// SPDX-License-Identifier: Apache-2.0
// For aworker and workerd, which has neither files nor a location.
import { answer } from './answers.js';

const file = globalThis.location && new URL('file.bin', location.href);
addEventListener('fetch', (event) => event.respondWith(answer(event.request, file)));
