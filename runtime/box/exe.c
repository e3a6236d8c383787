/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's first process is a fork of the runtime until its execve, and
 * whatever that executes may lead back: args[0], a #! line or a loader that is
 * "/proc/self/exe", or another process of a shared PID namespace, get hold of the
 * runtime's file on the host and wait until they can write to it (CVE-2019-5736).
 *
 * Others run a copy instead: of the file in a memfd, by another execve, which costs
 * as much as the rest of a start together. Here the process changes the file under
 * its feet. A read-only copy of the *mount* of the file is made and taken down before
 * anything foreign runs, so that no call can make it writable again: they all want a
 * mount that is mounted somewhere. The segments are mapped anew from the file as that mount shows
 * it (the same pages of the page cache; those that were written to, a few, from a
 * copy), and with the last mapping of the old one gone the kernel accepts the
 * new one as the process's executable.
 */
#include "runtime/box/exe.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"

struct image {
	const ElfW(Phdr) * ph;
	size_t n;
	uintptr_t bias;
	uintptr_t page;
};

/*
 * Where the linker put the file's first byte: unlike PT_PHDR it is also there in a
 * static position-independent executable.
 */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static void image_find(struct image *im)
{
	im->ph = (const void *)getauxval(AT_PHDR);
	im->n = getauxval(AT_PHNUM);
	im->page = getauxval(AT_PAGESZ);
	im->bias = 0;
	for (size_t i = 0; i < im->n; i++)
		if (im->ph[i].p_type == PT_LOAD && im->ph[i].p_offset == 0)
			im->bias = (uintptr_t)__ehdr_start - im->ph[i].p_vaddr;
}

/* The file behind a mount of its own that is read-only and gone with its descriptor. */
static int open_by_mount(int *ret_mount_fd)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int tree =
		open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	char path[FD_PATH_MAX];
	int fd;

	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &ro, sizeof(ro)) < 0)
		return -1;
	fd = open(fd_path(tree, path), O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		*ret_mount_fd = take_fd(&tree);
	return fd;
}

/* Where the mount of the file is not of our mount namespace, or is no mount at all. */
static int open_copy(struct err *err)
{
	_cleanup_close_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = memfd_executable("turf", err);
	ssize_t n;

	if (to < 0)
		return err_wrap(err, "copy the runtime's executable");
	if (from < 0)
		return err_set(err, errno, "copy the runtime's executable");
	while ((n = sendfile(to, from, NULL, 1u << 20)) > 0)
		;
	n = n < 0 ? -errno : memfd_seal(to, 0);
	if (n < 0)
		return err_set(err, (int)-n, "copy the runtime's executable");
	return take_fd(&to);
}

int exe_freeze(int *ret_mount_fd, struct err *err)
{
	int fd;

	*ret_mount_fd = -1;
	fd = open_by_mount(ret_mount_fd);
	return fd >= 0 ? fd : open_copy(err);
}

/*
 * What is mapped is populated at once: most of it is used within the next milliseconds,
 * and a page fault costs more than a page.
 */
static int prot_of(const ElfW(Phdr) * ph)
{
	return (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
	       (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

/* How much of a segment the loader closed after relocation: its first bytes. */
static size_t relro_of(const struct image *im, uintptr_t start, uintptr_t end)
{
	for (size_t i = 0; i < im->n; i++) {
		const ElfW(Phdr) *ph = &im->ph[i];
		uintptr_t to = (im->bias + ph->p_vaddr + ph->p_memsz) & -im->page;

		if (ph->p_type == PT_GNU_RELRO && to > start && to <= end)
			return to - start;
	}
	return 0;
}

/* Pages that were written to: a copy takes their place, of which the first stay closed. */
static int replace_written(uintptr_t start, size_t len, size_t closed, struct err *err)
{
	_cleanup_close_ int fd = memfd_create("turf", MFD_CLOEXEC);

	/* The bare call, since what a sanitizer guards between variables is copied, too. */
	if (fd < 0 || syscall(SYS_write, fd, start, len) != (ssize_t)len)
		return err_set(err, errno, "copy written memory");
	if (closed && mmap((void *)start, closed, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) ==
			      MAP_FAILED)
		return err_set(err, errno, "mmap");
	if (closed < len && mmap((void *)(start + closed), len - closed, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_FIXED, fd, (off_t)closed) == MAP_FAILED)
		return err_set(err, errno, "mmap");
	return 0;
}

static int replace_segments(const struct image *im, int fd, struct err *err)
{
	for (size_t i = 0; i < im->n; i++) {
		const ElfW(Phdr) *ph = &im->ph[i];
		uintptr_t start = (im->bias + ph->p_vaddr) & -im->page;
		uintptr_t end = (im->bias + ph->p_vaddr + ph->p_filesz + im->page - 1) & -im->page;
		int r = 0;

		if (ph->p_type != PT_LOAD || end == start)
			continue;
		if (ph->p_flags & PF_W)
			r = replace_written(start, end - start, relro_of(im, start, end), err);
		else if (mmap((void *)start, end - start, prot_of(ph),
				 MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd,
				 (off_t)(ph->p_offset & -im->page)) == MAP_FAILED)
			r = err_set(err, errno, "mmap");
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * The kernel takes the executable only together with all the other addresses. Its own
 * are where it put them, in this order: arguments, environment, file name. Where the
 * heap began is known to the kernel alone, and for what is left of this program it may as
 * well begin where it ends.
 */
static void find_addresses(const struct image *im, struct prctl_mm_map *map)
{
	const uintptr_t args = (uintptr_t)program_invocation_name, end = getauxval(AT_EXECFN);
	const uintptr_t first = (uintptr_t)environ[0];

	*map = (struct prctl_mm_map){
		.start_stack = args,
		.start_brk = (uintptr_t)sbrk(0),
		.brk = (uintptr_t)sbrk(0),
		.arg_start = args,
		.arg_end = first > args && first < end ? first : end,
		.env_end = end,
	};
	map->env_start = map->arg_end;
	for (size_t i = 0; i < im->n; i++) {
		const ElfW(Phdr) *ph = &im->ph[i];
		const uintptr_t start = im->bias + ph->p_vaddr;

		if (ph->p_type != PT_LOAD)
			continue;
		if (ph->p_flags & PF_X) {
			map->start_code = start;
			map->end_code = start + ph->p_filesz;
		}
		if (ph->p_flags & PF_W) {
			map->start_data = start;
			map->end_data = start + ph->p_filesz;
		}
	}
}

static int set_executable(const struct image *im, int fd, struct err *err)
{
	struct prctl_mm_map map;

	find_addresses(im, &map);
	map.exe_fd = (uint32_t)fd;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) == 0)
		return 0;
	if (errno != EINVAL)
		return err_set(err, errno, "PR_SET_MM_MAP");
	/* A kernel without CHECKPOINT_RESTORE; this call wants CAP_SYS_RESOURCE. */
	if (prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_MM_EXE_FILE");
	return 0;
}

int exe_detach(int frozen_fd, struct err *err)
{
	struct image im;

	image_find(&im);
	if (replace_segments(&im, frozen_fd, err) < 0 || set_executable(&im, frozen_fd, err) < 0)
		return err_wrap(err, "protect the runtime's executable");
	return 0;
}
