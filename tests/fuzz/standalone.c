/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main() of a fuzz target without libFuzzer: feeds it every file and every
 * file in every directory of the command line, so that what once was found
 * stays fixed under any compiler. A crash is the failure.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_inputs;

static int feed(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = malloc(INPUT_MAX);
	uint8_t *exact;
	size_t size;

	if (!f || !data) {
		fprintf(stderr, "read '%s': %s\n", path, strerror(errno));
		return -1;
	}
	size = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* As large as the input, so that the sanitizer sees one byte too many. */
	exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	memcpy(exact, data, size);
	free(data);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	n_inputs++;
	return 0;
}

static int feed_directory(const char *path)
{
	DIR *d = opendir(path);
	int r = 0;

	if (!d) {
		fprintf(stderr, "open '%s': %s\n", path, strerror(errno));
		return -1;
	}
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		char file[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		r = feed(file);
	}
	closedir(d);
	return r;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) < 0) {
			fprintf(stderr, "stat '%s': %s\n", argv[i], strerror(errno));
			return 1;
		}
		if ((S_ISDIR(st.st_mode) ? feed_directory(argv[i]) : feed(argv[i])) < 0)
			return 1;
	}
	if (n_inputs == 0) {
		fprintf(stderr, "no input: the corpus is empty\n");
		return 1;
	}
	printf("%u inputs\n", n_inputs);
	return 0;
}
