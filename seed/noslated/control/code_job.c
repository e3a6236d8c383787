/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/code_job.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/code.h"

#define ARGS_MAX 5
#define STDIO_N	 (CODE_FD_SCRATCH + 1)

struct code_job {
	struct code_jobs *all;
	struct code_job *next, **prev;
	uv_process_t process;
	uv_pipe_t pipe;
	uv_timer_t limit;
	unsigned open; /* handles that are to be closed, or that closing has not finished for */
	bool exited, ended;
	bool late;
	int signal;
	char answer[CODE_ANSWER_MAX];
	size_t len;
	code_job_fn done;
	void *arg;
};

/* --- what it said --- */

static void read_answer(struct code_job *j, struct digest *ret, struct err *err)
{
	const char *text = j->answer, *sentence;
	char *end = memchr(j->answer, '\n', j->len);
	int code = 0, n = 0;

	if (j->late) {
		err_say(err, ETIMEDOUT, "it took longer than %d s", CODE_JOB_MS / 1000);
		return;
	}
	if (!end) {
		err_say(err, EIO, CODE_PROGRAM " ended without an answer (signal %d)", j->signal);
		return;
	}
	*end = '\0';
	sentence = str_after(text, "ok ");
	if (sentence && (streq(sentence, "-") || digest_is_valid(sentence)))
		snprintf(ret->text, sizeof(ret->text), "%s", sentence);
	else if (sscanf(text, "error %d %n", &code, &n) == 1 && n > 0 && code > 0)
		err_say(err, code, "%s", text + n);
	else
		err_say(err, EPROTO, CODE_PROGRAM " answers nonsense");
}

static void leave(struct code_job *j)
{
	*j->prev = j->next;
	if (j->next)
		j->next->prev = j->prev;
}

static void on_closed(uv_handle_t *h)
{
	struct code_job *j = h->data;
	struct err err = ERR_INIT;
	struct digest d = {""};

	if (--j->open > 0)
		return;
	leave(j);
	read_answer(j, &d, &err);
	j->done(j->arg, &d, &err);
	free(j);
}

static void close_if_over(struct code_job *j)
{
	if (!j->exited || !j->ended)
		return;
	uv_close((uv_handle_t *)&j->process, on_closed);
	uv_close((uv_handle_t *)&j->pipe, on_closed);
	uv_close((uv_handle_t *)&j->limit, on_closed);
}

/* --- events --- */

static void on_exit_of_job(uv_process_t *p, int64_t code UNUSED, int signal)
{
	struct code_job *j = p->data;

	j->exited = true;
	j->signal = signal;
	close_if_over(j);
}

static void on_alloc(uv_handle_t *h, size_t wanted UNUSED, uv_buf_t *ret)
{
	struct code_job *j = h->data;

	*ret = uv_buf_init(j->answer + j->len, (unsigned)(sizeof(j->answer) - j->len));
}

/* A full buffer ends it, too. */
static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf UNUSED)
{
	struct code_job *j = s->data;

	if (n >= 0) {
		j->len += (size_t)n;
		return;
	}
	uv_read_stop(s);
	j->ended = true;
	close_if_over(j);
}

static void on_limit(uv_timer_t *t)
{
	struct code_job *j = t->data;

	j->late = true;
	code_job_kill(j);
}

/* --- start and end --- */

static uv_stdio_container_t inherit(int fd)
{
	uv_stdio_container_t c = {.flags = UV_IGNORE};

	if (fd >= 0) {
		c.flags = UV_INHERIT_FD;
		c.data.fd = fd;
	}
	return c;
}

static int spawn(
	struct code_job *j, const struct code_job_options *o, const char *program, struct err *err)
{
	char *args[ARGS_MAX] = {(char *)CODE_PROGRAM, (char *)o->act, (char *)o->args[0],
		o->args[0] ? (char *)o->args[1] : NULL, NULL};
	uv_stdio_container_t stdio[STDIO_N] = {[0] = {.flags = UV_IGNORE},
		[1] = {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
			.data.stream = (uv_stream_t *)&j->pipe},
		[2] = inherit(2),
		[CODE_FD_TREE] = inherit(o->tree),
		[CODE_FD_SOURCE] = inherit(o->source),
		[CODE_FD_SCRATCH] = inherit(o->scratch)};
	const uv_process_options_t options = {.file = program,
		.args = args,
		.stdio = stdio,
		.stdio_count = STDIO_N,
		.exit_cb = on_exit_of_job};
	const int r = uv_spawn(j->all->loop, &j->process, &options);

	return r < 0 ? err_set(err, -r, "execute '%s'", program) : 0;
}

static void free_unborn(uv_handle_t *h)
{
	struct code_job *j = h->data;

	if (--j->open == 0)
		free(j);
}

static void enter(struct code_job *j)
{
	j->next = j->all->first;
	j->prev = &j->all->first;
	if (j->next)
		j->next->prev = &j->next;
	j->all->first = j;
}

int code_job_start(struct code_jobs *all, const struct code_job_options *o, struct code_job **ret,
	struct err *err)
{
	_cleanup_free_ char *program = NULL;
	struct code_job *j;

	if (paths_program(CODE_PROGRAM, &program, err) < 0)
		return -err->code;
	j = calloc(1, sizeof(*j));
	if (!j)
		return err_oom(err);
	*j = (struct code_job){.all = all, .open = 3, .done = o->done, .arg = o->arg};
	j->process.data = j->pipe.data = j->limit.data = j;
	uv_pipe_init(all->loop, &j->pipe, 0);
	uv_timer_init(all->loop, &j->limit);
	if (spawn(j, o, program, err) < 0) {
		uv_close((uv_handle_t *)&j->process, free_unborn);
		uv_close((uv_handle_t *)&j->pipe, free_unborn);
		uv_close((uv_handle_t *)&j->limit, free_unborn);
		return -err->code;
	}
	enter(j);
	uv_timer_start(&j->limit, on_limit, CODE_JOB_MS, 0);
	uv_read_start((uv_stream_t *)&j->pipe, on_alloc, on_read);
	*ret = j;
	return 0;
}

void code_job_kill(struct code_job *j)
{
	if (!j->exited)
		(void)uv_process_kill(&j->process, SIGKILL);
}

void code_jobs_finish(struct code_jobs *all)
{
	while (all->first) {
		struct code_job *j = all->first;

		code_job_kill(j);
		if (!j->exited)
			(void)waitpid(j->process.pid, NULL, 0);
		leave(j);
		free(j);
	}
}
