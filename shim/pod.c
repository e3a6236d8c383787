/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "shim/proto/sandbox.pb-c.h"

/* The host's namespaces that were left; -1 for those that were not. */
static struct {
	int flag;
	const char *path;
	int fd;
} left[] = {
	{CLONE_NEWNET, "/proc/self/ns/net", -1},
	{CLONE_NEWIPC, "/proc/self/ns/ipc", -1},
	{CLONE_NEWUTS, "/proc/self/ns/uts", -1},
};

/* The first process of a shared PID namespace, 0 without one. */
static pid_t first_process;

int pod_child_leave(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i].fd >= 0 && setns(left[i].fd, left[i].flag) < 0)
			return -errno;
	return 0;
}

void pod_leave(void)
{
	(void)pod_child_leave();
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		fd_close(&left[i].fd);
	if (first_process) {
		kill(first_process, SIGKILL);
		waitpid(first_process, NULL, 0);
	}
	first_process = 0;
}

pid_t pod_pid(void)
{
	return first_process ? first_process : getpid();
}

static int remember(int flag, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		if (!(flag & left[i].flag))
			continue;
		left[i].fd = open(left[i].path, O_RDONLY | O_CLOEXEC);
		if (left[i].fd < 0)
			return err_set(err, errno, "open '%s'", left[i].path);
	}
	return 0;
}

static int enter_network(const char *netns, struct err *err)
{
	_cleanup_close_ int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open the network namespace '%s'", netns);
	if (remember(CLONE_NEWNET, err) < 0)
		return -err->code;
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_set(err, errno, "enter the network namespace '%s'", netns);
	return 0;
}

/*
 * Reaps what containers leave in their common PID namespace, and dies with the shim. TERM is
 * ignored, as by the first process of any namespace that does not handle it.
 */
static _Noreturn void child_first_process(void)
{
	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "pod");
	close_range(0, ~0U, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		(void)sigwaitinfo(&set, NULL);
	}
}

/* A namespace for pids ends with its first process, so there has to be one. */
static int make_first_process(struct err *err)
{
	int old = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (old < 0 || unshare(CLONE_NEWPID) < 0) {
		fd_close(&old);
		return err_set(err, errno, "make a PID namespace");
	}
	pid = fork();
	if (pid == 0)
		child_first_process();
	if (pid < 0)
		err_set(err, errno, "fork");
	/* Children to come are the host's again. */
	if (setns(old, CLONE_NEWPID) < 0 && pid > 0)
		err_set(err, errno, "leave the PID namespace");
	fd_close(&old);
	if (err->code && pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	first_process = err->code ? 0 : pid;
	return -err->code;
}

/* Those that belong to a namespace of this pod: others would change the host. */
static bool sysctl_is_ours(const char *name, bool network, bool ipc)
{
	static const char *const ipc_names[] = {
		"kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."};

	if (strstr(name, "..") || strchr(name, '/'))
		return false;
	if (str_after(name, "net."))
		return network;
	for (size_t i = 0; ipc && i < ARRAY_SIZE(ipc_names); i++)
		if (str_after(name, ipc_names[i]))
			return true;
	return false;
}

static int set_sysctls(
	const Pb__LinuxSandboxConfig *linux_config, bool network, bool ipc, struct err *err)
{
	for (size_t i = 0; i < linux_config->n_sysctls; i++) {
		const Pb__Pair *s = linux_config->sysctls[i];
		char path[256];
		int n;

		if (!sysctl_is_ours(s->key, network, ipc))
			return err_say(err, EPERM,
				"the sysctl '%s' belongs to no namespace of this pod", s->key);
		n = snprintf(path, sizeof(path), "/proc/sys/%s", s->key);
		if (n < 0 || (size_t)n >= sizeof(path))
			return err_say(err, ENAMETOOLONG, "the sysctl '%s' is none", s->key);
		for (char *p = path + strlen("/proc/sys/"); *p; p++)
			if (*p == '.')
				*p = '/';
		if (file_put(AT_FDCWD, path, s->value, err) < 0)
			return err_wrap(err, "set the sysctl '%s'", s->key);
	}
	return 0;
}

static int make_namespaces(const Pb__NamespaceOption *options, struct err *err)
{
	int flags = 0;

	if (!options || options->network != PB__NAMESPACE_MODE__NAMESPACE_NODE)
		flags |= CLONE_NEWUTS;
	if (!options || options->ipc != PB__NAMESPACE_MODE__NAMESPACE_NODE)
		flags |= CLONE_NEWIPC;
	if (remember(flags, err) < 0)
		return -err->code;
	if (unshare(flags) < 0)
		return err_set(err, errno, "make namespaces for IPC and host name");
	if (options && options->pid == PB__NAMESPACE_MODE__NAMESPACE_POD)
		return make_first_process(err);
	return 0;
}

static bool is_left(int flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i].flag == flag)
			return left[i].fd >= 0;
	return false;
}

static int enter(const Pb__PodSandboxConfig *config, const char *netns, struct err *err)
{
	const Pb__LinuxSandboxConfig *linux_config = config->linux_config;
	const Pb__SandboxSecurityContext *security =
		linux_config ? linux_config->security_context : NULL;
	const Pb__NamespaceOption *options = security ? security->namespaces : NULL;

	if (options && options->userns &&
		options->userns->mode == PB__NAMESPACE_MODE__NAMESPACE_POD)
		return err_say(err, EOPNOTSUPP,
			"a pod with a user namespace needs the sandboxer \"podsandbox\"");
	if (*netns && enter_network(netns, err) < 0)
		return -err->code;
	if (make_namespaces(options, err) < 0)
		return -err->code;
	if (*config->hostname && is_left(CLONE_NEWUTS) &&
		sethostname(config->hostname, strlen(config->hostname)) < 0)
		return err_set(err, errno, "set the host name '%s'", config->hostname);
	if (!linux_config)
		return 0;
	return set_sysctls(linux_config, is_left(CLONE_NEWNET), is_left(CLONE_NEWIPC), err);
}

int pod_enter(const Pb__PodSandboxConfig *config, const char *netns, struct err *err)
{
	if (enter(config, netns, err) == 0)
		return 0;
	pod_leave();
	return -err->code;
}
