/* SPDX-License-Identifier: Apache-2.0 */
/* What every worker does, up to its first answer, to learn which memory that takes. */
#ifndef AWORKER_REHEARSE_H
#define AWORKER_REHEARSE_H

struct prefault;
struct worker;

/*
 * In a process at its fork point that is of no other use: opens the worker, serves one
 * request of its own, and records what is there by then. 0, or -1. The process ends next.
 */
int rehearse(struct worker *w, struct prefault *ret);

#endif
