/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"

#define PID_FILE_MAX 32

/* Containers with the same value share a shim; the first that is there counts. */
static const char *const group_annotations[] = {
	"io.containerd.runc.v2.group",
	"io.kubernetes.cri.sandbox-id",
};

static int read_group(const struct json_node *config, char **ret, struct err *err)
{
	const struct json_node *annotations = json_get(config, "annotations");

	for (size_t i = 0; i < ARRAY_SIZE(group_annotations); i++) {
		const struct json_node *n = json_get(annotations, group_annotations[i]);
		const char *group;

		if (!n)
			continue;
		if (json_to_str(n, &group, err) < 0)
			return -err->code;
		if (!*group)
			continue;
		*ret = strdup(group);
		return *ret ? 0 : err_oom(err);
	}
	return 0;
}

static int read_cgroup(const struct json_node *config, char **ret, struct err *err)
{
	const struct json_node *n = json_get(json_get(config, "linux"), "cgroupsPath");
	const char *path;

	if (!n)
		return 0;
	if (json_to_str(n, &path, err) < 0)
		return -err->code;
	*ret = strdup(path);
	return *ret ? 0 : err_oom(err);
}

/* One without a path is made; with one, somebody else's is joined. */
static int read_own_pids(const struct json_node *config, bool *ret, struct err *err)
{
	const struct json_node *list = json_get(json_get(config, "linux"), "namespaces");
	const char *type, *path;

	*ret = false;
	if (!list)
		return 0;
	if (json_is_array(list, err) < 0)
		return -err->code;
	json_for_each (n, list) {
		if (json_need_str(n, "type", &type, err) < 0)
			return -err->code;
		if (!streq(type, "pid"))
			continue;
		path = "";
		if (json_get(n, "path") && json_need_str(n, "path", &path, err) < 0)
			return -err->code;
		*ret = !*path;
	}
	return 0;
}

int bundle_read(const char *dir, struct bundle *ret, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_json_ struct json_doc *doc = NULL;
	struct bundle b = {0};
	size_t len;

	if (asprintf(&path, "%s/config.json", dir) < 0)
		return err_oom(err);
	if (file_read(AT_FDCWD, path, JSON_TEXT_MAX, &text, &len, err) < 0)
		return -err->code;
	if (json_parse(text, len, &doc, err) < 0 || read_group(json_root(doc), &b.group, err) < 0 ||
		read_cgroup(json_root(doc), &b.cgroup, err) < 0 ||
		read_own_pids(json_root(doc), &b.own_pids, err) < 0) {
		bundle_finish(&b);
		return err_wrap(err, "read '%s'", path);
	}
	*ret = b;
	return 0;
}

void bundle_finish(struct bundle *b)
{
	free_clear(&b->group);
	free_clear(&b->cgroup);
}

int bundle_take_pid(const char *path, int *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	char *end;
	long pid;

	if (file_read(AT_FDCWD, path, PID_FILE_MAX, &text, &len, err) < 0)
		return -err->code;
	unlink(path);
	pid = strtol(text, &end, 10);
	if (end == text || pid <= 0 || pid > INT_MAX)
		return err_say(err, EPROTO, "'%s' holds no process id", path);
	*ret = (int)pid;
	return 0;
}
