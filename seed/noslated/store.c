/* SPDX-License-Identifier: Apache-2.0 */
/* What the control plane says to the supervisor, and gets of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/link.h"
#include "seed/noslated/role.h"
#include "seed/noslated/supervisor.h"
#include "seed/noslated/supervisor_priv.h"

int store_open(struct store *s, struct err *err)
{
	_cleanup_free_ char *names = strdup(getenv(SUPERVISOR_NAMES) ?: "");
	char *rest = names, *name;

	*s = (struct store){.socket = ROLE_STORE_FD};
	if (!names)
		return err_oom(err);
	if (fd_set_cloexec(ROLE_STORE_FD, true) < 0)
		return err_say(err, EBADF, "this is for the supervisor alone");
	while ((name = strsep(&rest, " "))) {
		const int fd = ROLE_STORE_FD + 1 + (int)s->n;

		if (!*name)
			continue;
		if (s->n == SUPERVISOR_KEPT_MAX || fd_set_cloexec(fd, true) < 0)
			return err_say(err, EBADF, "'%s' was not kept", name);
		s->kept[s->n] = (struct store_kept){strdup(name), fd};
		if (!s->kept[s->n++].name)
			return err_oom(err);
	}
	return 0;
}

void store_close(struct store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		fd_close(&s->kept[i].fd);
		free(s->kept[i].name);
	}
	s->n = 0;
	fd_close(&s->socket);
}

int store_take(struct store *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->kept[i].fd >= 0 && streq(s->kept[i].name, name))
			return take_fd(&s->kept[i].fd);
	return -1;
}

int store_keep(const struct store *s, const char *name, int fd, struct err *err)
{
	const struct link_message m = {.kind = "keep", .id = name};

	return link_answer(s->socket, &m, fd, err);
}

void store_drop(const struct store *s, const char *name)
{
	struct err ignored = ERR_INIT;

	(void)link_answer(
		s->socket, &(struct link_message){.kind = "drop", .id = name}, -1, &ignored);
}

void store_ready(const struct store *s)
{
	struct err ignored = ERR_INIT;

	(void)link_answer(s->socket, &(struct link_message){.kind = "ready"}, -1, &ignored);
}
