/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here calls libc, and everything trusts no byte of an image. */
#include <sys/stat.h>
#include <sys/utsname.h>

#include "seed/image.h"

bool image_take_note(
	const struct elfcore *core, const char *name, uint32_t type, void *ret, size_t len)
{
	struct elfcore_note note;
	const char *data;

	if (!elfcore_find_note(core, name, type, &note) || note.len != len)
		return false;
	data = note.data;
	for (size_t i = 0; i < len; i++)
		((char *)ret)[i] = data[i];
	return true;
}

bool image_is_trusted(const struct stat *file, unsigned euid)
{
	return S_ISREG(file->st_mode) && !(file->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (file->st_uid == 0 || file->st_uid == euid);
}

/* The rest of `text` behind `word`; NULL when it begins otherwise. */
static const char *behind(const char *text, const char *word)
{
	while (*word)
		if (*text++ != *word++)
			return NULL;
	return text;
}

bool image_is_of_host(const struct image_process *p, const struct utsname *host)
{
	const char *rest;
	uint32_t cpu[IMAGE_CPU_WORDS];

	if (p->version != IMAGE_VERSION || p->kernel[IMAGE_KERNEL_MAX - 1])
		return false;
	/* "release version" */
	rest = behind(p->kernel, host->release);
	rest = rest && *rest == ' ' ? behind(rest + 1, host->version) : NULL;
	if (!rest || *rest)
		return false;
	image_read_cpu(cpu);
	for (int i = 0; i < IMAGE_CPU_WORDS; i++)
		if (cpu[i] != p->cpu[i])
			return false;
	return true;
}

bool image_source_at(const struct elfcore_note *note, size_t i, struct image_source *ret)
{
	if (i >= note->len / sizeof(*ret))
		return false;
	__builtin_memcpy(ret, (const char *)note->data + i * sizeof(*ret), sizeof(*ret));
	ret->path[IMAGE_PATH_MAX - 1] = '\0';
	return true;
}

bool image_source_is(const struct image_source *source, const struct stat *file)
{
	return file->st_ino == source->inode && (uint64_t)file->st_size == source->size &&
	       (uint64_t)file->st_mtim.tv_sec * 1000000000 + (uint64_t)file->st_mtim.tv_nsec ==
		       source->mtime_ns;
}
