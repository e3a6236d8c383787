/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a bundle to a process that waits at its gate. Everything that was made is
 * held by one struct; what a failure leaves in it is undone in reverse order.
 *
 * The record is written before the first cgroup is made, and says "creating": a
 * runtime that is killed in the middle leaves what `delete --force` can remove.
 */
#include "runtime/life.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/rfc3339.h"
#include "runtime/base/util.h"
#include "runtime/box/box.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/gate.h"
#include "runtime/box/rdt.h"
#include "runtime/bundle.h"
#include "runtime/console.h"
#include "runtime/payload.h"
#include "runtime/rest.h"
#include "runtime/seccomp_listener.h"

/* What making a container uses of heap and stack. */
#define HEAP_USUAL  (96 << 10)
#define STACK_USUAL (32 << 10)

struct creation {
	const struct life_options *options;
	struct bundle bundle;
	struct payload payload;
	struct container container;
	struct record record;
	struct cgroup *cgroup;
	struct rdt rdt;
	struct box_plan *plan;
	struct box_child child;
	int gate_fd;
	int claim_fd; /* of the state image that is made */
	bool hooks_ran;
	bool pid_file_written;
	bool started; /* and not locked any more */
	struct rest rest;
	char created[RFC3339_MAX];
	struct buf warnings;
};

void life_close(struct life *life)
{
	container_close(&life->container);
	fd_close(&life->pidfd);
}

static void creation_finish(struct creation *cr)
{
	box_plan_destroy(cr->plan);
	cgroup_close(cr->cgroup);
	fd_close(&cr->gate_fd);
	fd_close(&cr->child.conn);
	fd_close(&cr->child.pidfd);
	record_finish(&cr->record);
	container_close(&cr->container);
	bundle_finish(&cr->bundle);
	rest_finish(&cr->rest);
	buf_finish(&cr->warnings);
}

static void fill_created(char out[RFC3339_MAX])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	rfc3339_nanoseconds(&now, out);
}

static void fill_record(struct creation *cr)
{
	const struct oci_config *config = cr->bundle.config;
	struct record *r = &cr->record;

	fill_created(cr->created);
	r->id = cr->container.id;
	r->reached = OCI_STATUS_CREATING;
	r->bundle = cr->bundle.path;
	r->rootfs = cr->bundle.rootfs;
	r->created = cr->created;
	r->owner_uid = geteuid();
	r->no_new_keyring = cr->options->no_new_keyring;
	r->annotations = config->annotations;
	r->n_annotations = config->n_annotations;
	r->resources = config->linux_ ? config->linux_->resources : NULL;
	if (config->linux_ && oci_seccomp_notifies(config->linux_->seccomp)) {
		r->listener_path = config->linux_->seccomp->listener_path;
		r->listener_metadata = config->linux_->seccomp->listener_metadata;
	}
	if (config->hooks) {
		r->poststart = config->hooks->poststart;
		r->n_poststart = config->hooks->n_poststart;
		r->poststop = config->hooks->poststop;
		r->n_poststop = config->hooks->n_poststop;
	}
}

static int check_terminal(const struct creation *cr, struct err *err)
{
	const struct life_options *o = cr->options;
	bool terminal = cr->bundle.config->process && cr->bundle.config->process->terminal;

	if (terminal && !o->console_socket && !o->console)
		return err_say(err, EINVAL,
			"process.terminal: a detached container needs '--console-socket'");
	if (!terminal && o->console_socket)
		return err_say(
			err, EINVAL, "option '--console-socket': process.terminal is not set");
	return o->console_socket ? console_check_socket(o->console_socket, err) : 0;
}

/*
 * What --preserve-fds promises must be there: descriptors 3 up to 2 + N, and they
 * must be the caller's. Ours are all O_CLOEXEC, which an inherited one never is.
 */
static int check_preserved(const struct life_options *o, struct err *err)
{
	for (unsigned i = 0; i < o->preserve_fds; i++) {
		int flags = fcntl(3 + (int)i, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			return err_say(err, EBADF,
				"option '--preserve-fds': descriptor %u is not open", 3 + i);
	}
	return 0;
}

/* Noted before they are made: a runtime that is killed in between leaves nothing unknown. */
static int note_cgroups(void *arg, const struct cgroup_path *paths, size_t n, struct err *err)
{
	struct creation *cr = arg;

	cr->record.cgroups = paths;
	cr->record.n_cgroups = n;
	return record_write(cr->container.dir_fd, &cr->record, err);
}

static int make_cgroup(struct creation *cr, struct err *err)
{
	const struct oci_linux *linux_ = cr->bundle.config->linux_;
	const struct cgroup_options options = {
		.manager = cr->options->cgroup_manager,
		.id = cr->container.id,
		.path = linux_ ? linux_->cgroups_path : NULL,
		.resources = linux_ ? linux_->resources : NULL,
		.annotations = cr->record.annotations,
		.n_annotations = cr->record.n_annotations,
		.foreign_parent = cr->payload.is_worker && !cr->payload.no_clone,
		.asks_birth = cr->payload.is_worker,
		.rootless = cr->options->rootless,
		.announce = note_cgroups,
		.announce_arg = cr,
	};
	uid_t owner;
	int r = cgroup_create(&options, &cr->cgroup, &cr->warnings, err);

	cr->record.cgroups = NULL;
	cr->record.n_cgroups = 0;
	if (r == 0)
		cr->record.n_cgroups = cgroup_paths(cr->cgroup, &cr->record.cgroups);
	if (r < 0 || !cgroup_delegate_owner(cr->bundle.config, &owner))
		return r;
	r = cgroup_delegate(cr->cgroup, owner, err);
	/* An ordinary user gives nothing away. */
	return r == -EPERM && cr->options->rootless ? 0 : r;
}

static int make_rdt(struct creation *cr, struct err *err)
{
	const struct oci_linux *l = cr->bundle.config->linux_;

	if (!l || !l->intel_rdt)
		return 0;
	if (rdt_create(l->intel_rdt, cr->container.id, &cr->rdt, err) < 0)
		return -err->code;
	cr->record.rdt_clos = cr->rdt.made ? cr->rdt.clos : NULL;
	cr->record.rdt_monitor = *cr->rdt.monitor ? cr->rdt.monitor : NULL;
	return record_write(cr->container.dir_fd, &cr->record, err);
}

static int make_plan(struct creation *cr, struct err *err)
{
	static const int our_own[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
	const int *stdio = cr->options->stdio ? cr->options->stdio : our_own;
	const struct box_options options = {
		.id = cr->container.id,
		.bundle = cr->bundle.path,
		.config = cr->bundle.config,
		.cgroup = cr->cgroup,
		.payload = cr->payload.is_worker ? BOX_PAYLOAD_WORKER : BOX_PAYLOAD_EXEC,
		.limits = cr->payload.limits,
		.stdio = {stdio[0], stdio[1], stdio[2]},
		.preserve_fds = cr->options->preserve_fds,
		.gate_fd = cr->gate_fd,
		.no_pivot = cr->options->no_pivot,
		.no_new_keyring = cr->options->no_new_keyring,
	};

	return box_plan_create(&options, &cr->plan, &cr->warnings, err);
}

static int duty_state(void *arg, pid_t pid, struct buf *ret, struct err *err)
{
	struct creation *cr = arg;

	return record_hook_state(&cr->record, OCI_STATUS_CREATING, pid, ret, err);
}

static int duty_create_runtime(void *arg, const char *state, size_t len, struct err *err)
{
	struct creation *cr = arg;
	const struct oci_hooks *hooks = cr->bundle.config->hooks;
	int r;

	cr->hooks_ran = true;
	if (!hooks)
		return 0;
	r = life_hooks("prestart", hooks->prestart, hooks->n_prestart, state, len, err);
	if (r < 0)
		return r;
	return life_hooks(
		"createRuntime", hooks->create_runtime, hooks->n_create_runtime, state, len, err);
}

static int duty_console(void *arg, int master_fd, struct err *err)
{
	struct creation *cr = arg;

	if (cr->options->console_socket)
		return console_send(cr->options->console_socket, master_fd, err);
	return console_open(cr->options->console, master_fd, err);
}

static void duty_warning(void *arg, const char *text)
{
	struct creation *cr = arg;

	buf_printf(&cr->warnings, "%s\n", text);
}

/* Replaced in one step, because conmon and containerd read it as soon as it is there. */
static int write_pid_file(struct creation *cr, struct err *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)cr->child.pid);
	int r;

	if (!cr->options->pid_file)
		return 0;
	r = file_write_atomic(AT_FDCWD, cr->options->pid_file, text, (size_t)n, 0644, err);
	cr->pid_file_written = r == 0;
	return r < 0 ? err_wrap(err, "pid file") : 0;
}

/* The process stands at its gate, and ends with us until this is done. */
static int duty_ready(void *arg, struct err *err)
{
	struct creation *cr = arg;
	struct proc_stat st;
	int r = proc_stat_read(cr->child.pid, &st, err);

	if (r == 0 && cr->options->pidfd_socket &&
		console_send_fd(cr->options->pidfd_socket, "standard", cr->child.pidfd, err) < 0)
		r = err_wrap(err, "option '--pidfd-socket'");
	if (r == 0)
		r = write_pid_file(cr, err);
	if (r < 0)
		return r;
	cr->record.init = (struct proc_id){cr->child.pid, st.start_time};
	cr->record.user_ns = cr->child.user_ns;
	cr->record.reached = OCI_STATUS_CREATED;
	r = record_write(cr->container.dir_fd, &cr->record, err);
	/*
	 * As with `start`: hooks and agents, which may hang, can use every verb on the
	 * container, and others can delete it.
	 */
	if (r == 0 && cr->options->to_rest)
		r = rest_limit(cr->child.conn, cr->options->rest_timeout_s, err);
	cr->started = r == 0 && cr->options->start;
	if (cr->started)
		container_unlock(&cr->container);
	return r;
}

static int duty_listener(void *arg, int remote_fd, struct err *err)
{
	struct creation *cr = arg;

	return seccomp_listener_hand_over(
		&cr->record, OCI_STATUS_CREATED, cr->child.pidfd, cr->child.pid, remote_fd, err);
}

static int duty_rested(void *arg, uint64_t regs, struct err *err)
{
	struct creation *cr = arg;

	return rest_save(&cr->payload.state, cr->cgroup, cr->child.pid, regs, err);
}

static int make_process(struct creation *cr, struct err *err)
{
	_cleanup_close_ int dir_fd =
		openat(cr->container.root_fd, cr->container.id, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct box_duties duties = {
		.arg = cr,
		.state = duty_state,
		.create_runtime = duty_create_runtime,
		.console = duty_console,
		.warning = duty_warning,
		.ready = duty_ready,
		.listener = duty_listener,
		.rested = cr->options->to_rest ? duty_rested : NULL,
	};
	int r;

	if (dir_fd < 0)
		return err_set(err, errno, "open the state directory of '%s'", cr->container.id);
	r = payload_spawn(&cr->payload, cr->plan, dir_fd, &cr->child, &cr->record.payload, err);
	if (r < 0)
		return r;
	if (cr->record.payload == RECORD_WARM)
		cr->record.seed = cr->payload.seed;
	if (*cr->rdt.clos && rdt_attach(&cr->rdt, cr->child.pid, err) < 0)
		return -err->code;
	return box_bring_up(&cr->child, cr->plan, &duties, err);
}

/* Those that `create` runs on the host, at the same time of life. */
static int restore_hooks(void *arg, pid_t pid, struct err *err)
{
	_cleanup_buf_ struct buf state = BUF_INIT;

	if (duty_state(arg, pid, &state, err) < 0)
		return -err->code;
	return duty_create_runtime(arg, state.data, state.len, err);
}

/* It has been at its gate long ago: there is none. */
static int restore_process(struct creation *cr, struct err *err)
{
	const struct life_restorer *r = cr->options->restorer;
	const struct oci_hooks *hooks = cr->bundle.config->hooks;
	bool has_hooks = hooks && (hooks->n_prestart || hooks->n_create_runtime);
	_cleanup_free_ char *root = realpath(cr->options->root, NULL);
	_cleanup_free_ char *dir = NULL;
	struct life_restoring with = {
		.record = &cr->record,
		.config = cr->bundle.config,
		.cgroup = cr->cgroup,
		.hooks = has_hooks ? restore_hooks : NULL,
		.hooks_arg = cr,
	};
	int pidfd;

	if (!root || asprintf(&dir, "%s/%s", root, cr->container.id) < 0) {
		dir = NULL;
		return err_set(err, root ? ENOMEM : errno, "'%s'", cr->options->root);
	}
	with.dir = dir;
	if (r->restore(r->arg, &with, &cr->child.pid, err) < 0)
		return -err->code;
	pidfd = proc_pidfd_open(cr->child.pid);
	if (pidfd < 0)
		return err_set(err, -pidfd, "open process %d", (int)cr->child.pid);
	cr->child.pidfd = pidfd;
	if (*cr->rdt.clos && rdt_attach(&cr->rdt, cr->child.pid, err) < 0)
		return -err->code;
	return duty_ready(cr, err);
}

/* Of a worker alone. */
static int ask_for_rest(struct creation *cr, struct err *err)
{
	if (!cr->payload.is_worker)
		return err_say(err, EINVAL, "bundle '%s' is no worker's", cr->bundle.path);
	cr->payload.rests = true;
	if (cr->options->if_missing) {
		cr->claim_fd = state_store_claim(&cr->payload.state, err);
		if (cr->claim_fd < 0)
			return cr->claim_fd;
	}
	return rest_ask(&cr->rest, cr->bundle.config, cr->options->id, err);
}

static int prepare(struct creation *cr, struct err *err)
{
	const struct life_options *o = cr->options;
	int r = check_preserved(o, err);

	if (r == 0)
		r = bundle_load(o->bundle, o->config_file, &cr->bundle, err);
	if (r == 0)
		r = check_terminal(cr, err);
	if (r == 0)
		r = payload_choose(cr->bundle.config, cr->bundle.rootfs, o->warmfork, o->tenant,
			o->knows_exit_file, &cr->payload, err);
	cr->payload.may_start_seed = o->may_start_seed;
	if (r == 0 && o->to_rest)
		r = ask_for_rest(cr, err);
	if (r == 0 && o->restorer && cr->payload.is_worker)
		return err_say(err, ENOTSUP, "bundle '%s' is a worker's: none is ever saved",
			cr->bundle.path);
	return r;
}

/*
 * The whole configuration, for `exec`. No need to make it last: while the record does
 * not say "created", nobody reads it.
 */
static int save_config(const struct creation *cr, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_close_ int fd = openat(cr->container.dir_fd, OCI_CONFIG_FILE,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	oci_config_write(cr->bundle.config, false, &text);
	if (buf_failed(&text))
		return err_oom(err);
	if (fd < 0)
		return err_set(err, errno, "create '" OCI_CONFIG_FILE "' in the state directory");
	r = fd_write_all(fd, text.data, text.len);
	return r < 0 ? err_set(err, -r, "write '" OCI_CONFIG_FILE "' in the state directory") : 0;
}

static int build(struct creation *cr, struct err *err)
{
	int r = save_config(cr, err);

	if (r == 0)
		r = make_cgroup(cr, err);
	if (r == 0)
		r = make_rdt(cr, err);
	if (cr->options->restorer)
		return r == 0 ? restore_process(cr, err) : r;
	if (r == 0 && !cr->options->start)
		r = gate_listen(cr->container.dir_fd, &cr->gate_fd, err);
	if (r == 0)
		r = make_plan(cr, err);
	if (r == 0)
		r = make_process(cr, err);
	return r;
}

/* The error that led here is the one to report; those of undoing are warnings. */
static void undo(struct creation *cr)
{
	struct err err;

	if (cr->pid_file_written)
		(void)unlink(cr->options->pid_file);
	box_child_abort(&cr->child);
	if (cr->record.n_cgroups > 0 && cgroup_signal_all(cr->cgroup, SIGKILL, &err) < 0)
		log_warn("%s, ignoring", err.msg);
	if (cr->cgroup && cgroup_destroy(cr->cgroup, &err) < 0)
		log_warn("%s, ignoring", err.msg);
	if (life_remove_rdt(&cr->record, &err) < 0)
		log_warn("%s, ignoring", err.msg);
	if (container_remove(&cr->container, &err) < 0)
		log_warn("%s, ignoring", err.msg);
	/* A failed hook of `create` leads to the end of the life cycle, which these are part of. */
	if (cr->hooks_ran)
		life_poststop(&cr->record);
}

/*
 * The same for one that was started, whose lock we gave up: by now somebody else may
 * have deleted it, so this looks again, under the lock.
 */
static void undo_started(struct creation *cr)
{
	struct err err;

	if (cr->pid_file_written)
		(void)unlink(cr->options->pid_file);
	box_child_abort(&cr->child);
	/* Who holds a place in a scope of systemd leaves it with this. */
	cgroup_close(cr->cgroup);
	cr->cgroup = NULL;
	if (life_delete(&cr->container, true, &err) < 0 && err.code != ENOENT)
		log_warn("%s, ignoring", err.msg);
}

static void hand_over(struct creation *cr, struct life *ret)
{
	*ret = (struct life){
		.container = cr->container,
		.payload = cr->record.payload,
		.pidfd = take_fd(&cr->child.pidfd),
		.pid = cr->child.pid,
		.wants_state = cr->payload.is_worker && !cr->payload.rests &&
			       cr->payload.use_state == PAYLOAD_STATE_AUTO &&
			       !state_store_has(&cr->payload.state),
	};
	cr->container = (struct container)CONTAINER_INIT;
}

static void populate(uintptr_t from, uintptr_t to)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	from = (from + page - 1) & -page;
	(void)madvise((void *)from, (to & -page) - from, MADV_POPULATE_WRITE);
}

/* A page fault costs several times of a page. A kernel without the call takes the faults. */
static void touch_ahead(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	char *heap;

	heap = malloc(HEAP_USUAL);
	if (heap)
		populate((uintptr_t)heap, (uintptr_t)heap + HEAP_USUAL);
	free(heap);
	populate(here - STACK_USUAL, here);
}

int life_create(const struct life_options *options, struct life *ret, struct err *err)
{
	_cleanup_(creation_finish) struct creation cr = {
		.options = options,
		.container = CONTAINER_INIT,
		.child = BOX_CHILD_INIT,
		.gate_fd = -1,
		.claim_fd = -1,
		.warnings = BUF_INIT,
	};
	int r;

	touch_ahead();
	r = prepare(&cr, err);
	if (r == 0)
		r = container_make(options->root, options->id, &cr.container, err);
	if (r < 0)
		return r;
	fill_record(&cr);
	r = build(&cr, err);
	state_store_release(&cr.payload.state, &cr.claim_fd, r == 0);
	life_log_warnings(&cr.warnings);
	if (r == 0 && cr.started)
		r = life_poststart(&cr.record, err);
	if (r < 0) {
		(cr.started ? undo_started : undo)(&cr);
		return r;
	}
	container_unlock(&cr.container);
	hand_over(&cr, ret);
	return 0;
}
