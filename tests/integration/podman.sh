#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman with turf as its runtime, as root. Everything that podman keeps is in the test's own
# directory; nothing of the host's configuration is read or changed.
# shellcheck disable=SC2016 # shells inside have variables of their own
# shellcheck source=tests/integration/lib-engines.sh
. "$(dirname "$0")/lib-engines.sh"

needs_engines podman conmon
own_network "$@"
P=$TMP/podman
in_memory "$P"
own_state
in_memory /var/lib/containers # a cache of layers that podman keeps whatever it is told
in_memory /run/netns # where podman keeps network namespaces
mkdir -p "$P/networks" "$P/home"
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
	conmon_env_vars = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TURF_BASE_IMAGE=$TMP/base"]
	runtime = "turf"
	[engine.runtimes]
	turf = ["$TURF"]
END
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$P" "$P" >"$P/storage.conf"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$P/policy.json"
export CONTAINERS_CONF=$P/containers.conf CONTAINERS_STORAGE_CONF=$P/storage.conf HOME=$P/home
PODMAN=("$(command -v podman)" --tmpdir "$P/tmp")
podman() {
	"${PODMAN[@]}" "$@"
}
# run [OPTION]... COMMAND...: `podman run` of the image with what every container here has.
IMAGE=turf-test:1
OPTIONS=(--cgroup-parent "$CGROUP" --network none)
run() {
	podman run "${OPTIONS[@]}" "$@"
}
sh_in() { # sh_in SCRIPT [OPTION]...: what it prints, errors in their order
	local script="exec 2>&1; $1"

	shift
	run --rm "$@" $IMAGE sh -c "$script"
}
inspect() {
	podman inspect --format "$2" "$1"
}
is_state() {
	[ "$(inspect "$1" '{{.State.Status}}')" = "$2" ]
}
# What comes through a terminal, without the terminal's own line ends and end of file.
on_terminal() {
	script -qec "$1" /dev/null </dev/null | tr -d '\r' | sed 's/\^[@D]//g'
}
c=$MARK-c

engine_root "$TMP/rootfs"
tar -C "$TMP/rootfs" -c . | podman import -q --signature-policy "$P/policy.json" - $IMAGE >/dev/null
eq "$(podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}')" "turf $TURF" "podman's runtime"

# --- run ---
eq "$(sh_in 'id -u; cat /proc/1/comm; echo $TEST_MARK')" "0
sh
$MARK" "a container"
code 3 sh_in 'exit 3'
code 127 run --rm $IMAGE no-such-program 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'executable file not found in \$PATH' "a program that is not there"
code 126 run --rm $IMAGE /etc/text 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'permission denied' "what is no program"
eq "$(echo in | run --rm -i $IMAGE cat)" in "standard input"
eq "$(podman ps -aq)" "" "containers after run --rm"

# --- a container that stays: exec, logs, inspect, top, stats, cp ---
run -d --name "$c" --hostname box --memory 64m --pids-limit 40 --cpus 0.5 $IMAGE \
	sh -c 'echo out; echo err >&2; trap "echo usr1" USR1; while :; do sleep 0.1; done' >/dev/null
eq "$(podman exec "$c" hostname)" box "hostname"
code 7 podman exec "$c" sh -c 'exit 7'
code 127 podman exec "$c" no-such-program 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'executable file not found in \$PATH' "exec of what is not there"
code 126 podman exec "$c" /etc/text 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'permission denied' "exec of what is no program"
eq "$(podman exec -e A=b -u user -w /tmp "$c" sh -c 'echo $A; id -u; id -G; pwd' | xargs)" "b 1000 1000 2000 /tmp" "exec -e -u -w"
eq "$(echo in | podman exec -i "$c" cat)" in "standard input of exec"
matches "$(on_terminal "${PODMAN[*]} exec -it $c sh -c 'tty; exit 5' || echo code \$?" | xargs)" \
	'/dev/pts/0 code 5$' "exec -it"
quiet podman exec -d "$c" sh -c 'echo later >/tmp/later'
await podman exec "$c" grep -q later /tmp/later
quiet podman kill -s USR1 "$c"
logged() { podman logs "$c" 2>/dev/null | grep -q "$1"; }
await logged usr1
eq "$(podman logs "$c" 2>/dev/null | xargs)|$(podman logs "$c" 2>&1 >/dev/null)" "out usr1|err" "logs"
eq "$(inspect "$c" '{{.OCIRuntime}} {{.State.Status}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}')" \
	"turf running 67108864 40" "inspect"
pid=$(inspect "$c" '{{.State.Pid}}')
matches "$(tr '\0' ' ' <"/proc/$pid/cmdline")" '^sh -c echo out' "the process of inspect"
matches "$(podman top "$c" pid comm args | tail -n +2 | head -n 1)" '^1 +sh +sh -c' "top"
matches "$(podman stats --no-stream --format '{{.ID}} {{.MemUsage}} {{.PIDs}} {{.CPU}}' "$c")" \
	'^[0-9a-f]+ .*/ 67.11MB [1-9][0-9]* [0-9.]+$' "stats"
echo copied >"$TMP/file"
podman cp "$TMP/file" "$c:/tmp/copied"
eq "$(podman exec "$c" cat /tmp/copied)" copied "cp"

# --- limits: in the cgroup, and they bite ---
where() { # where CONTROLLER: the cgroup of the container's process
	local pid v1 v2

	pid=$(inspect "$c" '{{.State.Pid}}')
	v1=$(sed -n "s/^[0-9]*:$1://p" "/proc/$pid/cgroup") v2=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	if [ -n "$v1" ]; then echo "/sys/fs/cgroup/$1$v1"; else echo "/sys/fs/cgroup$v2"; fi
}
limit() { # limit CONTROLLER V1-FILE V2-FILE
	cat "$(where "$1")/$2" 2>/dev/null || cat "$(where "$1")/$3"
}
matches "$(where memory)" "^/sys/fs/cgroup/(memory)?$CGROUP/libpod-[0-9a-f]{64}$" "the container's cgroup"
eq "$(limit memory memory.limit_in_bytes memory.max)" 67108864 "--memory"
eq "$(limit pids pids.max pids.max)" 40 "--pids-limit"
eq "$(limit cpu cpu.cfs_quota_us cpu.max | cut -d' ' -f1)" 50000 "--cpus"

# --- pause, kill, stop, restart, wait ---
quiet podman pause "$c"
eq "$(inspect "$c" '{{.State.Status}}')" paused "status after pause"
if podman exec "$c" true 2>"$TMP/err"; then fail "exec in a paused container"; fi
quiet podman unpause "$c"
eq "$(podman exec "$c" echo again)" again "exec after unpause"
quiet podman restart -t 0 "$c"
is_state "$c" running || fail "not running after restart"
[ "$(inspect "$c" '{{.State.Pid}}')" != "$pid" ] || fail "restart kept the process"
# The shell has no handler of TERM and is the first process: only the time-out ends it.
quiet podman stop -t 1 "$c"
eq "$(inspect "$c" '{{.State.Status}} {{.State.ExitCode}}')" "exited 137" "stop that had to kill"
quiet podman start "$c"
quiet podman kill -s KILL "$c"
eq "$(podman wait "$c")" 137 "wait"
quiet podman rm "$c"
quiet run -d --name "$c" $IMAGE sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done'
podman exec "$c" true
quiet podman stop -t 20 "$c"
eq "$(inspect "$c" '{{.State.ExitCode}}')" 9 "stop that is heard"
quiet podman rm "$c"
# What is running goes at once, paused or not.
quiet run -d --name "$c" $IMAGE sleep 1000
quiet podman pause "$c"
quiet podman rm -f -t 0 "$c"
run --name "$c" --memory 16m --memory-swap 16m $IMAGE sh -c 'tail /dev/zero' >/dev/null 2>&1 && fail "16 MiB did not bite"
eq "$(inspect "$c" '{{.State.ExitCode}}')" 137 "out of memory"
quiet podman rm "$c"
matches "$(sh_in 'for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; wait' --pids-limit 5 || :)" "can't fork" "--pids-limit"

# --- create, attach, a terminal ---
matches "$(on_terminal "${PODMAN[*]} run ${OPTIONS[*]} --rm -it $IMAGE sh -c 'tty; exit 4' || echo code \$?" | xargs)" \
	'/dev/pts/0 code 4$' "run -it"
quiet podman create "${OPTIONS[@]}" --name "$c" $IMAGE sh -c 'echo attached; exit 6'
code 6 podman start -a "$c" >"$TMP/out"
eq "$(cat "$TMP/out")" attached "start --attach"
quiet podman rm "$c"

# --- what is mounted ---
mkdir "$TMP/data"
echo data >"$TMP/data/file"
eq "$(sh_in 'cat /d/file; echo new >/d/new; echo x >/r/x; true' -v "$TMP/data:/d" -v "$TMP/data:/r:ro" | tr -d "'" | xargs)" \
	"data sh: cant create /r/x: Read-only file system" "-v"
eq "$(cat "$TMP/data/new")" new "what was written to a volume"
eq "$(sh_in 'echo x >/x; echo y >/tmp/y && echo wrote' --read-only | tr -d "'" | xargs)" \
	"sh: cant create /x: Read-only file system wrote" "--read-only"
eq "$(sh_in 'grep -c " /scratch .*size=1024k" /proc/self/mountinfo; cat /vol/file' --tmpfs /scratch:size=1m,mode=700 \
	--mount "type=bind,src=$TMP/data,dst=/vol,ro" | xargs)" "1 data" "--tmpfs and --mount"
eq "$(sh_in 'cat /proc/sys/net/ipv4/ip_forward; test -c /dev/two && echo device' \
	--sysctl net.ipv4.ip_forward=1 --device /dev/null:/dev/two:rw | xargs)" "1 device" "--sysctl and --device"

# --- what a process may do ---
caps() { sh_in "grep CapEff /proc/self/status | cut -f2" "$@"; }
eq "$(caps --cap-drop all)" 0000000000000000 "--cap-drop all"
eq "$(caps --cap-drop all --cap-add net_admin)" 0000000000001000 "--cap-add"
eq "$(sh_in 'grep NoNewPrivs /proc/self/status | cut -f2' --security-opt no-new-privileges)" 1 "no-new-privileges"
cat >"$TMP/seccomp.json" <<-END
	{"defaultAction": "SCMP_ACT_ALLOW",
	 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
END
matches "$(sh_in 'grep Seccomp: /proc/self/status | cut -f2; mkdir /tmp/d; true' --security-opt seccomp="$TMP/seccomp.json" | tr -d "'" | xargs)" \
	"^2 mkdir: .*(Operation not supported|Not supported)" "seccomp=FILE"
eq "$(sh_in 'grep Seccomp: /proc/self/status | cut -f2')" 2 "podman's own profile"
eq "$(sh_in 'grep Seccomp: /proc/self/status | cut -f2' --privileged)" 0 "--privileged"
eq "$(sh_in 'ulimit -n; ulimit -c' --ulimit nofile=77:88 --ulimit nproc=99:99 --ulimit core=0 | xargs)" "77 0" "--ulimit"
eq "$(sh_in 'id -u; id -g; id -G' -u 1000:1000 --group-add 7 | xargs)" "1000 1000 1000 7" "-u"
eq "$(sh_in 'cat /proc/self/oom_score_adj; umask' --oom-score-adj 300 --umask 0027 | xargs)" "300 0027" "--oom-score-adj and --umask"
if [ -x /usr/libexec/podman/catatonit ] || command -v catatonit >/dev/null; then
	eq "$(run --rm --init $IMAGE cat /proc/1/comm)" podman-init "--init"
fi

# --- users ---
eq "$(sh_in 'cat /proc/self/uid_map; id -u; touch /f && stat -c %u /f' --uidmap 0:100000:1000 --gidmap 0:100000:1000 | xargs)" \
	"0 100000 1000 0 0" "--uidmap"
eq "$(sh_in 'readlink /proc/self/ns/pid; readlink /proc/self/ns/uts' --pid host --uts host)" \
	"$(readlink /proc/self/ns/pid /proc/self/ns/uts)" "--pid host --uts host"

# --- pods ---
quiet podman pod create --cgroup-parent "$CGROUP" --name "$MARK-pod" --network none --hostname pod
OPTIONS=(--pod "$MARK-pod")
quiet run -d --name "$MARK-p1" $IMAGE sleep 1000
ns='for n in net ipc uts; do readlink /proc/self/ns/$n; done; hostname'
eq "$(podman exec "$MARK-p1" sh -c "$ns")" "$(run --rm $IMAGE sh -c "$ns")" "namespaces of a pod"
quiet run -d --name "$MARK-p2" $IMAGE sh -c 'echo from-2 | nc -l -p 7000 127.0.0.1'
hear() { [ "$(podman exec "$MARK-p1" nc 127.0.0.1 7000)" = from-2 ]; }
await hear
eq "$(podman pod inspect "$MARK-pod" --format '{{.State}} {{.NumContainers}}')" "Degraded 3" "the pod"
quiet podman pod rm -f -t 0 "$MARK-pod"

# --- workers, whose program the image does not have: with a new engine, then from the base image ---
OPTIONS=(--cgroup-parent "$CGROUP" --network none)
for base in none image; do
	[ -x "$B/aworker" ] || break
	[ $base = none ] || TURF_BASE_IMAGE=$TMP/base turf seed image rebuild 2>"$TMP/err" ||
		grep -q 'sanitizer reserves all memory' "$TMP/err" || fail "$(cat "$TMP/err")"
	eq "$(run --rm $IMAGE aworker -e 'console.log("at", "work")')" "at work" "a worker, $base"
	code 1 run --rm $IMAGE aworker -e 'throw new Error("told")' 2>"$TMP/err"
	matches "$(cat "$TMP/err")" 'Error: told' "a worker's error, $base"
	quiet run -d --name "$c" $IMAGE aworker -e 'setInterval(() => {}, 1e6)'
	[ ! -e "$TMP/base" ] || grep -q "$TMP/base" "/proc/$(inspect "$c" '{{.State.Pid}}')/maps" ||
		fail "the worker was not started from the base image"
	quiet podman kill -s KILL "$c"
	eq "$(podman wait "$c")" 137 "a worker that was killed, $base"
	quiet podman rm "$c"
done

# --- a published port, on a bridge in a network of the test's own ---
iptables -t nat -S >"$TMP/err" 2>&1 || fail "no iptables: $(cat "$TMP/err")"
OPTIONS=(--cgroup-parent "$CGROUP")
echo page >"$TMP/data/index.html"
quiet run -d --name "$c" -p 8080:80 -v "$TMP/data:/www:ro" $IMAGE httpd -f -p 80 -h /www
eq "$(inspect "$c" '{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}')" 10.88.0.1 "the network"
answers() { [ "$(curl -s "http://$1/")" = page ]; }
await answers 127.0.0.1:8080
answers "$(inspect "$c" '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')" || fail "no answer at its own address"
matches "$(podman port "$c")" '^80/tcp -> 0.0.0.0:8080$' "port"
quiet podman rm -f -t 0 "$c"
if answers 127.0.0.1:8080; then fail "the port is still published"; fi

eq "$(podman ps -aq)" "" "containers at the end"
no_container_left "podman"
