/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master end of a container's terminal: sent to whoever asked for it by
 * --console-socket, or relayed to our own terminal by `turf run`.
 */
#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "runtime/base/err.h"

/*
 * Connects to the Unix socket and sends the descriptor by SCM_RIGHTS with the name
 * of the device as its data, which is what conmon and containerd expect.
 */
int console_send(const char *socket_path, int master_fd, struct err *err);

/* The same of another descriptor: to `socket_path`, with `name` as its data. */
int console_send_fd(const char *socket_path, const char *name, int fd, struct err *err);

/* -EINVAL or what connect(2) says; before anything is made, so that a typing mistake costs nothing. */
int console_check_socket(const char *socket_path, struct err *err);

/* Bytes on their way from our stdin to the terminal. */
#define CONSOLE_INPUT_MAX 4096

struct console {
	int master_fd; /* owned; -1: the container has no terminal of ours */
	bool stdin_open;
	bool is_raw;
	struct termios saved; /* of our own terminal, while is_raw */
	char input[CONSOLE_INPUT_MAX];
	size_t input_start, input_end;
};

#define CONSOLE_INIT            \
	{                       \
		.master_fd = -1 \
	}

/* Duplicates the master, puts our own terminal (if stdin is one) into raw mode, takes over its size. */
int console_open(struct console *c, int master_fd, struct err *err);
/* Restores our terminal. A console that was never opened is fine. */
void console_close(struct console *c);
#define _cleanup_console_ _cleanup_(console_close)

/* Gives the container's terminal the size of ours. */
void console_resize(const struct console *c);

struct pollfd;
#define CONSOLE_POLLFDS 2
/* Fills CONSOLE_POLLFDS entries before a poll, and copies after it what became possible. */
void console_prepare(const struct console *c, struct pollfd *fds);
void console_copy(struct console *c, const struct pollfd *fds);

/* Copies what the container wrote before it ended. */
void console_drain(struct console *c);

#endif
