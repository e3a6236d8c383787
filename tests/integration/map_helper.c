/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newuidmap and newgidmap for tests where they are not installed: setuid root, it maps
 * whatever it is asked for, for a process that is its caller's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *kind = argc > 0 && strstr(argv[0], "gid") ? "gid" : "uid";
	char path[64], text[1024] = "";
	struct stat st;
	int fd;

	if (argc < 5 || (argc - 2) % 3)
		return 2;
	snprintf(path, sizeof(path), "/proc/%s", argv[1]);
	if (stat(path, &st) < 0 || st.st_uid != getuid()) {
		fprintf(stderr, "%s is owned by somebody else\n", path);
		return 1;
	}
	for (int i = 2; i + 2 < argc; i += 3)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s %s\n", argv[i],
			argv[i + 1], argv[i + 2]);
	snprintf(path, sizeof(path), "/proc/%s/%s_map", argv[1], kind);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		return 1;
	}
	return 0;
}
