/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine does around a fork. Before: one collection that moves the young
 * objects away and keeps code, and no task left. After: nothing random may be
 * shared with the other copies, and time zone and locale are those of the copy's
 * environment.
 *
 * V8 has no public way to reseed Math.random of a context that exists, so three
 * of its internals are bound weakly by their mangled names; where one of them is
 * missing, Math.random is replaced, when the context is made, by a function that
 * draws from a pool of random numbers which C refills.
 */
#include "aworker/v8/engine.h"

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unicode/uloc.h>
#include <unistd.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* v8::internal::Isolate::random_number_generator() and so on, as they are called since V8 7. */
extern "C" __attribute__((weak)) void *v8_isolate_rng(Isolate *isolate) __asm__(
	"_ZN2v88internal7Isolate23random_number_generatorEv");
extern "C" __attribute__((weak)) void v8_rng_set_seed(void *rng, int64_t seed) __asm__(
	"_ZN2v84base21RandomNumberGenerator7SetSeedEl");
extern "C" __attribute__((weak)) void v8_math_random_reset(uintptr_t context) __asm__(
	"_ZN2v88internal10MathRandom12ResetContextENS0_7ContextE");

static const int RANDOM_POOL = 128;
static const int SELF_TEST_MS = 20000;

static bool reseed_possible(void)
{
	return v8_isolate_rng && v8_rng_set_seed && v8_math_random_reset;
}

/* getrandom(2) does not fail for so few bytes once the system is up. */
static void random_fill(void *data, size_t len)
{
	while (getrandom(data, len, 0) != (ssize_t)len)
		;
}

static double *pool_data(struct engine *e)
{
	Local<Value> pool = internal_get(e, "randomPool");

	return pool->IsFloat64Array() ? (double *)pool.As<Float64Array>()->Buffer()->Data()
				      : nullptr;
}

/* pool[0] counts down to 0, which asks for new numbers; they are in [1] to [RANDOM_POOL]. */
int random_pool_refill(struct engine *e)
{
	double *pool = pool_data(e);
	uint64_t bits;

	for (int i = 1; pool && i <= RANDOM_POOL; i++) {
		random_fill(&bits, sizeof(bits));
		pool[i] = (double)(bits >> 11) * 0x1p-53;
	}
	return RANDOM_POOL;
}

static const char random_source[] = "const pool = new Float64Array(size + 1);\n"
				    "internals.randomPool = pool;\n"
				    "Object.defineProperty(Math, 'random', { value: { random() {\n"
				    "	const i = pool[0] || refill();\n"
				    "	pool[0] = i - 1;\n"
				    "	return pool[i];\n"
				    "} }.random, writable: true, configurable: true });\n";

int engine_replace_random(struct engine *e, struct err *err)
{
	call_scope scope(e);
	Isolate *isolate = e->isolate;
	Local<Context> context = engine_context(e);
	TryCatch caught(isolate);
	Local<String> names[] = {js_text(isolate, "internals"), js_text(isolate, "size"),
		js_text(isolate, "refill")};
	ScriptOrigin origin(isolate, js_text(isolate, ENGINE_PLATFORM_PREFIX "random"));
	ScriptCompiler::Source unit(js_text(isolate, random_source), origin);
	Local<Function> make, refill;
	Local<Value> result;
	struct failure f;

	if (!callback_function(e, CALLBACK_RANDOM_REFILL, Undefined(isolate)).ToLocal(&refill) ||
		!ScriptCompiler::CompileFunction(context, &unit, 3, names).ToLocal(&make))
		return failure_err(e, caught, &f, err);
	Local<Value> argv[] = {
		e->internals.Get(isolate), Integer::New(isolate, RANDOM_POOL), refill};
	if (!make->Call(context, Undefined(isolate), 3, argv).ToLocal(&result))
		return failure_err(e, caught, &f, err);
	return 0;
}

int random_prepare(struct engine *e, struct err *err)
{
	return reseed_possible() ? 0 : engine_replace_random(e, err);
}

void random_renew(struct engine *e)
{
	HandleScope scope(e->isolate);
	double *pool = pool_data(e);
	int64_t seed;

	if (pool)
		pool[0] = 0;
	if (!reseed_possible())
		return;
	random_fill(&seed, sizeof(seed));
	v8_rng_set_seed(v8_isolate_rng(e->isolate), seed);
	/* A handle points to the slot that holds the object's address. */
	v8_math_random_reset(*(uintptr_t *)*engine_context(e));
}

void engine_time_zone_changed(struct engine *e)
{
	const char *tz = getenv("TZ");

	e->time_zone = tz ? tz : "";
	e->isolate->DateTimeConfigurationChangeNotification(Isolate::TimeZoneDetection::kRedetect);
}

/* As ICU finds it when it is first asked: "de_DE.UTF-8@euro" is de_DE, and C is what it calls POSIX. */
std::string locale_of_environment(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	std::string locale;

	for (const char *name : names) {
		const char *value = getenv(name);

		if (locale.empty() && value)
			locale = value;
	}
	locale = locale.substr(0, locale.find_first_of(".@"));
	return locale.empty() || locale == "C" || locale == "POSIX" ? "en_US_POSIX" : locale;
}

static void renew_locale(struct engine *e)
{
	std::string locale = locale_of_environment();
	UErrorCode status = U_ZERO_ERROR;

	if (locale == e->locale)
		return;
	e->locale = locale;
	/* One that does not exist is nobody's error: ICU falls back. */
	uloc_setDefault(locale.c_str(), &status);
	e->isolate->LocaleConfigurationChangeNotification();
}

/*
 * Isolate::LowMemoryNotification() collects until nothing more comes, which throws optimised code
 * away whose maps aged; what "for testing" does is a single collection. V8 wants a flag for it.
 */
void engine_collect(struct engine *e, Isolate::GarbageCollectionType what)
{
	V8::SetFlagsFromString("--expose-gc");
	e->isolate->RequestGarbageCollectionForTesting(what);
	V8::SetFlagsFromString("--no-expose-gc");
}

void engine_fork_prepare_warm(struct engine *e)
{
	assert(e->depth == 0);
	engine_pump(e);
	engine_platform()->tasks().drain();
	engine_collect(e, Isolate::kMinorGarbageCollection);
	engine_platform()->tasks().drain();
}

void engine_fork_prepare(struct engine *e)
{
	engine_fork_prepare_warm(e);
	engine_collect(e, Isolate::kFullGarbageCollection);
	engine_platform()->tasks().drain();
}

int engine_fork_child(struct engine *e, struct err *err)
{
	const char *tz = getenv("TZ");

	assert(e->depth == 0);
	random_renew(e);
	if (e->time_zone != (tz ? tz : ""))
		engine_time_zone_changed(e);
	renew_locale(e);
	young_fork_child(e);
	return 0;
}

/* Optimised code, a young and an old generation, new code pages: all that a copy may touch. */
static const char self_test_source[] =
	"(function () {\n"
	"	function mix(a, i) { return (a * 31 + i) | 0; }\n"
	"	let sum = 0;\n"
	"	for (let i = 0; i < 200000; i++) sum = mix(sum, i);\n"
	"	const kept = [];\n"
	"	for (let i = 0; i < 100000; i++) kept.push({ i, s: 's' + i });\n"
	"	const f = new Function('a', 'return a.map((o) => o.s.length).reduce((x, y) => x + "
	"y)');\n"
	"	return f(kept) === 588890 && /^(a+)b$/.test('aaab') && Math.random() < 1;\n"
	"})()";

static bool self_test_run(struct engine *e)
{
	call_scope scope(e);
	Local<Context> context = engine_context(e);
	TryCatch caught(e->isolate);
	Local<Script> script;
	Local<Value> result;

	return Script::Compile(context, js_text(e->isolate, self_test_source)).ToLocal(&script) &&
	       script->Run(context).ToLocal(&result) && result->IsTrue();
}

static void child_self_test(struct engine *e)
{
	struct err err = ERR_INIT;

	/* A crash is the parent's to report, not the business of a handler of the host. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGILL, SIG_DFL);
	signal(SIGTRAP, SIG_DFL);
	if (engine_fork_child(e, &err) < 0 || !self_test_run(e))
		_exit(1);
	engine_collect(e, Isolate::kFullGarbageCollection);
	_exit(self_test_run(e) ? 0 : 1);
}

static int self_test_verdict(pid_t pid, int pidfd, struct err *err)
{
	struct pollfd p = {pidfd, POLLIN, 0};
	int status = 0, n;

	do
		n = poll(&p, 1, SELF_TEST_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "wait for a trial copy of the engine");
	if (n <= 0)
		return err_say(err, ETIMEDOUT, "a trial copy of the engine hangs");
	if (WIFSIGNALED(status))
		return err_say(err, EFAULT,
			"a trial copy of the engine dies of signal %d (%s): V8's memory is not "
			"inherited by a fork",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return err_say(err, EFAULT, "a trial copy of the engine computes nonsense");
	return 0;
}

int engine_self_test_fork(struct engine *e, struct err *err)
{
	struct clone_args args = {};
	int pidfd = -1, rc;
	pid_t pid;

	assert(e->depth == 0);
	args.flags = CLONE_PIDFD;
	args.pidfd = (uintptr_t)&pidfd;
	/* Raw: no handler of pthread_atfork() runs; no SIGCHLD for the host to wonder about. */
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return err_set(err, errno, "fork a trial copy of the engine");
	if (pid == 0)
		child_self_test(e);
	rc = self_test_verdict(pid, pidfd, err);
	close(pidfd);
	return rc;
}
