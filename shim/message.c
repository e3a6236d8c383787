/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/message.h"

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

struct budget {
	struct arena *arena;
	size_t left;
};

static void *budget_alloc(void *arg, size_t size)
{
	struct budget *b = arg;

	if (size > b->left)
		return NULL;
	b->left -= size;
	return arena_alloc(b->arena, size);
}

static void budget_free(void *arg, void *p)
{
}

void *message_read(
	const ProtobufCMessageDescriptor *type, const void *data, size_t len, struct arena *arena)
{
	struct budget budget = {arena, MESSAGE_MEMORY_MAX};
	ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};

	return protobuf_c_message_unpack(type, &allocator, len, data);
}

void message_write(const ProtobufCMessage *m, struct buf *out)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *to = buf_extend(out, len);

	if (to)
		protobuf_c_message_pack(m, to);
}

void message_write_any(
	Pb__Any *ret, const char *type_url, const ProtobufCMessage *m, struct buf *scratch)
{
	message_write(m, scratch);
	pb__any__init(ret);
	ret->type_url = message_string(type_url);
	ret->value.data = (uint8_t *)scratch->data;
	ret->value.len = scratch->len;
}

bool message_any_is(const Pb__Any *any, const char *name)
{
	const char *slash;

	if (!any)
		return false;
	slash = strrchr(any->type_url, '/');
	return streq(slash ? slash + 1 : any->type_url, name);
}

char *message_string(const char *s)
{
	return s && *s ? (char *)s : (char *)protobuf_c_empty_string;
}

void message_timestamp(Pb__Timestamp *ret, const struct timespec *t)
{
	pb__timestamp__init(ret);
	ret->seconds = t->tv_sec;
	ret->nanos = (int32_t)t->tv_nsec;
}
