/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/fd.h"
#include "shim/cgroup.h"
#include "shim/message.h"
#include "shim/metrics_priv.h"

#define HUGE_PAGES_DIR "/sys/kernel/mm/hugepages"

static const ProtobufCFieldDescriptor *find_number(
	const ProtobufCMessage *m, const char *name, size_t len)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	for (unsigned i = 0; i < d->n_fields; i++)
		if (d->fields[i].type == PROTOBUF_C_TYPE_UINT64 &&
			d->fields[i].label == PROTOBUF_C_LABEL_NONE &&
			strncmp(d->fields[i].name, name, len) == 0 && !d->fields[i].name[len])
			return &d->fields[i];
	return NULL;
}

void metrics_fill(ProtobufCMessage *m, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, " =\n");
		const ProtobufCFieldDescriptor *f = find_number(m, text, len);

		text += len;
		if (*text == ' ' || *text == '=') {
			uint64_t v = strncmp(text + 1, "max", 3) == 0
					     ? UINT64_MAX
					     : strtoull(text + 1, NULL, 10);

			if (f)
				memcpy((char *)m + f->offset, &v, sizeof(v));
			text += 1 + strcspn(text + 1, " \n");
		}
		text += strspn(text, " \n");
	}
}

void metrics_list_add(struct arena *a, struct metrics_list *l, void *item)
{
	if (!l->items)
		l->items = arena_calloc(a, METRICS_LIST_MAX, sizeof(*l->items));
	if (l->items && item && l->n < METRICS_LIST_MAX)
		l->items[l->n++] = item;
}

bool metrics_next_line(char **text, char *words[], size_t max, size_t *ret_n)
{
	char *line, *state = NULL;
	size_t n = 0;

	do {
		line = *text ? strsep(text, "\n") : NULL;
		if (!line)
			return false;
	} while (!*line);
	for (char *w = strtok_r(line, " :", &state); w && n < max; w = strtok_r(NULL, " :", &state))
		words[n++] = w;
	words[n] = NULL;
	*ret_n = n;
	return true;
}

Pb__PidsStat *metrics_pids(struct arena *a, int dir, uint64_t no_limit)
{
	Pb__PidsStat *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__pids_stat__init(m);
	m->current = cgroup_number(dir, "pids.current");
	m->limit = cgroup_number(dir, "pids.max");
	if (m->limit == UINT64_MAX)
		m->limit = no_limit;
	return m;
}

/* "mlx4_0 hca_handle=2 hca_object=2000", or "=max". */
static uint32_t rdma_value(char *const words[], const char *name)
{
	for (size_t i = 1; words[i]; i++) {
		const char *value = str_after(words[i], name);

		if (value && *value == '=')
			return streq(value + 1, "max") ? UINT32_MAX
						       : (uint32_t)strtoul(value + 1, NULL, 10);
	}
	return 0;
}

static size_t rdma_entries(struct arena *a, int dir, const char *file, Pb__RdmaEntry ***ret)
{
	char *text = cgroup_text(dir, file), *at = text;
	struct metrics_list list = {0};
	char *words[4];
	size_t n;

	while (metrics_next_line(&at, words, ARRAY_SIZE(words) - 1, &n)) {
		Pb__RdmaEntry *e = n == 3 ? arena_alloc(a, sizeof(*e)) : NULL;

		if (!e)
			continue;
		pb__rdma_entry__init(e);
		e->device = arena_strndup(a, words[0], strlen(words[0]));
		e->hca_handles = rdma_value(words, "hca_handle");
		e->hca_objects = rdma_value(words, "hca_object");
		metrics_list_add(a, &list, e->device ? e : NULL);
	}
	free(text);
	*ret = (Pb__RdmaEntry **)list.items;
	return list.n;
}

Pb__RdmaStat *metrics_rdma(struct arena *a, int dir)
{
	Pb__RdmaStat *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__rdma_stat__init(m);
	m->n_current = rdma_entries(a, dir, "rdma.current", &m->current);
	m->n_limit = rdma_entries(a, dir, "rdma.max", &m->limit);
	return m;
}

struct metrics_list metrics_page_sizes(struct arena *a)
{
	static const char *const units[] = {"KB", "MB", "GB"};
	struct metrics_list list = {0};
	DIR *dir = opendir(HUGE_PAGES_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *number = str_after(entry->d_name, "hugepages-");
		unsigned long size = number ? strtoul(number, NULL, 10) : 0;
		size_t unit = 0;
		char name[32];

		for (; size >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
			size /= 1024;
		snprintf(name, sizeof(name), "%lu%s", size, units[unit]);
		if (size)
			metrics_list_add(a, &list, arena_strndup(a, name, strlen(name)));
	}
	if (dir)
		closedir(dir);
	return list;
}

int metrics_read(const char *cgroups, Pb__Any *ret, struct buf *scratch, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_close_ int dir = -1;
	const char *type = "io.containerd.cgroups.v1.Metrics";
	const ProtobufCMessage *m;

	if (!cgroups)
		return err_say(err, ENOENT, "the container has no cgroup");
	if (cgroup_is_unified()) {
		type = "io.containerd.cgroups.v2.Metrics";
		dir = cgroup_open(cgroups, "");
		m = (ProtobufCMessage *)metrics_v2(&arena, dir);
	} else {
		m = (ProtobufCMessage *)metrics_v1(&arena, cgroups);
	}
	if (!m)
		return err_oom(err);
	message_write_any(ret, type, m, scratch);
	return buf_failed(scratch) ? err_oom(err) : 0;
}
