#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A runtime that is killed in the middle: no process is left, list and state make sense of the
# rest, and delete --force takes it away.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sleep 1000

# While a hook holds it up, create is "creating"; nobody else may touch the container.
mkfifo "$TMP/hold"
edit "$TMP/b" '.hooks.createRuntime = [{"path": "/bin/sh",
	"args": ["sh", "-c", "echo >\($dir)/in; read x <\($dir)/hold"]}]' --arg dir "$TMP"
"$TURF" --root "$ROOT" create -b "$TMP/b" "$id" &
creator=$!
await test -e "$TMP/in"
eq "$(status_of "$id")" creating
eq "$(turf list -f json | jq -r '.[].status')" creating
fails "container not running: $id" turf kill "$id" KILL
fails "cannot start a container that is not created: $id is creating" turf start "$id"
kill -9 $creator
wait $creator || :
echo >"$TMP/hold"
eq "$(status_of "$id")" stopped "after its creator was killed"
eq "$(turf list -f json | jq -r '.[] | "\(.status) \(.pid)"')" "stopped 0"
fails "container with id exists: $id" turf create -b "$TMP/b" "$id"
fails "container not running: $id" turf kill "$id" KILL
turf delete --force "$id"
nothing_left "a killed create"

# At any moment of any verb, until KILLS of them were hit before they had ended. What a kill
# leaves is never more than delete --force finds; a process that was just born notices by itself,
# some moments later, that its creator is gone.
KILLS=${KILLS:-40}
verbs=(create start exec delete update pause run)
# About as long as they take, in tenths of a millisecond.
declare -A span=([create]=250 [start]=80 [exec]=200 [delete]=250 [update]=80 [pause]=80 [run]=250)
exec {silence}<> <(:)
is_clean() {
	[ -z "$(leftovers)" ]
}
prepare() {
	case $1 in
	create | run) return ;;
	esac
	turf create -b "$TMP/b" "$id" >/dev/null
	[ "$1" = start ] || turf start "$id"
}
# Becomes the verb.
doomed() {
	local turf=("$TURF" --root "$ROOT" --log /dev/null)

	case $1 in
	create) exec "${turf[@]}" create -b "$TMP/b" "$id" ;;
	run) exec "${turf[@]}" run --detach -b "$TMP/b" "$id" ;;
	start) exec "${turf[@]}" start "$id" ;;
	exec) exec "${turf[@]}" exec "$id" true ;;
	delete) exec "${turf[@]}" delete --force "$id" ;;
	update) exec "${turf[@]}" update --pids-limit $((10 + RANDOM % 50)) --memory 64m "$id" ;;
	pause) exec "${turf[@]}" pause "$id" ;;
	esac
}
edit "$TMP/b" 'del(.hooks)'
declare -A hits tries
for ((hit = 0; hit < KILLS;)); do
	verb=${verbs[RANDOM % ${#verbs[@]}]}
	prepare "$verb"
	(doomed "$verb") </dev/null >/dev/null 2>&1 &
	victim=$!
	read -rt "$(printf '0.%04d' $((RANDOM % span[$verb])))" -u "$silence" _ || :
	kill -9 $victim 2>/dev/null || :
	rc=0
	wait $victim 2>/dev/null || rc=$?
	tries[$verb]=$((${tries[$verb]:-0} + 1))
	if [ $rc = 137 ]; then
		hit=$((hit + 1))
		hits[$verb]=$((${hits[$verb]:-0} + 1))
	fi
	turf list -f json >/dev/null
	turf delete --force "$id"
	await is_clean
done
for verb in "${verbs[@]}"; do
	echo "$verb: killed ${hits[$verb]:-0} times of ${tries[$verb]:-0}, nothing is left"
done
# Killed while it waits: the container lives on, and is an ordinary one.
"$TURF" --root "$ROOT" run -b "$TMP/b" "$id" &
runner=$!
await has_status "$id" running
kill -9 $runner
wait $runner || :
eq "$(status_of "$id")" running "after its runner was killed"
turf kill "$id" KILL
await has_status "$id" stopped
turf delete "$id"
nothing_left "a killed run"
