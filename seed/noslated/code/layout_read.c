/* SPDX-License-Identifier: Apache-2.0 */
/* index.json and manifests: texts of others, of which only what is used is read. */
#include <errno.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/layout.h"

/* Of the index within an index that says by whom an image was built. */
#define ATTESTATION	 "attestation-manifest"
#define ATTESTATION_TYPE "vnd.docker.reference.type"

static const char *const manifests[] = {"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json", NULL};
static const char *const indexes[] = {"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json", NULL};

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (streq(word, *list))
			return true;
	return false;
}

static bool ends_in(const char *s, const char *end)
{
	const size_t n = strlen(s), m = strlen(end);

	return n >= m && streq(s + n - m, end);
}

static int read_blob(
	const struct json_node *n, uint64_t max, struct layout_blob *ret, struct err *err)
{
	const char *digest;

	if (json_is_object(n, err) < 0 || json_need_str(n, "digest", &digest, err) < 0 ||
		json_need_u64(n, "size", &ret->size, err) < 0)
		return -err->code;
	if (!digest_is_valid(digest))
		return json_fail_member(n, "digest", err,
			"'%.80s' is not sha256: and 64 hexadecimal digits", digest);
	if (ret->size > max)
		return json_fail_member(
			n, "size", err, "more than %llu bytes", (unsigned long long)max);
	memcpy(ret->digest.text, digest, sizeof(ret->digest.text));
	return 0;
}

static int parse(const char *text, size_t len, struct json_doc **ret, const struct json_node **root,
	struct err *err)
{
	uint64_t version;

	if (json_parse(text, len, ret, err) < 0)
		return -err->code;
	*root = json_root(*ret);
	if (json_is_object(*root, err) < 0 ||
		json_need_u64(*root, "schemaVersion", &version, err) < 0)
		return -err->code;
	return version == 2 ? 0 : json_fail_member(*root, "schemaVersion", err, "not 2");
}

static int need_list(const struct json_node *root, const char *key, const struct json_node **ret,
	struct err *err)
{
	return json_need(root, key, ret, err) < 0 || json_is_array(*ret, err) < 0 ? -err->code : 0;
}

/* --- the index --- */

/* An image, or more of them. */
static int is_candidate(const struct json_node *n, bool *ret, bool *ret_index, struct err *err)
{
	const struct json_node *type = json_get(json_get(n, "annotations"), ATTESTATION_TYPE);
	const char *media, *word = "";

	if (json_is_object(n, err) < 0 || json_need_str(n, "mediaType", &media, err) < 0 ||
		(type && json_to_str(type, &word, err) < 0))
		return -err->code;
	*ret_index = is_one_of(media, indexes);
	*ret = (*ret_index || is_one_of(media, manifests)) && !streq(word, ATTESTATION);
	return 0;
}

int layout_read_index(const char *text, size_t len, const char *wanted, struct layout_choice *ret,
	struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *root, *list;
	struct layout_choice only = {0};
	size_t n_images = 0;

	if (parse(text, len, &doc, &root, err) < 0 || need_list(root, "manifests", &list, err) < 0)
		return -err->code;
	json_for_each (n, list) {
		struct layout_choice c = {0};
		bool counts = false;

		if (is_candidate(n, &counts, &c.is_index, err) < 0)
			return -err->code;
		if (!counts)
			continue;
		if (read_blob(n, CODE_MANIFEST_MAX, &c.blob, err) < 0)
			return -err->code;
		c.is_wanted = wanted && streq(c.blob.digest.text, wanted);
		n_images++;
		only = c;
		if (c.is_wanted)
			break;
	}
	if (only.is_wanted || (n_images == 1 && (only.is_index || !wanted))) {
		*ret = only;
		return 0;
	}
	if (wanted)
		return err_say(err, EINVAL, "there is no image %s", wanted);
	if (n_images == 0)
		return err_say(err, EINVAL, "there is no image");
	return err_say(err, EINVAL, "there are %zu images; which is it? (digest)", n_images);
}

/* --- the manifest --- */

static int read_layer(const struct json_node *n, struct layout_layer *ret, struct err *err)
{
	static const char *const tars[] = {
		".tar", "+tar", "/tar", "/x-tar", "+gzip", ".gzip", "/gzip", "+zstd"};
	const char *media;

	if (read_blob(n, CODE_ARCHIVE_MAX, &ret->blob, err) < 0 ||
		json_need_str(n, "mediaType", &media, err) < 0)
		return -err->code;
	ret->zip = ends_in(media, "/zip") || ends_in(media, "+zip");
	if (ret->zip)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(tars); i++)
		if (ends_in(media, tars[i]))
			return 0;
	return json_fail_member(
		n, "mediaType", err, "'%.80s' is no tar file and no zip file", media);
}

int layout_read_manifest(const char *text, size_t len, struct layout *ret, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *root, *list;
	struct layout_layer *layer = ret->layers;

	if (parse(text, len, &doc, &root, err) < 0 || need_list(root, "layers", &list, err) < 0)
		return -err->code;
	if (json_count(list) == 0 || json_count(list) > CODE_LAYERS_MAX)
		return json_fail(
			list, err, "%zu layers, not 1 to %d", json_count(list), CODE_LAYERS_MAX);
	json_for_each (n, list)
		if (read_layer(n, layer++, err) < 0)
			return -err->code;
	ret->n = json_count(list);
	return 0;
}
