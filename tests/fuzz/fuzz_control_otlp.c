/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector answers, what a scraper accepts, and the URL of the one: no byte of them can do harm. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "seed/noslated/control/otlp.h"
#include "seed/noslated/stats/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct otlp_answer answer;
	struct otlp_url url;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	(void)otlp_answer_is_whole(text, size);
	otlp_parse_answer(text, size, &answer);
	assert(answer.status != 0 || answer.rejected == 0);
	(void)stats_text_wants_open(text);
	if (otlp_parse_url(text, "/v1/traces", &url, &err) == 0) {
		assert(url.port > 0 && url.port < 65536 && url.path[0] == '/');
		assert(!strpbrk(url.path, " \r\n"));
	}
	free(text);
	return 0;
}
