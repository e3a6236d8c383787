/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prompt: reads code from standard input, evaluates it as the console of a debugger does, and
 * goes on with the loop meanwhile. On a terminal lines are edited by libedit, where it is
 * installed; it is loaded when the first prompt is shown and not before. Otherwise lines are read as
 * they come, so code can be piped in.
 *
 * An input goes on over lines until it is complete. The next one is read when its value, awaited,
 * has been printed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aworker/ops/ops.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define REPL_INPUT_MAX (16u << 20) /* bytes of one input */
#define HISTORY_MAX    1000
#define HISTORY_FILE   ".aworker_history"

#define LIBEDIT	    "libedit.so.2"
#define PROMPT	    "> "
#define PROMPT_MORE "... "

/* Of libedit, in the manner of readline. */
struct editor {
	void *library;
	void (*install)(const char *prompt, void (*line)(char *));
	void (*remove)(void);
	void (*read_char)(void);
	int (*add_history)(const char *);
	int (*read_history)(const char *);
	int (*write_history)(const char *);
	void (*stifle_history)(int);
};

struct repl {
	struct worker *worker;
	struct loop_fd input;
	struct loop_timer next; /* where standard input cannot be waited for, being a file */
	struct editor editor;	/* library NULL: lines as they come */
	char *history;		/* path; NULL: none */
	struct buf lines;	/* read and not yet looked at */
	struct buf text;	/* of the input so far */
	bool terminal, busy, held, ended;
};

/* libedit's callback has no argument. */
static struct repl *prompting;

static void on_line(char *line);

static void show_prompt(struct repl *r)
{
	const char *prompt = r->text.len > 0 ? PROMPT_MORE : PROMPT;

	if (r->editor.library)
		r->editor.install(prompt, on_line);
	else if (r->terminal)
		fd_write_all(STDOUT_FILENO, prompt, strlen(prompt));
}

/* An input that is not answered yet keeps the worker alive, if there may be more. */
static void set_busy(struct repl *r, bool busy)
{
	const bool held = r->held;

	r->busy = busy;
	r->held = busy && !r->ended;
	if (r->held && !held)
		loop_hold(&r->worker->loop);
	if (!r->held && held)
		loop_unhold(&r->worker->loop);
}

/* No more input comes. */
static void finish(struct repl *r)
{
	r->ended = true;
	/* Code that was piped in may have started what goes on. */
	if (!r->terminal)
		return;
	fd_write_all(STDOUT_FILENO, "\n", 1);
	worker_exit(r->worker, WORKER_EXIT_OK);
}

/* Evaluates the input when it is complete; else it waits for more. */
static void evaluate(struct repl *r)
{
	_cleanup_free_ char *stack = NULL;
	struct err err = ERR_INIT;
	int rc;

	if (strspn(r->text.data, " \t\r\n") == r->text.len) {
		r->text.len = 0;
		return;
	}
	set_busy(r, true);
	rc = engine_repl(r->worker->engine, r->text.data, r->text.len, &stack, &err);
	if (rc == -EAGAIN && !r->ended && r->text.len < REPL_INPUT_MAX) {
		set_busy(r, false);
		return;
	}
	if (rc < 0) {
		set_busy(r, false);
		worker_say_error(r->worker, err.msg, stack);
	} else if (r->editor.library) {
		r->editor.remove();
	}
	if (r->editor.library && r->text.len > 1) {
		r->text.data[r->text.len - 1] = '\0';
		r->editor.add_history(r->text.data);
	}
	r->text.len = 0;
}

static void take_line(struct repl *r, const char *line, size_t len)
{
	buf_put(&r->text, line, len);
	buf_puts(&r->text, "\n");
	if (buf_failed(&r->text))
		finish(r);
	else
		evaluate(r);
}

static void on_line(char *line)
{
	struct repl *r = prompting;

	if (!line) {
		finish(r);
		return;
	}
	take_line(r, line, strlen(line));
	free(line);
	if (!r->busy && !r->ended)
		show_prompt(r);
}

/* Without libedit: lines that were read already, up to one that has to be waited for. */
static void take_lines(struct repl *r)
{
	while (!r->busy && !r->ended) {
		char *newline = r->lines.len ? memchr(r->lines.data, '\n', r->lines.len) : NULL;
		size_t len = newline ? (size_t)(newline - r->lines.data) : 0;

		if (!newline)
			return;
		take_line(r, r->lines.data, len);
		buf_consume(&r->lines, len + 1);
		if (!r->busy)
			show_prompt(r);
	}
}

/* The end of standard input: what is left is an input, complete or not. */
static void end_input(struct repl *r)
{
	loop_fd_remove(&r->worker->loop, &r->input);
	r->ended = true;
	if (r->lines.len > 0)
		buf_put(&r->text, r->lines.data, r->lines.len);
	r->lines.len = 0;
	if (r->text.len > 0)
		evaluate(r);
	/* An answer that is not there yet ends it (op_repl_ready). */
	if (!r->busy)
		finish(r);
}

static void read_input(struct repl *r)
{
	char buf[4096];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_input(r);
		return;
	}
	buf_put(&r->lines, buf, (size_t)n);
	if (buf_failed(&r->lines) || r->lines.len > REPL_INPUT_MAX) {
		worker_say("an input has at most %u MiB", REPL_INPUT_MAX >> 20);
		worker_exit(r->worker, WORKER_EXIT_ERROR);
		return;
	}
	take_lines(r);
}

static void wait_for_input(struct repl *r)
{
	struct worker *w = r->worker;

	if (r->ended || r->input.active)
		return;
	if (loop_fd_add(&w->loop, &r->input, STDIN_FILENO, EPOLLIN) < 0)
		loop_timer_start(&w->loop, &r->next, 0);
}

static void on_input(void *data, uint32_t events UNUSED)
{
	struct repl *r = data;

	if (r->editor.library)
		r->editor.read_char();
	else
		read_input(r);
	/* What is typed meanwhile waits. The loop goes on for what the input has started. */
	if (r->busy && r->input.active)
		loop_fd_remove(&r->worker->loop, &r->input);
	if (r->busy)
		return;
	wait_for_input(r);
}

/* The value of the last input is printed. */
static void ready(struct repl *r)
{
	if (!r->busy)
		return;
	set_busy(r, false);
	if (r->ended) {
		finish(r);
		return;
	}
	show_prompt(r);
	take_lines(r);
	if (!r->busy)
		wait_for_input(r);
}

static void on_next(void *data)
{
	struct repl *r = data;

	if (r->busy)
		ready(r);
	else
		on_input(r, 0);
}

static int op_repl_ready(struct op_call *call)
{
	struct worker *w = op_data(call);

	if (w && w->repl)
		loop_timer_start(&w->loop, &w->repl->next, 0);
	return 0;
}

const struct engine_op ops_repl[] = {
	{"replReady", op_repl_ready},
	{NULL, NULL},
};

/* --- opening --- */

static void load_editor(struct editor *e)
{
	void *library = dlopen(LIBEDIT, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return;
	*(void **)&e->install = dlsym(library, "rl_callback_handler_install");
	*(void **)&e->remove = dlsym(library, "rl_callback_handler_remove");
	*(void **)&e->read_char = dlsym(library, "rl_callback_read_char");
	*(void **)&e->add_history = dlsym(library, "add_history");
	*(void **)&e->read_history = dlsym(library, "read_history");
	*(void **)&e->write_history = dlsym(library, "write_history");
	*(void **)&e->stifle_history = dlsym(library, "stifle_history");
	if (e->install && e->remove && e->read_char && e->add_history && e->read_history &&
		e->write_history && e->stifle_history)
		e->library = library;
	else
		dlclose(library);
}

/* AWORKER_HISTORY names the file, and none where it is empty. */
static char *history_path(void)
{
	const char *path = getenv("AWORKER_HISTORY"), *home = getenv("HOME");
	struct buf b = BUF_INIT;

	if (path)
		return *path ? strdup(path) : NULL;
	if (!home || !*home)
		return NULL;
	buf_printf(&b, "%s/%s", home, HISTORY_FILE);
	return buf_take(&b);
}

int repl_open(struct worker *w, struct err *err)
{
	struct repl *r = calloc(1, sizeof(*r));

	if (!r)
		return err_oom(err);
	r->worker = w;
	r->input = (struct loop_fd){.fn = on_input, .data = r};
	r->next = (struct loop_timer){.fn = on_next, .data = r};
	r->terminal = isatty(STDIN_FILENO);
	w->repl = prompting = r;
	/* Text is there from the start, so that it can be looked at. */
	buf_puts(&r->text, "");
	if (r->terminal) {
		load_editor(&r->editor);
		fd_write_all(STDOUT_FILENO, REPL_WELCOME, strlen(REPL_WELCOME));
	}
	if (r->editor.library) {
		r->history = history_path();
		r->editor.stifle_history(HISTORY_MAX);
		if (r->history)
			(void)r->editor.read_history(r->history);
	}
	show_prompt(r);
	wait_for_input(r);
	return 0;
}

void repl_interrupt(struct worker *w)
{
	struct repl *r = w->repl;

	/* It stops the next call where none ran. */
	engine_pump(w->engine);
	r->text.len = 0;
	fd_write_all(STDOUT_FILENO, "\n", 1);
	if (r->editor.library && !r->busy)
		r->editor.remove();
	set_busy(r, true);
	ready(r);
}

void repl_close(struct worker *w)
{
	struct repl *r = w->repl;
	mode_t mask;

	if (!r)
		return;
	loop_fd_remove(&w->loop, &r->input);
	loop_timer_stop(&w->loop, &r->next);
	if (r->editor.library) {
		r->editor.remove();
		mask = umask(077);
		if (r->history)
			(void)r->editor.write_history(r->history);
		umask(mask);
	}
	free(r->history);
	buf_finish(&r->lines);
	buf_finish(&r->text);
	free(r);
	w->repl = prompting = NULL;
}
