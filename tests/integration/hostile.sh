#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two tenants on one seed, one of them hostile: native code in the place of a worker (the payload
# of tests/hostile) attacks the seed, the runtime's files, the host and the other tenant.
# shellcheck disable=SC2016 # jq and the inner shell have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/tests/hostile" ] || skip "$B/tests/hostile is not built"
# turf takes the aworker that stands beside it.
mkdir "$TMP/bin"
cp "$B/turf" "$B/turf-seed" "$TMP/bin"
cp "$B/tests/hostile" "$TMP/bin/aworker"
TURF=$TMP/bin/turf
victim=$MARK-victim
attacker=$MARK-attacker

# tenant DIR UID ARG...: a container of its own user, with nothing in its root but /proc and /tmp.
tenant() {
	local dir=$1 uid=$2

	shift 2
	mkdir -p "$dir/rootfs"
	rm -f "$dir/config.json"
	"$TURF" spec --bundle "$dir"
	edit "$dir" '.process.terminal = false
		| .process.user = {"uid": $uid, "gid": $uid}
		| .process.args = ["hostile"] + $ARGS.positional
		| .process.env += ["SEEDS=\($seeds)", "TEST_MARK=\($mark)"]
		| .process.capabilities = {}
		| .linux.resources.pids.limit = 40
		| .mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]
		| .annotations = {"turf.noslate.dev/seed": "hostile"}' \
		--argjson uid "$uid" --arg seeds "$TURF_SEEDS_DIR" --arg mark "$MARK" --args "$@"
}
alive() {
	turf seed info hostile | sed -n 's/^clones alive: *\([0-9]*\) .*/\1/p'
}
none_alive() { [ "$(alive)" = 0 ]; }

turf seed start --max-clones 8 hostile

# The victim's secret travels through the seed in its clone request.
tenant "$TMP/victim" 2000 wait
edit "$TMP/victim" '.process.env += ["SECRET=open-\($a)sesame"]' --arg a "$MARK"
turf run -d --warmfork require -b "$TMP/victim" "$victim" >"$TMP/victim.out"
await grep -q up "$TMP/victim.out"
pid=$(turf state "$victim" | jq -r .pid)

# --- what is true of the victim, seen from outside ---
grep -q "^Uid:[[:space:]]2000[[:space:]]2000[[:space:]]2000[[:space:]]2000" "/proc/$pid/status" ||
	fail "the clone is not uid 2000"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	eq "$(sed -n "s/^$set:[[:space:]]*//p" "/proc/$pid/status")" 0000000000000000 $set
done
for ns in mnt pid net ipc uts; do
	[ "$(readlink "/proc/$pid/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")" ] ||
		fail "the clone shares our $ns namespace"
done
grep -q ":pids:.*$victim" "/proc/$pid/cgroup" || grep -q "^0::.*$victim" "/proc/$pid/cgroup" ||
	fail "the clone is not in its cgroup: $(cat "/proc/$pid/cgroup")"
eq "$(find "/proc/$pid/fd" -type l -printf '%f ' | xargs)" "0 1 2" "descriptors of a clone"

# --- the attack, as another user and as root without capabilities ---
for uid in 1000 0; do
	tenant "$TMP/attacker" $uid attack "$pid" "open-$MARK" sesame
	rc=0
	turf run --warmfork require -b "$TMP/attacker" "$attacker" >"$TMP/attack.out" || rc=$?
	! grep BREACH "$TMP/attack.out" || fail "uid $uid got through (above)"
	eq "$(tail -n 1 "$TMP/attack.out")" "0 breaches" "end of the attack as uid $uid"
	eq "$(grep -c '^held ' "$TMP/attack.out")" 38 "attacks tried as uid $uid"
	eq "$rc" 0
done
eq "$(status_of "$victim")" running "victim after the attacks"

# --- exhaustion: a fork bomb stays in its cgroup ---
tenant "$TMP/attacker" 1000 bomb
turf run -d --warmfork require -b "$TMP/attacker" "$attacker" >"$TMP/bomb.out"
await grep -q refused "$TMP/bomb.out"
eq "$(sed 's/[^0-9]//g' "$TMP/bomb.out")" 39 "processes that a limit of 40 allows"
tenant "$TMP/third" 3000 wait
turf run -d --warmfork require -b "$TMP/third" "$MARK-third" >"$TMP/third.out"
await grep -q up "$TMP/third.out"
turf delete --force "$MARK-third"
turf delete --force "$attacker"
await has_status "$victim" running

# --- exhaustion of the seed: clones that die at once ---
tenant "$TMP/attacker" 1000 die
for i in $(seq 50); do
	code 132 turf run --warmfork require -b "$TMP/attacker" "$attacker-$i"
done
eq "$(alive)" 1 "clones alive after fifty that died"
eq "$(turf seed info hostile | sed -n 's/^restarts: *//p')" 0 "seeds that the dying clones took along"

# --- exhaustion of the seed: more clones than it may have ---
tenant "$TMP/attacker" 1000 wait
for i in $(seq 7); do
	turf run -d --warmfork require -b "$TMP/attacker" "$attacker-$i" >/dev/null
done
fails "seed 'hostile': all 8 clones that are allowed live already" turf run --warmfork require -b "$TMP/attacker" "$attacker-8"
for i in $(seq 7); do
	turf delete --force "$attacker-$i"
done
one_lives() { [ "$(alive)" = 1 ]; }
await one_lives

turf kill "$victim" TERM
await has_status "$victim" stopped
turf delete "$victim"
await none_alive
turf seed stop hostile
nothing_left "the tenants"
