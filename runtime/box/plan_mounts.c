/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.mounts. Sources of bind mounts are copied as detached trees here, where
 * their paths mean something, with flags and propagation in place; the child only
 * gives them their places.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "oci-spec/config.h"
#include "oci-spec/mount_options.h"
#include "runtime/box/lsm.h"
#include "runtime/box/plan_build.h"

struct mount_job {
	const struct oci_mount *config;
	const char *where; /* "mounts[2] '/proc'" */
	struct mount_options options;
	struct plan_mount out;
};

/* What a bind mount has before its own words: what the mounts of the rootfs have. */
static int inherit_propagation(
	const struct builder *b, const struct mount_options *o, struct plan_tree_job *tree)
{
	uint32_t root = b->plan->head.root_propagation;
	struct mount_attr attr = {.propagation = root & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE};
	unsigned first = o->n_propagation ? o->propagation[0] : 0;

	/* Shared with the host, so that mounts travel both ways. */
	if (root & MS_SHARED)
		return 0;
	/* Its own word leaves nothing of what would be set here. */
	if (first == (MS_PRIVATE | MS_REC) || first == (MS_SLAVE | MS_REC) ||
		first == (MS_UNBINDABLE | MS_REC))
		return 0;
	return plan_tree_attr(tree, true, &attr);
}

static int set_attrs(
	const struct builder *b, const struct mount_options *o, struct plan_tree_job *tree)
{
	const struct mount_attr top = {.attr_set = o->set, .attr_clr = o->clr};
	const struct mount_attr all = {.attr_set = o->rec_set, .attr_clr = o->rec_clr};

	int r = inherit_propagation(b, o, tree);

	if (r == 0 && (all.attr_set || all.attr_clr))
		r = plan_tree_attr(tree, true, &all);
	if (r == 0 && (top.attr_set || top.attr_clr))
		r = plan_tree_attr(tree, false, &top);
	for (size_t i = 0; r == 0 && i < o->n_propagation; i++) {
		const struct mount_attr attr = {.propagation = o->propagation[i] & ~MS_REC};

		r = plan_tree_attr(tree, o->propagation[i] & MS_REC, &attr);
	}
	return r;
}

static bool is_mapped(const struct mount_job *job)
{
	return job->options.idmap != MOUNT_IDMAP_NONE || job->config->n_uid_mappings ||
	       job->config->n_gid_mappings;
}

static int plan_bind(struct builder *b, struct mount_job *job)
{
	const char *given = job->config->source;
	_cleanup_plan_tree_ struct plan_tree_job tree = PLAN_TREE_INIT;
	_cleanup_free_ char *source = NULL;
	struct stat st;
	int r;

	if (!given)
		return plan_say(b, EINVAL, "%s: source: missing for a bind mount", job->where);
	if (job->options.n_foreign)
		buf_printf(b->warnings,
			"%s: options: '%s' means nothing for a bind mount, ignoring\n", job->where,
			job->options.data[0]);
	if (asprintf(&source, "%s%s%s", given[0] == '/' ? "" : b->options->bundle,
		    given[0] == '/' ? "" : "/", given) < 0) {
		source = NULL;
		return err_oom(b->err);
	}
	r = plan_tree_open(b, source, job->options.recursive, &tree, &st);
	/* The kernel does not uncover what lies below the host's mounts. */
	if (r == -EINVAL && !job->options.recursive && plan_tree_is_locked(b))
		return plan_say(b, EINVAL,
			"%s: source '%s': with mounts below it, a user namespace needs 'rbind'",
			job->where, source);
	if (r < 0)
		return plan_error(b, -r, "%s: source '%s'", job->where, source);
	r = set_attrs(b, &job->options, &tree);
	if (r == -EPERM && plan_tree_is_locked(b))
		return plan_say(b, EPERM,
			"%s: options of '%s': in a user namespace a mount of the host's stays as "
			"read-only, nosuid, nodev, noexec, and with the atime that it has",
			job->where, source);
	if (r < 0)
		return plan_error(b, -r, "%s: options of '%s'", job->where, source);
	if (is_mapped(job) &&
		plan_idmap(b, job->config, job->options.idmap == MOUNT_IDMAP_ALL, tree.fd) < 0)
		return err_wrap(b->err, "%s", job->where);
	job->out.kind = PLAN_MOUNT_TREE;
	if (S_ISDIR(st.st_mode))
		job->out.flags |= PLAN_MOUNT_DIR;
	job->out.fd = plan_tree_put(b, &tree);
	return job->out.fd < 0 ? job->out.fd : 0;
}

/* "a=b,c" -> parameters. A comma behind a backslash belongs to a value (overlay). */
static int put_params(struct builder *b, struct buf *list, const char *data)
{
	_cleanup_free_ char *copy = strdup(data);

	if (!copy)
		return err_oom(b->err);
	for (char *word = copy; word;) {
		char *end = word;
		struct plan_param kv;
		char *eq;

		while (*end && (*end != ',' || (end > word && end[-1] == '\\')))
			end++;
		eq = memchr(word, '=', (size_t)(end - word));
		if (*end)
			*end++ = '\0';
		else
			end = NULL;
		if (*word) {
			if (eq)
				*eq = '\0';
			kv.key = plan_put_str(b, word);
			kv.value = eq ? plan_put_str(b, eq + 1) : 0;
			buf_put(list, &kv, sizeof(kv));
		}
		word = end;
	}
	return 0;
}

/* File systems whose files the policy labels by itself. */
static bool takes_label(const char *type)
{
	return !streq(type, "proc") && !streq(type, "sysfs") && !streq(type, "mqueue");
}

static void put_label(struct builder *b, struct buf *params, const char *type)
{
	const char *label = b->config->linux_ ? b->config->linux_->mount_label : NULL;
	struct plan_param context;

	if (!label || !takes_label(type))
		return;
	context.key = plan_put_str(b, "context");
	context.value = plan_put_str(b, label);
	buf_put(params, &context, sizeof(context));
}

static int plan_fs(struct builder *b, struct mount_job *job)
{
	const struct mount_options *o = &job->options;
	const char *type = job->config->type;
	bool tmpfs = streq(type, "tmpfs");
	struct plan_mount *out = &job->out;
	_cleanup_buf_ struct buf params = BUF_INIT;
	_cleanup_buf_ struct buf propagation = BUF_INIT;

	if (job->config->n_uid_mappings || job->config->n_gid_mappings)
		return plan_say(b, EINVAL, "%s: mapped ids: only for bind mounts", job->where);
	out->kind = PLAN_MOUNT_FS;
	out->flags |= PLAN_MOUNT_DIR | (o->copyup ? PLAN_MOUNT_COPYUP : 0);
	out->fd = -1;
	out->fstype = plan_put_str(b, type);
	out->source = plan_put_str(b, job->config->source ?: type);
	out->attr = o->set;
	out->set = o->rec_set;
	out->clr = o->rec_clr;
	if (o->copyup && !tmpfs)
		return plan_say(
			b, EINVAL, "%s: options: 'tmpcopyup' is for tmpfs alone", job->where);
	if (out->attr & MOUNT_ATTR_RDONLY) {
		struct plan_param ro = {.value = 0};

		if (tmpfs) {
			/* Something will be put there: devices, mount points, copies. */
			out->attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
			out->flags |= PLAN_MOUNT_LATE_RO;
		} else {
			ro.key = plan_put_str(b, "ro");
			buf_put(&params, &ro, sizeof(ro));
		}
	}
	put_label(b, &params, type);
	for (size_t i = 0; i < o->n_data; i++)
		if (put_params(b, &params, o->data[i]) < 0)
			return -b->err->code;
	for (size_t i = 0; i < o->n_propagation; i++) {
		uint32_t word = o->propagation[i];

		buf_put(&propagation, &word, sizeof(word));
	}
	if (buf_failed(&params) || buf_failed(&propagation))
		return err_oom(b->err);
	out->params = plan_put_array(
		b, params.data, params.len / sizeof(struct plan_param), sizeof(struct plan_param));
	out->propagation = plan_put_array(b, propagation.data, o->n_propagation, sizeof(uint32_t));
	return 0;
}

/* A rootfs in which these are links could lead us to write to a /proc of its making. */
static bool must_be_plain(const char *dest, const char *type)
{
	return streq(dest, "proc") || streq(dest, "sys") || streq(dest, "dev") ||
	       (type && (streq(type, "proc") || streq(type, "sysfs")));
}

static int plan_mount(struct builder *b, struct buf *list, size_t i)
{
	const struct oci_mount *m = &b->config->mounts[i];
	_cleanup_free_ char *dest = plan_clean_path(m->destination);
	_cleanup_free_ char *where = NULL;
	struct mount_job job = {.config = m};
	int r;

	if (!dest || asprintf(&where, "mounts[%zu] '%s'", i, m->destination) < 0) {
		where = NULL;
		return err_oom(b->err);
	}
	if (!*dest)
		return plan_say(b, EINVAL, "%s: destination: the root itself", where);
	if (mount_options_parse(m->options, &job.options, b->err) < 0)
		return err_wrap(b->err, "%s: options", where);
	if (m->type && (streq(m->type, "cgroup") || streq(m->type, "cgroup2")) && !job.options.bind)
		return plan_cgroup_mount(b, list, m, where, job.options.set);
	job.where = where;
	job.out.dest = plan_put_str(b, dest);
	job.out.where = plan_put_str(b, where);
	if (must_be_plain(dest, m->type))
		job.out.flags |= PLAN_MOUNT_NO_SYMLINKS;
	if (job.options.bind || (m->type && streq(m->type, "bind")))
		r = plan_bind(b, &job);
	else if (m->type)
		r = plan_fs(b, &job);
	else
		r = plan_say(b, EINVAL, "%s: type: missing", where);
	if (r < 0)
		return r;
	plan_add_mount(list, &job.out);
	return 0;
}

int plan_mounts(struct builder *b)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	if (b->config->linux_ && b->config->linux_->mount_label && !lsm_selinux_enabled())
		return plan_say(
			b, ENOTSUP, "linux.mountLabel: SELinux is not enabled on this host");
	for (size_t i = b->options->first_mount; i < b->config->n_mounts; i++) {
		int r = plan_mount(b, &list, i);

		if (r < 0)
			return r;
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	b->plan->head.mounts = plan_put_array(
		b, list.data, list.len / sizeof(struct plan_mount), sizeof(struct plan_mount));
	return 0;
}
