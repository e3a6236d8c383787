#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many verbs on one id at one time: each sees the container before or after another's change,
# never in between.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sleep 1000

# in_parallel N COMMAND...: runs it N times at once; prints how many succeeded.
in_parallel() {
	local n=$1 i ok=0 pids=()

	shift
	for i in $(seq "$n"); do
		"$@" >"$TMP/par.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then ok=$((ok + 1)); fi
	done
	echo $ok
}

for round in 1 2 3; do
	eq "$(in_parallel 8 turf create -b "$TMP/b" "$id")" 1 "creations of one id in round $round"
	eq "$(cat "$TMP"/par.* | grep -c "container with id exists: $id")" 7 "refused creations"
	eq "$(status_of "$id")" created
	eq "$(in_parallel 8 turf start "$id")" 1 "starts"
	eq "$(cat "$TMP"/par.* | grep -c "cannot start a container that is not created: $id")" 7 "refused starts"
	eq "$(status_of "$id")" running
	eq "$(in_parallel 8 turf kill "$id" KILL | grep -c '[1-8]')" 1 "kills"
	await has_status "$id" stopped
	eq "$(in_parallel 8 turf delete "$id")" 1 "deletions"
	eq "$(cat "$TMP"/par.* | grep -c "container does not exist: $id")" 7 "refused deletions: $(cat "$TMP"/par.*)"
	nothing_left "round $round"
done

# A bit of everything; at the end one deletion clears up.
churn() {
	for _ in 1 2 3 4 5; do
		turf create -b "$TMP/b" "$id" || :
		turf start "$id" || :
		turf state "$id" | jq -e .status || :
		turf list -f json | jq -e . || return 1
		turf kill --all "$id" KILL || :
		turf delete --force "$id" || return 1
	done
}
eq "$(in_parallel 4 churn)" 4 "churns: $(cat "$TMP"/par.*)"
turf delete --force "$id"
nothing_left "a churn"

# Different ids do not wait for each other.
ids=$(seq -f "$MARK-%g" 8)
pids=()
for i in $ids; do
	"$TURF" --root "$ROOT" run -d -b "$TMP/b" "$i" &
	pids+=($!)
done
for i in "${pids[@]}"; do
	wait "$i" || fail "one of eight containers does not run"
done
eq "$(turf list -f json | jq 'map(select(.status == "running")) | length')" 8
for i in $ids; do
	turf delete --force "$i"
done
