// SPDX-License-Identifier: Apache-2.0
// For aworker and workerd.
import { answer } from './answers.js';

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));
