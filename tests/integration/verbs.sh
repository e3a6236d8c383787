#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A busybox bundle through every verb, the shapes that tools read, and the exit codes.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sleep 1000
edit "$TMP/b" '.annotations = {"org.example/key": "value"}'

# --- spec ---
fails "config.json' exists; remove it first" turf spec --bundle "$TMP/b"
mkdir "$TMP/r"
turf spec --rootless -b "$TMP/r"
eq "$(jq -c '.linux.uidMappings[0].containerID' "$TMP/r/config.json")" 0 "rootless mapping"
fails "open bundle '$TMP/none'" turf spec -b "$TMP/none"

# --- nothing there yet ---
eq "$(turf list -q)" ""
eq "$(turf list --format json)" "[]"
turf list | grep -q "^ID .*PID .*STATUS" || fail "list without a header"

# --- create ---
turf create --bundle "$TMP/b" --pid-file "$TMP/pid" "$id"
pid=$(cat "$TMP/pid")
matches "$pid" '^[0-9]+$' "pid file"
eq "$(status_of "$id")" created
eq "$(stat -c %a "$ROOT/$id" "$ROOT/$id/state.json" | tr '\n' ' ')" "700 600 " "modes of the state"
state=$(turf state "$id")
eq "$(jq -r .id <<<"$state")" "$id"
eq "$(jq -r .pid <<<"$state")" "$pid"
eq "$(jq -r .bundle <<<"$state")" "$TMP/b"
eq "$(jq -r .rootfs <<<"$state")" "$TMP/b/rootfs"
eq "$(jq -r '.annotations["org.example/key"]' <<<"$state")" value
matches "$(jq -r .ociVersion <<<"$state")" '^1\.[0-9]+\.[0-9]+$' ociVersion
matches "$(jq -r .created <<<"$state")" '^20..-..-..T..:..:..\.[0-9]{9}Z$' created
eq "$(jq -r .owner <<<"$state")" root
# The process waits: it is not yet the user's program.
grep -qz "^1000" "/proc/$pid/cmdline" && fail "the program runs before start"

# --- start ---
turf start "$id"
eq "$(status_of "$id")" running
await grep -qz "^1000" "/proc/$pid/cmdline"
fails "cannot start a container that is not created: $id is running" turf start "$id"
eq "$(turf list -q)" "$id"
eq "$(turf list -f json | jq -r '.[0] | "\(.id) \(.status) \(.pid)"')" "$id running $pid"
matches "$(turf list | tail -n 1)" "^$id +$pid +running +exec .* $TMP/b\$" "list"
fails "cannot delete container $id that is not stopped: running" turf delete "$id"
eq "$(status_of "$id")" running "after a refused delete"

# --- kill ---
fails "unknown signal 'NOSUCH'" turf kill "$id" NOSUCH
turf kill "$id" 0
turf kill "$id" SIGKILL
await has_status "$id" stopped
eq "$(turf state "$id" | jq .pid)" 0 "pid of a stopped container"
fails "container not running: $id" turf kill "$id" KILL
turf kill --all "$id" KILL
fails "cannot start a container that is not created: $id is stopped" turf start "$id"
eq "$(turf list | awk -v id="$id" '$1 == id {print $3}')" stopped

# --- delete ---
turf delete "$id"
fails "container does not exist: $id" turf delete "$id"
turf delete --force "$id"
fails "container does not exist: $id" turf state "$id"
fails "container does not exist: $id" turf start "$id"
fails "container does not exist: $id" turf kill "$id"
nothing_left "the life of a container"

# A created one: kept from delete, ended by kill, or by force.
turf create -b "$TMP/b" "$id"
fails "not stopped: created" turf delete "$id"
turf kill "$id" KILL
await has_status "$id" stopped
turf delete "$id"
turf create -b "$TMP/b" "$id"
turf delete -f "$id"
nothing_left "delete of created containers"

# --- run: exit codes, signals, streams ---
bundle "$TMP/c" sh -c 'echo out; echo err >&2; exit 7'
code 7 turf run -b "$TMP/c" "$id" >"$TMP/out" 2>"$TMP/err"
eq "$(cat "$TMP/out")" out
eq "$(cat "$TMP/err")" err
edit "$TMP/c" '.process.args = ["sh", "-c", "cat; kill -9 $$"]'
# PID 1 of a namespace takes no SIGKILL of its own; without one it does.
edit "$TMP/c" '.linux.namespaces |= map(select(.type != "pid"))'
eq "$(echo stdin | turf run -b "$TMP/c" "$id" || echo "code $?")" "stdin
code 137"
nothing_left "run"

# A signal to run is one to the container.
edit "$TMP/c" '.process.args = ["sh", "-c", "trap \"exit 5\" USR1; echo ready; while :; do sleep 0.1; done"]'
"$TURF" --root "$ROOT" run -b "$TMP/c" "$id" >"$TMP/out" &
run=$!
await grep -q ready "$TMP/out"
kill -USR1 $run
code 5 wait $run
nothing_left "run with a signal"

# The working directory is the default bundle; --keep and --detach leave the container.
edit "$TMP/c" '.process.args = ["true"]'
(cd "$TMP/c" && turf run --keep "$id")
eq "$(status_of "$id")" stopped "after run --keep"
turf delete "$id"
turf run --detach -b "$TMP/b" "$id"
eq "$(status_of "$id")" running "after run --detach"
turf delete --force "$id"
nothing_left "run --detach"

# --- another configuration file ---
jq '.process.args = ["sh", "-c", "exit 9"]' "$TMP/b/config.json" >"$TMP/other.json"
code 9 turf run -b "$TMP/b" --config "$TMP/other.json" "$id"

# --- descriptors ---
edit "$TMP/c" '.process.args = ["sh", "-c", "cat <&3; ls /proc/self/fd | wc -l"]'
cp "$BUSYBOX" "$TMP/c/rootfs/bin/wc"
eq "$(turf run -b "$TMP/c" --preserve-fds 1 "$id" 3<<<"three" 4<<<"four")" "three
5" "preserved descriptors"
fails "descriptor 3 is not open" turf run -b "$TMP/c" --preserve-fds 1 "$id" 3<&-

# --- version, help, completion ---
matches "$(turf --version)" "^turf version [0-9]"
eq "$(turf version)" "$(turf --version)"
verbs="checkpoint create delete events exec features help kill list mounts pause ps restore resume run seed spec start state update version"
eq "$("$TURF" __complete '' | sort | tr '\n' ' ')" "$verbs "
for verb in $verbs; do
	turf help "$verb" | grep -q "^Usage: turf $verb" || fail "no help of $verb"
	turf "$verb" --help | grep -q "^Usage: turf $verb" || fail "no --help of $verb"
	turf help | grep -q "^  $verb " || fail "$verb is not in help"
	grep -q "^\.It Cm $verb" runtime/turf.8 || fail "$verb is not in turf.8"
	# Every option of the completion is in the manual.
	for option in $("$TURF" __complete "$verb" -); do
		grep -Eq -- "\\\\-${option#--}( |\$)" runtime/turf.8 ||
			fail "$option of $verb is not in turf.8"
	done
done
eq "$("$TURF" __complete list --format '' | tr '\n' ' ')" "table json "
eq "$("$TURF" __complete seed image "" | tr "\n" " ")" "rebuild info build list rm "
turf create -b "$TMP/b" "$id"
eq "$("$TURF" __complete --root "$ROOT" delete '')" "$id"
eq "$("$TURF" __complete --root "$ROOT" kill "$id" '' | grep -c '^HUP$')" 1
turf delete -f "$id"

# --- the log ---
fails "container does not exist: nope" turf --log "$TMP/log" --log-format json state nope
eq "$(jq -r '"\(.level) \(.msg)"' "$TMP/log")" "error container does not exist: nope"
matches "$(jq -r .time "$TMP/log")" '^20.*Z$'
