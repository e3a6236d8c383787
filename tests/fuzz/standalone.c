/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main() of a fuzz target where there is no libFuzzer: runs it once on each
 * file that is named, and on each file of a directory that is.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long n_run;

static int fail(const char *what, const char *path)
{
	fprintf(stderr, "%s '%s': %s\n", what, path, strerror(errno));
	return -1;
}

/* In a block of exactly its size, so that a sanitizer sees the first byte too many. */
static int run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "re");
	uint8_t *data;
	size_t n;

	if (!f)
		return fail("open", path);
	data = malloc(size ? size : 1);
	n = data ? fread(data, 1, size, f) : 0;
	fclose(f);
	if (!data || n != size) {
		free(data);
		return fail("read", path);
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	n_run++;
	return 0;
}

static int run_path(const char *path);

static int run_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return fail("open", path);
	while (r == 0 && (e = readdir(dir))) {
		char *sub;

		if (e->d_name[0] == '.')
			continue;
		if (asprintf(&sub, "%s/%s", path, e->d_name) < 0) {
			r = -1;
			break;
		}
		r = run_path(sub);
		free(sub);
	}
	closedir(dir);
	return r;
}

static int run_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return fail("stat", path);
	return S_ISDIR(st.st_mode) ? run_dir(path) : run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		if (run_path(argv[i]) < 0)
			return 1;
	if (n_run == 0) {
		fprintf(stderr, "%s: no input in what was named\n", argv[0]);
		return 1;
	}
	printf("%s: %lu inputs\n", argv[0], n_run);
	return 0;
}
