/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the data plane is told: the set, but with the digest of each function's code, or else what stands for it,
 * so that with other code other workers are needed, whatever the profile says; and with all functions drained
 * when the node is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"

#define NEXT ".next"

#define NEXT_MAX (sizeof(((struct control *)NULL)->told_path) + sizeof(NEXT))

static const char *next_of(const struct control *c, char path[NEXT_MAX])
{
	snprintf(path, NEXT_MAX, "%s" NEXT, c->told_path);
	return path;
}

int told_write(const struct control *c, const struct profile_set *set,
	const struct function_files *files, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct profile_set told = *set;
	_cleanup_free_ struct profile_function *functions =
		calloc(set->n_functions + 1, sizeof(*functions));
	char path[NEXT_MAX];

	if (!functions)
		return err_oom(err);
	for (size_t i = 0; i < set->n_functions; i++) {
		functions[i] = set->functions[i];
		functions[i].drained = functions[i].drained || c->drained;
		if (*files[i].code.text)
			functions[i].code.digest = files[i].code.text;
	}
	told.functions = functions;
	profile_set_write_compact(&told, &text);
	if (buf_failed(&text))
		return err_oom(err);
	return file_write_atomic(AT_FDCWD, next_of(c, path), text.data, text.len, 0600, err);
}

void told_forget(const struct control *c)
{
	char path[NEXT_MAX];

	(void)unlink(next_of(c, path));
}

/* Of one directory: no full disk keeps this from being done. */
void told_send(struct control *c)
{
	char path[NEXT_MAX];

	if (rename(next_of(c, path), c->told_path) < 0)
		log_error("rename '%s': %s", path, strerror(errno));
	data_plane_tell_set(c);
}
