#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# User namespaces: those that a hostile container makes itself, and what the root of one can undo.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(cat /proc/sys/user/max_user_namespaces)" != 0 ] || skip "needs user namespaces"
id=$MARK-n
chmod 755 "$TMP"

# The rights that root has in most containers, and what it needs.
ready() {
	edit "$TMP/$1" '.process.capabilities |= with_entries(.value += ["CAP_SETFCAP"])'
	for applet in id mount umount unshare readlink; do
		ln -sf busybox "$TMP/$1/rootfs/bin/$applet"
	done
}

# refused PATTERN COMMAND...: executed inside, it fails and says why.
refused() {
	local pattern=$1 rc=0

	shift
	turf exec "$id" "$@" >"$TMP/refused" 2>&1 </dev/null || rc=$?
	[ $rc != 0 ] || fail "'$*' succeeded"
	matches "$(cat "$TMP/refused")" "$pattern" "'$*'"
}

# Runs until its first process is in a user namespace that it made.
run_moved() {
	turf run -d -b "$1" "$id" </dev/null >"$TMP/log"
	pid=$(turf state "$id" | jq .pid)
	await moved
}

moved() {
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 1000 " ]
}

# --- the first process goes into a namespace of its own: nobody follows it there ---
bundle "$TMP/b"
ready b
edit "$TMP/b" '.process.args = ["unshare", "-U", "-r", "-m", "sleep", "1000"]'
echo secret >"$TMP/b/rootfs/secret"
chgrp 42 "$TMP/b/rootfs/secret"
chmod 640 "$TMP/b/rootfs/secret"
run_moved "$TMP/b"
[ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ] || fail "it is where we are"
eq "$(turf exec "$id" readlink /proc/self/ns/user)" "$(readlink /proc/self/ns/user)" "the namespace of who joins"
# The caller's groups stay outside, and those of the process are its own.
eq "$(setpriv --groups 42,43 "$TURF" --root "$ROOT" exec -u 1000:1000 "$id" id -G)" 1000 "groups of who joins"
fails "Permission denied" setpriv --groups 42 "$TURF" --root "$ROOT" exec -u 1000:1000 "$id" cat /secret
eq "$(turf exec -u 1000:1000 -g 42 "$id" cat /secret)" secret "with the group"
# A mount that is handed in read-only must stay so: the root of the new namespace could change it.
mkdir "$TMP/given"
jq -n --arg from "$TMP/given" '[{destination: "/given", type: "bind", source: $from, options: ["rbind", "ro"]}]' \
	>"$TMP/given.json"
fails "has made a user namespace, whose root can undo" turf mounts add "$id" "$TMP/given.json"
fails "has made a user namespace, whose root can undo" turf mounts remove "$id" "$TMP/given.json"
turf delete -f "$id"

# A record without the namespace says as much as the configuration does.
run_moved "$TMP/b"
edit_state() {
	jq "$1" "$ROOT/$id/state.json" >"$TMP/state.json"
	cat "$TMP/state.json" >"$ROOT/$id/state.json"
}
eq "$(jq .userNamespace "$ROOT/$id/state.json")" "$(stat -Lc %i /proc/self/ns/user)" "the record"
edit_state 'del(.userNamespace)'
eq "$(setpriv --groups 42 "$TURF" --root "$ROOT" exec -u 1000:1000 "$id" id -G)" 1000 "groups, by an older record"
turf delete -f "$id"

# --- out of the user namespace of the container into one below ---
bundle "$TMP/u"
ready u
edit "$TMP/u" '.process.args = ["unshare", "-U", "-r", "sleep", "1000"]
	| .linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = .linux.uidMappings'
run_moved "$TMP/u"
refused "has left its user namespace for one of its own" true
fails "has left its user namespace for one of its own" turf mounts add "$id" "$TMP/given.json"
turf delete -f "$id"
nothing_left "moved containers"

# --- mounts of the host, for a root who may mount: nothing is uncovered or made writable ---
bundle "$TMP/m" sleep 1000
ready m
host=$TMP/host
mkdir -p "$host/ro" "$host/volume/below" "$TMP/m/rootfs/ro" "$TMP/m/rootfs/volume" "$TMP/m/rootfs/mnt"
mount -t tmpfs "$MARK" "$host/ro"
chmod 777 "$host/ro"
mount -o remount,ro,nosuid,nodev "$host/ro"
echo hidden >"$host/volume/below/hidden"
mount -t tmpfs "$MARK" "$host/volume/below"
chown -R 100000:100000 "$TMP/m/rootfs"
# A source that the container's root could not reach by itself.
chmod 700 "$host"
edit "$TMP/m" '.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = .linux.uidMappings
	| .process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"])
	| .mounts += [{destination: "/ro", type: "bind", source: ($h + "/ro"), options: ["rbind"]},
		{destination: "/volume", type: "bind", source: ($h + "/volume"), options: ["rbind"]}]' --arg h "$host"

# untouched WHAT: root of the container can do nothing to what is mounted at /ro and /volume.
untouched() {
	# That it may mount at all is what makes the rest mean something.
	eq "$(turf exec "$id" sh -c 'mount -t tmpfs x /mnt && umount /mnt && echo can')" can "$1: mounts of its own"
	for options in rw suid dev; do
		refused "ermission denied|not permitted" mount -o "remount,bind,$options" /ro
	done
	refused "Read-only file system" sh -c 'echo x >/ro/file'
	refused "nvalid argument" umount /volume/below
	refused "nvalid argument" mount --bind /volume /mnt
	eq "$(turf exec "$id" ls /volume/below)" "" "$1: what was covered"
}

turf run -d -b "$TMP/m" "$id" </dev/null >"$TMP/log"
untouched "of the configuration"
turf delete -f "$id"

# The same mounts, given to one that runs.
jq '[.mounts[-2:][]]' "$TMP/m/config.json" >"$TMP/two.json"
edit "$TMP/m" '.mounts |= .[:-2]'
turf run -d -b "$TMP/m" "$id" </dev/null >"$TMP/log"
turf mounts add "$id" "$TMP/two.json"
untouched "added"
turf delete -f "$id"

# What cannot be had is said.
edit "$TMP/m" '.mounts += $two[0]' --slurpfile two "$TMP/two.json"
edit "$TMP/m" '.mounts[-1].options = ["bind"]'
fails "source '$host/volume': with mounts below it, a user namespace needs 'rbind'" turf run -b "$TMP/m" "$id"
edit "$TMP/m" '.mounts[-1].options = ["rbind"] | .mounts[-2].options = ["rbind", "rw"]'
fails "options of '$host/ro': in a user namespace a mount of the host's stays as" turf run -b "$TMP/m" "$id"
umount "$host/ro" "$host/volume/below"
nothing_left "locked mounts"
