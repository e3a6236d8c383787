/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf events`: one JSON object a line, in runc's shape: statistics at intervals, and
 * a line whenever the container ran out of memory. Ends with the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/duration.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_stats.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

#define INTERVAL_MAX_MS (24 * 60 * 60 * 1000)

static struct {
	bool stats;
	const char *interval;
} given = {.interval = "5s"};

static const struct option options[] = {
	{"stats", 0, OPTION_FLAG, &given.stats, NULL, NULL, "print statistics once"},
	{"interval", 0, OPTION_STRING, &given.interval, "DURATION", NULL,
		"between statistics: 500ms, 5s, 1m"},
};

const struct option_table events_options = {options, ARRAY_SIZE(options), NULL};

static int parse_interval(const char *text, int *ret_ms, struct err *err)
{
	uint64_t ms;

	if (duration_parse(text, INTERVAL_MAX_MS, &ms) < 0)
		return err_say(err, EINVAL,
			"option '--interval': '%s' is not a duration from 1ms to 24h, such as 5s",
			text);
	*ret_ms = (int)ms;
	return 0;
}

/* Whether a process is in another network namespace than we are. */
static bool has_own_network(pid_t pid)
{
	struct stat ours, theirs;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return stat("/proc/self/ns/net", &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_ino != theirs.st_ino;
}

/* "  eth0: BYTES PACKETS ERRORS DROPPED ..." and eight columns later the same of what was sent. */
static void put_interface(struct json_writer *w, const char *line, bool *any)
{
	static const char *const keys[] = {"RxBytes", "RxPackets", "RxErrors", "RxDropped",
		"TxBytes", "TxPackets", "TxErrors", "TxDropped"};
	uint64_t n[ARRAY_SIZE(keys)];
	char name[64];

	if (sscanf(line,
		    " %63[^:]: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		    " %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		    name, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]) != 9 ||
		streq(name, "lo"))
		return;
	if (!*any)
		json_write_array_begin(w);
	*any = true;
	json_write_object_begin(w);
	json_write_member_str(w, "Name", name);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_write_member_u64(w, keys[i], n[i]);
	json_write_object_end(w);
}

static void put_network(struct json_writer *w, pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char path[32], *save = NULL;
	struct err ignored;
	bool any = false;
	size_t len;

	json_write_key(w, "network_interfaces");
	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	if (has_own_network(pid) &&
		file_read(AT_FDCWD, path, JSON_TEXT_MAX, &text, &len, &ignored) == 0)
		for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			put_interface(w, l, &any);
	/* As runc says that there is none. */
	if (any)
		json_write_array_end(w);
	else
		json_write_null(w);
}

static void begin(struct json_writer *w, struct buf *out, const char *type, const char *id)
{
	json_writer_init(w, out, false);
	json_write_object_begin(w);
	json_write_member_str(w, "type", type);
	json_write_member_str(w, "id", id);
}

static int end(struct json_writer *w, struct buf *out, struct err *err)
{
	json_write_object_end(w);
	buf_puts(out, "\n");
	return buf_failed(out) ? err_oom(err) : print_out(out->data, err);
}

static int print_stats(const struct record *r, struct cgroup *cg, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	begin(&w, &out, "stats", r->id);
	json_write_key(&w, "data");
	json_write_object_begin(&w);
	cgroup_stats_write(cg, &w);
	json_write_key(&w, "intel_rdt");
	json_write_object_begin(&w);
	json_write_object_end(&w);
	put_network(&w, r->init.pid);
	json_write_object_end(&w);
	return end(&w, &out, err);
}

static int print_oom(const struct record *r, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	begin(&w, &out, "oom", r->id);
	return end(&w, &out, err);
}

/* Until the process is gone. What the last moments brought is still told. */
static int follow(const struct record *r, struct cgroup *cg, int interval_ms, struct err *err)
{
	_cleanup_cgroup_oom_ struct cgroup_oom oom = CGROUP_OOM_INIT;
	_cleanup_close_ int pidfd = proc_open(&r->init, err);
	int64_t next = clock_ms() + interval_ms;
	int rc = pidfd < 0 ? pidfd : cgroup_oom_open(cg, &oom, err);

	/* There are containers without a memory cgroup; their statistics go on. */
	if (rc == -ENOTSUP)
		rc = 0;
	while (rc == 0) {
		struct pollfd fds[] = {{pidfd, POLLIN, 0}, {oom.fd, POLLIN, 0}};
		int64_t left = next - clock_ms();
		bool ended;

		if (poll(fds, ARRAY_SIZE(fds), left > 0 ? (int)left : 0) < 0 && errno != EINTR)
			return err_set(err, errno, "poll");
		ended = fds[0].revents & POLLIN;
		if ((ended || fds[1].revents & POLLIN) && cgroup_oom_read(&oom))
			rc = print_oom(r, err);
		else if (ended)
			return 0;
		if (rc == 0 && clock_ms() >= next) {
			rc = print_stats(r, cg, err);
			next += interval_ms;
		}
	}
	return rc == -ESRCH ? 0 : rc;
}

int verb_events(const struct globals *g, char **args, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	_cleanup_record_ struct record r = {0};
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	enum oci_status status;
	int interval_ms = 0;
	int rc = parse_interval(given.interval, &interval_ms, err);

	if (rc == 0)
		rc = container_open(g->root, args[0], &c, err);
	if (rc == 0)
		rc = container_record(&c, &r, err);
	if (rc < 0)
		return rc;
	status = container_status(&c, &r);
	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return err_say(err, EINVAL, "container not running: %s is %s", c.id,
			oci_status_name(status));
	rc = cgroup_open(r.cgroups, r.n_cgroups, &cg, err);
	if (rc < 0)
		return rc;
	return given.stats ? print_stats(&r, cg, err) : follow(&r, cg, interval_ms, err);
}
