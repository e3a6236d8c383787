/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/cgroup.h"
#include "runtime/criu_script.h"
#include "runtime/verbs.h"

#define CRIU_PROGRAM "criu"

/* Where the program is looked for behind what PATH says, which of a user has no sbin. */
#define CRIU_PATH_MORE "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin"

/* criu's own words: everything, since a failure is looked for in it. */
#define CRIU_VERBOSITY "-v4"

/* Its log says what memory is where. */
#define WORK_DIR_MODE 0700

/* How much of the end of a log is looked through for the last error. */
#define LOG_TAIL_MAX (64 << 10)

struct criu_given criu_given = {.image_path = CRIU_IMAGE_DEFAULT};

static const char *const cgroups_modes[] = {"ignore", "soft", "full", "strict", NULL};
static const char *const empty_namespaces[] = {"network", NULL};

static const struct option options[] = {
	{"image-path", 0, OPTION_STRING, &criu_given.image_path, "DIR", NULL,
		"where the images are, by default '" CRIU_IMAGE_DEFAULT "'"},
	{"work-path", 0, OPTION_STRING, &criu_given.work_path, "DIR", NULL,
		"where criu's log goes, by default to the images"},
	{"tcp-established", 0, OPTION_FLAG, &criu_given.tcp_established, NULL, NULL,
		"allow TCP connections that are open"},
	{"ext-unix-sk", 0, OPTION_FLAG, &criu_given.ext_unix_sk, NULL, NULL,
		"allow Unix sockets whose other end is outside"},
	{"shell-job", 0, OPTION_FLAG, &criu_given.shell_job, NULL, NULL,
		"allow a session and a terminal from outside"},
	{"file-locks", 0, OPTION_FLAG, &criu_given.file_locks, NULL, NULL, "allow file locks"},
	{"manage-cgroups-mode", 0, OPTION_STRING, &criu_given.cgroups_mode, "MODE", cgroups_modes,
		"what criu does about cgroups below the container's: ignore, soft, full or strict"},
	{"empty-ns", 0, OPTION_STRING, &criu_given.empty_ns, "NAME", empty_namespaces,
		"leave what a namespace holds to others: network"},
	{"auto-dedup", 0, OPTION_FLAG, &criu_given.auto_dedup, NULL, NULL,
		"free pages of images that are not needed any more"},
	{"lazy-pages", 0, OPTION_FLAG, &criu_given.lazy_pages, NULL, NULL,
		"leave memory to criu's lazy-pages daemon"},
};

const struct option_table criu_checkpoint_options = {options, ARRAY_SIZE(options), NULL};
const struct option_table criu_restore_options = {options, ARRAY_SIZE(options), &create_options};

void criu_call_finish(struct criu_call *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		fd_close(&c->fds[i]);
	arena_finish(&c->arena);
	free(c->work);
	*c = (struct criu_call){0};
}

static bool search(const char *path, char ret[PATH_MAX])
{
	for (; path && *path; path += strspn(path, ":")) {
		size_t len = strcspn(path, ":");
		int n = snprintf(ret, PATH_MAX, "%.*s/" CRIU_PROGRAM, (int)len, path);

		if (*path == '/' && n < PATH_MAX && access(ret, X_OK) == 0)
			return true;
		path += len;
	}
	return false;
}

static bool find(char ret[PATH_MAX])
{
	return search(getenv("PATH"), ret) || search(CRIU_PATH_MORE, ret);
}

bool criu_is_installed(void)
{
	char path[PATH_MAX];

	return find(path);
}

void criu_word(struct criu_call *c, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		text = NULL;
	if (c->n + 1 >= c->room) {
		size_t room = c->room ? c->room * 2 : 64;
		const char **more = arena_calloc(&c->arena, room, sizeof(*more));

		if (more && c->n)
			memcpy(more, c->argv, c->n * sizeof(*more));
		c->argv = more;
		c->room = more ? room : 0;
	}
	if (!text || !c->argv) {
		c->failed = true;
		c->n = 0;
		return;
	}
	c->argv[c->n] = arena_strndup(&c->arena, text, (size_t)len);
	c->failed |= !c->argv[c->n++];
}

void criu_inherit(struct criu_call *c, int fd)
{
	assert(c->n_fds < CRIU_FDS_MAX);
	c->fds[c->n_fds++] = fd;
}

static void put_given(struct criu_call *c)
{
	const struct criu_given *g = &criu_given;
	const struct {
		bool given;
		const char *word;
	} flags[] = {
		{g->tcp_established, "--tcp-established"},
		{g->ext_unix_sk, "--ext-unix-sk"},
		{g->shell_job, "--shell-job"},
		{g->file_locks, "--file-locks"},
		{g->auto_dedup, "--auto-dedup"},
		{g->lazy_pages, "--lazy-pages"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].given)
			criu_word(c, "%s", flags[i].word);
	if (g->empty_ns)
		criu_word(c, "--empty-ns=net");
	/*
	 * The processes of a restored container are in its cgroup because criu is: whoever
	 * has made cgroups below asks for more.
	 */
	criu_word(c, "--manage-cgroups=%s", g->cgroups_mode ? g->cgroups_mode : "ignore");
}

int criu_require(const char *verb, struct err *err)
{
	if (geteuid() != 0)
		return err_say(err, EPERM, "%s: CRIU works for root alone", verb);
	if (!criu_is_installed())
		return err_say(err, ENOENT,
			"%s needs CRIU: there is no program '" CRIU_PROGRAM
			"'; install the package 'criu'",
			verb);
	return 0;
}

int criu_begin(struct criu_call *c, const char *verb, const char *log, struct err *err)
{
	const char *work = criu_given.work_path ? criu_given.work_path : criu_given.image_path;
	char program[PATH_MAX];
	char *images;

	if (!find(program))
		return err_set(err, ENOENT, "program '" CRIU_PROGRAM "'");
	images = realpath(criu_given.image_path, NULL);
	if (!images)
		return err_set(err, errno, "image directory '%s'", criu_given.image_path);
	/* Engines name one for each checkpoint and leave it to us. */
	if (mkdir(work, WORK_DIR_MODE) < 0 && errno != EEXIST) {
		free(images);
		return err_set(err, errno, "make work directory '%s'", work);
	}
	c->work = realpath(work, NULL);
	c->log = log;
	criu_word(c, "%s", program);
	criu_word(c, "%s", verb);
	criu_word(c, "--images-dir=%s", images);
	free(images);
	if (!c->work)
		return err_set(err, errno, "work directory '%s'", work);
	criu_word(c, "--work-dir=%s", c->work);
	criu_word(c, "--log-file=%s", log);
	criu_word(c, CRIU_VERBOSITY);
	put_given(c);
	return 0;
}

/* --- its process --- */

static _Noreturn void child_fail(const char *what)
{
	dprintf(STDERR_FILENO, "Error: %s: %s\n", what, strerror(errno));
	_exit(127);
}

static void child_make_root(const char *root)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		child_fail("make a mount namespace for criu");
	/* criu wants a mount point. This one ends with the namespace. */
	if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		child_fail("bind the root file system");
}

static _Noreturn void child_exec(const struct criu_call *c, pid_t parent, int said_fd)
{
	const int *attach;
	size_t n = c->cgroup ? cgroup_attach_fds(c->cgroup, &attach) : 0;

	if (c->ends_with_us && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(127);
	if (dup2(said_fd, STDERR_FILENO) < 0 || dup2(said_fd, STDOUT_FILENO) < 0)
		_exit(127);
	proc_reset_signals(PROC_ALL_SIGNALS);
	for (size_t i = 0; i < n; i++)
		if (write(attach[i], "0", 1) != 1)
			child_fail("put criu into the container's cgroup");
	if (c->root)
		child_make_root(c->root);
	for (size_t i = 0; i < c->n_fds; i++)
		if (fd_set_cloexec(c->fds[i], false) < 0)
			child_fail("hand on a descriptor");
	execv(c->argv[0], (char *const *)c->argv);
	child_fail("execute criu");
}

/* --- what it had to say --- */

/* "(00.123456) Error (criu/x.c:12): words" or "Error: words", without what is before the words. */
static bool take_error(const char *line, size_t len, char *ret, size_t room)
{
	const char *at = memmem(line, len, "Error", 5);
	const char *words;

	if (!at)
		return false;
	words = memmem(at, len - (size_t)(at - line), ": ", 2);
	if (!words)
		return false;
	words += 2;
	snprintf(ret, room, "%.*s", (int)(len - (size_t)(words - line)), words);
	return true;
}

/* "Dumping FAILED.": what is said behind it are consequences. */
static bool is_end(const char *line, size_t len)
{
	static const char end[] = " FAILED.";

	return len >= sizeof(end) - 1 &&
	       memcmp(line + len - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

/* The last error that led to the failure; false when there is none. */
static bool last_error(const char *text, size_t len, char *ret, size_t room)
{
	bool found = false;

	for (const char *line = text; line < text + len;) {
		const char *end = memchr(line, '\n', (size_t)(text + len - line));

		if (!end)
			end = text + len;
		if (found && is_end(line, (size_t)(end - line)))
			break;
		found |= take_error(line, (size_t)(end - line), ret, room);
		line = end + 1;
	}
	return found;
}

static size_t read_tail(int fd, char *ret)
{
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n;

	if (end < 0)
		return 0;
	n = pread(fd, ret, LOG_TAIL_MAX, end > LOG_TAIL_MAX ? end - LOG_TAIL_MAX : 0);
	return n > 0 ? (size_t)n : 0;
}

static int explain(const struct criu_call *c, int status, int said_fd, struct err *err)
{
	_cleanup_free_ char *tail = malloc(LOG_TAIL_MAX);
	_cleanup_free_ char *log = NULL;
	_cleanup_close_ int fd = -1;
	char why[ERR_MSG_MAX / 2];

	if (!tail || asprintf(&log, "%s/%s", c->work, c->log) < 0) {
		log = NULL;
		return err_oom(err);
	}
	fd = open(log, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && last_error(tail, read_tail(fd, tail), why, sizeof(why)))
		return err_say(err, EIO, "criu %s: %s (its log is '%s')", c->argv[1], why, log);
	if (last_error(tail, read_tail(said_fd, tail), why, sizeof(why)))
		return err_say(err, EIO, "criu %s: %s", c->argv[1], why);
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "criu %s: killed by signal %d (its log is '%s')",
			c->argv[1], WTERMSIG(status), log);
	return err_say(
		err, EIO, "criu %s: failed without a reason (its log is '%s')", c->argv[1], log);
}

/* An old log must not explain a new failure. */
static int remove_log(const struct criu_call *c, struct err *err)
{
	_cleanup_close_ int dir = open(c->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(err, errno, "work directory '%s'", c->work);
	if (unlinkat(dir, c->log, 0) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove '%s/%s'", c->work, c->log);
	return 0;
}

static int wait_for(
	pid_t pid, struct criu_script *script, const struct criu_call *c, int *ret, struct err *err)
{
	_cleanup_close_ int pidfd = proc_pidfd_open(pid);
	int r = 0;

	if (pidfd < 0)
		r = err_set(err, -pidfd, "open process %d", (int)pid);
	else if (c->on_namespaces)
		r = criu_script_serve(script, c, pidfd, err);
	/* Nobody answers its script any more. */
	if (r < 0 && pidfd >= 0)
		(void)proc_pidfd_signal(pidfd, SIGTERM);
	while (waitpid(pid, ret, 0) < 0 && errno == EINTR)
		;
	return r;
}

int criu_run(struct criu_call *c, struct err *err)
{
	_cleanup_close_ int said_fd = memfd_create("criu", MFD_CLOEXEC);
	_cleanup_criu_script_ struct criu_script script = CRIU_SCRIPT_INIT;
	int status = 0;
	pid_t pid, parent;

	if (said_fd < 0)
		return err_set(err, errno, "memfd_create");
	if (c->on_namespaces && criu_script_begin(&script, c, err) < 0)
		return -err->code;
	if (c->failed)
		return err_oom(err);
	if (remove_log(c, err) < 0)
		return -err->code;
	parent = getpid();
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		child_exec(c, parent, said_fd);
	if (wait_for(pid, &script, c, &status, err) < 0)
		return -err->code;
	return status == 0 ? 0 : explain(c, status, said_fd, err);
}
