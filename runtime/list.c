/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/container.h"
#include "runtime/owner.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

static const char *const formats[] = {"table", "json", NULL};

static struct {
	const char *format;
	bool quiet;
} given = {.format = "table"};

static const struct option options[] = {
	{"format", 'f', OPTION_STRING, &given.format, "FORMAT", formats, "table or json"},
	{"quiet", 'q', OPTION_FLAG, &given.quiet, NULL, NULL, "ids alone"},
};

const struct option_table list_options = {options, ARRAY_SIZE(options), NULL};

struct listing {
	struct buf out;
	struct json_writer json;
	int id_width;
};

static void add_row(struct listing *l, const struct record *r, enum oci_status status)
{
	if (streq(given.format, "json")) {
		record_write_state(r, status, &l->json);
		return;
	}
	buf_printf(&l->out, "%-*s %-8d %-9s %-9s %-31s %-8s %s\n", l->id_width, r->id,
		status == OCI_STATUS_STOPPED ? 0 : (int)r->init.pid, oci_status_name(status),
		record_payload_name(r->payload), r->created, owner_name(r->owner_uid), r->bundle);
}

static int add_container(struct listing *l, int root_fd, const char *id, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	_cleanup_record_ struct record record = {0};
	int r = container_open_in(root_fd, id, &c, err);

	if (r == 0)
		r = container_record(&c, &record, err);
	if (r == 0)
		add_row(l, &record, container_status(&c, &record));
	return r;
}

static void begin(struct listing *l, char **ids)
{
	l->id_width = 12;
	for (char **id = ids; *id; id++)
		if ((int)strlen(*id) > l->id_width)
			l->id_width = (int)strlen(*id);
	json_writer_init(&l->json, &l->out, false);
	if (streq(given.format, "json"))
		json_write_array_begin(&l->json);
	else
		buf_printf(&l->out, "%-*s %-8s %-9s %-9s %-31s %-8s %s\n", l->id_width, "ID", "PID",
			"STATUS", "PAYLOAD", "CREATED", "OWNER", "BUNDLE");
}

/* One that vanished meanwhile is no error, one that cannot be read no reason to hide the others. */
static int list_all(const char *root, char **ids, struct buf *out, struct err *err)
{
	_cleanup_close_ int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct listing l = {.out = BUF_INIT};

	begin(&l, ids);
	for (char **id = ids; *id; id++) {
		int r = add_container(&l, root_fd, *id, err);

		if (r < 0 && r != -ENOENT)
			log_warn("%s, ignoring", err->msg);
	}
	if (streq(given.format, "json")) {
		json_write_array_end(&l.json);
		buf_puts(&l.out, "\n");
	}
	*out = l.out;
	return buf_failed(out) ? err_oom(err) : 0;
}

int verb_list(const struct globals *g, char **args, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_strv_ char **ids = NULL;
	int r = container_ids(g->root, &ids, err);

	if (r < 0)
		return r;
	if (given.quiet) {
		buf_puts(&out, "");
		for (char **id = ids; *id; id++)
			buf_printf(&out, "%s\n", *id);
		r = buf_failed(&out) ? err_oom(err) : 0;
	} else {
		r = list_all(g->root, ids, &out, err);
	}
	return r < 0 ? r : print_out(out.data ? out.data : "", err);
}
