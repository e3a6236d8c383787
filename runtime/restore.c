/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf restore`: a container from what `turf checkpoint` saved. It is made like any
 * other, from its bundle, except that criu makes the processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/proc.h"
#include "runtime/console.h"
#include "runtime/create_options.h"
#include "runtime/criu.h"
#include "runtime/criu_image.h"
#include "runtime/criu_outside.h"
#include "runtime/foreground.h"
#include "runtime/payload.h"
#include "runtime/verbs.h"

#define LOG_FILE "restore.log"

/* In the state directory: what criu writes there is the pid as we see it. */
#define PID_FILE     "restored.pid"
#define PID_FILE_MAX 16

static struct {
	const char *lsm_profile;
	const char *lsm_mount_context;
	bool detach;
	bool keep;
} given;

static const struct option own_options[] = {
	{"detach", 'd', OPTION_FLAG, &given.detach, NULL, NULL,
		"return when it runs; `delete` removes it"},
	{"keep", 0, OPTION_FLAG, &given.keep, NULL, NULL, "do not delete it when it ends"},
	{"lsm-profile", 0, OPTION_STRING, &given.lsm_profile, "TYPE:NAME", NULL,
		"another label of SELinux or profile of AppArmor"},
	{"lsm-mount-context", 0, OPTION_STRING, &given.lsm_mount_context, "CONTEXT", NULL,
		"another SELinux context of mounts"},
};

const struct option_table restore_options = {
	own_options, ARRAY_SIZE(own_options), &criu_restore_options};

static int read_pid(const char *path, pid_t *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct proc_stat st;
	size_t len;
	long pid;

	if (file_read(AT_FDCWD, path, PID_FILE_MAX, &text, &len, err) < 0)
		return -err->code;
	pid = strtol(text, NULL, 10);
	/* Everything that follows signals and waits for it. */
	if (pid <= 1 || proc_stat_read((pid_t)pid, &st, err) < 0 || st.ppid != getpid())
		return err_say(err, EPROTO, "criu restore: process %ld is no child of ours", pid);
	*ret = (pid_t)pid;
	return 0;
}

static void put_options(struct criu_call *call, const struct record *r, const char *pid_file)
{
	criu_word(call, "--root=%s", r->rootfs);
	criu_word(call, "--restore-detached");
	criu_word(call, "--restore-sibling");
	criu_word(call, "--link-remap");
	criu_word(call, "--pidfile=%s", pid_file);
	if (given.lsm_profile)
		criu_word(call, "--lsm-profile=%s", given.lsm_profile);
	if (given.lsm_mount_context)
		criu_word(call, "--lsm-mount-context=%s", given.lsm_mount_context);
}

static int restore(void *arg, const struct life_restoring *with, pid_t *ret_pid, struct err *err)
{
	const struct criu_image *image = arg;
	const struct record *r = with->record;
	_cleanup_criu_call_ struct criu_call call = {0};
	_cleanup_free_ char *pid_file = NULL;

	if (asprintf(&pid_file, "%s/" PID_FILE, with->dir) < 0) {
		pid_file = NULL;
		return err_oom(err);
	}
	if (criu_check(with->config, err) < 0 || criu_begin(&call, "restore", LOG_FILE, err) < 0)
		return -err->code;
	put_options(&call, r, pid_file);
	call.root = r->rootfs;
	call.cgroup = with->cgroup;
	/* Nobody would write down what it brings back. */
	call.ends_with_us = true;
	call.on_namespaces = with->hooks;
	call.on_namespaces_arg = with->hooks_arg;
	if (criu_give_outside(r, with->config, r->bundle, image, &call, err) < 0 ||
		criu_run(&call, err) < 0)
		return -err->code;
	return read_pid(pid_file, ret_pid, err);
}

/* The error that led here is the one to report. */
static void remove_container(struct container *c)
{
	struct err err;

	if (life_delete(c, true, &err) < 0)
		log_warn("%s, ignoring", err.msg);
}

static int run(const struct life_options *o, struct err *err)
{
	_cleanup_foreground_ struct foreground fg = FOREGROUND_INIT;
	_cleanup_console_ struct console console = CONSOLE_INIT;
	_cleanup_life_ struct life life = LIFE_INIT;
	int code = 0;
	int r = given.detach ? 0 : foreground_begin(&fg, err);

	if (r == 0)
		r = life_create(o, &life, err);
	if (r < 0 || given.detach)
		return r;
	r = foreground_wait(&fg, &life, &console, &code, err);
	if (!given.keep)
		remove_container(&life.container);
	return r < 0 ? r : code;
}

int verb_restore(const struct globals *g, char **args, struct err *err)
{
	struct life_options o = create_life_options(g, args[0]);
	_cleanup_criu_image_ struct criu_image image = {0};
	const struct life_restorer restorer = {restore, &image};
	int r = criu_require("restore", err);

	if (r == 0)
		r = criu_image_read(criu_given.image_path, &image, err);
	o.restorer = &restorer;
	return r < 0 ? r : run(&o, err);
}
