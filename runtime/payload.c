/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/bytes.h"
#include "runtime/base/duration.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "runtime/box/box.h"
#include "seed/client.h"
#include "seed/forkserver.h"
#include "seed/image.h"
#include "seed/launch.h"

/* What execvpe(3) takes where there is no PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

const char *const payload_warmfork_names[] = {"auto", "require", "never", NULL};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Never leaves the root, whatever links the image holds. */
static bool is_program(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static bool is_program_in(int root_fd, const char *dir, size_t dir_len, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%.*s/%s", (int)dir_len, dir, name) <
		       (int)sizeof(path) &&
	       is_program(root_fd, path);
}

static const char *search_path(const struct oci_process *process)
{
	for (const char *const *e = process->env; e && *e; e++) {
		const char *value = str_after(*e, "PATH=");

		if (value)
			return value;
	}
	return DEFAULT_PATH;
}

/* Would execvpe(process.args) find something? */
static bool has_program(int root_fd, const struct oci_process *process)
{
	const char *name = process->args[0];

	if (*name == '/')
		return is_program(root_fd, name);
	if (strchr(name, '/'))
		return is_program_in(root_fd, process->cwd, strlen(process->cwd), name);
	for (const char *p = search_path(process); *p;) {
		size_t len = strcspn(p, ":");

		if (is_program_in(root_fd, p, len, name))
			return true;
		p += len + (p[len] == ':');
	}
	return false;
}

static bool names_worker(const struct oci_process *process)
{
	return process && streq(base_name(process->args[0]), PAYLOAD_WORKER_NAME);
}

bool payload_means_worker(const struct oci_process *process, int root_fd)
{
	return names_worker(process) && !has_program(root_fd, process);
}

static int detect_worker(
	const struct oci_config *config, const char *rootfs, bool *ret, struct err *err)
{
	_cleanup_close_ int root_fd = -1;

	*ret = false;
	if (!names_worker(config->process))
		return 0;
	root_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_set(err, errno, "open '%s'", rootfs);
	*ret = payload_means_worker(config->process, root_fd);
	return 0;
}

static const char *const state_names[] = {"use", "auto", "never", NULL};

/* -1: the word is none of them. */
static int find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (streq(words[i], word))
			return i;
	return -1;
}

static int parse_warmfork(const char *word, enum payload_warmfork *ret)
{
	int i = find_word(payload_warmfork_names, word);

	if (i >= 0)
		*ret = (enum payload_warmfork)i;
	return i;
}

static int choose_state(const struct oci_config *config, enum payload_state *ret, struct err *err)
{
	const char *annotation = oci_config_annotation(config, PAYLOAD_ANNOTATION_STATE);
	int i = annotation ? find_word(state_names, annotation) : PAYLOAD_STATE_USE;

	*ret = (enum payload_state)i;
	return i >= 0 ? 0
		      : err_say(err, EINVAL, "annotations['%s']: '%s' is none of use, auto, never",
				PAYLOAD_ANNOTATION_STATE, annotation);
}

static int choose_warmfork(const struct oci_config *config, const char *word,
	enum payload_warmfork *ret, struct err *err)
{
	const char *annotation = oci_config_annotation(config, PAYLOAD_ANNOTATION_WARMFORK);

	*ret = PAYLOAD_AUTO;
	if (annotation && parse_warmfork(annotation, ret) < 0)
		return err_say(err, EINVAL,
			"annotations['%s']: '%s' is none of auto, require, never",
			PAYLOAD_ANNOTATION_WARMFORK, annotation);
	if (word && parse_warmfork(word, ret) < 0)
		return err_say(err, EINVAL,
			"option '--warmfork': '%s' is none of auto, require, never", word);
	return 0;
}

static int choose_size_limit(const struct oci_config *config, const char *name, uint64_t least,
	uint64_t *ret, struct err *err)
{
	const char *annotation = oci_config_annotation(config, name);

	if (!annotation)
		return 0;
	if (bytes_parse(annotation, ret) < 0 || *ret == 0)
		return err_say(err, EINVAL,
			"annotations['%s']: '%s' is no number of bytes such as 64Mi", name,
			annotation);
	if (*ret < least)
		return err_say(err, EINVAL, "annotations['%s']: '%s' is less than %" PRIu64, name,
			annotation, least);
	return 0;
}

static int choose_time_limit(
	const struct oci_config *config, const char *name, uint64_t *ret_ms, struct err *err)
{
	const char *annotation = oci_config_annotation(config, name);

	if (annotation && duration_parse(annotation, BOX_LIMIT_MAX_MS, ret_ms) < 0)
		return err_say(err, EINVAL,
			"annotations['%s']: '%s' is not a duration from 1ms to 9999h, such as 5s",
			name, annotation);
	return 0;
}

static int choose_limits(const struct oci_config *config, struct box_limits *ret, struct err *err)
{
	if (choose_size_limit(config, PAYLOAD_ANNOTATION_HEAP, 1, &ret->heap, err) < 0 ||
		choose_size_limit(config, PAYLOAD_ANNOTATION_STACK, BOX_LIMIT_STACK_MIN,
			&ret->stack, err) < 0 ||
		choose_time_limit(config, PAYLOAD_ANNOTATION_CPU, &ret->cpu_ms, err) < 0 ||
		choose_time_limit(config, PAYLOAD_ANNOTATION_TASK, &ret->task_ms, err) < 0)
		return -err->code;
	return 0;
}

int payload_choose(const struct oci_config *config, const char *rootfs, const char *warmfork,
	const char *tenant, bool knows_exit_file, struct payload *ret, struct err *err)
{
	const char *seed = oci_config_annotation(config, PAYLOAD_ANNOTATION_SEED);
	struct payload p = {.seed = seed ? seed : PATHS_SEED_DEFAULT};
	bool in_pod;
	int r;

	if (!paths_id_is_valid(p.seed))
		return err_say(err, EINVAL, "annotations['%s']: '%s' can be no name of a seed",
			PAYLOAD_ANNOTATION_SEED, p.seed);
	r = choose_warmfork(config, warmfork, &p.warmfork, err);
	if (r == 0)
		r = choose_state(config, &p.use_state, err);
	if (r == 0)
		r = choose_limits(config, &p.limits, err);
	if (r == 0)
		r = detect_worker(config, rootfs, &p.is_worker, err);
	if (r < 0)
		return r;
	/* Annotations of a pod reach all of its containers, and are for the workers among them. */
	in_pod = oci_config_annotation(config, PAYLOAD_ANNOTATION_IN_POD) != NULL;
	p.is_worker |= seed && !in_pod;
	if (p.is_worker && state_store_name(config, rootfs, tenant, &p.state, err) < 0)
		return -err->code;
	if (p.warmfork == PAYLOAD_NEVER)
		p.no_clone = "warmfork is 'never'";
	else if (!knows_exit_file)
		p.no_clone = "the caller needs a descendant (no --exit-file)";
	if (!p.is_worker && in_pod && !warmfork)
		p.warmfork = PAYLOAD_AUTO;
	if (!p.is_worker && p.warmfork == PAYLOAD_REQUIRE)
		return err_say(err, EINVAL, "warmfork is required, but '%s' is no worker",
			config->process ? config->process->args[0] : "");
	if (p.no_clone && p.warmfork == PAYLOAD_REQUIRE)
		return err_say(err, EINVAL, "warmfork is required, but %s", p.no_clone);
	*ret = p;
	return 0;
}

static struct seed_call call_of(const struct box_plan *plan, int image_fd)
{
	struct seed_call call = SEED_CALL_INIT;
	struct box_call from;

	box_plan_call(plan, &from);
	call.plan_fd = from.plan_fd;
	call.plan_len = from.plan_len;
	call.clone_flags = from.clone_flags;
	call.pidns_fd = from.pidns_fd;
	call.cgroup_fd = from.cgroup_fd;
	call.sees_host = from.sees_host;
	call.fds = from.fds;
	call.n_fds = from.n_fds;
	call.image_fd = image_fd;
	return call;
}

static int spawn_clone(const struct payload *p, const struct box_plan *plan, int state_dir_fd,
	int image_fd, struct box_child *ret, struct err *err)
{
	struct seed_call call = call_of(plan, image_fd);
	struct seed_clone clone;
	int conn;
	int r;

	r = seed_connect(p->seed, &conn, err);
	if (r < 0)
		return r;
	call.state_dir_fd = state_dir_fd;
	r = seed_request(p->seed, conn, &call, &clone, err);
	if (r < 0)
		return r;
	*ret = (struct box_child){.conn = clone.conn, .pid = clone.pid, .pidfd = clone.pidfd};
	return 0;
}

static int spawn_program(const struct box_plan *plan, const struct seed_launch *launch,
	int image_fd, struct box_child *ret, struct err *err)
{
	struct box_child child = BOX_CHILD_INIT;
	struct seed_call call = call_of(plan, image_fd);
	int r = box_spawn_program(plan, launch->image_fd, launch->base_fd,
		(const char *const *)launch->argv, (const char *const *)launch->envp, &child, err);

	if (r < 0)
		return r;
	/* The namespaces and the v2 cgroup are those the child was born in. */
	call.clone_flags = 0;
	call.pidns_fd = -1;
	call.cgroup_fd = -1;
	r = seed_send(child.conn, &call, err);
	if (r < 0)
		box_child_abort(&child);
	else
		*ret = child;
	return r;
}

/* What goes on from an image says so; what could not be mapped ends without a word. */
static bool has_started(const struct box_child *child)
{
	char byte;
	ssize_t n;

	do
		n = recv(child->conn, &byte, sizeof(byte), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(byte);
}

static int spawn_from_image(
	const struct box_plan *plan, int image_fd, struct box_child *ret, struct err *err)
{
	_cleanup_seed_launch_ struct seed_launch launch = SEED_LAUNCH_INIT;
	struct box_child child = BOX_CHILD_INIT;
	int r = seed_launch_prepare_base(
		NULL, BOX_PROGRAM_FILE, SEED_OPTION_COLD "3", &launch, err);

	if (r == 0)
		r = spawn_program(plan, &launch, image_fd, &child, err);
	/* EPIPE: it ended before it was told what to become. */
	if (r < 0 && r != -EPIPE)
		return r;
	if (r < 0 || !has_started(&child)) {
		box_child_abort(&child);
		return err_say(err, EIO, "the base image cannot be mapped");
	}
	*ret = child;
	return 0;
}

static int spawn_cold(
	const struct box_plan *plan, int image_fd, struct box_child *ret, struct err *err)
{
	_cleanup_seed_launch_ struct seed_launch launch = SEED_LAUNCH_INIT;

	if (spawn_from_image(plan, image_fd, ret, err) == 0)
		return 0;
	log_info("a new engine: %s", err->msg);
	if (seed_launch_prepare(NULL, SEED_OPTION_COLD "3", &launch, err) < 0)
		return -err->code;
	return spawn_program(plan, &launch, -1, ret, err);
}

/* There is no seed under this name, or none that answers. */
static bool is_no_seed(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

/* What tells of the seed and not of the container. */
static bool may_go_cold(int r)
{
	return is_no_seed(r) || r == -EAGAIN || r == -ESTALE || r == -EUSERS || r == -EPIPE ||
	       r == -ETIMEDOUT;
}

/* People at a terminal should see why it was slow this time; daemons should not. */
static void tell(const char *text, const char *why)
{
	log_info("%s: %s", text, why);
	if (!log_enabled(LOG_LEVEL_INFO) && isatty(STDERR_FILENO))
		dprintf(STDERR_FILENO, "turf: %s: %s\n", text, why);
}

static void start_seed(const struct payload *p)
{
	struct seed_start start = {.name = p->seed, .background = true};
	struct err err;

	if (seed_start(&start, &err) < 0 && err.code != EEXIST)
		log_warn("%s, ignoring", err.msg);
}

static int open_state(const struct payload *p)
{
	struct err err;
	int fd;

	if (p->rests || p->use_state == PAYLOAD_STATE_NEVER)
		return -1;
	fd = state_store_open(&p->state, &err);
	if (fd < 0)
		log_info("from source: %s", err.msg);
	return fd < 0 ? -1 : fd;
}

int payload_spawn(const struct payload *p, const struct box_plan *plan, int state_dir_fd,
	struct box_child *ret, enum record_payload *ret_kind, struct err *err)
{
	const char *why = p->no_clone ? p->no_clone : box_plan_needs_own_child(plan);
	_cleanup_close_ int image_fd = -1;
	int r;

	if (!p->is_worker) {
		*ret_kind = RECORD_EXEC;
		return box_spawn(plan, ret, err);
	}
	image_fd = open_state(p);
	if (!why) {
		*ret_kind = RECORD_WARM;
		r = spawn_clone(p, plan, state_dir_fd, image_fd, ret, err);
		if (r == 0)
			return 0;
		if (is_no_seed(r) && p->may_start_seed && p->warmfork == PAYLOAD_AUTO)
			start_seed(p);
		if (p->warmfork == PAYLOAD_REQUIRE || !may_go_cold(r))
			return r;
		why = err->msg;
	} else if (p->warmfork == PAYLOAD_REQUIRE) {
		return err_say(err, ENOTSUP, "warmfork is required, but %s", why);
	}
	tell("cold start", why);
	*ret_kind = RECORD_COLD;
	return spawn_cold(plan, image_fd, ret, err);
}
