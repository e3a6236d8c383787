/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/verbs.h"

/* The form of runc's, which go-runc and podman take apart. */
int verb_version(const struct globals *g, char **args, struct err *err)
{
	return print_out("turf version " TURF_VERSION "\nspec: " OCI_VERSION "\n", err);
}
