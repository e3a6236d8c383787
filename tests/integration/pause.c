/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds a pod's namespaces in tests of CRI: sleeps until it is told to end, and reaps the
 * children of others where the pod shares its processes.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal)
{
	_exit(0);
}

static void reap(int signal)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	signal(SIGTERM, end);
	signal(SIGINT, end);
	signal(SIGCHLD, reap);
	for (;;)
		pause();
}
