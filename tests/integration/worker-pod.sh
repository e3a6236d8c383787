#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Workers as pods: an image that is one file of JavaScript, by CRI, over turf's shim.
#   worker-pod.sh [VERSION [SANDBOXER]], as in cri.sh
# shellcheck source=tests/integration/lib-containerd.sh
. "$(dirname "$0")/lib-containerd.sh"

HANDLER=turf
needs_containerd "${1:-installed}"
own_network "$@"
[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/containerd-shim-turf-v2" ] || skip "$B/containerd-shim-turf-v2 is not built"
containerd_with_cri "${1:-installed}" "${2:-}"
STATE=/run/containerd/turf/k8s.io
WORKER=turf.test/worker:1

mkdir "$TMP/worker"
cat >"$TMP/worker/worker.js" <<'END'
console.log("ready");
let n = 0;
addEventListener("fetch", (e) => {
	const path = new URL(e.request.url).pathname;
	if (path === "/throw")
		throw new Error("asked to");
	if (path === "/log")
		console.log("logged");
	if (path === "/fill")
		for (const all = []; ; )
			all.push(new Uint8Array(1 << 20).fill(1));
	e.respondWith(new Response(path === "/healthz" ? "ok" : `request ${++n}`));
});
END
image_archive "$TMP/image.tar" "$WORKER" "$TMP/worker" aworker /worker.js
quiet ctr images import "$TMP/image.tar"
await has_image "$WORKER"

payload_of() { jq -r .payload "$STATE/$1/state.json"; }
pid_of() { cri inspect --verbose -f info.info.pid "$1"; }
# worker POD NAME [OPTION OF create]...: one that runs and serves; its id.
worker() {
	local pod=$1 name=$2 id

	shift 2
	id=$(cri create --image "$WORKER" --env "TEST_MARK=$MARK" --name "$name" --log "$name.log" "$@" "$pod") &&
		cri start "$id" && echo "$id"
}
ask() { busybox wget -qO- "http://$1"; }
serves() { [ "$(ask "$1/healthz" 2>/dev/null)" = ok ]; }

# --- a seed, and a pod whose annotation asks for it ---
turf seed image rebuild 2>"$TMP/err" || grep -q 'sanitizer reserves all memory' "$TMP/err" || fail "$(cat "$TMP/err")"
quiet turf seed start
pod=$(run_pod --name workers --annotation turf.noslate.dev/warmfork=require --annotation turf.noslate.dev/heap-limit=48Mi)
ip=$(cri podstatus -f status.network.ip "$pod")
one=$(worker "$pod" one --env PORT=8080)
two=$(worker "$pod" two --env PORT=8081)
eq "$(payload_of "$one") $(payload_of "$two")" "warm warm" "payloads"
await serves "$ip:8080"
await serves "$ip:8081"
eq "$(ask "$ip:8080/"; ask "$ip:8080/"; ask "$ip:8081/")" "request 1request 2request 1" "answers"
await grep -qs 'stdout F ready$' "$D/logs/one.log"
await grep -qs 'stdout F ready$' "$D/logs/two.log"
# The pod's namespaces, and not the seed's.
eq "$(readlink "/proc/$(pid_of "$one")/ns/net")" "$(readlink "/proc/$(pid_of "$two")/ns/net")" "one network"
[ "$(readlink "/proc/$(pid_of "$one")/ns/net")" != "$(readlink /proc/self/ns/net)" ] || fail "the host's network"

# --- what crictl is used for ---
fails 'no such file or directory|executable file not found' cri execsync "$one" sh
eq "$(cri execsync "$one" aworker report --json | jq -c '[.worker, .requests.running, (.requests.total > 2), (.heap.used > 100000), .heap.limit]')" \
	'["/worker.js",0,true,true,50331648]' "report"
matches "$(cri execsync "$two" aworker report)" 'uptime: +[0-9.]+ s' "report for people"
cri attach "$two" >"$TMP/attached" &
attached=$!
logs_more() { ask "$ip:8081/log" >/dev/null && grep -q '^logged$' "$TMP/attached"; }
await logs_more
matches "$(cri stats "$one" | jq '.stats[0].memory.usage_bytes // .memory.usage_bytes')" '[1-9]' "statistics"
busybox wget -qO- "http://$ip:8080/throw" >/dev/null 2>&1 || :
await grep -q 'asked to' "$D/logs/one.log"
serves "$ip:8080" || fail "it does not serve after an error"
matches "$(printf 'GET /healthz HTTP/1.0\r\n\r\n' | cri port-forward "$pod" 8080 | tail -n 1)" ok "port-forward"

# --- ends, as any other container's ---
cri stop --grace 10 "$one"
eq "$(cri inspect -f status.exit_code "$one")" 143 "a worker that was asked to end"
kill -9 "$(pid_of "$two")"
code 137 cri wait "$two"
wait $attached || fail "attach does not end with its container"
# The engine knows the container's limit: a request that wants too much fails alone.
full=$(worker "$pod" full --env PORT=8082 --memory 67108864)
await serves "$ip:8082"
busybox wget -qO- "http://$ip:8082/fill" >/dev/null 2>&1 || :
await serves "$ip:8082"
eq "$(cri inspect -f status.state "$full")" CONTAINER_RUNNING "after a request that filled memory"
failing=$(cri create --image "$WORKER" --env "TEST_MARK=$MARK" --name failing --log failing.log "$pod" -- aworker -e 'throw new Error("told")')
cri start "$failing"
code 1 cri wait "$failing"
matches "$(cat "$D/logs/failing.log")" 'Error: told' "the error of one that fails"

# --- without a seed, and when one is asked for all the same ---
cri rmp -f "$pod"
quiet turf seed stop
pod=$(run_pod --name cold)
cold=$(worker "$pod" cold --env PORT=8080)
eq "$(payload_of "$cold")" cold "without a seed"
await serves "$(cri podstatus -f status.network.ip "$pod"):8080"
cri rmp -f "$pod"
pod=$(run_pod --name must --annotation turf.noslate.dev/warmfork=require)
must=$(cri create --image "$WORKER" --env "TEST_MARK=$MARK" --name must "$pod")
fails 'warmfork|seed' cri start "$must"

end_of_containerd
