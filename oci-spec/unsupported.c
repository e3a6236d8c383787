/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a config may ask for and this version of the runtime would not do. One line
 * a member: whoever makes it work deletes its line.
 */
#include <errno.h>

#include "oci-spec/config.h"
#include "runtime/base/util.h"

struct demand {
	const char *path;
	bool made;
};

static int refuse_first(const struct demand *demands, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (demands[i].made)
			return err_say(err, ENOTSUP, "%s: not supported yet", demands[i].path);
	return 0;
}

static int check_process(const struct oci_process *p, struct err *err)
{
	const struct demand demands[] = {
		{"process.apparmorProfile", p->apparmor_profile},
		{"process.selinuxLabel", p->selinux_label},
	};

	return refuse_first(demands, ARRAY_SIZE(demands), err);
}

static int check_linux(const struct oci_linux *l, struct err *err)
{
	const struct demand demands[] = {
		{"linux.intelRdt", l->intel_rdt},
		{"linux.mountLabel", l->mount_label},
	};

	return refuse_first(demands, ARRAY_SIZE(demands), err);
}

int oci_config_check_supported(const struct oci_config *config, struct err *err)
{
	int r = 0;

	if (config->process)
		r = check_process(config->process, err);
	if (r == 0 && config->linux_)
		r = check_linux(config->linux_, err);
	return r;
}
