/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "shim/console.h"
#include "shim/logger.h"
#include "shim/loop.h"
#include "shim/pump.h"

static struct {
	const char *socket_dir;
	const char *namespace;
} settings;

void stdio_setup(const char *socket_dir, const char *namespace)
{
	settings.socket_dir = socket_dir;
	settings.namespace = namespace;
}

int stdio_init(struct stdio *io, const char *in, const char *out, const char *error, bool terminal,
	struct err *err)
{
	const char *paths[STDIO_N] = {in, out, terminal ? NULL : error};

	*io = (struct stdio){.terminal = terminal, .console = -1, .master = -1, .copy = {-1, -1}};
	for (int i = 0; i < STDIO_N; i++)
		io->give[i] = io->keep[i] = -1;
	for (int i = 0; i < STDIO_N; i++) {
		io->paths[i] = strdup(paths[i] ? paths[i] : "");
		if (!io->paths[i])
			return err_oom(err);
	}
	return 0;
}

/* --- what the paths name --- */

static int open_path(const char *path, int flags, struct err *err)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0640);

	return fd < 0 ? err_set(err, errno, "open '%s'", path) : fd;
}

static bool is_fifo(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/*
 * An output: first the reading end, so that opening the writing one does not wait for a
 * client, and so that writing never meets a fifo without readers.
 */
static int open_output(struct stdio *io, int i, struct err *err)
{
	io->keep[i] = open_path(io->paths[i], O_RDONLY | O_NONBLOCK, err);
	if (io->keep[i] < 0)
		return io->keep[i];
	if (!is_fifo(io->keep[i]))
		return err_say(err, EINVAL, "'%s' is no fifo", io->paths[i]);
	io->give[i] = open_path(io->paths[i], O_WRONLY, err);
	return io->give[i] < 0 ? io->give[i] : 0;
}

/*
 * Somebody has the writing end of a fifo, or had it since `fd` was opened for reading.
 * `probe` is any pipe.
 */
static bool has_had_writer(int fd, const int probe[2])
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	/* Without a writer there is the end of the input to copy; with one, nothing yet. */
	return poll(&p, 1, 0) > 0 || tee(fd, probe[1], 1, SPLICE_F_NONBLOCK) != 0;
}

static int open_reader(struct stdio *io, const int probe[2], bool *ret_came, struct err *err)
{
	int fd = open_path(io->paths[STDIO_IN], O_RDONLY | O_NONBLOCK, err);

	if (fd < 0)
		return fd;
	*ret_came = has_had_writer(fd, probe);
	io->give[STDIO_IN] = fd;
	return fcntl(fd, F_SETFL, 0) < 0 ? err_set(err, errno, "open '%s'", io->paths[STDIO_IN])
					 : 0;
}

/*
 * A client has opened its end and waits for ours, as a rule: then the input ends with it.
 * One that is late shall not find that the container has read end of file: a writing end of
 * our own holds the input open until CloseIO.
 */
static int open_input(struct stdio *io, struct err *err)
{
	int probe[2];
	bool came;
	int r;

	if (pipe2(probe, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, errno, "make a pipe");
	r = open_reader(io, probe, &came, err);
	close(probe[0]);
	close(probe[1]);
	if (r < 0 || came || io->terminal)
		return r;
	io->keep[STDIO_IN] = open_path(io->paths[STDIO_IN], O_WRONLY | O_NONBLOCK, err);
	return io->keep[STDIO_IN] < 0 ? io->keep[STDIO_IN] : 0;
}

/* Both outputs go through one pipe to the end of a file. */
static int open_file(struct stdio *io, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	int fds[2];

	if (dir && *dir && paths_mkdir_all(dir, 0755, err) < 0)
		return -err->code;
	/* A fifo that nobody reads is not waited for. */
	io->copy[1] = open_path(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, err);
	if (io->copy[1] < 0)
		return io->copy[1];
	if (io->terminal)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	io->copy[0] = fds[0];
	io->give[STDIO_OUT] = fds[1];
	io->give[STDIO_ERR] = fcntl(fds[1], F_DUPFD_CLOEXEC, 0);
	return io->give[STDIO_ERR] < 0 ? err_set(err, errno, "make a pipe") : 0;
}

/* What is not there is none either, and opening it says so. */
static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISFIFO(st.st_mode);
}

/* A terminal's output is copied to where it would have been handed. */
static void copy_to_output(struct stdio *io)
{
	if (io->copy[1] < 0)
		io->copy[1] = take_fd(&io->give[STDIO_OUT]);
}

static int open_outputs(struct stdio *io, struct err *err)
{
	const char *file = str_after(io->paths[STDIO_OUT], "file://");

	if (!file && is_file(io->paths[STDIO_OUT]))
		file = io->paths[STDIO_OUT];
	if (file)
		return open_file(io, file, err);
	for (int i = STDIO_OUT; i <= STDIO_ERR; i++)
		if (*io->paths[i] && open_output(io, i, err) < 0)
			return -err->code;
	return 0;
}

static void opened(struct stdio *io, const struct err *err)
{
	stdio_fn *ready = io->ready;

	io->ready = NULL;
	if (io->terminal && err->code == 0)
		copy_to_output(io);
	ready(io->ready_arg, err);
}

static void on_logger_ready(void *arg, const struct err *err)
{
	opened(arg, err);
}

/* Its pipes are handed over like fifos are. */
static int open_logger(struct stdio *io, const char *id, struct err *err)
{
	int pipes[2];

	io->logger = logger_start(
		io->paths[STDIO_OUT], id, settings.namespace, pipes, on_logger_ready, io, err);
	if (!io->logger)
		return -err->code;
	io->give[STDIO_OUT] = pipes[0];
	io->give[STDIO_ERR] = pipes[1];
	return 0;
}

static int open_streams(struct stdio *io, const char *id, struct err *err)
{
	if (*io->paths[STDIO_IN] && open_input(io, err) < 0)
		return -err->code;
	if (io->terminal) {
		io->console = console_listen(settings.socket_dir, &io->console_path, err);
		if (io->console < 0)
			return io->console;
	}
	if (str_after(io->paths[STDIO_OUT], "binary://"))
		return open_logger(io, id, err);
	return open_outputs(io, err);
}

void stdio_open(struct stdio *io, const char *id, stdio_fn *ready, void *arg)
{
	struct err err = ERR_INIT;

	io->ready = ready;
	io->ready_arg = arg;
	if (open_streams(io, id, &err) < 0)
		err_wrap(&err, "standard input and output");
	if (err.code != 0 || !io->logger)
		opened(io, &err);
}

const char *stdio_console_socket(const struct stdio *io)
{
	return io->console_path;
}

/* --- copying --- */

static void check_drained(struct stdio *io)
{
	void (*drained)(void *arg) = io->drained;

	if (!drained || io->pump_out)
		return;
	io->drained = NULL;
	timer_drop(&io->drain_timer);
	drained(io->drained_arg);
}

static bool read_on(struct stdio *io);

static void on_output_end(void *arg)
{
	struct stdio *io = arg;

	io->pump_out = NULL;
	if (!read_on(io))
		check_drained(io);
}

static void on_drain_late(void *arg)
{
	struct stdio *io = arg;

	if (io->pump_out)
		log_warn("output that nobody reads is lost: '%s'", io->paths[STDIO_OUT]);
	pump_drop(&io->pump_out);
	check_drained(io);
}

void stdio_drain(struct stdio *io, void (*drained)(void *arg), void *arg)
{
	io->drained = drained;
	io->drained_arg = arg;
	if (io->pump_out)
		io->drain_timer = timer_start(STDIO_DRAIN_MS, on_drain_late, io);
	check_drained(io);
}

static void on_input_end(void *arg);

/* A descriptor of its own for each direction: the loop knows one watcher of each. */
static int copy_input(struct stdio *io, int from, struct err *err)
{
	int to = fcntl(io->master, F_DUPFD_CLOEXEC, 0);

	if (to < 0) {
		fd_close(&from);
		return err_set(err, errno, "copy the terminal");
	}
	io->pump_in = pump_start(from, to, on_input_end, io, err);
	return io->pump_in ? 0 : -err->code;
}

/* A terminal goes on without a client, and the next one finds its input open. */
static void on_input_end(void *arg)
{
	struct stdio *io = arg;
	struct err err = ERR_INIT;
	int fd;

	io->pump_in = NULL;
	if (io->input_closed || io->master < 0)
		return;
	fd = open_path(io->paths[STDIO_IN], O_RDONLY | O_NONBLOCK, &err);
	if (fd >= 0)
		(void)copy_input(io, fd, &err);
	if (err.code)
		log_warn("input of a terminal is closed: %s", err.msg);
}

/* Somebody has to read, or the container stands still when the terminal is full. */
static int copy_output(struct stdio *io, struct err *err)
{
	int from;

	io->lost = io->copy[1] < 0;
	if (io->lost)
		io->copy[1] = open_path("/dev/null", O_WRONLY, err);
	if (io->copy[1] < 0)
		return io->copy[1];
	from = fcntl(io->master, F_DUPFD_CLOEXEC, 0);
	if (from < 0)
		return err_set(err, errno, "copy the terminal");
	io->pump_out = pump_start(from, take_fd(&io->copy[1]), on_output_end, io, err);
	return io->pump_out ? 0 : -err->code;
}

/*
 * Was it the terminal that ended, or who took its output, as log programs may? To read again
 * tells. False when it was the terminal.
 */
static bool read_on(struct stdio *io)
{
	struct err err = ERR_INIT;

	if (io->master < 0 || io->lost)
		return false;
	if (copy_output(io, &err) == 0)
		return true;
	log_warn("output of a terminal is read no more: %s", err.msg);
	return false;
}

static int start_terminal(struct stdio *io, struct err *err)
{
	io->master = console_receive(io->console, err);
	fd_close(&io->console);
	if (io->master < 0)
		return io->master;
	if (copy_output(io, err) < 0)
		return -err->code;
	fd_close(&io->keep[STDIO_IN]);
	/* Others than fifos have nothing to say to a terminal, and cannot be waited for. */
	if (io->give[STDIO_IN] < 0 || !is_fifo(io->give[STDIO_IN]))
		return 0;
	return copy_input(io, take_fd(&io->give[STDIO_IN]), err);
}

static void close_given(struct stdio *io)
{
	for (int i = 0; i < STDIO_N; i++)
		fd_close(&io->give[i]);
	if (io->console_path)
		unlink(io->console_path);
	free_clear(&io->console_path);
}

int stdio_started(struct stdio *io, struct err *err)
{
	int r = 0;

	if (io->terminal)
		r = start_terminal(io, err);
	close_given(io);
	if (r < 0 || io->copy[0] < 0)
		return r;
	io->pump_out =
		pump_start(take_fd(&io->copy[0]), take_fd(&io->copy[1]), on_output_end, io, err);
	return io->pump_out ? 0 : -err->code;
}

void stdio_close_input(struct stdio *io)
{
	io->input_closed = true;
	fd_close(&io->keep[STDIO_IN]);
	pump_drop(&io->pump_in);
}

int stdio_resize(struct stdio *io, uint32_t width, uint32_t height)
{
	struct winsize size = {.ws_col = (unsigned short)width, .ws_row = (unsigned short)height};

	if (io->master < 0)
		return -ENOTTY;
	return ioctl(io->master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

void stdio_close(struct stdio *io)
{
	close_given(io);
	pump_drop(&io->pump_in);
	pump_drop(&io->pump_out);
	timer_drop(&io->drain_timer);
	logger_drop(&io->logger);
	fd_close(&io->console);
	fd_close(&io->master);
	fd_close(&io->copy[0]);
	fd_close(&io->copy[1]);
	for (int i = 0; i < STDIO_N; i++)
		fd_close(&io->keep[i]);
}

void stdio_finish(struct stdio *io)
{
	stdio_close(io);
	for (int i = 0; i < STDIO_N; i++)
		free_clear(&io->paths[i]);
}
