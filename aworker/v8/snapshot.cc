/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Startup snapshots: V8's blob behind a header of ours that says who can use it.
 * V8 itself ends the process over a blob that does not fit, so the header is
 * asked first.
 */
#include "aworker/v8/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

static const char SNAPSHOT_MAGIC[8] = {'T', 'U', 'R', 'F', 'S', 'N', 'A', '1'};

static_assert(sizeof(struct snapshot_header) % 16 == 0, "V8's data behind it stays aligned");

bool engine_snapshot_fits(const struct engine_options *options, const void *blob, size_t len)
{
	struct snapshot_header header;

	if (len <= sizeof(header))
		return false;
	memcpy(&header, blob, sizeof(header));
	return memcmp(header.magic, SNAPSHOT_MAGIC, sizeof(SNAPSHOT_MAGIC)) == 0 &&
	       header.len == len - sizeof(header) && header.len <= INT32_MAX &&
	       header.fingerprint == engine_fingerprint(options);
}

bool snapshot_has_continuations(const struct engine_options *options)
{
	struct snapshot_header header;

	memcpy(&header, options->snapshot, sizeof(header));
	return header.continuations != 0;
}

static int pack(struct engine *e, const StartupData &data, void **ret_blob, size_t *ret_len,
	struct err *err)
{
	struct snapshot_header header = {};
	size_t len = sizeof(header) + (size_t)data.raw_size;
	char *blob;

	if (!data.data)
		return err_say(err, EINVAL, "V8 made no startup snapshot");
	blob = (char *)malloc(len);
	if (!blob)
		return err_oom(err);
	memcpy(header.magic, SNAPSHOT_MAGIC, sizeof(header.magic));
	header.fingerprint = engine_fingerprint(&e->options);
	header.len = (uint64_t)data.raw_size;
	header.continuations = e->continuations;
	memcpy(blob, &header, sizeof(header));
	memcpy(blob + sizeof(header), data.data, (size_t)data.raw_size);
	*ret_blob = blob;
	*ret_len = len;
	return 0;
}

int engine_create_for_snapshot(
	const struct engine_options *options, struct engine **ret, struct err *err)
{
	struct engine *e;
	int rc;

	engine_v8_init();
	e = engine_alloc(options);
	e->creator = new SnapshotCreator(e->external_references.data());
	e->isolate = e->creator->GetIsolate();
	engine_attach(e);
	rc = engine_context_new(e, err);
	for (size_t i = 0; rc == 0 && i < e->options.n_sources; i++)
		rc = engine_bootstrap(e, &e->options.sources[i], err);
	if (rc < 0)
		engine_destroy(e);
	else
		*ret = e;
	return rc;
}

/* Hands context and platform objects to the creator. */
static void fill(struct engine *e)
{
	HandleScope scope(e->isolate);
	Local<Context> context = engine_context(e);

	/* In the order of enum snapshot_data. */
	e->creator->AddData(context, e->ops.Get(e->isolate));
	e->creator->AddData(context, e->internals.Get(e->isolate));
	e->creator->SetDefaultContext(Context::New(e->isolate));
	e->creator->AddContext(context);
}

static int check(struct engine *e, struct err *err)
{
	std::string what, where;

	engine_pump(e);
	engine_platform()->tasks().drain();
	if (e->n_values > 0)
		return err_say(err, EBUSY,
			"%zu handles were kept by ops while the snapshot was made", e->n_values);
	where = reach_unkept(e, &what);
	if (!where.empty())
		return err_say(err, ENOTSUP, "a startup snapshot cannot keep %s, which is at %s",
			what.c_str(), where.c_str());
	return 0;
}

/* V8's answer to what it cannot write, and reach.cc did not know. Nothing was written yet. */
static void on_crash(int)
{
	static const char text[] = "aworker: startup snapshot: V8 cannot keep something that the "
				   "worker holds (its own words are above)\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

static StartupData create_blob(struct engine *e)
{
	static const int deaths[] = {SIGTRAP, SIGILL, SIGABRT, SIGSEGV};
	struct sigaction before[sizeof(deaths) / sizeof(deaths[0])], action = {};
	StartupData data;

	action.sa_handler = on_crash;
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		sigaction(deaths[i], &action, &before[i]);
	data = e->creator->CreateBlob(SnapshotCreator::FunctionCodeHandling::kKeep);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		sigaction(deaths[i], &before[i], nullptr);
	return data;
}

int engine_snapshot_take(struct engine *e, void **ret_blob, size_t *ret_len, struct err *err)
{
	StartupData data = {nullptr, 0};
	int rc = check(e, err);

	if (rc == 0) {
		fill(e);
		errors_detach(e);
		engine_detach(e);
		data = create_blob(e);
		rc = pack(e, data, ret_blob, ret_len, err);
		delete[] data.data;
	}
	engine_destroy(e);
	return rc;
}
