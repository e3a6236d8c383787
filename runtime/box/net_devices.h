/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BOX_NET_DEVICES_H
#define RUNTIME_BOX_NET_DEVICES_H

#include "runtime/base/err.h"

/*
 * linux.netDevices: moves an interface of the caller's network namespace into another
 * one under another name (which may be a template, "eth%d"), with its permanent
 * addresses of global scope, and sets it up. Where the name is taken nothing is moved.
 */
int net_device_move(const char *name, const char *new_name, int netns_fd, struct err *err);

#endif
