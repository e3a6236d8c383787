/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/cgroup_systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_layout.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/systemd_property.h"

#define HELPER "turf-systemd"

/* More than its longest sentence. */
#define ANSWER_MAX 2048

/* systemd rounds up to this; what is finer it would bring back differently. */
#define QUOTA_STEP_US	  10000
#define PERIOD_DEFAULT_US 100000
#define US_PER_S	  1000000

/* Bits of a mask of processors. */
#define CPUS_MAX 8192

/* Somebody who is root only in a user namespace has no say in the system's instance. */
static bool is_user(void)
{
	char map[64];
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, map, sizeof(map) - 1);
	unsigned inside, outside, size;

	fd_close(&fd);
	if (n <= 0)
		return geteuid() != 0;
	map[n] = '\0';
	return geteuid() != 0 || sscanf(map, "%u %u %u", &inside, &outside, &size) != 3 ||
	       inside != 0 || outside != 0 || size != UINT32_MAX;
}

int cgroup_scope_name(struct cgroup_scope *scope, const char *cgroups_path, const char *id,
	char **ret_slice, struct err *err)
{
	const char *first = cgroups_path ? strchr(cgroups_path, ':') : NULL;
	const char *second = first ? strchr(first + 1, ':') : NULL;
	const char *name = second ? second + 1 : id;
	int prefix_len = second ? (int)(second - first - 1) : 4;
	const char *prefix = second ? first + 1 : "turf";
	size_t slice_len = second ? (size_t)(first - cgroups_path) : 0;

	if (cgroups_path && *cgroups_path &&
		(!second || strchr(name, ':') || !*name || strpbrk(cgroups_path, "/ \n")))
		return err_say(err, EINVAL,
			"linux.cgroupsPath: '%s' is not of the form slice:prefix:name, which "
			"cgroups by systemd need",
			cgroups_path);
	scope->user = is_user();
	if (asprintf(&scope->unit, "%.*s%s%s.scope", prefix_len, prefix, prefix_len ? "-" : "",
		    name) < 0)
		scope->unit = NULL;
	*ret_slice = slice_len ? strndup(cgroups_path, slice_len)
			       : strdup(scope->user ? "user.slice" : "system.slice");
	return scope->unit && *ret_slice ? 0 : err_oom(err);
}

/* --- limits as properties --- */

static void put_property(struct buf *b, const char *name, int64_t value)
{
	if (value == LIMIT_UNSET)
		return;
	buf_printf(
		b, "%s t %" PRIu64 "\n", name, value == LIMIT_NONE ? UINT64_MAX : (uint64_t)value);
}

static void put_quota(struct buf *b, const struct cgroup_limits *l)
{
	int64_t period = l->cpu.period == LIMIT_UNSET ? PERIOD_DEFAULT_US : l->cpu.period;
	int64_t per_s = LIMIT_NONE;

	if (l->cpu.quota == LIMIT_UNSET || period <= 0)
		return;
	if (l->cpu.quota > 0 && !__builtin_mul_overflow(l->cpu.quota, US_PER_S, &per_s))
		per_s = (per_s / period + QUOTA_STEP_US - 1) / QUOTA_STEP_US * QUOTA_STEP_US;
	put_property(b, "CPUQuotaPerSecUSec", per_s);
	put_property(b, "CPUQuotaPeriodUSec", l->cpu.period);
}

/* "0-2,8" as the bytes of a mask, the lowest first. */
static void put_cpus(struct buf *b, const char *name, const char *list)
{
	unsigned char mask[CPUS_MAX / 8] = {0};
	size_t n = 0;

	while (list && *list) {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from < CPUS_MAX; from++) {
			mask[from / 8] |= (unsigned char)(1 << from % 8);
			n = from / 8 >= n ? from / 8 + 1 : n;
		}
		if (*end != ',')
			break;
		list = end + 1;
	}
	if (n == 0)
		return;
	buf_printf(b, "%s ay ", name);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%02x", mask[i]);
	buf_puts(b, "\n");
}

static bool on_v1(const struct cgroup_layout *layout, const char *controller)
{
	const struct cgroup_hierarchy *h = cgroup_layout_find(layout, controller);

	return h && !h->v2;
}

static void put_memory(struct buf *b, const struct cgroup_limits *l, bool v1)
{
	int64_t alone = LIMIT_UNSET;

	put_property(b, v1 ? "MemoryLimit" : "MemoryMax", l->memory.limit);
	if (v1)
		return;
	put_property(b, "MemoryLow", l->memory.reservation);
	if (l->memory.swap != LIMIT_UNSET &&
		cgroup_swap_alone(l->memory.swap, l->memory.limit, &alone) == 0)
		put_property(b, "MemorySwapMax", alone);
}

static void put_limits(
	struct buf *b, const struct cgroup_layout *layout, const struct cgroup_limits *l)
{
	unsigned weight = l->block_io ? l->block_io->weight.value : 0;

	put_memory(b, l, on_v1(layout, "memory"));
	if (on_v1(layout, "cpu"))
		put_property(b, "CPUShares", l->cpu.shares);
	else if (l->cpu.shares != LIMIT_UNSET && l->cpu.idle != 1)
		put_property(
			b, "CPUWeight", (int64_t)cgroup_weight_of_shares((uint64_t)l->cpu.shares));
	put_quota(b, l);
	put_property(b, "TasksMax", l->pids == 0 ? 1 : l->pids);
	if (weight && on_v1(layout, "blkio"))
		put_property(b, "BlockIOWeight", weight);
	else if (weight)
		put_property(b, "IOWeight", (int64_t)cgroup_io_weight(weight));
	if (!on_v1(layout, "cpuset")) {
		put_cpus(b, "AllowedCPUs", l->cpuset.cpus);
		put_cpus(b, "AllowedMemoryNodes", l->cpuset.mems);
	}
}

/* The name that /proc/devices has for a major number, "pts"; false when there is none. */
static bool driver_name(const struct device_rule *rule, char ret[64])
{
	FILE *f = fopen("/proc/devices", "re");
	bool right = false, found = false;
	char line[128];
	long long major;

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (strstr(line, "devices:"))
			right = str_after(line, rule->type == 'b' ? "Block" : "Character") != NULL;
		else
			found = right && sscanf(line, "%lld %63s", &major, ret) == 2 &&
				major == rule->major;
	}
	if (f)
		fclose(f);
	return found;
}

static void put_device(struct buf *b, const struct device_rule *rule)
{
	const char *kind = rule->type == 'b' ? "block" : "char";
	char name[64];

	if (rule->major == DEVICE_ANY && rule->minor == DEVICE_ANY)
		buf_printf(b, "DeviceAllow a(ss) %s-*", kind);
	else if (rule->minor == DEVICE_ANY && driver_name(rule, name))
		buf_printf(b, "DeviceAllow a(ss) %s-%s", kind, name);
	else if (rule->major != DEVICE_ANY && rule->minor != DEVICE_ANY)
		buf_printf(b, "DeviceAllow a(ss) /dev/%s/%" PRId64 ":%" PRId64, kind, rule->major,
			rule->minor);
	else
		return; /* systemd has no words for it */
	buf_printf(b, " %s%s%s\n", rule->access & DEVICE_READ ? "r" : "",
		rule->access & DEVICE_WRITE ? "w" : "", rule->access & DEVICE_MKNOD ? "m" : "");
}

/*
 * On v1 there is one list, and systemd writes its own again when it reloads: so it is
 * told ours. On v2 our program stays beside one of systemd's, which is not needed.
 */
static int put_devices(struct buf *b, const struct cgroup_layout *layout,
	const struct cgroup_limits *l, struct err *err)
{
	_cleanup_device_table_ struct device_table table = {.list = NULL};
	_cleanup_free_ struct device_rule *rules = NULL;
	size_t n;

	if (!on_v1(layout, "devices"))
		return 0;
	if (device_rules_with_default(l->devices, l->n_devices, &rules, &n, err) < 0 ||
		device_table_build(rules, n, &table, err) < 0)
		return -err->code;
	if (table.allow)
		return 0;
	buf_puts(b, "DevicePolicy s strict\n");
	for (size_t i = 0; i < table.n; i++)
		put_device(b, &table.list[i]);
	return 0;
}

/* --- the helper --- */

static int spawn(const struct cgroup_scope *scope, const char *verb, int in, int out, pid_t *ret,
	struct err *err)
{
	_cleanup_free_ char *program = NULL;
	const char *argv[] = {HELPER, verb, scope->unit, NULL, NULL};
	posix_spawn_file_actions_t actions;
	int r;

	if (scope->user) {
		argv[1] = "--user";
		argv[2] = verb;
		argv[3] = scope->unit;
	}
	if (paths_program(HELPER, &program, err) < 0)
		return err_wrap(err, "cgroups by systemd");
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(ret, program, &actions, NULL, (char *const *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r != 0 ? err_set(err, r, "execute '%s'", program) : 0;
}

/* One line, up to the end of the pipe or '\n'. */
static int read_answer(int fd, char answer[ANSWER_MAX], struct err *err)
{
	size_t n = 0;

	while (n < ANSWER_MAX - 1 && fd_read_all(fd, &answer[n], 1) == 1 && answer[n] != '\n')
		n++;
	answer[n] = '\0';
	if (str_after(answer, "ok"))
		return 0;
	if (str_after(answer, "error "))
		return err_say(err, EIO, "%s", answer + strlen("error "));
	return err_say(err, EPROTO, "%s ended without an answer", HELPER);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Runs it with this input; leaves its stdin open in *ret_in, and the process alive, if wanted. */
static int ask(const struct cgroup_scope *scope, const char *verb, const char *input,
	char answer[ANSWER_MAX], int *ret_in, pid_t *ret_pid, struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	pid_t pid = 0;
	int r = 0;

	/* A socket, since writing to a pipe that nobody reads any more ends us. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0 || pipe2(out, O_CLOEXEC) < 0)
		r = err_set(err, errno, "connect to %s", HELPER);
	if (r == 0)
		r = spawn(scope, verb, in[0], out[1], &pid, err);
	fd_close(&in[0]);
	fd_close(&out[1]);
	/* One that does not listen says why. */
	if (r == 0)
		(void)!send(in[1], input, strlen(input), MSG_NOSIGNAL);
	if (!ret_in)
		fd_close(&in[1]);
	if (r == 0)
		r = read_answer(out[0], answer, err);
	fd_close(&out[0]);
	if (r == 0 && ret_in) {
		*ret_in = in[1];
		*ret_pid = pid;
		return 0;
	}
	fd_close(&in[1]);
	if (pid > 0)
		reap(pid);
	return r;
}

/* They come last, and so win over ours. */
static int put_annotations(struct buf *b, const struct cgroup_options *o, struct err *err)
{
	for (size_t i = 0; i < o->n_annotations; i++) {
		const struct oci_pair *a = &o->annotations[i];
		const char *name = str_after(a->name, SYSTEMD_PROPERTY_ANNOTATION);

		if (name && systemd_property_put(b, name, a->value, err) < 0)
			return -err->code;
	}
	return 0;
}

int cgroup_scope_start(struct cgroup_scope *scope, const char *slice,
	const struct cgroup_options *options, const struct cgroup_layout *layout,
	const struct cgroup_limits *limits, char **ret_place, struct err *err)
{
	_cleanup_buf_ struct buf input = BUF_INIT;
	char answer[ANSWER_MAX];

	buf_printf(&input, "Description s turf container %s\nSlice s %s\n", options->id, slice);
	buf_puts(&input, "Delegate b true\nDefaultDependencies b false\n"
			 "CollectMode s inactive-or-failed\nCPUAccounting b true\n"
			 "MemoryAccounting b true\nTasksAccounting b true\n");
	buf_puts(&input,
		on_v1(layout, "blkio") ? "BlockIOAccounting b true\n" : "IOAccounting b true\n");
	if (put_devices(&input, layout, limits, err) < 0)
		return -err->code;
	put_limits(&input, layout, limits);
	if (put_annotations(&input, options, err) < 0)
		return -err->code;
	buf_puts(&input, "\n");
	if (buf_failed(&input))
		return err_oom(err);
	if (ask(scope, "start", input.data, answer, &scope->fd, &scope->pid, err) < 0)
		return -err->code;
	*ret_place = strdup(str_after(answer, "ok ") ? answer + strlen("ok ") : "");
	return *ret_place ? 0 : err_oom(err);
}

void cgroup_scope_release(struct cgroup_scope *scope)
{
	/* The container's process, before it executes, has a copy of the descriptor. */
	if (scope->fd >= 0)
		(void)shutdown(scope->fd, SHUT_WR);
	fd_close(&scope->fd);
	if (scope->pid > 0)
		reap(scope->pid);
	scope->pid = 0;
}

int cgroup_scope_set(const struct cgroup_scope *scope, const struct cgroup_layout *layout,
	const struct cgroup_limits *limits, struct err *err)
{
	_cleanup_buf_ struct buf input = BUF_INIT;
	char answer[ANSWER_MAX];

	put_limits(&input, layout, limits);
	if (buf_failed(&input))
		return err_oom(err);
	return input.len ? ask(scope, "set", input.data, answer, NULL, NULL, err) : 0;
}

int cgroup_scope_stop(const struct cgroup_scope *scope, struct err *err)
{
	char answer[ANSWER_MAX];

	return ask(scope, "stop", "", answer, NULL, NULL, err);
}

void cgroup_scope_finish(struct cgroup_scope *scope)
{
	cgroup_scope_release(scope);
	free(scope->unit);
	scope->unit = NULL;
}
