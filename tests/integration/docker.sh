#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dockerd, with a containerd of its own, and turf as its default runtime. The daemon and everything
# it keeps is the test's own, and it makes no network.
# shellcheck disable=SC2016 # shells inside have variables of their own
# shellcheck source=tests/integration/lib-engines.sh
. "$(dirname "$0")/lib-engines.sh"

needs_engines dockerd containerd /usr/bin/docker # others may have a client elsewhere
own_network "$@"
D=$TMP/docker
in_memory "$D"
mkdir -p "$D/home"
export TEST_MARK=$MARK HOME=$D/home DOCKER_CONFIG=$D/home DOCKER_HOST=unix://$D/sock
cat >"$D/daemon.json" <<-END
	{"runtimes": {"turf": {"path": "$TURF"}}, "default-runtime": "turf",
	 "data-root": "$D/data", "exec-root": "$D/exec", "pidfile": "$D/pid", "hosts": ["unix://$D/sock"],
	 "bridge": "none", "iptables": false, "ip6tables": false, "storage-driver": "overlay2",
	 "cgroup-parent": "$CGROUP", "exec-opts": ["native.cgroupdriver=cgroupfs"],
	 "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1024, "Soft": 1024}}}
END
dockerd --config-file "$D/daemon.json" >"$D/log" 2>&1 &
daemon=$!
ENGINE_PIDS=("$daemon")
is_up() {
	kill -0 "$daemon" || fail "dockerd ended: $(tail -n 5 "$D/log")"
	timeout 10 /usr/bin/docker version >/dev/null 2>&1
}
docker() {
	timeout 60 /usr/bin/docker "$@"
}
IMAGE=turf-test:1
c=$MARK-c
run() {
	docker run --network none -e "TEST_MARK=$MARK" "$@"
}
sh_in() { # sh_in SCRIPT [OPTION]...: what it prints, errors in their order
	local script="exec 2>&1; $1"

	shift
	run --rm "$@" $IMAGE sh -c "$script"
}
inspect() {
	docker inspect --format "$2" "$1"
}

await is_up
engine_root "$TMP/rootfs"
image_archive "$TMP/image.tar" $IMAGE "$TMP/rootfs"
quiet docker load -i "$TMP/image.tar"
eq "$(docker info --format '{{.DefaultRuntime}}')" turf "docker's runtime"
# What the daemon itself mounts (its data, network namespaces) is there until it ends.

# --- run ---
eq "$(sh_in 'id -u; cat /proc/1/comm; echo $FROM_IMAGE' | xargs)" "0 sh yes" "a container"
code 3 sh_in 'exit 3'
code 127 run --rm $IMAGE no-such-program 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'exec: "no-such-program": executable file not found in \$PATH' "a program that is not there"
code 126 run --rm $IMAGE /etc/text 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'permission denied' "what is no program"
eq "$(echo in | run --rm -i $IMAGE cat)" in "standard input"
matches "$(script -qec "/usr/bin/docker run --network none -e TEST_MARK=$MARK --rm -it $IMAGE tty" /dev/null </dev/null)" \
	/dev/pts/0 "run -it"
eq "$(docker ps -aq)" "" "containers after run --rm"

# --- a container that stays: exec, logs, inspect, top, stats, cp, update ---
quiet run -d --name "$c" --hostname box --memory 64m --pids-limit 40 --cpus 0.5 $IMAGE \
	sh -c 'echo out; echo err >&2; trap "echo usr1" USR1; while :; do sleep 0.1; done'
eq "$(inspect "$c" '{{.HostConfig.Runtime}} {{.State.Status}}')" "turf running" "inspect"
eq "$(docker exec "$c" hostname)" box "--hostname"
code 7 docker exec "$c" sh -c 'exit 7'
code 126 docker exec "$c" no-such-program >"$TMP/err" 2>&1
matches "$(cat "$TMP/err")" 'executable file not found in \$PATH' "exec of what is not there"
code 126 docker exec "$c" /etc/text >"$TMP/err" 2>&1
eq "$(docker exec -e A=b -u user -w /tmp "$c" sh -c 'echo $A; id -u; id -G; pwd' | xargs)" "b 1000 1000 2000 /tmp" "exec -e -u -w"
eq "$(echo in | docker exec -i "$c" cat)" in "standard input of exec"
matches "$(script -qec "/usr/bin/docker exec -it $c tty" /dev/null </dev/null)" /dev/pts/0 "exec -it"
quiet docker kill -s USR1 "$c"
logged() { docker logs "$c" 2>/dev/null | grep -q "$1"; }
await logged usr1
eq "$(docker logs "$c" 2>/dev/null | xargs)|$(docker logs "$c" 2>&1 >/dev/null)" "out usr1|err" "logs"
matches "$(docker top "$c" | sed -n 2p)" 'sh -c echo out' "top"
matches "$(docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' "$c")" '^[0-9.]+[KM]iB / 64MiB [1-9]' "stats"
echo copied >"$TMP/file"
quiet docker cp "$TMP/file" "$c:/tmp/copied"
eq "$(docker exec "$c" cat /tmp/copied)" copied "cp"
cgroup=$CGROUP/$(inspect "$c" '{{.Id}}')
limit() { # limit CONTROLLER V1-FILE V2-FILE
	cat "/sys/fs/cgroup/$1$cgroup/$2" 2>/dev/null || cut -d' ' -f1 "/sys/fs/cgroup$cgroup/$3"
}
eq "$(limit memory memory.limit_in_bytes memory.max) $(limit pids pids.max pids.max) $(limit cpu cpu.cfs_quota_us cpu.max)" \
	"67108864 40 50000" "limits"
quiet docker update --memory 96m --memory-swap 96m --pids-limit 50 --cpus 0.75 "$c"
eq "$(limit memory memory.limit_in_bytes memory.max) $(limit pids pids.max pids.max) $(limit cpu cpu.cfs_quota_us cpu.max)" \
	"100663296 50 75000" "update"

# --- pause, restart, stop, kill ---
quiet docker pause "$c"
eq "$(inspect "$c" '{{.State.Status}}')" paused "status after pause"
quiet docker unpause "$c"
eq "$(docker exec "$c" echo again)" again "exec after unpause"
pid=$(inspect "$c" '{{.State.Pid}}')
quiet docker restart -t 0 "$c"
[ "$(inspect "$c" '{{.State.Pid}}')" != "$pid" ] || fail "restart kept the process"
quiet docker stop -t 1 "$c"
eq "$(inspect "$c" '{{.State.Status}} {{.State.ExitCode}}')" "exited 137" "stop that had to kill"
quiet docker start "$c"
quiet docker kill "$c"
eq "$(docker wait "$c")" 137 "wait"
quiet docker rm "$c"
quiet run -d --name "$c" $IMAGE sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'
await logged ready
quiet docker stop -t 20 "$c"
eq "$(inspect "$c" '{{.State.ExitCode}}')" 9 "stop that is heard"
quiet docker rm "$c"
quiet run -d --name "$c" --restart on-failure:2 $IMAGE sh -c 'exit 5'
restarted() { [ "$(inspect "$c" '{{.RestartCount}} {{.State.Status}}')" = "2 exited" ]; }
await restarted
quiet docker rm "$c"
quiet run -d --name "$c" $IMAGE sleep 1000
quiet docker pause "$c"
quiet docker rm -f "$c"

# --- limits bite, mounts, rights ---
code 137 run --name "$c" --memory 16m --memory-swap 16m $IMAGE tail /dev/zero
quiet docker rm "$c"
matches "$(sh_in 'for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; wait' --pids-limit 5 || :)" "can't fork" "--pids-limit"
mkdir "$TMP/data"
echo data >"$TMP/data/file"
eq "$(sh_in 'cat /d/file; echo x >/d/x; echo x >/x; echo y >/tmp/y; true' --read-only --tmpfs /tmp -v "$TMP/data:/d:ro" | tr -d "'" | xargs)" \
	"data sh: cant create /d/x: Read-only file system sh: cant create /x: Read-only file system" "--read-only, -v and --tmpfs"
eq "$(sh_in 'grep CapEff /proc/self/status | cut -f2' --cap-drop all --cap-add net_admin)" 0000000000001000 "--cap-drop and --cap-add"
eq "$(sh_in 'grep -E "NoNewPrivs|Seccomp:" /proc/self/status | cut -f2' --security-opt no-new-privileges | xargs)" "1 2" "rights"
eq "$(sh_in 'grep Seccomp: /proc/self/status | cut -f2' --privileged)" 0 "--privileged"
eq "$(run --rm --init $IMAGE cat /proc/1/comm)" docker-init "--init"
eq "$(sh_in 'cat /proc/self/oom_score_adj; ulimit -n; cat /proc/sys/net/ipv4/ip_forward' --oom-score-adj 300 \
	--ulimit nofile=77:88 --sysctl net.ipv4.ip_forward=1 | xargs)" "300 77 1" "--oom-score-adj, --ulimit and --sysctl"

# --- nothing is left ---
eq "$(docker ps -aq)" "" "containers at the end"
kill "$daemon"
wait "$daemon" 2>/dev/null || :
ENGINE_PIDS=()
processes_are_gone() { [ -z "$(marked_processes)" ]; }
await processes_are_gone
no_container_left "docker"
