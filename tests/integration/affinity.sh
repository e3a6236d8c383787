#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# process.execCPUAffinity: for processes that exec adds, and for no others.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
all=$(awk '/^Cpus_allowed_list/ {print $2}' /proc/self/status)
one=${all%%[-,]*}
[ "$all" != "$one" ] || skip "needs two CPUs"
bundle "$TMP/b" sleep 1000
ln -sf busybox "$TMP/b/rootfs/bin/grep"
edit "$TMP/b" '.process.execCPUAffinity = {initial: $one, final: $one}' --arg one "$one"
turf create -b "$TMP/b" "$id"
turf start "$id"
allowed() { awk '/^Cpus_allowed_list/ {print $2}'; }
eq "$(allowed <"/proc/$(turf state "$id" | jq .pid)/status")" "$all" "CPUs of the container's process"
eq "$(turf exec "$id" cat /proc/self/status | allowed)" "$one" "CPUs of one that exec added"
turf delete --force "$id"
edit "$TMP/b" '.process.execCPUAffinity.initial = "1-x"'
fails "process.execCPUAffinity.initial" turf create -b "$TMP/b" "$id"
nothing_left "containers with an affinity"
