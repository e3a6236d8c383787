#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `turf events`: the shape of statistics, how they grow, out-of-memory events, and its end.
# shellcheck source=tests/integration/lib.sh disable=SC2016,SC2119 # for the shell inside
. "$(dirname "$0")/lib.sh"

id=$MARK-events
bundle "$TMP/b" sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; while :; do sleep 0.05; done'
edit "$TMP/b" '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 50},
	cpu: {cpus: "0"}}'
turf run --detach --bundle "$TMP/b" "$id" >/dev/null 2>"$TMP/err" </dev/null ||
	skip "no memory, pids or cpuset cgroup here: $(cat "$TMP/err")"

turf events --stats "$id" >"$TMP/stats"
eq "$(wc -l <"$TMP/stats")" 1
eq "$(jq -r .type "$TMP/stats")" stats
eq "$(jq -r .id "$TMP/stats")" "$id"
eq "$(jq -c '.data | keys_unsorted' "$TMP/stats")" \
	'["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]'
eq "$(jq .data.memory.usage.limit "$TMP/stats")" 67108864
eq "$(jq .data.pids.limit "$TMP/stats")" 50
eq "$(jq -c .data.cpuset.cpus "$TMP/stats")" '[0]'
jq -e '.data.memory.usage.usage > 0 and .data.pids.current >= 1' "$TMP/stats" >/dev/null ||
	fail "no usage: $(cat "$TMP/stats")"
used() { turf events --stats "$id" | jq .data.cpu.usage.total; }
worked() { [ "$(used)" -gt 1000000 ]; }
await worked

# What runc says of a container like that has no member that we do not have; but for those
# that are left out while they are zero.
if command -v runc >/dev/null && [ -d /sys/fs/cgroup/memory ]; then
	rid=$MARK-runc
	runc --root "$ROOT-runc" run --detach --bundle "$TMP/b" "$rid" >/dev/null 2>&1 </dev/null
	members='[paths(type != "object" and type != "array") | map(select(type == "string")) |
		join(".")] | unique | map(select(test("raw|blkio|hugetlb|max$|cache$") | not))'
	theirs=$(runc --root "$ROOT-runc" events --stats "$rid" | jq -c "$members")
	ours=$(turf events --stats "$id" | jq -c "$members")
	runc --root "$ROOT-runc" delete --force "$rid"
	rm -rf "$ROOT-runc"
	eq "$(jq -nc "$theirs - $ours")" '[]' "members that only runc has"
fi

# At intervals, until the container ends; with what ran out of memory in between.
"$TURF" --root "$ROOT" events --interval 100ms "$id" >"$TMP/events" &
events=$!
HELPERS+=("$events")
three() { [ "$(grep -c '"type":"stats"' "$TMP/events")" -ge 3 ]; }
await three
turf kill "$id" KILL
wait "$events" || fail "events ended with $?"
turf delete "$id"

# A container that takes more memory than it may. It is kept, for with its cgroup goes the count.
bundle "$TMP/o" sh -c 'read go; x=x; while :; do x=$x$x; done'
edit "$TMP/o" '.linux.resources += {memory: {limit: 16777216, swap: 16777216}}'
mkfifo "$TMP/go"
exec 9<>"$TMP/go"
"$TURF" --root "$ROOT" run --keep --bundle "$TMP/o" "$id-oom" <"$TMP/go" >/dev/null 2>&1 &
HELPERS+=("$!")
await has_status "$id-oom" running
"$TURF" --root "$ROOT" events --interval 1h "$id-oom" >"$TMP/oom" &
events=$!
HELPERS+=("$events")
# It watches as soon as it has this open.
watches() { find "/proc/$events/fd" -lname '*/memory.oom_control' -o -lname anon_inode:inotify | grep -q .; }
await watches
echo go >&9
wait "$events" || fail "events ended with $?"
matches "$(cat "$TMP/oom")" "^\{\"type\":\"oom\",\"id\":\"$id-oom\"\}" "out of memory"
exec 9>&-
await has_status "$id-oom" stopped
turf delete "$id-oom"

# Bad input
fails "container does not exist" turf events "$MARK-none"
fails "not a duration" turf events --interval 0s "$id"
fails "not a duration" turf events --interval 5 "$id"
bundle "$TMP/s" true
turf run --detach --bundle "$TMP/s" "$id" >/dev/null </dev/null
await has_status "$id" stopped
fails "container not running" turf events --stats "$id"
turf delete "$id"
gone() { [ -z "$(turf list -q)" ]; }
await gone
nothing_left
