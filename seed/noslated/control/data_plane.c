/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data planes: one that takes connections, and, for a while after noslated was replaced by another
 * build, one that ends with those that it has. Each is executed from our own program and inherits the
 * listening sockets and one end of a link.
 *
 * Either plane can die. The other end of a link is kept by the supervisor, so that a data plane does not
 * notice when we do: what it said meanwhile is read by the next control plane, which asks what is there
 * ("hello") and is told ("start", "stop", "have", then "told"). Workers of a data plane that has died are
 * the next one's, but for those that had a request of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/control/meter.h"
#include "seed/noslated/control/meter.h"
#include "seed/noslated/control/telemetry.h"
#include "seed/noslated/control/telemetry.h"
#include "seed/noslated/link.h"
#include "seed/noslated/role.h"
#include "seed/noslated/supervisor.h"

#define START_AGAIN_MS 100
/* How long a data plane may take to say that it has left. */
#define LEAVE_MS 2000

#define KEPT_LINK  "link-"
#define KEPT_PLANE "plane-"

struct data_plane_process {
	struct control *control;
	struct data_plane_process *next, **prev;
	char id[ROLE_PLANE_ID_MAX + 1];
	struct link *link;
	int pidfd;
	uv_poll_t end;
	uv_process_t *child; /* NULL: of a control plane before */
	bool told, leaves, left;
};

static struct control *control_of(const struct data_plane_process *p)
{
	return p->control;
}

static void say(struct data_plane_process *p, const char *kind, const char *worker)
{
	link_send(p->link, &(struct link_message){.kind = kind, .worker = worker}, -1);
}

static void say_ready(struct data_plane_process *p, const struct worker *w)
{
	link_send(p->link,
		&(struct link_message){.kind = "ready",
			.worker = worker_name(w),
			.function = worker_function(w),
			.socket = worker_socket(w)},
		-1);
}

/* Who takes connections; NULL: nobody at the moment. */
static struct data_plane_process *current(const struct control *c)
{
	struct data_plane_process *p = c->planes;

	while (p && p->leaves)
		p = p->next;
	return p;
}

/* --- whose workers --- */

/* Not one that is of other code than its function by now, or that may have had its only request. */
static bool can_be_given(const struct control *c, const struct worker *w)
{
	const struct profile_function *f = profile_set_find(&c->set, worker_function(w));
	const struct function_files *files = functions_find(c, worker_function(w));

	return f && !f->disposable && files->bundle && streq(files->bundle, worker_bundle(w));
}

/* Workers that nobody has. */
static void give(struct data_plane_process *p)
{
	struct control *c = control_of(p);

	for (struct worker *w = c->workers.first, *next; w; w = next) {
		next = worker_next(w);
		if (worker_owner(w) || !worker_is_ready(w))
			continue;
		if (!can_be_given(c, w)) {
			worker_stop(w, WORKER_STOP_MS);
			continue;
		}
		worker_set_owner(w, p);
		say_ready(p, w);
	}
}

/* Once every data plane has said which ones it has. */
static void give_what_is_free(struct control *c)
{
	for (struct data_plane_process *p = c->planes; p; p = p->next)
		if (!p->told)
			return;
	if (current(c))
		give(current(c));
}

static void lose(struct control *c, const struct data_plane_process *p)
{
	for (struct worker *w = c->workers.first; w; w = worker_next(w))
		if (worker_owner(w) == p)
			worker_set_owner(w, NULL);
}

/* --- what they say --- */

static void start_worker(struct data_plane_process *p, const struct link_message *m)
{
	struct control *c = control_of(p);
	const struct profile_function *f = profile_set_find(&c->set, m->function);
	const struct function_files *files = functions_find(c, m->function);
	struct worker *w = worker_find(&c->workers, m->worker);
	struct err err = ERR_INIT;

	/* It was said to a control plane before, too. */
	if (w) {
		worker_set_owner(w, p);
		if (worker_is_ready(w))
			say_ready(p, w);
		return;
	}
	if (!f || !files->bundle)
		err_say(&err, ENOENT, "worker '%s': there is no function '%s'", m->worker,
			m->function);
	else if (worker_start(&c->workers,
			 &(struct worker_spec){.name = m->worker,
				 .function = m->function,
				 .bundle = files->bundle,
				 .tenant = f->tenant,
				 .log = files->log,
				 .owner = p},
			 &err) == 0)
		return;
	log_error("%s", err.msg);
	events_add(c->events, EVENT_WORKER_FAILED, m->function, m->worker, "%s", err.msg);
	meter_worker_failed(telemetry_meter(c->telemetry), m->function, f ? f->tenant : "default");
	say(p, "gone", m->worker);
}

static void stop_worker(struct data_plane_process *p, const char *name)
{
	struct worker *w = worker_find(&control_of(p)->workers, name);

	meter_worker_stops(telemetry_meter(control_of(p)->telemetry), name);
	if (w)
		worker_stop(w, WORKER_STOP_MS);
	else
		say(p, "gone", name);
}

static void have_worker(struct data_plane_process *p, const char *name)
{
	struct worker *w = worker_find(&control_of(p)->workers, name);

	if (w)
		worker_set_owner(w, p);
	else
		say(p, "gone", name);
}

static void release_worker(struct data_plane_process *p, const char *name)
{
	struct worker *w = worker_find(&control_of(p)->workers, name);

	if (!w || worker_owner(w) != p)
		return;
	worker_set_owner(w, NULL);
	give_what_is_free(control_of(p));
}

/* Others may have what would be started otherwise. */
static void let_go(struct control *c)
{
	struct data_plane_process *to = current(c);

	for (struct data_plane_process *p = c->planes; p; p = p->next)
		if (!p->told || (p != to && !p->left))
			return;
	give_what_is_free(c);
	if (to)
		say(to, "go", NULL);
}

/* One that does not answer keeps nobody from being served. */
static void on_impatient(uv_timer_t *t)
{
	struct control *c = t->data;

	for (struct data_plane_process *p = c->planes; p; p = p->next)
		p->left = p->left || p->leaves;
	let_go(c);
}

/* Of others than `by`. */
static void send_away(struct control *c, const struct data_plane_process *by)
{
	c->patience.data = c;
	uv_timer_start(&c->patience, on_impatient, LEAVE_MS, 0);
	for (struct data_plane_process *p = c->planes; p; p = p->next) {
		if (p == by || p->leaves)
			continue;
		p->leaves = true;
		say(p, "leave", NULL);
	}
}

static void start_successor(struct control *c)
{
	struct err err = ERR_INIT;

	log_warn("noslated is another build by now: so is the data plane");
	if (data_plane_start(c, &err) < 0)
		log_error("%s; the data plane stays as it is", err.msg);
}

static void on_told(struct data_plane_process *p, const char *build)
{
	struct control *c = control_of(p);
	char own[ROLE_BUILD_MAX];

	p->told = true;
	if (!p->leaves && !streq(build, role_build(own)))
		start_successor(c);
	else if (p == current(c))
		send_away(c, p);
	let_go(c);
}

static const struct {
	const char *kind;
	void (*take)(struct data_plane_process *p, const char *worker);
} about_workers[] = {{"stop", stop_worker}, {"have", have_worker}, {"release", release_worker}};

static void on_message(void *arg, const struct link_message *m, int *fd UNUSED)
{
	struct data_plane_process *p = arg;

	if (streq(m->kind, "told") && m->build) {
		on_told(p, m->build);
		return;
	}
	if (streq(m->kind, "left")) {
		p->left = true;
		let_go(p->control);
		return;
	}
	if (streq(m->kind, "start") && m->worker && m->function) {
		start_worker(p, m);
		return;
	}
	for (size_t i = 0; m->worker && i < ARRAY_SIZE(about_workers); i++) {
		if (streq(m->kind, about_workers[i].kind)) {
			about_workers[i].take(p, m->worker);
			return;
		}
	}
	log_error("the data plane: '%s' is no message for the control plane", m->kind);
}

/* --- coming and going --- */

static void on_child_closed(uv_handle_t *h)
{
	free(h);
}

static void on_closed(uv_handle_t *h)
{
	struct data_plane_process *p = h->data;

	fd_close(&p->pidfd);
	free(p);
}

static void name_kept(const struct data_plane_process *p, const char *prefix, char name[64])
{
	snprintf(name, 64, "%s%s", prefix, p->id);
}

static void on_again(uv_timer_t *t)
{
	struct control *c = t->data;
	struct err err = ERR_INIT;

	if (current(c) || data_plane_start(c, &err) == 0)
		return;
	log_error("%s", err.msg);
	uv_timer_start(&c->again, on_again, START_AGAIN_MS, 0);
}

/* `how`: for people. */
static void ended(struct data_plane_process *p, const char *how)
{
	struct control *c = control_of(p);
	const bool expected = p->leaves || c->ends;
	char name[64];

	name_kept(p, KEPT_LINK, name);
	store_drop(&c->kept, name);
	name_kept(p, KEPT_PLANE, name);
	store_drop(&c->kept, name);
	link_close(p->link);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	lose(c, p);
	uv_close((uv_handle_t *)&p->end, on_closed);
	events_add(c->events, EVENT_DATA_PLANE_ENDED, NULL, NULL, "%s", how);
	if (c->ends) {
		control_check_end(c);
		return;
	}
	if (!expected)
		log_error("the data plane has ended (%s); it is started again", how);
	else if (str_after(how, "signal"))
		log_error("the data plane that was to leave has ended too early (%s)", how);
	let_go(c);
	uv_timer_start(&c->again, on_again, expected ? 0 : START_AGAIN_MS, 0);
}

/* Of one that was a child of a control plane before, nobody knows how. */
static void on_end(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	ended(poll->data, "not our child");
}

static void on_child_exit(uv_process_t *child, int64_t code, int signal)
{
	struct data_plane_process *p = child->data;
	char how[32];

	snprintf(
		how, sizeof(how), "%s %d", signal ? "signal" : "code", signal ? signal : (int)code);
	uv_close((uv_handle_t *)child, on_child_closed);
	/* NULL: it was given up at once. */
	if (!p)
		return;
	p->child = NULL;
	ended(p, how);
}

/* Its process ends, too, or has: ended() does the rest. */
static void on_link_end(void *arg)
{
	struct data_plane_process *p = arg;

	p->link = NULL;
	(void)proc_pidfd_signal(p->pidfd, SIGKILL);
}

/* Takes both descriptors. */
static int enter(struct control *c, const char *id, int link_fd, int pidfd,
	struct data_plane_process **ret, struct err *err)
{
	struct data_plane_process *p = calloc(1, sizeof(*p));

	if (!p) {
		close(link_fd);
		close(pidfd);
		return err_oom(err);
	}
	p->control = c;
	p->pidfd = pidfd;
	snprintf(p->id, sizeof(p->id), "%s", id);
	p->link = link_open(&c->loop, link_fd, on_message, on_link_end, p);
	if (!p->link || uv_poll_init(&c->loop, &p->end, pidfd) < 0) {
		link_close(p->link);
		close(pidfd);
		free(p);
		return err_oom(err);
	}
	p->end.data = p;
	p->next = c->planes;
	p->prev = &c->planes;
	if (p->next)
		p->next->prev = &p->next;
	c->planes = p;
	*ret = p;
	return 0;
}

/* Standard descriptors, the link, then the listening sockets. */
static int spawn(struct control *c, const char *id, int link_fd, uv_process_t **ret, int *ret_pidfd,
	struct err *err)
{
	const struct control_options *o = c->options;
	uv_stdio_container_t stdio[ROLE_LISTEN_FD + CONTROL_LISTEN_MAX] = {{.flags = UV_IGNORE}};
	char role[sizeof(ROLE_DATA) + ROLE_PLANE_ID_MAX + 8];
	uv_process_options_t options = {.file = o->program,
		.args = (char *[]){(char *)o->program, role, NULL},
		.stdio = stdio,
		.stdio_count = ROLE_LISTEN_FD + (int)o->n_listen,
		.exit_cb = on_child_exit};
	uv_process_t *child = calloc(1, sizeof(*child));
	int r;

	if (!child)
		return err_oom(err);
	snprintf(role, sizeof(role), ROLE_DATA "%zu,%s", o->n_listen, id);
	for (int i = 0; i < 3; i++)
		stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
	stdio[ROLE_LINK_FD] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = link_fd};
	for (size_t i = 0; i < o->n_listen; i++)
		stdio[ROLE_LISTEN_FD + i] =
			(uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = c->listeners[i]};
	r = uv_spawn(&c->loop, child, &options);
	if (r < 0) {
		uv_close((uv_handle_t *)child, on_child_closed);
		return err_set(err, -r, "execute '%s'", o->program);
	}
	/* Not reaped before the loop goes on, so that the number is still its own. */
	*ret = child;
	*ret_pidfd = proc_pidfd_open(child->pid);
	return *ret_pidfd < 0 ? err_set(err, -*ret_pidfd, "open the data plane's process") : 0;
}

/* So that the next control plane finds it. */
static int keep(
	const struct control *c, const struct data_plane_process *p, int link_fd, struct err *err)
{
	char name[64];

	name_kept(p, KEPT_LINK, name);
	if (store_keep(&c->kept, name, link_fd, err) < 0)
		return -err->code;
	name_kept(p, KEPT_PLANE, name);
	return store_keep(&c->kept, name, p->pidfd, err);
}

static void tell_set(struct data_plane_process *p)
{
	const struct control *c = control_of(p);
	_cleanup_close_ int fd = open(c->told_path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		log_error("open '%s': %s", c->told_path, strerror(errno));
	else
		link_send(p->link, &(struct link_message){.kind = "apply"}, fd);
}

static void greet(struct data_plane_process *p)
{
	if (!p->leaves) {
		telemetry_tell(p->control->telemetry, p->link);
		tell_set(p);
	}
	say(p, "hello", NULL);
}

int data_plane_start(struct control *c, struct err *err)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	struct data_plane_process *p;
	uv_process_t *child = NULL;
	char id[ROLE_PLANE_ID_MAX + 1];
	int ends[2], pidfd = -1, kept;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(id, sizeof(id), "%llx",
		(unsigned long long)now.tv_sec * 1000 + (unsigned)now.tv_nsec / 1000000);
	if (link_pair(ends, err) < 0)
		return -err->code;
	ours = ends[0];
	theirs = ends[1];
	if (spawn(c, id, theirs, &child, &pidfd, err) < 0)
		return -err->code;
	kept = fcntl(ours, F_DUPFD_CLOEXEC, 0);
	if (enter(c, id, take_fd(&ours), pidfd, &p, err) < 0) {
		fd_close(&kept);
		return -err->code;
	}
	child->data = p;
	p->child = child;
	if (keep(c, p, kept, err) < 0)
		log_error("the data plane will end with this process: %s", err->msg);
	fd_close(&kept);
	*err = (struct err)ERR_INIT;
	greet(p);
	events_add(c->events, EVENT_DATA_PLANE_STARTED, NULL, NULL, "process %d", (int)child->pid);
	return 0;
}

/* --- those of before --- */

static int adopt_one(struct control *c, const char *id, struct err *err)
{
	_cleanup_close_ int link_fd = -1, pidfd = -1;
	struct data_plane_process *p;
	char name[64];

	snprintf(name, sizeof(name), KEPT_LINK "%s", id);
	link_fd = store_take(&c->kept, name);
	snprintf(name, sizeof(name), KEPT_PLANE "%s", id);
	pidfd = store_take(&c->kept, name);
	if (link_fd < 0 || pidfd < 0 || strlen(id) > ROLE_PLANE_ID_MAX)
		return 0;
	if (enter(c, id, take_fd(&link_fd), take_fd(&pidfd), &p, err) < 0)
		return -err->code;
	uv_poll_start(&p->end, UV_READABLE, on_end);
	return 0;
}

/* All but the youngest have been sent away, or are by now. */
static void send_elders_away(struct control *c)
{
	struct data_plane_process *youngest = c->planes;

	for (struct data_plane_process *p = c->planes; p; p = p->next)
		if (strcmp(p->id, youngest->id) > 0)
			youngest = p;
	send_away(c, youngest);
}

int data_planes_adopt(struct control *c, struct err *err)
{
	for (size_t i = 0; i < c->kept.n; i++) {
		const char *id = str_after(c->kept.kept[i].name, KEPT_LINK);

		if (id && adopt_one(c, id, err) < 0)
			return -err->code;
	}
	send_elders_away(c);
	return 0;
}

int data_planes_begin(struct control *c, struct err *err)
{
	c->again.data = c;
	for (struct data_plane_process *p = c->planes; p; p = p->next)
		greet(p);
	return current(c) ? 0 : data_plane_start(c, err);
}

void data_planes_leave(struct control *c)
{
	struct data_plane_process *p;

	while ((p = c->planes)) {
		uv_process_t *child = take_ptr(&p->child);

		c->planes = p->next;
		link_close(p->link);
		if (child)
			uv_close((uv_handle_t *)child, on_child_closed);
		uv_close((uv_handle_t *)&p->end, on_closed);
	}
}

/* --- all of them --- */

bool data_plane_runs(const struct control *c)
{
	return current(c) && current(c)->told;
}

void data_plane_tell_set(struct control *c)
{
	for (struct data_plane_process *p = c->planes; p; p = p->next)
		if (!p->leaves)
			tell_set(p);
}

void data_plane_ready(struct worker *w)
{
	if (worker_owner(w))
		say_ready(worker_owner(w), w);
}

void data_plane_gone(struct worker *w)
{
	if (worker_owner(w))
		say(worker_owner(w), "gone", worker_name(w));
}

void data_plane_measured(struct worker *w, uint64_t bytes)
{
	struct data_plane_process *p = worker_owner(w);
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	if (p)
		link_send(p->link,
			&(struct link_message){
				.kind = "measured", .worker = worker_name(w), .bytes = text},
			-1);
}

void data_planes_say(struct control *c, const char *kind, const char *file)
{
	for (struct data_plane_process *p = c->planes; p; p = p->next)
		link_send(p->link, &(struct link_message){.kind = kind, .file = file}, -1);
}

void data_planes_end(struct control *c, bool at_once)
{
	uv_timer_stop(&c->again);
	for (struct data_plane_process *p = c->planes; p; p = p->next) {
		if (at_once)
			(void)proc_pidfd_signal(p->pidfd, SIGKILL);
		else
			say(p, "drain", NULL);
	}
}
