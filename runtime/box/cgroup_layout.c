/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/cgroup_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"

/* Mount tables of busy hosts are long; this is far beyond the kernel's mount limit. */
#define MOUNTINFO_MAX (64u << 20)

/* A line for each hierarchy, with one path each. */
#define MEMBERSHIP_MAX (1u << 20)

/* The words of one line of mountinfo that matter here. */
struct mount_line {
	int id;
	const char *root;
	const char *point;
	const char *type;
	char *super_options;
};

/* Undoes the \ooo that the kernel writes for blanks, in place. */
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

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAG]... - TYPE SOURCE SUPER". Cuts the line up. */
static bool mount_line_split(char *line, struct mount_line *ret)
{
	char *word[6], *rest, *save = NULL;

	rest = strstr(line, " - ");
	if (!rest)
		return false;
	*rest = '\0';
	rest += 3;
	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (!word[i])
			return false;
	}
	ret->id = atoi(word[0]);
	unescape(word[3]);
	unescape(word[4]);
	ret->root = word[3];
	ret->point = word[4];
	ret->type = strtok_r(rest, " ", &save);
	if (!ret->type || !strtok_r(NULL, " ", &save))
		return false;
	ret->super_options = strtok_r(NULL, " ", &save);
	return ret->super_options != NULL;
}

bool cgroup_list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len = strcspn(list, ",");

		if (len == n && strncmp(list, word, n) == 0)
			return true;
		list += len;
		list += *list == ',';
	}
	return false;
}

/* Options of the file system that name no controller. */
static bool is_plain_option(const char *option)
{
	static const char *const plain[] = {"rw", "ro", "xattr", "noprefix", "clone_children",
		"cpuset_v2_mode", "favordynmods", "none"};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (streq(option, plain[i]))
			return true;
	return str_after(option, "release_agent=") != NULL;
}

/* "rw,xattr,cpu,cpuacct" -> "cpu,cpuacct". */
static char *controllers_of(char *super_options)
{
	struct buf b = BUF_INIT;
	char *save = NULL;

	buf_puts(&b, "");
	for (char *o = strtok_r(super_options, ",", &save); o; o = strtok_r(NULL, ",", &save))
		if (!is_plain_option(o))
			buf_printf(&b, "%s%s", b.len ? "," : "", o);
	return buf_take(&b);
}

/* /proc/self/cgroup is "ID:CONTROLLERS:PATH" a line; the path of that hierarchy, malloc'd. */
static char *membership_of(const char *membership, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = membership; line && *line;) {
		const char *end = strchrnul(line, '\n');
		const char *list = memchr(line, ':', (size_t)(end - line));
		const char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;

		if (path && (size_t)(path - list - 1) == n && strncmp(list + 1, name, n) == 0)
			return strndup(path + 1, (size_t)(end - path - 1));
		line = *end ? end + 1 : end;
	}
	return strdup("/");
}

/*
 * Where our cgroup is below the mount point. A mount may show only a part of
 * the hierarchy (`root`), and in a cgroup namespace we may be outside of what it
 * shows; then its top is the best there is.
 */
static char *own_below(const char *membership, const char *name, const char *root)
{
	_cleanup_free_ char *path = membership_of(membership, name);
	const char *rest;

	if (!path)
		return NULL;
	if (str_after(path, "/.."))
		return strdup("/");
	if (streq(root, "/"))
		return strdup(path);
	rest = str_after(path, root);
	return strdup(rest && *rest == '/' ? rest : "/");
}

static bool already_known(const struct cgroup_layout *layout, const char *name)
{
	for (size_t i = 0; i < layout->n; i++)
		if (streq(layout->list[i].name, name))
			return true;
	return false;
}

static int layout_add(
	struct cgroup_layout *layout, struct mount_line *m, const char *membership, struct err *err)
{
	struct cgroup_hierarchy *h = &layout->list[layout->n];
	bool v2 = streq(m->type, "cgroup2");
	_cleanup_free_ char *name = v2 ? strdup("") : controllers_of(m->super_options);

	if (!name)
		return err_oom(err);
	if (already_known(layout, name))
		return 0;
	if (layout->n == CGROUP_HIERARCHIES_MAX)
		return err_say(err, E2BIG, "more than %d cgroup hierarchies are mounted",
			CGROUP_HIERARCHIES_MAX);
	layout->n++;
	h->v2 = v2;
	h->own = own_below(membership, name, m->root);
	h->mount = strdup(m->point);
	h->controllers = strdup(name);
	h->name = take_ptr(&name);
	return h->own && h->mount && h->controllers ? 0 : err_oom(err);
}

int cgroup_layout_parse(const char *mountinfo, const char *membership, cgroup_visible_fn visible,
	void *arg, struct cgroup_layout *ret, struct err *err)
{
	_cleanup_free_ char *copy = strdup(mountinfo);
	struct cgroup_layout layout = {.n = 0};
	char *save = NULL;
	size_t v2 = 0;

	if (!copy)
		return err_oom(err);
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		struct mount_line m;

		if (!strstr(l, " - cgroup") || !mount_line_split(l, &m))
			continue;
		if (!streq(m.type, "cgroup") && !streq(m.type, "cgroup2"))
			continue;
		if (!visible(m.point, m.id, arg))
			continue;
		if (layout_add(&layout, &m, membership, err) < 0) {
			cgroup_layout_finish(&layout);
			return -err->code;
		}
	}
	for (size_t i = 0; i < layout.n; i++)
		v2 += layout.list[i].v2;
	layout.pure_v2 = layout.n > 0 && v2 == layout.n;
	*ret = layout;
	return 0;
}

static bool visible_by_statx(const char *mount, int mount_id, void *arg UNUSED)
{
	struct statx stx;

	if (statx(AT_FDCWD, mount, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &stx) < 0)
		return false;
	return !(stx.stx_mask & STATX_MNT_ID) || stx.stx_mnt_id == (unsigned)mount_id;
}

/* "cpuset cpu io\n" -> "cpuset,cpu,io". */
static int load_v2_controllers(struct cgroup_hierarchy *h, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len;

	if (asprintf(&path, "%s/cgroup.controllers", h->mount) < 0) {
		path = NULL;
		return err_oom(err);
	}
	if (file_read_value(AT_FDCWD, path, FILE_VALUE_MAX, &text, &len, err) < 0)
		return -err->code;
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	for (char *p = text; *p; p++)
		if (*p == ' ')
			*p = ',';
	free(h->controllers);
	h->controllers = take_ptr(&text);
	return 0;
}

static int load(const char *member, struct cgroup_layout *ret, struct err *err)
{
	_cleanup_free_ char *mountinfo = NULL, *membership = NULL;
	struct cgroup_layout layout;
	size_t len;
	int r;

	r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo, &len, err);
	if (r == 0)
		r = file_read(AT_FDCWD, member, MEMBERSHIP_MAX, &membership, &len, err);
	if (r == 0)
		r = cgroup_layout_parse(
			mountinfo, membership, visible_by_statx, NULL, &layout, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < layout.n; i++) {
		if (layout.list[i].v2 && load_v2_controllers(&layout.list[i], err) < 0) {
			cgroup_layout_finish(&layout);
			return -err->code;
		}
	}
	*ret = layout;
	return 0;
}

int cgroup_layout_load(struct cgroup_layout *ret, struct err *err)
{
	return load("/proc/self/cgroup", ret, err);
}

int cgroup_layout_load_of(pid_t pid, struct cgroup_layout *ret, struct err *err)
{
	char member[32];

	snprintf(member, sizeof(member), "/proc/%d/cgroup", (int)pid);
	return load(member, ret, err);
}

void cgroup_layout_finish(struct cgroup_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++) {
		struct cgroup_hierarchy *h = &layout->list[i];

		free(h->name);
		free(h->controllers);
		free(h->mount);
		free(h->own);
	}
	layout->n = 0;
}

const struct cgroup_hierarchy *cgroup_layout_find(
	const struct cgroup_layout *layout, const char *controller)
{
	for (int v2 = 0; v2 <= 1; v2++)
		for (size_t i = 0; i < layout->n; i++)
			if (layout->list[i].v2 == (bool)v2 &&
				cgroup_list_has(layout->list[i].controllers, controller))
				return &layout->list[i];
	return NULL;
}

/* Appends the words of `path` with their slashes; ".." never climbs above where it began. */
static void put_clean(struct buf *b, const char *path)
{
	size_t floor = b->len;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && strncmp(path, "..", 2) == 0) {
			while (b->len > floor && b->data[--b->len] != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			buf_put(b, "/", 1);
			buf_put(b, path, len);
		}
		path += len;
		path += *path == '/';
	}
}

/* "slice:prefix:name". */
static bool is_systemd_form(const char *path)
{
	const char *first = strchr(path, ':');

	return *path != '/' && first && strchr(first + 1, ':');
}

int cgroup_layout_place(const struct cgroup_layout *layout, const struct cgroup_hierarchy *h,
	const char *cgroups_path, const char *id, char **ret, struct err *err)
{
	const char *path = cgroups_path && *cgroups_path ? cgroups_path : id;
	struct buf b = BUF_INIT;
	size_t floor;
	char *place;

	if (is_systemd_form(path))
		return err_say(err, EINVAL,
			"linux.cgroupsPath: '%s' is of the form slice:prefix:name, which needs "
			"option '--systemd-cgroup'",
			path);
	buf_puts(&b, "");
	if (*path != '/') {
		put_clean(&b, h->own);
		if (layout->pure_v2)
			while (b.len > 0 && b.data[--b.len] != '/')
				;
	}
	floor = b.len;
	put_clean(&b, path);
	/* ".." may have shortened it: end the string where the buffer ends. */
	if (b.len == floor && !buf_failed(&b)) {
		buf_finish(&b);
		return err_say(err, EINVAL,
			"linux.cgroupsPath: '%s' names no cgroup below the one it starts from",
			path);
	}
	buf_put(&b, "", 0);
	place = buf_take(&b);
	if (!place)
		return err_oom(err);
	*ret = place;
	return 0;
}
