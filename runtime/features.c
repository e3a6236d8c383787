/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf features`: features.md of the specification. Every list is made from the table
 * that reads the configuration, so that it cannot promise what would be refused.
 */
#include <linux/capability.h>

#include "oci-spec/config.h"
#include "oci-spec/mount_options.h"
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/box/caps.h"
#include "runtime/box/seccomp.h"
#include "runtime/box/systemd_property.h"
#include "runtime/criu.h"
#include "runtime/payload.h"
#include "runtime/verbs.h"

#define CAPS_MAX 64

static void put_enabled(struct json_writer *w, const char *key)
{
	json_write_key(w, key);
	json_write_object_begin(w);
	json_write_member_bool(w, "enabled", true);
	json_write_object_end(w);
}

static void put_words(struct json_writer *w, const char *key, enum oci_word_list list)
{
	const char *word;

	json_write_key(w, key);
	json_write_array_begin(w);
	for (size_t i = 0; (word = oci_word(list, i, NULL)); i++)
		json_write_str(w, word);
	json_write_array_end(w);
}

static void put_capabilities(struct json_writer *w)
{
	json_write_key(w, "capabilities");
	json_write_array_begin(w);
	for (unsigned cap = 0; cap < CAPS_MAX; cap++)
		if (caps_name(cap))
			json_write_str(w, caps_name(cap));
	json_write_array_end(w);
}

static void put_cgroup(struct json_writer *w)
{
	json_write_key(w, "cgroup");
	json_write_object_begin(w);
	json_write_member_bool(w, "v1", true);
	json_write_member_bool(w, "v2", true);
	json_write_member_bool(w, "systemd", true);
	json_write_member_bool(w, "systemdUser", true);
	json_write_member_bool(w, "rdma", true);
	json_write_object_end(w);
}

static void put_seccomp(struct json_writer *w)
{
	const char *word;
	long flag = 0;

	json_write_key(w, "seccomp");
	json_write_object_begin(w);
	json_write_member_bool(w, "enabled", true);
	put_words(w, "actions", OCI_SECCOMP_ACTIONS);
	put_words(w, "operators", OCI_SECCOMP_OPERATORS);
	put_words(w, "archs", OCI_SECCOMP_ARCHS);
	put_words(w, "knownFlags", OCI_SECCOMP_FLAGS);
	json_write_key(w, "supportedFlags");
	json_write_array_begin(w);
	for (size_t i = 0; (word = oci_word(OCI_SECCOMP_FLAGS, i, &flag)); i++)
		if (seccomp_flag_works((uint32_t)flag))
			json_write_str(w, word);
	json_write_array_end(w);
	json_write_object_end(w);
}

static void put_memory_and_mounts(struct json_writer *w)
{
	json_write_key(w, "intelRdt");
	json_write_object_begin(w);
	json_write_member_bool(w, "enabled", true);
	json_write_member_bool(w, "schemata", true);
	json_write_member_bool(w, "monitoring", true);
	json_write_object_end(w);
	json_write_key(w, "memoryPolicy");
	json_write_object_begin(w);
	put_words(w, "modes", OCI_MEMPOLICY_MODES);
	put_words(w, "flags", OCI_MEMPOLICY_FLAGS);
	json_write_object_end(w);
	json_write_key(w, "mountExtensions");
	json_write_object_begin(w);
	put_enabled(w, "idmap");
	json_write_object_end(w);
}

static void put_linux(struct json_writer *w)
{
	json_write_key(w, "linux");
	json_write_object_begin(w);
	put_words(w, "namespaces", OCI_NAMESPACES);
	put_capabilities(w);
	put_cgroup(w);
	put_seccomp(w);
	put_enabled(w, "apparmor");
	put_enabled(w, "selinux");
	put_memory_and_mounts(w);
	put_enabled(w, "netDevices");
	json_write_object_end(w);
}

static void put_annotations(struct json_writer *w)
{
	json_write_key(w, "annotations");
	json_write_object_begin(w);
	json_write_member_str(w, "io.github.seccomp.libseccomp.version", seccomp_library());
	/* runc's, which podman and CRI-O look for. */
	json_write_member_str(w, "org.opencontainers.runc.checkpoint.enabled",
		criu_is_installed() ? "true" : "false");
	json_write_member_str(w, "turf.noslate.dev/version", TURF_VERSION);
	json_write_object_end(w);
	/* A seed is code that stands ready on the host: who may choose one chooses what runs. */
	json_write_key(w, "potentiallyUnsafeConfigAnnotations");
	json_write_array_begin(w);
	json_write_str(w, PAYLOAD_ANNOTATION_SEED);
	json_write_str(w, PAYLOAD_ANNOTATION_WARMFORK);
	json_write_str(w, SYSTEMD_PROPERTY_ANNOTATION);
	json_write_array_end(w);
}

int verb_features(const struct globals *g, char **args, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &out, true);
	json_write_object_begin(&w);
	json_write_member_str(&w, "ociVersionMin", OCI_VERSION_MIN);
	json_write_member_str(&w, "ociVersionMax", OCI_VERSION);
	put_words(&w, "hooks", OCI_HOOKS);
	json_write_key(&w, "mountOptions");
	json_write_array_begin(&w);
	for (const char *const *name = mount_options_names(); *name; name++)
		json_write_str(&w, *name);
	json_write_array_end(&w);
	put_linux(&w);
	put_annotations(&w);
	json_write_object_end(&w);
	if (buf_failed(&out))
		return err_oom(err);
	return print_out(out.data, err);
}
