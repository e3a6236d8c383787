/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/link.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"

struct link {
	uv_pipe_t pipe;
	link_message_fn on_message;
	link_end_fn on_end; /* NULL once it is closed */
	void *arg;
	char line[LINK_LINE_MAX];
	size_t len;
};

struct sending {
	uv_write_t req;
	char *data;
};

static const struct {
	const char *key;
	size_t offset;
} members[] = {
	{"kind", offsetof(struct link_message, kind)},
	{"worker", offsetof(struct link_message, worker)},
	{"function", offsetof(struct link_message, function)},
	{"socket", offsetof(struct link_message, socket)},
	{"file", offsetof(struct link_message, file)},
};

static const char **member(const struct link_message *m, size_t i)
{
	return (const char **)((char *)m + members[i].offset);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void link_close(struct link *l)
{
	if (!l || uv_is_closing((uv_handle_t *)&l->pipe))
		return;
	l->on_end = NULL;
	uv_close((uv_handle_t *)&l->pipe, on_closed);
}

static void end(struct link *l)
{
	link_end_fn on_end = l->on_end;

	if (on_end)
		on_end(l->arg);
	link_close(l);
}

/* --- receiving --- */

static int read_message(const char *text, size_t len, struct json_doc **ret_doc,
	struct link_message *ret, struct err *err)
{
	const struct json_node *root;

	if (json_parse(text, len, ret_doc, err) < 0)
		return -err->code;
	root = json_root(*ret_doc);
	if (json_is_object(root, err) < 0 || json_need_str(root, "kind", &ret->kind, err) < 0)
		return -err->code;
	for (size_t i = 1; i < ARRAY_SIZE(members); i++) {
		const struct json_node *n = json_get(root, members[i].key);

		if (n && json_to_str(n, member(ret, i), err) < 0)
			return -err->code;
	}
	return 0;
}

static bool take_line(struct link *l)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	struct link_message m = {0};
	struct err err = ERR_INIT;

	if (read_message(l->line, l->len, &doc, &m, &err) < 0) {
		log_error("the other plane: %s", err.msg);
		return false;
	}
	l->len = 0;
	l->on_message(l->arg, &m);
	return true;
}

static bool take(struct link *l, const char *text, size_t len)
{
	for (size_t i = 0; i < len && l->on_end; i++) {
		if (text[i] == '\n') {
			if (!take_line(l))
				return false;
		} else if (l->len == sizeof(l->line)) {
			log_error("the other plane: a line of more than %d bytes", LINK_LINE_MAX);
			return false;
		} else {
			l->line[l->len++] = text[i];
		}
	}
	return true;
}

static void on_alloc(uv_handle_t *h UNUSED, size_t wanted UNUSED, uv_buf_t *ret)
{
	static char buffer[65536];

	*ret = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct link *l = stream->data;

	if (n < 0 || !take(l, buf->base, (size_t)n))
		end(l);
}

struct link *link_open(
	uv_loop_t *loop, int fd, link_message_fn on_message, link_end_fn on_end, void *arg)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->on_message = on_message;
	l->on_end = on_end;
	l->arg = arg;
	l->pipe.data = l;
	uv_pipe_init(loop, &l->pipe, 0);
	uv_pipe_open(&l->pipe, fd);
	uv_read_start((uv_stream_t *)&l->pipe, on_alloc, on_read);
	return l;
}

/* --- sending --- */

static void on_sent(uv_write_t *req, int status UNUSED)
{
	struct sending *s = req->data;

	free(s->data);
	free(s);
}

static char *write_message(const struct link_message *m, size_t *ret_len)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &out, false);
	json_write_object_begin(&w);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (*member(m, i))
			json_write_member_str(&w, members[i].key, *member(m, i));
	json_write_object_end(&w);
	buf_puts(&out, "\n");
	*ret_len = out.len;
	return buf_failed(&out) ? NULL : buf_take(&out);
}

void link_send(struct link *l, const struct link_message *m)
{
	struct sending *s = l && l->on_end ? calloc(1, sizeof(*s)) : NULL;
	size_t len = 0;
	uv_buf_t buf;

	if (!s || !(s->data = write_message(m, &len))) {
		free(s);
		return;
	}
	s->req.data = s;
	buf = uv_buf_init(s->data, (unsigned)len);
	if (uv_write(&s->req, (uv_stream_t *)&l->pipe, &buf, 1, on_sent) < 0)
		on_sent(&s->req, 0);
}
