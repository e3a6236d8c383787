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

# Runs until its first process is in a user namespace that it made.
run_moved() {
	turf run -d -b "$1" "$id" </dev/null >/dev/null 2>&1
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
code 255 turf exec "$id" true 2>"$TMP/refused"
matches "$(cat "$TMP/refused")" "has left its user namespace for one of its own"
fails "has left its user namespace for one of its own" turf mounts add "$id" "$TMP/given.json"
turf delete -f "$id"
nothing_left "moved containers"
