/* SPDX-License-Identifier: Apache-2.0 */
/* How the control plane executes the data plane. */
#ifndef SEED_NOSLATED_ROLE_H
#define SEED_NOSLATED_ROLE_H

#define ROLE_DATA      "--data-plane=" /* the only argument: how many sockets there are */
#define ROLE_LINK_FD   3
#define ROLE_LISTEN_FD 4 /* and on */

#endif
