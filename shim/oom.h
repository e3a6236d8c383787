/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes when the kernel has killed a process of a container for want of memory. */
#ifndef SHIM_OOM_H
#define SHIM_OOM_H

struct oom;

/* Watches the cgroups (see cgroup_of()) of a container; NULL where that is not to be had. */
struct oom *oom_watch(const char *container_id, const char *cgroups);
/* Looks at once, so that what ended a container is told before its end. NULL is fine. */
void oom_check(struct oom *oom);
void oom_unwatch(struct oom **oom);

#endif
