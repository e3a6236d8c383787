/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BOX_EXE_H
#define RUNTIME_BOX_EXE_H

#include "runtime/base/err.h"

/*
 * A descriptor of the running executable that nobody can make writable, for
 * exe_detach() in children. Owned by the caller. A negative errno on failure.
 * *ret_mount_fd, owned, too, and perhaps -1, is what shows it: to be closed everywhere
 * before foreign code runs. Who closes it last waits for all processors (about a
 * millisecond, many where many processes are), so let that be who has nothing else to do.
 */
int exe_freeze(int *ret_mount_fd, struct err *err);

/*
 * Makes that the executable of this process, so that nobody can open the file on the
 * host for writing by /proc/PID/exe or otherwise, a root with every capability
 * included. Only for a child that soon executes something else. Allocates nothing.
 */
int exe_detach(int frozen_fd, struct err *err);

#endif
