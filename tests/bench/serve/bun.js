// SPDX-License-Identifier: Apache-2.0
import { answer } from './answers.js';

const file = new URL('file.bin', import.meta.url);
Bun.serve({ hostname: '127.0.0.1', port: process.env.PORT, fetch: (request) => answer(request, file) });
