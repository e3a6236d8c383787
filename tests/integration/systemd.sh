#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cgroups by systemd: a scope for each container. Without systemd the one error that says so.
# shellcheck source=tests/integration/lib.sh disable=SC2016,SC2119
. "$(dirname "$0")/lib.sh"

id=$MARK-systemd
unit=turf-$id.scope
bundle "$TMP/b" sh -c 'while :; do sleep 0.05; done'

# --- no cgroups at all ---

turf --cgroup-manager disabled run --detach --bundle "$TMP/b" "$id" >/dev/null </dev/null
eq "$(cat "/proc/$(turf state "$id" | jq .pid)/cgroup")" "$(cat /proc/self/cgroup)"
turf delete --force "$id"
edit "$TMP/b" '.linux.resources.pids.limit = 40'
fails "linux.resources.pids: the cgroup manager 'disabled' enforces no limits" \
	turf --cgroup-manager disabled run --bundle "$TMP/b" "$id"

# --- forms of the path ---

fails "needs option '--systemd-cgroup'" \
	turf run --bundle "$TMP/b" --config <(jq '.linux.cgroupsPath = "a.slice:b:c"' "$TMP/b/config.json") "$id"
edit "$TMP/b" '.linux.cgroupsPath = "/a/b"'
fails "'/a/b' is not of the form slice:prefix:name" \
	turf --systemd-cgroup run --bundle "$TMP/b" "$id"
edit "$TMP/b" 'del(.linux.cgroupsPath)'

if [ ! -d /run/systemd/system ]; then
	fails "systemd does not run here" turf --systemd-cgroup run --bundle "$TMP/b" "$id"
	nothing_left
	exit 0
fi

# --- a scope ---

shown() { systemctl show --value -p "$1" "$unit"; }
edit "$TMP/b" '.linux.resources += {memory: {limit: 67108864}, cpu: {shares: 512, quota: 50000, period: 100000}}'
turf --systemd-cgroup run --detach --bundle "$TMP/b" "$id" >/dev/null </dev/null
pid=$(turf state "$id" | jq .pid)
eq "$(shown ActiveState)" active
eq "$(shown Slice)" system.slice
eq "$(shown Delegate)" yes
eq "$(shown TasksMax)" 40
eq "$(shown CPUQuotaPerSecUSec)" 500ms
path=$(shown ControlGroup)
eq "$path" "/system.slice/$unit"
grep -q "$path\$" "/proc/$pid/cgroup" || fail "$(cat "/proc/$pid/cgroup")"
# The one that kept the place is gone; all that are left are the container's.
eq "$(turf ps -f json "$id" | jq 'index('"$pid"') != null')" true
! pgrep -x turf-systemd >/dev/null || fail "turf-systemd is still there"
if [ -e "/sys/fs/cgroup/$path/pids.max" ]; then # v2
	eq "$(cat "/sys/fs/cgroup/$path/pids.max")" 40
	eq "$(cat "/sys/fs/cgroup/$path/memory.max")" 67108864
	eq "$(shown MemoryMax)" 67108864
	eq "$(shown CPUWeight)" 59
fi

# What systemd brings back when it reloads is what was set last.
turf update --pids-limit 30 --memory 32m "$id"
eq "$(shown TasksMax)" 30
systemctl daemon-reload
if [ -e "/sys/fs/cgroup/$path/pids.max" ]; then
	eq "$(cat "/sys/fs/cgroup/$path/pids.max")" 30
	eq "$(cat "/sys/fs/cgroup/$path/memory.max")" 33554432
fi
# An update whose record cannot be written: systemd has the former limits as well.
on_full_disk "$id" fails "No space left on device" turf update --pids-limit 35 "$id"
eq "$(shown TasksMax)" 30 "what systemd has after a failed update"
systemctl daemon-reload
[ ! -e "/sys/fs/cgroup/$path/pids.max" ] || eq "$(cat "/sys/fs/cgroup/$path/pids.max")" 30
turf pause "$id"
eq "$(status_of "$id")" paused
turf resume "$id"

fails "$unit" turf --systemd-cgroup --root "$ROOT-2" run --bundle "$TMP/b" "$id"
rmdir "$ROOT-2"
turf kill "$id" KILL
await has_status "$id" stopped
turf delete "$id"
matches "$(systemctl show -p LoadState --value "$unit")" not-found "the unit"
nothing_left

# --- a place that is asked for ---

edit "$TMP/b" '.linux.cgroupsPath = $p' --arg p "turftest.slice:pre:$id"
turf --cgroup-manager systemd run --detach --bundle "$TMP/b" "$id" >/dev/null </dev/null
unit=pre-$id.scope
eq "$(shown Slice)" turftest.slice
turf delete --force "$id"
matches "$(systemctl show -p LoadState --value "$unit")" not-found "the unit"

# --- properties of the caller ---

edit "$TMP/b" '.annotations = {"org.systemd.property.CollectMode": "\u0027inactive\u0027",
	"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.SendSIGHUP": "true",
	"org.systemd.property.TasksMax": "uint64 41", "org.systemd.property.Description": "\u0027\u0027",
	"org.systemd.property.Wants": "[\u0027a.target\u0027]"}'
turf --systemd-cgroup run --detach --bundle "$TMP/b" "$id" >/dev/null </dev/null
eq "$(shown CollectMode)" inactive
eq "$(shown TimeoutStopUSec)" 7s
eq "$(shown SendSIGHUP)" yes
eq "$(shown TasksMax)" 41
eq "$(shown Wants)" a.target
# That of a unit without one is its name.
eq "$(shown Description)" "$unit"
turf delete --force "$id"
edit "$TMP/b" '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
fails "NoSuchThing" turf --systemd-cgroup run --bundle "$TMP/b" "$id"
edit "$TMP/b" '.annotations = {"org.systemd.property.Wants": "[\u0027a.target\u0027, \u0027\u0027]"}'
fails "[Uu]nit name" turf --systemd-cgroup run --bundle "$TMP/b" "$id"
edit "$TMP/b" '.annotations = {"org.systemd.property.KillSignal": "yes"}'
fails "'yes' is none of true" turf --systemd-cgroup run --bundle "$TMP/b" "$id"
edit "$TMP/b" '.annotations = {}'

# A half-made container: its creator is killed, and the scope goes.
edit "$TMP/b" '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "100"]}]'
"$TURF" --root "$ROOT" --systemd-cgroup create --bundle "$TMP/b" "$id" >/dev/null 2>&1 </dev/null &
creator=$!
HELPERS+=("$creator")
active() { [ "$(shown ActiveState)" = active ] && pgrep -f "^sleep 100" >/dev/null; }
await active
kill -9 "$creator"
turf delete --force "$id"
for pid in $(pgrep -f "^sleep 100"); do kill -9 "$pid"; done
matches "$(systemctl show -p LoadState --value "$unit")" not-found "the unit"
systemctl stop turftest.slice
nothing_left
