#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Attacks on whoever enters a container that runs: one for each class of faults that runtimes had.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sleep 1000
for applet in env grep ps wc mkfifo; do
	ln -sf busybox "$TMP/b/rootfs/bin/$applet"
done
cp "$B/tests/exec_spy" "$TMP/b/rootfs/bin/exec_spy"
mkdir -p "$TMP/b/rootfs/etc"
sum=$(sha256sum <"$TURF")

refused() {
	local rc=0

	timeout 20 "$TURF" --root "$ROOT" exec "$@" >"$TMP/refused.out" 2>"$TMP/refused" </dev/null || rc=$?
	eq "$rc" 255 "exit code of exec $*: $(cat "$TMP/refused.out" "$TMP/refused")"
	eq "$(wc -l <"$TMP/refused")" 1 "lines of exec $*: $(cat "$TMP/refused")"
}

turf run -d -b "$TMP/b" "$id"

# --- CVE-2024-21626: a working directory that is a descriptor of the runtime's ---
ln -s /proc/self/fd/7 "$TMP/b/rootfs/escape"
for n in $(seq 3 20); do
	refused --cwd "/proc/self/fd/$n" "$id" pwd
	refused --cwd "/proc/thread-self/fd/$n" "$id" pwd
done
refused --cwd /escape "$id" pwd
exec 9</
refused --cwd /proc/self/fd/9 "$id" pwd
jq '.process | .args = ["pwd"] | .cwd = "/proc/self/fd/9"' "$TMP/b/config.json" >"$TMP/p.json"
refused -p "$TMP/p.json" "$id"
# Nor does it get descriptors of ours, or of the caller's that it was not to have.
eq "$(turf --log "$TMP/log" exec "$id" sh -c 'echo /proc/self/fd/*')" \
	"/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3" "descriptors"
exec 9<&-

# --- CVE-2019-5736: the runtime's executable, by a command that leads back to it ---
refused "$id" /proc/self/exe
printf '#!/proc/self/exe\n' >"$TMP/b/rootfs/bin/back"
chmod 755 "$TMP/b/rootfs/bin/back"
turf exec "$id" /bin/back </dev/null >"$TMP/out" 2>&1 || :
grep -q "Usage: turf" "$TMP/out" && fail "the container executed turf: $(cat "$TMP/out")"
eq "$(sha256sum <"$TURF")" "$sum" "the executable"

# --- CVE-2019-5736, CVE-2016-9962: a root inside that waits for us, with the right to trace or without ---
spy() {
	: >"$TMP/spied"
	"$TURF" --root "$ROOT" exec "$@" "$id" exec_spy 8 >"$TMP/spied" &
	HELPERS+=($!)
	for _ in $(seq 25); do
		turf exec "$id" true </dev/null
		turf exec -u 5:5 "$id" true </dev/null
	done
	wait "${HELPERS[-1]}" || :
	grep -q '^end$' "$TMP/spied" || fail "the spy was ended: $(cat "$TMP/spied")"
	grep -q "^seen turf" "$TMP/spied" || fail "the spy saw nobody come: $(cat "$TMP/spied")"
	for what in WRITABLE DIR; do
		! grep -q "^$what" "$TMP/spied" || fail "the spy got hold of $what: $(cat "$TMP/spied")"
	done
}
spy
! grep -q "^MEM" "$TMP/spied" || fail "memory of ours: $(cat "$TMP/spied")"
! grep -q "^fd socket" "$TMP/spied" || fail "descriptors of ours: $(cat "$TMP/spied")"
# Who may trace everybody sees a process on its way: it holds our streams and one socket.
spy -c CAP_SYS_PTRACE
[ "$(grep -c "^MEM\|^fd socket" "$TMP/spied")" -gt 1 ] ||
	fail "the spy sees nothing, so it proves nothing: $(cat "$TMP/spied")"
! grep "^fd" "$TMP/spied" | grep -Eq "turf-test.*/root|cgroup|anon_inode|state" ||
	fail "descriptors of ours: $(cat "$TMP/spied")"
eq "$(sha256sum <"$TURF")" "$sum" "the executable"

# --- CVE-2022-29162, CVE-2022-24769: nothing inheritable, also with --cap ---
eq "$(turf exec -c CAP_NET_ADMIN "$id" grep CapInh /proc/self/status | awk '{print $2}')" 0000000000000000 CapInh
eq "$(turf exec -c CAP_NET_ADMIN -u 5 "$id" grep CapAmb /proc/self/status | awk '{print $2}')" 0000000000000000 CapAmb
eq "$(turf exec -c CAP_NET_ADMIN -u 5 "$id" grep CapEff /proc/self/status | awk '{print $2}')" 0000000000000000 \
	"capabilities of an ordinary user"

# --- CVE-2026-30892: what is no number is no user, least of all root ---
for user in root someone "" : 1: :1 " 1" "1 " +1 -1 0x10 1e3 1.0 01x 4294967295 4294967296 18446744073709551616 \
	1:4294967295 1:-1 1:root 1:2:3 1,2; do
	refused -u "$user" "$id" true
	grep -q "option '--user'" "$TMP/refused" || fail "-u '$user': $(cat "$TMP/refused")"
done
eq "$(turf exec -u 4294967294:4294967294 "$id" id -u)" 4294967294 "the largest id"

# --- hostile files where the runtime reads: a fifo never blocks it ---
mkfifo "$TMP/b/rootfs/etc/passwd"
eq "$(timeout 20 "$TURF" --root "$ROOT" exec -u 5 "$id" sh -c 'echo $HOME')" / "HOME from a fifo"
rm "$TMP/b/rootfs/etc/passwd"
ln -s /proc/1/root/etc/passwd "$TMP/b/rootfs/etc/passwd"
turf exec -u 5 "$id" true
rm "$TMP/b/rootfs/etc/passwd"

# --- hostile ids ---
for bad in .. . a/b ../"$id" "" "$(printf 'a\nb')"; do
	refused "$bad" true
done

# --- the cgroup below cannot lie outside ---
for sub in .. ../.. a/../../..; do
	refused --cgroup "$sub" "$id" true
done
turf delete -f "$id"

# --- CVE-2025-52565: a terminal that only looks like one of the container's ---
bundle "$TMP/p" sleep 1000
edit "$TMP/p" '.mounts |= map(select(.destination != "/dev/pts"))'
turf run -d -b "$TMP/p" "$id"
pid=$(turf state "$id" | jq .pid)
refused -t "$id" tty
turf exec "$id" sh -c 'busybox mkdir -p /dev/pts && echo x >/dev/pts/ptmx'
refused -t "$id" tty
grep -q "'/dev/pts/ptmx' is not the one of a devpts" "$TMP/refused" || fail "$(cat "$TMP/refused")"
turf exec "$id" sh -c 'rm -f /dev/pts/ptmx; busybox rm -f /dev/pts/ptmx; busybox ln -s /dev/null /dev/pts/ptmx' || :
refused -t "$id" tty
turf delete -f "$id"

# --- CVE-2019-19921: /proc is whatever the image says. The runtime reads the host's ---
bundle "$TMP/f" sleep 1000
edit "$TMP/f" '.mounts |= map(select(.destination != "/proc")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
mkdir -p "$TMP/f/rootfs/proc/self/attr" "$TMP/f/rootfs/proc/self/ns"
echo forged >"$TMP/f/rootfs/proc/self/attr/exec"
turf run -d -b "$TMP/f" "$id"
eq "$(turf exec -u 3 "$id" id -u)" 3 "without a procfs"
eq "$(cat "$TMP/f/rootfs/proc/self/attr/exec")" forged "what the runtime wrote into the image"
turf delete -f "$id"
nothing_left "attacks"
