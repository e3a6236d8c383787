/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code as it comes from elsewhere: archives, OCI layouts, downloads. All of it is foreign, so nothing of it
 * is read by noslated itself: noslate-code is, a program that gives up every right before it looks at a byte.
 *
 *   noslate-code digest KIND [DIGEST]   of CODE_FD_SOURCE
 *   noslate-code fetch URL              into CODE_FD_SCRATCH
 *   noslate-code unpack KIND [DIGEST]   CODE_FD_SOURCE into the empty directory CODE_FD_TREE
 *   noslate-code remove NAME            with all that is in it, from the directory CODE_FD_TREE
 *
 * KIND is a word of code_kind_word(). DIGEST is what it has to have. The answer is one line on standard output,
 * "ok DIGEST" ("-" where there is none) or "error ERRNO SENTENCE"; without one it was killed. EBADMSG says that
 * DIGEST is another one.
 */
#ifndef SEED_NOSLATED_CODE_CODE_H
#define SEED_NOSLATED_CODE_CODE_H

#define CODE_PROGRAM "noslate-code"

#define CODE_FD_TREE   3
#define CODE_FD_SOURCE 4 /* a file or a directory */
#define CODE_FD_SCRATCH \
	5 /* a file without a name: what is unpacked is first copied, so that it cannot change */

#define CODE_ANSWER_MAX 1024

/* nobody: whose rights it has, and whose files it makes. */
#define CODE_UID 65534
#define CODE_GID 65534

enum code_kind {
	CODE_FILE,
	CODE_DIRECTORY,
	CODE_ZIP,
	CODE_LAYOUT, /* of the OCI image specification */
	CODE_URL,
	CODE_BUNDLE, /* of the OCI runtime specification */
	CODE_KINDS
};

/* What there may be of anything. */
#define CODE_ARCHIVE_MAX  (UINT64_C(256) << 20) /* bytes of a zip file, a layer, a download */
#define CODE_TREE_MAX	  (UINT64_C(1) << 30)	/* bytes of all files that are unpacked */
#define CODE_RATIO_MAX	  200			/* bytes unpacked for a byte of the archive ... */
#define CODE_RATIO_FREE	  (UINT64_C(16) << 20)	/* ... beyond these */
#define CODE_ENTRIES_MAX  65536
#define CODE_PATH_MAX	  1024 /* bytes of a name with all directories */
#define CODE_DEPTH_MAX	  32   /* directories below each other */
#define CODE_LAYERS_MAX	  64
#define CODE_MANIFEST_MAX (1u << 20)
#define CODE_INDEXES_MAX  4 /* below each other */

#define CODE_REDIRECTS_MAX    5
#define CODE_FETCH_S	      300 /* for a download */
#define CODE_FETCH_CONNECT_S  20
#define CODE_FETCH_IDLE_S     30 /* with less than CODE_FETCH_IDLE_BYTES in each second */
#define CODE_FETCH_IDLE_BYTES 64

const char *code_kind_word(enum code_kind kind);

#endif
