/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seeds that workers are copied from. Their keepers are asked from here and not by the daemon, which has
 * no time to wait for one that does not answer; it only says where they are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "runtime/base/json.h"
#include "runtime/base/rfc3339.h"
#include "seed/client.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"

static void write_json(struct json_writer *w, const struct seed_info *i)
{
	char when[RFC3339_MAX];

	json_write_object_begin(w);
	json_write_member_str(w, "name", i->name);
	json_write_member_str(w, "state", seed_state_name((enum seed_state)i->state));
	json_write_member_i64(w, "keeper", i->keeper_pid);
	json_write_member_i64(w, "pid", i->seed_pid);
	json_write_member_u64(w, "parked", i->parked);
	json_write_member_u64(w, "parkedWanted", i->parked_wanted);
	json_write_member_u64(w, "clones", i->clones_alive);
	json_write_member_u64(w, "clonesMax", i->clones_max);
	json_write_member_u64(w, "clonesTotal", i->clones_total);
	json_write_member_u64(w, "restarts", i->restarts);
	json_write_member_bool(w, "fromImage", i->from_image);
	json_write_member_str(w, "started", rfc3339_seconds(i->started_s, when));
	json_write_member_str(w, "build", i->build);
	json_write_member_str(w, "worker", i->worker);
	json_write_member_str(w, "lastEnd", i->last_end);
	json_write_member_str(w, "lastError", i->last_error);
	json_write_object_end(w);
}

static void put_row(struct table *t, const struct seed_info *i)
{
	table_put(t, TABLE_PLAIN, i->name);
	table_put(t, i->state == SEED_STATE_READY ? TABLE_GOOD : TABLE_BAD,
		seed_state_name((enum seed_state)i->state));
	table_printf(t, "%d", i->seed_pid);
	table_printf(t, "%u/%u", i->parked, i->parked_wanted);
	table_printf(t, "%u/%u", i->clones_alive, i->clones_max);
	table_printf(t, "%" PRIu64, i->clones_total);
	table_printf(t, "%u", i->restarts);
	table_put(t, TABLE_PLAIN, i->from_image ? "image" : "executable");
	table_put(t, TABLE_BAD, i->last_error);
}

/* The directory that the daemon has. */
static int use_directory(struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const char *seeds;

	if (ask_json("/v1/node", &doc, err) < 0 ||
		json_need_str(json_root(doc), "seeds", &seeds, err) < 0)
		return -err->code;
	return setenv("TURF_SEEDS_DIR", seeds, 1) < 0 ? err_oom(err) : 0;
}

struct output {
	struct table *table;
	struct json_writer json;
};

/* One that has just gone is none. */
static int put_seed(struct output *o, const char *name, struct err *err)
{
	struct seed_info info;

	if (seed_info(name, &info, err) < 0) {
		if (err->code != ENOENT)
			return -err->code;
		*err = (struct err)ERR_INIT;
		return 0;
	}
	put_row(o->table, &info);
	write_json(&o->json, &info);
	return 0;
}

int verb_seeds(char **args UNUSED, struct err *err)
{
	static const struct table_column columns[] = {{"SEED", false}, {"STATE", false},
		{"PID", true}, {"PARKED", true}, {"CLONES", true}, {"EVER", true},
		{"RESTARTS", true}, {"FROM", false}, {"", false}};
	_cleanup_table_ struct table *t = table_create(columns, ARRAY_SIZE(columns));
	_cleanup_buf_ struct buf json = BUF_INIT;
	_cleanup_strv_ char **names = NULL;
	struct output o = {.table = t};

	if (!t)
		return err_oom(err);
	if (use_directory(err) < 0 || seed_names(&names, err) < 0)
		return -err->code;
	json_writer_init(&o.json, &json, true);
	json_write_array_begin(&o.json);
	for (char **name = names; *name; name++)
		if (put_seed(&o, *name, err) < 0)
			return -err->code;
	json_write_array_end(&o.json);
	if (buf_failed(&json))
		return err_oom(err);
	return given.json ? ctl_print(json.data, json.len, err) : ctl_print_table(t, err);
}
