/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/mount_options.h"

#include <errno.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

enum word_kind {
	WORD_IGNORED,
	WORD_SET, /* MOUNT_ATTR_* */
	WORD_CLEAR,
	WORD_ATIME, /* one of the values of MOUNT_ATTR__ATIME */
	WORD_SB,    /* of the super block: goes to the file system as it is */
	WORD_PROPAGATION,
	WORD_BIND,
	WORD_COPYUP,
	WORD_IDMAP,
	WORD_REFUSED,
};

struct word {
	const char *name;
	enum word_kind kind;
	bool recursive;
	uint64_t value;
};

/* Sorted, for bsearch(). */
static const struct word words[] = {
	{"async", WORD_SB, false, 0},
	{"atime", WORD_ATIME, false, MOUNT_ATTR_RELATIME},
	{"bind", WORD_BIND, false, 0},
	{"defaults", WORD_IGNORED, false, 0},
	{"dev", WORD_CLEAR, false, MOUNT_ATTR_NODEV},
	{"diratime", WORD_CLEAR, false, MOUNT_ATTR_NODIRATIME},
	{"dirsync", WORD_SB, false, 0},
	{"exec", WORD_CLEAR, false, MOUNT_ATTR_NOEXEC},
	{"idmap", WORD_IDMAP, false, 0},
	{"lazytime", WORD_SB, false, 0},
	{"loud", WORD_IGNORED, false, 0},
	{"mand", WORD_SB, false, 0},
	{"noatime", WORD_ATIME, false, MOUNT_ATTR_NOATIME},
	{"nodev", WORD_SET, false, MOUNT_ATTR_NODEV},
	{"nodiratime", WORD_SET, false, MOUNT_ATTR_NODIRATIME},
	{"noexec", WORD_SET, false, MOUNT_ATTR_NOEXEC},
	{"nolazytime", WORD_SB, false, 0},
	{"nomand", WORD_SB, false, 0},
	{"norelatime", WORD_ATIME, false, MOUNT_ATTR_RELATIME},
	{"nostrictatime", WORD_ATIME, false, MOUNT_ATTR_RELATIME},
	{"nosuid", WORD_SET, false, MOUNT_ATTR_NOSUID},
	{"nosymfollow", WORD_SET, false, MOUNT_ATTR_NOSYMFOLLOW},
	{"private", WORD_PROPAGATION, false, MS_PRIVATE},
	{"ratime", WORD_ATIME, true, MOUNT_ATTR_RELATIME},
	{"rbind", WORD_BIND, true, 0},
	{"rdev", WORD_CLEAR, true, MOUNT_ATTR_NODEV},
	{"rdiratime", WORD_CLEAR, true, MOUNT_ATTR_NODIRATIME},
	{"relatime", WORD_ATIME, false, MOUNT_ATTR_RELATIME},
	{"remount", WORD_REFUSED, false, 0},
	{"rexec", WORD_CLEAR, true, MOUNT_ATTR_NOEXEC},
	{"ridmap", WORD_IDMAP, true, 0},
	{"rnoatime", WORD_ATIME, true, MOUNT_ATTR_NOATIME},
	{"rnodev", WORD_SET, true, MOUNT_ATTR_NODEV},
	{"rnodiratime", WORD_SET, true, MOUNT_ATTR_NODIRATIME},
	{"rnoexec", WORD_SET, true, MOUNT_ATTR_NOEXEC},
	{"rnorelatime", WORD_ATIME, true, MOUNT_ATTR_RELATIME},
	{"rnostrictatime", WORD_ATIME, true, MOUNT_ATTR_RELATIME},
	{"rnosuid", WORD_SET, true, MOUNT_ATTR_NOSUID},
	{"rnosymfollow", WORD_SET, true, MOUNT_ATTR_NOSYMFOLLOW},
	{"ro", WORD_SET, false, MOUNT_ATTR_RDONLY},
	{"rprivate", WORD_PROPAGATION, true, MS_PRIVATE},
	{"rrelatime", WORD_ATIME, true, MOUNT_ATTR_RELATIME},
	{"rro", WORD_SET, true, MOUNT_ATTR_RDONLY},
	{"rrw", WORD_CLEAR, true, MOUNT_ATTR_RDONLY},
	{"rshared", WORD_PROPAGATION, true, MS_SHARED},
	{"rslave", WORD_PROPAGATION, true, MS_SLAVE},
	{"rstrictatime", WORD_ATIME, true, MOUNT_ATTR_STRICTATIME},
	{"rsuid", WORD_CLEAR, true, MOUNT_ATTR_NOSUID},
	{"rsymfollow", WORD_CLEAR, true, MOUNT_ATTR_NOSYMFOLLOW},
	{"runbindable", WORD_PROPAGATION, true, MS_UNBINDABLE},
	{"rw", WORD_CLEAR, false, MOUNT_ATTR_RDONLY},
	{"shared", WORD_PROPAGATION, false, MS_SHARED},
	{"silent", WORD_IGNORED, false, 0},
	{"slave", WORD_PROPAGATION, false, MS_SLAVE},
	{"strictatime", WORD_ATIME, false, MOUNT_ATTR_STRICTATIME},
	{"suid", WORD_CLEAR, false, MOUNT_ATTR_NOSUID},
	{"symfollow", WORD_CLEAR, false, MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", WORD_SB, false, 0},
	{"tmpcopyup", WORD_COPYUP, false, 0},
	{"unbindable", WORD_PROPAGATION, false, MS_UNBINDABLE},
};

static int by_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct word *)entry)->name);
}

static int put_data(struct mount_options *o, const char *word, struct err *err)
{
	if (o->n_data == MOUNT_DATA_MAX)
		return err_say(
			err, E2BIG, "more than %d options for the file system", MOUNT_DATA_MAX);
	o->data[o->n_data++] = word;
	return 0;
}

static int put_propagation(struct mount_options *o, const struct word *w, struct err *err)
{
	if (o->n_propagation == MOUNT_PROPAGATION_MAX)
		return err_say(
			err, E2BIG, "more than %d words about propagation", MOUNT_PROPAGATION_MAX);
	o->propagation[o->n_propagation++] = (unsigned)w->value | (w->recursive ? MS_REC : 0);
	return 0;
}

static void put_attr(struct mount_options *o, const struct word *w)
{
	uint64_t *set = w->recursive ? &o->rec_set : &o->set;
	uint64_t *clr = w->recursive ? &o->rec_clr : &o->clr;

	switch (w->kind) {
	case WORD_SET:
		*set |= w->value;
		*clr &= ~w->value;
		break;
	case WORD_CLEAR:
		*set &= ~w->value;
		*clr |= w->value;
		break;
	default: /* the kernel wants the whole field cleared before it is set */
		*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | w->value;
		*clr |= MOUNT_ATTR__ATIME;
		break;
	}
}

static int put_word(struct mount_options *o, const char *name, struct err *err)
{
	const struct word *w = bsearch(name, words, ARRAY_SIZE(words), sizeof(words[0]), by_name);

	if (!w) {
		o->n_foreign++;
		return put_data(o, name, err);
	}
	switch (w->kind) {
	case WORD_IGNORED: break;
	case WORD_SB: return put_data(o, name, err);
	case WORD_PROPAGATION: return put_propagation(o, w, err);
	case WORD_COPYUP: o->copyup = true; break;
	case WORD_IDMAP: o->idmap = w->recursive ? MOUNT_IDMAP_ALL : MOUNT_IDMAP_TOP; break;
	case WORD_BIND:
		o->bind = true;
		o->recursive |= w->recursive;
		break;
	case WORD_REFUSED: return err_say(err, EINVAL, "'%s' has no meaning for a new mount", name);
	default: put_attr(o, w); break;
	}
	return 0;
}

int mount_options_parse(const char *const *list, struct mount_options *ret, struct err *err)
{
	struct mount_options o = {.n_data = 0};

	for (; list && *list; list++) {
		int r = put_word(&o, *list, err);

		if (r < 0)
			return r;
	}
	if (o.copyup && o.bind)
		return err_say(err, EINVAL, "'tmpcopyup' has no meaning for a bind mount");
	if (o.idmap != MOUNT_IDMAP_NONE && !o.bind)
		return err_say(err, EINVAL, "'idmap' has no meaning without 'bind' or 'rbind'");
	*ret = o;
	return 0;
}

const char *const *mount_options_names(void)
{
	static const char *names[ARRAY_SIZE(words) + 1];

	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].kind != WORD_REFUSED)
			names[n++] = words[i].name;
	return names;
}

unsigned long mount_attr_flags(uint64_t attr)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} same[] = {
		{MOUNT_ATTR_RDONLY, MS_RDONLY},
		{MOUNT_ATTR_NOSUID, MS_NOSUID},
		{MOUNT_ATTR_NODEV, MS_NODEV},
		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},
		{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
		{MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
	};
	unsigned long flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (attr & same[i].attr)
			flags |= same[i].flag;
	switch (attr & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_NOATIME: return flags | MS_NOATIME;
	case MOUNT_ATTR_STRICTATIME: return flags | MS_STRICTATIME;
	default: return flags;
	}
}
