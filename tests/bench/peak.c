/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peak PROGRAM [ARG]...: runs a program and prints the largest resident size, in KiB,
 * that it or a process it waited for had, and the page faults of all of them. A
 * program of its own, and tiny, because a child starts with the size of its parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: peak PROGRAM [ARG]...\n");
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
		fprintf(stderr, "peak: %s\n", strerror(errno));
		return 1;
	}
	printf("%ld %ld\n", usage.ru_maxrss, usage.ru_minflt);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
