/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/snapshot/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "aworker/snapshot/snapshot_file.h"
#include "aworker/worker_priv.h"
#include "runtime/base/util.h"
#include "seed/image.h"

static void this_maker(struct worker *w, struct snapshot_maker *ret)
{
	const struct engine_options options = worker_engine_options(w);
	const char *flags = w->options.v8_options ? w->options.v8_options : "";

	*ret = (struct snapshot_maker){.build = engine_fingerprint(&options)};
	snprintf(ret->v8, sizeof(ret->v8), "%s", engine_version());
	snprintf(ret->turf, sizeof(ret->turf), "%s", TURF_VERSION);
	image_read_cpu(ret->cpu);
	snapshot_digest(flags, strlen(flags), ret->flags);
}

static void source_digest(const struct worker *w, unsigned char ret[SNAPSHOT_DIGEST_LEN])
{
	snapshot_digest(w->source.data ? w->source.data : "", w->source.len, ret);
}

/* --- making one --- */

static int write_file(struct worker *w, const struct snapshot_source *source, struct err *err)
{
	struct snapshot_maker maker;
	_cleanup_free_ void *blob = NULL;
	struct engine *e = w->engine;
	size_t len;

	this_maker(w, &maker);
	worker_close(w);
	w->engine = NULL;
	if (engine_snapshot_take(e, &blob, &len, err) < 0)
		return -err->code;
	return snapshot_file_write(w->options.snapshot_blob, &maker, source, blob, len, err);
}

static int build(struct worker *w, struct err *err)
{
	struct snapshot_source source = {0};

	if (strlen(w->name) >= sizeof(source.name))
		return err_say(err, ENAMETOOLONG, "the path of the file is too long");
	memcpy(source.name, w->name, strlen(w->name));
	source_digest(w, source.digest);
	if (worker_create(w, err) < 0 || worker_open(w, err) < 0 || worker_run_to_rest(w, err) < 0)
		return -err->code;
	worker_end_snapshot(w);
	return write_file(w, &source, err);
}

int snapshot_build(struct worker *w)
{
	struct err err = ERR_INIT;

	if (build(w, &err) == 0)
		return WORKER_EXIT_OK;
	worker_say("startup snapshot '%s': %s", w->options.snapshot_blob, err.msg);
	return w->exit_code ? w->exit_code : WORKER_EXIT_ERROR;
}

/* --- going on from one --- */

/* What runs is what was run; where it lay is where it is said to be. */
static int adopt_source(struct worker *w, const struct snapshot_source *source, struct err *err)
{
	unsigned char digest[SNAPSHOT_DIGEST_LEN];

	if (!w->name) {
		w->name = strdup(source->name);
		return w->name ? 0 : err_oom(err);
	}
	source_digest(w, digest);
	if (memcmp(digest, source->digest, sizeof(digest)) != 0)
		return err_say(err, ESTALE, "it was made of other code than '%s' has now", w->name);
	return 0;
}

static int open_file(struct worker *w, struct err *err)
{
	struct snapshot_maker maker;

	this_maker(w, &maker);
	if (snapshot_file_read(w->options.snapshot_blob, &maker, &w->snapshot, err) < 0)
		return -err->code;
	if (adopt_source(w, w->snapshot.source, err) == 0) {
		buf_finish(&w->source);
		return 0;
	}
	snapshot_file_finish(&w->snapshot);
	return -err->code;
}

int snapshot_use(struct worker *w, struct err *err)
{
	const char *blob = w->options.snapshot_blob;

	if (!blob)
		return 0;
	if (open_file(w, err) == 0) {
		if (w->engine)
			engine_abandon(w->engine);
		w->engine = NULL;
		return 0;
	}
	if (w->options.require_snapshot || !w->name)
		return err_wrap(err, "startup snapshot '%s'", blob);
	worker_say("startup snapshot '%s': %s; running %s", blob, err->msg, w->name);
	*err = (struct err)ERR_INIT;
	return 0;
}
