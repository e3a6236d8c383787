/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/bench.h"

#define ARGS_MAX 16

void load_move(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu == LOAD_ANY_CPU || cpu == i)
			CPU_SET(i, &set);
	(void)sched_setaffinity(pid, sizeof(set), &set);
}

void load_use_cpu(int cpu)
{
	load_move(0, cpu);
}

unsigned load_free_port(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohs(a.sin_port);
}

static bool is_listening(unsigned port)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr = {htonl(INADDR_LOOPBACK)},
		.sin_port = htons((uint16_t)port)};

	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

int load_await(unsigned port, struct err *err)
{
	for (double end = bench_now_us() + 2e7; bench_now_us() < end; usleep(20000))
		if (is_listening(port))
			return 0;
	return err_say(err, ETIMEDOUT, "it does not listen");
}

double load_cpu_us(pid_t pid)
{
	char path[64];
	double sum = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		_cleanup_free_ char *text = NULL;
		struct err err;
		size_t len;

		if (d->d_name[0] == '.') /* ".." would be its first thread once more */
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.10s/schedstat", (int)pid, d->d_name);
		if (file_read_value(AT_FDCWD, path, 128, &text, &len, &err) == 0)
			sum += strtod(text, NULL) / 1e3;
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* "    99%    1.23ms" */
static double parse_us(const char *text, const char *quantile)
{
	const char *at = strstr(text, quantile);
	char *unit;
	double v = at ? strtod(at + strlen(quantile), &unit) : NAN;

	return !at ? NAN : str_after(unit, "us") ? v : str_after(unit, "ms") ? v * 1e3 : v * 1e6;
}

static int parse(const char *text, struct load_result *ret, struct err *err)
{
	const char *at = strstr(text, "Requests/sec:");

	if (strstr(text, "Non-2xx") || strstr(text, "Socket errors"))
		return err_say(err, EIO, "wrk tells of errors: %s", text);
	*ret = (struct load_result){.rate = at ? strtod(at + strlen("Requests/sec:"), NULL) : 0,
		.p50_us = parse_us(text, "50%"),
		.p99_us = parse_us(text, "99%")};
	at = strstr(text, " requests in ");
	while (at && at > text && at[-1] != '\n')
		at--;
	ret->n = at ? strtod(at, NULL) : 0;
	return ret->rate > 0 && ret->n > 0 ? 0 : err_say(err, EIO, "wrk had no answer");
}

int load_run(const struct load *l, struct load_result *ret, struct err *err)
{
	char text[4096], connections[16], seconds[16], header[256], script[128];
	const char *argv[ARGS_MAX] = {
		l->wrk, "-t1", connections, seconds, "--timeout=10s", "--latency", l->url};
	size_t n = 7;

	snprintf(connections, sizeof(connections), "-c%s", l->connections ? l->connections : "32");
	snprintf(seconds, sizeof(seconds), "-d%s", l->seconds);
	snprintf(header, sizeof(header), "--header=%s", l->header ? l->header : "");
	snprintf(script, sizeof(script), "--script=%s", l->script ? l->script : "");
	if (l->header)
		argv[n++] = header;
	if (l->script)
		argv[n++] = script;
	load_use_cpu(l->anywhere ? LOAD_ANY_CPU : LOAD_CLIENT_CPU);
	return bench_output(argv, text, sizeof(text), err) < 0 ? -err->code : parse(text, ret, err);
}
