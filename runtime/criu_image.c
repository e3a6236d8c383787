/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/criu_image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"

static const char *const kinds[] = {
	[CRIU_MOUNT_BIND] = "bind",
	[CRIU_MOUNT_CGROUP] = "cgroup",
	[CRIU_MOUNT_NULL] = "null",
	[CRIU_MOUNT_DEVICE] = "device",
};

void criu_image_finish(struct criu_image *image)
{
	json_free(image->doc);
	arena_finish(&image->arena);
	*image = (struct criu_image){0};
}

static void write_image(const struct criu_image *image, struct json_writer *w)
{
	json_write_object_begin(w);
	json_write_member_u64(w, "version", CRIU_IMAGE_VERSION);
	json_write_key(w, "mounts");
	json_write_array_begin(w);
	for (size_t i = 0; i < image->n_mounts; i++) {
		const struct criu_mount *m = &image->mounts[i];

		json_write_object_begin(w);
		json_write_member_str(w, "kind", kinds[m->kind]);
		json_write_member_str(w, "name", m->name);
		json_write_member_str(w, "of", m->of);
		json_write_object_end(w);
	}
	json_write_array_end(w);
	json_write_key(w, "stdio");
	json_write_array_begin(w);
	for (size_t i = 0; i < CRIU_STDIO; i++) {
		json_write_object_begin(w);
		json_write_member_str(w, "name", image->stdio[i] ? image->stdio[i] : "");
		json_write_member_bool(w, "null", image->null[i]);
		json_write_object_end(w);
	}
	json_write_array_end(w);
	json_write_object_end(w);
}

int criu_image_write(const char *dir, const struct criu_image *image, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	if (fd < 0)
		return err_set(err, errno, "image directory '%s'", dir);
	json_writer_init(&w, &out, true);
	write_image(image, &w);
	if (buf_failed(&out))
		return err_oom(err);
	return file_write_atomic(fd, CRIU_IMAGE_FILE, out.data, out.len, 0600, err);
}

void criu_image_remove(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)unlinkat(fd, CRIU_IMAGE_FILE, 0);
}

/* Which files they are, and when they were last changed. */
static int sum_images(const char *dir, uint64_t *ret, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;

	if (!d)
		return err_set(err, errno, "image directory '%s'", dir);
	while ((e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot && streq(dot, ".img") && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			sum += (st.st_ino + 1) * ((uint64_t)st.st_ctim.tv_sec * 1000000000 +
							 (uint64_t)st.st_ctim.tv_nsec);
	}
	closedir(d);
	*ret = sum;
	return 0;
}

int criu_earlier_note(const char *dir, struct criu_earlier *ret, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct criu_earlier e = CRIU_EARLIER_INIT;

	if (fd < 0)
		return err_set(err, errno, "image directory '%s'", dir);
	if (file_read(fd, CRIU_IMAGE_FILE, JSON_TEXT_MAX, &e.text, &e.len, err) < 0 &&
		err->code != ENOENT)
		return err_wrap(err, "image directory '%s'", dir);
	if (sum_images(dir, &e.images, err) < 0) {
		criu_earlier_finish(&e);
		return -err->code;
	}
	*ret = e;
	return 0;
}

void criu_earlier_put_back(const char *dir, const struct criu_earlier *e)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t images;
	struct err err;

	if (fd >= 0 && e->text && e->images && sum_images(dir, &images, &err) == 0 &&
		images == e->images &&
		file_write_atomic(fd, CRIU_IMAGE_FILE, e->text, e->len, 0600, &err) == 0)
		return;
	criu_image_remove(dir);
}

void criu_earlier_finish(struct criu_earlier *e)
{
	free(e->text);
	e->text = NULL;
}

/* Words of a command line: nothing in them may end criu's brackets. */
static bool is_plain(const char *word)
{
	return !strpbrk(word, "]\n");
}

static int read_mount(const struct json_node *n, struct criu_mount *ret, struct err *err)
{
	const char *kind;

	if (json_need_str(n, "kind", &kind, err) < 0 ||
		json_need_str(n, "name", &ret->name, err) < 0 ||
		json_need_str(n, "of", &ret->of, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!streq(kinds[i], kind))
			continue;
		ret->kind = (enum criu_mount_kind)i;
		if (ret->name[0] != '/' || !is_plain(ret->name))
			return json_fail_member(n, "name", err, "not the path of a mount");
		return 0;
	}
	return json_fail_member(n, "kind", err, "not bind, cgroup, null or device");
}

static int read_mounts(struct criu_image *image, const struct json_node *root, struct err *err)
{
	const struct json_node *list;

	if (json_need(root, "mounts", &list, err) < 0 || json_is_array(list, err) < 0)
		return -err->code;
	image->mounts = arena_calloc(&image->arena, json_count(list) + 1, sizeof(*image->mounts));
	if (!image->mounts)
		return err_oom(err);
	json_for_each (n, list)
		if (read_mount(n, &image->mounts[image->n_mounts++], err) < 0)
			return -err->code;
	return 0;
}

static int read_stdio(struct criu_image *image, const struct json_node *root, struct err *err)
{
	const struct json_node *list;
	size_t i = 0;

	if (json_need(root, "stdio", &list, err) < 0 || json_is_array(list, err) < 0)
		return -err->code;
	if (json_count(list) != CRIU_STDIO)
		return json_fail(list, err, "not %d descriptors", CRIU_STDIO);
	json_for_each (n, list) {
		const char *name;

		if (json_need_str(n, "name", &name, err) < 0 ||
			json_need_bool(n, "null", &image->null[i], err) < 0)
			return -err->code;
		if (strchr(name, '\n'))
			return json_fail_member(n, "name", err, "not a descriptor of criu's");
		image->stdio[i++] = *name ? name : NULL;
	}
	return 0;
}

static int read_image(struct criu_image *image, struct err *err)
{
	const struct json_node *root = json_root(image->doc);
	uint64_t version;

	if (json_is_object(root, err) < 0 || json_need_u64(root, "version", &version, err) < 0)
		return -err->code;
	if (version != CRIU_IMAGE_VERSION)
		return json_fail_member(
			root, "version", err, "not %d, which we write", CRIU_IMAGE_VERSION);
	return read_mounts(image, root, err) < 0 ? -err->code : read_stdio(image, root, err);
}

int criu_image_read(const char *dir, struct criu_image *ret, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_criu_image_ struct criu_image image = {0};
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return err_set(err, errno, "image directory '%s'", dir);
	r = file_read(fd, CRIU_IMAGE_FILE, JSON_TEXT_MAX, &text, &len, err);
	if (r == -ENOENT)
		return err_say(err, ENOENT,
			"image directory '%s': no '" CRIU_IMAGE_FILE
			"', so no checkpoint of turf, or one that was not finished",
			dir);
	if (r == 0)
		r = json_parse(text, len, &image.doc, err);
	if (r == 0)
		r = read_image(&image, err);
	if (r < 0)
		return err_wrap(err, "image directory '%s': " CRIU_IMAGE_FILE, dir);
	*ret = image;
	image = (struct criu_image){0};
	return 0;
}
