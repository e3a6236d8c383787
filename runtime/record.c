/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/record.h"

#include <errno.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/box/cgroup.h"
#include "runtime/owner.h"

static const char *const payload_names[] = {
	[RECORD_EXEC] = "exec",
	[RECORD_WARM] = "warm",
	[RECORD_COLD] = "cold",
};

const char *record_payload_name(enum record_payload payload)
{
	return payload_names[payload];
}

void record_finish(struct record *r)
{
	json_free(r->doc);
	arena_finish(&r->arena);
	memset(r, 0, sizeof(*r));
}

static void write_strings(struct json_writer *w, const char *key, const char *const *list)
{
	if (!list)
		return;
	json_write_key(w, key);
	json_write_array_begin(w);
	for (; *list; list++)
		json_write_str(w, *list);
	json_write_array_end(w);
}

static void write_hooks(
	struct json_writer *w, const char *key, const struct oci_hook *hooks, size_t n)
{
	json_write_key(w, key);
	json_write_array_begin(w);
	for (size_t i = 0; i < n; i++) {
		json_write_object_begin(w);
		json_write_member_str(w, "path", hooks[i].path);
		write_strings(w, "args", hooks[i].args);
		write_strings(w, "env", hooks[i].env);
		if (hooks[i].timeout.set)
			json_write_member_i64(w, "timeout", hooks[i].timeout.value);
		json_write_object_end(w);
	}
	json_write_array_end(w);
}

static struct oci_state state_of(const struct record *r, enum oci_status status)
{
	return (struct oci_state){
		.id = r->id,
		.status = status,
		.pid = status == OCI_STATUS_STOPPED ? 0 : r->init.pid,
		.bundle = r->bundle,
		.annotations = r->annotations,
		.n_annotations = r->n_annotations,
	};
}

static void write_record(const struct record *r, struct json_writer *w)
{
	struct oci_state state = state_of(r, r->reached);

	json_write_object_begin(w);
	oci_state_write_members(&state, w);
	json_write_member_str(w, "rootfs", r->rootfs);
	json_write_member_str(w, "created", r->created);
	json_write_member_u64(w, "ownerUid", r->owner_uid);
	json_write_member_u64(w, "startTime", r->init.start_time);
	if (r->user_ns)
		json_write_member_u64(w, "userNamespace", r->user_ns);
	json_write_member_str(w, "payload", record_payload_name(r->payload));
	if (r->seed)
		json_write_member_str(w, "seed", r->seed);
	if (r->no_new_keyring)
		json_write_member_bool(w, "noNewKeyring", true);
	if (r->rdt_clos)
		json_write_member_str(w, "rdtClos", r->rdt_clos);
	if (r->rdt_monitor)
		json_write_member_str(w, "rdtMonitor", r->rdt_monitor);
	if (r->listener_path)
		json_write_member_str(w, "listenerPath", r->listener_path);
	if (r->listener_metadata)
		json_write_member_str(w, "listenerMetadata", r->listener_metadata);
	json_write_key(w, "cgroups");
	json_write_array_begin(w);
	for (size_t i = 0; i < r->n_cgroups; i++) {
		json_write_object_begin(w);
		json_write_member_str(w, "controller", r->cgroups[i].controller);
		json_write_member_str(w, "path", r->cgroups[i].path);
		json_write_object_end(w);
	}
	json_write_array_end(w);
	if (r->resources) {
		json_write_key(w, "resources");
		oci_resources_write(r->resources, w);
	}
	write_hooks(w, "poststart", r->poststart, r->n_poststart);
	write_hooks(w, "poststop", r->poststop, r->n_poststop);
	json_write_object_end(w);
}

int record_write(int state_dir_fd, const struct record *r, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &out, false);
	write_record(r, &w);
	if (buf_failed(&out))
		return err_oom(err);
	/* What could not be read back must not be written. */
	if (out.len > JSON_TEXT_MAX)
		return err_say(
			err, E2BIG, "annotations and hooks take more than %u bytes", JSON_TEXT_MAX);
	return file_write_atomic(state_dir_fd, RECORD_FILE, out.data, out.len, 0600, err);
}

static int read_strings(
	struct record *r, const struct json_node *n, const char *const **ret, struct err *err)
{
	const char **list;
	size_t i = 0;
	int rc;

	if (!n)
		return 0;
	rc = json_is_array(n, err);
	if (rc < 0)
		return rc;
	list = arena_calloc(&r->arena, json_count(n) + 1, sizeof(*list));
	if (!list)
		return err_oom(err);
	json_for_each (child, n) {
		rc = json_to_str(child, &list[i++], err);
		if (rc < 0)
			return rc;
	}
	*ret = list;
	return 0;
}

static int read_hook(
	struct record *r, const struct json_node *n, struct oci_hook *ret, struct err *err)
{
	const struct json_node *timeout = json_get(n, "timeout");
	int rc;

	rc = json_need_str(n, "path", &ret->path, err);
	if (rc == 0)
		rc = read_strings(r, json_get(n, "args"), &ret->args, err);
	if (rc == 0)
		rc = read_strings(r, json_get(n, "env"), &ret->env, err);
	if (rc == 0 && timeout) {
		ret->timeout.set = true;
		rc = json_to_i32(timeout, &ret->timeout.value, err);
	}
	return rc;
}

static int read_hooks(struct record *r, const struct json_node *root, const char *key,
	const struct oci_hook **ret, size_t *ret_n, struct err *err)
{
	const struct json_node *list;
	struct oci_hook *hooks;
	size_t i = 0;
	int rc;

	rc = json_need(root, key, &list, err);
	if (rc == 0)
		rc = json_is_array(list, err);
	if (rc < 0)
		return rc;
	hooks = arena_calloc(&r->arena, json_count(list) + 1, sizeof(*hooks));
	if (!hooks)
		return err_oom(err);
	json_for_each (n, list) {
		rc = read_hook(r, n, &hooks[i++], err);
		if (rc < 0)
			return rc;
	}
	*ret = hooks;
	*ret_n = i;
	return 0;
}

static int read_cgroups(struct record *r, const struct json_node *root, struct err *err)
{
	const struct json_node *list;
	struct cgroup_path *paths;
	size_t i = 0;
	int rc;

	rc = json_need(root, "cgroups", &list, err);
	if (rc == 0)
		rc = json_is_array(list, err);
	if (rc < 0)
		return rc;
	paths = arena_calloc(&r->arena, json_count(list) + 1, sizeof(*paths));
	if (!paths)
		return err_oom(err);
	json_for_each (n, list) {
		rc = json_need_str(n, "controller", &paths[i].controller, err);
		if (rc == 0)
			rc = json_need_str(n, "path", &paths[i].path, err);
		if (rc < 0)
			return rc;
		i++;
	}
	r->cgroups = paths;
	r->n_cgroups = i;
	return 0;
}

static int read_resources(struct record *r, const struct json_node *root, struct err *err)
{
	const struct json_node *n = json_get(root, "resources");

	return n ? oci_resources_read(n, &r->arena, &r->resources, err) : 0;
}

static int read_annotations(struct record *r, const struct json_node *root, struct err *err)
{
	const struct json_node *map = json_get(root, "annotations");
	struct oci_pair *pairs;
	size_t i = 0;
	int rc;

	if (!map)
		return 0;
	rc = json_is_object(map, err);
	if (rc < 0)
		return rc;
	pairs = arena_calloc(&r->arena, json_count(map) + 1, sizeof(*pairs));
	if (!pairs)
		return err_oom(err);
	json_for_each (n, map) {
		pairs[i].name = json_name(n);
		rc = json_to_str(n, &pairs[i++].value, err);
		if (rc < 0)
			return rc;
	}
	r->annotations = pairs;
	r->n_annotations = i;
	return 0;
}

static int read_payload(struct record *r, const struct json_node *root, struct err *err)
{
	const char *name;
	int rc = json_need_str(root, "payload", &name, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(payload_names); i++) {
		if (!streq(payload_names[i], name))
			continue;
		r->payload = (enum record_payload)i;
		return json_get(root, "seed") ? json_need_str(root, "seed", &r->seed, err) : 0;
	}
	return json_fail_member(root, "payload", err, "not exec, warm or cold");
}

/* What not every container has. */
static int read_optional(struct record *r, const struct json_node *root, struct err *err)
{
	const struct json_node *keyring = json_get(root, "noNewKeyring");
	const struct json_node *user_ns = json_get(root, "userNamespace");
	const struct {
		const char *key;
		const char **value;
	} strings[] = {
		{"rdtClos", &r->rdt_clos},
		{"rdtMonitor", &r->rdt_monitor},
		{"listenerPath", &r->listener_path},
		{"listenerMetadata", &r->listener_metadata},
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		if (json_get(root, strings[i].key) &&
			json_need_str(root, strings[i].key, strings[i].value, err) < 0)
			return -err->code;
	if (user_ns && json_to_u64(user_ns, &r->user_ns, err) < 0)
		return -err->code;
	return keyring ? json_to_bool(keyring, &r->no_new_keyring, err) : 0;
}

static int read_process(struct record *r, const struct json_node *root, struct err *err)
{
	const struct json_node *pid = json_get(root, "pid");
	const char *status;
	int rc;

	rc = json_need_str(root, "status", &status, err);
	if (rc < 0)
		return rc;
	if (oci_status_parse(status, &r->reached) < 0 || r->reached > OCI_STATUS_CREATED)
		return json_fail_member(root, "status", err, "neither creating nor created");
	rc = json_need_u64(root, "startTime", &r->init.start_time, err);
	if (rc == 0 && pid)
		rc = json_to_i32(pid, &r->init.pid, err);
	if (rc < 0)
		return rc;
	/* A signal must never go to a process group, or to ourselves as "every process". */
	if (r->init.pid < 0 || (r->init.pid == 0 && r->reached == OCI_STATUS_CREATED))
		return json_fail_member(root, "pid", err, "not a process id");
	return 0;
}

static int read_root(struct record *r, const struct json_node *root, struct err *err)
{
	const struct {
		const char *key;
		const char **value;
	} strings[] = {
		{"id", &r->id},
		{"bundle", &r->bundle},
		{"rootfs", &r->rootfs},
		{"created", &r->created},
	};
	const struct json_node *uid = json_get(root, "ownerUid");
	int rc = json_is_object(root, err);

	if (rc == 0 && uid)
		rc = json_to_u32(uid, &r->owner_uid, err);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(strings); i++)
		rc = json_need_str(root, strings[i].key, strings[i].value, err);
	if (rc == 0)
		rc = read_process(r, root, err);
	if (rc == 0)
		rc = read_payload(r, root, err);
	if (rc == 0)
		rc = read_optional(r, root, err);
	if (rc == 0)
		rc = read_cgroups(r, root, err);
	if (rc == 0)
		rc = read_resources(r, root, err);
	if (rc == 0)
		rc = read_hooks(r, root, "poststart", &r->poststart, &r->n_poststart, err);
	if (rc == 0)
		rc = read_hooks(r, root, "poststop", &r->poststop, &r->n_poststop, err);
	if (rc == 0)
		rc = read_annotations(r, root, err);
	return rc;
}

int record_read(int state_dir_fd, struct record *ret, struct err *err)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_free_ char *text = NULL;
	size_t len;
	int rc;

	rc = file_read(state_dir_fd, RECORD_FILE, JSON_TEXT_MAX, &text, &len, err);
	if (rc < 0)
		return rc;
	rc = json_parse(text, len, &r.doc, err);
	if (rc == 0)
		rc = read_root(&r, json_root(r.doc), err);
	if (rc < 0)
		return err_wrap(err, "%s", RECORD_FILE);
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

void record_write_state(const struct record *r, enum oci_status status, struct json_writer *w)
{
	struct oci_state state = state_of(r, status);

	json_write_object_begin(w);
	/* runc's readers (podman, go-runc) expect the member also where the process is gone. */
	oci_state_write_members(&state, w);
	if (state.pid == 0)
		json_write_member_u64(w, "pid", 0);
	json_write_member_str(w, "rootfs", r->rootfs);
	json_write_member_str(w, "created", r->created);
	json_write_member_str(w, "owner", owner_name(r->owner_uid));
	json_write_object_end(w);
}

int record_hook_state(
	const struct record *r, enum oci_status status, pid_t pid, struct buf *out, struct err *err)
{
	struct oci_state state = state_of(r, status);

	state.pid = pid;
	oci_state_write(&state, out);
	return buf_failed(out) ? err_oom(err) : 0;
}
