/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/stats/words.h"

#define SAMPLES	   2
#define WORDS_DATA (sizeof(struct stats_data_function) / sizeof(uint64_t))
#define BUCKETS	   (HISTOGRAM_FINE_WORDS - 1)

/* A reading of one function. Buckets wrap around, which their differences do not mind. */
struct sample {
	uint64_t requests, errors;
	uint32_t buckets[BUCKETS];
};

/* Of one slot; a name that is another one begins anew. */
struct history {
	char name[STATS_NAME_MAX + 1];
	struct sample at[SAMPLES]; /* the older one first */
};

struct figures {
	char data_path[256], control_path[256];
	uv_timer_t timer;
	struct stats *data, *control; /* NULL: not there yet */
	struct history **slots;	      /* NULL where nothing was counted yet */
	uint32_t n_slots;
	uint64_t taken_ms[SAMPLES]; /* by the loop's clock; 0: no reading yet */
	struct stats_copy copy;	    /* scratch */
};

/* --- the segments --- */

static void forget(struct figures *f)
{
	for (uint32_t i = 0; i < f->n_slots; i++)
		free(f->slots[i]);
	free_clear(&f->slots);
	f->n_slots = 0;
}

/* A plane that is started by another build makes another file, and counts from 0 there. */
static bool follow(struct stats **s, const char *path, const struct stats_form *form)
{
	struct err ignored = ERR_INIT;

	if (*s && stats_is_current(*s, path))
		return false;
	stats_close(take_ptr(s));
	(void)stats_open_reader(path, form, s, &ignored);
	return true;
}

static void follow_both(struct figures *f)
{
	if (follow(&f->data, f->data_path, &stats_data_form))
		forget(f);
	(void)follow(&f->control, f->control_path, &stats_control_form);
}

static const struct stats_data_function *read_slot(struct figures *f, uint32_t i)
{
	if (!stats_read(f->data, i, 0, WORDS_DATA, &f->copy) || f->copy.state != STATS_USED)
		return NULL;
	return (const struct stats_data_function *)(const void *)f->copy.words;
}

/* --- readings --- */

static uint64_t sum_of(const uint64_t *words, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += words[i];
	return sum;
}

static void take_sample(const struct stats_data_function *w, struct sample *ret)
{
	ret->requests = sum_of(w->answers, STATS_CLASSES);
	ret->errors = w->answers[4];
	for (size_t i = 0; i < BUCKETS; i++)
		ret->buckets[i] = (uint32_t)w->duration[i];
}

static bool grow(struct figures *f)
{
	const uint32_t n = stats_n_slots(f->data);
	struct history **slots;

	if (n <= f->n_slots)
		return true;
	slots = realloc(f->slots, n * sizeof(*slots));
	if (!slots)
		return false;
	memset(slots + f->n_slots, 0, (n - f->n_slots) * sizeof(*slots));
	f->slots = slots;
	f->n_slots = n;
	return true;
}

/* Of a function that nobody has asked for yet there is nothing to keep. */
static void keep_slot(struct figures *f, uint32_t i)
{
	const struct stats_data_function *w = read_slot(f, i);
	struct history **h = &f->slots[i];
	struct sample now;

	if (!w || (*h && !streq((*h)->name, f->copy.name))) {
		free_clear(h);
		if (!w)
			return;
	}
	take_sample(w, &now);
	if (!*h) {
		if (now.requests == 0 || !(*h = calloc(1, sizeof(**h))))
			return;
		memcpy((*h)->name, f->copy.name, sizeof((*h)->name));
	}
	/* What was counted before the first reading of all is not recent. */
	(*h)->at[0] = f->taken_ms[1] ? (*h)->at[1] : now;
	(*h)->at[1] = now;
}

static void on_step(uv_timer_t *t)
{
	struct figures *f = t->data;

	follow_both(f);
	if (f->data && grow(f))
		for (uint32_t i = 0; i < f->n_slots; i++)
			keep_slot(f, i);
	f->taken_ms[0] = f->taken_ms[1];
	f->taken_ms[1] = uv_now(t->loop);
}

/* --- figures --- */

/* Adds what came since the older reading; before which one without a history was asked nothing. */
static void add_recent(const struct figures *f, uint32_t i, const struct sample *now,
	struct figure *ret, uint64_t buckets[HISTOGRAM_FINE_WORDS])
{
	static const struct sample none;
	const struct history *h = i < f->n_slots ? f->slots[i] : NULL;
	const struct sample *before = h ? &h->at[0] : &none;

	ret->recent_requests += now->requests - before->requests;
	ret->recent_errors += now->errors - before->errors;
	for (size_t j = 0; j < BUCKETS; j++)
		buckets[j] += (uint32_t)(now->buckets[j] - before->buckets[j]);
}

static void set_quantiles(const uint64_t *buckets, struct figure *ret)
{
	ret->p50_ns = histogram_quantile(buckets, HISTOGRAM_FINE_WORDS, 0.5);
	ret->p99_ns = histogram_quantile(buckets, HISTOGRAM_FINE_WORDS, 0.99);
}

static void fill(const struct stats_data_function *w, const struct sample *now, struct figure *ret)
{
	ret->starting = w->now.starting;
	ret->serving = w->now.serving;
	ret->idle = w->now.idle;
	ret->draining = w->now.draining;
	ret->waiting = w->now.waiting;
	ret->running = w->now.running;
	ret->requests = now->requests;
	ret->errors = now->errors;
	ret->cold = w->cold;
}

static void read_data(struct figures *f, const struct profile_set *set, struct figure *ret,
	struct figure *ret_all, uint64_t recent_ms)
{
	uint64_t all[HISTOGRAM_FINE_WORDS] = {0};

	for (uint32_t i = 0; i < stats_n_slots(f->data); i++) {
		const struct stats_data_function *w = read_slot(f, i);
		const struct profile_function *p = w ? profile_set_find(set, f->copy.name) : NULL;
		uint64_t own[HISTOGRAM_FINE_WORDS] = {0};
		struct figure *figure = p ? &ret[p - set->functions] : NULL;
		struct sample now;

		if (!figure)
			continue;
		take_sample(w, &now);
		fill(w, &now, figure);
		if (recent_ms == 0)
			continue;
		figure->recent_ms = recent_ms;
		add_recent(f, i, &now, figure, own);
		set_quantiles(own, figure);
		ret_all->recent_requests += figure->recent_requests;
		ret_all->recent_errors += figure->recent_errors;
		for (size_t j = 0; j < BUCKETS; j++)
			all[j] += own[j];
	}
	ret_all->recent_ms = recent_ms;
	set_quantiles(all, ret_all);
}

static void read_control(struct figures *f, const struct profile_set *set, struct figure *ret,
	struct figure *ret_all)
{
	const struct stats_control_function *w = (const void *)f->copy.words;

	for (uint32_t i = 0; i < stats_n_slots(f->control); i++) {
		const struct profile_function *p;

		if (!stats_read(f->control, i, 0, sizeof(*w) / sizeof(uint64_t), &f->copy) ||
			f->copy.state != STATS_USED)
			continue;
		p = profile_set_find(set, f->copy.name);
		if (!p)
			continue;
		ret[p - set->functions].memory = w->now.memory;
		ret_all->memory += w->now.memory;
	}
}

void figures_read(struct figures *f, const struct profile_set *set, struct figure *ret,
	struct figure *ret_all)
{
	const uint64_t since = f->taken_ms[0] ? f->taken_ms[0] : f->taken_ms[1];

	memset(ret, 0, set->n_functions * sizeof(*ret));
	memset(ret_all, 0, sizeof(*ret_all));
	follow_both(f);
	uv_update_time(f->timer.loop);
	if (f->data)
		read_data(f, set, ret, ret_all, since ? uv_now(f->timer.loop) - since : 0);
	if (f->control)
		read_control(f, set, ret, ret_all);
}

/* --- the whole --- */

int figures_create(uv_loop_t *loop, const char *run, struct figures **ret, struct err *err)
{
	struct figures *f = calloc(1, sizeof(*f));

	if (!f)
		return err_oom(err);
	snprintf(f->data_path, sizeof(f->data_path), "%s/" STATS_DATA_FILE, run);
	snprintf(f->control_path, sizeof(f->control_path), "%s/" STATS_CONTROL_FILE, run);
	uv_timer_init(loop, &f->timer);
	f->timer.data = f;
	uv_timer_start(&f->timer, on_step, 0, FIGURES_STEP_MS);
	*ret = f;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void figures_destroy(struct figures *f)
{
	if (!f)
		return;
	forget(f);
	stats_close(f->data);
	stats_close(f->control);
	uv_close((uv_handle_t *)&f->timer, on_closed);
}
