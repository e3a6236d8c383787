/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "runtime/box/cgroup_layout.h"

#define NS_PER_US 1000
#define NS_PER_S  UINT64_C(1000000000)

static char *file_of(const struct cgroup_hierarchy *h, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s/%s", h->mount, streq(h->own, "/") ? "" : h->own, name) < 0
		       ? NULL
		       : path;
}

static char *cpu_file(const struct cgroup_layout *layout, pid_t pid, bool *ret_v2)
{
	char *path;

	*ret_v2 = layout->pure_v2;
	if (*ret_v2)
		return file_of(&layout->list[0], "cpu.stat");
	return asprintf(&path, "/proc/%d/stat", (int)pid) < 0 ? NULL : path;
}

int usage_open(pid_t pid, struct usage_source *ret, struct err *err)
{
	_cleanup_cgroup_layout_ struct cgroup_layout layout = {0};
	const struct cgroup_hierarchy *h;
	struct usage_source s = {.pid = pid};

	if (cgroup_layout_load_of(pid, &layout, err) < 0)
		return -err->code;
	h = cgroup_layout_find(&layout, "memory");
	if (h)
		s.memory = file_of(h, h->v2 ? "memory.current" : "memory.usage_in_bytes");
	s.cpu = cpu_file(&layout, pid, &s.cpu_is_v2);
	if (!s.cpu || (h && !s.memory)) {
		usage_close(&s);
		return err_oom(err);
	}
	*ret = s;
	return 0;
}

void usage_close(struct usage_source *s)
{
	free_clear(&s->memory);
	free_clear(&s->cpu);
}

static bool read_text(const char *path, char *to, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	to[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static uint64_t number_behind(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* Fields 14 and 15; the second one is a name that may have anything in it. */
static bool parse_stat(const char *text, struct usage *ret)
{
	const char *at = strrchr(text, ')');
	const uint64_t ns_per_tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long user, system;

	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			   &system) != 2)
		return false;
	ret->cpu_user_ns = user * ns_per_tick;
	ret->cpu_system_ns = system * ns_per_tick;
	return true;
}

bool usage_read(const struct usage_source *s, struct usage *ret)
{
	char text[1024];

	*ret = (struct usage){0};
	if (s->memory && read_text(s->memory, text, sizeof(text)))
		ret->memory = strtoull(text, NULL, 10);
	if (!read_text(s->cpu, text, sizeof(text)))
		return false;
	if (!s->cpu_is_v2)
		return parse_stat(text, ret);
	ret->cpu_user_ns = number_behind(text, "user_usec ") * NS_PER_US;
	ret->cpu_system_ns = number_behind(text, "system_usec ") * NS_PER_US;
	return true;
}
