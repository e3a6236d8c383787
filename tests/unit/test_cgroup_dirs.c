/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories are made, found, kept, refused and removed, and who lands in them. */
#include "tests/unit/cgroup_rig.h"

START_TEST(kept_form_opens_again)
{
	const struct cgroup_path *paths;
	_cleanup_free_ pid_t *pids = NULL;
	struct err err = ERR_INIT;
	struct cgroup_limits l;
	struct cgroup *cg, *again;
	char path[128];
	size_t n;
	pid_t pid;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s-above/deeper/leaf", id);
	cgroup_limits_init(&l);
	cg = make(&(struct cgroup_options){.id = id, .path = path}, &l);
	pid = spawn(cg, NULL);
	n = cgroup_paths(cg, &paths);
	ck_assert_int_eq(cgroup_open(paths, n, &again, &err), 0);
	cgroup_close(cg);
	ck_assert_int_eq(cgroup_pids(again, &pids, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(cgroup_signal_all(again, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(again);
	/* And once more when all is gone. */
	cgroup_limits_init(&l);
	cg = make(&(struct cgroup_options){.id = id, .path = path}, &l);
	n = cgroup_paths(cg, &paths);
	ck_assert_int_eq(cgroup_destroy(cg, &err), 0);
	ck_assert_int_eq(cgroup_open(paths, n, &again, &err), 0);
	cgroup_close(cg);
	ck_assert_int_eq(cgroup_signal_all(again, SIGKILL, &err), 0);
	destroy(again);
}
END_TEST

START_TEST(cgroups_below_are_removed)
{
	struct cgroup *cg;

	enter(AS_IS);
	cg = make_plain();
	for (size_t i = 0; i < cg->n_dirs; i++) {
		ck_assert_int_eq(mkdirat(cg->dirs[i].fd, "a", 0755), 0);
		ck_assert_int_eq(mkdirat(cg->dirs[i].fd, "a/b", 0755), 0);
		ck_assert_int_eq(mkdirat(cg->dirs[i].fd, "c", 0755), 0);
	}
	destroy(cg);
}
END_TEST

START_TEST(deep_trees_are_removed)
{
	struct cgroup *cg;
	int fd;

	enter(AS_IS);
	cg = make_plain();
	fd = dup(cgroup_dir_find(cg, "freezer")->fd);
	for (int i = 0; i < 200; i++) {
		int next;

		ck_assert_int_eq(
			mkdirat(fd, "a-name-long-enough-to-pass-the-limit-of-paths", 0755), 0);
		next = openat(fd, "a-name-long-enough-to-pass-the-limit-of-paths",
			O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
	}
	close(fd);
	destroy(cg);
}
END_TEST

START_TEST(found_directory_stays)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *first, *second;
	char path[128];
	pid_t pid;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s", id);
	cgroup_limits_init(&l);
	first = make(&(struct cgroup_options){.id = "x", .path = path}, &l);
	second = make(&(struct cgroup_options){.id = "y", .path = path}, &l);
	/* Once it was killed, nobody can be born there; only being attached is safe. */
	ck_assert_int_eq(cgroup_v2_dirfd(second), -1);
	ck_assert_int_eq(cgroup_signal_all(second, SIGKILL, &err), 0);
	pid = spawn(second, NULL);
	ck_assert_int_eq(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	wait_status(pid);
	ck_assert_int_eq(cgroup_destroy(second, &err), 0);
	ck_assert_int_eq(access(first->dirs[0].path, F_OK), 0);
	cgroup_close(second);
	destroy(first);
}
END_TEST

/* What was announced, one "controller path" a line, and that none of it was there. */
static int note(void *arg, const struct cgroup_path *paths, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(arg, "%s %s\n", paths[i].controller, paths[i].path);
		if (strstr(paths[i].path, "-above"))
			ck_assert_int_lt(access(paths[i].path, F_OK), 0);
	}
	return 0;
}

static int refuse(void *arg, const struct cgroup_path *paths, size_t n, struct err *err)
{
	return err_say(err, ENOSPC, "no room for a note");
}

START_TEST(announced_is_what_is_made)
{
	_cleanup_buf_ struct buf before = BUF_INIT, after = BUF_INIT;
	struct cgroup_options options = {.id = "x", .announce = note, .announce_arg = &before};
	const struct cgroup_path *paths;
	struct err err = ERR_INIT;
	struct cgroup_limits l;
	struct cgroup *cg;
	char path[128];
	size_t n;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s-above/leaf", id);
	options.path = path;
	cgroup_limits_init(&l);
	cg = make(&options, &l);
	n = cgroup_paths(cg, &paths);
	for (size_t i = 0; i < n; i++)
		buf_printf(&after, "%s %s\n", paths[i].controller, paths[i].path);
	ck_assert_str_eq(before.data, after.data);
	destroy(cg);
	options.announce = refuse;
	ck_assert_int_eq(cgroup_create_limited(&options, &l, &cg, &warnings, &err), -ENOSPC);
	ck_assert_str_eq(err.msg, "no room for a note");
}
END_TEST

START_TEST(occupied_directory_is_refused)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *first, *second = NULL;
	char path[128];
	pid_t pid;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s", id);
	cgroup_limits_init(&l);
	first = make(&(struct cgroup_options){.id = "x", .path = path}, &l);
	pid = spawn(first, NULL);
	ck_assert_int_eq(cgroup_create_limited(&(struct cgroup_options){.id = "y", .path = path},
				 &l, &second, &warnings, &err),
		-EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "has processes in it"));
	ck_assert_int_eq(cgroup_signal_all(first, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(first);
}
END_TEST

/* How many directories of ours there are in all hierarchies. */
static size_t count_ours(void)
{
	size_t n = 0;

	for (size_t i = 0; i < layout.n; i++) {
		_cleanup_free_ char *place = NULL;
		struct err err = ERR_INIT;
		char path[4096];

		ck_assert_int_eq(
			cgroup_layout_place(&layout, &layout.list[i], NULL, id, &place, &err), 0);
		snprintf(path, sizeof(path), "%s%s", layout.list[i].mount, place);
		n += access(path, F_OK) == 0;
	}
	return n;
}

START_TEST(half_made_cgroups_are_undone)
{
	const struct cgroup_setting no_file = {"memory/max", "1"};
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg = NULL;
	const struct cgroup_options options = {.id = id};

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.cpuset.cpus = "4000-4001";
	ck_assert_int_lt(cgroup_create_limited(&options, &l, &cg, &warnings, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.cpu.cpus"));
	ck_assert_uint_eq(count_ours(), 0);

	cgroup_limits_init(&l);
	l.unified = &no_file;
	l.n_unified = 1;
	ck_assert_int_eq(cgroup_create_limited(&options, &l, &cg, &warnings, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "linux.resources.unified: 'memory/max' is no file of a cgroup");
	ck_assert_ptr_null(cg);
	ck_assert_uint_eq(count_ours(), 0);
}
END_TEST

START_TEST(missing_controller_is_named)
{
	const struct cgroup_setting setting = {"turf.max", "1"};
	const struct cgroup_options options = {.id = id};
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg = NULL;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.unified = &setting;
	l.n_unified = 1;
	ck_assert_int_eq(cgroup_create_limited(&options, &l, &cg, &warnings, &err), -ENOTSUP);
	ck_assert_str_eq(
		err.msg, "linux.resources.unified: the cgroup controller 'turf' is not available");
	ck_assert_uint_eq(count_ours(), 0);
}
END_TEST

START_TEST(only_needed_hierarchies_are_used)
{
	struct cgroup *cg;

	enter(AS_IS);
	cg = make_plain();
	ck_assert_ptr_nonnull(cgroup_dir_find(cg, "devices"));
	ck_assert_ptr_nonnull(cgroup_dir_find(cg, "freezer"));
	if (has_v1()) {
		ck_assert_ptr_null(cgroup_dir_find(cg, "cpuset"));
		ck_assert_ptr_null(cgroup_dir_find(cg, "blkio"));
	}
	destroy(cg);
}
END_TEST

/* What /proc/PID/cgroup says of a process. */
static char *membership(pid_t pid)
{
	char path[64];
	char *text = NULL;
	struct err err = ERR_INIT;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	ck_assert_int_eq(file_read(AT_FDCWD, path, 1 << 16, &text, &len, &err), 0);
	return text;
}

START_TEST(foreign_child_ends_where_ours_would)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *own, *cg;
	_cleanup_free_ char *ours = NULL, *theirs = NULL;
	const int *fds;
	char byte;
	int go[2], ready[2];
	pid_t foreign, child;

	enter(AS_IS);
	/* Born before we move away, so its surroundings are not ours. */
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	cgroup_limits_init(&l);
	l.cpu.shares = 512;
	l.cpuset.cpus = "0";
	own = make(&(struct cgroup_options){.id = "own", .path = id}, &l);
	foreign = fork();
	if (foreign == 0) {
		int n, fd;

		/* Descriptors come by number: the tables are shared by birth, so open them by /proc. */
		while (read(go[0], &n, sizeof(n)) == sizeof(n) && n >= 0) {
			char path[64];

			snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getppid(), n);
			fd = open(path, O_WRONLY | O_CLOEXEC);
			if (fd < 0 || write(fd, "0", 1) != 1)
				_exit(100);
			close(fd);
		}
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(cgroup_attach_pid(own, getpid(), &err), 0);
	cgroup_limits_init(&l);
	cg = make(&(struct cgroup_options){.id = "inner", .foreign_parent = true}, &l);
	for (size_t i = 0, n = cgroup_attach_fds(cg, &fds); i < n; i++)
		ck_assert_int_eq(write(go[1], &fds[i], sizeof(int)), sizeof(int));
	ck_assert_int_eq(write(go[1], &(int){-1}, sizeof(int)), sizeof(int));
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	child = spawn(cg, NULL);
	ours = membership(child);
	theirs = membership(foreign);
	ck_assert_str_eq(ours, theirs);
	/* On pure v2 every hierarchy is used, and the container's place is beside ours. */
	if (!layout.pure_v2)
		ck_assert_ptr_nonnull(strstr(ours, id));

	kill(foreign, SIGKILL);
	kill(child, SIGKILL);
	wait_status(foreign);
	wait_status(child);
	destroy(cg);
	/* Out of it, as it goes away. */
	for (size_t i = 0; i < layout.n; i++) {
		char path[4096], text[16];

		snprintf(path, sizeof(path), "%s%s/cgroup.procs", layout.list[i].mount,
			layout.list[i].own);
		snprintf(text, sizeof(text), "%d", (int)getpid());
		ck_assert_int_eq(file_put(AT_FDCWD, path, text, &err), 0);
	}
	destroy(own);
}
END_TEST

START_TEST(clone_into_v2_directory)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;
	struct cgroup *cg;
	pid_t pid;

	if (!enter(ONLY_V2))
		enter(AS_IS);
	cg = make_plain();
	ck_assert_int_ge(cgroup_v2_dirfd(cg), 0);
	args.cgroup = (uint64_t)cgroup_v2_dirfd(cg);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			pause();
	text = membership(pid);
	ck_assert_ptr_nonnull(strstr(text, id));
	ck_assert_int_eq(cgroup_signal_all(cg, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(cg);
}
END_TEST

/* What a child gets that says it stays; `dir`: where it is born, -1 beside us. */
static int try_to_stay(int stay_fd, int dir)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid;

	if (dir >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)dir;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(write(stay_fd, "0", 1) == 1 ? 0 : errno);
	return WEXITSTATUS(wait_status(pid));
}

START_TEST(who_was_born_there_stays)
{
	struct cgroup_limits l;
	struct cgroup *cg;

	if (!enter(ONLY_V2))
		enter(AS_IS);
	cg = make_plain();
	ck_assert_int_eq(cgroup_stay_v2(cg), -1);
	destroy(cg);
	cgroup_limits_init(&l);
	cg = make(&(struct cgroup_options){.id = id, .asks_birth = true}, &l);
	ck_assert_int_eq(try_to_stay(cgroup_stay_v2(cg), cgroup_v2_dirfd(cg)), 0);
	ck_assert_int_eq(try_to_stay(cgroup_stay_v2(cg), -1), EOPNOTSUPP);
	destroy(cg);
}
END_TEST

START_TEST(container_may_own_its_cgroup)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
		"\"args\":[\"x\"],\"user\":{\"uid\":5,\"gid\":5}},\"mounts\":[{\"destination\":"
		"\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\"%s}],\"linux\":{"
		"\"namespaces\":[{\"type\":\"user\"},{\"type\":\"cgroup\"},{\"type\":\"mount\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":70000,\"size\":100}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":70000,\"size\":100}]}}";
	static const char *const options[] = {"", ",\"options\":[\"ro\"]"};
	struct err err = ERR_INIT;
	struct cgroup *cg;
	struct stat st;
	uid_t owner = 0;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		_cleanup_oci_config_ struct oci_config *config = NULL;
		_cleanup_buf_ struct buf json = BUF_INIT;

		buf_printf(&json, text, options[i]);
		ck_assert_msg(
			oci_config_parse(json.data, json.len, &config, &err) == 0, "%s", err.msg);
		ck_assert_int_eq(cgroup_delegate_owner(config, &owner), i == 0);
	}
	ck_assert_uint_eq(owner, 70005);
	if (!enter(ONLY_V2))
		return;
	cg = make_plain();
	ck_assert_msg(cgroup_delegate(cg, owner, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(fstat(cg->dirs[0].fd, &st), 0);
	ck_assert_uint_eq(st.st_uid, owner);
	ck_assert_int_eq(fstatat(cg->dirs[0].fd, "cgroup.procs", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, owner);
	/* The limits of the container are not its own to change. */
	ck_assert_int_eq(fstatat(cg->dirs[0].fd, "cgroup.max.depth", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	destroy(cg);
}
END_TEST

static int refuse_the_end(
	void *arg, const struct cgroup_path *paths UNUSED, size_t n, bool done, struct err *err)
{
	*(size_t *)arg = n;
	return done ? err_say(err, EIO, "not saved") : 0;
}

/* The processor's cgroup was made for it, and processes were there: no trace of it is left. */
START_TEST(failed_update_moves_back)
{
	_cleanup_cgroup_layout_ struct cgroup_layout places = {.n = 0}, after = {.n = 0};
	struct cgroup_limits before, limits;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	size_t told = 0, n;
	char path[128];
	pid_t pid;

	if (!enter(ONLY_V1) || !cgroup_layout_find(&layout, "cpuset"))
		return;
	/* Not beside where the process is, which is in no cgroup of that kind. */
	snprintf(path, sizeof(path), "/%s-above/leaf", id);
	cgroup_limits_init(&before);
	cg = make(&(struct cgroup_options){.id = id, .path = path}, &before);
	pid = spawn(cg, NULL);
	n = cg->n_paths;
	ck_assert_int_eq(cgroup_layout_load_of(pid, &places, &err), 0);
	limits = before;
	limits.cpuset.cpus = "0";
	ck_assert_int_eq(cgroup_update_limited(cg,
				 &(struct cgroup_update){.save = refuse_the_end, .save_arg = &told},
				 &limits, &before, &warnings, &err),
		-EIO);
	ck_assert_str_eq(err.msg, "not saved");
	ck_assert_msg(warnings.len == 0, "%s", warnings.data);
	ck_assert_uint_eq(cg->n_paths, n);
	ck_assert_uint_eq(told, n);
	ck_assert_int_eq(cgroup_layout_load_of(pid, &after, &err), 0);
	for (size_t i = 0; i < places.n; i++)
		ck_assert_str_eq(after.list[i].own, places.list[i].own);
	snprintf(path, sizeof(path), "%s/%s-above", cgroup_layout_find(&layout, "cpuset")->mount,
		id);
	ck_assert_int_lt(access(path, F_OK), 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_status(pid);
	destroy(cg);
}
END_TEST

CGROUP_MAIN("cgroup directories", kept_form_opens_again, cgroups_below_are_removed,
	deep_trees_are_removed, found_directory_stays, announced_is_what_is_made,
	occupied_directory_is_refused, half_made_cgroups_are_undone, missing_controller_is_named,
	only_needed_hierarchies_are_used, foreign_child_ends_where_ours_would,
	clone_into_v2_directory, who_was_born_there_stays, container_may_own_its_cgroup,
	failed_update_moves_back)
