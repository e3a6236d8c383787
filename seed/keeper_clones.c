/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which clones live and where to write how they end.
 *
 * Two sources speak of a clone, in any order: the seed's message (pid, directory)
 * and the kernel's SIGCHLD. A pid stays taken until we reap it, so an announced pid
 * is that clone until then. A reaped pid that nobody announced waits in a ring:
 * either its message is on its way, or it is an orphan that was handed to us as the
 * nearest subreaper, in which case the pid may come again; the pidfd in the message
 * then tells a living clone from that old entry.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "runtime/base/exit_file.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "seed/keeper_priv.h"

struct clone_record {
	struct clone_record *next;
	pid_t pid;
	int state_dir_fd;
};

static struct clone_record **bucket_of(struct keeper_clones *c, pid_t pid)
{
	return &c->buckets[(unsigned)pid % CLONE_BUCKETS];
}

static void write_exit(int state_dir_fd, const struct clone_death *death)
{
	struct err err = ERR_INIT;
	struct exit_file e;
	int r;

	if (state_dir_fd < 0)
		return;
	exit_file_fill(&e, death->pid, death->status, &death->usage);
	r = exit_file_write(state_dir_fd, &e, &err);
	/* `delete --force` may have been quicker than the exit. */
	if (r < 0 && r != -ENOENT)
		log_warn("clone %d: %s, ignoring", (int)death->pid, err.msg);
}

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static bool claim(struct keeper_clones *c, pid_t pid, struct clone_death *ret)
{
	for (size_t i = 0; i < UNCLAIMED_MAX; i++) {
		if (c->unclaimed[i].pid != pid)
			continue;
		*ret = c->unclaimed[i];
		c->unclaimed[i].pid = 0;
		return true;
	}
	return false;
}

bool keeper_clones_add(struct keeper_clones *c, pid_t pid, int pidfd, int state_dir_fd)
{
	bool ended = has_ended(pidfd);
	struct clone_death death;
	struct clone_record *rec;

	close(pidfd);
	c->total++;
	if (claim(c, pid, &death) && ended) {
		write_exit(state_dir_fd, &death);
		fd_close(&state_dir_fd);
		return true;
	}
	rec = malloc(sizeof(*rec));
	if (!rec) {
		log_error("clone %d: out of memory, its exit will not be recorded", (int)pid);
		fd_close(&state_dir_fd);
		return true;
	}
	*rec = (struct clone_record){*bucket_of(c, pid), pid, state_dir_fd};
	*bucket_of(c, pid) = rec;
	c->alive++;
	return false;
}

bool keeper_clones_ended(struct keeper_clones *c, const struct clone_death *death)
{
	for (struct clone_record **p = bucket_of(c, death->pid); *p; p = &(*p)->next) {
		struct clone_record *rec = *p;

		if (rec->pid != death->pid)
			continue;
		*p = rec->next;
		c->alive--;
		write_exit(rec->state_dir_fd, death);
		fd_close(&rec->state_dir_fd);
		free(rec);
		return true;
	}
	return false;
}

void keeper_clones_unclaimed(struct keeper_clones *c, const struct clone_death *death)
{
	c->unclaimed[c->unclaimed_next] = *death;
	c->unclaimed_next = (c->unclaimed_next + 1) % UNCLAIMED_MAX;
}

void keeper_clones_finish(struct keeper_clones *c)
{
	for (size_t i = 0; i < CLONE_BUCKETS; i++) {
		while (c->buckets[i]) {
			struct clone_record *rec = c->buckets[i];

			c->buckets[i] = rec->next;
			fd_close(&rec->state_dir_fd);
			free(rec);
		}
	}
}
