/* SPDX-License-Identifier: Apache-2.0 */
/* A state image that holds what a hostile tenant wants it to. */
#ifndef TESTS_HOSTILE_FORGE_H
#define TESTS_HOSTILE_FORGE_H

/*
 * Changes the image at `path`: whatever goes on from it tries what a worker must not be able
 * to do, writes one letter for each, 'h' held or 'B' breached, and a newline, and ends with 0.
 * Returns an exit code.
 */
int forge(const char *path);

/* Gives the image the digest that it should have. */
int seal(const char *path);

#endif
