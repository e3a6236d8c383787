/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/create_options.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/payload.h"
#include "runtime/rootless.h"
#include "runtime/seed_image.h"
#include "runtime/verbs.h"

static struct {
	const char *bundle;
	const char *config;
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	const char *warmfork;
	const char *tenant;
	unsigned preserve_fds;
	bool no_pivot;
	bool no_new_keyring;
	bool no_subreaper; /* of runc: nobody becomes a subreaper here */
	bool exit_file;
} given = {.bundle = "."};

static const struct option options[] = {
	{"bundle", 'b', OPTION_STRING, &given.bundle, "DIR", NULL,
		"the bundle, by default the current directory"},
	{"config", 'f', OPTION_STRING, &given.config, "FILE", NULL,
		"read this instead of the bundle's config.json"},
	{"console-socket", 0, OPTION_STRING, &given.console_socket, "SOCKET", NULL,
		"send the terminal's master end there"},
	{"pid-file", 0, OPTION_STRING, &given.pid_file, "FILE", NULL,
		"write the process id of the container there"},
	{"pidfd-socket", 0, OPTION_STRING, &given.pidfd_socket, "SOCKET", NULL,
		"send a pidfd of the container's process there"},
	{"no-pivot", 0, OPTION_FLAG, &given.no_pivot, NULL, NULL,
		"move the root instead of pivot_root, for a root on ramfs"},
	{"no-new-keyring", 0, OPTION_FLAG, &given.no_new_keyring, NULL, NULL,
		"keep the caller's session keyring"},
	{"preserve-fds", 0, OPTION_UNSIGNED, &given.preserve_fds, "N", NULL,
		"the container keeps descriptors 3 to 2 + N"},
	{"exit-file", 0, OPTION_FLAG, &given.exit_file, NULL, NULL,
		"the caller learns of the exit by the file 'exit' and needs no descendant"},
	{"warmfork", 0, OPTION_STRING, &given.warmfork, "WORD", payload_warmfork_names,
		"fork workers from a seed: auto, require or never"},
	{"tenant", 0, OPTION_STRING, &given.tenant, "NAME", NULL,
		"whose state images a worker may go on from"},
	{"no-subreaper", 0, OPTION_FLAG, &given.no_subreaper, NULL, NULL, NULL},
};

const struct option_table create_options = {options, ARRAY_SIZE(options), NULL};

static enum cgroup_manager chosen_manager(const struct globals *g)
{
	if (g->systemd_cgroup || streq(g->cgroup_manager, "systemd"))
		return CGROUP_MANAGER_SYSTEMD;
	return streq(g->cgroup_manager, "disabled") ? CGROUP_MANAGER_DISABLED : CGROUP_MANAGER_FS;
}

struct life_options create_life_options(const struct globals *g, const char *id)
{
	return (struct life_options){
		.root = g->root,
		.cgroup_manager = chosen_manager(g),
		.id = id,
		.bundle = given.bundle,
		.config_file = given.config,
		.console_socket = given.console_socket,
		.pid_file = given.pid_file,
		.pidfd_socket = given.pidfd_socket,
		.warmfork = given.warmfork,
		.tenant = given.tenant,
		.preserve_fds = given.preserve_fds,
		.rootless = rootless_is(g->rootless),
		.no_pivot = given.no_pivot,
		.no_new_keyring = given.no_new_keyring,
		.knows_exit_file = given.exit_file,
	};
}

void create_state_later(const struct globals *g, const struct life *life)
{
	_cleanup_free_ char *bundle = NULL;

	if (!life->wants_state)
		return;
	bundle = realpath(given.bundle, NULL);
	/* Root alone makes them, of what the bundle says. */
	if (geteuid() != 0 || given.config || !bundle)
		log_info("state image: none is made for this caller, or with '--config'");
	else
		seed_image_build_later(g, bundle, given.tenant);
}

int verb_create(const struct globals *g, char **args, struct err *err)
{
	const struct life_options o = create_life_options(g, args[0]);
	_cleanup_life_ struct life life = LIFE_INIT;

	if (life_create(&o, &life, err) < 0)
		return -err->code;
	create_state_later(g, &life);
	return 0;
}
