// SPDX-License-Identifier: Apache-2.0
import { answer } from './answers.js';

const file = new URL('file.bin', import.meta.url);
Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.env.get('PORT')), onListen() {} },
  (request) => answer(request, file));
