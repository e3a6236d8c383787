/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the format, from the tables that read them. */
#include "oci-spec/schema_priv.h"

static const struct words *const lists[] = {
	[OCI_NAMESPACES] = &namespace_types,
	[OCI_SECCOMP_ACTIONS] = &seccomp_actions,
	[OCI_SECCOMP_OPERATORS] = &seccomp_ops,
	[OCI_SECCOMP_ARCHS] = &seccomp_archs,
	[OCI_SECCOMP_FLAGS] = &seccomp_flags,
	[OCI_MEMPOLICY_MODES] = &mempolicy_modes,
	[OCI_MEMPOLICY_FLAGS] = &mempolicy_flags,
};

const char *oci_word(enum oci_word_list list, size_t i, long *ret_value)
{
	const struct words *w = list == OCI_HOOKS ? NULL : lists[list];

	if (!w)
		return i < schema_hooks.n_fields ? schema_hooks.fields[i].key : NULL;
	if (i >= w->n)
		return NULL;
	if (ret_value)
		*ret_value = w->list[i].value;
	return w->list[i].name;
}
