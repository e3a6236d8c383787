/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/aio/aio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/aio/aio_file.h"
#include "aworker/loop.h"
#include "runtime/base/util.h"
#include "tests/unit/unit.h"

#define SIZE  65536
#define MANY  (3 * AIO_EVENTS)
#define WHOLE ((size_t)256 << 10)

static struct loop loop;
static struct aio *aio;
static struct err err;
static ssize_t result;
static unsigned calls;
static int fd;

static void on_result(void *data, ssize_t n)
{
	ck_assert_ptr_eq(data, &result);
	result = n;
	calls++;
}

static void open_all(void)
{
	char path[] = "aio-XXXXXX";

	ck_assert_int_eq(loop_init(&loop, &err), 0);
	ck_assert_int_eq(aio_create(&loop, &aio, &err), 0);
	/* In the build tree, since /tmp may be memory. */
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	unlink(path);
}

static void close_all(void)
{
	aio_destroy(aio);
	loop_close(&loop);
	close(fd);
}

static struct aio_job *job_of(size_t size)
{
	struct aio_job *j = aio_job_create(aio, size);

	ck_assert_ptr_nonnull(j);
	ck_assert_uint_eq((uintptr_t)aio_job_bytes(j) % AIO_ALIGN, 0);
	return j;
}

static ssize_t run_one(void)
{
	calls = 0;
	ck_assert_msg(loop_run(&loop, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(calls, 1);
	return result;
}

static ssize_t write_all(struct aio_job *j, int to, size_t len, uint64_t at)
{
	aio_write(j, to, len, at, on_result, &result);
	return run_one();
}

static ssize_t read_all(struct aio_job *j, int from, size_t len, uint64_t at)
{
	aio_read(j, from, len, at, on_result, &result);
	return run_one();
}

static void check_transfers(void)
{
	struct aio_job *j = job_of(SIZE);
	unsigned char *bytes = aio_job_bytes(j);

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (unsigned char)(i * 7);
	ck_assert_int_eq(write_all(j, fd, SIZE, 0), SIZE);
	ck_assert_int_eq(write_all(j, fd, 1000, SIZE), 1000);
	memset(bytes, 0, SIZE);
	ck_assert_int_eq(read_all(j, fd, SIZE - 5, 5), SIZE - 5);
	ck_assert_uint_eq(bytes[0], (unsigned char)(5 * 7));
	ck_assert_int_eq(read_all(j, fd, SIZE, SIZE), 1000);
	ck_assert_uint_eq(bytes[999], (unsigned char)(999 * 7));
	ck_assert_int_eq(read_all(j, fd, SIZE, (uint64_t)SIZE * 2), 0);
	aio_job_destroy(j);
}

static bool kernel_has_aio(void)
{
	unsigned long context = 0;

	return syscall(SYS_io_setup, 1, &context) == 0 && syscall(SYS_io_destroy, context) == 0;
}

START_TEST(moves_bytes_both_ways)
{
	open_all();
	ck_assert(!aio_is_kernels(aio));
	check_transfers();
	ck_assert_int_eq(aio_is_kernels(aio), kernel_has_aio());
	close_all();
}
END_TEST

/* As profiles of containers do. */
static void refuse_io_setup(int code)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_SIZE(insns), insns};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void check_without(int code)
{
	open_all();
	refuse_io_setup(code);
	check_transfers();
	ck_assert(!aio_is_kernels(aio));
	close_all();
}

START_TEST(does_without_permission)
{
	check_without(EPERM);
}
END_TEST

START_TEST(does_without_the_kernel)
{
	check_without(ENOSYS);
}
END_TEST

START_TEST(does_without_a_share_of_the_host)
{
	check_without(EAGAIN);
}
END_TEST

START_TEST(what_is_not_cached_is_read)
{
	struct aio_job *j;
	unsigned char *bytes;

	open_all();
	j = job_of(SIZE);
	bytes = aio_job_bytes(j);
	memset(bytes, 'a', SIZE);
	ck_assert_int_eq(write_all(j, fd, SIZE, 0), SIZE);
	memset(bytes, 'b', SIZE);
	ck_assert_int_eq(write_all(j, fd, 5000, SIZE), 5000);
	for (size_t len = SIZE; len > 5000; len -= 777) {
		ck_assert_int_eq(fsync(fd), 0);
		ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
		memset(bytes, 0, SIZE);
		ck_assert_int_eq(read_all(j, fd, len, SIZE), 5000);
		ck_assert_uint_eq(bytes[0], 'b');
		ck_assert_uint_eq(bytes[4999], 'b');
		ck_assert_uint_eq(bytes[5000], 0);
		ck_assert_int_eq(read_all(j, fd, len, 0), len);
		ck_assert_uint_eq(bytes[len - 1], 'a');
	}
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_DIRECT, 0);
	aio_job_destroy(j);
	close_all();
}
END_TEST

/* Also where the file system cannot tell by itself, as that of memfd_create() cannot. */
START_TEST(what_is_cached_takes_no_context)
{
	int memory = memfd_create("aio", MFD_CLOEXEC);
	struct aio_job *j;
	char bytes[SIZE];
	size_t n;

	open_all();
	j = job_of(SIZE);
	for (int i = 0; i < 2; i++) {
		const int f = i == 0 ? fd : memory;

		memset(bytes, 'a', SIZE);
		ck_assert_int_eq(pwrite(f, bytes, SIZE, 0), SIZE);
		ck_assert_int_eq(read_all(j, f, SIZE, 0), SIZE);
		ck_assert_int_eq(read_all(j, f, SIZE, 100), SIZE - 100);
		ck_assert(aio_read_cached(f, bytes, SIZE, SIZE - 10, &n));
		ck_assert_uint_eq(n, 10);
		ck_assert(aio_read_cached(f, bytes, SIZE, SIZE, &n));
		ck_assert_uint_eq(n, 0);
	}
	ck_assert(!aio_is_kernels(aio));
	ck_assert(!aio_read_cached(-1, bytes, SIZE, 0, &n));
	close(memory);
	aio_job_destroy(j);
	close_all();
}
END_TEST

START_TEST(failures_are_told)
{
	struct rlimit small = {3000, 3000};
	struct aio_job *j;
	int full, memory;

	open_all();
	j = job_of(SIZE);
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write_all(j, full, 100, 0), -ENOSPC);
	close(full);
	/* Nothing is mapped at its start. */
	memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read_all(j, memory, AIO_ALIGN, 0), -EIO);
	close(memory);
	ck_assert_int_eq(read_all(j, -1, 100, 0), -EBADF);
	/* What comes after a short write is what counts. */
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(write_all(j, fd, 5000, 0), -EFBIG);
	aio_job_destroy(j);
	close_all();
}
END_TEST

static struct aio_job *many[MANY];
static unsigned counts[MANY];

static void on_many(void *data, ssize_t n)
{
	unsigned *count = data;

	ck_assert_int_eq(n, SIZE);
	++*count;
}

static void start_many(void)
{
	memset(counts, 0, sizeof(counts));
	for (size_t i = 0; i < MANY; i++) {
		many[i] = job_of(SIZE);
		memset(aio_job_bytes(many[i]), (int)i, SIZE);
		aio_write(many[i], fd, SIZE, (uint64_t)i * SIZE, on_many, &counts[i]);
	}
}

START_TEST(more_than_the_kernel_takes_wait)
{
	open_all();
	start_many();
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	for (size_t i = 0; i < MANY; i++) {
		unsigned char byte;

		ck_assert_uint_eq(counts[i], 1);
		ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(i * SIZE + i)), 1);
		ck_assert_uint_eq(byte, i);
		aio_job_destroy(many[i]);
	}
	close_all();
}
END_TEST

START_TEST(destroyed_jobs_are_not_told_of)
{
	open_all();
	start_many();
	for (size_t i = 0; i < MANY; i += 2)
		aio_job_destroy(many[i]);
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	for (size_t i = 0; i < MANY; i++) {
		ck_assert_uint_eq(counts[i], i % 2);
		if (i % 2)
			aio_job_destroy(many[i]);
	}
	/* The loop is closed with what still runs. */
	start_many();
	for (size_t i = 0; i < MANY; i++)
		aio_job_destroy(many[i]);
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	close_all();
}
END_TEST

static void on_first(void *data UNUSED, ssize_t n UNUSED)
{
	calls++;
	for (size_t i = 0; i < MANY; i++)
		aio_job_destroy(take_ptr(&many[i]));
}

START_TEST(callbacks_may_destroy)
{
	open_all();
	calls = 0;
	for (size_t i = 0; i < MANY; i++) {
		many[i] = job_of(AIO_ALIGN);
		aio_read(many[i], fd, AIO_ALIGN, 0, on_first, NULL);
	}
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	ck_assert_uint_eq(calls, 1);
	close_all();
}
END_TEST

/* A process is copied only where no loop is open; the copy makes everything anew. */
START_TEST(each_copy_has_its_own)
{
	int status;
	pid_t pid;

	open_all();
	check_transfers();
	close_all();
	pid = fork();
	if (pid == 0) {
		open_all();
		check_transfers();
		close_all();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	open_all();
	check_transfers();
	close_all();
}
END_TEST

/* Whole files of all lengths around a piece, in the page cache and not. */
START_TEST(whole_files)
{
	static const size_t sizes[] = {0, 1, AIO_ALIGN, WHOLE - 1, WHOLE, WHOLE + 1, 5 * WHOLE + 7};
	char path[] = "aio-XXXXXX", *bytes = malloc(6 * WHOLE), *got;
	size_t len;

	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < 6 * WHOLE; i++)
		bytes[i] = (char)(i * 7 + i / AIO_ALIGN);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		const size_t size = sizes[i / 2];

		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
		if (i % 2)
			ck_assert_int_eq(
				fdatasync(fd) | posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
		ck_assert_msg(aio_file_read(path, 6 * WHOLE, &got, &len, &err) == 0, "%s", err.msg);
		ck_assert_uint_eq(len, size);
		ck_assert_mem_eq(got, bytes, size);
		ck_assert_int_eq(got[size], '\0');
		free(got);
	}
	ck_assert_int_eq(aio_file_read(path, 5 * WHOLE, &got, &len, &err), -EFBIG);
	close(fd);
	unlink(path);
	ck_assert_int_eq(aio_file_read(path, 1, &got, &len, &err), -ENOENT);
	ck_assert_int_eq(aio_file_read("/proc/self/status", 1 << 16, &got, &len, &err), 0);
	ck_assert_uint_gt(len, 100);
	free(got);
	free(bytes);
}
END_TEST

UNIT_MAIN("aworker_aio", moves_bytes_both_ways, does_without_permission, does_without_the_kernel,
	does_without_a_share_of_the_host, what_is_not_cached_is_read,
	what_is_cached_takes_no_context, failures_are_told, more_than_the_kernel_takes_wait,
	destroyed_jobs_are_not_told_of, callbacks_may_destroy, each_copy_has_its_own, whole_files)
