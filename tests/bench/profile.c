/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "runtime/box/seccomp.h"

#define SYSCALLS_MAX 512

static bool is_kept_back(const char *name)
{
	static const char *const names[] = {"_sysctl", "acct", "add_key", "bpf", "clock_adjtime",
		"clock_settime", "clone", "clone3", "create_module", "delete_module",
		"finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms",
		"init_module", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
		"lookup_dcookie", "mount", "mount_setattr", "move_mount", "move_pages",
		"nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "personality",
		"pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "query_module",
		"quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname",
		"setns", "settimeofday", "swapoff", "swapon", "syslog", "umount2", "unshare",
		"uselib", "userfaultfd", "vhangup", "vm86", "vm86old"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], name))
			return true;
	return false;
}

void profile_fill(struct oci_seccomp *ret)
{
	static const char *const clone_names[] = {"clone", NULL};
	static const char *const clone3_names[] = {"clone3", NULL};
	/* No new namespace: the flags of all of them are clear. */
	static const struct oci_seccomp_arg clone_arg = {
		.index = 0, .value = 0x7e020000, .value_two = 0, .op = OCI_SECCOMP_MASKED_EQ};
	static const char *names[SYSCALLS_MAX + 1];
	static struct oci_seccomp_rule rules[3];
	size_t n = 0;

	for (int nr = 0; nr < SYSCALLS_MAX; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

		if (name && !is_kept_back(name))
			names[n++] = name; /* for as long as the program runs */
		else
			free(name);
	}
	rules[0] = (struct oci_seccomp_rule){.names = names, .action = OCI_SECCOMP_ALLOW};
	rules[1] = (struct oci_seccomp_rule){
		.names = clone_names, .action = OCI_SECCOMP_ALLOW, .args = &clone_arg, .n_args = 1};
	rules[2] = (struct oci_seccomp_rule){
		.names = clone3_names, .action = OCI_SECCOMP_ERRNO, .errno_ret = {true, ENOSYS}};
	*ret = (struct oci_seccomp){
		.default_action = OCI_SECCOMP_ERRNO, .rules = rules, .n_rules = ARRAY_SIZE(rules)};
}

int profile_write(const struct oci_seccomp *profile, const char *path, struct err *err)
{
	_cleanup_buf_ struct buf warnings = BUF_INIT;
	_cleanup_seccomp_ struct seccomp_program program = {0};
	int r = seccomp_compile(profile, &program, &warnings, err);

	return r < 0 ? r
		     : file_write_atomic(AT_FDCWD, path, program.insns,
			       program.len * sizeof(*program.insns), 0644, err);
}
