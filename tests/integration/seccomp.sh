#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SCMP_ACT_NOTIFY: an agent outside gets the container process state with the descriptor of the
# listener and answers calls of the container.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/tests/seccomp_agent" ] || skip "$B/tests/seccomp_agent is not built"
id=$MARK-a
agent() { # agent SOCKET
	rm -f "$1"
	"$B/tests/seccomp_agent" "$1" >"$TMP/agent.out" &
	HELPERS+=($!)
	await grep -q listening "$TMP/agent.out"
}

bundle "$TMP/b" sh -c 'mkdir /tmp/x; echo ran'
ln -sf busybox "$TMP/b/rootfs/bin/mkdir"
edit "$TMP/b" '.annotations = {"k": "v"} | .linux.seccomp = {
	defaultAction: "SCMP_ACT_ALLOW", listenerPath: $socket, listenerMetadata: "some \"data\"",
	flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"],
	syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}' \
	--arg socket "$TMP/agent.sock"

for privs in true false; do
	edit "$TMP/b" ".process.noNewPrivileges = $privs"
	agent "$TMP/agent.sock"
	turf create -b "$TMP/b" "$id" >"$TMP/out" 2>&1
	pid=$(turf state "$id" | jq .pid)
	eq "$(cat "$TMP/agent.out")" listening "agent before start"
	turf start "$id"
	await has_status "$id" stopped
	await grep -q "No medium found" "$TMP/out"
	grep -q '^ran$' "$TMP/out" || fail "the container did not go on"
	state=$(sed -n 2p "$TMP/agent.out")
	eq "$(jq -r '[.ociVersion, .fds[0], (.fds | length), .pid, .metadata, .state.id, .state.status,
		.state.pid, .state.bundle, .state.annotations.k] | map(tostring) | join(" ")' <<<"$state")" \
		"1.3.0 seccompFd 1 $pid some \"data\" $id created $pid $TMP/b v" "container process state"
	turf delete "$id"
	nothing_left "a container with a listener"
done

# Nobody listens: start fails, and says so.
rm -f "$TMP/agent.sock"
turf create -b "$TMP/b" "$id" >"$TMP/out" 2>&1
fails "start container '$id': linux.seccomp.listenerPath: open '$TMP/agent.sock': No such file" turf start "$id"
await has_status "$id" stopped
turf delete "$id"
: >"$TMP/agent.sock"
fails "linux.seccomp.listenerPath: connect to '$TMP/agent.sock': Connection refused" turf run -b "$TMP/b" "$id"
nothing_left "a container whose agent is gone"

# What cannot be.
edit "$TMP/b" '.linux.seccomp.syscalls[0].names = ["write"]'
fails "SCMP_ACT_NOTIFY cannot be had for 'write'" turf create -b "$TMP/b" "$id"
edit "$TMP/b" 'del(.linux.seccomp.listenerPath) | del(.linux.seccomp.listenerMetadata)'
fails "linux.seccomp.listenerPath: missing, there is a rule with SCMP_ACT_NOTIFY" turf create -b "$TMP/b" "$id"
nothing_left "refused profiles"
