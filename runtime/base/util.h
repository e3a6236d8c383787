/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small macros that every folder uses. Nothing here allocates or fails.
 */
#ifndef RUNTIME_BASE_UTIL_H
#define RUNTIME_BASE_UTIL_H

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a)	  (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED		  __attribute__((unused))
#define _cleanup_(f)	  __attribute__((cleanup(f)))

/* A state that only a mistake of ours can reach; never for input of others. */
#define BUG(what) assert(!"bug: " what)

#define streq(a, b) (strcmp((a), (b)) == 0)

static inline const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* Hands ownership on: returns the pointer and leaves NULL behind. */
static inline void *take_ptr_(void **p)
{
	void *r = *p;

	*p = NULL;
	return r;
}
#define take_ptr(p) ((__typeof__(*(p)))take_ptr_((void **)(p)))

static inline void free_ptr_(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(free_ptr_)

/* Frees what a pointer points to, given its address, and leaves NULL behind. */
static inline void free_clear(void *p)
{
	free(take_ptr_((void **)p));
}

/* Frees a NULL-terminated array of strings; NULL is fine. */
static inline void strv_free(char **v)
{
	if (!v)
		return;
	for (char **p = v; *p; p++)
		free(*p);
	free(v);
}

static inline void strv_free_ptr_(char ***v)
{
	strv_free(*v);
}
#define _cleanup_strv_ _cleanup_(strv_free_ptr_)

#endif
