#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What people and tools get wrong: one clear sentence, a code that is not 0, nothing left.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sleep 1000

# --- the command line ---
code 3 turf nosuchverb 2>/dev/null
fails "unknown verb 'nosuchverb'" turf nosuchverb
fails "unknown option '--nosuch'" turf --nosuch list
code 1 turf create --nosuch "$id" 2>/dev/null
fails "create: unknown option '--nosuch'" turf create --nosuch "$id"
fails "option '--bundle' needs a value" turf create "$id" --bundle
fails "create: too few arguments" turf create
fails "one argument too many: 'b'" turf create -b "$TMP/b" a b
fails "'xml' is none of table, json" turf list -f xml
fails "'sometimes' is none of auto, require, never" turf create --warmfork sometimes "$id"
fails "'-1' is not a number" turf create --preserve-fds -1 "$id"
fails "'nobody' is none of cgroupfs, systemd, disabled" turf --cgroup-manager nobody list
fails "open log file '$TMP/none/log'" turf --log "$TMP/none/log" list
fails "'loud' is none of" turf --log-level loud list
fails "seed: 'nosuch' is none of start, stop, list, info, image" turf seed nosuch
fails "seed image: 'nosuch' is none of rebuild, info" turf seed image nosuch
fails "invalid seed name" turf seed info ../x
for closed in '0<&-' '1>&-' '2>&-'; do
	eval "turf list -q $closed" || fail "list with $closed"
done

# --- ids ---
for bad in . .. a/b ../a 'a b' 'ä' '' "$(printf 'x%.0s' $(seq 241))" $'a\nb'; do
	fails "invalid container id" turf create -b "$TMP/b" "$bad"
	fails "invalid container id" turf state "$bad"
	fails "invalid container id" turf delete --force "$bad"
done
long=$MARK$(printf 'x%.0s' $(seq $((200 - ${#MARK}))))
turf create -b "$TMP/b" "$long"
turf delete --force "$long"

# --- taken id ---
turf create -b "$TMP/b" "$id"
fails "container with id exists: $id" turf create -b "$TMP/b" "$id"
fails "container with id exists: $id" turf run -b "$TMP/b" "$id"
eq "$(status_of "$id")" created "after the id was asked for again"
turf delete --force "$id"

# --- bundles ---
fails "bundle '$TMP/none': No such file" turf create -b "$TMP/none" "$id"
fails "config.json" turf create -b "$TMP" "$id"
fails "bundle '/etc/passwd'" turf create -b /etc/passwd "$id"
cp -a "$TMP/b" "$TMP/broken"
broken() { # broken PATTERN JQ-FILTER
	cp "$TMP/b/config.json" "$TMP/broken/config.json"
	edit "$TMP/broken" "$2"
	fails "$1" turf create -b "$TMP/broken" "$id"
	fails "$1" turf run -b "$TMP/broken" "$id"
}
echo '{"ociVersion": "1.0.2",' >"$TMP/broken/config.json"
fails "config.json: line 2" turf create -b "$TMP/broken" "$id"
: >"$TMP/broken/config.json"
fails "config.json" turf create -b "$TMP/broken" "$id"
broken "config.json: ociVersion: missing" 'del(.ociVersion)'
broken "process.cwd" '.process.cwd = "relative"'
broken "process.args" '.process.args = []'
broken "process.rlimits\[0\].hard" '.process.rlimits = [{"type":"RLIMIT_NOFILE","hard":-1,"soft":1}]'
broken "root.path: '$TMP/broken/nowhere': No such file" '.root.path = "nowhere"'
broken "root.path: '$TMP/broken/config.json': Not a directory" '.root.path = "config.json"'
broken "annotations\['turf.noslate.dev/warmfork'\]: 'often' is none of" \
	'.annotations = {"turf.noslate.dev/warmfork": "often"}'
for name in heap stack; do
	for limit in 0 many 64mi -1 99999999999999999999 17179869184Gi; do
		broken "annotations\['turf.noslate.dev/$name-limit'\]: '$limit' is no number of bytes" \
			".annotations = {\"turf.noslate.dev/$name-limit\": \"$limit\"}"
	done
done
broken "annotations\['turf.noslate.dev/stack-limit'\]: '63Ki' is less than 65536" \
	'.annotations = {"turf.noslate.dev/stack-limit": "63Ki"}'
for name in cpu task; do
	for limit in 0s many 5 -1s 1.5s 10000h 99999999999999999999s; do
		broken "annotations\['turf.noslate.dev/$name-limit'\]: '$limit' is not a duration from 1ms to 9999h" \
			".annotations = {\"turf.noslate.dev/$name-limit\": \"$limit\"}"
	done
done
broken "can be no name of a seed" '.annotations = {"turf.noslate.dev/seed": "../x"}'
broken "mounts" '.mounts += [{"destination":"/tmp","type":"nosuchfs","source":"x"}]'
broken "source|No such file" '.mounts += [{"destination":"/tmp","type":"bind","source":"/nowhere","options":["bind"]}]'
broken "linux.namespaces|No such file" '.linux.namespaces |= map(if .type == "network" then .path = "/nowhere/ns" else . end)'
nothing_left "broken bundles"

# --- a program that is not there ---
cp "$TMP/b/config.json" "$TMP/broken/"
edit "$TMP/broken" '.process.args = ["nosuchprogram"]'
fails "executable file not found in .PATH|No such file" turf run -b "$TMP/broken" "$id"
nothing_left "run of a missing program"
if turf create -b "$TMP/broken" "$id" 2>/dev/null; then
	fails "executable file not found in .PATH|No such file" turf start "$id"
	await has_status "$id" stopped
	turf delete "$id"
fi
nothing_left "start of a missing program"

# --- terminals ---
edit "$TMP/broken" '.process.args = ["true"] | .process.terminal = true'
fails "process.terminal: .*'--console-socket'" turf create -b "$TMP/broken" "$id"
fails "process.terminal: .*'--console-socket'" turf run -d -b "$TMP/broken" "$id"
fails "console socket '$TMP/no.sock': No such file" \
	turf create --console-socket "$TMP/no.sock" -b "$TMP/broken" "$id"
fails "process.terminal is not set" turf create --console-socket "$TMP/no.sock" -b "$TMP/b" "$id"
: >"$TMP/file.sock"
fails "socket '$TMP/file.sock': Connection refused" \
	turf create --console-socket "$TMP/file.sock" -b "$TMP/broken" "$id"

# --- pid file ---
fails "pid file: .*No such file" turf create --pid-file "$TMP/none/pid" -b "$TMP/b" "$id"
nothing_left "failed creations"

# --- state directories that cannot be written ---
ROOT=$TMP/full
mkdir "$ROOT"
mount -t tmpfs -o size=16k,nr_inodes=100 none "$ROOT"
head -c 1000000 /dev/zero >"$ROOT/.filler" 2>/dev/null || :
fails "No space left on device" turf create -b "$TMP/b" "$id"
fails "No space left on device" turf run -b "$TMP/b" "$id"
eq "$(ls -A "$ROOT")" .filler "a full state directory"
umount "$ROOT"
mount -t tmpfs -o size=1m,nr_inodes=2 none "$ROOT"
fails "No space left on device" turf create -b "$TMP/b" "$id"
eq "$(ls -A "$ROOT")" "" "a state directory without inodes"
mount -o remount,ro "$ROOT"
fails "Read-only file system" turf create -b "$TMP/b" "$id"
fails "container does not exist" turf state "$id"
eq "$(turf list -q)" ""
umount "$ROOT"
rmdir "$ROOT"
ROOT=$TMP/b/config.json
fails "Not a directory" turf create -b "$TMP/b" "$id"
fails "Not a directory" turf list
ROOT=$TMP/root
nothing_left "state directories that cannot be written"

# --- a record that we did not write ---
mkdir -p "$ROOT/$id"
echo '{"id":"x"' >"$ROOT/$id/state.json"
fails "container '$id': state.json: " turf state "$id"
fails "container '$id': state.json: " turf delete "$id"
fails "container '$id': state.json: " turf kill "$id"
turf list 2>"$TMP/err" | grep -q "$id" && fail "a broken record is listed"
matches "$(cat "$TMP/err")" "state.json: .*, ignoring"
turf delete --force "$id" 2>"$TMP/err"
matches "$(cat "$TMP/err")" "removing the directory alone"
nothing_left "a broken record"

# --- what this host may not have ---
if ! grep -q ' - resctrl ' /proc/self/mountinfo; then
	cp "$TMP/b/config.json" "$TMP/broken/"
	broken "linux.intelRdt: no resctrl file system is mounted on this host" \
		'.linux.intelRdt = {"memBwSchema": "MB:0=20"}'
	nothing_left "intelRdt without resctrl"
fi
