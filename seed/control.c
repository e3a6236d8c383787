/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side of a keeper's control socket. */
#include "seed/control.h"

#include <dirent.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "seed/client.h"
#include "seed/socket_priv.h"

/* A keeper gives its seed some seconds to end before it kills it and goes itself. */
#define STOP_TIMEOUT_MS 10000

const char *seed_state_name(enum seed_state state)
{
	switch (state) {
	case SEED_STATE_STARTING: return "starting";
	case SEED_STATE_READY: return "ready";
	case SEED_STATE_WAITING: return "waiting";
	}
	return "unknown";
}

static int receive_info(int conn, struct seed_info *ret, struct err *err)
{
	struct seed_info info;
	size_t n_fds;
	ssize_t n;
	int r;

	r = seed_socket_wait(conn, SEED_CONTROL_TIMEOUT_MS);
	if (r == -ETIMEDOUT)
		return err_say(err, ETIMEDOUT, "its keeper does not answer within %d ms",
			SEED_CONTROL_TIMEOUT_MS);
	if (r < 0)
		return err_set(err, -r, "wait for its keeper");
	n = seed_wire_recv(conn, &info, sizeof(info), NULL, 0, &n_fds, MSG_DONTWAIT);
	if (n == 0 || n == -ECONNRESET)
		return err_say(err, EPIPE, "its keeper ended before it answered");
	if (n < 0)
		return err_set(err, (int)-n, "receive its keeper's answer");
	if (n != sizeof(info) || info.magic != SEED_CONTROL_MAGIC ||
		info.version != SEED_CONTROL_VERSION)
		return err_say(err, EPROTO, "its keeper is of another version");
	info.name[sizeof(info.name) - 1] = '\0';
	info.build[sizeof(info.build) - 1] = '\0';
	info.worker[sizeof(info.worker) - 1] = '\0';
	info.last_end[sizeof(info.last_end) - 1] = '\0';
	info.last_error[sizeof(info.last_error) - 1] = '\0';
	*ret = info;
	return 0;
}

static int ask(const char *name, enum seed_control_op op, int *ret_conn, struct seed_info *ret,
	struct err *err)
{
	struct seed_control_request request = {
		.magic = SEED_CONTROL_MAGIC,
		.version = SEED_CONTROL_VERSION,
		.op = (uint16_t)op,
	};
	_cleanup_close_ int conn = -1;
	int r;

	r = seed_socket_connect(name, SEED_SOCKET_CONTROL, SEED_CONTROL_TIMEOUT_MS, &conn, err);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return err_say(err, ENOENT, "no keeper runs under this name");
	if (r < 0)
		return r;
	r = seed_wire_send(conn, &request, sizeof(request), NULL, 0);
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		return err_set(err, -r, "ask its keeper");
	r = receive_info(conn, ret, err);
	if (r < 0)
		return r;
	*ret_conn = take_fd(&conn);
	return 0;
}

int seed_info(const char *name, struct seed_info *ret, struct err *err)
{
	_cleanup_close_ int conn = -1;
	struct seed_info info;
	int r;

	r = ask(name, SEED_CONTROL_INFO, &conn, &info, err);
	if (r == 0 && info.code != 0)
		r = err_say(err, info.code > 0 ? info.code : EPROTO, "%s", info.last_error);
	if (r < 0)
		return err_wrap(err, "seed '%s'", name);
	*ret = info;
	return 0;
}

int seed_stop(const char *name, bool force, struct err *err)
{
	_cleanup_close_ int conn = -1;
	struct seed_info info;
	int r;

	r = ask(name, force ? SEED_CONTROL_FORCE_STOP : SEED_CONTROL_STOP, &conn, &info, err);
	if (r == 0 && info.code == EBUSY)
		r = err_say(err, EBUSY, "%u clones of it live", info.clones_alive);
	else if (r == 0 && info.code != 0)
		r = err_say(err, info.code > 0 ? info.code : EPROTO, "%s", info.last_error);
	/* The keeper's last act is to let go of the connection. */
	if (r == 0 && seed_socket_wait(conn, STOP_TIMEOUT_MS) == -ETIMEDOUT)
		r = err_say(
			err, ETIMEDOUT, "its keeper (process %d) does not end", info.keeper_pid);
	return r < 0 ? err_wrap(err, "seed '%s'", name) : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int append(char ***names, size_t *n, const char *name)
{
	char **more = realloc(*names, (*n + 2) * sizeof(char *));

	if (!more)
		return -ENOMEM;
	*names = more;
	more[*n] = strdup(name);
	if (!more[*n])
		return -ENOMEM;
	more[++*n] = NULL;
	return 0;
}

static int read_names(DIR *dir, char ***names, size_t *n, struct err *err)
{
	struct dirent *e;

	while ((e = readdir(dir)) != NULL) {
		if (!paths_id_is_valid(e->d_name) ||
			(e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		if (append(names, n, e->d_name) < 0)
			return err_oom(err);
	}
	return 0;
}

int seed_names(char ***ret, struct err *err)
{
	_cleanup_strv_ char **names = calloc(1, sizeof(char *));
	size_t n = 0;
	DIR *dir;
	int r;

	if (!names)
		return err_oom(err);
	dir = opendir(paths_seeds_dir());
	if (!dir && errno != ENOENT)
		return err_set(err, errno, "open '%s'", paths_seeds_dir());
	if (dir) {
		r = read_names(dir, &names, &n, err);
		closedir(dir);
		if (r < 0)
			return r;
	}
	qsort(names, n, sizeof(char *), compare_names);
	*ret = take_ptr(&names);
	return 0;
}
