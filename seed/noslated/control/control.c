/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/link.h"

#define SET_MAX	       (4u << 20)
#define LISTEN_BACKLOG 4096

#define RUN_MAX	  80
#define STATE_MAX 200

/* --- sets --- */

static int write_set(const char *path, const struct profile_set *set, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	profile_set_write(set, &text);
	if (buf_failed(&text))
		return err_oom(err);
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0600, err);
}

/* The data plane reads another file than the one that lasts: it may be told later than written. */
static int adopt(
	struct control *c, struct profile_set *set, struct function_files *files, struct err *err)
{
	if (write_set(c->set_path, set, err) < 0 || write_set(c->told_path, set, err) < 0)
		return -err->code;
	functions_release(c->files, c->set.n_functions);
	profile_set_finish(&c->set);
	c->set = *set;
	c->files = files;
	c->version++;
	data_plane_tell_set(c);
	return 0;
}

static int apply(
	struct control *c, const char *text, size_t len, struct buf *errors, struct err *err)
{
	struct function_files *files = NULL;
	struct profile_set set;

	if (profile_set_parse(text, len, &set, errors, err) < 0)
		return -err->code;
	if (functions_prepare(c, &set, &files, errors, err) < 0) {
		profile_set_finish(&set);
		return -err->code;
	}
	if (adopt(c, &set, files, err) == 0)
		return 0;
	if (errors)
		buf_printf(errors, "%s\n", err->msg);
	functions_release(files, set.n_functions);
	profile_set_finish(&set);
	return -err->code;
}

int control_apply(
	struct control *c, const char *text, size_t len, struct buf *errors, struct err *err)
{
	return apply(c, text, len, errors, err);
}

/* What was applied before. A function whose code has gone since keeps none of the others from serving. */
static int load_set(struct control *c, struct err *err)
{
	static const char empty[] = "{\"version\": 1, \"functions\": []}";
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(AT_FDCWD, c->set_path, SET_MAX, &text, &len, err);

	if (r < 0 && err->code != ENOENT)
		return r;
	*err = (struct err)ERR_INIT;
	r = apply(c, r < 0 ? empty : text, r < 0 ? sizeof(empty) - 1 : len, NULL, err);
	return r < 0 ? err_wrap(err, "'%s'", c->set_path) : 0;
}

/* --- where it listens --- */

static int listen_unix(const char *path, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return err_say(err, ENAMETOOLONG, "--listen: 'unix:%s' is too long", path);
	memcpy(a.sun_path, path, strlen(path));
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(fd, LISTEN_BACKLOG) < 0)
		return err_set(err, errno, "listen at 'unix:%s'", path);
	return take_fd(&fd);
}

/* "127.0.0.1:80", "[::1]:80", ":80" for all. */
static int parse_tcp(const char *address, struct sockaddr_storage *ret)
{
	const char *colon = strrchr(address, ':');
	char host[64] = "", *end = NULL;
	size_t len = colon ? (size_t)(colon - address) : sizeof(host);
	long port = colon ? strtol(colon + 1, &end, 10) : 0;

	if (len >= sizeof(host) || port < 1 || port > 65535 || *end)
		return -EINVAL;
	memcpy(host, address, len);
	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		return uv_ip6_addr(host + 1, (int)port, (struct sockaddr_in6 *)ret);
	}
	return len == 0 ? uv_ip6_addr("::", (int)port, (struct sockaddr_in6 *)ret)
			: uv_ip4_addr(host, (int)port, (struct sockaddr_in *)ret);
}

static int listen_tcp(const char *address, struct err *err)
{
	struct sockaddr_storage a = {0};
	_cleanup_close_ int fd = -1;
	int on = 1;

	if (parse_tcp(address, &a) < 0)
		return err_say(err, EINVAL,
			"--listen: '%s' is neither unix:PATH nor an address and a port, such as "
			"127.0.0.1:80",
			address);
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return err_set(err, errno, "listen at '%s'", address);
	return take_fd(&fd);
}

static int open_listeners(struct control *c, struct err *err)
{
	for (size_t i = 0; i < c->options->n_listen; i++) {
		const char *address = c->options->listen[i];
		const char *path = str_after(address, "unix:");

		c->listeners[i] = path ? listen_unix(path, err) : listen_tcp(address, err);
		if (c->listeners[i] < 0)
			return -err->code;
	}
	return 0;
}

/* --- the whole --- */

static void on_worker_gone(void *arg, struct worker *w)
{
	struct control *c = arg;

	link_send(c->link, &(struct link_message){.kind = "gone", .worker = worker_name(w)});
}

static void on_signal(uv_signal_t *s, int number UNUSED)
{
	data_plane_end(s->data);
}

static int make_directories(struct control *c, struct err *err)
{
	const struct control_options *o = c->options;
	static char sockets[256];

	/* Sockets are below it, whose paths are at most 107 bytes. */
	if (strlen(o->run) > RUN_MAX)
		return err_say(
			err, ENAMETOOLONG, "--run: '%s' has more than %d bytes", o->run, RUN_MAX);
	if (strlen(o->state) > STATE_MAX)
		return err_say(err, ENAMETOOLONG, "--state: '%s' has more than %d bytes", o->state,
			STATE_MAX);
	snprintf(sockets, sizeof(sockets), "%s/workers", o->run);
	snprintf(c->set_path, sizeof(c->set_path), "%s/functions.json", o->state);
	snprintf(c->told_path, sizeof(c->told_path), "%s/functions.json", o->run);
	c->workers.sockets = sockets;
	if (paths_mkdir_all(o->run, 0700, err) < 0 || paths_mkdir_all(o->state, 0700, err) < 0 ||
		paths_mkdir_all(o->log, 0750, err) < 0 || paths_mkdir_all(sockets, 0700, err) < 0)
		return -err->code;
	return 0;
}

static int begin(struct control *c, struct err *err)
{
	uv_signal_init(&c->loop, &c->term);
	uv_signal_init(&c->loop, &c->interrupt);
	uv_timer_init(&c->loop, &c->again);
	c->term.data = c->interrupt.data = c;
	uv_signal_start(&c->term, on_signal, SIGTERM);
	uv_signal_start(&c->interrupt, on_signal, SIGINT);
	c->workers.loop = &c->loop;
	c->workers.root = c->options->root;
	c->workers.gone = on_worker_gone;
	c->workers.arg = c;
	c->workers.undertaker = &c->undertaker;
	if (make_directories(c, err) < 0 || workers_init(&c->workers, err) < 0)
		return -err->code;
	functions_forget(c);
	if (open_listeners(c, err) < 0)
		return -err->code;
	c->admin = admin_open(c, err);
	if (!c->admin || load_set(c, err) < 0)
		return -err->code;
	return data_plane_start(c, err);
}

static void finish(struct control *c)
{
	workers_finish(&c->workers);
	undertaker_finish(&c->undertaker);
	functions_forget(c);
	admin_close(c->admin);
	functions_release(c->files, c->set.n_functions);
	profile_set_finish(&c->set);
	for (size_t i = 0; i < c->options->n_listen; i++) {
		const char *path = str_after(c->options->listen[i], "unix:");

		fd_close(&c->listeners[i]);
		if (path)
			(void)unlink(path);
	}
	free(c);
}

int control_run(const struct control_options *options, struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return err_oom(err);
	c->options = options;
	for (size_t i = 0; i < CONTROL_LISTEN_MAX; i++)
		c->listeners[i] = -1;
	c->undertaker = (struct undertaker)UNDERTAKER_INIT;
	signal(SIGPIPE, SIG_IGN);
	(void)undertaker_start(&c->undertaker, options->root, err);
	uv_loop_init(&c->loop);
	if (!err->code && begin(c, err) == 0)
		uv_run(&c->loop, UV_RUN_DEFAULT);
	finish(c);
	return -err->code;
}
