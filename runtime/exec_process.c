/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec_process.h"

#include <errno.h>

#include "oci-spec/config.h"
#include "runtime/base/util.h"
#include "runtime/options.h"

void exec_process_finish(struct exec_process *p)
{
	oci_config_free(p->file);
	arena_finish(&p->arena);
	*p = (struct exec_process)EXEC_PROCESS_INIT;
}

/*
 * No blanks, signs, names or numbers beyond the ids: strtoul() takes all of them, and
 * what it makes of a name is root.
 */
static const char *parse_id(const char *s, uint32_t *ret)
{
	uint64_t v = 0;

	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v >= UINT32_MAX)
			return NULL;
	}
	*ret = (uint32_t)v;
	return s;
}

int exec_parse_user(const char *text, uint32_t *ret_uid, uint32_t *ret_gid, struct err *err)
{
	uint32_t uid, gid = *ret_gid;
	const char *end = parse_id(text, &uid);

	if (end && *end == ':')
		end = parse_id(end + 1, &gid);
	if (!end || *end)
		return err_say(err, EINVAL,
			"option '--user': '%s' is not UID or UID:GID, numbers below %u", text,
			UINT32_MAX);
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

static int set_groups(struct exec_process *ret, const struct option_strings *given,
	struct oci_user *user, struct err *err)
{
	uint32_t *list;

	if (given->n == 0)
		return 0;
	list = arena_calloc(&ret->arena, user->n_additional_gids + given->n, sizeof(*list));
	if (!list)
		return err_oom(err);
	if (user->n_additional_gids)
		memcpy(list, user->additional_gids, user->n_additional_gids * sizeof(*list));
	for (size_t i = 0; i < given->n; i++) {
		const char *end = parse_id(given->list[i], &list[user->n_additional_gids + i]);

		if (!end || *end)
			return err_say(err, EINVAL,
				"option '--additional-gids': '%s' is not a number below %u",
				given->list[i], UINT32_MAX);
	}
	user->additional_gids = list;
	user->n_additional_gids += given->n;
	return 0;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static size_t name_len(const char *variable)
{
	return strcspn(variable, "=");
}

static bool same_name(const char *a, const char *b)
{
	return name_len(a) == name_len(b) && strncmp(a, b, name_len(a)) == 0;
}

/* Of a name that is given twice the last counts, and getenv(3) finds the first. */
static int set_env(struct exec_process *ret, const struct option_strings *given,
	struct oci_process *p, struct err *err)
{
	size_t n_own = count(p->env), n = 0;
	const char **list;

	if (given->n == 0)
		return 0;
	list = arena_calloc(&ret->arena, n_own + given->n + 1, sizeof(*list));
	if (!list)
		return err_oom(err);
	for (size_t i = 0; i < n_own; i++)
		list[n++] = p->env[i];
	for (size_t i = 0; i < given->n; i++) {
		const char *word = given->list[i];
		size_t kept = 0;

		if (!word[name_len(word)] || name_len(word) == 0)
			return err_say(err, EINVAL, "option '--env': '%s' is not NAME=VALUE", word);
		for (size_t k = 0; k < n; k++)
			if (!same_name(list[k], word))
				list[kept++] = list[k];
		n = kept;
		list[n++] = word;
	}
	list[n] = NULL;
	p->env = list;
	return 0;
}

static int append(struct exec_process *ret, const struct option_strings *more,
	const char *const **list, struct err *err)
{
	size_t n = count(*list);
	const char **longer = arena_calloc(&ret->arena, n + more->n + 1, sizeof(*longer));

	if (!longer)
		return err_oom(err);
	if (n)
		memcpy(longer, *list, n * sizeof(*longer));
	memcpy(longer + n, more->list, more->n * sizeof(*longer));
	*list = longer;
	return 0;
}

/* Never inheritable (CVE-2022-29162), and therefore not ambient. */
static int set_caps(struct exec_process *ret, const struct option_strings *given,
	struct oci_process *p, struct err *err)
{
	struct oci_capabilities *caps;

	if (given->n == 0)
		return 0;
	caps = arena_alloc(&ret->arena, sizeof(*caps));
	if (!caps)
		return err_oom(err);
	if (p->capabilities)
		*caps = *p->capabilities;
	p->capabilities = caps;
	if (append(ret, given, &caps->bounding, err) < 0 ||
		append(ret, given, &caps->effective, err) < 0)
		return -err->code;
	return append(ret, given, &caps->permitted, err);
}

/* The file says everything but what it leaves to the container. */
static int from_file(struct exec_process *ret, const struct oci_process *own,
	const struct exec_wishes *w, struct oci_process *p, struct err *err)
{
	if (oci_process_load(w->file, &ret->file, err) < 0)
		return err_wrap(err, "option '--process'");
	*p = *ret->file->process;
	if (!own)
		return 0;
	p->capabilities = p->capabilities ?: own->capabilities;
	p->apparmor_profile = p->apparmor_profile ?: own->apparmor_profile;
	p->selinux_label = p->selinux_label ?: own->selinux_label;
	p->exec_cpu_affinity = p->exec_cpu_affinity ?: own->exec_cpu_affinity;
	if (!p->n_rlimits) {
		p->rlimits = own->rlimits;
		p->n_rlimits = own->n_rlimits;
	}
	if (!p->oom_score_adj.set)
		p->oom_score_adj = own->oom_score_adj;
	return 0;
}

static int from_container(struct exec_process *ret, const struct oci_process *own,
	const struct exec_wishes *w, struct oci_process *p, struct err *err)
{
	if (!w->args[0])
		return err_say(err, EINVAL, "neither a command nor '--process' is given");
	if (!*w->args[0])
		return err_say(err, EINVAL, "the command is empty");
	if (own)
		*p = *own;
	p->args = w->args;
	p->terminal = w->tty;
	p->console_size = NULL;
	p->cwd = w->cwd ?: p->cwd ?: "/";
	if (*p->cwd != '/')
		return err_say(err, EINVAL, "option '--cwd': '%s' is not an absolute path", p->cwd);
	if (w->no_new_privs)
		p->no_new_privileges = true;
	if (w->user && exec_parse_user(w->user, &p->user.uid, &p->user.gid, err) < 0)
		return -err->code;
	if (set_groups(ret, w->groups, &p->user, err) < 0 || set_env(ret, w->env, p, err) < 0)
		return -err->code;
	return set_caps(ret, w->caps, p, err);
}

int exec_process_make(const struct oci_process *own, const struct exec_wishes *w,
	struct exec_process *ret, struct err *err)
{
	_cleanup_exec_process_ struct exec_process made = EXEC_PROCESS_INIT;
	struct oci_process *p = arena_alloc(&made.arena, sizeof(*p));
	int r;

	if (!p)
		return err_oom(err);
	r = w->file ? from_file(&made, own, w, p, err) : from_container(&made, own, w, p, err);
	if (r < 0)
		return r;
	p->apparmor_profile = w->apparmor ?: p->apparmor_profile;
	p->selinux_label = w->process_label ?: p->selinux_label;
	made.process = p;
	*ret = made;
	made = (struct exec_process)EXEC_PROCESS_INIT;
	return 0;
}
