/* SPDX-License-Identifier: Apache-2.0 */
/* What strings of config.json may look like. */
#include <net/if.h>
#include <string.h>

#include "oci-spec/schema_priv.h"
#include "runtime/base/util.h"

const char *form_not_empty(const char *s)
{
	return *s ? NULL : "is empty";
}

const char *form_absolute(const char *s)
{
	return *s == '/' ? NULL : "is not an absolute path";
}

const char *form_env(const char *s)
{
	const char *equals = strchr(s, '=');

	return equals && equals != s ? NULL : "is not NAME=value";
}

/* As the kernel takes them: "0-3,8", "0-31:2/8", "all". Whether they exist is the kernel's to say. */
const char *form_number_list(const char *s)
{
	if (streq(s, "all"))
		return NULL;
	return s[strspn(s, "0123456789,-:/ \n")] ? "is not a list of numbers" : NULL;
}

const char *form_file_name(const char *s)
{
	if (!*s || strchr(s, '/') || streq(s, ".") || streq(s, ".."))
		return "is not the name of a file";
	return NULL;
}

/* As the kernel's dev_valid_name(). */
const char *form_interface(const char *s)
{
	if (!*s || strlen(s) >= IFNAMSIZ || s[strcspn(s, "/: \t\n\v\f\r")] || streq(s, ".") ||
		streq(s, ".."))
		return "is not the name of a network interface";
	return NULL;
}
