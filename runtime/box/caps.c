/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/caps.h"

#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <strings.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"

#define CAPS_MAX     64 /* bits of a set, in the kernel as here */
#define CAP_NAME_MAX 32

int caps_known(uint64_t *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	unsigned long last;
	size_t len;
	int r = file_read_value(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 64, &text, &len, err);

	if (r < 0)
		return r;
	last = strtoul(text, NULL, 10);
	*ret = last < CAPS_MAX - 1 ? (UINT64_C(2) << last) - 1 : UINT64_MAX;
	return 0;
}

int caps_number(const char *name)
{
	int cap;

	if (strncasecmp(name, "CAP_", 4) != 0)
		return -EINVAL;
	cap = capng_name_to_capability(name + 4);
	return cap < 0 || cap >= CAPS_MAX ? -EINVAL : cap;
}

const char *caps_name(unsigned cap)
{
	static char name[CAP_NAME_MAX];
	const char *known = cap < CAPS_MAX ? capng_capability_to_name(cap) : NULL;

	/* The library makes up "cap_41" for those it has no name for. */
	if (!known || str_after(known, "cap_"))
		return NULL;
	snprintf(name, sizeof(name), "CAP_%s", known);
	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return name;
}

/* One line for all: `runc spec` of some versions has a whole set that cannot be had. */
static void warn_of(struct buf *warnings, uint64_t caps, const char *field, const char *why)
{
	const char *before = ": ";

	if (!caps)
		return;
	buf_puts(warnings, field);
	for (unsigned cap = 0; cap < CAPS_MAX; cap++) {
		if (!(caps >> cap & 1))
			continue;
		buf_printf(warnings, "%s%s", before, caps_name(cap) ?: "an unnamed capability");
		before = ", ";
	}
	buf_printf(warnings, ": %s, ignoring\n", why);
}

static uint64_t parse_list(const char *const *list, const char *field, struct buf *warnings)
{
	uint64_t caps = 0;

	for (; list && *list; list++) {
		int cap = caps_number(*list);

		if (cap < 0)
			buf_printf(
				warnings, "%s: unknown capability '%s', ignoring\n", field, *list);
		else
			caps |= UINT64_C(1) << cap;
	}
	return caps;
}

/* Takes from *set what is not in `allowed`. */
static void reduce(
	uint64_t *set, uint64_t allowed, const char *field, const char *why, struct buf *warnings)
{
	warn_of(warnings, *set & ~allowed, field, why);
	*set &= allowed;
}

static void reduce_to_available(struct caps_sets *s, uint64_t available, struct buf *warnings)
{
	uint64_t all = s->bounding | s->effective | s->permitted | s->inheritable | s->ambient;

	/* Once for all sets: a capability is mostly in several. */
	warn_of(warnings, all & ~available, "process.capabilities", "not available here");
	s->bounding &= available;
	s->effective &= available;
	s->permitted &= available;
	s->inheritable &= available;
	s->ambient &= available;
}

int caps_compile(const struct oci_capabilities *config, uint64_t available, struct caps_sets *ret,
	struct buf *warnings, struct err *err)
{
	static const struct oci_capabilities none;
	const struct oci_capabilities *c = config ?: &none;
	struct caps_sets s = {
		.bounding = parse_list(c->bounding, "process.capabilities.bounding", warnings),
		.effective = parse_list(c->effective, "process.capabilities.effective", warnings),
		.permitted = parse_list(c->permitted, "process.capabilities.permitted", warnings),
		.inheritable =
			parse_list(c->inheritable, "process.capabilities.inheritable", warnings),
		.ambient = parse_list(c->ambient, "process.capabilities.ambient", warnings),
	};

	reduce_to_available(&s, available, warnings);
	reduce(&s.effective, s.permitted, "process.capabilities.effective", "not permitted",
		warnings);
	reduce(&s.inheritable, s.bounding, "process.capabilities.inheritable",
		"not in the bounding set", warnings);
	reduce(&s.ambient, s.permitted & s.inheritable, "process.capabilities.ambient",
		"not both permitted and inheritable", warnings);
	if (buf_failed(warnings))
		return err_oom(err);
	*ret = s;
	return 0;
}
