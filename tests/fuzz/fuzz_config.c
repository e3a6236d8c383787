/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json: whatever the bytes, reading ends in a config or in one printable
 * sentence, and a config that was read is written as text that reads the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_sentence(const struct err *err)
{
	require(err->code > 0 && err->msg[0] != '\0');
	for (const char *c = err->msg; *c; c++)
		require((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void check_round_trip(const struct oci_config *config)
{
	_cleanup_oci_config_ struct oci_config *again = NULL;
	_cleanup_buf_ struct buf once = BUF_INIT, twice = BUF_INIT;
	struct err err = ERR_INIT;

	oci_config_write(config, true, &once);
	/* What was just within the limits may be beyond them with defaults written out. */
	if (oci_config_parse(once.data, once.len, &again, &err) == -E2BIG)
		return;
	require(again);
	oci_config_write(again, true, &twice);
	require(streq(once.data, twice.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_oci_config_ struct oci_config *config = NULL;
	struct err err = ERR_INIT;

	if (oci_config_parse((const char *)data, size, &config, &err) < 0) {
		check_sentence(&err);
		return 0;
	}
	check_round_trip(config);
	return 0;
}
