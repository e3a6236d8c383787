/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf mounts`: crun's way to give a running container a mount more, or one less. Each
 * mount is a plan of its own, and all plans are made before the first is executed: what
 * is wrong with the file or on the host changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/proc.h"
#include "runtime/box/box.h"
#include "runtime/box/mounts.h"
#include "runtime/container.h"
#include "runtime/life.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

/* As many at once as make sense. */
#define MOUNTS_MAX 100

static const char *const actions[] = {"add", "remove"};

struct change {
	struct container container;
	struct record record;
	struct oci_config *config; /* the container's */
	struct oci_config *given;  /* whose mounts are meant */
	struct box_plan *plans[MOUNTS_MAX];
	struct buf warnings;
	int pidfd;
	bool add;
};

static void change_finish(struct change *ch)
{
	for (size_t i = 0; i < MOUNTS_MAX; i++)
		box_plan_destroy(ch->plans[i]);
	oci_config_free(ch->given);
	oci_config_free(ch->config);
	buf_finish(&ch->warnings);
	record_finish(&ch->record);
	container_close(&ch->container);
	fd_close(&ch->pidfd);
}

/* What a config.json has to have besides. */
#define REST "\"ociVersion\": \"" OCI_VERSION "\", \"root\": {\"path\": \"/\"}"

/* An array of mounts, or an object with one as "mounts": a config.json, or a part of it. */
static int parse(const char *text, size_t len, struct oci_config **ret, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_buf_ struct buf whole = BUF_INIT;
	const struct json_node *root;

	if (json_parse(text, len, &doc, err) < 0)
		return -err->code;
	root = json_root(doc);
	if (json_type(root) == JSON_ARRAY)
		buf_printf(&whole, "{" REST ", \"mounts\": %s}", text);
	else if (json_is_object(root, err) < 0 || !json_get(root, "mounts"))
		return err_say(err, EINVAL,
			"neither an array of mounts nor an object with one as 'mounts'");
	else if (json_get(root, "ociVersion"))
		buf_put(&whole, text, len);
	else
		buf_printf(&whole, "{" REST ", %s", strchr(text, '{') + 1);
	if (buf_failed(&whole))
		return err_oom(err);
	return oci_config_parse(whole.data, whole.len, ret, err);
}

static int load(struct change *ch, const char *file, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(AT_FDCWD, file, JSON_TEXT_MAX / 2, &text, &len, err);

	if (r == 0)
		r = parse(text, len, &ch->given, err);
	if (r < 0)
		return err_wrap(err, "%s", file);
	if (ch->given->n_mounts > MOUNTS_MAX)
		return err_say(err, E2BIG, "%s: more than %d mounts", file, MOUNTS_MAX);
	return 0;
}

/* Under the lock: what is deleted half-way leaves mounts nowhere, but errors that mislead. */
static int find(struct change *ch, const struct globals *g, const char *id, struct err *err)
{
	enum oci_status status;
	int r = container_open(g->root, id, &ch->container, err);

	if (r == 0)
		r = container_lock(&ch->container, err);
	if (r == 0)
		r = container_record(&ch->container, &ch->record, err);
	if (r < 0)
		return r;
	status = container_status(&ch->container, &ch->record);
	if (status != OCI_STATUS_RUNNING && status != OCI_STATUS_CREATED &&
		status != OCI_STATUS_PAUSED)
		return err_say(err, ESRCH, "container not running: %s", id);
	ch->pidfd = proc_open(&ch->record.init, err);
	if (ch->pidfd < 0)
		return ch->pidfd;
	return oci_config_load(ch->container.dir_fd, OCI_CONFIG_FILE, &ch->config, err);
}

static int plan(struct change *ch, struct err *err)
{
	for (size_t i = 0; i < ch->given->n_mounts; i++) {
		struct oci_config one = *ch->config;
		const struct box_options options = {
			.id = ch->container.id,
			.bundle = ch->record.bundle,
			.config = &one,
			.gate_fd = -1,
			.first_mount = i,
			.user_ns = ch->record.user_ns,
		};

		one.mounts = ch->given->mounts;
		one.n_mounts = i + 1;
		if (box_plan_mounts(
			    &options, ch->pidfd, ch->add, &ch->plans[i], &ch->warnings, err) < 0)
			return -err->code;
	}
	return 0;
}

static int carry_out(const struct change *ch, struct err *err)
{
	for (size_t i = 0; i < ch->given->n_mounts; i++)
		if (box_change_mounts(ch->plans[i], ch->add, err) < 0)
			return -err->code;
	return 0;
}

int verb_mounts(const struct globals *g, char **args, struct err *err)
{
	_cleanup_(change_finish) struct change ch = {
		.container = CONTAINER_INIT, .warnings = BUF_INIT, .pidfd = -1};
	int r;

	ch.add = streq(args[0], "add");
	if (!ch.add && !streq(args[0], "remove"))
		return err_say(err, EINVAL, "mounts: '%s' is neither add nor remove", args[0]);
	if (geteuid() != 0)
		return err_say(err, EPERM, "mounts: only root changes a container that runs");
	r = load(&ch, args[2], err);
	if (r == 0)
		r = find(&ch, g, args[1], err);
	if (r == 0)
		r = plan(&ch, err);
	life_log_warnings(&ch.warnings);
	if (r == 0)
		r = carry_out(&ch, err);
	return r < 0 ? err_wrap(err, "mounts %s", args[0]) : 0;
}

int complete_mounts(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err)
{
	_cleanup_strv_ char **words = NULL;

	if (index == 1)
		return complete_container(g, args, 0, ret, err);
	words = calloc(ARRAY_SIZE(actions) + 1, sizeof(*words));
	for (size_t i = 0; words && index == 0 && i < ARRAY_SIZE(actions); i++)
		if (!(words[i] = strdup(actions[i])))
			return err_oom(err);
	if (!words)
		return err_oom(err);
	*ret = take_ptr(&words);
	return 0;
}
