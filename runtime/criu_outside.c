/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container may have changed its mounts and replaced directories by links since it
 * was made. What the configuration names is therefore looked up as the container sees
 * it, within its root, and told apart by the ids of mounts. A mount that is found
 * nowhere in the configuration is left to criu, which restores it itself or refuses.
 */
#include "runtime/criu_outside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup.h"
#include "runtime/criu.h"
#include "runtime/criu_image.h"
#include "runtime/record.h"

#define MOUNTINFO_MAX (8u << 20)
#define FDINFO_MAX    (64u << 10)

enum origin { UNKNOWN, OWN, OUTSIDE };

struct entry {
	unsigned long id, parent;
	char *dev;   /* "8:1" */
	char *point; /* in the container */
	char *type;
	enum origin origin;
	struct criu_mount told;
};

struct survey {
	const struct record *record;
	const struct oci_config *config;
	struct criu_image *image;
	int root_fd;
	char *text;
	struct entry *entries; /* in the image's arena */
	size_t n;
};

static void survey_finish(struct survey *s)
{
	free(s->text);
	fd_close(&s->root_fd);
}

static int refuse(struct err *err, const char *what)
{
	return err_say(err, ENOTSUP, "CRIU cannot save and restore %s", what);
}

int criu_check(const struct oci_config *config, struct err *err)
{
	const struct oci_linux *l = config->linux_;

	if (config->process && config->process->terminal)
		return refuse(err, "process.terminal: its program hands over no terminal");
	if (!l || !oci_config_namespace(config, CLONE_NEWNS))
		return refuse(err, "a container without a mount namespace of its own");
	if (oci_seccomp_notifies(l->seccomp))
		return refuse(err, "linux.seccomp: an agent that listens");
	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];

		if (ns->path && (ns->type & (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWCGROUP |
						    CLONE_NEWTIME)))
			return refuse(
				err, "linux.namespaces: a path for mount, user, cgroup or time");
	}
	return 0;
}

/* --- the mounts of a container --- */

/* "\040" and the like, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* "id parent dev root point options... - type source options" */
static bool parse_line(char *line, struct entry *e)
{
	char *fields[5], *rest = line;
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!(fields[i] = strsep(&rest, " ")))
			return false;
	rest = rest ? strstr(rest, " - ") : NULL;
	if (!rest)
		return false;
	rest += 3;
	e->type = strsep(&rest, " ");
	e->dev = fields[2];
	e->point = fields[4];
	unescape(e->point);
	e->id = strtoul(fields[0], &end, 10);
	e->parent = strtoul(fields[1], &end, 10);
	return true;
}

static int read_mounts(struct survey *s, struct err *err)
{
	size_t len, lines = 0;
	char path[64];
	char *rest;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)s->record->init.pid);
	if (file_read(AT_FDCWD, path, MOUNTINFO_MAX, &s->text, &len, err) < 0)
		return -err->code;
	for (size_t i = 0; i < len; i++)
		lines += s->text[i] == '\n';
	s->entries = arena_calloc(&s->image->arena, lines + 1, sizeof(*s->entries));
	s->image->mounts = arena_calloc(&s->image->arena, lines + 1, sizeof(*s->image->mounts));
	if (!s->entries || !s->image->mounts)
		return err_oom(err);
	rest = s->text;
	while (s->n < lines && rest)
		if (parse_line(strsep(&rest, "\n"), &s->entries[s->n]))
			s->n++;
	return 0;
}

static struct entry *find_id(const struct survey *s, unsigned long id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->entries[i].id == id)
			return &s->entries[i];
	return NULL;
}

/* As the container sees it; -1 when there is nothing. */
static int open_inside(const struct survey *s, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, s->root_fd, path, &how, sizeof(how));
}

/* The mount that a path of the container ends in, unless that is its root. */
static struct entry *find_path(const struct survey *s, const char *path, struct statx *ret)
{
	_cleanup_close_ int fd = open_inside(s, path);
	struct entry *e;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, ret) < 0)
		return NULL;
	e = find_id(s, ret->stx_mnt_id);
	return e && !streq(e->point, "/") ? e : NULL;
}

static bool is_null(uint16_t mode, unsigned major, unsigned minor)
{
	return S_ISCHR(mode) && major == 1 && minor == 3;
}

static bool is_bind(const struct oci_mount *m)
{
	if (m->type && streq(m->type, "bind"))
		return true;
	for (const char *const *o = m->options; o && *o; o++)
		if (streq(*o, "bind") || streq(*o, "rbind"))
			return true;
	return false;
}

static void tell(struct entry *e, enum criu_mount_kind kind, const char *of)
{
	e->origin = OUTSIDE;
	e->told = (struct criu_mount){.kind = kind, .name = e->point, .of = of};
}

static void find_configured(struct survey *s)
{
	for (size_t i = 0; i < s->config->n_mounts; i++) {
		const struct oci_mount *m = &s->config->mounts[i];
		struct statx st;
		struct entry *e = find_path(s, m->destination, &st);

		if (e && is_bind(m))
			tell(e, CRIU_MOUNT_BIND, m->destination);
		else if (e && !streq(e->type, "cgroup") && !streq(e->type, "cgroup2"))
			e->origin = OWN;
	}
}

/* Files alone: a masked directory is a file system that criu can make. */
static void find_masked(struct survey *s)
{
	const char *const *masked = s->config->linux_->masked_paths;

	for (; masked && *masked; masked++) {
		struct statx st;
		struct entry *e = find_path(s, *masked, &st);

		if (e && e->origin == UNKNOWN &&
			is_null(st.stx_mode, st.stx_rdev_major, st.stx_rdev_minor))
			tell(e, CRIU_MOUNT_NULL, "");
	}
}

static void find_devices(struct survey *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct entry *e = &s->entries[i];
		struct statx st;

		if (e->origin == UNKNOWN && str_after(e->point, "/dev/") &&
			find_path(s, e->point, &st) == e &&
			(S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode)))
			tell(e, CRIU_MOUNT_DEVICE, "");
	}
}

static const struct cgroup_path *cgroup_on(const struct record *r, const char *dev)
{
	for (size_t i = 0; i < r->n_cgroups; i++) {
		const struct cgroup_path *p = &r->cgroups[i];
		struct stat st;
		char number[32];

		if (*p->path != '/' || strchr(p->controller, ':') || stat(p->path, &st) < 0)
			continue;
		snprintf(number, sizeof(number), "%u:%u", major(st.st_dev), minor(st.st_dev));
		if (streq(number, dev))
			return p;
	}
	return NULL;
}

static void find_cgroups(struct survey *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct entry *e = &s->entries[i];
		const struct cgroup_path *p;

		if (e->origin != UNKNOWN ||
			(!streq(e->type, "cgroup") && !streq(e->type, "cgroup2")))
			continue;
		p = cgroup_on(s->record, e->dev);
		if (p)
			tell(e, CRIU_MOUNT_CGROUP, p->controller);
	}
}

/* The bind mount that this one stands on. */
static const struct entry *bind_above(const struct survey *s, const struct entry *e)
{
	for (size_t depth = 0; e && depth < s->n; depth++) {
		e = find_id(s, e->parent);
		if (!e || e->origin == OWN)
			return NULL;
		if (e->origin == OUTSIDE)
			return e->told.kind == CRIU_MOUNT_BIND ? e : NULL;
	}
	return NULL;
}

/*
 * Whether the host had a mount there, which a recursive bind brought along, or the
 * container made one itself cannot be told for sure; and to find its place again means
 * to follow a path that the container may since have changed.
 */
static int refuse_below(const struct survey *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct entry *e = &s->entries[i];
		const struct entry *above = e->origin == UNKNOWN ? bind_above(s, e) : NULL;

		if (above)
			return err_say(err, ENOTSUP,
				"mount '%s': it stands on the bind mount '%s', and where that "
				"would "
				"be cannot be known when the container is restored",
				e->point, above->point);
	}
	return 0;
}

static int keep(struct survey *s, struct criu_call *call, struct err *err)
{
	struct criu_image *image = s->image;

	for (size_t i = 0; i < s->n; i++) {
		const struct criu_mount *m = &s->entries[i].told;
		struct criu_mount *to;

		if (s->entries[i].origin != OUTSIDE)
			continue;
		if (strpbrk(m->name, "]\n"))
			return err_say(err, EINVAL,
				"mount '%s': CRIU takes no ']' and no line break in a name",
				m->name);
		to = &image->mounts[image->n_mounts++];
		*to = *m;
		to->name = arena_strndup(&image->arena, m->name, strlen(m->name));
		if (!to->name)
			return err_oom(err);
		criu_word(call, "--external=mnt[%s]:%s", to->name, to->name);
	}
	return 0;
}

/* --- descriptors --- */

static int mount_of_descriptor(pid_t pid, int fd, unsigned long *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *at;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	if (file_read(AT_FDCWD, path, FDINFO_MAX, &text, &len, err) < 0)
		return -err->code;
	at = strstr(text, "mnt_id:");
	*ret = at ? strtoul(at + strlen("mnt_id:"), NULL, 10) : 0;
	return 0;
}

/* A file that was opened outside: criu keeps its name, we bring another one. */
static int tell_file(
	struct survey *s, int fd, const struct stat *st, struct criu_call *call, struct err *err)
{
	unsigned long mount = 0;
	char name[64];
	int len;

	if (mount_of_descriptor(s->record->init.pid, fd, &mount, err) < 0)
		return -err->code;
	if (find_id(s, mount))
		return 0;
	len = snprintf(name, sizeof(name), "file[%lx:%lx]", mount, (unsigned long)st->st_ino);
	s->image->null[fd] = is_null((uint16_t)st->st_mode, major(st->st_rdev), minor(st->st_rdev));
	s->image->stdio[fd] = arena_strndup(&s->image->arena, name, (size_t)len);
	if (!s->image->stdio[fd])
		return err_oom(err);
	for (int i = 0; i < fd; i++)
		if (s->image->stdio[i] && streq(s->image->stdio[i], name))
			return 0;
	criu_word(call, "--external=%s", name);
	return 0;
}

static int find_stdio(struct survey *s, struct criu_call *call, struct err *err)
{
	for (int fd = 0; fd < CRIU_STDIO; fd++) {
		char path[64], link[PATH_MAX];
		struct stat st;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)s->record->init.pid, fd);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0 || stat(path, &st) < 0)
			continue;
		link[n] = '\0';
		if (str_after(link, "pipe:[")) {
			s->image->stdio[fd] = arena_strndup(&s->image->arena, link, (size_t)n);
			if (!s->image->stdio[fd])
				return err_oom(err);
		} else if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) ||
			   is_null((uint16_t)st.st_mode, major(st.st_rdev), minor(st.st_rdev))) {
			if (tell_file(s, fd, &st, call, err) < 0)
				return -err->code;
		}
	}
	return 0;
}

static int find_namespaces(const struct survey *s, struct criu_call *call, struct err *err)
{
	static const struct {
		int type;
		const char *file, *name;
	} kinds[] = {
		{CLONE_NEWNET, "net", CRIU_NAME_NET_NS}, {CLONE_NEWPID, "pid", CRIU_NAME_PID_NS}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct oci_namespace *ns = oci_config_namespace(s->config, kinds[i].type);
		struct stat st;
		char path[64];

		if (!ns || !ns->path)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)s->record->init.pid,
			kinds[i].file);
		if (stat(path, &st) < 0)
			return err_set(err, errno, "stat '%s'", path);
		criu_word(call, "--external=%s[%lu]:%s", kinds[i].file, (unsigned long)st.st_ino,
			kinds[i].name);
	}
	return 0;
}

int criu_find_outside(const struct record *r, const struct oci_config *config,
	struct criu_call *call, struct criu_image *ret, struct err *err)
{
	_cleanup_(survey_finish) struct survey s = {r, config, ret, -1, NULL, NULL, 0};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)r->init.pid);
	s.root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s.root_fd < 0)
		return err_set(err, errno, "open '%s'", path);
	if (read_mounts(&s, err) < 0)
		return -err->code;
	find_configured(&s);
	find_masked(&s);
	find_cgroups(&s);
	find_devices(&s);
	if (refuse_below(&s, err) < 0 || keep(&s, call, err) < 0 || find_stdio(&s, call, err) < 0)
		return -err->code;
	return find_namespaces(&s, call, err);
}
