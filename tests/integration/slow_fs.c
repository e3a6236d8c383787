/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system in user space whose reads end when it is told. Every name stands for a file:
 *   gateN-X   its reads wait until N of them wait, at any such file, and then all end
 *   held-X    its reads wait until the name "release" is looked up
 *   eio-X     its reads fail with EIO
 *   short-X   has half of the bytes that it says
 *   X         its reads end at once
 * The files have SIZE bytes 'x', those called *.js one line that exports their name, those called
 * *-from-A,B.js import A.js and B.js before, those called *-copy the bytes of FILE. "fifo" is a FIFO,
 * "directory" a directory. "count" has as many bytes as reads wait.
 * Usage: slow_fs DIRECTORY [FILE]; prints "mounted", and ends when it is unmounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NODES_MAX   4096
#define NAME_LEN    128
#define WAITING_MAX 1024
#define SIZE	    100000
#define COPY_MAX    ((size_t)4 << 20)
#define SPEECH	    (1 << 20) /* of one message of the kernel */
#define FOREVER_S   1000

static char names[NODES_MAX][NAME_LEN]; /* by node, from 2 on */
static size_t n_names = 2;
static int device;
static const char *copied; /* NULL: no file is */

static struct waiting {
	struct fuse_in_header in;
	struct fuse_read_in read;
} waiting[WAITING_MAX];
static size_t n_waiting;

/* --- what there is --- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, const char *with)
{
	const size_t n = strlen(s), m = strlen(with);

	return n > m && strcmp(s + n - m, with) == 0;
}

static size_t copy(char *text, size_t size)
{
	int fd = copied ? open(copied, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, text, size);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static size_t script(const char *name, char *text, size_t size)
{
	const char *from = strstr(name, "-from-");
	char list[NAME_LEN] = "", *at = list, *one;
	size_t n = 0;

	if (from)
		snprintf(list, strlen(from + 6) - 2, "%s", from + 6);
	while ((one = strsep(&at, ",")) && *one && n < size)
		n += (size_t)snprintf(text + n, size - n, "import './%s.js';\n", one);
	return n + (size_t)snprintf(text + n, size - n, "export default '%s';\n", name);
}

/* Its length; *ret_text is good until the next call. */
static size_t content(const char *name, const char **ret_text)
{
	static char text[COPY_MAX];

	*ret_text = text;
	if (ends(name, ".js"))
		return script(name, text, sizeof(text));
	if (ends(name, "-copy"))
		return copy(text, sizeof(text));
	memset(text, 'x', SIZE);
	if (strcmp(name, "count") == 0)
		return n_waiting;
	return begins(name, "short-") ? SIZE / 2 : SIZE;
}

static void attributes(uint64_t node, struct fuse_attr *ret)
{
	const char *name = names[node], *text;

	*ret = (struct fuse_attr){.ino = node, .nlink = 1, .blksize = 4096};
	if (node == FUSE_ROOT_ID || strcmp(name, "directory") == 0)
		ret->mode = S_IFDIR | 0755;
	else if (strcmp(name, "fifo") == 0)
		ret->mode = S_IFIFO | 0644;
	else
		ret->mode = S_IFREG | 0644;
	if (S_ISREG(ret->mode))
		ret->size = begins(name, "short-") ? SIZE : content(name, &text);
}

/* --- answers --- */

static void answer(const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + len), .error = error, .unique = in->unique};
	const struct iovec v[] = {{&out, sizeof(out)}, {(void *)data, len}};

	/* Who asked may have gone. */
	(void)!writev(device, v, 2);
}

static void answer_read(const struct waiting *w)
{
	const char *name = names[w->in.nodeid], *text;
	const size_t size = content(name, &text);
	const size_t left = w->read.offset < size ? size - w->read.offset : 0;

	if (begins(name, "eio-"))
		answer(&w->in, -EIO, NULL, 0);
	else
		answer(&w->in, 0, text + w->read.offset, left < w->read.size ? left : w->read.size);
}

static void end_waiting(const char *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_waiting; i++)
		if (begins(names[waiting[i].in.nodeid], prefix))
			answer_read(&waiting[i]);
		else
			waiting[kept++] = waiting[i];
	n_waiting = kept;
}

static size_t count_waiting(const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < n_waiting; i++)
		n += begins(names[waiting[i].in.nodeid], prefix);
	return n;
}

static void on_read(const struct fuse_in_header *in, const struct fuse_read_in *read_in)
{
	const struct waiting w = {*in, *read_in};
	const char *name = names[in->nodeid];

	if ((!begins(name, "gate") && !begins(name, "held-")) || n_waiting == WAITING_MAX) {
		answer_read(&w);
		return;
	}
	waiting[n_waiting++] = w;
	if (begins(name, "gate") && count_waiting("gate") >= strtoul(name + 4, NULL, 10))
		end_waiting("gate");
}

static void on_lookup(const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = {.attr_valid = 0};
	size_t node = 2;

	if (strcmp(name, "release") == 0)
		end_waiting("held-");
	if (strcmp(name, "release") == 0 || strlen(name) >= NAME_LEN || n_names == NODES_MAX) {
		answer(in, -ENOENT, NULL, 0);
		return;
	}
	while (node < n_names && strcmp(names[node], name) != 0)
		node++;
	if (node == n_names)
		snprintf(names[n_names++], NAME_LEN, "%s", name);
	out.nodeid = node;
	out.entry_valid = FOREVER_S;
	attributes(node, &out.attr);
	answer(in, 0, &out, sizeof(out));
}

static void on_init(const struct fuse_in_header *in, const struct fuse_init_in *init)
{
	const struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 0,
		.flags = init->flags & (FUSE_ASYNC_READ | FUSE_ASYNC_DIO | FUSE_BIG_WRITES),
		.max_background = WAITING_MAX,
		.congestion_threshold = WAITING_MAX,
		.max_write = 1 << 17};

	answer(in, 0, &out, sizeof(out));
}

static void on_message(const struct fuse_in_header *in)
{
	struct fuse_attr_out attr = {.attr_valid = 0};
	const struct fuse_open_out opened = {.fh = 1};
	const void *arg = in + 1;

	switch (in->opcode) {
	case FUSE_INIT: on_init(in, arg); break;
	case FUSE_LOOKUP: on_lookup(in, arg); break;
	case FUSE_GETATTR:
		attributes(in->nodeid, &attr.attr);
		answer(in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR: answer(in, 0, &opened, sizeof(opened)); break;
	case FUSE_READ: on_read(in, arg); break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH: answer(in, 0, NULL, 0); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break;
	default: answer(in, -ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char message[SPEECH] __attribute__((aligned(8)));
	char options[128];

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		device);
	if (argc == 3)
		copied = argv[2];
	if (argc < 2 || argc > 3 || device < 0 ||
		mount("slow", argv[1], "fuse.slow", MS_NOSUID | MS_NODEV, options) < 0) {
		perror("slow_fs");
		return 1;
	}
	puts("mounted");
	fflush(stdout);
	for (;;) {
		const ssize_t n = read(device, message, sizeof(message));

		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			on_message((const struct fuse_in_header *)message);
		else if (n >= 0 || (errno != EINTR && errno != ENOENT && errno != EAGAIN))
			return n < 0 && errno == ENODEV ? 0 : 1;
	}
}
