/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"

#define RESCTRL_MAGIC 0x7655821
#define MOUNTINFO_MAX (16u << 20)
#define SCHEMATA_MAX  65536

/* The line without the blanks before it; *ret_len without its end. */
static const char *line_at(const char *text, size_t *ret_len)
{
	text += strspn(text, " \t");
	*ret_len = strcspn(text, "\n");
	return text;
}

static const char *next_line(const char *line, size_t len)
{
	return line + len + (line[len] == '\n');
}

static void put_line(struct buf *out, const char *line, size_t len)
{
	if (len == 0)
		return;
	buf_put(out, line, len);
	buf_puts(out, "\n");
}

/* Lines of the cache schema; bandwidth in it gives way to a schema of its own. */
static void put_cache(const struct oci_intel_rdt *c, struct buf *out)
{
	size_t len;

	for (const char *line = c->l3_cache_schema; line && *line;) {
		line = line_at(line, &len);
		if (!c->mem_bw_schema || !str_after(line, "MB:"))
			put_line(out, line, len);
		line = next_line(line, len);
	}
}

void rdt_schemata(const struct oci_intel_rdt *c, struct buf *out)
{
	put_cache(c, out);
	if (c->mem_bw_schema)
		put_line(out, c->mem_bw_schema, strlen(c->mem_bw_schema));
	for (const char *const *s = c->schemata; s && *s; s++)
		put_line(out, *s, strcspn(*s, "\n"));
}

/* "L3:" of a line, with the colon; 0 when there is none. */
static size_t resource_len(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	return colon ? (size_t)(colon - line) + 1 : 0;
}

/* Values are written with any number of zeros before them. */
static bool same_value(const char *a, size_t a_len, const char *b, size_t b_len)
{
	while (a_len > 1 && (*a == '0' || *a == ' '))
		a++, a_len--;
	while (b_len > 1 && (*b == '0' || *b == ' '))
		b++, b_len--;
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/* Whether `line` ("1=ff;0=7f", without its resource) gives `domain` this value. */
static bool line_has(
	const char *line, size_t len, const char *domain, size_t d_len, const char *v, size_t v_len)
{
	const char *end = line + len;

	while (line < end) {
		const char *stop = memchr(line, ';', (size_t)(end - line)) ?: end;
		const char *eq = memchr(line, '=', (size_t)(stop - line));

		if (eq && same_value(line, (size_t)(eq - line), domain, d_len))
			return same_value(eq + 1, (size_t)(stop - eq) - 1, v, v_len);
		line = stop + 1;
	}
	return false;
}

static bool values_match(const char *wanted, size_t w_len, const char *present, size_t p_len)
{
	const char *end = wanted + w_len;

	while (wanted < end) {
		const char *stop = memchr(wanted, ';', (size_t)(end - wanted)) ?: end;
		const char *eq = memchr(wanted, '=', (size_t)(stop - wanted));

		if (!eq || !line_has(present, p_len, wanted, (size_t)(eq - wanted), eq + 1,
				   (size_t)(stop - eq) - 1))
			return false;
		wanted = stop + 1;
	}
	return true;
}

static bool line_matches(const char *wanted, size_t w_len, const char *present)
{
	size_t resource = resource_len(wanted, w_len);
	size_t len;

	for (; *present; present = next_line(present, len)) {
		present = line_at(present, &len);
		if (resource && resource_len(present, len) == resource &&
			memcmp(present, wanted, resource) == 0)
			return values_match(wanted + resource, w_len - resource, present + resource,
				len - resource);
	}
	return false;
}

bool rdt_schemata_match(const char *wanted, const char *present)
{
	size_t len;

	for (; *wanted; wanted = next_line(wanted, len)) {
		wanted = line_at(wanted, &len);
		if (len && !line_matches(wanted, len, present))
			return false;
	}
	return true;
}

/* "36 35 98:0 / /sys/fs/resctrl rw - resctrl resctrl rw": the fifth field. */
static int find_mount(char ret[PATH_MAX], struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;

	if (file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len, err) < 0)
		return -err->code;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *type = strstr(line, " - ");

		if (type && str_after(type, " - resctrl ") &&
			sscanf(line, "%*s %*s %*s %*s %4095s", ret) == 1)
			return 0;
	}
	return err_say(err, ENOTSUP,
		"no resctrl file system is mounted on this host (it needs CPUs with RDT)");
}

static int put_file(const char *dir, const char *name, const char *text, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "%s/%s", dir, name);
	return file_put(AT_FDCWD, path, text, err);
}

/* A class that was there, and was named: it must be what the configuration says. */
static int compare(const struct rdt *r, const char *wanted, struct err *err)
{
	_cleanup_free_ char *present = NULL;
	char path[PATH_MAX];
	size_t len;

	if (snprintf(path, sizeof(path), "%s/schemata", r->clos) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "%s", r->clos);
	if (file_read(AT_FDCWD, path, SCHEMATA_MAX, &present, &len, err) < 0)
		return -err->code;
	if (!rdt_schemata_match(wanted, present))
		return err_say(err, EINVAL, "'%s' exists with other schemata", r->clos);
	return 0;
}

static int make_clos(
	struct rdt *r, const struct oci_intel_rdt *c, const struct buf *schemata, struct err *err)
{
	struct stat st;

	if (c->clos_id && schemata->len == 0) {
		if (stat(r->clos, &st) < 0)
			return err_set(err, errno, "closID: '%s'", r->clos);
		return 0;
	}
	if (mkdir(r->clos, 0755) == 0)
		r->made = true;
	else if (errno != EEXIST || !c->clos_id)
		return err_set(err, errno, "make '%s'", r->clos);
	if (schemata->len == 0)
		return 0;
	return r->made ? put_file(r->clos, "schemata", schemata->data, err)
		       : compare(r, schemata->data, err);
}

static int make_monitor(struct rdt *r, const char *id, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/mon_groups/%s", r->clos, id) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "%s/mon_groups/%s", r->clos, id);
	if (mkdir(path, 0755) < 0)
		return err_set(err, errno, "enableMonitoring: make '%s'", path);
	strcpy(r->monitor, path);
	return 0;
}

static int create(const struct oci_intel_rdt *c, const char *id, struct rdt *r, struct err *err)
{
	_cleanup_buf_ struct buf schemata = BUF_INIT;
	char mount[PATH_MAX];

	if (find_mount(mount, err) < 0)
		return -err->code;
	rdt_schemata(c, &schemata);
	if (buf_failed(&schemata))
		return err_oom(err);
	if (snprintf(r->clos, sizeof(r->clos), "%s/%s", mount, c->clos_id ?: id) >=
		(int)sizeof(r->clos))
		return err_set(err, ENAMETOOLONG, "%s/%s", mount, c->clos_id ?: id);
	if (make_clos(r, c, &schemata, err) < 0)
		return -err->code;
	return c->enable_monitoring ? make_monitor(r, id, err) : 0;
}

int rdt_create(const struct oci_intel_rdt *config, const char *id, struct rdt *ret, struct err *err)
{
	struct rdt r = {.made = false};
	struct err ignored;

	if (create(config, id, &r, err) < 0) {
		if (r.made)
			(void)rdt_remove(r.clos, &ignored);
		return err_wrap(err, "linux.intelRdt");
	}
	*ret = r;
	return 0;
}

int rdt_attach(const struct rdt *r, pid_t pid, struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (put_file(r->clos, "tasks", text, err) < 0 ||
		(*r->monitor && put_file(r->monitor, "tasks", text, err) < 0))
		return err_wrap(err, "linux.intelRdt");
	return 0;
}

int rdt_restore(const char *clos, const struct buf *before, struct err *err)
{
	return before->len ? put_file(clos, "schemata", before->data, err) : 0;
}

static int change_schemata(
	const char *clos, const struct oci_intel_rdt *change, struct buf *before, struct err *err)
{
	_cleanup_buf_ struct buf wanted = BUF_INIT;
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t len;

	if (find_mount(path, err) < 0)
		return -err->code;
	if (!clos)
		return err_say(err, EINVAL, "the container has no class of service of its own");
	if (snprintf(path, sizeof(path), "%s/schemata", clos) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "%s", clos);
	if (file_read(AT_FDCWD, path, SCHEMATA_MAX, &text, &len, err) < 0)
		return -err->code;
	rdt_schemata(change, &wanted);
	buf_put(before, text, len);
	if (buf_failed(&wanted) || buf_failed(before))
		return err_oom(err);
	return put_file(clos, "schemata", wanted.data, err);
}

int rdt_update(
	const char *clos, const struct oci_intel_rdt *change, struct buf *before, struct err *err)
{
	return change_schemata(clos, change, before, err) < 0 ? err_wrap(err, "linux.intelRdt") : 0;
}

int rdt_remove(const char *dir, struct err *err)
{
	struct statfs fs;

	if (!*dir || statfs(dir, &fs) < 0 || fs.f_type != RESCTRL_MAGIC)
		return 0;
	if (rmdir(dir) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove '%s'", dir);
	return 0;
}
