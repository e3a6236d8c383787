#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman with turf as its runtime, as an ordinary user with a range of further ids, which newuidmap
# grants. The user exists only in this script's mount namespace.
# shellcheck disable=SC2016 # shells inside have variables of their own
# shellcheck source=tests/integration/lib-engines.sh
. "$(dirname "$0")/lib-engines.sh"

needs_engines podman conmon newuidmap
[ "$(cat /proc/sys/user/max_user_namespaces)" != 0 ] || skip "needs user namespaces"
own_network "$@"
USER_ID=1234
P=$TMP/podman
in_memory "$P"
chmod 755 "$TMP" "$P"
mkdir -p "$P/home" "$P/run" "$P/networks"
cp "$TURF" "$P/turf" # the build tree may be closed to others
cp /etc/passwd "$P/passwd"
echo "turftest:x:$USER_ID:$USER_ID::$P/home:/bin/sh" >>"$P/passwd"
cp /etc/group "$P/group"
echo "turftest:x:$USER_ID:" >>"$P/group"
echo "turftest:200000:65536" >"$P/subid"
for f in passwd group subuid subgid; do
	[ -e /etc/$f ] || skip "needs /etc/$f, to put the test's own over it"
	mount --bind "$P/${f/sub?id/subid}" /etc/$f
done
# On this host's cgroups, v1 or hybrid, an ordinary user has none of his own.
cat >"$P/containers.conf" <<-END
	[containers]
	env = ["PATH=/bin", "TEST_MARK=$MARK"]
	default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
	[network]
	network_backend = "netavark"
	network_config_dir = "$P/networks"
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	runtime = "turf"
	[engine.runtimes]
	turf = ["$P/turf"]
END
printf '[storage]\ndriver = "vfs"\n' >"$P/storage.conf"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$P/policy.json"
chown -R $USER_ID:$USER_ID "$P/home" "$P/run" "$P/networks"
PODMAN=(setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups env -i -C "$P/home" "PATH=$PATH" "HOME=$P/home"
	"XDG_RUNTIME_DIR=$P/run" "TEST_MARK=$MARK" "CONTAINERS_CONF=$P/containers.conf"
	"CONTAINERS_STORAGE_CONF=$P/storage.conf" podman)
podman() {
	"${PODMAN[@]}" "$@"
}
MOUNTS=$(count_mounts)
IMAGE=turf-test:1
c=$MARK-c
run() {
	podman run --network none "$@"
}
sh_in() { # sh_in SCRIPT [OPTION]...: what it prints, errors in their order
	local script="exec 2>&1; $1"

	shift
	run --rm "$@" $IMAGE sh -c "$script"
}
inspect() {
	podman inspect --format "$2" "$1"
}

engine_root "$TMP/rootfs"
tar -C "$TMP/rootfs" -cf "$P/image.tar" .
quiet podman import -q --signature-policy "$P/policy.json" "$P/image.tar" $IMAGE
eq "$(podman info --format '{{.Host.Security.Rootless}} {{.Host.OCIRuntime.Path}}')" "true $P/turf" "podman's runtime"

# --- run, and who one is ---
eq "$(sh_in 'id -u; cat /proc/self/uid_map' | xargs)" "0 0 $USER_ID 1 1 200000 65536" "ids"
code 3 sh_in 'exit 3'
rc=0; run --rm $IMAGE no-such-program 2>"$TMP/err" || rc=$?
eq "$rc" 127 "a missing program: $(cat "$TMP/err")"
matches "$(cat "$TMP/err")" 'executable file not found in \$PATH' "a program that is not there"
eq "$(sh_in 'id -u; touch /tmp/f && stat -c %u /tmp/f' -u 1000 | xargs)" "1000 1000" "-u"
mkdir "$P/home/data"
chown $USER_ID:$USER_ID "$P/home/data"
eq "$(sh_in 'id -u; touch /d/kept && stat -c %u /d/kept' --userns keep-id -v "$P/home/data:/d" | xargs)" \
	"$USER_ID $USER_ID" "--userns keep-id"
eq "$(stat -c %u "$P/home/data/kept")" $USER_ID "owner outside with keep-id"
eq "$(sh_in 'cat /proc/self/uid_map' --uidmap 0:1:100 --gidmap 0:1:100 | xargs)" "0 1 100" "--uidmap"

# --- a container that stays ---
quiet run -d --name "$c" --hostname box $IMAGE sh -c 'echo out; trap "exit 9" TERM; while :; do sleep 0.1; done'
pid=$(inspect "$c" '{{.State.Pid}}')
eq "$(awk '/^Uid/ {print $2}' "/proc/$pid/status")" $USER_ID "user outside"
eq "$(podman exec "$c" hostname)" box "exec"
code 7 podman exec "$c" sh -c 'exit 7'
eq "$(podman exec -u user -e A=b -w /tmp "$c" sh -c 'id -u; echo $A; pwd' | xargs)" "1000 b /tmp" "exec -u -e -w"
matches "$(script -qec "${PODMAN[*]} exec -it $c tty" /dev/null </dev/null)" /dev/pts/0 "exec -it"
logged() { podman logs "$c" 2>/dev/null | grep -q "$1"; }
await logged out
matches "$(podman top "$c" args | sed -n 2p)" '^sh -c echo out' "top"
quiet podman stop -t 20 "$c"
eq "$(inspect "$c" '{{.State.Status}} {{.State.ExitCode}}')" "exited 9" "stop"
quiet podman start "$c"
quiet podman kill -s KILL "$c"
eq "$(podman wait "$c")" 137 "kill"
quiet podman rm "$c"

# --- rights ---
eq "$(sh_in 'grep CapEff /proc/self/status | cut -f2' --cap-drop all --cap-add chown)" 0000000000000001 "--cap-drop and --cap-add"
eq "$(sh_in 'grep -E "NoNewPrivs|Seccomp:" /proc/self/status | cut -f2' --security-opt no-new-privileges | xargs)" "1 2" "rights"
eq "$(sh_in 'echo x >/x; true' --read-only | tr -d "'" | xargs)" "sh: cant create /x: Read-only file system" "--read-only"

# --- nothing is left ---
eq "$(podman ps -aq)" "" "containers at the end"
# podman keeps its user namespace with a process that does nothing.
pause=$(cat "$P/run/libpod/tmp/pause.pid" 2>/dev/null || :)
[ -z "$pause" ] || kill "$pause"
processes_are_gone() { [ -z "$(marked_processes)" ]; }
await processes_are_gone
eq "$(ls -A "$P/run/turf" 2>/dev/null || :)" "" "turf's state"
no_container_left "podman"
