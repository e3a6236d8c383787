/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proxy of a URL, by the variables that curl, wget and others have made
 * customary: http_proxy, https_proxy, all_proxy and no_proxy, in capitals too. The
 * small letters come first. Nothing here knows of curl.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aworker/fetch/fetch_priv.h"

/* The longest name of a variable that is asked for. */
#define VARIABLE_MAX 32

const char *fetch_env(const char *const *env, const char *name)
{
	const size_t len = strlen(name);

	for (; env && *env; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return (*env)[len + 1] ? *env + len + 1 : NULL;
	}
	return NULL;
}

static const char *either_case(const char *const *env, const char *prefix, const char *suffix)
{
	char name[VARIABLE_MAX];
	const char *value;

	snprintf(name, sizeof(name), "%s%s", prefix, suffix);
	value = fetch_env(env, name);
	if (value)
		return value;
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return fetch_env(env, name);
}

/* An entry is a host with all below it, with or without a dot in front, perhaps with a port. */
static bool entry_fits(const char *entry, size_t len, const char *host, unsigned port)
{
	const size_t host_len = strlen(host);
	const char *colon = memrchr(entry, ':', len);
	const bool is_v6 = colon && memchr(entry, ':', len) != colon && entry[0] != '[';

	if (colon && !is_v6 && !memchr(colon, ']', (size_t)(entry + len - colon))) {
		if ((unsigned)atoi(colon + 1) != port)
			return false;
		len = (size_t)(colon - entry);
	}
	if (len > 1 && entry[0] == '[' && entry[len - 1] == ']') {
		entry++;
		len -= 2;
	}
	if (len > 0 && entry[0] == '.') {
		entry++;
		len--;
	}
	if (len == 0 || len > host_len || strncasecmp(host + host_len - len, entry, len) != 0)
		return false;
	return len == host_len || host[host_len - len - 1] == '.';
}

static bool is_exempt(const char *list, const char *host, unsigned port)
{
	while (list && *list) {
		const size_t len = strcspn(list, ", \t");

		if (len == 1 && *list == '*')
			return true;
		if (len > 0 && entry_fits(list, len, host, port))
			return true;
		list += len + strspn(list + len, ", \t");
	}
	return false;
}

/* `value` with "http://" in front where it has no scheme; what is no HTTP proxy is refused. */
static int proxy_url(const char *value, char **ret, struct err *err)
{
	const char *scheme_end = strstr(value, "://");

	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return err_say(err, EINVAL, "the variable of the proxy is no URL");
	}
	if (scheme_end && strncasecmp(value, "http://", 7) != 0 &&
		strncasecmp(value, "https://", 8) != 0)
		return err_say(err, EINVAL,
			"the proxy is of the kind '%.*s'; only http and https are known",
			(int)(scheme_end - value), value);
	if (asprintf(ret, "%s%s", scheme_end ? "" : "http://", value) < 0) {
		*ret = NULL;
		return err_oom(err);
	}
	return 0;
}

int fetch_proxy_for(const char *const *env, const char *scheme, const char *host, unsigned port,
	char **ret, struct err *err)
{
	const char *value = either_case(env, scheme, "_proxy");

	*ret = NULL;
	if (!value)
		value = either_case(env, "all", "_proxy");
	if (!value || is_exempt(either_case(env, "no", "_proxy"), host, port))
		return 0;
	return proxy_url(value, ret, err);
}
