/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hostile/forge.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/fd.h"
#include "seed/image.h"
#include "seed/image_digest.h"
#include "seed/raw.h"

#ifdef __x86_64__

/* Capabilities and descriptors that are looked at. */
#define CAPS 41
#define FDS  1024

/*
 * Becomes part of an image: no libc, no data but on the stack, no address but its own. In a
 * section of its own, to be copied.
 */
#define IN_IMAGE                                                                                 \
	__attribute__((section("in_image"), noinline, used, no_sanitize("address", "undefined"), \
		optimize("no-stack-protector", "no-jump-tables")))

extern const char __start_in_image[], __stop_in_image[];

static inline __attribute__((always_inline)) char letter(int breached)
{
	return breached ? 'B' : 'h';
}

IN_IMAGE static void attack_from_image(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};
	/* Not one constant, which would lie elsewhere. */
	volatile char path[8], text[16];
	int n = 0, caps = 0, fds = 0;

	path[0] = '/', path[1] = 't', path[2] = 'm', path[3] = 'p', path[4] = 0;
	text[n++] = letter(RAW_CALL(setresuid, 0, 0, 0, 0, 0, 0) == 0);
	text[n++] = letter(RAW_CALL(setresgid, 0, 0, 0, 0, 0, 0) == 0);
	text[n++] = letter(RAW_CALL(mount, path, path, path, MS_BIND, 0, 0) == 0);
	text[n++] = letter(RAW_CALL(unshare, CLONE_NEWNS, 0, 0, 0, 0, 0) == 0);
	text[n++] = letter(RAW_CALL(sethostname, path, 1, 0, 0, 0, 0) == 0);
	text[n++] = letter(RAW_CALL(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) != 1);
	text[n++] = letter(RAW_CALL(prctl, PR_GET_SECCOMP, 0, 0, 0, 0, 0) != 2);
	for (int cap = 0; cap < CAPS; cap++)
		caps += RAW_CALL(prctl, PR_CAPBSET_READ, cap, 0, 0, 0, 0) == 1;
	text[n++] = letter(caps > 0);
	text[n++] = letter(RAW_CALL(capget, &head, data, 0, 0, 0, 0) < 0 || data[0].effective ||
			   data[0].permitted || data[1].effective || data[1].permitted);
	for (int fd = STDERR_FILENO + 1; fd < FDS; fd++)
		fds += RAW_CALL(fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0;
	text[n++] = letter(fds > 0);
	text[n++] = letter(
		RAW_CALL(kill, 1, 0, 0, 0, 0, 0) == 0 && RAW_CALL(getpid, 0, 0, 0, 0, 0, 0) != 1);
	text[n++] = '\n';
	RAW_CALL(write, STDOUT_FILENO, text, n, 0, 0, 0);
	RAW_CALL(exit_group, 0, 0, 0, 0, 0, 0);
}

/* The first part of the image with these rights, and room for `len` bytes in the file. */
static bool find_segment(
	const struct elfcore *core, uint32_t flag, size_t len, struct elfcore_segment *ret)
{
	size_t at = 0;

	while (elfcore_next_segment(core, &at, ret))
		if (ret->flags & flag && ret->filled >= len)
			return true;
	return false;
}

static int forge_open(int fd, struct err *err)
{
	static char head[IMAGE_HEAD_MAX];
	const size_t len = (size_t)(__stop_in_image - __start_in_image);
	struct elfcore_segment code, stack;
	struct elfcore_note note;
	struct elf_prstatus status;
	struct user_regs_struct regs = {0};
	struct elfcore core;

	if (image_read_head(fd, head, &core, err) < 0)
		return -err->code;
	if (!find_segment(&core, PF_X, len, &code) || !find_segment(&core, PF_W, 1, &stack) ||
		!elfcore_find_note(&core, "CORE", NT_PRSTATUS, &note) || note.len != sizeof(status))
		return err_say(err, EINVAL, "not what a state image is like");
	regs.rip = code.start + (uintptr_t)attack_from_image - (uintptr_t)__start_in_image;
	/* As behind a call. */
	regs.rsp = stack.start + stack.filled - 8;
	memcpy(&status, note.data, sizeof(status));
	memcpy(&status.pr_reg, &regs, sizeof(regs));
	if (pwrite(fd, __start_in_image, len, (off_t)code.offset) != (ssize_t)len ||
		pwrite(fd, &status, sizeof(status), (const char *)note.data - head) !=
			sizeof(status))
		return err_set(err, errno, "write");
	return image_seal(fd, err);
}

static int change(const char *path, int (*change_open)(int fd, struct err *err))
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	struct err err = ERR_INIT;

	if (fd < 0)
		err_set(&err, errno, "open");
	else if (change_open(fd, &err) == 0)
		return 0;
	fprintf(stderr, "hostile: '%s': %s\n", path, err.msg);
	return 1;
}

int forge(const char *path)
{
	return change(path, forge_open);
}

int seal(const char *path)
{
	return change(path, image_seal);
}

#else

int forge(const char *path)
{
	(void)path;
	return 2;
}

int seal(const char *path)
{
	return forge(path);
}

#endif
