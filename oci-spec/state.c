/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/state.h"

#include <errno.h>

#include "oci-spec/config.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

static const char *const names[] = {
	[OCI_STATUS_CREATING] = "creating",
	[OCI_STATUS_CREATED] = "created",
	[OCI_STATUS_RUNNING] = "running",
	[OCI_STATUS_STOPPED] = "stopped",
	[OCI_STATUS_PAUSED] = "paused",
};

const char *oci_status_name(enum oci_status status)
{
	return names[status];
}

int oci_status_parse(const char *name, enum oci_status *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], name)) {
			*ret = (enum oci_status)i;
			return 0;
		}
	return -EINVAL;
}

void oci_state_write_members(const struct oci_state *state, struct json_writer *w)
{
	json_write_member_str(w, "ociVersion", state->oci_version ?: OCI_VERSION);
	json_write_member_str(w, "id", state->id);
	if (state->pid > 0)
		json_write_member_i64(w, "pid", state->pid);
	json_write_member_str(w, "status", oci_status_name(state->status));
	json_write_member_str(w, "bundle", state->bundle);
	if (state->n_annotations == 0)
		return;
	json_write_key(w, "annotations");
	json_write_object_begin(w);
	for (size_t i = 0; i < state->n_annotations; i++)
		json_write_member_str(w, state->annotations[i].name, state->annotations[i].value);
	json_write_object_end(w);
}

void oci_state_write(const struct oci_state *state, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_write_object_begin(&w);
	oci_state_write_members(state, &w);
	json_write_object_end(&w);
}
