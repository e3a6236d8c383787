/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/replay_read.h"

#include <errno.h>

#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "seed/noslated/sim/record.h"
#include "seed/noslated/sim/settings.h"

static int read_limit(const struct json_node *n, const char *key, unsigned *ret, struct err *err)
{
	const struct json_node *member;
	int r = json_need(n, key, &member, err);

	return r < 0 ? r : json_to_u32(member, ret, err);
}

int replay_read_head(const struct json_node *n, struct policy_limits *ret, struct err *err)
{
	const struct json_node *limits;
	uint64_t version;
	const char *format;

	if (json_need_str(n, "format", &format, err) < 0 || !streq(format, RECORD_FORMAT))
		return err_say(err, EINVAL, "no record of a policy");
	if (json_need_u64(n, "version", &version, err) < 0 || version != RECORD_VERSION)
		return err_say(err, EINVAL, "not version %d of the format", RECORD_VERSION);
	if (json_need(n, "limits", &limits, err) < 0 ||
		json_need_u64(limits, "memory", &ret->memory, err) < 0 ||
		read_limit(limits, "starting", &ret->starting, err) < 0 ||
		read_limit(limits, "running", &ret->running, err) < 0 ||
		read_limit(limits, "waiting", &ret->waiting, err) < 0)
		return -err->code;
	return 0;
}

int replay_read_word(const struct json_node *n, const char *key, const char *const *words, int *ret,
	struct err *err)
{
	const char *text;
	int r = json_need_str(n, key, &text, err);

	if (r < 0)
		return r;
	for (int i = 0; words[i]; i++)
		if (streq(words[i], text)) {
			*ret = i;
			return 0;
		}
	return err_say(err, EINVAL, "%s: '%s' is not known", key, text);
}

static int read_count(
	const struct json_node *n, const struct key *k, unsigned *ret, struct err *err)
{
	uint32_t v = 0;
	int r = json_to_u32(n, &v, err);

	if (r < 0)
		return r;
	if (v < k->min || v > k->max)
		return err_say(err, EINVAL, "%s: expected a whole number from %.0f to %.0f",
			k->name, k->min, k->max);
	*ret = v;
	return 0;
}

static int read_setting(const struct json_node *n, const struct key *k, void *to, struct err *err)
{
	const struct json_node *member;
	const char *text;
	int r = json_need(n, k->name, &member, err);

	if (r < 0)
		return r;
	switch (k->kind) {
	case KEY_COUNT: return read_count(member, k, to, err);
	case KEY_DURATION:
	case KEY_BYTES: return json_to_u64(member, to, err);
	case KEY_BOOL: return json_to_bool(member, to, err);
	case KEY_WORD: return replay_read_word(n, k->name, k->words, to, err);
	case KEY_NUMBER:
		r = json_to_str(member, &text, err);
		return r < 0 ? r : keys_number(text, k->name, k->min, k->max, to, err);
	}
	return -EINVAL;
}

int replay_read_settings(const struct json_node *n, struct policy_settings *ret, struct err *err)
{
	const struct json_node *settings;
	int r = json_need(n, "settings", &settings, err);

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; r == 0 && i < settings_n_keys; i++)
		r = read_setting(
			settings, &settings_keys[i], (char *)ret + settings_keys[i].offset, err);
	return r < 0 ? r : settings_check(ret, "settings", err);
}
