/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile process of a container that waits for `turf exec`. Looks at every other
 * process that turns up and prints, once a line, what it got hold of:
 *   seen COMM            there was a process of that name
 *   exe LINK             its executable
 *   WRITABLE LINK        which could be opened for writing
 *   MEM COMM             its memory, while that was the runtime's
 *   fd LINK              a descriptor
 *   DIR LINK             one that leads to a directory
 * Usage: exec_spy SECONDS
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 4096

static char *said[LINES_MAX];
static size_t n_said;

static void say(const char *what, const char *of)
{
	char line[PATH_MAX + 32];

	snprintf(line, sizeof(line), "%s %s", what, of);
	for (size_t i = 0; i < n_said; i++)
		if (strcmp(said[i], line) == 0)
			return;
	if (n_said == LINES_MAX)
		return;
	said[n_said++] = strdup(line);
	puts(line);
	fflush(stdout);
}

/* The target of /proc/PID/NAME; false when it is not for us to see. */
static int link_of(const char *pid, const char *name, char out[PATH_MAX])
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	n = readlink(path, out, PATH_MAX - 1);
	if (n < 0)
		return 0;
	out[n] = '\0';
	return 1;
}

static void look_at_fds(const char *pid)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char name[300];

		if (*e->d_name == '.')
			continue;
		snprintf(name, sizeof(name), "fd/%s", e->d_name);
		if (!link_of(pid, name, target))
			continue;
		say("fd", target);
		snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			say("DIR", target);
	}
	if (dir)
		closedir(dir);
}

/*
 * By its maps: a name changes some time after the memory does. The code of a process
 * that comes is of a mount that is mounted nowhere, of which a path is just "/".
 */
static void look_at_memory(const char *pid, const char *comm)
{
	char path[PATH_MAX], line[PATH_MAX + 128];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, " r-xp ") && strstr(line, " /\n"))
			say("MEM", comm);
	if (maps)
		fclose(maps);
}

static void look_at(const char *pid)
{
	char path[PATH_MAX], target[PATH_MAX], comm[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, comm, sizeof(comm) - 1) <= 0)
		comm[0] = '\0';
	close(fd);
	comm[strcspn(comm, "\n")] = '\0';
	say("seen", comm);
	if (strcmp(comm, "turf") == 0) {
		look_at_memory(pid, comm);
		look_at_fds(pid);
	}
	if (!link_of(pid, "exe", target))
		return;
	say("exe", target);
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		say("WRITABLE", target);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	char own[16];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	while (time(NULL) < end) {
		DIR *proc = opendir("/proc");
		struct dirent *e;

		while (proc && (e = readdir(proc)))
			if (*e->d_name >= '0' && *e->d_name <= '9' && strcmp(e->d_name, own) != 0 &&
				strcmp(e->d_name, "1") != 0)
				look_at(e->d_name);
		if (proc)
			closedir(proc);
	}
	puts("end");
	return 0;
}
