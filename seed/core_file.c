/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/core_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/image.h"

#define MAPS_MAX ((size_t)4 << 20)

/* --- what there is --- */

/* The kernel maps these into every process; their contents are not ours to bring. */
static bool is_kernels(const char *name)
{
	return str_after(name, "[vdso") || str_after(name, "[vvar") || str_after(name, "[vsyscall");
}

/* "START-END rwxp OFFSET MAJ:MIN INODE      PATH" */
static int read_region(struct core_file *c, char *line, struct err *err)
{
	struct core_region r = {.flags = 0};
	char rights[5];
	int at = 0;

	if (sscanf(line, "%lx-%lx %4s %lx %*s %lu %n", &r.start, &r.end, rights, &r.offset,
		    &r.inode, &at) != 5 ||
		at == 0)
		return err_say(err, EPROTO, "memory map: '%s' has an unknown form", line);
	if (is_kernels(line + at))
		return 0;
	if (rights[3] != 'p')
		return err_say(err, ENOTSUP, "memory map: '%s' is shared", line);
	if (c->n_regions == CORE_REGIONS_MAX)
		return err_say(err, E2BIG, "memory map: more than %d regions", CORE_REGIONS_MAX);
	r.flags = (rights[0] == 'r' ? PF_R : 0u) | (rights[1] == 'w' ? PF_W : 0u) |
		  (rights[2] == 'x' ? PF_X : 0u);
	r.path = line[at] == '/' ? line + at : NULL;
	r.is_stack = streq(line + at, "[stack]");
	r.is_heap = streq(line + at, "[heap]");
	c->regions[c->n_regions++] = r;
	return 0;
}

static int open_file(pid_t pid, const char *name, int *ret_fd, struct err *err)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(err, errno, "open '%s'", path) : 0;
}

static int read_regions(struct core_file *c, pid_t pid, struct err *err)
{
	char path[32], *save = NULL;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	if (file_read(AT_FDCWD, path, MAPS_MAX, &c->maps, &len, err) < 0)
		return -err->code;
	for (char *l = strtok_r(c->maps, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (read_region(c, l, err) < 0)
			return -err->code;
	return 0;
}

int core_open(pid_t pid, struct core_file **ret, struct err *err)
{
	struct core_file *c = calloc(1, sizeof(*c));

	if (!c)
		return err_oom(err);
	c->memory = c->pagemap = -1;
	if (read_regions(c, pid, err) < 0 || open_file(pid, "mem", &c->memory, err) < 0 ||
		open_file(pid, "pagemap", &c->pagemap, err) < 0) {
		core_close(c);
		return -err->code;
	}
	*ret = c;
	return 0;
}

void core_close(struct core_file *c)
{
	if (!c)
		return;
	fd_close(&c->memory);
	fd_close(&c->pagemap);
	free(c->maps);
	free(c);
}

/* --- what it holds --- */

int core_read(struct core_file *c, uint64_t start, size_t len, struct err *err)
{
	ssize_t n = pread(c->memory, c->piece, len, (off_t)start);

	if (n != (ssize_t)len)
		return err_set(err, n < 0 ? errno : EIO, "read memory at %#lx", start);
	return 0;
}

bool core_is_zero(const unsigned char *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* --- what of it is saved --- */

int core_add(struct core_file *c, uint64_t start, uint64_t size, bool filled, uint32_t flags,
	struct err *err)
{
	struct elfcore_segment *last = c->n_segments ? &c->segments[c->n_segments - 1] : NULL;

	if (last && last->start + last->size == start && last->flags == flags &&
		(last->filled > 0) == filled) {
		last->size += size;
		last->filled += filled ? size : 0;
		return 0;
	}
	if (c->n_segments == CORE_SEGMENTS_MAX)
		return err_say(err, E2BIG, "memory: more than %d pieces", CORE_SEGMENTS_MAX);
	c->segments[c->n_segments++] = (struct elfcore_segment){
		.start = start, .size = size, .filled = filled ? size : 0, .flags = flags};
	return 0;
}

void core_put_registers(struct buf *notes, pid_t pid, const struct user_regs_struct *regs)
{
	struct elf_prstatus status = {.pr_pid = pid};

	static_assert(sizeof(status.pr_reg) == sizeof(*regs), "registers as gdb wants them");
	memcpy(&status.pr_reg, regs, sizeof(*regs));
	elfcore_put_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

/* --- the file --- */

static int write_at(int fd, const void *data, size_t len, uint64_t offset, struct err *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, at, len, (off_t)offset);

		if (n <= 0)
			return err_set(err, n < 0 ? errno : EIO, "write");
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Pages of zeros become holes. */
static int write_piece(
	const struct core_file *c, int fd, size_t len, uint64_t offset, struct err *err)
{
	size_t from = 0;

	for (size_t at = 0; at <= len; at += ELFCORE_PAGE) {
		if (at < len && !core_is_zero(c->piece + at, ELFCORE_PAGE))
			continue;
		if (at > from && write_at(fd, c->piece + from, at - from, offset + from, err) < 0)
			return -err->code;
		from = at + ELFCORE_PAGE;
	}
	return 0;
}

static int write_segments(struct core_file *c, int fd, struct err *err)
{
	for (size_t i = 0; i < c->n_segments; i++) {
		const struct elfcore_segment *s = &c->segments[i];

		for (uint64_t at = 0; at < s->filled; at += CORE_PIECE) {
			size_t len =
				s->filled - at < CORE_PIECE ? (size_t)(s->filled - at) : CORE_PIECE;

			if (core_read(c, s->start + at, len, err) < 0 ||
				write_piece(c, fd, len, s->offset + at, err) < 0)
				return -err->code;
		}
	}
	return 0;
}

int core_write(
	struct core_file *c, int fd, const struct buf *notes, struct buf *ret_head, struct err *err)
{
	uint64_t size;

	if (elfcore_make_head(c->segments, c->n_segments, notes, ret_head, err) < 0)
		return -err->code;
	if (ret_head->len > IMAGE_HEAD_MAX)
		return err_say(err, E2BIG, "its headers are longer than %u bytes", IMAGE_HEAD_MAX);
	size = ret_head->len;
	if (write_at(fd, ret_head->data, ret_head->len, 0, err) < 0 ||
		write_segments(c, fd, err) < 0)
		return -err->code;
	for (size_t i = 0; i < c->n_segments; i++)
		if (c->segments[i].filled)
			size = c->segments[i].offset + c->segments[i].filled;
	return ftruncate(fd, (off_t)size) < 0 ? err_set(err, errno, "write") : 0;
}
