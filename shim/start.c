/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd waits for the end of this process and of everybody who holds its standard
 * output, and reads the address from it. The shim itself is a child that goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "shim/bootstrap.h"
#include "shim/bundle.h"
#include "shim/cgroup.h"
#include "shim/options.h"
#include "shim/shim.h"

#define OOM_SCORE_MAX 1000

int shim_read_input(char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	struct stat st;
	ssize_t n;

	/* A person at a terminal has nothing to say. */
	*ret = NULL;
	*ret_len = 0;
	if (isatty(STDIN_FILENO) || fstat(STDIN_FILENO, &st) < 0)
		return 0;
	data = malloc(BOOTSTRAP_MAX + 1);
	if (!data)
		return err_oom(err);
	n = fd_read_all(STDIN_FILENO, data, BOOTSTRAP_MAX + 1);
	if (n < 0)
		return err_set(err, (int)-n, "read standard input");
	if (n > (ssize_t)BOOTSTRAP_MAX)
		return err_say(err, E2BIG, "standard input is longer than %u bytes", BOOTSTRAP_MAX);
	*ret = take_ptr(&data);
	*ret_len = (size_t)n;
	return 0;
}

int shim_print(const void *data, size_t len, struct err *err)
{
	int r = fd_write_all(STDOUT_FILENO, data, len);

	return r < 0 ? err_set(err, -r, "write to standard output") : 0;
}

/*
 * One step more likely to be killed than containerd, whose score was inherited; without the
 * right to, it stays as it is.
 */
static void adjust_oom_score(void)
{
	static const char path[] = "/proc/self/oom_score_adj";
	_cleanup_free_ char *text = NULL;
	struct err ignored = ERR_INIT;
	char number[24];
	size_t len;
	long score;

	if (file_read(AT_FDCWD, path, 32, &text, &len, &ignored) < 0)
		return;
	score = strtol(text, NULL, 10) + 1;
	snprintf(number, sizeof(number), "%ld", score > OOM_SCORE_MAX ? OOM_SCORE_MAX : score);
	(void)file_put(AT_FDCWD, path, number, &ignored);
}

/* Of its own to the scheduler, so that its containers share no core with others' (SCHED_CORE=1). */
static void make_core_group(void)
{
	const char *wanted = getenv("SCHED_CORE");

	if (wanted && *wanted && prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 2, 0) < 0)
		log_warn("no core scheduling: %s", strerror(errno));
}

static int detach(struct err *err)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_set(err, errno, "open '/dev/null'");
	if (setsid() < 0)
		return err_set(err, errno, "make a session");
	for (int i = 0; i <= STDERR_FILENO; i++)
		if (dup2(null, i) < 0)
			return err_set(err, errno, "leave standard input and output");
	return 0;
}

struct place {
	struct address address;
	const char *ttrpc_address;
	char *shim_cgroup; /* NULL: where containerd is */
};

static _Noreturn void child_serve(int fd, const struct place *place, const struct options *o)
{
	struct err err = ERR_INIT;

	if (detach(&err) < 0)
		_exit(EXIT_FAILURE);
	make_core_group();
	adjust_oom_score();
	if (shim_serve(fd, &place->address, o, place->ttrpc_address, &err) < 0) {
		log_error("%s", err.msg);
		unlink(place->address.path);
		exit(EXIT_FAILURE);
	}
	exit(EXIT_SUCCESS);
}

static int write_address(const struct address *a, struct err *err)
{
	char text[sizeof(a->path) + 8];
	int n = snprintf(text, sizeof(text), "unix://%s", a->path);

	return file_write_atomic(AT_FDCWD, "address", text, (size_t)n, 0600, err);
}

/* The forked shim is in its cgroup before containerd hears of it. */
static int launch(int fd, const struct place *place, const struct options *o, struct err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		child_serve(fd, place, o);
	if (place->shim_cgroup && cgroup_join(place->shim_cgroup, pid, err) < 0) {
		kill(pid, SIGKILL);
		unlink(place->address.path);
		return err_wrap(err, "put the shim into cgroup '%s'", place->shim_cgroup);
	}
	return 0;
}

static int choose_place(
	const struct options *o, const struct bootstrap *b, struct place *ret, struct err *err)
{
	const char *dir = b->params && *b->params->socket_dir ? b->params->socket_dir : ADDRESS_DIR;
	const char *ttrpc = getenv("TTRPC_ADDRESS");
	struct bundle bundle = {0};
	int r;

	ret->ttrpc_address = b->params && *b->params->ttrpc_address ? b->params->ttrpc_address
			     : ttrpc				    ? ttrpc
								    : "";
	ret->shim_cgroup =
		b->settings && *b->settings->shim_cgroup ? b->settings->shim_cgroup : NULL;
	if (*o->socket)
		return address_set(o->socket, &ret->address, err);
	/* The bundle of a sandbox that the shim makes itself describes no container. */
	r = bundle_read(".", &bundle, err);
	if (r == -ENOENT)
		*err = (struct err)ERR_INIT;
	else if (r < 0)
		return r;
	r = address_choose(dir, o->address, o->namespace, bundle.group ? bundle.group : o->id,
		&ret->address, err);
	bundle_finish(&bundle);
	return r;
}

int shim_start(const struct options *o, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *input = NULL;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	_cleanup_close_ int fd = -1;
	struct bootstrap bootstrap;
	struct place place = {0};
	size_t len;

	if (!*o->id || !*o->namespace)
		return err_say(err, EINVAL, "start needs -id and -namespace");
	if (shim_read_input(&input, &len, err) < 0 ||
		bootstrap_read(input, len, o->id, o->namespace, &arena, &bootstrap, err) < 0 ||
		choose_place(o, &bootstrap, &place, err) < 0)
		return -err->code;
	fd = address_listen(&place.address, err);
	if (fd < 0 && fd != -EADDRINUSE)
		return fd;
	if (write_address(&place.address, err) < 0) {
		if (fd >= 0)
			unlink(place.address.path);
		return -err->code;
	}
	/* In use: the shim of this container's group is there, and takes it as well. */
	if (fd >= 0 && launch(fd, &place, o, err) < 0)
		return -err->code;
	bootstrap_answer(&bootstrap, place.address.path, &answer);
	if (buf_failed(&answer))
		return err_oom(err);
	return shim_print(answer.data, answer.len, err);
}
