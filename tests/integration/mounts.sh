#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mounts add and remove: what a running container gets and loses, also against its will.
# shellcheck disable=SC2016 # the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/tests/swap_race" ] || skip "$B/tests/swap_race is not built"
id=$MARK-a
bundle "$TMP/b" sleep 1000
for tool in mv mkdir; do ln -sf busybox "$TMP/b/rootfs/bin/$tool"; done
mkdir -p "$TMP/data/sub" "$TMP/b/relative"
echo one >"$TMP/data/sub/file"
echo two >"$TMP/b/relative/file"
echo three >"$TMP/single"
turf run -d -b "$TMP/b" "$id" </dev/null >/dev/null 2>&1
pid=$(turf state "$id" | jq .pid)

mounts_inside() {
	wc -l <"/proc/$pid/mountinfo"
}
before=$(mounts_inside)

# --- what is refused changes nothing ---
refused() {
	local text=$1 pattern=$2

	printf '%s' "$text" >"$TMP/bad.json"
	fails "$pattern" turf mounts "${3:-add}" "$id" "$TMP/bad.json"
	eq "$(mounts_inside)" "$before" "mounts after '$text'"
}
good='{"destination": "/good", "type": "tmpfs", "source": "tmpfs"}'
fails "'change' is neither add nor remove" turf mounts change "$id" "$TMP/none"
fails "too few arguments" turf mounts add "$id"
fails "mounts add: open '$TMP/none': No such file|mounts add: .*none.*No such file" turf mounts add "$id" "$TMP/none"
refused '[{' "bad.json: "
refused '"x"' "neither an array of mounts"
refused '{}' "neither an array of mounts nor an object"
refused '[{"type": "tmpfs"}]' "mounts\[0\].destination: missing"
refused '[{"destination": "/", "type": "tmpfs", "source": "tmpfs"}]' "destination: the root itself"
refused "[$good, {\"destination\": \"/x\", \"type\": \"proc\", \"source\": \"proc\"}]" \
	"mounts\[1\].type: 'proc' is for a container that is made"
refused "[$good, {\"destination\": \"/x\", \"type\": \"bind\", \"source\": \"/nowhere\"}]" \
	"mounts\[1\] '/x': source '/nowhere': No such file"
refused '[{"destination": "/nothing"}]' "mounts\[0\]: open '/nothing': No such file" remove
refused '[{"destination": "/bin"}]' "mounts\[0\]: nothing is mounted at '/bin'" remove
refused '[{"destination": "/"}]' "nothing is mounted at" remove

# --- there they are, and gone again ---
cat >"$TMP/add.json" <<END
[{"destination": "/data", "type": "bind", "source": "$TMP/data", "options": ["rbind", "ro"]},
 {"destination": "/made/here", "type": "bind", "source": "relative", "options": ["bind"]},
 {"destination": "/etc/single", "type": "bind", "source": "$TMP/single", "options": ["bind", "ro"]},
 {"destination": "/memory", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "nosuid"]}]
END
turf mounts add "$id" "$TMP/add.json"
eq "$(mounts_inside)" $((before + 4)) "mounts after add"
eq "$(turf exec "$id" cat /data/sub/file /made/here/file /etc/single | tr '\n' ' ')" "one two three " "files"
turf exec "$id" sh -c 'echo x >/data/x' 2>/dev/null && fail "a read-only mount can be written"
turf exec "$id" sh -c 'echo x >/memory/x'
matches "$(grep " /memory " "/proc/$pid/mountinfo")" "nosuid.* tmpfs .*size=64k" "options"
eq "$(count_mounts)" "$MOUNTS" "mounts of the host"
turf mounts remove "$id" "$TMP/add.json"
eq "$(mounts_inside)" "$before" "mounts after remove"
# As a part of a configuration, as well.
jq '{mounts: .}' "$TMP/add.json" >"$TMP/part.json"
turf mounts add "$id" "$TMP/part.json"
# Paused, it cannot help, nor hinder.
turf pause "$id"
turf mounts remove "$id" "$TMP/part.json"
turf resume "$id"
eq "$(mounts_inside)" "$before" "mounts after remove from a paused one"

# --- a place that a process inside chose: the host's, or one behind the kernel's own links ---
mkdir "$TMP/outside"
ln -s "$TMP/outside" "$TMP/b/rootfs/tmp/absolute"
ln -s "../../../../../../../../../../../..$TMP/outside" "$TMP/b/rootfs/tmp/relative"
ln -s /proc/1/root/tmp "$TMP/b/rootfs/tmp/magic"
at() { printf '[{"destination": "%s", "type": "tmpfs", "source": "tmpfs"}]' "$1" >"$TMP/at.json"; }
for link in absolute relative; do
	at "/tmp/$link/new"
	turf mounts add "$id" "$TMP/at.json"
	eq "$(mounts_inside)" $((before + 1)) "a mount by the link '$link'"
	fails "'/tmp/$link/new' is, or lies behind, a symbolic link" \
		turf mounts remove "$id" "$TMP/at.json"
	at "$TMP/outside/new"
	turf mounts remove "$id" "$TMP/at.json"
done
at /tmp/magic/new
fails "mounts\[0\] '/tmp/magic/new'" turf mounts add "$id" "$TMP/at.json"
eq "$(ls -A "$TMP/outside")" "" "what a link made on the host"

# --- removed by a name that leads to /proc/sys by now: it would be writable ---
mkdir -p "$TMP/b/rootfs/above"
at /above/volume
turf mounts add "$id" "$TMP/at.json"
turf exec "$id" mv /above /moved
turf exec "$id" mkdir /above
turf exec "$id" busybox ln -s /proc/sys /above/volume
fails "'/above/volume' is, or lies behind, a symbolic link" turf mounts remove "$id" "$TMP/at.json"
fails "Read-only file system" turf exec "$id" sh -c 'echo >/proc/sys/kernel/hostname'
at /moved/volume
turf mounts remove "$id" "$TMP/at.json"

# --- a file system whose paths would be looked up inside ---
refused '[{"destination": "/x", "type": "overlay", "source": "x", "options": ["lowerdir=/bin:/tmp"]}]' \
	"'overlay' is for a container that is made, not for one that runs"

# --- and one that changes while we look ---
mkdir -p "$TMP/b/rootfs/swap/dir"
ln -s /proc "$TMP/b/rootfs/swap/link"
"$B/tests/swap_race" "$TMP/b/rootfs/swap/dir" "$TMP/b/rootfs/swap/link" &
race=$!
HELPERS+=("$race")
at /swap/dir/new
for _ in $(seq 40); do
	turf mounts add "$id" "$TMP/at.json" 2>/dev/null || :
	turf mounts remove "$id" "$TMP/at.json" 2>/dev/null || :
done
kill -9 $race
wait $race 2>/dev/null || :
# Nothing was attached but at the place itself.
eq "$(awk '$5 !~ "^/swap/(dir|link)/new$"' "/proc/$pid/mountinfo" | wc -l)" "$before" \
	"mounts elsewhere after a race"
eq "$(count_mounts)" "$MOUNTS" "mounts of the host after a race"

turf kill "$id" KILL
await has_status "$id" stopped
fails "container not running: $id" turf mounts add "$id" "$TMP/add.json"
turf delete "$id"
fails "container does not exist: $id" turf mounts add "$id" "$TMP/add.json"
nothing_left "mounts"

# --- into a user namespace ---
bundle "$TMP/u" sleep 1000
edit "$TMP/u" '.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = .linux.uidMappings'
chmod 755 "$TMP"
chown -R 100000:100000 "$TMP/u/rootfs"
turf run -d -b "$TMP/u" "$id" </dev/null >/dev/null 2>&1
jq '[.[0], .[2], .[3]]' "$TMP/add.json" >"$TMP/three.json"
turf mounts add "$id" "$TMP/three.json"
eq "$(turf exec "$id" cat /data/sub/file /etc/single | tr '\n' ' ')" "one three " "in a user namespace"
turf mounts remove "$id" "$TMP/three.json"
turf exec "$id" cat /etc/single 2>/dev/null | grep -q three && fail "a mount is there after its removal"
turf delete -f "$id"
