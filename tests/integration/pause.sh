#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that stands still: pause, resume, what kill and delete do to it; ps; delete by regex.
# shellcheck disable=SC2016 # the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sh -c 'while :; do echo >>/tmp/ticks; sleep 0.02; done'
ticks=$TMP/b/rootfs/tmp/ticks

size() {
	stat -c %s "$ticks" 2>/dev/null || echo 0
}

grows() {
	[ "$(size)" -gt "$1" ]
}

# --- what cannot be paused ---
fails "container does not exist: $id" turf pause "$id"
fails "container does not exist: $id" turf resume "$id"
turf create -b "$TMP/b" "$id"
fails "container not paused: $id is created" turf resume "$id"
# A created one can, and comes up paused no more.
turf pause "$id"
eq "$(status_of "$id")" paused "a created container that is paused"
fails "cannot start a container that is not created: $id is paused" turf start "$id"
turf resume "$id"
eq "$(status_of "$id")" created "after its resume"

# --- pause, resume ---
turf start "$id"
await grows 0
turf pause "$id"
eq "$(status_of "$id")" paused
eq "$(turf list -f json | jq -r '.[0].status')" paused "list"
fails "container not running or created: $id is paused" turf pause "$id"
fails "cannot delete container $id that is not stopped: paused" turf delete "$id"
before=$(size)
sleep 0.3
eq "$(size)" "$before" "what a paused container wrote"
turf resume "$id"
eq "$(status_of "$id")" running "after resume"
await grows "$before"
fails "container not paused: $id is running" turf resume "$id"

# --- ps ---
pid=$(turf state "$id" | jq .pid)
turf ps --format json "$id" | jq -e --argjson p "$pid" 'index($p) != null' >/dev/null ||
	fail "ps does not know of process $pid"
matches "$(turf ps "$id" | head -n 1)" "^UID +PID" "header of ps"
turf ps "$id" | awk -v p="$pid" '$2 == p {found = 1} END {exit !found}' || fail "ps has no line of $pid"
turf ps "$id" | grep -q " ps -ef" && fail "ps shows processes of others"
matches "$(turf ps "$id" -o pid,comm | tr -s ' ' | sed 's/^ //')" "^PID COMMAND" "ps with options"
turf ps "$id" -o pid,comm | grep -Eq "^ *$pid sh$" || fail "ps -o pid,comm: $(turf ps "$id" -o pid,comm)"
fails "ps: no column PID" turf ps "$id" -o comm
fails "'xml' is none of table, json" turf ps -f xml "$id"
fails "container does not exist: nope" turf ps nope

# --- a paused container is killed, and deleted ---
turf pause "$id"
turf kill "$id" KILL
await has_status "$id" stopped
eq "$(turf ps -f json "$id")" "[]" "ps of a stopped container"
fails "container not running or created: $id is stopped" turf pause "$id"
turf delete "$id"
turf run -d -b "$TMP/b" "$id"
turf pause "$id"
turf kill --all "$id" KILL
await has_status "$id" stopped
turf delete "$id"
turf run -d -b "$TMP/b" "$id"
turf pause "$id"
turf delete --force "$id"
nothing_left "deleting paused containers"

# A signal that can be caught waits until the container goes on.
bundle "$TMP/t" sh -c 'trap "exit 5" USR1; echo ready >/tmp/ready; while :; do sleep 0.02; done'
turf run -d -b "$TMP/t" "$id"
await test -e "$TMP/t/rootfs/tmp/ready"
turf pause "$id"
turf kill "$id" USR1
eq "$(status_of "$id")" paused "after a signal"
turf resume "$id"
await has_status "$id" stopped
turf delete "$id"

# --- delete by regular expression ---
for n in x1 x2 y1; do
	turf run -d -b "$TMP/b" "$MARK-$n"
done
fails "cannot delete container $MARK-x1 that is not stopped" turf delete --regex "$MARK-x.*"
turf kill "$MARK-x2" KILL
await has_status "$MARK-x2" stopped
fails "cannot delete container $MARK-x1 that is not stopped" turf delete -r "x[12]$"
eq "$(turf list -q | tr '\n' ' ')" "$MARK-x1 $MARK-y1 " "one that cannot be deleted saves no other"
turf delete -f -r "^$MARK-x"
eq "$(turf list -q)" "$MARK-y1" "what does not match"
turf delete -r "nothing like this"
fails "option '--regex': '\[': " turf delete -r '['
turf delete --force --regex .
nothing_left "delete by regular expression"
