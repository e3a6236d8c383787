/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

struct flag {
	const char *name;
	const char *value; /* what it takes; NULL: it is a switch */
	size_t offset;
	const char *help;
};

static const struct flag flags[] = {
	{"namespace", "NAME", offsetof(struct options, namespace), "containerd's namespace"},
	{"id", "ID", offsetof(struct options, id), "the container"},
	{"address", "SOCKET", offsetof(struct options, address), "containerd's gRPC socket"},
	{"publish-binary", "PATH", offsetof(struct options, publish_binary),
		"not used: events go to TTRPC_ADDRESS"},
	{"bundle", "DIR", offsetof(struct options, bundle),
		"the bundle, with delete; else the working directory"},
	{"socket", "PATH", offsetof(struct options, socket), "serve this socket, with start"},
	{"debug", NULL, offsetof(struct options, debug), "log what is done"},
	{"v", NULL, offsetof(struct options, version), "print versions"},
	{"info", NULL, offsetof(struct options, info),
		"print what the runtime can do, as containerd reads it"},
	{"help", NULL, offsetof(struct options, help), "print this"},
};

static const char *const actions[] = {"start", "delete"};

static const struct flag *find_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
			return &flags[i];
	return NULL;
}

static int set_switch(bool *to, const char *name, const char *value, struct err *err)
{
	if (!value || streq(value, "true") || streq(value, "1"))
		*to = true;
	else if (streq(value, "false") || streq(value, "0"))
		*to = false;
	else
		return err_say(err, EINVAL, "-%s takes true or false, not '%s'", name, value);
	return 0;
}

/* One flag with its value, which may be the next word. How many words; negative when it is none. */
static int take_flag(char **args, struct options *o, struct err *err)
{
	const char *name = args[0] + (args[0][1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const struct flag *f = find_flag(name, len);
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	void *to;

	if (!f)
		return err_say(err, EINVAL, "unknown option '%s'", args[0]);
	to = (char *)o + f->offset;
	if (!f->value)
		return set_switch(to, f->name, value, err) < 0 ? -err->code : 1;
	*(const char **)to = value ? value : args[1];
	if (!value && !args[1])
		return err_say(err, EINVAL, "option '-%s' needs a value", f->name);
	return value ? 1 : 2;
}

int options_parse(char **args, struct options *ret, struct err *err)
{
	struct options o = {"", "", "", "", "", "", false, false, false, false, NULL};

	while (*args && **args == '-' && !streq(*args, "-")) {
		int n = take_flag(args, &o, err);

		if (n < 0)
			return n;
		args += n;
	}
	if (*args) {
		for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
			if (streq(*args, actions[i]))
				o.action = actions[i];
		if (!o.action)
			return err_say(
				err, EINVAL, "unknown action '%s': it is start or delete", *args);
		if (args[1])
			return err_say(err, EINVAL, "one argument too many: '%s'", args[1]);
	}
	*ret = o;
	return 0;
}

void options_print_help(void)
{
	puts("Usage: containerd-shim-turf-v2 [options] start | delete\n"
	     "\n"
	     "containerd's shim for turf and other OCI runtimes. containerd executes it.\n"
	     "\n"
	     "Options:");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		char word[48];

		snprintf(word, sizeof(word), "-%s%s%s", flags[i].name, flags[i].value ? " " : "",
			flags[i].value ? flags[i].value : "");
		printf("  %-22s %s\n", word, flags[i].help);
	}
}

void options_print_words(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		printf("-%s\n", flags[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		puts(actions[i]);
}
