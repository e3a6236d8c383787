/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/plan_build.h"

#include <errno.h>

#define PLAN_ALIGN 8

uint32_t plan_put_str(struct builder *b, const char *s)
{
	size_t at = b->plan->bytes.len;

	if (!s)
		return 0;
	buf_put(&b->plan->bytes, s, strlen(s) + 1);
	return (uint32_t)at;
}

struct plan_array plan_put_array(struct builder *b, const void *data, size_t n, size_t size)
{
	struct buf *bytes = &b->plan->bytes;
	struct plan_array a = {0, (uint32_t)n};

	if (n == 0)
		return a;
	if (bytes->len % PLAN_ALIGN)
		(void)buf_extend(bytes, PLAN_ALIGN - bytes->len % PLAN_ALIGN);
	a.off = (uint32_t)bytes->len;
	buf_put(bytes, data, n * size);
	return a;
}

struct plan_array plan_put_strs(struct builder *b, const char *const *strs)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	size_t n = 0;

	for (; strs && strs[n]; n++) {
		uint32_t off = plan_put_str(b, strs[n]);

		buf_put(&list, &off, sizeof(off));
	}
	if (buf_failed(&list))
		b->plan->bytes.failed = true;
	else
		return plan_put_array(b, list.data, n, sizeof(uint32_t));
	return (struct plan_array){0, 0};
}

int plan_put_fd(struct builder *b, int fd, bool owned)
{
	struct box_plan *p = b->plan;

	if (p->n_fds == PLAN_FDS_MAX) {
		if (owned)
			fd_close(&fd);
		return plan_say(
			b, E2BIG, "more than %d mounts, devices and descriptors", PLAN_FDS_MAX);
	}
	p->fds[p->n_fds] = fd;
	p->owned[p->n_fds] = owned;
	return (int)p->n_fds++;
}

char *plan_clean_path(const char *path)
{
	char *clean = malloc(strlen(path) + 1);
	size_t len = 0;

	if (!clean)
		return NULL;
	for (const char *end; *path; path = end) {
		size_t n;

		while (*path == '/')
			path++;
		end = strchrnul(path, '/');
		n = (size_t)(end - path);
		if (n == 0 || (n == 1 && path[0] == '.'))
			continue;
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len > 0 && clean[--len] != '/')
				;
			continue;
		}
		if (len > 0)
			clean[len++] = '/';
		memcpy(clean + len, path, n);
		len += n;
	}
	clean[len] = '\0';
	return clean;
}

void plan_add_mount(struct buf *list, const struct plan_mount *m)
{
	buf_put(list, m, sizeof(*m));
}
