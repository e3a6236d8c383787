// SPDX-License-Identifier: Apache-2.0
import { nothing } from './where.js';
nothing();
