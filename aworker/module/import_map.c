/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/module/import_map.h"

#include <errno.h>
#include <fcntl.h>

#include "aworker/module/module_path.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

struct rule {
	char *name;
	char *address; /* as it is written; NULL: the map forbids the name */
	char *path;    /* what it means; NULL when it is no path */
};

struct scope {
	char *prefix; /* "" for the map itself */
	struct rule *rules;
	size_t n;
};

struct import_map {
	char *file;
	struct scope *scopes; /* that of the map itself is first */
	size_t n;
};

void import_map_destroy(struct import_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->n; i++) {
		struct scope *s = &map->scopes[i];

		for (size_t k = 0; k < s->n; k++) {
			free(s->rules[k].name);
			free(s->rules[k].address);
			free(s->rules[k].path);
		}
		free(s->rules);
		free(s->prefix);
	}
	free(map->scopes);
	free(map->file);
	free(map);
}

static bool is_prefix(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && name[n - 1] == '/';
}

/*
 * The path of a name beside the map's file, "/" at its end kept. *ret is NULL when it is none, but
 * for a copy of it with `keep`.
 */
static int path_of(
	const struct import_map *map, const char *name, bool keep, char **ret, struct err *err)
{
	char *path = NULL, *slashed;
	int r = module_path_of(name, map->file, &path, err);

	if (r < 0)
		return r;
	if (r > 0 && is_prefix(name) && !is_prefix(path)) {
		slashed = realloc(path, strlen(path) + 2);
		if (slashed)
			strcat(slashed, "/");
		else
			free(path);
		path = slashed;
	} else if (r == 0 && keep) {
		path = strdup(name);
	}
	if (!path && (r > 0 || keep))
		return err_oom(err);
	*ret = path;
	return 0;
}

static int read_rule(
	struct import_map *map, const struct json_node *node, struct rule *rule, struct err *err)
{
	const char *address;

	if (path_of(map, json_name(node), true, &rule->name, err) < 0)
		return -err->code;
	if (json_type(node) == JSON_NULL)
		return 0;
	if (json_to_str(node, &address, err) < 0)
		return -err->code;
	if (is_prefix(rule->name) && !is_prefix(address))
		return json_fail(node, err, "'%s' has to end in '/' as the name does", address);
	rule->address = strdup(address);
	if (!rule->address)
		return err_oom(err);
	return path_of(map, address, false, &rule->path, err);
}

static int read_scope(
	struct import_map *map, const struct json_node *node, const char *prefix, struct err *err)
{
	struct scope *s = &map->scopes[map->n++];

	if (path_of(map, prefix, true, &s->prefix, err) < 0)
		return -err->code;
	if (!node)
		return 0;
	if (json_is_object(node, err) < 0)
		return -err->code;
	s->rules = calloc(json_count(node) + 1, sizeof(*s->rules));
	if (!s->rules)
		return err_oom(err);
	json_for_each (child, node) {
		if (read_rule(map, child, &s->rules[s->n++], err) < 0)
			return -err->code;
	}
	return 0;
}

static int read_map(struct import_map *map, const struct json_node *root, struct err *err)
{
	const struct json_node *scopes;

	if (json_is_object(root, err) < 0)
		return -err->code;
	scopes = json_get(root, "scopes");
	if (scopes && json_is_object(scopes, err) < 0)
		return -err->code;
	map->scopes = calloc(1 + (scopes ? json_count(scopes) : 0), sizeof(*map->scopes));
	if (!map->scopes)
		return err_oom(err);
	if (read_scope(map, json_get(root, "imports"), "", err) < 0)
		return -err->code;
	if (!scopes)
		return 0;
	json_for_each (child, scopes) {
		if (read_scope(map, child, json_name(child), err) < 0)
			return -err->code;
	}
	return 0;
}

int import_map_parse(
	const char *text, size_t len, const char *path, struct import_map **ret, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	struct import_map *map;

	if (json_parse(text, len, &doc, err) < 0)
		return err_wrap(err, "import map '%s'", path);
	map = calloc(1, sizeof(*map));
	if (!map || !(map->file = strdup(path))) {
		import_map_destroy(map);
		return err_oom(err);
	}
	if (read_map(map, json_root(doc), err) < 0) {
		import_map_destroy(map);
		return err_wrap(err, "import map '%s'", path);
	}
	*ret = map;
	return 0;
}

int import_map_load(const char *path, struct import_map **ret, struct err *err)
{
	_cleanup_free_ char *absolute = module_path_absolute(path);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!absolute)
		return err_oom(err);
	if (file_read(AT_FDCWD, absolute, JSON_TEXT_MAX, &text, &len, err) < 0)
		return err_wrap(err, "import map");
	return import_map_parse(text, len, absolute, ret, err);
}

/* --- finding --- */

/* The rule for a name: that of the name itself, else the longest prefix. */
static const struct rule *best_rule(const struct scope *s, const char *name)
{
	const struct rule *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct rule *rule = &s->rules[i];
		size_t n = strlen(rule->name);

		if (streq(rule->name, name))
			return rule;
		if (n > longest && is_prefix(rule->name) && str_after(name, rule->name)) {
			best = rule;
			longest = n;
		}
	}
	return best;
}

static int apply(const struct import_map *map, const struct rule *rule, const char *name,
	char **ret, struct err *err)
{
	const char *rest = str_after(name, rule->name);
	char *path;

	if (!rule->address)
		return err_say(err, EACCES, "the import map '%s' forbids it", map->file);
	if (!rule->path)
		return err_say(err, EINVAL,
			"the import map '%s' says '%s' for it, which is no path (./x.js, /x.js)",
			map->file, rule->address);
	path = rest && *rest ? module_path_join(rule->path, strlen(rule->path) - 1,
				       *rest == '/' ? rest + 1 : rest)
			     : strdup(rule->path);
	if (!path)
		return err_oom(err);
	if (*rest && !str_after(path, rule->path)) {
		free(path);
		return err_say(err, EACCES, "it leaves '%s' of the import map '%s'", rule->address,
			map->file);
	}
	*ret = path;
	return 1;
}

int import_map_find(const struct import_map *map, const char *name, const char *referrer,
	char **ret, struct err *err)
{
	const struct rule *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < map->n; i++) {
		const struct scope *s = &map->scopes[i];
		size_t n = strlen(s->prefix);
		const struct rule *rule;

		if (found && n <= longest)
			continue;
		if (n > 0 && (!referrer || (is_prefix(s->prefix) ? !str_after(referrer, s->prefix)
								 : !streq(referrer, s->prefix))))
			continue;
		rule = best_rule(s, name);
		if (rule) {
			found = rule;
			longest = n;
		}
	}
	return found ? apply(map, found, name, ret, err) : 0;
}
