/* SPDX-License-Identifier: Apache-2.0 */
/* process.args and process.env as execve() wants them, and the executable they mean. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

/* Where programs are when process.env has no PATH. */
#define EXEC_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The part of /etc/passwd in which a user may stand. */
#define PASSWD_MAX (256u << 10)

#define HOME_MAX PATH_MAX

void *enter_memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* "name:x:uid:gid:gecos:home:shell" -> the home of a uid; false when it is another line. */
static bool home_of_line(const char *line, size_t len, uint32_t uid, char home[HOME_MAX])
{
	const char *field[7];
	size_t n = 0;
	unsigned long long value = 0;
	size_t home_len;

	field[n++] = line;
	for (size_t i = 0; i < len && n < ARRAY_SIZE(field); i++)
		if (line[i] == ':')
			field[n++] = line + i + 1;
	if (n < ARRAY_SIZE(field) || field[3] - field[2] < 2)
		return false;
	for (const char *c = field[2]; c < field[3] - 1; c++) {
		if (*c < '0' || *c > '9' || value > UINT32_MAX)
			return false;
		value = value * 10 + (unsigned long long)(*c - '0');
	}
	home_len = (size_t)(field[6] - 1 - field[5]);
	if (value != uid || home_len == 0 || home_len >= HOME_MAX)
		return false;
	memcpy(home, field[5], home_len);
	home[home_len] = '\0';
	return true;
}

/* The rootfs's file is read as any file of it: never a fifo that blocks, never beyond a limit. */
static void find_home(uint32_t uid, char home[HOME_MAX])
{
	_cleanup_close_ int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text;
	ssize_t len;
	struct stat st;

	home[0] = '/';
	home[1] = '\0';
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	text = enter_memory(PASSWD_MAX);
	if (!text)
		return;
	len = fd_read_all(fd, text, PASSWD_MAX);
	for (const char *line = text; len > 0 && line < text + len;) {
		const char *end = memchr(line, '\n', (size_t)(text + len - line)) ?: text + len;

		if (home_of_line(line, (size_t)(end - line), uid, home))
			break;
		line = end + 1;
	}
	munmap(text, PASSWD_MAX);
}

static const char *env_value(const char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

static int find_in_path(const char *name, const char *dirs, char exe[PATH_MAX])
{
	int result = -ENOENT;

	for (;;) {
		const char *end = strchrnul(dirs, ':');
		int len = (int)(end - dirs);
		int r = snprintf(exe, PATH_MAX, "%.*s%s%s", len, dirs, len ? "/" : "", name);

		if (r > 0 && r < PATH_MAX) {
			r = check_executable(exe);
			if (r == 0)
				return 0;
			if (r == -EACCES)
				result = r;
		}
		if (!*end)
			return result;
		dirs = end + 1;
	}
}

/* Engines look for these very words, in Go's spelling, to choose between exit 126 and 127. */
static int refuse(const char *name, int code, struct err *err)
{
	switch (code) {
	case EACCES: return err_say(err, code, "exec: \"%s\": permission denied", name);
	case EISDIR:
		return err_say(err, code, "exec: \"%s\": is a directory: permission denied", name);
	case ENOENT: return err_say(err, code, "exec: \"%s\": no such file or directory", name);
	default: return err_set(err, code, "exec: \"%s\"", name);
	}
}

static int find_executable(
	const char *const *argv, const char *const *envp, char exe[PATH_MAX], struct err *err)
{
	const char *name = argv[0];
	int r;

	if (strchr(name, '/')) {
		if (strlen(name) >= PATH_MAX)
			return refuse(name, ENAMETOOLONG, err);
		strcpy(exe, name);
		r = check_executable(exe);
		return r < 0 ? refuse(name, -r, err) : 0;
	}
	r = find_in_path(name, env_value(envp, "PATH") ?: EXEC_DEFAULT_PATH, exe);
	if (r == -EACCES)
		return refuse(name, EACCES, err);
	if (r < 0)
		return err_say(
			err, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	return 0;
}

int enter_arguments(const struct plan_head *p, struct box_entry *ret, struct err *err)
{
	size_t n = (size_t)p->argv.n + p->envp.n + 3;
	size_t len = n * sizeof(char *) + PATH_MAX + HOME_MAX + sizeof("HOME=");
	const char **list = enter_memory(len);
	char *exe, *home;

	if (!list)
		return err_oom(err);
	exe = (char *)(list + n);
	home = exe + PATH_MAX;
	ret->argv = list;
	plan_each(uint32_t, s, p, p->argv) *list++ = plan_str(p, *s);
	list++;
	ret->envp = list;
	plan_each(uint32_t, s, p, p->envp) *list++ = plan_str(p, *s);
	if (p->flags & PLAN_HOME) {
		strcpy(home, "HOME=");
		find_home(p->uid, home + 5);
		*list = home;
	}
	ret->exe = exe;
	if (p->flags & PLAN_WORKER)
		return 0;
	return find_executable(ret->argv, ret->envp, exe, err);
}
