/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of functions: whatever the bytes, reading ends in a set or in sentences, and a set that was
 * read is written as text that reads the same.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/util.h"
#include "seed/noslated/policy/policy.h"
#include "seed/noslated/profile/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void write_again(const struct profile_set *set)
{
	struct buf text = BUF_INIT, again = BUF_INIT;
	struct profile_set copy;
	struct err err;

	profile_set_write(set, &text);
	require(!buf_failed(&text));
	require(profile_set_parse(text.data, text.len, &copy, NULL, &err) == 0);
	profile_set_write(&copy, &again);
	require(text.len == again.len && memcmp(text.data, again.data, text.len) == 0);
	profile_set_finish(&copy);
	buf_finish(&text);
	buf_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf errors = BUF_INIT;
	struct profile_set set;
	struct policy_settings settings;
	struct err err;

	if (profile_set_parse((const char *)data, size, &set, &errors, &err) < 0) {
		require(err.code != 0 && err.msg[0] && errors.len > 0);
		buf_finish(&errors);
		return 0;
	}
	require(errors.len == 0);
	for (size_t i = 0; i < set.n_functions; i++) {
		profile_settings(&set, &set.functions[i], &settings);
		require(settings.concurrency > 0 && settings.max > 0 &&
			settings.min <= settings.max);
		require(profile_set_find(&set, set.functions[i].name) == &set.functions[i]);
	}
	write_again(&set);
	profile_set_finish(&set);
	buf_finish(&errors);
	return 0;
}
