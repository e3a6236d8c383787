/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/module/source_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/util.h"

struct segment {
	uint32_t line, column; /* of the generated file, from 0 */
	uint32_t source;       /* NO_SOURCE: this place is of none */
	uint32_t source_line, source_column;
};

#define NO_SOURCE UINT32_MAX

struct source_map {
	char **sources; /* NULL: has a name that is not shown */
	size_t n_sources;
	struct segment *segments; /* by line and column */
	size_t n_segments, cap;
};

void source_map_destroy(struct source_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->n_sources; i++)
		free(map->sources[i]);
	free(map->sources);
	free(map->segments);
	free(map);
}

/* --- base64 --- */

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int decode(const char *p, size_t len, char **ret, size_t *ret_len, struct err *err)
{
	char *out = malloc(len / 4 * 3 + 4);
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	if (!out)
		return err_oom(err);
	while (len > 0 && p[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int d = digit(p[i]);

		if (d < 0) {
			free(out);
			return err_say(err, EINVAL, "no base64");
		}
		bits = bits << 6 | (uint32_t)d;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (char)(bits >> n_bits);
		}
	}
	out[n] = '\0';
	*ret = out;
	*ret_len = n;
	return 0;
}

int source_map_of_url(
	const char *url, size_t len, char **ret_text, size_t *ret_len, struct err *err)
{
	static const char start[] = "data:application/json", end[] = ";base64";
	const char *comma = memchr(url, ',', len);
	size_t head = comma ? (size_t)(comma - url) : 0;

	if (head < strlen(start) + strlen(end) || strncmp(url, start, strlen(start)) != 0 ||
		strncmp(comma - strlen(end), end, strlen(end)) != 0)
		return err_say(err, EINVAL, "no data: URL of JSON as base64");
	return decode(comma + 1, len - head - 1, ret_text, ret_len, err);
}

/* --- the comment --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool source_map_url(const char *script, size_t len, const char **ret, size_t *ret_len)
{
	static const char mark[] = "//# sourceMappingURL=";

	while (len > 0) {
		const char *newline, *line;
		size_t n;

		while (len > 0 && is_blank(script[len - 1]))
			len--;
		newline = len > 0 ? memrchr(script, '\n', len) : NULL;
		line = newline ? newline + 1 : script;
		n = len - (size_t)(line - script);
		if (n > strlen(mark) && strncmp(line, mark, strlen(mark)) == 0) {
			*ret = line + strlen(mark);
			*ret_len = n - strlen(mark);
			return true;
		}
		/* Other comments may follow it. */
		if (n < 2 || strncmp(line, "//", 2) != 0)
			return false;
		len = (size_t)(line - script);
	}
	return false;
}

/* --- JSON: only what is needed, and no copy of the rest --- */

struct scanner {
	const char *p, *end;
};

static int bad(struct err *err, const char *what)
{
	return err_say(err, EINVAL, "source map: %s", what);
}

static void skip_blanks(struct scanner *s)
{
	while (s->p < s->end && is_blank(*s->p))
		s->p++;
}

static bool take(struct scanner *s, char c)
{
	skip_blanks(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* The bytes between the quotes, escapes as they are. */
static int raw_string(struct scanner *s, const char **ret, size_t *ret_len, struct err *err)
{
	const char *start;

	if (!take(s, '"'))
		return bad(err, "a string is expected");
	for (start = s->p; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\' && ++s->p == s->end)
			break;
	if (s->p == s->end)
		return bad(err, "a string does not end");
	*ret = start;
	*ret_len = (size_t)(s->p++ - start);
	return 0;
}

static void skip_word(struct scanner *s)
{
	while (s->p < s->end && *s->p && !strchr(",}] \t\r\n", *s->p))
		s->p++;
}

static int skip_value(struct scanner *s, struct err *err)
{
	unsigned depth = 0;
	const char *text;
	size_t len;

	do {
		skip_blanks(s);
		if (s->p == s->end)
			return bad(err, "it ends early");
		if (*s->p == '"') {
			if (raw_string(s, &text, &len, err) < 0)
				return -err->code;
			continue;
		}
		if (depth == 0 && !strchr("{[", *s->p)) {
			skip_word(s);
			return 0;
		}
		if (strchr("{[", *s->p) && ++depth > SOURCE_MAP_DEPTH_MAX)
			return bad(err, "nested too deeply");
		if (strchr("}]", *s->p))
			depth--;
		s->p++;
	} while (depth > 0);
	return 0;
}

static void put_unescaped(struct buf *out, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < len) {
			/* Names that need \uXXXX are rare and stay readable. */
			c = p[++i];
			if (c == 'u')
				buf_puts(out, "\\");
			else if (strchr("bfnrt", c))
				c = '?';
		}
		/* They go to terminals. */
		if ((unsigned char)c < 0x20 || c == 0x7f)
			c = '?';
		buf_put(out, &c, 1);
	}
}

static int take_string(struct scanner *s, char **ret, struct err *err)
{
	struct buf text = BUF_INIT;
	const char *raw;
	size_t len;

	if (raw_string(s, &raw, &len, err) < 0)
		return -err->code;
	if (len <= SOURCE_MAP_NAME_MAX) {
		buf_puts(&text, "");
		put_unescaped(&text, raw, len);
		*ret = buf_take(&text);
		return *ret ? 0 : err_oom(err);
	}
	*ret = NULL;
	return 0;
}

static int add_source(struct source_map *map, char *name, struct err *err)
{
	char **sources = map->sources;

	/* Room is made in powers of two. */
	if ((map->n_sources & (map->n_sources - 1)) == 0)
		sources = reallocarray(
			sources, map->n_sources ? map->n_sources * 2 : 1, sizeof(*sources));
	if (!sources || map->n_sources == SOURCE_MAP_SOURCES_MAX) {
		free(name);
		if (sources)
			map->sources = sources;
		return sources ? bad(err, "too many sources") : err_oom(err);
	}
	map->sources = sources;
	sources[map->n_sources++] = name;
	return 0;
}

static int read_sources(struct source_map *map, struct scanner *s, struct err *err)
{
	if (!take(s, '['))
		return bad(err, "sources is no array");
	if (take(s, ']'))
		return 0;
	do {
		char *name = NULL;

		skip_blanks(s);
		if (s->p < s->end && *s->p == '"') {
			if (take_string(s, &name, err) < 0)
				return -err->code;
		} else if (skip_value(s, err) < 0) {
			return -err->code;
		}
		if (add_source(map, name, err) < 0)
			return -err->code;
	} while (take(s, ','));
	return take(s, ']') ? 0 : bad(err, "sources does not end");
}

/* --- mappings --- */

/* One number of base64 digits, the lowest five bits first, the sign in the lowest bit of all. */
static int read_number(struct scanner *s, int64_t *ret)
{
	uint64_t v = 0;
	unsigned shift = 0;
	int d;

	do {
		d = s->p < s->end ? digit(*s->p) : -1;
		if (d < 0 || shift > 30)
			return -1;
		v |= (uint64_t)(d & 31) << shift;
		shift += 5;
		s->p++;
	} while (d & 32);
	*ret = v & 1 ? -(int64_t)(v >> 1) : (int64_t)(v >> 1);
	return 0;
}

/* What each number of a segment is relative to. */
struct cursor {
	int64_t line, fields[5]; /* column, source, its line and column, name */
};

static bool is_u32(int64_t v)
{
	return v >= 0 && v < UINT32_MAX;
}

static int add_segment(
	struct source_map *map, const struct cursor *c, unsigned n_fields, struct err *err)
{
	struct segment *segments = map->segments;
	size_t cap = map->cap ? map->cap * 2 : 64;

	for (int i = 0; i < 4; i++)
		if (!is_u32(c->fields[i]))
			return bad(err, "a place is out of range");
	if (map->n_segments == SOURCE_MAP_SEGMENTS_MAX)
		return bad(err, "too many mappings");
	if (map->n_segments == map->cap) {
		segments = reallocarray(segments, cap, sizeof(*segments));
		if (!segments)
			return err_oom(err);
		map->segments = segments;
		map->cap = cap;
	}
	segments[map->n_segments++] = (struct segment){
		.line = (uint32_t)c->line,
		.column = (uint32_t)c->fields[0],
		.source = n_fields < 4 ? NO_SOURCE : (uint32_t)c->fields[1],
		.source_line = (uint32_t)c->fields[2],
		.source_column = (uint32_t)c->fields[3],
	};
	return 0;
}

static int read_segment(
	struct source_map *map, struct scanner *s, struct cursor *c, struct err *err)
{
	unsigned n = 0;
	int64_t delta;

	while (s->p < s->end && *s->p != ',' && *s->p != ';') {
		if (n == 5 || read_number(s, &delta) < 0)
			return bad(err, "mappings are not valid");
		c->fields[n++] += delta;
	}
	if (n == 2 || n == 3)
		return bad(err, "mappings are not valid");
	return n == 0 ? 0 : add_segment(map, c, n, err);
}

static int compare(const void *va, const void *vb)
{
	const struct segment *a = va, *b = vb;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

static int read_mappings(struct source_map *map, const char *text, size_t len, struct err *err)
{
	struct scanner s = {text, text + len};
	struct cursor c = {0};
	bool sorted = true;

	for (; s.p < s.end; s.p++) {
		if (*s.p == ';') {
			c.line++;
			c.fields[0] = 0;
		} else if (*s.p != ',') {
			if (read_segment(map, &s, &c, err) < 0)
				return -err->code;
			s.p--;
		}
	}
	for (size_t i = 1; i < map->n_segments && sorted; i++)
		sorted = compare(&map->segments[i - 1], &map->segments[i]) <= 0;
	if (!sorted)
		qsort(map->segments, map->n_segments, sizeof(*map->segments), compare);
	return 0;
}

/* --- the whole --- */

static bool is(const char *key, size_t len, const char *name)
{
	return len == strlen(name) && strncmp(key, name, len) == 0;
}

static int read_member(struct source_map *map, struct scanner *s, struct scanner *mappings,
	char **root, struct err *err)
{
	const char *key, *text;
	size_t len, text_len;

	if (raw_string(s, &key, &len, err) < 0)
		return -err->code;
	if (!take(s, ':'))
		return bad(err, "a colon is expected");
	skip_blanks(s);
	if (is(key, len, "sources") && !map->sources)
		return read_sources(map, s, err);
	if (is(key, len, "sections"))
		return bad(err, "an index of sections is not supported");
	if (s->p == s->end || *s->p != '"')
		return skip_value(s, err);
	if (is(key, len, "sourceRoot") && !*root)
		return take_string(s, root, err);
	if (raw_string(s, &text, &text_len, err) < 0)
		return -err->code;
	if (is(key, len, "mappings"))
		*mappings = (struct scanner){text, text + text_len};
	return 0;
}

static int add_root(struct source_map *map, const char *root, struct err *err)
{
	size_t n = strlen(root);

	for (size_t i = 0; i < map->n_sources; i++) {
		struct buf name = BUF_INIT;

		if (!map->sources[i] || *map->sources[i] == '/')
			continue;
		buf_printf(&name, "%s%s%s", root, root[n - 1] == '/' ? "" : "/", map->sources[i]);
		free(map->sources[i]);
		map->sources[i] = buf_take(&name);
		if (!map->sources[i])
			return err_oom(err);
	}
	return 0;
}

static int read_map(struct source_map *map, struct scanner *s, struct err *err)
{
	_cleanup_free_ char *root = NULL;
	struct scanner mappings = {NULL, NULL};

	if (!take(s, '{'))
		return bad(err, "it is no object");
	if (!take(s, '}')) {
		do {
			if (read_member(map, s, &mappings, &root, err) < 0)
				return -err->code;
		} while (take(s, ','));
		if (!take(s, '}'))
			return bad(err, "it does not end");
	}
	if (!mappings.p)
		return bad(err, "it has no mappings");
	if (root && *root && add_root(map, root, err) < 0)
		return -err->code;
	return read_mappings(map, mappings.p, (size_t)(mappings.end - mappings.p), err);
}

int source_map_parse(const char *text, size_t len, struct source_map **ret, struct err *err)
{
	struct source_map *map = calloc(1, sizeof(*map));
	struct scanner s = {text, text + len};
	int r;

	if (!map)
		return err_oom(err);
	r = len > SOURCE_MAP_TEXT_MAX ? err_say(err, EFBIG, "source map: too large")
				      : read_map(map, &s, err);
	if (r < 0) {
		source_map_destroy(map);
		return r;
	}
	*ret = map;
	return 0;
}

bool source_map_find(
	const struct source_map *map, uint32_t line, uint32_t column, struct source_place *ret)
{
	const struct segment wanted = {.line = line - 1, .column = column - 1};
	const struct segment *found = NULL;
	size_t low = 0, high = map->n_segments;

	if (line == 0 || column == 0)
		return false;
	/* The last one that is not behind the place. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&map->segments[middle], &wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0)
		found = &map->segments[low - 1];
	if (!found || found->line != wanted.line || found->source >= map->n_sources ||
		!map->sources[found->source])
		return false;
	ret->source = map->sources[found->source];
	ret->line = found->source_line + 1;
	ret->column = found->source_column + 1;
	return true;
}
