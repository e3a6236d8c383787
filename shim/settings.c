/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "shim/message.h"

struct key {
	const char *name;
	enum { KEY_STRING, KEY_BOOL, KEY_NUMBER } kind;
	size_t offset; /* in Pb__RuncOptions */
};

static const struct key keys[] = {
	{"BinaryName", KEY_STRING, offsetof(Pb__RuncOptions, binary_name)},
	{"Root", KEY_STRING, offsetof(Pb__RuncOptions, root)},
	{"ShimCgroup", KEY_STRING, offsetof(Pb__RuncOptions, shim_cgroup)},
	{"CriuImagePath", KEY_STRING, offsetof(Pb__RuncOptions, criu_image_path)},
	{"CriuWorkPath", KEY_STRING, offsetof(Pb__RuncOptions, criu_work_path)},
	{"SystemdCgroup", KEY_BOOL, offsetof(Pb__RuncOptions, systemd_cgroup)},
	{"NoPivotRoot", KEY_BOOL, offsetof(Pb__RuncOptions, no_pivot_root)},
	{"NoNewKeyring", KEY_BOOL, offsetof(Pb__RuncOptions, no_new_keyring)},
	{"IoUid", KEY_NUMBER, offsetof(Pb__RuncOptions, io_uid)},
	{"IoGid", KEY_NUMBER, offsetof(Pb__RuncOptions, io_gid)},
};

static const struct key *find_key(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i].name) == len && memcmp(keys[i].name, name, len) == 0)
			return &keys[i];
	return NULL;
}

/* What may stand behind a value. */
static bool is_end(const char *s)
{
	s += strspn(s, " \t\r");
	return *s == '\0' || *s == '\n' || *s == '#';
}

/* A literal string, or a basic one with the escapes that a path may need. NULL for others. */
static char *read_string(struct arena *a, const char *s)
{
	char quote = *s;
	char *out;
	size_t n = 0;

	if (quote != '"' && quote != '\'')
		return NULL;
	out = arena_alloc(a, strcspn(s, "\n"));
	if (!out)
		return NULL;
	for (s++; *s && *s != '\n' && *s != quote; s++) {
		if (*s == '\\' && quote == '"' && (s[1] == '\\' || s[1] == '"'))
			s++;
		else if (*s == '\\' && quote == '"')
			return NULL;
		out[n++] = *s;
	}
	return *s == quote && is_end(s + 1) ? out : NULL;
}

static bool read_bool(const char *s, protobuf_c_boolean *ret)
{
	const char *rest = str_after(s, "true");

	*ret = rest != NULL;
	if (!rest)
		rest = str_after(s, "false");
	return rest && is_end(rest);
}

/* Nothing but digits: strtoul() would also take signs, and the number of the next line. */
static bool read_number(const char *s, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	v = strtoul(s, &end, 10);
	*ret = (uint32_t)v;
	return errno == 0 && v <= UINT32_MAX && is_end(end);
}

static bool read_value(const struct key *k, const char *s, struct arena *a, Pb__RuncOptions *ret)
{
	void *to = (char *)ret + k->offset;
	char *string;

	switch (k->kind) {
	case KEY_STRING:
		string = read_string(a, s);
		if (string)
			*(char **)to = message_string(string);
		return string != NULL;
	case KEY_BOOL: return read_bool(s, to);
	default: return read_number(s, to);
	}
}

int settings_parse(const char *text, struct arena *a, Pb__RuncOptions *ret, struct err *err)
{
	unsigned line = 1;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n', line++) {
		const struct key *k;
		const char *name = text + strspn(text, " \t\r");
		size_t len = strcspn(name, " \t\r=\n#[");
		const char *value = name + len + strspn(name + len, " \t");

		if (len == 0 || *value != '=')
			continue;
		k = find_key(name, len);
		value++;
		value += strspn(value, " \t");
		if (k && !read_value(k, value, a, ret))
			return err_say(err, EINVAL, "line %u: the value of '%s' is not understood",
				line, k->name);
	}
	return 0;
}

static int read_text(
	const Pb__RuntimeOptions *o, struct arena *a, Pb__RuncOptions *ret, struct err *err)
{
	_cleanup_free_ char *file = NULL;
	const char *body = o->config_body.len ? (char *)o->config_body.data : "";
	const char *text = arena_strndup(a, body, o->config_body.len);
	size_t len;

	if (!text)
		return err_oom(err);
	if (!*text && *o->config_path) {
		if (file_read(AT_FDCWD, o->config_path, SETTINGS_FILE_MAX, &file, &len, err) < 0)
			return -err->code;
		text = file;
	}
	if (settings_parse(text, a, ret, err) < 0)
		return err_wrap(err, "settings of the runtime%s%s", *o->config_path ? " in " : "",
			o->config_path);
	return 0;
}

int settings_read(const Pb__Any *any, struct arena *a, Pb__RuncOptions **ret, struct err *err)
{
	const Pb__RuntimeOptions *text;
	Pb__RuncOptions *options = NULL;

	*ret = NULL;
	if (message_any_is(any, "containerd.runc.v1.Options")) {
		options = message_read(
			&pb__runc_options__descriptor, any->value.data, any->value.len, a);
		if (!options)
			return err_say(err, EINVAL, "the settings of the runtime cannot be read");
	} else if (message_any_is(any, "runtimeoptions.v1.Options")) {
		text = message_read(
			&pb__runtime_options__descriptor, any->value.data, any->value.len, a);
		if (!text)
			return err_say(err, EINVAL, "the settings of the runtime cannot be read");
		options = arena_alloc(a, sizeof(*options));
		if (!options)
			return err_oom(err);
		pb__runc_options__init(options);
		if (read_text(text, a, options, err) < 0)
			return -err->code;
	}
	*ret = options;
	return 0;
}
