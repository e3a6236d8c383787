#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An ordinary user's containers, and namespaces that are joined by path around a user namespace.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

command -v setpriv >/dev/null || skip "needs setpriv (util-linux)"
[ "$(cat /proc/sys/user/max_user_namespaces)" != 0 ] || skip "needs user namespaces"
USER_ID=1234
id=$MARK-a
chmod 755 "$TMP"
cp "$B/turf" "$TMP/turf" # the build tree may be closed to others
mkdir -p "$TMP/run" "$TMP/b"
chown $USER_ID:$USER_ID "$TMP/run"

AS_USER=(setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups env -i "PATH=$PATH"
	"XDG_RUNTIME_DIR=$TMP/run" "TEST_MARK=$MARK")
as_user() { "${AS_USER[@]}" "$@"; }
# The host's cgroups are root's: warnings, which go to a file here with everything else.
user() { as_user "$TMP/turf" "$@" 2>"$TMP/user.err"; }
user_refuses() { # user_refuses PATTERN: the last line of `run` matches, and it fails
	if user run -b "$TMP/b" "$id" >"$TMP/out"; then fail "'$1' did not come"; fi
	matches "$(tail -n 1 "$TMP/user.err")" "$1" "refusal"
}

bundle "$TMP/b" sh -c 'id -u; id -g; cat /proc/self/uid_map /proc/self/setgroups; hostname; echo x >/dev/null && echo wrote'
for tool in head wc grep; do ln -sf busybox "$TMP/b/rootfs/bin/$tool"; done
chown -R $USER_ID:$USER_ID "$TMP/b"
rm "$TMP/b/config.json"
user spec --rootless -b "$TMP/b"
eq "$(jq -c '.linux.uidMappings[0]' "$TMP/b/config.json")" \
	"{\"containerID\":0,\"hostID\":$USER_ID,\"size\":1}" "mapping of spec --rootless"
edit "$TMP/b" '.process.terminal = false | .process.env += ["TEST_MARK=\($m)"] | .process.args = ["sh", "-c",
	"id -u; id -g; cat /proc/self/uid_map /proc/self/setgroups; hostname; echo x >/dev/null && echo wrote"]' --arg m "$MARK"
base=$TMP/config.base
cp "$TMP/b/config.json" "$base"
fresh() { cp "$base" "$TMP/b/config.json"; edit "$TMP/b" "$@"; chown $USER_ID "$TMP/b/config.json"; }
shell() { fresh '.process.args = ["sh", "-c", $s]' --arg s "$1"; }

# --- run ---
eq "$(user run -b "$TMP/b" "$id" | tr -s ' \n' ' ')" "0 0 0 $USER_ID 1 deny turf wrote " "a rootless container"
eq "$(cat "$TMP/user.err")" "" "without a cgroup, of which nothing was asked"
eq "$(ls -A "$TMP/run/turf")" "" "state of an ordinary user"

# --- the life of a container, with its state where the user's is ---
shell "sleep 1000"
user create -b "$TMP/b" "$id"
eq "$(stat -c %a:%u "$TMP/run/turf" "$TMP/run/turf/$id" | xargs)" "700:$USER_ID 700:$USER_ID" "state directories"
eq "$(user state "$id" | jq -r .status)" created
pid=$(user state "$id" | jq .pid)
user start "$id"
await grep -qz "^1000" "/proc/$pid/cmdline"
eq "$(awk '/^Uid/ {print $2}' "/proc/$pid/status")" $USER_ID "user of the process"
user kill "$id" KILL
gone() { [ "$(user state "$id" | jq -r .status)" = stopped ]; }
await gone
user delete "$id"
# --- a cgroup that may not be made, and limits that are asked for ---
fresh '.process.args = ["echo", "ran"] | .linux.resources.pids = {limit: 10}'
for choice in auto true; do
	eq "$(user --rootless "$choice" run -b "$TMP/b" "$id")" ran "--rootless $choice"
	matches "$(cat "$TMP/user.err")" "cgroup.*going on without a cgroup and its limits" "--rootless $choice"
done
if user --rootless false run -b "$TMP/b" "$id" >"$TMP/out"; then fail "--rootless false went on"; fi
matches "$(tail -n 1 "$TMP/user.err")" "make cgroup .*: Permission denied" "--rootless false"
eq "$(cat "$TMP/out")" "" "what ran with --rootless false"
eq "$(ls -A "$TMP/run/turf")" "" "state after --rootless false"

# --- a cgroup of version 2 that was given to the user ---
given=/sys/fs/cgroup/$MARK-given
at_end() {
	[ ! -e "$given" ] || find "$given" -depth -type d -exec rmdir {} \; 2>/dev/null || :
}
in_given() (
	echo $BASHPID >"$given/user/cgroup.procs"
	user "$@"
)
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	limited=$(grep -ow pids /sys/fs/cgroup/cgroup.controllers || :)
	[ -z "$limited" ] || echo +pids >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$given" "$given/user"
	chown $USER_ID "$given" "$given"/cgroup.{procs,threads,subtree_control} "$given"/user{,/cgroup.procs}
	fresh '.process.args = ["sleep", "1000"] | .linux.resources |= {devices}'
	[ -z "$limited" ] || edit "$TMP/b" '.linux.resources.pids = {limit: 10}'
	in_given run -d -b "$TMP/b" "$id" </dev/null >"$TMP/out"
	eq "$(cat "$TMP/user.err")" "" "messages with a cgroup of the user's"
	eq "$(grep ^0: "/proc/$(user state "$id" | jq .pid)/cgroup")" "0::/$MARK-given/$id" "cgroup"
	if [ -n "$limited" ]; then
		eq "$(cat "$given/$id/pids.max")" 10 "the limit"
		in_given update --pids-limit 20 "$id"
		eq "$(cat "$given/$id/pids.max")" 20 "the limit after update"
	fi
	in_given delete -f "$id"
	eq "$(ls -d "$given/$id" 2>/dev/null)" "" "the cgroup after delete"
fi

# Nobody else's container has this id, and root's are not seen.
fails "container does not exist: $id" turf state "$id"

# --- memory that cannot be executed unless that is asked for, or not at all ---
shell "echo ran"
in_noexec() { # in_noexec LEVEL: `run` where vm.memfd_noexec is that
	# shellcheck disable=SC2016 # for the inner shell
	unshare --pid --fork --mount-proc sh -c 'echo "$0" >/proc/sys/vm/memfd_noexec && exec "$@"' "$1" \
		"${AS_USER[@]}" "$TMP/turf" run -b "$TMP/b" "$id"
}
if [ -e /proc/sys/vm/memfd_noexec ]; then
	eq "$(in_noexec 1)" ran "with vm.memfd_noexec=1"
	fails "sysctl vm.memfd_noexec is 2, so no memory can be executed" in_noexec 2
fi

# --- what is inside ---
shell "stat -c %t:%T:%u /dev/null 2>/dev/null || ls -l /dev/null; head -c 3 /dev/zero | wc -c"
user run -b "$TMP/b" "$id" | grep -q '^3$' || fail "no /dev/zero"
# The host's /sys is there and nothing of it can be changed, its cgroups included.
shell 'grep " /sys" /proc/self/mountinfo | grep -v " ro,"; echo x >/sys/fs/cgroup/x; echo end'
edit "$TMP/b" '.linux.namespaces |= map(select(.type != "network")) | .mounts |= map(if .destination == "/sys"
	then {destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev"]} else . end)'
eq "$(user run -b "$TMP/b" "$id" 2>/dev/null)" end "a /sys that may be written"
# A sysfs of its own where the network namespace is.
shell "grep -c ' /sys .*- sysfs' /proc/self/mountinfo; ls /sys/class/net"
edit "$TMP/b" '.linux.namespaces += [{type: "network"}] | .mounts |= map(if .destination == "/sys"
	then {destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]} else . end)'
eq "$(user run -b "$TMP/b" "$id" | xargs)" "1 lo" "an own sysfs"
# Bind mounts, masks, a terminal's console.
mkdir -p "$TMP/data"
echo data >"$TMP/data/file"
shell "cat /data/file; echo x >/data/new; cat /proc/keys | wc -c"
edit "$TMP/b" '.mounts += [{destination: "/data", type: "bind", source: $d, options: ["rbind", "ro"]}]' --arg d "$TMP/data"
eq "$(user run -b "$TMP/b" "$id" 2>/dev/null | xargs)" "data 0" "bind mounts and masks"
# Hooks run where the runtime is: outside, as the user.
shell "true"
edit "$TMP/b" '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "id -u >\($t)/hook; readlink /proc/self/ns/user >>\($t)/hook"]}]}' --arg t "$TMP/run"
user run -b "$TMP/b" "$id"
eq "$(xargs <"$TMP/run/hook")" "$USER_ID $(readlink /proc/self/ns/user)" "surroundings of a hook"

# --- refusals ---
fresh 'del(.linux.uidMappings) | del(.linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
user_refuses "linux.namespaces: who is not root needs a user namespace"
fresh '.process.user.additionalGids = [7]'
user_refuses "process.user.additionalGids: only with more than one group"
fresh '.mounts += [{destination: "/d", type: "bind", source: "/tmp", options: ["bind", "idmap"]}]'
user_refuses "mapped ids: only for root"
fresh '.mounts += [{destination: "/d", type: "bind", source: $t, options: ["bind"]}]' --arg t "$TMP/none"
user_refuses "source '$TMP/none': No such file"
fresh '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
user_refuses "linux.uidMappings: "
eq "$(ls -A "$TMP/run/turf")" "" "state after refusals"
# helpers_are FILE FILE: what newuidmap and newgidmap of the host are, if it has them.
helpers_are() {
	local helper=$1

	for name in newuidmap newgidmap; do
		helpers_back /usr/bin/$name
		[ ! -e /usr/bin/$name ] || mount --bind "$helper" /usr/bin/$name
		helper=$2
	done
}
helpers_back() {
	while umount "$1" 2>/dev/null; do :; done
}
helpers_are /dev/null /dev/null
fresh '.linux.uidMappings += [{containerID: 1, hostID: 200000, size: 10}]'
user_refuses "linux.uidMappings: 'newuidmap' is not installed"

# --- more than one id: by newuidmap and newgidmap, here programs of the test with their rights ---
mount -t tmpfs -o mode=755 none /usr/local/bin
for kind in uid gid; do
	cp "$B/tests/map_helper" /usr/local/bin/new${kind}map
	chmod 4755 /usr/local/bin/new${kind}map
done
helpers_are /usr/local/bin/newuidmap /usr/local/bin/newgidmap
fresh '.linux.uidMappings += [{containerID: 1, hostID: 200000, size: 10}]
	| .linux.gidMappings += [{containerID: 1, hostID: 200000, size: 10}]
	| .process.user = {uid: 3, gid: 4, additionalGids: [5]}
	| .process.args = ["sh", "-c", "id -u; id -g; id -G; cat /proc/self/uid_map"]'
eq "$(user run -b "$TMP/b" "$id" | xargs)" "3 4 4 5 0 $USER_ID 1 1 200000 10" "ids by newuidmap"
# A cgroup that is mounted to be written belongs to the container's user, but only root gives away.
if [ -e "$given" ]; then
	edit "$TMP/b" '.process.args = ["grep", "^0:", "/proc/self/cgroup"]
		| .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid"]}]'
	eq "$(in_given run -b "$TMP/b" "$id")" "0::/" "a cgroup of the user's, mounted inside: $(cat "$TMP/user.err")"
fi
at_end
helpers_back /usr/bin/newuidmap
helpers_back /usr/bin/newgidmap
umount /usr/local/bin

# --- a root that is one only in a user namespace, as under podman ---
shell "id -u; cat /proc/self/uid_map"
fresh 'del(.linux.uidMappings) | del(.linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))
	| .process.args = ["sh", "-c", "id -u; echo x >/dev/null && echo wrote"]'
eq "$(as_user unshare -Urm "$TMP/turf" --root "$TMP/run/inner" run -b "$TMP/b" "$id" 2>"$TMP/user.err" | xargs)" "0 wrote" \
	"inside of a user namespace: $(cat "$TMP/user.err")"

# --- namespaces by path ---
"${AS_USER[@]}" unshare -Urmn --propagation private sleep 1000 &
HELPERS+=($!)
other=$!
is_apart() { [ "$(readlink /proc/$other/ns/user)" != "$(readlink /proc/self/ns/user)" ] && grep -q sleep /proc/$other/comm; }
await is_apart
for who in user turf; do
	# A user namespace that is there, with new ones inside of it.
	shell "readlink /proc/self/ns/user; id -u; echo x >/dev/null && echo wrote"
	edit "$TMP/b" '.linux.namespaces |= map(if .type == "user" then .path = $p else . end)
		| del(.linux.uidMappings) | del(.linux.gidMappings)' --arg p "/proc/$other/ns/user"
	eq "$($who run -b "$TMP/b" "$id" | xargs)" "$(readlink /proc/$other/ns/user) 0 wrote" "$who joins a user namespace ($(cat "$TMP/user.err"))"
	# The same with its network.
	edit "$TMP/b" '.linux.namespaces += [{type: "network", path: $p}]
		| .process.args[2] = "readlink /proc/self/ns/net; ls /sys/class/net | wc -l"
		| .mounts |= map(if .destination == "/sys" then {destination: "/sys", type: "sysfs", source: "sysfs"} else . end)' \
		--arg p "/proc/$other/ns/net"
	eq "$($who run -b "$TMP/b" "$id" | xargs)" "$(readlink /proc/$other/ns/net) 1" "$who joins its network too"
done
# Root: a new user namespace, and a network namespace of the host's side by path.
unshare -n sleep 1000 &
HELPERS+=($!)
net=$!
is_net() { [ "$(readlink /proc/$net/ns/net)" != "$(readlink /proc/self/ns/net)" ] && grep -q sleep /proc/$net/comm; }
await is_net
shell "readlink /proc/self/ns/net; cat /proc/self/uid_map"
edit "$TMP/b" '.linux.namespaces += [{type: "network", path: $p}] | .linux.uidMappings[0].size = 10 | .linux.gidMappings[0].size = 10' \
	--arg p "/proc/$net/ns/net"
eq "$(turf run -b "$TMP/b" "$id" | xargs)" "$(readlink /proc/$net/ns/net) 0 $USER_ID 10" "a new user namespace with a network by path"
# A child that is quicker than the process in between, which is to tell of it.
if command -v strace >/dev/null; then
	eq "$(ASAN_OPTIONS=detect_leaks=0 strace -f -o "$TMP/trace" -e trace=clone3 -e inject=clone3:delay_exit=300000 \
		"$TURF" --root "$ROOT" run -b "$TMP/b" "$id" </dev/null | xargs)" \
		"$(readlink /proc/$net/ns/net) 0 $USER_ID 10" "a child that speaks first"
fi
# A mount namespace by path: the rootfs is what the path shows there, and nothing is mounted.
fresh '.linux.namespaces = [{type: "mount", path: $p}, {type: "pid"}] | .mounts = [] | .root.readonly = false
	| del(.linux.uidMappings, .linux.gidMappings, .linux.maskedPaths, .linux.readonlyPaths, .hostname)
	| .process.args = ["sh", "-c", "cat /here"]' --arg p "/proc/$net/ns/mnt"
echo there >"$TMP/b/rootfs/here"
eq "$(turf run -b "$TMP/b" "$id")" there "a mount namespace by path"
kill -9 $other $net
wait $other $net 2>/dev/null || :
nothing_left "rootless containers"
