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

# At any moment. What a kill leaves is never more than delete --force finds; a process that was
# just born notices by itself, some moments later, that its creator is gone.
is_clean() {
	[ -z "$(leftovers)" ]
}
edit "$TMP/b" 'del(.hooks)'
for _ in $(seq 60); do
	"$TURF" --root "$ROOT" create -b "$TMP/b" "$id" &
	creator=$!
	sleep "$(printf '0.%03d' $((RANDOM % 30)))"
	kill -9 $creator 2>/dev/null || :
	wait $creator 2>/dev/null || :
	turf list -f json >/dev/null
	turf delete --force "$id"
	await is_clean
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
