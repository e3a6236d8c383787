/* SPDX-License-Identifier: Apache-2.0 */
/* A page of its own: page.html, with what it is to show in the place of its mark. */
#include <errno.h>
#include <fcntl.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/paths.h"
#include "seed/noslated/sim/report.h"

#define MARK "\"@DATA@\""

/* page.S */
extern const char sim_page[];
extern const uint64_t sim_page_len;

/* JSON inside of a script: nothing in it may end the script. */
static void put_escaped(struct buf *to, const struct buf *json)
{
	const char *p = json->data, *end = p + json->len;

	while (p < end) {
		const char *less = memchr(p, '<', (size_t)(end - p)) ?: end;

		buf_put(to, p, (size_t)(less - p));
		if (less < end)
			buf_puts(to, "\\u003c");
		p = less < end ? less + 1 : end;
	}
}

int report_html(const struct report *r, const char *path, struct err *err)
{
	const char *mark = memmem(sim_page, sim_page_len, MARK, strlen(MARK));
	_cleanup_buf_ struct buf json = BUF_INIT, page = BUF_INIT;
	struct json_writer w;

	assert(mark);
	json_writer_init(&w, &json, false);
	report_write(r, true, &w);
	if (buf_failed(&json))
		return err_oom(err);
	buf_put(&page, sim_page, (size_t)(mark - sim_page));
	put_escaped(&page, &json);
	mark += strlen(MARK);
	buf_put(&page, mark, sim_page_len - (size_t)(mark - sim_page));
	if (buf_failed(&page))
		return err_oom(err);
	return file_write_atomic(AT_FDCWD, path, page.data, page.len, 0644, err);
}
