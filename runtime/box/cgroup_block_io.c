/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.blockIO. A weight needs a scheduler that knows weights, and the
 * file is called after it: v1 had one of its own (CFQ, before Linux 5.0) and has
 * that of BFQ; v2 has BFQ's and, with another scale, that of the IO cost model.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "oci-spec/config.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

#define FIELD "linux.resources.blockIO."

/* The specification's range. */
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

#define KEY_MAX	  32
#define VALUE_MAX 48

static const char *device_key(char buf[KEY_MAX], int64_t major, int64_t minor)
{
	snprintf(buf, KEY_MAX, "%" PRId64 ":%" PRId64, major, minor);
	return buf;
}

static int check_weight(unsigned weight, const char *field, struct err *err)
{
	if (weight >= WEIGHT_MIN && weight <= WEIGHT_MAX)
		return 0;
	return err_say(err, EINVAL, "%s: %u is not between %d and %d", field, weight, WEIGHT_MIN,
		WEIGHT_MAX);
}

static int no_weights(const char *field, struct err *err)
{
	return err_say(err, ENOTSUP, "%s: this kernel has no such weights", field);
}

/* One of the files of weights; `scale` turns it into the file's own range. */
struct weights {
	const char *file;	 /* of the cgroup's own weight */
	const char *device_file; /* of one device */
	const char *none;	 /* takes a device's back */
	bool scale;
};

static const struct weights v1_weights[] = {
	{"blkio.weight", "blkio.weight_device", "0", false},
	{"blkio.bfq.weight", "blkio.bfq.weight_device", "default", false},
	{NULL, NULL, NULL, false},
};

static const struct weights v2_weights[] = {
	{"io.bfq.weight", "io.bfq.weight", "default", false},
	{"io.weight", "io.weight", "default", true},
	{NULL, NULL, NULL, false},
};

static const struct weights v1_leaf_weights[] = {
	{"blkio.leaf_weight", "blkio.leaf_weight_device", "0", false},
	{NULL, NULL, NULL, false},
};

static const struct weights v2_leaf_weights[] = {{NULL, NULL, NULL, false}};

static const char *weight_text(char buf[VALUE_MAX], const struct weights *w, unsigned weight)
{
	snprintf(buf, VALUE_MAX, "%" PRIu64, w->scale ? cgroup_io_weight(weight) : weight);
	return buf;
}

static const struct weights *find_weights(
	const struct cgroup_dir *dir, const struct weights *list, bool device)
{
	for (; list->file; list++)
		if (cgroup_has_file(dir, device ? list->device_file : list->file))
			return list;
	return NULL;
}

static int put_weight(const struct cgroup_dir *dir, const struct weights *list, unsigned weight,
	const char *field, struct err *err)
{
	const struct weights *w = find_weights(dir, list, false);
	char text[VALUE_MAX];

	if (weight == 0)
		return 0;
	if (check_weight(weight, field, err) < 0)
		return -err->code;
	if (!w)
		return no_weights(field, err);
	/* Where devices have lines in it, too, the file's own value has the key "default". */
	if (streq(w->file, w->device_file))
		return cgroup_put_line(
			dir, w->file, "default", weight_text(text, w, weight), "100", field, err);
	return cgroup_put(dir, w->file, weight_text(text, w, weight), field, err);
}

static int put_device_weight(const struct cgroup_dir *dir, const struct weights *list,
	const struct oci_weight_device *d, unsigned weight, const char *field, struct err *err)
{
	const struct weights *w = find_weights(dir, list, true);
	char key[KEY_MAX], text[VALUE_MAX];

	if (weight == 0)
		return 0;
	if (check_weight(weight, field, err) < 0)
		return -err->code;
	if (!w)
		return no_weights(field, err);
	return cgroup_put_line(dir, w->device_file, device_key(key, d->major, d->minor),
		weight_text(text, w, weight), w->none, field, err);
}

static int put_weights(const struct cgroup_dir *dir, const struct oci_block_io *io,
	const struct weights *weights, const struct weights *leaf_weights, struct err *err)
{
	if (put_weight(dir, weights, io->weight.value, FIELD "weight", err) < 0 ||
		put_weight(dir, leaf_weights, io->leaf_weight.value, FIELD "leafWeight", err) < 0)
		return -err->code;
	for (size_t i = 0; i < io->n_weight_devices; i++) {
		const struct oci_weight_device *d = &io->weight_devices[i];

		if (put_device_weight(dir, weights, d, d->weight.value, FIELD "weightDevice.weight",
			    err) < 0 ||
			put_device_weight(dir, leaf_weights, d, d->leaf_weight.value,
				FIELD "weightDevice.leafWeight", err) < 0)
			return -err->code;
	}
	return 0;
}

/* The four lists of rates, and where their entries go. */
struct throttle {
	const char *field;
	const struct oci_throttle_device *list;
	size_t n;
	const char *v1_file;
	const char *v2_key; /* in io.max */
};

#define THROTTLES 4

static void throttles_of(const struct oci_block_io *io, struct throttle ret[THROTTLES])
{
	const struct throttle all[THROTTLES] = {
		{FIELD "throttleReadBpsDevice", io->read_bps, io->n_read_bps,
			"blkio.throttle.read_bps_device", "rbps"},
		{FIELD "throttleWriteBpsDevice", io->write_bps, io->n_write_bps,
			"blkio.throttle.write_bps_device", "wbps"},
		{FIELD "throttleReadIOPSDevice", io->read_iops, io->n_read_iops,
			"blkio.throttle.read_iops_device", "riops"},
		{FIELD "throttleWriteIOPSDevice", io->write_iops, io->n_write_iops,
			"blkio.throttle.write_iops_device", "wiops"},
	};

	memcpy(ret, all, sizeof(all));
}

/* A rate of 0 is no limit, in the specification as on v1. */
static int v1_put_throttle(
	const struct cgroup_dir *dir, const struct throttle *t, size_t i, struct err *err)
{
	char key[KEY_MAX], value[VALUE_MAX];

	snprintf(value, sizeof(value), "%" PRIu64, t->list[i].rate);
	return cgroup_put_line(dir, t->v1_file, device_key(key, t->list[i].major, t->list[i].minor),
		value, "0", t->field, err);
}

static int v2_put_throttle(
	const struct cgroup_dir *dir, const struct throttle *t, size_t i, struct err *err)
{
	char key[KEY_MAX], value[VALUE_MAX];

	if (t->list[i].rate)
		snprintf(value, sizeof(value), "%s=%" PRIu64, t->v2_key, t->list[i].rate);
	else
		snprintf(value, sizeof(value), "%s=max", t->v2_key);
	return cgroup_put_line(dir, "io.max", device_key(key, t->list[i].major, t->list[i].minor),
		value, "rbps=max wbps=max riops=max wiops=max", t->field, err);
}

static int put_throttles(const struct cgroup_dir *dir, const struct oci_block_io *io,
	int (*put)(
		const struct cgroup_dir *dir, const struct throttle *t, size_t i, struct err *err),
	struct err *err)
{
	struct throttle throttles[THROTTLES];

	throttles_of(io, throttles);
	for (size_t t = 0; t < THROTTLES; t++)
		for (size_t i = 0; i < throttles[t].n; i++)
			if (put(dir, &throttles[t], i, err) < 0)
				return -err->code;
	return 0;
}

int cgroup_v1_set_block_io(
	const struct cgroup_dir *dir, const struct oci_block_io *io, struct err *err)
{
	int r = put_weights(dir, io, v1_weights, v1_leaf_weights, err);

	return r < 0 ? r : put_throttles(dir, io, v1_put_throttle, err);
}

int cgroup_v2_set_block_io(
	const struct cgroup_dir *dir, const struct oci_block_io *io, struct err *err)
{
	int r = put_weights(dir, io, v2_weights, v2_leaf_weights, err);

	return r < 0 ? r : put_throttles(dir, io, v2_put_throttle, err);
}
