#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `turf update`: options, files, what the record says afterwards, and that a failure changes nothing.
# shellcheck source=tests/integration/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

id=$MARK-update
bundle "$TMP/b" sh -c 'while :; do sleep 0.05; done'
edit "$TMP/b" '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 50}}'
turf run --detach --bundle "$TMP/b" "$id" >/dev/null </dev/null

# The directory of the container that has a controller: v1's, else v2's.
dir_of() {
	jq -r --arg c "$1" '[.cgroups[] | select(.controller | split(",") | index($c)) | .path][0]
		// ([.cgroups[] | select(.controller == "") | .path][0])' "$ROOT/$id/state.json"
}
# value CONTROLLER V1-FILE V2-FILE: the file that is there.
value() {
	local dir

	dir=$(dir_of "$1")
	cat "$dir/$2" 2>/dev/null || cat "$dir/$3"
}
limit() { value memory memory.limit_in_bytes memory.max; }
pids() { value pids pids.max pids.max; }
saved() { jq -r ".resources.$1" "$ROOT/$id/state.json"; }

# Where v2 is mounted over v1's controllers there is nothing to limit.
grep -qs . "$(dir_of pids)/pids.max" || skip "this host's cgroup v2 has no pids controller"

eq "$(limit)" 67108864
eq "$(saved memory.limit)" 67108864
turf update --memory 128m --pids-limit 60 "$id"
eq "$(limit)" 134217728
eq "$(pids)" 60
eq "$(saved memory.limit)" 134217728
eq "$(saved pids.limit)" 60

# As kubelet and containerd do: the whole object on stdin, zeros for what stays.
echo '{"memory":{"limit":0,"swap":0},"cpu":{"shares":512,"quota":0},"pids":{"limit":-1}}' |
	turf update --resources - "$id"
eq "$(limit)" 134217728
eq "$(pids)" max
eq "$(saved cpu.shares)" 512
eq "$(saved memory.limit)" 134217728
eq "$(value cpu cpu.shares cpu.weight)" "$([ -e "$(dir_of cpu)/cpu.shares" ] && echo 512 || echo 59)"
# It had no cgroup of that kind before: all its processes are there now.
pid=$(turf state "$id" | jq .pid)
grep -qx "$pid" "$(dir_of cpu)/cgroup.procs" || fail "$pid was not moved"

# The last value is refused: the ones before it are taken back.
before=$(cat "$ROOT/$id/state.json")
places=$(cat "/proc/$pid/cgroup")
fails "linux.resources.cpu.cpus" turf update --memory 256m --cpu-share 100 --cpuset-cpus 4000 "$id"
eq "$(limit)" 134217728
eq "$(value cpu cpu.shares cpu.weight)" "$([ -e "$(dir_of cpu)/cpu.shares" ] && echo 512 || echo 59)"
eq "$(saved memory.limit)" 134217728
eq "$(saved cpu)" "$(echo "$before" | jq -r .resources.cpu)"
# Nor is anything left of the cgroup that was made for it, and a later update makes it again.
eq "$(jq -c .cgroups "$ROOT/$id/state.json")" "$(echo "$before" | jq -c .cgroups)" "what the record names"
eq "$(cat "/proc/$pid/cgroup")" "$places" "where the process is"
turf update --cpuset-cpus 0 "$id"
eq "$(value cpuset cpuset.cpus cpuset.cpus)" 0
eq "$(awk '/^Cpus_allowed_list/ { print $2 }' "/proc/$pid/status")" 0 "the processors of the process"

# Files
echo '{"pids":{"limit":33}}' >"$TMP/r.json"
turf update -r "$TMP/r.json" "$id"
eq "$(pids)" 33
echo '{"pids":{"limit":"x"}}' >"$TMP/r.json"
fails "resources '$TMP/r.json': pids.limit: " turf update -r "$TMP/r.json" "$id"
fails "resources '$TMP/none'" turf update -r "$TMP/none" "$id"

# One whose record cannot be written: nothing has changed, and that is all that is said.
on_full_disk "$id" fails "No space left on device" turf update --pids-limit 34 "$id"
eq "$(pids)" 33 "the limit after a failed update"

# Bad input
fails "nothing to change was given" turf update "$id"
fails "option '--memory': '12q' is not a number of bytes" turf update --memory 12q "$id"
fails "option '--cpu-quota': 'x' is not a number" turf update --cpu-quota x "$id"
fails "container does not exist" turf update --pids-limit 5 "$MARK-none"
if ! grep -q ' - resctrl ' /proc/self/mountinfo; then
	for option in --l3-cache-schema=L3:0=f --mem-bw-schema=MB:0=50; do
		fails "linux.intelRdt: no resctrl file system is mounted" turf update "$option" "$id"
	done
fi

turf kill "$id" KILL
await has_status "$id" stopped
fails "container not running" turf update --pids-limit 5 "$id"
turf delete "$id"
nothing_left
