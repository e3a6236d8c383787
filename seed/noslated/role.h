/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noslated executes itself: what the first argument makes of a process, and where it finds its descriptors.
 *
 *   noslated [OPTION]...            the supervisor (supervisor.h)
 *     noslated --control-plane ...  with the supervisor's arguments
 *       noslated --data-plane=N,ID  N listening sockets; ID begins the names of its workers
 *       noslated --maker=ROOT       makes and deletes containers below ROOT
 */
#ifndef SEED_NOSLATED_ROLE_H
#define SEED_NOSLATED_ROLE_H

#define ROLE_CONTROL "--control-plane"
#define ROLE_DATA    "--data-plane="
#define ROLE_MAKER   "--maker="

#define ROLE_STORE_FD  3 /* of the control plane: to the supervisor; those that it kept follow */
#define ROLE_LEND_FD   3 /* of a maker: each worker's listening socket while its container is made */
#define ROLE_LINK_FD   4 /* of data plane and maker: to the control plane */
#define ROLE_LOCK_FD   5 /* of a maker: shows that it lives */
#define ROLE_LISTEN_FD 5 /* of the data plane, and on */

/* Room for a number of milliseconds in hexadecimal digits. */
#define ROLE_PLANE_ID_MAX 16

/* Which file this process executes: one that was replaced is another build. Returns `build`. */
#define ROLE_BUILD_MAX 96
const char *role_build(char build[ROLE_BUILD_MAX]);

#endif
