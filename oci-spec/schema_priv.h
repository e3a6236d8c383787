/* SPDX-License-Identifier: Apache-2.0 */
/* What config.json looks like, as tables of schema.h. */
#ifndef OCI_SPEC_SCHEMA_PRIV_H
#define OCI_SPEC_SCHEMA_PRIV_H

#include "oci-spec/config.h"
#include "oci-spec/schema.h"

/* One table a file of the specification or large part of it. */
extern const struct schema schema_config;
extern const struct schema schema_process;
extern const struct schema schema_linux;
extern const struct schema schema_resources;
extern const struct schema schema_seccomp;
extern const struct schema schema_id_mapping;
extern const struct schema schema_hooks;

extern const struct words namespace_types;
extern const struct words mempolicy_modes;
extern const struct words mempolicy_flags;
extern const struct words seccomp_actions;
extern const struct words seccomp_ops;
extern const struct words seccomp_archs;
extern const struct words seccomp_flags;

/* Forms */
const char *form_absolute(const char *s);
const char *form_env(const char *s);
const char *form_number_list(const char *s);
const char *form_file_name(const char *s);
const char *form_interface(const char *s);
const char *form_not_empty(const char *s);

#endif
