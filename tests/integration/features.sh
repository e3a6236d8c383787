#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `turf features` lists is what a configuration may say, and the other way round.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
turf features >"$TMP/features.json"
list() { jq -r "$1[]" "$TMP/features.json"; }
takes() { # takes JQ-FILTER [JQ-OPTION...]: a container of it runs, without a warning
	cp "$TMP/b/config.json" "$TMP/c/"
	edit "$TMP/c" "$@"
	turf run -b "$TMP/c" "$id" >/dev/null 2>"$TMP/err" || fail "'$1': $(cat "$TMP/err")"
}
parses() { # the same of what this host need not be able to do: only its words must be known
	cp "$TMP/b/config.json" "$TMP/c/"
	edit "$TMP/c" "$@"
	turf run -b "$TMP/c" "$id" >/dev/null 2>"$TMP/err" || :
	! grep -E "unknown|is no |not one of|is none of" "$TMP/err" || fail "'$*' (above)"
}
refuses() { # refuses PATTERN JQ-FILTER: no word outside of the lists
	cp "$TMP/b/config.json" "$TMP/c/"
	edit "$TMP/c" "$2"
	fails "$1" turf create -b "$TMP/c" "$id"
}
bundle "$TMP/b" true
cp -a "$TMP/b" "$TMP/c"

for version in $(jq -r '.ociVersionMin, .ociVersionMax' "$TMP/features.json"); do
	takes '.ociVersion = $v' --arg v "$version"
done
refuses "ociVersion" '.ociVersion = "2.0.0"'

eq "$(list .hooks | sort | xargs)" "createContainer createRuntime poststart poststop prestart startContainer"
takes '.hooks = ($names | map({(.): [{path: "/bin/true"}]}) | add)' --argjson names "$(jq .hooks "$TMP/features.json")"

# --- mount options: each on a mount of its own ---
mkdir "$TMP/src"
mounts=$(jq --arg src "$TMP/src" '[.mountOptions[] |
	if . == "tmpcopyup" then {destination: "/m/\(.)", type: "tmpfs", source: "t", options: [.]}
	elif . == "idmap" or . == "ridmap" then {destination: "/m/\(.)", type: "bind", source: $src,
		options: ["bind", .], uidMappings: [{containerID: 0, hostID: 1, size: 1}],
		gidMappings: [{containerID: 0, hostID: 1, size: 1}]}
	elif . == "mand" then empty # gone from the kernel, which says so
	else {destination: "/m/\(.)", type: "bind", source: $src, options: ["rbind", .]} end]' "$TMP/features.json")
takes '.mounts += $m' --argjson m "$mounts"
[ "$(list .mountOptions | wc -l)" -gt 50 ] || fail "few mount options"
# Everything of config.md's table that has a meaning for a new mount is there.
for o in async atime bind defaults dev diratime dirsync exec idmap lazytime loud noatime nodev \
	nodiratime noexec nolazytime norelatime nostrictatime nosuid nosymfollow private ratime rbind \
	rdev rdiratime relatime rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime \
	rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime \
	rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync tmpcopyup \
	unbindable; do
	list .mountOptions | grep -qx "$o" || fail "mount option '$o' is missing"
done
refuses "'remount' has no meaning" '.mounts += [{destination: "/m", type: "tmpfs", options: ["remount"]}]'
! list .mountOptions | grep -qx remount || fail "remount is listed"

# --- namespaces ---
eq "$(list .linux.namespaces | sort | xargs)" "cgroup ipc mount network pid time user uts"
takes '.linux.namespaces = ($n - ["user"] | map({type: .}))' --argjson n "$(jq .linux.namespaces "$TMP/features.json")"
refuses "linux.namespaces\[0\].type" '.linux.namespaces[0].type = "net"'

# --- capabilities: known, whether this host has them or not ---
parses '.process.capabilities = {bounding: $c}' --argjson c "$(jq .linux.capabilities "$TMP/features.json")"
eq "$(list .linux.capabilities | grep -c '^CAP_[A-Z_]*$')" "$(list .linux.capabilities | wc -l)"
last=$(cat /proc/sys/kernel/cap_last_cap)
[ "$(list .linux.capabilities | wc -l)" -gt "$last" ] || fail "the kernel has $last capabilities"

# --- seccomp ---
for action in $(list .linux.seccomp.actions); do
	[ "$action" != SCMP_ACT_NOTIFY ] || continue # tests/integration/seccomp.sh
	takes '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["acct"], action: $a}]}' --arg a "$action"
done
for op in $(list .linux.seccomp.operators); do
	takes '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["acct"],
		action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 1, valueTwo: 1, op: $op}]}]}' --arg op "$op"
done
parses '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: $a}' --argjson a "$(jq .linux.seccomp.archs "$TMP/features.json")"
takes '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: $f}' --argjson f "$(jq .linux.seccomp.supportedFlags "$TMP/features.json")"
for flag in $(jq -r '.linux.seccomp | (.knownFlags - .supportedFlags)[]' "$TMP/features.json"); do
	refuses "this kernel does not know $flag" ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", flags: [\"$flag\"]}"
done
refuses "linux.seccomp.defaultAction" '.linux.seccomp = {defaultAction: "SCMP_ACT_NOTHING"}'
refuses "linux.seccomp.flags" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_NEW"]}'

# --- memory policy ---
for mode in $(list .linux.memoryPolicy.modes); do
	parses '.linux.memoryPolicy = {mode: $m, nodes: "0"}' --arg m "$mode"
done
for flag in $(list .linux.memoryPolicy.flags); do
	parses '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: [$f]}' --arg f "$flag"
done
refuses "linux.memoryPolicy.mode" '.linux.memoryPolicy = {mode: "MPOL_NONE"}'

# --- cgroups ---
eq "$(jq -c '.linux.cgroup | [.v1, .v2, .rdma]' "$TMP/features.json")" "[true,true,true]"
systemd=false
turf --systemd-cgroup list >/dev/null 2>&1 && systemd=true
eq "$(jq .linux.cgroup.systemd "$TMP/features.json")" $systemd "systemd cgroups"
eq "$(jq -c '[.linux.mountExtensions.idmap.enabled, .linux.netDevices.enabled, .linux.intelRdt.enabled]' \
	"$TMP/features.json")" "[true,true,true]"
nothing_left "the features"
