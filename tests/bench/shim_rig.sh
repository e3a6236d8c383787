#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a program beside a containerd that has an image and both shims, in namespaces of its own:
#   tests/bench/shim_rig.sh PROGRAM
# which finds in its environment BENCH_CTR, BENCH_SOCKET (containerd's), BENCH_IMAGE, BENCH_CGROUP
# (where containers belong), BENCH_ID (what ids begin with), BENCH_CPU (a file that counts the CPU
# time of everything here), BENCH_CONTAINERD (a version). BENCH_CONTAINERD_VERSION chooses it.
# shellcheck source=tests/integration/lib-containerd.sh
. "$(dirname "$0")/../integration/lib-containerd.sh"

own_network "$@"
# Containers' cgroups are below the cage's path; with this shell there, too, one file counts all.
if [ -d /sys/fs/cgroup/cpuacct ]; then
	mkdir -p "/sys/fs/cgroup/cpuacct$CGROUP_ABOVE"
	echo $$ >"/sys/fs/cgroup/cpuacct$CGROUP_ABOVE/cgroup.procs"
	export BENCH_CPU=/sys/fs/cgroup/cpuacct$CGROUP_ABOVE/cpuacct.usage
else
	export BENCH_CPU=/sys/fs/cgroup$CGROUP_ABOVE/cpu.stat
fi
containerd_with_cri "${BENCH_CONTAINERD_VERSION:-installed}"
BENCH_CTR=$CTR BENCH_SOCKET=$D/sock BENCH_IMAGE=$IMAGE BENCH_CGROUP=$CGROUP BENCH_ID=$MARK \
	BENCH_CONTAINERD=$("$DAEMON" --version | awk '{print $3}') "$1"
end_of_containerd
[ ! -d /sys/fs/cgroup/cpuacct ] || echo $$ >/sys/fs/cgroup/cpuacct/cgroup.procs
