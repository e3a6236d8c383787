/* SPDX-License-Identifier: Apache-2.0 */
/* The socket through which a runtime sends the master end of a container's terminal. */
#ifndef SHIM_CONSOLE_H
#define SHIM_CONSOLE_H

#include "runtime/base/err.h"

/* Listens on a new socket in `dir`; *ret_path is malloc'd, whoever gets it unlinks it. The fd, or negative. */
int console_listen(const char *dir, char **ret_path, struct err *err);

/* The descriptor that was sent before the runtime ended; waits for nobody. Negative when none was. */
int console_receive(int listening, struct err *err);

#endif
