/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf ps`: the processes in the container's cgroup. As a table it is what ps(1)
 * says of them: with the options that the caller gives it, reduced to those lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/box/cgroup.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

/* A host of 4 million processes with long names; what is beyond is no list of processes. */
#define PS_OUTPUT_MAX (1u << 30)

static const char *format = "table";

static const char *const formats[] = {"table", "json", NULL};

static const struct option options[] = {
	{"format", 'f', OPTION_STRING, &format, "FORMAT", formats,
		"table, made by ps(1), or json: process ids"},
};

const struct option_table ps_options = {options, ARRAY_SIZE(options), NULL};

struct pids {
	pid_t *list; /* sorted */
	size_t n;
};

static int print_json(const struct pids *pids, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &out, false);
	json_write_array_begin(&w);
	for (size_t i = 0; i < pids->n; i++)
		json_write_i64(&w, pids->list[i]);
	json_write_array_end(&w);
	buf_puts(&out, "\n");
	return buf_failed(&out) ? err_oom(err) : print_out(out.data, err);
}

static int read_all(int fd, struct buf *ret, struct err *err)
{
	char data[65536];
	ssize_t n;

	while ((n = fd_read_all(fd, data, sizeof(data))) > 0) {
		buf_put(ret, data, (size_t)n);
		if (ret->len > PS_OUTPUT_MAX)
			return err_say(err, E2BIG, "ps: more than %u bytes", PS_OUTPUT_MAX);
	}
	if (n < 0)
		return err_set(err, (int)-n, "read what ps says");
	return buf_failed(ret) ? err_oom(err) : 0;
}

static int spawn_ps(char *const *argv, int out_fd, pid_t *ret, struct err *err)
{
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawnp(ret, "ps", &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r != 0 ? err_set(err, r, "execute ps") : 0;
}

/* What ps prints; what it has to complain of it says on our standard error. */
static int run_ps(char **args, struct buf *ret, struct err *err)
{
	static char *const usual[] = {"ps", "-ef", NULL};
	_cleanup_close_ int in = -1;
	_cleanup_free_ char **argv = NULL;
	int fds[2], status = 0;
	size_t n = 0;
	pid_t pid;
	int r;

	while (args[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv)
		return err_oom(err);
	argv[0] = "ps";
	memcpy(argv + 1, args, n * sizeof(*argv));
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	in = fds[0];
	r = spawn_ps(n ? argv : usual, fds[1], &pid, err);
	fd_close(&fds[1]);
	if (r < 0)
		return r;
	r = read_all(in, ret, err);
	fd_close(&in);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && status != 0)
		return err_say(err, EINVAL, "ps failed, with the options it was given");
	return r;
}

/* The word at a place in a line, counted from 0; NULL when there are fewer. */
static const char *word_at(const char *line, size_t index, size_t *ret_len)
{
	for (;;) {
		line += strspn(line, " \t");
		*ret_len = strcspn(line, " \t\n");
		if (*ret_len == 0)
			return NULL;
		if (index-- == 0)
			return line;
		line += *ret_len;
	}
}

static int find_column(const char *header, size_t *ret, struct err *err)
{
	const char *word;
	size_t len;

	for (size_t i = 0; (word = word_at(header, i, &len)); i++)
		if (len == 3 && memcmp(word, "PID", 3) == 0) {
			*ret = i;
			return 0;
		}
	return err_say(err, EINVAL, "ps: no column PID, by which to find the container's");
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static bool is_wanted(const char *line, size_t column, const struct pids *pids)
{
	size_t len;
	const char *word = word_at(line, column, &len);
	pid_t pid = word ? (pid_t)strtol(word, NULL, 10) : 0;

	return bsearch(&pid, pids->list, pids->n, sizeof(pid), compare_pids);
}

static int print_table(const struct pids *pids, char **args, struct err *err)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t column = 0;
	int r = run_ps(args, &all, err);

	if (r == 0)
		r = find_column(all.data ?: "", &column, err);
	if (r < 0)
		return r;
	for (const char *line = all.data, *next; *line; line = next) {
		const char *end = strchrnul(line, '\n');

		next = *end ? end + 1 : end;
		if (line == all.data || is_wanted(line, column, pids))
			buf_put(&out, line, (size_t)(next - line));
	}
	return buf_failed(&out) ? err_oom(err) : print_out(out.data, err);
}

int verb_ps(const struct globals *g, char **args, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	_cleanup_record_ struct record record = {0};
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	_cleanup_free_ pid_t *list = NULL;
	struct pids pids;
	int r = container_open(g->root, args[0], &c, err);

	if (r == 0)
		r = container_record(&c, &record, err);
	if (r < 0)
		return r;
	if (record.n_cgroups == 0)
		return err_say(
			err, ENOTSUP, "the container has no cgroup to find its processes by");
	r = cgroup_open(record.cgroups, record.n_cgroups, &cg, err);
	if (r == 0)
		r = cgroup_pids(cg, &list, &pids.n, err);
	if (r < 0)
		return r;
	pids.list = list;
	return streq(format, "json") ? print_json(&pids, err) : print_table(&pids, args + 1, err);
}
