/* SPDX-License-Identifier: Apache-2.0 */
/* The faces of reader and writer, and questions that many ask of a config. */
#include "oci-spec/config.h"

#include <errno.h>
#include <fcntl.h>

#include "oci-spec/schema_priv.h"
#include "oci-spec/tree_priv.h"
#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

/* The config and what it owns, which its users need not see. */
struct owned_config {
	struct oci_config config; /* first: one pointer is the other */
	struct arena arena;
};

void oci_config_free(struct oci_config *config)
{
	struct owned_config *o = (struct owned_config *)config;

	if (!o)
		return;
	arena_finish(&o->arena);
	free(o);
}

static int parse(
	const char *json, size_t len, bool process_only, struct oci_config **ret, struct err *err)
{
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_json_ struct json_doc *doc = NULL;
	struct oci_process *process = NULL;
	struct owned_config *o;
	int r;

	r = json_parse(json, len, &doc, err);
	if (r < 0)
		return r;
	o = calloc(1, sizeof(*o));
	if (!o)
		return err_oom(err);
	config = &o->config;
	if (process_only) {
		config->process = process = arena_alloc(&o->arena, sizeof(*process));
		if (!process)
			return err_oom(err);
	}
	r = tree_read(json_root(doc), process_only ? &schema_process : &schema_config, &o->arena,
		process_only ? (void *)process : config, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&config);
	return 0;
}

int oci_config_parse(const char *json, size_t len, struct oci_config **ret, struct err *err)
{
	return parse(json, len, false, ret, err);
}

static int load(
	int dirfd, const char *path, bool process_only, struct oci_config **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = file_read(dirfd, path, JSON_TEXT_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = parse(text, len, process_only, ret, err);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

int oci_config_load(int dirfd, const char *path, struct oci_config **ret, struct err *err)
{
	return load(dirfd, path, false, ret, err);
}

int oci_process_load(const char *path, struct oci_config **ret, struct err *err)
{
	return load(AT_FDCWD, path, true, ret, err);
}

void oci_config_write(const struct oci_config *config, bool pretty, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out, pretty);
	tree_write(&w, &schema_config, config);
}

void oci_seccomp_write(const struct oci_seccomp *seccomp, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out, false);
	tree_write(&w, &schema_seccomp, seccomp);
}

const char *oci_config_annotation(const struct oci_config *config, const char *name)
{
	for (size_t i = 0; i < config->n_annotations; i++)
		if (streq(config->annotations[i].name, name))
			return config->annotations[i].value;
	return NULL;
}

const struct oci_namespace *oci_config_namespace(const struct oci_config *config, int type)
{
	const struct oci_linux *l = config->linux_;

	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (l->namespaces[i].type == type)
			return &l->namespaces[i];
	return NULL;
}

bool oci_seccomp_notifies(const struct oci_seccomp *seccomp)
{
	for (size_t i = 0; seccomp && i < seccomp->n_rules; i++)
		if (seccomp->rules[i].action == OCI_SECCOMP_NOTIFY)
			return true;
	return false;
}
