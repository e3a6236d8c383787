/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"
#include "runtime/box/hooks.h"

/*
 * Tells the runtime that the namespaces exist and pivot_root is yet to come, and gets
 * the state that our own hooks read.
 */
int enter_hooks_round(struct enter *e, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct conv_msg msg;
	struct stat st;
	void *map;
	int r;

	if (!(e->plan->flags & PLAN_STATE))
		return 0;
	r = conv_say(e->conn, CONV_STATE_WANTED, (uint32_t)getpid());
	if (r < 0)
		return err_set(err, -r, "ask for the state");
	if (conv_expect(e->conn, CONV_STATE, &msg, &fd, err) < 0)
		return -err->code;
	if (msg.value == 0 && msg.value2 == 0)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)msg.value + msg.value2)
		return err_say(err, EPROTO, "the state is shorter than announced");
	map = mmap(NULL, (size_t)msg.value + msg.value2, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_set(err, errno, "map the state");
	e->create_state = map;
	e->create_state_len = msg.value;
	e->start_state = (const char *)map + msg.value;
	e->start_state_len = msg.value2;
	return 0;
}

/* An array of strings as execve() wants it; from `*next`, which is moved on. */
static const char *const *strings(
	const struct plan_head *p, struct plan_array a, const char ***next)
{
	const char **list = *next;
	size_t n = 0;

	plan_each(uint32_t, s, p, a) list[n++] = plan_str(p, *s);
	list[n++] = NULL;
	*next += n;
	return list;
}

int enter_run_hooks(const struct plan_head *p, struct plan_array hooks, const char *kind,
	const char *state, size_t len, struct err *err)
{
	size_t n = 0;
	const char **memory;

	plan_each(struct plan_hook, h, p, hooks) n += h->argv.n + h->envp.n + 2;
	if (n == 0)
		return 0;
	memory = enter_memory(n * sizeof(*memory));
	if (!memory)
		return err_oom(err);
	plan_each(struct plan_hook, h, p, hooks)
	{
		struct hook hook = {.path = plan_str(p, h->path), .timeout_s = h->timeout_s};

		hook.argv = strings(p, h->argv, &memory);
		hook.envp = strings(p, h->envp, &memory);
		if (hook_run(&hook, state, len, err) < 0)
			return err_wrap(err, "%s", kind);
	}
	return 0;
}
