/* SPDX-License-Identifier: Apache-2.0 */
/* What every worker does, up to its first answer. */
#ifndef AWORKER_IMAGE_REHEARSE_H
#define AWORKER_IMAGE_REHEARSE_H

struct worker;

/*
 * In a process at its fork point that is of no other use: opens the worker and serves one
 * request of its own. 0, or -1. The process ends next.
 */
int rehearse(struct worker *w);

#endif
