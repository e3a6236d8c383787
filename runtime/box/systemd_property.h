/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotations "org.systemd.property.NAME": properties of the scope that a caller wants
 * beside those that turf sets. Engines use them for containers that run systemd
 * themselves (KillSignal, TimeoutStopUSec).
 */
#ifndef RUNTIME_BOX_SYSTEMD_PROPERTY_H
#define RUNTIME_BOX_SYSTEMD_PROPERTY_H

#include <stddef.h>

#include "runtime/base/err.h"

struct buf;

#define SYSTEMD_PROPERTY_ANNOTATION "org.systemd.property."

/* Bytes of a value as it is given. */
#define SYSTEMD_PROPERTY_VALUE_MAX 4096

/*
 * Appends a line for turf-systemd, "NAME TYPE VALUE\n". `text` is in the text form of
 * GVariant, of which these are known: true and false, 'strings', numbers, with a type
 * before them or not (then int32, or double with a point), and lists of strings. A
 * NAME that ends in "Sec" is the one that ends in "USec", a million times as much.
 * -EINVAL for anything else, longer values included.
 */
int systemd_property_put(struct buf *b, const char *name, const char *text, struct err *err);

#endif
