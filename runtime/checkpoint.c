/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf checkpoint`: saves a running container by criu and, unless it is to go on,
 * deletes it. Under the lock, so that nobody joins or freezes what is being saved.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/box/cgroup.h"
#include "runtime/container.h"
#include "runtime/criu.h"
#include "runtime/criu_image.h"
#include "runtime/criu_outside.h"
#include "runtime/life.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

#define LOG_FILE "dump.log"

/* Images hold the memory of processes: theirs alone. */
#define IMAGE_DIR_MODE 0700

static struct {
	const char *parent_path;
	const char *page_server;
	const char *status_fd;
	bool leave_running;
	bool pre_dump;
	bool skip_in_flight;
	bool link_remap;
} given;

static const struct option options[] = {
	{"parent-path", 0, OPTION_STRING, &given.parent_path, "DIR", NULL,
		"earlier images, as a path from the new ones; only what changed is saved"},
	{"leave-running", 0, OPTION_FLAG, &given.leave_running, NULL, NULL,
		"let the container go on"},
	{"pre-dump", 0, OPTION_FLAG, &given.pre_dump, NULL, NULL,
		"save memory alone, for a checkpoint to come; the container goes on"},
	{"tcp-skip-in-flight", 0, OPTION_FLAG, &given.skip_in_flight, NULL, NULL,
		"leave out TCP connections that are not established yet"},
	{"link-remap", 0, OPTION_FLAG, &given.link_remap, NULL, NULL,
		"give files without a name one again"},
	{"page-server", 0, OPTION_STRING, &given.page_server, "ADDRESS:PORT", NULL,
		"send memory to criu's page server there"},
	{"status-fd", 0, OPTION_STRING, &given.status_fd, "FD", NULL,
		"criu writes a zero byte there when it is ready for lazy pages"},
};

const struct option_table checkpoint_options = {
	options, ARRAY_SIZE(options), &criu_checkpoint_options};

struct checkpoint {
	struct container container;
	struct record record;
	struct oci_config *config;
	struct cgroup *cgroup;
	struct criu_call call;
	struct criu_image image;
	bool made_dir;
};

static void checkpoint_finish(struct checkpoint *cp)
{
	criu_call_finish(&cp->call);
	criu_image_finish(&cp->image);
	cgroup_close(cp->cgroup);
	oci_config_free(cp->config);
	record_finish(&cp->record);
	container_close(&cp->container);
}

static int check_container(struct checkpoint *cp, struct err *err)
{
	enum oci_status status = container_status(&cp->container, &cp->record);

	if (status != OCI_STATUS_RUNNING && status != OCI_STATUS_PAUSED)
		return err_say(err, EINVAL, "container not running: %s is %s", cp->container.id,
			oci_status_name(status));
	if (cp->record.payload != RECORD_EXEC)
		return err_say(err, ENOTSUP,
			"%s is a worker: it executes from a sealed memory file and descends from a "
			"seed or from turf, which CRIU brings back as neither",
			cp->container.id);
	if (oci_config_load(cp->container.dir_fd, OCI_CONFIG_FILE, &cp->config, err) < 0)
		return err_wrap(err, "container '%s'", cp->container.id);
	return criu_check(cp->config, err);
}

static int open_container(
	struct checkpoint *cp, const struct globals *g, const char *id, struct err *err)
{
	int r = criu_require("checkpoint", err);

	if (r == 0)
		r = container_open(g->root, id, &cp->container, err);
	if (r == 0)
		r = container_lock(&cp->container, err);
	if (r == 0)
		r = container_record(&cp->container, &cp->record, err);
	if (r == 0)
		r = check_container(cp, err);
	if (r == 0)
		r = cgroup_open(cp->record.cgroups, cp->record.n_cgroups, &cp->cgroup, err);
	return r;
}

static int make_images(struct checkpoint *cp, struct err *err)
{
	cp->made_dir = access(criu_given.image_path, F_OK) < 0;
	return paths_mkdir_all(criu_given.image_path, IMAGE_DIR_MODE, err);
}

/* criu looks for it from the image directory, and makes full images where it is not. */
static int put_parent(struct checkpoint *cp, struct err *err)
{
	_cleanup_close_ int images = -1;
	struct stat st;

	if (!given.parent_path)
		return 0;
	if (given.parent_path[0] == '/')
		return err_say(err, EINVAL,
			"option '--parent-path': '%s' is no path from the image directory",
			given.parent_path);
	images = open(criu_given.image_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (images < 0 || fstatat(images, given.parent_path, &st, 0) < 0)
		return err_set(err, errno, "option '--parent-path': '%s/%s'", criu_given.image_path,
			given.parent_path);
	criu_word(&cp->call, "--prev-images-dir=%s", given.parent_path);
	criu_word(&cp->call, "--track-mem");
	return 0;
}

static int put_page_server(struct checkpoint *cp, struct err *err)
{
	const char *colon = given.page_server ? strrchr(given.page_server, ':') : NULL;

	if (!given.page_server)
		return 0;
	if (!colon || colon == given.page_server ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1) || !colon[1])
		return err_say(err, EINVAL, "option '--page-server': '%s' is no ADDRESS:PORT",
			given.page_server);
	criu_word(&cp->call, "--page-server");
	criu_word(&cp->call, "--address=%.*s", (int)(colon - given.page_server), given.page_server);
	criu_word(&cp->call, "--port=%s", colon + 1);
	return 0;
}

static int put_status_fd(struct checkpoint *cp, struct err *err)
{
	const char *text = given.status_fd;
	int fd;

	if (!text)
		return 0;
	if (!*text || strlen(text) > 6 || strspn(text, "0123456789") != strlen(text))
		return err_say(
			err, EINVAL, "option '--status-fd': '%s' is no descriptor's number", text);
	fd = fcntl(atoi(text), F_DUPFD_CLOEXEC, 10);
	if (fd < 0)
		return err_set(err, errno, "option '--status-fd': descriptor %s", text);
	criu_inherit(&cp->call, fd);
	criu_word(&cp->call, "--status-fd=%d", fd);
	return 0;
}

static int put_options(struct checkpoint *cp, struct err *err)
{
	const struct cgroup_path *freezer =
		cgroup_freezer_path(cp->record.cgroups, cp->record.n_cgroups);

	criu_word(&cp->call, "--tree=%d", (int)cp->record.init.pid);
	if (freezer)
		criu_word(&cp->call, "--freeze-cgroup=%s", freezer->path);
	if (given.leave_running && !given.pre_dump)
		criu_word(&cp->call, "--leave-running");
	if (given.pre_dump && !given.parent_path)
		criu_word(&cp->call, "--track-mem");
	if (given.skip_in_flight)
		criu_word(&cp->call, "--skip-in-flight");
	if (given.link_remap)
		criu_word(&cp->call, "--link-remap");
	if (put_parent(cp, err) < 0 || put_page_server(cp, err) < 0)
		return -err->code;
	return put_status_fd(cp, err);
}

/*
 * Our own file comes first: should we be killed, criu still finishes, and the container is
 * in these images alone. Nothing but a whole checkpoint keeps it, be it an earlier one.
 */
static int dump(struct checkpoint *cp, struct err *err)
{
	_cleanup_criu_earlier_ struct criu_earlier earlier = CRIU_EARLIER_INIT;
	int r = criu_earlier_note(criu_given.image_path, &earlier, err);

	if (r < 0)
		return r;
	if (given.pre_dump)
		criu_image_remove(criu_given.image_path);
	else
		r = criu_image_write(criu_given.image_path, &cp->image, err);
	if (r == 0)
		r = criu_run(&cp->call, err);
	if (r < 0)
		criu_earlier_put_back(criu_given.image_path, &earlier);
	return r;
}

static int save(struct checkpoint *cp, struct err *err)
{
	int r = criu_begin(&cp->call, given.pre_dump ? "pre-dump" : "dump", LOG_FILE, err);

	if (r == 0)
		r = put_options(cp, err);
	if (r == 0)
		r = criu_find_outside(&cp->record, cp->config, &cp->call, &cp->image, err);
	return r < 0 ? r : dump(cp, err);
}

/* What was made for nothing: an empty directory. criu's log stays where there is one. */
static void remove_images(const struct checkpoint *cp)
{
	if (cp->made_dir)
		(void)rmdir(criu_given.image_path);
}

static int run(struct checkpoint *cp, struct err *err)
{
	int r = make_images(cp, err);

	if (r == 0)
		r = save(cp, err);
	if (r < 0) {
		remove_images(cp);
		return err_wrap(err, "checkpoint of '%s'", cp->container.id);
	}
	if (given.leave_running || given.pre_dump)
		return 0;
	container_unlock(&cp->container);
	r = life_delete(&cp->container, true, err);
	/* Somebody else was quicker. */
	return r == -ENOENT ? 0 : r;
}

int verb_checkpoint(const struct globals *g, char **args, struct err *err)
{
	_cleanup_(checkpoint_finish) struct checkpoint cp = {.container = CONTAINER_INIT};
	int r = open_container(&cp, g, args[0], err);

	return r < 0 ? r : run(&cp, err);
}
