/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seed_image.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/close_range.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/rfc3339.h"
#include "runtime/create_options.h"
#include "runtime/life.h"
#include "runtime/state_store.h"
#include "runtime/verbs.h"
#include "seed/image.h"

/* Whoever serves goes first. */
#define BUILDER_NICE 19

/* Whose files are nobody's secret; the image itself is its owner's alone. */
#define IMAGE_DIR_MODE 0755

static int make_directory(const char *path, struct err *err)
{
	_cleanup_free_ char *copy = strdup(path);

	return copy ? paths_mkdir_all(dirname(copy), IMAGE_DIR_MODE, err) : err_oom(err);
}

static int run(char *const *argv, struct err *err)
{
	int status = 0, r;
	pid_t pid;

	r = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
	if (r != 0)
		return err_set(err, r, "execute '%s'", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "waitpid");
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "'%s' died of signal %d", argv[0], WTERMSIG(status));
	/* It has said why. */
	if (WEXITSTATUS(status) != 0)
		return err_say(err, EIO, "'%s' ended with %d", argv[0], WEXITSTATUS(status));
	return 0;
}

static int rebuild(const struct globals *g UNUSED, const struct seed_image_options *options UNUSED,
	char **args UNUSED, struct err *err)
{
	const char *path = paths_base_image();
	_cleanup_free_ char *worker = NULL, *option = NULL;

	if (paths_program("aworker", &worker, err) < 0 || make_directory(path, err) < 0)
		return -err->code;
	if (asprintf(&option, "--build-image=%s", path) < 0) {
		option = NULL;
		return err_oom(err);
	}
	return run((char *const[]){worker, option, NULL}, err);
}

static int info(const struct globals *g UNUSED, const struct seed_image_options *options UNUSED,
	char **args UNUSED, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *worker = NULL;
	_cleanup_close_ int fd = -1;
	char when[RFC3339_MAX];
	struct stat st;

	if (paths_program("aworker", &worker, err) < 0)
		return -err->code;
	if (stat(worker, &st) < 0)
		return err_set(err, errno, "stat worker '%s'", worker);
	fd = image_open_base(&st, err);
	if (fd < 0)
		return -err->code;
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "stat");
	buf_printf(&out, "base image:    %s\n", paths_base_image());
	buf_printf(&out, "built:         %s\n", rfc3339_seconds((uint64_t)st.st_mtime, when));
	buf_printf(&out, "size:          %llu bytes\n", (unsigned long long)st.st_size);
	return buf_failed(&out) ? err_oom(err) : print_out(out.data, err);
}

/* --- state images --- */

/* It runs as a container of its own, with all that the bundle's would have and no more. */
static int build(const struct globals *g, const struct seed_image_options *options,
	char **args UNUSED, struct err *err)
{
	_cleanup_life_ struct life life = LIFE_INIT;
	struct life_options o;
	char id[64];

	if (options->timeout_s == 0)
		return err_say(err, EINVAL, "option '--timeout': no image is made in no time");
	if (geteuid() != 0)
		return err_say(err, EPERM, "seed image build: root alone makes state images");
	snprintf(id, sizeof(id), "state-image-%d", (int)getpid());
	o = create_life_options(g, id);
	o.bundle = options->bundle;
	o.tenant = options->tenant;
	o.warmfork = "never";
	o.start = o.to_rest = true;
	o.rest_timeout_s = options->timeout_s;
	o.if_missing = options->if_missing;
	if (options->if_missing)
		(void)setpriority(PRIO_PROCESS, 0, BUILDER_NICE);
	if (life_create(&o, &life, err) == 0)
		return life_delete(&life.container, true, err);
	if (!options->if_missing)
		return -err->code;
	log_info("state image: %s", err->msg);
	return 0;
}

static void add_option(const char **argv, size_t *n, const char *name, const char *value)
{
	if (!value)
		return;
	argv[(*n)++] = name;
	argv[(*n)++] = value;
}

static _Noreturn void child_build(
	const char *turf, const struct globals *g, const char *bundle, const char *tenant)
{
	const char *argv[24] = {"turf", "--root", g->root};
	size_t n = 3;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	add_option(argv, &n, "--log", g->log);
	add_option(argv, &n, "--log-level", g->debug ? "debug" : g->log_level);
	add_option(argv, &n, "--log-format", g->log_format);
	add_option(argv, &n, "--cgroup-manager", g->systemd_cgroup ? "systemd" : g->cgroup_manager);
	argv[n++] = "seed";
	argv[n++] = "--if-missing";
	add_option(argv, &n, "--bundle", bundle);
	add_option(argv, &n, "--tenant", tenant);
	argv[n++] = "image";
	argv[n] = "build";
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(1);
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	execv(turf, (char *const *)argv);
	_exit(1);
}

void seed_image_build_later(const struct globals *g, const char *bundle, const char *tenant)
{
	_cleanup_free_ char *turf = NULL;
	struct err err;
	pid_t pid;

	if (paths_program("turf", &turf, &err) < 0) {
		log_warn("state image: %s, ignoring", err.msg);
		return;
	}
	/* Whoever waits for us does not wait for it, and it is no child of ours. */
	pid = fork();
	if (pid == 0) {
		setsid();
		if (fork() == 0)
			child_build(turf, g, bundle, tenant);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int list(const struct globals *g UNUSED, const struct seed_image_options *options UNUSED,
	char **args UNUSED, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct state_entry *entries;
	char when[RFC3339_MAX];
	size_t n;

	if (state_store_list(&entries, &n, err) < 0)
		return -err->code;
	buf_printf(&out, "%-56s %10s  %s\n", "IMAGE", "KIB", "USED");
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%-56s %10llu  %s\n", entries[i].name,
			(unsigned long long)(entries[i].bytes >> 10),
			rfc3339_seconds(entries[i].used_s, when));
	state_store_list_free(entries, n);
	return buf_failed(&out) ? err_oom(err) : print_out(out.data, err);
}

static int rm(const struct globals *g UNUSED, const struct seed_image_options *options UNUSED,
	char **args, struct err *err)
{
	return args[0] ? state_store_remove(args[0], err)
		       : err_say(err, EINVAL, "seed image rm: a name is needed");
}

static const struct action {
	const char *name;
	int (*run)(const struct globals *g, const struct seed_image_options *options, char **args,
		struct err *err);
	bool takes_args;
} actions[] = {
	{"rebuild", rebuild, false},
	{"info", info, false},
	{"build", build, false},
	{"list", list, false},
	{"rm", rm, true},
};

int seed_image(const struct globals *g, const struct seed_image_options *options, char **args,
	struct err *err)
{
	const char *name = args[0] ? args[0] : "info";

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!streq(actions[i].name, name))
			continue;
		if (args[0] && args[1] && !actions[i].takes_args)
			return err_say(err, EINVAL, "seed image %s: one argument too many: '%s'",
				name, args[1]);
		return actions[i].run(g, options, args[0] ? args + 1 : args, err);
	}
	return err_say(
		err, EINVAL, "seed image: '%s' is none of rebuild, info, build, list, rm", name);
}

int seed_image_actions(char ***ret, struct err *err)
{
	*ret = calloc(ARRAY_SIZE(actions) + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < ARRAY_SIZE(actions); i++)
		(*ret)[i] = strdup(actions[i].name);
	return *ret ? 0 : err_oom(err);
}
