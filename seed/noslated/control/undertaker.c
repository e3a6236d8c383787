/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/undertaker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "runtime/container.h"
#include "runtime/life.h"

static void delete_container(const char *root, const char *id)
{
	_cleanup_(container_close) struct container c = CONTAINER_INIT;
	struct err err = ERR_INIT;

	if (container_open(root, id, &c, &err) < 0)
		return;
	if (life_delete(&c, true, &err) < 0 && err.code != ENOENT)
		log_warn("worker '%s': %s, ignoring", id, err.msg);
}

void undertaker_bury(const char *root, const char *note)
{
	_cleanup_free_ char *id = NULL;
	struct err err;
	size_t len;

	if (file_read(AT_FDCWD, note, NAME_MAX, &id, &len, &err) < 0)
		return;
	delete_container(root, id);
	(void)unlink(note);
}

/* Orders are lines. */
static _Noreturn void child_work(const char *root, int orders)
{
	FILE *in = fdopen(orders, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	while (in && (n = getline(&line, &size, in)) > 0) {
		line[n - 1] = '\0';
		undertaker_bury(root, line);
	}
	_exit(0);
}

int undertaker_start(struct undertaker *u, const char *root, struct err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		child_work(root, ends[0]);
	}
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return err_set(err, errno, "fork");
	}
	*u = (struct undertaker){.pid = pid, .orders = ends[1]};
	return 0;
}

int undertaker_order(const struct undertaker *u, const char *note)
{
	char line[PATH_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s\n", note);

	return u->orders < 0 ? -EPIPE : fd_write_all(u->orders, line, (size_t)n);
}

void undertaker_finish(struct undertaker *u)
{
	fd_close(&u->orders);
	if (u->pid > 0)
		(void)waitpid(u->pid, NULL, 0);
	u->pid = 0;
}
