/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message that the shim knows. The first byte of an input says which; the rest is read as
 * one. What was read can be written, and reading and writing that again gives the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"
#include "shim/proto/metrics.pb-c.h"
#include "shim/proto/options.pb-c.h"
#include "shim/proto/task.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The corpus counts on their places: new ones come last. */
static const ProtobufCMessageDescriptor *const types[] = {
	&pb__any__descriptor,
	&pb__timestamp__descriptor,
	&pb__empty__descriptor,
	&pb__mount__descriptor,
	&pb__pair__descriptor,
	&pb__status__descriptor,
	&pb__request__descriptor,
	&pb__response__descriptor,
	&pb__runc_options__descriptor,
	&pb__runtime_options__descriptor,
	&pb__checkpoint_options__descriptor,
	&pb__process_details__descriptor,
	&pb__extension__descriptor,
	&pb__bootstrap_params__descriptor,
	&pb__bootstrap_result__descriptor,
	&pb__runtime_version__descriptor,
	&pb__runtime_info__descriptor,
	&pb__create_request__descriptor,
	&pb__pid_response__descriptor,
	&pb__process_request__descriptor,
	&pb__container_request__descriptor,
	&pb__delete_response__descriptor,
	&pb__exec_request__descriptor,
	&pb__resize_pty_request__descriptor,
	&pb__state_response__descriptor,
	&pb__kill_request__descriptor,
	&pb__close_iorequest__descriptor,
	&pb__process_info__descriptor,
	&pb__pids_response__descriptor,
	&pb__checkpoint_request__descriptor,
	&pb__update_request__descriptor,
	&pb__wait_response__descriptor,
	&pb__stats_response__descriptor,
	&pb__connect_response__descriptor,
	&pb__shutdown_request__descriptor,
	&pb__envelope__descriptor,
	&pb__forward_request__descriptor,
	&pb__task_io__descriptor,
	&pb__task_create__descriptor,
	&pb__task_start__descriptor,
	&pb__task_delete__descriptor,
	&pb__task_exit__descriptor,
	&pb__task_event__descriptor,
	&pb__task_exec__descriptor,
	&pb__task_checkpointed__descriptor,
	&pb__pids_stat__descriptor,
	&pb__rdma_entry__descriptor,
	&pb__rdma_stat__descriptor,
	&pb__v1_hugetlb__descriptor,
	&pb__v1_cpu_usage__descriptor,
	&pb__v1_throttling__descriptor,
	&pb__v1_cpu__descriptor,
	&pb__v1_memory_entry__descriptor,
	&pb__v1_memory__descriptor,
	&pb__v1_blkio_entry__descriptor,
	&pb__v1_blkio__descriptor,
	&pb__v1_oom_control__descriptor,
	&pb__v1_metrics__descriptor,
	&pb__v2_cpu__descriptor,
	&pb__v2_memory__descriptor,
	&pb__v2_memory_events__descriptor,
	&pb__v2_io_entry__descriptor,
	&pb__v2_io__descriptor,
	&pb__v2_hugetlb__descriptor,
	&pb__v2_metrics__descriptor,
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_strings(const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const void *at = (const char *)m + f->offset;

		if (f->type == PROTOBUF_C_TYPE_STRING && f->label == PROTOBUF_C_LABEL_NONE)
			require(*(char *const *)at != NULL);
	}
}

static bool has_number_0(const ProtobufCMessage *m);

static bool field_has_number_0(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const char *at = (const char *)m + f->offset;
	const ProtobufCMessage *const *sub = (const void *)at;
	size_t n;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return false;
	n = *sub != NULL;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		n = *(const size_t *)((const char *)m + f->quantifier_offset);
		sub = *(const ProtobufCMessage *const *const *)at;
	}
	for (size_t i = 0; i < n; i++)
		if (has_number_0(sub[i]))
			return true;
	return false;
}

/* There is no such field. protobuf-c takes one whose 0 is spelled long, and writes it short. */
static bool has_number_0(const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->n_unknown_fields; i++)
		if (m->unknown_fields[i].tag == 0)
			return true;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (field_has_number_0(m, &m->descriptor->fields[i]))
			return true;
	return false;
}

/* False when the bytes are no such message. */
static bool read_and_write(
	const ProtobufCMessageDescriptor *type, const void *data, size_t size, struct buf *out)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const ProtobufCMessage *m = message_read(type, data, size, &arena);

	if (!m)
		return false;
	check_strings(m);
	if (has_number_0(m))
		return false;
	message_write(m, out);
	require(!buf_failed(out));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf first = BUF_INIT, second = BUF_INIT;
	const ProtobufCMessageDescriptor *type;

	if (size == 0)
		return 0;
	type = types[data[0] % ARRAY_SIZE(types)];
	if (!read_and_write(type, data + 1, size - 1, &first))
		return 0;
	require(read_and_write(type, first.data, first.len, &second));
	require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	return 0;
}
