/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libc looks for the vdso once, when a program starts, and cannot be told of another. A
 * process that goes on from an image has another than the one that was saved, at another
 * address; its clocks would be system calls for good, at ten times the price. So the
 * executable has its own two functions, which win over libc's for all libraries.
 *
 * The vdso is the kernel's, so what it says of itself is believed.
 */
#include "aworker/clock.h"

#ifdef __x86_64__

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/util.h"

typedef int (*clock_fn)(clockid_t clock, struct timespec *ret);

static clock_fn from_vdso;
static uintptr_t vdso_here;

struct symbols {
	const ElfW(Sym) * table;
	const char *names;
	const uint32_t *hash; /* DT_GNU_HASH */
};

static uint32_t hash_of(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* Index in the table; 0: there is none. */
static uint32_t find_symbol(const struct symbols *s, const char *name)
{
	const uint32_t n_buckets = s->hash[0], first = s->hash[1], n_filters = s->hash[2];
	const uint32_t *buckets = s->hash + 4 + n_filters * (sizeof(ElfW(Addr)) / sizeof(*buckets));
	const uint32_t *chain = buckets + n_buckets;
	const uint32_t want = hash_of(name);
	uint32_t i = n_buckets ? buckets[want % n_buckets] : 0;

	if (i < first)
		return 0;
	for (;; i++) {
		const uint32_t has = chain[i - first];

		if ((has | 1) == (want | 1) && streq(s->names + s->table[i].st_name, name))
			return i;
		if (has & 1)
			return 0;
	}
}

static void read_dynamic(struct symbols *s, uintptr_t bias, const ElfW(Dyn) * d)
{
	for (; d->d_tag != DT_NULL; d++) {
		const void *at = (const void *)(bias + d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB: s->table = at; break;
		case DT_STRTAB: s->names = at; break;
		case DT_GNU_HASH: s->hash = at; break;
		}
	}
}

static clock_fn find_clock(uintptr_t vdso)
{
	const ElfW(Ehdr) *file = (const void *)vdso;
	const ElfW(Phdr) *ph = (const void *)(vdso + file->e_phoff);
	const ElfW(Dyn) *dynamic = NULL;
	struct symbols s = {NULL, NULL, NULL};
	uintptr_t bias = vdso;
	uint32_t i;

	for (size_t n = 0; n < file->e_phnum; n++) {
		if (ph[n].p_type == PT_LOAD && ph[n].p_offset == 0)
			bias = vdso - ph[n].p_vaddr;
		else if (ph[n].p_type == PT_DYNAMIC)
			dynamic = (const void *)(vdso + ph[n].p_offset);
	}
	if (dynamic)
		read_dynamic(&s, bias, dynamic);
	i = s.table && s.names && s.hash ? find_symbol(&s, "__vdso_clock_gettime") : 0;
	return i ? (clock_fn)(bias + s.table[i].st_value) : NULL;
}

void clock_use_vdso(uintptr_t vdso)
{
	vdso_here = vdso;
	from_vdso = vdso ? find_clock(vdso) : NULL;
}

uintptr_t clock_vdso(void)
{
	return vdso_here;
}

__attribute__((constructor)) static void find_at_start(void)
{
	clock_use_vdso(getauxval(AT_SYSINFO_EHDR));
}

/* The sanitizers bring their own. */
#ifndef __SANITIZE_ADDRESS__

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
	/* Of clocks that it does not know the vdso asks the kernel. */
	int r = from_vdso ? from_vdso(clock, ret) : (int)syscall(SYS_clock_gettime, clock, ret);

	if (r >= 0 || !from_vdso)
		return r;
	errno = -r;
	return -1;
}

__attribute__((visibility("default"))) int gettimeofday(
	struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	if (zone)
		memset(zone, 0, sizeof(struct timezone));
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	*ret = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

#endif

#else

void clock_use_vdso(uintptr_t vdso)
{
	(void)vdso;
}

uintptr_t clock_vdso(void)
{
	return 0;
}

#endif

void clock_use_vdso_of(const char *const *envp)
{
	const ElfW(auxv_t) * aux;

	while (*envp)
		envp++;
	for (aux = (const void *)(envp + 1); aux->a_type != AT_NULL; aux++)
		if (aux->a_type == AT_SYSINFO_EHDR)
			break;
	clock_use_vdso(aux->a_type == AT_NULL ? 0 : aux->a_un.a_val);
}
