#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# turf exec: what a process more in a container is given, what is refused, and what it leaves.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sleep 1000
cp "$BUSYBOX" "$TMP/b/rootfs/bin/env"
cp "$BUSYBOX" "$TMP/b/rootfs/bin/grep"
cp "$BUSYBOX" "$TMP/b/rootfs/bin/ps"
cp "$BUSYBOX" "$TMP/b/rootfs/bin/wc"
mkdir -p "$TMP/b/rootfs/root" "$TMP/b/rootfs/etc"
echo 'someone:x:1234:1234::/home/someone:/bin/sh' >"$TMP/b/rootfs/etc/passwd"
edit "$TMP/b" '.process.env += ["FROM=config"] | .process.oomScoreAdj = 321
	| .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99},
		{"type": "RLIMIT_NPROC", "soft": 333, "hard": 444}]'

# in_it COMMAND...: exec with nothing else.
in_it() {
	turf exec "$id" "$@"
}

# refused PATTERN OPTION...: exit code 255 and one line that starts as runc's does.
refused() {
	local pattern=$1 rc=0

	shift
	turf exec "$@" >"$TMP/refused.out" 2>"$TMP/refused" </dev/null || rc=$?
	eq "$rc" 255 "exit code of a refused exec $*"
	eq "$(wc -l <"$TMP/refused")" 1 "lines of a refused exec $*: $(cat "$TMP/refused")"
	matches "$(cat "$TMP/refused")" "^turf: exec failed: $pattern" "exec $*"
}

# --- which containers ---
refused "container does not exist: $id" "$id" true
turf create -b "$TMP/b" "$id"
eq "$(in_it echo created)" created "exec in a created container"
turf start "$id"
pid=$(turf state "$id" | jq .pid)

# --- streams and exit codes ---
eq "$(echo stdin | in_it cat)" stdin
eq "$(in_it sh -c 'echo out; echo err >&2' 2>/dev/null)" out
code 7 in_it sh -c 'exit 7'
code 137 in_it sh -c 'kill -9 $$'
code 143 in_it sh -c 'kill $$'
refused 'exec: "nope": executable file not found in \$PATH' "$id" nope
refused 'exec: "/bin/nope": no such file or directory' "$id" /bin/nope
refused 'exec: "/etc/passwd": permission denied' "$id" /etc/passwd
refused "neither a command nor '--process' is given" "$id"
refused "the command is empty" "$id" ""
# Options of the command are its own.
eq "$(in_it echo --detach -t --help)" "--detach -t --help"

# --- the same surroundings as the container's process ---
for ns in cgroup ipc mnt net pid time user uts; do
	eq "$(in_it readlink /proc/self/ns/$ns)" "$(readlink "/proc/$pid/ns/$ns")" "$ns namespace"
done
# Seen from here, because a cgroup namespace hides it inside.
"$TURF" --root "$ROOT" exec "$id" sleep 1000 &
HELPERS+=($!)
second() {
	inner=$(turf ps -f json "$id" | jq --argjson p "$pid" '[.[] | select(. != $p)] | .[0] // empty')
	[ -n "$inner" ] && [ "$(tr '\0' ' ' <"/proc/$inner/cmdline")" = "sleep 1000 " ]
}
await second
eq "$(sort "/proc/$inner/cgroup")" "$(sort "/proc/$pid/cgroup")" "cgroups"
for line in Groups CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Seccomp_filters Umask SigIgn SigBlk; do
	eq "$(grep "^$line:" "/proc/$inner/status")" "$(grep "^$line:" "/proc/$pid/status")" "$line"
done
eq "$(cat "/proc/$inner/limits")" "$(cat "/proc/$pid/limits")" "limits"
matches "$(cat "/proc/$pid/limits")" "Max processes +333 +444" "limit of processes"
eq "$(cat "/proc/$inner/oom_score_adj")" 321 oom_score_adj
eq "$(readlink "/proc/$inner/cwd")" "$(readlink "/proc/$pid/cwd")" "working directory"
# A session of its own.
eq "$(awk '{print ($5 == $6 && $5 == '"$inner"')}' "/proc/$inner/stat")" 1 "session"
# Descriptors 0 to 2 and the one that lists them.
eq "$(in_it ls /proc/self/fd | wc -l)" 4 "descriptors"
# The signal that ends exec ends the process: it is forwarded.
kill -TERM "${HELPERS[-1]}"
rc=0
wait "${HELPERS[-1]}" || rc=$?
eq $rc 143 "exit code after SIGTERM"
HELPERS=()
eq "$(turf ps -f json "$id")" "[$pid]" "processes after that"

# --- options ---
eq "$(turf exec -e FROM=option -e NEW=1 --env=NEW=2 "$id" env | grep -E '^(FROM|NEW)=' | sort | tr '\n' ' ')" \
	"FROM=option NEW=2 " "environment"
eq "$(in_it env | grep ^FROM)" FROM=config
eq "$(turf exec -u 1234:55 -g 66 -g 77 "$id" id -u)" 1234
eq "$(turf exec -u 1234:55 -g 66 -g 77 "$id" id -G)" "55 66 77"
eq "$(turf exec --user 1234 "$id" id -g)" 0 "group without one given"
turf exec -u 1234 "$id" sh -c 'echo "$HOME"' | grep -qx /home/someone || fail "HOME is not that of the user"
eq "$(turf exec --cwd /tmp "$id" sh -c 'pwd')" /tmp
refused "option '--cwd': 'tmp' is not an absolute path" --cwd tmp "$id" true
refused "process.cwd: chdir '/nowhere': No such file" --cwd /nowhere "$id" true
refused "option '--env': 'X' is not NAME=VALUE" -e X "$id" true
refused "option '--additional-gids': '-1' is not a number" -g -1 "$id" true
caps_of() {
	turf exec "$@" "$id" grep "^CapPrm" /proc/self/status | awk '{print $2}'
}
has=$(caps_of)
with=$(caps_of -c CAP_NET_ADMIN)
eq "$((0x$with & ~0x$has))" "$((1 << 12))" "what --cap adds"
eq "$(turf exec --no-new-privs "$id" grep NoNewPrivs /proc/self/status | tr -d '\t ')" NoNewPrivs:1
eq "$(turf exec --preserve-fds 1 "$id" sh -c 'cat <&3; ls /proc/self/fd | wc -l' 3<<<three 4<<<four)" "three
5" "preserved descriptors"
refused "descriptor 3 is to be preserved but not open" --preserve-fds 1 "$id" true 3<&-

# --- detached, pid file ---
turf exec -d --pid-file "$TMP/pid" "$id" sh -c 'sleep 1000'
inner=$(cat "$TMP/pid")
grep -qz 1000 "/proc/$inner/cmdline" || fail "the pid file is of somebody else"
kill -9 "$inner"
refused "a terminal of a detached process needs '--console-socket'" -d -t "$id" true
refused "pid file: " -d --pid-file /nowhere/x "$id" sleep 1000
gone() {
	[ "$(turf ps -f json "$id")" = "[$pid]" ]
}
await gone

# --- a pidfd ---
for verb in exec run; do
	socat -u "UNIX-LISTEN:$TMP/pidfd.sock" "OPEN:$TMP/name,creat,trunc" &
	HELPERS+=($!)
	await test -S "$TMP/pidfd.sock"
	if [ $verb = exec ]; then
		turf exec --pidfd-socket "$TMP/pidfd.sock" "$id" true
		await grep -qx setns "$TMP/name"
	else
		turf run --pidfd-socket "$TMP/pidfd.sock" -d -b "$TMP/b" "$id-2"
		await grep -qx standard "$TMP/name"
		turf delete -f "$id-2"
	fi
	rm -f "$TMP/pidfd.sock"
done
refused "option '--pidfd-socket': " --pidfd-socket "$TMP/none" "$id" true
# Labels that this host does not know are an error, not a wish.
if [ ! -e /sys/kernel/security/apparmor ] && [ ! -e /sys/fs/selinux/enforce ]; then
	refused ".*apparmor" --apparmor nosuch "$id" true
	refused ".*selinux" --process-label nosuch "$id" true
fi

# --- a process from a file ---
jq '.process | .args = ["sh", "-c", "id -u; pwd; echo $FILE"] | .user = {"uid": 9, "gid": 9}
	| .cwd = "/tmp" | .env = ["FILE=yes", "PATH=/bin"] | del(.capabilities, .rlimits, .oomScoreAdj)' \
	"$TMP/b/config.json" >"$TMP/process.json"
eq "$(turf exec --process "$TMP/process.json" "$id")" "9
/tmp
yes" "process file"
jq '.args = ["grep", "CapBnd", "/proc/self/status"]' "$TMP/process.json" >"$TMP/p2.json"
eq "$(turf exec -p "$TMP/p2.json" "$id")" "$(in_it grep CapBnd /proc/self/status)" "capabilities it leaves out"
jq '.args = ["sh", "-c", "ulimit -n"]' "$TMP/process.json" >"$TMP/p3.json"
eq "$(turf exec -p "$TMP/p3.json" "$id")" 77 "limits it leaves out"
echo '{"args": ["true"]}' >"$TMP/bad.json"
refused "option '--process': $TMP/bad.json: user: missing" -p "$TMP/bad.json" "$id"
refused "option '--process': open" -p "$TMP/none.json" "$id"

# --- cgroups below the container's ---
sub=$(sed -n 's,^[0-9]*:pids:,,p' "/proc/$pid/cgroup")
if [ -n "$sub" ] && [ -d "/sys/fs/cgroup/pids$sub" ]; then
	mkdir "/sys/fs/cgroup/pids$sub/below"
	turf exec --cgroup pids:below -d --pid-file "$TMP/pid" "$id" sleep 1000
	inner=$(cat "$TMP/pid")
	eq "$(sed -n 's,^[0-9]*:pids:,,p' "/proc/$inner/cgroup")" "$sub/below" "--cgroup"
	kill -9 "$inner"
	await gone
	refused "open cgroup .*: No such file" --cgroup pids:none "$id" true
	refused "bad sub cgroup path" --cgroup pids:../.. "$id" true
fi

# --- terminals ---
eq "$(turf exec -t "$id" sh -c 'tty' </dev/null | tr -d '\r')" /dev/pts/0
turf exec -t "$id" sh -c 'echo >/dev/tty' </dev/null >/dev/null || fail "no controlling terminal"
mkfifo "$TMP/keys"
"$B/tests/recv_console" "$TMP/sock" 33 44 <"$TMP/keys" >"$TMP/out" &
receiver=$!
HELPERS+=("$receiver")
exec 7>"$TMP/keys"
await test -S "$TMP/sock"
turf exec -d -t --console-socket "$TMP/sock" "$id" sh -c 'read line; stty size; echo "got $line"'
echo hello >&7
await grep -q '^got hello' "$TMP/out"
grep -q '^33 44' "$TMP/out" || fail "size of the terminal: $(cat "$TMP/out")"
wait $receiver
exec 7>&-
refused "option '--console-socket': no terminal is asked for" --console-socket "$TMP/sock" "$id" true
if command -v script >/dev/null; then
	printf 'stty rows 5 cols 66\n%s --root %s exec -t %s stty size\n' "$TURF" "$ROOT" "$id" >"$TMP/inner"
	exec 8<>"$TMP/keys"
	script -qec "sh $TMP/inner" /dev/null <&8 >"$TMP/out" 2>&1
	exec 8>&-
	grep -q '^5 66' "$TMP/out" || fail "size of our terminal: $(cat "$TMP/out")"
fi

# --- paused ---
turf pause "$id"
refused "cannot exec in a paused container \(use --ignore-paused to override\): $id" "$id" true
"$TURF" --root "$ROOT" exec --ignore-paused "$id" echo resumed >"$TMP/out" &
waiting=$!
HELPERS+=("$waiting")
# It is in the cgroup, and stands still there.
two() {
	[ "$(turf ps -f json "$id" | jq length)" -gt 1 ]
}
await two
eq "$(cat "$TMP/out")" "" "what was executed in a paused container"
turf resume "$id"
wait $waiting
eq "$(cat "$TMP/out")" resumed

# Whoever pauses meets no exec half-way: none hangs, and the container is never left frozen.
for _ in $(seq 15); do
	"$TURF" --root "$ROOT" exec "$id" true 2>/dev/null &
	racer=$!
	turf pause "$id"
	turf resume "$id"
	rc=0
	wait $racer || rc=$?
	[ $rc = 0 ] || [ $rc = 255 ] || fail "exec beside pause ended with $rc"
done
eq "$(turf ps -f json "$id")" "[$pid]" "processes after pauses"

# --- many at once ---
racers=()
for n in $(seq 8); do
	"$TURF" --root "$ROOT" exec "$id" sh -c "exit $n" &
	racers+=($!)
done
for n in $(seq 8); do
	rc=0
	wait "${racers[n - 1]}" || rc=$?
	eq $rc "$n" "exit code of one of many"
done

# --- the bundle is not needed any more ---
mv "$TMP/b/config.json" "$TMP/b/gone.json"
eq "$(in_it echo still)" still
mv "$TMP/b/gone.json" "$TMP/b/config.json"

# --- the end of the container is the end of all ---
"$TURF" --root "$ROOT" exec "$id" sleep 1000 &
HELPERS+=($!)
await two
turf kill "$id" KILL
rc=0
wait "${HELPERS[-1]}" || rc=$?
eq $rc 137 "exit code when the container was killed"
await has_status "$id" stopped
refused "cannot exec in a stopped container: container not running: $id" "$id" true
turf delete "$id"
nothing_left "exec"

# --- other sandboxes: few namespaces, no mount namespace, a user namespace, no privileges ---
edit "$TMP/b" '.linux.namespaces = [{"type": "mount"}] | del(.hostname)'
turf run -d -b "$TMP/b" "$id"
eq "$(in_it readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)" "shared network namespace"
eq "$(in_it cat /etc/passwd)" "$(cat "$TMP/b/rootfs/etc/passwd")" "root"
turf delete -f "$id"
bundle "$TMP/u" sleep 1000
edit "$TMP/u" '.linux.namespaces += [{"type": "user"}]
	| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
	| .linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
	| .mounts |= map(select(.destination | startswith("/sys") | not))'
chmod 755 "$TMP" "$TMP/u" "$TMP/u/rootfs"
turf run -d -b "$TMP/u" "$id"
eq "$(in_it id -u)" 0 "uid in a user namespace"
eq "$(turf exec -u 7:8 "$id" id -G)" 8 "ids in a user namespace"
eq "$(in_it readlink /proc/self/ns/user)" "$(readlink "/proc/$(turf state "$id" | jq .pid)/ns/user")"
eq "$(turf exec -t "$id" tty </dev/null | tr -d '\r')" /dev/pts/0 "terminal in a user namespace"
turf delete -f "$id"
nothing_left "exec in other sandboxes"

# The session keyring is one of the container's own, or its creator's, for who comes later, too.
cp "$B/tests/probe" "$TMP/b/rootfs/bin/probe"
edit "$TMP/b" '.linux.maskedPaths = []'
keyring_of() {
	"$@" | sed -n 's/^self session keyring: .*;//p'
}
turf run -d -b "$TMP/b" "$id"
eq "$(keyring_of in_it probe)" "_ses.$id"
turf delete -f "$id"
turf run -d --no-new-keyring -b "$TMP/b" "$id"
eq "$(keyring_of in_it probe)" "$(keyring_of "$B/tests/probe")" "the caller's keyring"
turf delete -f "$id"
nothing_left "exec with keyrings"
