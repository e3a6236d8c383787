// SPDX-License-Identifier: Apache-2.0
import { answer } from './answers.js';

Bun.serve({ hostname: '127.0.0.1', port: process.env.PORT, fetch: answer });
