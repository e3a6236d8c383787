/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads. What comes is judged by its digest, so all that is to be kept here are bounds. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/act.h"
#include "seed/noslated/code/code.h"

#define PROTOCOLS "http,https"

#define AUTHORITIES_MAX (16u << 20)

struct download {
	char *authorities; /* PEM; NULL: those of the system */
	size_t authorities_len;
	uint64_t size;
	int failed; /* a negative errno */
};

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct download *d = arg;

	d->size += size * n;
	if (d->size > CODE_ARCHIVE_MAX)
		d->failed = -EFBIG;
	else
		d->failed = fd_write_all(CODE_FD_SCRATCH, data, size * n);
	return d->failed < 0 ? 0 : size * n;
}

static CURLcode set_bounds(CURL *c)
{
	CURLcode r = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, PROTOCOLS);

	if (r == CURLE_OK)
		r = curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, PROTOCOLS);
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	(void)curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)CODE_REDIRECTS_MAX);
	(void)curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)CODE_ARCHIVE_MAX);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)CODE_FETCH_S);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CODE_FETCH_CONNECT_S);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)CODE_FETCH_IDLE_BYTES);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)CODE_FETCH_IDLE_S);
	return r;
}

static CURLcode prepare(CURL *c, const char *url, struct download *d, char *message)
{
	struct curl_blob authorities = {
		.data = d->authorities, .len = d->authorities_len, .flags = CURL_BLOB_COPY};
	CURLcode r = set_bounds(c);

	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, message);
	(void)curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	if (r == CURLE_OK)
		r = curl_easy_setopt(c, CURLOPT_USERAGENT, "noslated/" TURF_VERSION);
	if (r == CURLE_OK && d->authorities)
		r = curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &authorities);
	if (r == CURLE_OK)
		r = curl_easy_setopt(c, CURLOPT_URL, url);
	return r;
}

static int download(const char *url, struct download *d, struct err *err)
{
	char message[CURL_ERROR_SIZE] = "";
	CURL *c = NULL;
	CURLcode r = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (r == CURLE_OK)
		c = curl_easy_init();
	if (!c)
		return err_oom(err);
	r = prepare(c, url, d, message);
	if (r == CURLE_OK)
		r = curl_easy_perform(c);
	curl_easy_cleanup(c);
	if (r == CURLE_OK)
		return 0;
	if (d->failed == -EFBIG || r == CURLE_FILESIZE_EXCEEDED)
		return err_say(
			err, EFBIG, "more than %llu bytes", (unsigned long long)CODE_ARCHIVE_MAX);
	if (d->failed < 0)
		return err_set(err, -d->failed, "keep what comes");
	return err_say(err, EIO, "%s", *message ? message : curl_easy_strerror(r));
}

/* Who has no rights may not be able to read them. */
static int read_authorities(struct download *d, struct err *err)
{
	const char *path = getenv("SSL_CERT_FILE");

	return path ? file_read(AT_FDCWD, path, AUTHORITIES_MAX, &d->authorities,
			      &d->authorities_len, err)
		    : 0;
}

int fetch(const char *url, struct err *err)
{
	struct download d = {0};
	int r = read_authorities(&d, err);

	if (r == 0)
		r = confine(err);
	if (r == 0)
		r = download(url, &d, err);
	free(d.authorities);
	return r;
}
