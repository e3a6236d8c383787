/* SPDX-License-Identifier: Apache-2.0 */
/* Answers HTTP on the socket that it was started with, as sd_listen_fds(3) says it is told, with what it has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST 3

static const char *value(const char *name)
{
	const char *v = getenv(name);

	return v ? v : "-";
}

static void read_head(int fd)
{
	char head[8192] = "";
	size_t len = 0;
	ssize_t n;

	while (!strstr(head, "\r\n\r\n") && len < sizeof(head) - 1 &&
		(n = read(fd, head + len, sizeof(head) - 1 - len)) > 0)
		len += (size_t)n;
}

static void answer(int fd)
{
	char body[1024], text[2048];
	FILE *f = fopen("/own", "w");
	const int n = snprintf(body, sizeof(body), "%d %s %s %s %s root is %s", (int)getpid(),
		value("LISTEN_FDNAMES"), value("NOSLATE_FUNCTION"), value("OWN"), value("GIVEN"),
		f ? "writable" : "read-only");
	const int all = snprintf(text, sizeof(text),
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", n, body);

	if (f)
		fclose(f);
	read_head(fd);
	if (write(fd, text, (size_t)all) < 0)
		perror("write");
}

int main(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	if (!pid || atol(pid) != getpid() || !n || strcmp(n, "1") != 0)
		return 1;
	for (;;) {
		const int fd = accept(FIRST, NULL, NULL);

		if (fd < 0)
			return 2;
		answer(fd);
		close(fd);
	}
}
