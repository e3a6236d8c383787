/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf update`: new limits for a container, from a file or from options. Options
 * are turned into the text of such a file, so that both are checked alike.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/rdt.h"
#include "runtime/container.h"
#include "runtime/life.h"
#include "runtime/record.h"
#include "runtime/rootless.h"
#include "runtime/verbs.h"

static struct {
	const char *resources;
	const char *blkio_weight;
	const char *cpu_period, *cpu_quota, *cpu_burst, *cpu_share, *cpu_rt_period, *cpu_rt_runtime;
	const char *cpu_idle;
	const char *cpuset_cpus, *cpuset_mems;
	const char *memory, *memory_reservation, *memory_swap, *kernel_memory, *kernel_memory_tcp;
	const char *pids_limit;
	const char *l3_cache_schema, *mem_bw_schema;
} given;

static const struct option options[] = {
	{"resources", 'r', OPTION_STRING, &given.resources, "FILE", NULL,
		"linux.resources to change as JSON, - for stdin; other options are ignored"},
	{"blkio-weight", 0, OPTION_STRING, &given.blkio_weight, "N", NULL, "10 to 1000"},
	{"cpu-period", 0, OPTION_STRING, &given.cpu_period, "US", NULL, "of the quota"},
	{"cpu-quota", 0, OPTION_STRING, &given.cpu_quota, "US", NULL,
		"processor time in a period, -1 for no limit"},
	{"cpu-burst", 0, OPTION_STRING, &given.cpu_burst, "US", NULL,
		"unused quota that may be saved up"},
	{"cpu-share", 0, OPTION_STRING, &given.cpu_share, "N", NULL,
		"weight among others; 1024 is normal"},
	{"cpu-rt-period", 0, OPTION_STRING, &given.cpu_rt_period, "US", NULL,
		"of the realtime budget"},
	{"cpu-rt-runtime", 0, OPTION_STRING, &given.cpu_rt_runtime, "US", NULL,
		"realtime budget in a period"},
	{"cpu-idle", 0, OPTION_STRING, &given.cpu_idle, "0|1", NULL,
		"1: runs when nobody else wants to"},
	{"cpuset-cpus", 0, OPTION_STRING, &given.cpuset_cpus, "LIST", NULL, "processors: 0-3,7"},
	{"cpuset-mems", 0, OPTION_STRING, &given.cpuset_mems, "LIST", NULL, "memory nodes: 0-1"},
	{"memory", 'm', OPTION_STRING, &given.memory, "BYTES", NULL,
		"limit; k, m, g or t may follow; -1 for none"},
	{"memory-reservation", 0, OPTION_STRING, &given.memory_reservation, "BYTES", NULL,
		"what is left to it under pressure"},
	{"memory-swap", 0, OPTION_STRING, &given.memory_swap, "BYTES", NULL,
		"memory and swap together, -1 for no limit"},
	{"kernel-memory", 0, OPTION_STRING, &given.kernel_memory, "BYTES", NULL, NULL},
	{"kernel-memory-tcp", 0, OPTION_STRING, &given.kernel_memory_tcp, "BYTES", NULL,
		"buffers of TCP; cgroup v1"},
	{"pids-limit", 0, OPTION_STRING, &given.pids_limit, "N", NULL,
		"processes and threads, -1 for no limit"},
	{"l3-cache-schema", 0, OPTION_STRING, &given.l3_cache_schema, "TEXT", NULL,
		"its share of the cache, as linux.intelRdt has it"},
	{"mem-bw-schema", 0, OPTION_STRING, &given.mem_bw_schema, "TEXT", NULL,
		"its share of memory bandwidth, as linux.intelRdt has it"},
};

const struct option_table update_options = {options, ARRAY_SIZE(options), NULL};

enum value_kind { VALUE_NUMBER, VALUE_BYTES, VALUE_TEXT };

/* An option's place in linux.resources. Those of one section stand together. */
static const struct setting {
	const char *section, *key;
	const char **text;
	enum value_kind kind;
	const char *option;
} settings[] = {
	{"memory", "limit", &given.memory, VALUE_BYTES, "memory"},
	{"memory", "reservation", &given.memory_reservation, VALUE_BYTES, "memory-reservation"},
	{"memory", "swap", &given.memory_swap, VALUE_BYTES, "memory-swap"},
	{"memory", "kernel", &given.kernel_memory, VALUE_BYTES, "kernel-memory"},
	{"memory", "kernelTCP", &given.kernel_memory_tcp, VALUE_BYTES, "kernel-memory-tcp"},
	{"cpu", "shares", &given.cpu_share, VALUE_NUMBER, "cpu-share"},
	{"cpu", "quota", &given.cpu_quota, VALUE_NUMBER, "cpu-quota"},
	{"cpu", "period", &given.cpu_period, VALUE_NUMBER, "cpu-period"},
	{"cpu", "burst", &given.cpu_burst, VALUE_NUMBER, "cpu-burst"},
	{"cpu", "realtimePeriod", &given.cpu_rt_period, VALUE_NUMBER, "cpu-rt-period"},
	{"cpu", "realtimeRuntime", &given.cpu_rt_runtime, VALUE_NUMBER, "cpu-rt-runtime"},
	{"cpu", "idle", &given.cpu_idle, VALUE_NUMBER, "cpu-idle"},
	{"cpu", "cpus", &given.cpuset_cpus, VALUE_TEXT, "cpuset-cpus"},
	{"cpu", "mems", &given.cpuset_mems, VALUE_TEXT, "cpuset-mems"},
	{"pids", "limit", &given.pids_limit, VALUE_NUMBER, "pids-limit"},
	{"blockIO", "weight", &given.blkio_weight, VALUE_NUMBER, "blkio-weight"},
};

/* "512", "-1"; of bytes also "64m", "1GiB". */
static int parse_number(const struct setting *s, int64_t *ret, struct err *err)
{
	static const char units[] = "kmgtp";
	const char *text = *s->text, *unit;
	int64_t factor = 1;
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (s->kind == VALUE_BYTES && *end && *ret >= 0) {
		unit = strchr(units, *end | 0x20);
		if (unit) {
			factor = INT64_C(1) << (10 * (unit - units + 1));
			end += str_after(end + 1, "iB") ? 3 : 1;
		}
		end += *end == 'b' || *end == 'B';
	}
	if ((*text != '-' && (*text < '0' || *text > '9')) || *end || errno ||
		__builtin_mul_overflow(*ret, factor, ret))
		return err_say(err, EINVAL, "option '--%s': '%s' is not a number%s", s->option,
			text, s->kind == VALUE_BYTES ? " of bytes" : "");
	return 0;
}

static int write_setting(struct json_writer *w, const struct setting *s, struct err *err)
{
	int64_t value;

	json_write_key(w, s->key);
	if (s->kind == VALUE_TEXT) {
		json_write_str(w, *s->text);
		return 0;
	}
	if (parse_number(s, &value, err) < 0)
		return -err->code;
	json_write_i64(w, value);
	return 0;
}

/* The options as a file that --resources could name. */
static int write_settings(struct buf *out, struct err *err)
{
	const char *section = NULL;
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_write_object_begin(&w);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];

		if (!*s->text)
			continue;
		if (!section || !streq(section, s->section)) {
			if (section)
				json_write_object_end(&w);
			json_write_key(&w, s->section);
			json_write_object_begin(&w);
			section = s->section;
		}
		if (write_setting(&w, s, err) < 0)
			return -err->code;
	}
	if (section)
		json_write_object_end(&w);
	json_write_object_end(&w);
	if (!section && !given.l3_cache_schema && !given.mem_bw_schema)
		return err_say(err, EINVAL, "update: nothing to change was given");
	return buf_failed(out) ? err_oom(err) : 0;
}

static int read_stdin(struct buf *out, struct err *err)
{
	char *data = buf_extend(out, JSON_TEXT_MAX + 1);
	ssize_t n = data ? fd_read_all(STDIN_FILENO, data, JSON_TEXT_MAX + 1) : -ENOMEM;

	if (n < 0)
		return err_set(err, (int)-n, "read standard input");
	if (n > JSON_TEXT_MAX)
		return err_set(err, EFBIG, "read standard input");
	out->len = (size_t)n;
	return 0;
}

static int read_change(struct arena *arena, const struct oci_resources **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *from = given.resources;
	int r;

	if (!from) {
		r = write_settings(&text, err);
		return r < 0 ? r : oci_resources_parse(text.data, text.len, arena, ret, err);
	}
	if (streq(from, "-")) {
		from = "standard input";
		r = read_stdin(&text, err);
	} else {
		r = file_read(AT_FDCWD, from, JSON_TEXT_MAX, &text.data, &text.len, err);
	}
	if (r == 0)
		r = oci_resources_parse(text.data, text.len, arena, ret, err);
	return r < 0 ? err_wrap(err, "resources '%s'", from) : 0;
}

struct updating {
	struct container *container;
	struct record *record;
	const struct oci_resources *merged;
	bool rootless;
};

static int save(void *arg, const struct cgroup_path *paths, size_t n, bool done, struct err *err)
{
	struct updating *u = arg;
	struct record r = *u->record;

	r.cgroups = paths;
	r.n_cgroups = n;
	if (done)
		r.resources = u->merged;
	return record_write(u->container->dir_fd, &r, err);
}

static int check_status(const struct container *c, const struct record *r, struct err *err)
{
	enum oci_status status = container_status(c, r);

	if (status != OCI_STATUS_STOPPED && status != OCI_STATUS_CREATING)
		return 0;
	return err_say(
		err, EINVAL, "container not running: %s is %s", c->id, oci_status_name(status));
}

static int apply(struct updating *u, const struct oci_resources *change, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	_cleanup_buf_ struct buf warnings = BUF_INIT;
	struct oci_resources whole = *change;
	const struct cgroup_update update = {
		.change = &whole,
		.before = u->record->resources,
		.save = save,
		.save_arg = u,
		.rootless = u->rootless,
	};
	int r;

	/* What changes together is converted together. */
	whole.memory = change->memory ? u->merged->memory : NULL;
	whole.cpu = change->cpu ? u->merged->cpu : NULL;
	r = cgroup_open(u->record->cgroups, u->record->n_cgroups, &cg, err);
	if (r == 0)
		r = cgroup_update(cg, &update, &warnings, err);
	life_log_warnings(&warnings);
	return r;
}

/* Cache and bandwidth first, because they can be put back. */
static int apply_all(struct updating *u, const struct oci_resources *change, struct err *err)
{
	const struct oci_intel_rdt rdt = {
		.l3_cache_schema = given.l3_cache_schema,
		.mem_bw_schema = given.mem_bw_schema,
	};
	_cleanup_buf_ struct buf before = BUF_INIT;
	struct err ignored;

	if ((rdt.l3_cache_schema || rdt.mem_bw_schema) &&
		rdt_update(u->record->rdt_clos, &rdt, &before, err) < 0)
		return -err->code;
	if (apply(u, change, err) == 0)
		return 0;
	if (rdt_restore(u->record->rdt_clos, &before, &ignored) < 0)
		log_warn("%s, ignoring", ignored.msg);
	return -err->code;
}

int verb_update(const struct globals *g, char **args, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	_cleanup_record_ struct record record = {0};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct updating u = {
		.container = &c, .record = &record, .rootless = rootless_is(g->rootless)};
	const struct oci_resources *change;
	int r = read_change(&arena, &change, err);

	if (r == 0)
		r = container_open(g->root, args[0], &c, err);
	if (r == 0)
		r = container_lock(&c, err);
	if (r == 0)
		r = container_record(&c, &record, err);
	if (r == 0)
		r = check_status(&c, &record, err);
	if (r == 0)
		r = oci_resources_merge(record.resources, change, &arena, &u.merged, err);
	if (r == 0)
		r = apply_all(&u, change, err);
	return r < 0 ? err_wrap(err, "update container '%s'", args[0]) : 0;
}
