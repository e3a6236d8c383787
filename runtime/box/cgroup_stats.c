/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/cgroup_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/box/cgroup_priv.h"

#define FILE_MAX (1u << 20)

/* Of a v2 file with "max" in it, as Go programs write no limit. */
#define NO_LIMIT UINT64_MAX

/* The clock of cpuacct.stat; USER_HZ is 100 on every architecture of Linux. */
#define NS_PER_TICK (1000000000 / 100)

/* Members without a value are left out where runc leaves them out. */
static void put_unless_zero(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_write_member_u64(w, key, value);
}

/* The file's text, malloc'd; NULL when it is not there. */
static char *read_text(const struct cgroup_dir *dir, const char *file)
{
	char *text = NULL;
	struct err ignored;
	size_t len;

	if (!dir || dir->fd < 0 || file_read(dir->fd, file, FILE_MAX, &text, &len, &ignored) < 0)
		return NULL;
	return text;
}

static uint64_t read_number(const struct cgroup_dir *dir, const char *file)
{
	_cleanup_free_ char *text = read_text(dir, file);

	if (!text)
		return 0;
	return str_after(text, "max") ? NO_LIMIT : strtoull(text, NULL, 10);
}

/* The number behind a key that stands at the beginning of a line. */
static uint64_t find_number(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (text && *text) {
		if (strncmp(text, key, n) == 0 && text[n] == ' ')
			return strtoull(text + n, NULL, 10);
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
	return 0;
}

static bool is_v2(const struct cgroup_dir *dir)
{
	return dir && dir->ops == &cgroup_ops_v2;
}

/* "0-2,7" as [0,1,2,7]; left out when empty. */
static void put_list(struct json_writer *w, const char *key, const char *text)
{
	if (!text || *text < '0' || *text > '9')
		return;
	json_write_key(w, key);
	json_write_array_begin(w);
	while (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long from = strtoul(text, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		/* Numbers of processors are below 2^16. */
		for (; from <= to && from <= UINT16_MAX; from++)
			json_write_u64(w, from);
		text = end + (*end == ',');
	}
	json_write_array_end(w);
}

static void put_psi_line(struct json_writer *w, const char *text, const char *kind)
{
	static const char *const keys[] = {"avg10", "avg60", "avg300"};
	const char *line = strstr(text, kind);
	char averages[3][16];
	uint64_t total;

	if (!line ||
		sscanf(line, "%*s avg10=%15[0-9.] avg60=%15[0-9.] avg300=%15[0-9.] total=%" SCNu64,
			averages[0], averages[1], averages[2], &total) != 4)
		return;
	json_write_key(w, kind);
	json_write_object_begin(w);
	for (size_t i = 0; i < ARRAY_SIZE(averages); i++) {
		json_write_key(w, keys[i]);
		json_write_number(w, averages[i]);
	}
	json_write_member_u64(w, "total", total);
	json_write_object_end(w);
}

static void put_psi(struct json_writer *w, const struct cgroup_dir *dir, const char *file)
{
	_cleanup_free_ char *text = is_v2(dir) ? read_text(dir, file) : NULL;

	if (!text)
		return;
	json_write_key(w, "psi");
	json_write_object_begin(w);
	put_psi_line(w, text, "some");
	put_psi_line(w, text, "full");
	json_write_object_end(w);
}

/* A column of cpuacct.usage_all: "CPU user system" a line below a heading. */
static void put_percpu(struct json_writer *w, const char *key, const char *text, int column)
{
	const char *line = text ? strchr(text, '\n') : NULL;

	if (!line)
		return;
	json_write_key(w, key);
	json_write_array_begin(w);
	while (line && line[1]) {
		uint64_t user, system;

		if (sscanf(line + 1, "%*u %" SCNu64 " %" SCNu64, &user, &system) != 2)
			break;
		json_write_u64(w, column == 0 ? user + system : column == 1 ? system : user);
		line = strchr(line + 1, '\n');
	}
	json_write_array_end(w);
}

static void put_usage_v1(struct json_writer *w, const struct cgroup_dir *dir)
{
	_cleanup_free_ char *stat = read_text(dir, "cpuacct.stat");
	_cleanup_free_ char *all = read_text(dir, "cpuacct.usage_all");

	put_unless_zero(w, "total", read_number(dir, "cpuacct.usage"));
	put_percpu(w, "percpu", all, 0);
	put_percpu(w, "percpu_kernel", all, 1);
	put_percpu(w, "percpu_user", all, 2);
	json_write_member_u64(w, "kernel", find_number(stat, "system") * NS_PER_TICK);
	json_write_member_u64(w, "user", find_number(stat, "user") * NS_PER_TICK);
}

static void put_usage_v2(struct json_writer *w, const struct cgroup_dir *dir)
{
	_cleanup_free_ char *stat = read_text(dir, "cpu.stat");

	put_unless_zero(w, "total", find_number(stat, "usage_usec") * 1000);
	json_write_member_u64(w, "kernel", find_number(stat, "system_usec") * 1000);
	json_write_member_u64(w, "user", find_number(stat, "user_usec") * 1000);
}

static void put_throttling(struct json_writer *w, const struct cgroup_dir *dir)
{
	_cleanup_free_ char *stat = read_text(dir, "cpu.stat");

	put_unless_zero(w, "periods", find_number(stat, "nr_periods"));
	put_unless_zero(w, "throttledPeriods", find_number(stat, "nr_throttled"));
	put_unless_zero(w, "throttledTime",
		is_v2(dir) ? find_number(stat, "throttled_usec") * 1000
			   : find_number(stat, "throttled_time"));
}

static void put_cpu(struct json_writer *w, struct cgroup *cg)
{
	const struct cgroup_dir *cpu = cgroup_dir_find(cg, "cpu"),
				*acct = cgroup_dir_find(cg, "cpuacct");
	const struct cgroup_dir *v2 = acct ? NULL : cgroup_dir_v2(cg);

	json_write_key(w, "cpu");
	json_write_object_begin(w);
	json_write_key(w, "usage");
	json_write_object_begin(w);
	if (acct)
		put_usage_v1(w, acct);
	else
		put_usage_v2(w, v2);
	json_write_object_end(w);
	json_write_key(w, "throttling");
	json_write_object_begin(w);
	put_throttling(w, cpu ? cpu : v2);
	json_write_object_end(w);
	put_psi(w, v2, "cpu.pressure");
	json_write_object_end(w);
}

static void put_cpuset(struct json_writer *w, struct cgroup *cg)
{
	static const struct {
		const char *key, *file;
	} numbers[] = {
		{"mem_hardwall", "cpuset.mem_hardwall"},
		{"mem_exclusive", "cpuset.mem_exclusive"},
		{"memory_migrate", "cpuset.memory_migrate"},
		{"memory_spread_page", "cpuset.memory_spread_page"},
		{"memory_spread_slab", "cpuset.memory_spread_slab"},
		{"memory_pressure", "cpuset.memory_pressure"},
		{"sched_load_balance", "cpuset.sched_load_balance"},
	};
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "cpuset");
	bool v2 = is_v2(dir);
	_cleanup_free_ char *cpus = read_text(dir, v2 ? "cpuset.cpus.effective" : "cpuset.cpus");
	_cleanup_free_ char *mems = read_text(dir, v2 ? "cpuset.mems.effective" : "cpuset.mems");
	_cleanup_free_ char *level = read_text(dir, "cpuset.sched_relax_domain_level");

	json_write_key(w, "cpuset");
	json_write_object_begin(w);
	put_list(w, "cpus", cpus);
	json_write_member_u64(w, "cpu_exclusive", read_number(dir, "cpuset.cpu_exclusive"));
	put_list(w, "mems", mems);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_write_member_u64(w, numbers[i].key, read_number(dir, numbers[i].file));
	json_write_member_i64(w, "sched_relax_domain_level", level ? strtoll(level, NULL, 10) : 0);
	json_write_object_end(w);
}

struct memory_entry {
	uint64_t limit, usage, max, failures;
};

static void put_memory_entry(struct json_writer *w, const char *key, const struct memory_entry *e)
{
	json_write_key(w, key);
	json_write_object_begin(w);
	json_write_member_u64(w, "limit", e->limit);
	put_unless_zero(w, "usage", e->usage);
	put_unless_zero(w, "max", e->max);
	json_write_member_u64(w, "failcnt", e->failures);
	json_write_object_end(w);
}

/* "memory", "memory.memsw", "memory.kmem", "memory.kmem.tcp" */
static struct memory_entry entry_v1(const struct cgroup_dir *dir, const char *prefix)
{
	const char *names[] = {"limit_in_bytes", "usage_in_bytes", "max_usage_in_bytes", "failcnt"};
	uint64_t values[ARRAY_SIZE(names)];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char file[64];

		snprintf(file, sizeof(file), "%s.%s", prefix, names[i]);
		values[i] = read_number(dir, file);
	}
	return (struct memory_entry){values[0], values[1], values[2], values[3]};
}

static void put_raw(struct json_writer *w, const char *stat)
{
	json_write_key(w, "raw");
	json_write_object_begin(w);
	while (stat && *stat) {
		char key[64];
		uint64_t value;

		if (sscanf(stat, "%63s %" SCNu64, key, &value) == 2)
			json_write_member_u64(w, key, value);
		stat = strchrnul(stat, '\n');
		stat += *stat == '\n';
	}
	json_write_object_end(w);
}

static void put_memory_v2(struct json_writer *w, const struct cgroup_dir *dir)
{
	_cleanup_free_ char *events = read_text(dir, "memory.events");
	struct memory_entry memory = {
		.limit = read_number(dir, "memory.max"),
		.usage = read_number(dir, "memory.current"),
		.max = read_number(dir, "memory.peak"),
		.failures = find_number(events, "max"),
	};
	/* v1 counts memory in with swap, and readers expect that. */
	struct memory_entry swap = {
		.limit = read_number(dir, "memory.swap.max"),
		.usage = read_number(dir, "memory.swap.current") + memory.usage,
	};
	const struct memory_entry none = {0};

	if (swap.limit != NO_LIMIT)
		swap.limit = memory.limit == NO_LIMIT ? NO_LIMIT : swap.limit + memory.limit;
	put_memory_entry(w, "usage", &memory);
	put_memory_entry(w, "swap", &swap);
	put_memory_entry(w, "kernel", &none);
	put_memory_entry(w, "kernelTCP", &none);
}

static void put_memory_v1(struct json_writer *w, const struct cgroup_dir *dir)
{
	const struct {
		const char *key, *prefix;
	} list[] = {
		{"usage", "memory"},
		{"swap", "memory.memsw"},
		{"kernel", "memory.kmem"},
		{"kernelTCP", "memory.kmem.tcp"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct memory_entry e = entry_v1(dir, list[i].prefix);

		put_memory_entry(w, list[i].key, &e);
	}
}

static void put_memory(struct json_writer *w, struct cgroup *cg)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "memory");
	_cleanup_free_ char *stat = read_text(dir, "memory.stat");

	json_write_key(w, "memory");
	json_write_object_begin(w);
	put_unless_zero(w, "cache", find_number(stat, is_v2(dir) ? "file" : "cache"));
	if (is_v2(dir))
		put_memory_v2(w, dir);
	else
		put_memory_v1(w, dir);
	if (stat)
		put_raw(w, stat);
	put_psi(w, dir, "memory.pressure");
	json_write_object_end(w);
}

static void put_pids(struct json_writer *w, struct cgroup *cg)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "pids");
	uint64_t limit = read_number(dir, "pids.max");

	json_write_key(w, "pids");
	json_write_object_begin(w);
	put_unless_zero(w, "current", read_number(dir, "pids.current"));
	put_unless_zero(w, "limit", limit == NO_LIMIT ? 0 : limit);
	json_write_object_end(w);
}

static void put_io_entry(
	struct json_writer *w, unsigned major, unsigned minor, const char *op, uint64_t value)
{
	json_write_object_begin(w);
	put_unless_zero(w, "major", major);
	put_unless_zero(w, "minor", minor);
	json_write_member_str(w, "op", op);
	put_unless_zero(w, "value", value);
	json_write_object_end(w);
}

/* v1: "8:0 Read 123" a line, and a sum at the end that is no device's. */
static void put_io_v1(
	struct json_writer *w, const struct cgroup_dir *dir, const char *key, const char *file)
{
	_cleanup_free_ char *text = read_text(dir, file);
	bool first = true;
	char *save = NULL;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
		l = strtok_r(NULL, "\n", &save)) {
		unsigned major, minor;
		uint64_t value;
		char op[16];

		if (sscanf(l, "%u:%u %15s %" SCNu64, &major, &minor, op, &value) != 4)
			continue;
		if (first) {
			json_write_key(w, key);
			json_write_array_begin(w);
			first = false;
		}
		put_io_entry(w, major, minor, op, value);
	}
	if (!first)
		json_write_array_end(w);
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" a line. */
static void put_io_v2(
	struct json_writer *w, const struct cgroup_dir *dir, const char *key, const char *suffix)
{
	static const char letters[] = "rwd";
	static const char *const ops[] = {"Read", "Write", "Discard"};
	_cleanup_free_ char *text = read_text(dir, "io.stat");
	char *save = NULL;

	if (!text || !*text)
		return;
	json_write_key(w, key);
	json_write_array_begin(w);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		unsigned major, minor;

		if (sscanf(l, "%u:%u", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
			char name[16];
			const char *at;

			snprintf(name, sizeof(name), " %c%s=", letters[i], suffix);
			at = strstr(l, name);
			if (at)
				put_io_entry(w, major, minor, ops[i],
					strtoull(at + strlen(name), NULL, 10));
		}
	}
	json_write_array_end(w);
}

static void put_blkio(struct json_writer *w, struct cgroup *cg)
{
	const struct cgroup_dir *v1 = cgroup_dir_find(cg, "blkio"), *v2 = cgroup_dir_v2(cg);
	const char *bytes = "ioServiceBytesRecursive", *count = "ioServicedRecursive";

	json_write_key(w, "blkio");
	json_write_object_begin(w);
	if (v1) {
		/* The throttling layer counts whatever the scheduler is. */
		put_io_v1(w, v1, bytes, "blkio.throttle.io_service_bytes_recursive");
		put_io_v1(w, v1, count, "blkio.throttle.io_serviced_recursive");
	} else {
		put_io_v2(w, v2, bytes, "bytes");
		put_io_v2(w, v2, count, "ios");
		put_psi(w, v2, "io.pressure");
	}
	json_write_object_end(w);
}

static void put_hugetlb_size(struct json_writer *w, const struct cgroup_dir *dir, const char *size)
{
	const char *names[] = {"usage_in_bytes", "max_usage_in_bytes", "failcnt"};
	uint64_t values[ARRAY_SIZE(names)] = {0};
	char file[64];

	if (is_v2(dir)) {
		_cleanup_free_ char *events = NULL;

		snprintf(file, sizeof(file), "hugetlb.%s.current", size);
		values[0] = read_number(dir, file);
		snprintf(file, sizeof(file), "hugetlb.%s.events", size);
		events = read_text(dir, file);
		values[2] = find_number(events, "max");
	}
	for (size_t i = 0; !is_v2(dir) && i < ARRAY_SIZE(names); i++) {
		snprintf(file, sizeof(file), "hugetlb.%s.%s", size, names[i]);
		values[i] = read_number(dir, file);
	}
	json_write_key(w, size);
	json_write_object_begin(w);
	put_unless_zero(w, "usage", values[0]);
	put_unless_zero(w, "max", values[1]);
	json_write_member_u64(w, "failcnt", values[2]);
	json_write_object_end(w);
}

/* One member for each size that has files in the directory. */
static void put_hugetlb(struct json_writer *w, struct cgroup *cg)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "hugetlb");
	const char *suffix = is_v2(dir) ? ".current" : ".usage_in_bytes";
	int fd = dir ? openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	json_write_key(w, "hugetlb");
	json_write_object_begin(w);
	while (d && (e = readdir(d))) {
		const char *size = str_after(e->d_name, "hugetlb.");
		char name[32];
		size_t n = size ? strcspn(size, ".") : 0;

		if (!size || n >= sizeof(name) || !streq(size + n, suffix))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)n, size);
		put_hugetlb_size(w, dir, name);
	}
	json_write_object_end(w);
	if (d)
		closedir(d);
	else
		fd_close(&fd);
}

void cgroup_stats_write(struct cgroup *cg, struct json_writer *w)
{
	put_cpu(w, cg);
	put_cpuset(w, cg);
	put_memory(w, cg);
	put_pids(w, cg);
	put_blkio(w, cg);
	put_hugetlb(w, cg);
}
