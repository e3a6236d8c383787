# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck source=tests/integration/lib-engines.sh
# Sourced, instead of lib-engines.sh, by the scripts that speak CRI to containerd: a daemon of the
# installed version or of one in the build tree, its networks, images and runtime handlers. What it
# keeps is in memory and gone with the script; nothing of the machine's own containerd is touched.
. "$(dirname "${BASH_SOURCE[0]}")/lib-engines.sh"

IMAGE=turf.test/busybox:1
PAUSE_IMAGE=turf.test/pause:1
# The directory of the daemon: config.toml, log, logs/ of containers, sock.
D=$TMP/containerd
CTR=''
DAEMON=''
DAEMON_PATH=''

# needs_containerd VERSION: 'installed', or 1.6, 1.7 or 2, taken from the build tree unless it is
# what is installed. Fetches what is missing, so it comes before own_network. What another suite of
# Debian does not give today is no failure of ours.
needs_containerd() {
	local version=$1 dir why

	if ! command -v containerd >/dev/null || ! command -v protoc >/dev/null ||
		[ ! -x /usr/lib/cni/bridge ] ||
		! /usr/bin/python3 -c 'import google.protobuf, grpc, websocket' 2>/dev/null; then
		hack/install-deps --cri >"$TMP/install" 2>&1 || {
			why=$(tail -n 1 "$TMP/install")
			skip "needs containerd and a client for CRI, which could not be installed: $why"
		}
	fi
	DAEMON=$(command -v containerd) || fail "no containerd after hack/install-deps --cri"
	DAEMON_PATH=$B:$PATH
	case $version in
	installed | "$(version_of "$DAEMON")") ;;
	1.7 | 2)
		dir=$PWD/build/deps-containerd$version/usr/bin
		[ -x "$dir/containerd" ] || hack/containerd-deps "$version" >"$TMP/install" 2>&1 || {
			echo "not here: containerd $version could not be fetched: $(tail -n 1 "$TMP/install")"
			exit 0
		}
		DAEMON=$dir/containerd
		DAEMON_PATH=$B:$dir:$PATH
		;;
	*) skip "there is no containerd $version here: $("$DAEMON" --version)" ;;
	esac
	CTR=$(dirname "$DAEMON")/ctr
}

# version_of DAEMON: 1.6, 1.7, or 2 for all that begin so.
version_of() {
	"$1" --version | sed -nE 's/.* v?([0-9]+)\.([0-9]+)\.[0-9].*/\1 \2/p' | {
		read -r major minor
		case $major in
		1) echo "1.$minor" ;;
		*) echo "$major" ;;
		esac
	}
}

# What is the machine's, and shared by all containerds: sockets of shims, state of runtimes, and
# what the plugins for networks remember.
hide_shared() {
	in_memory /run/containerd
	in_memory /var/lib/cni
	own_state
}

# A bridge of the script's own network namespace, with addresses from 10.88.0.0/24.
write_network() {
	mkdir -p "$D/net.d"
	cat >"$D/net.d/10-test.conflist" <<-END
		{"cniVersion": "0.4.0", "name": "turf-test", "plugins": [{"type": "bridge",
		"bridge": "turf0", "isGateway": true, "ipam": {"type": "host-local",
		"dataDir": "$D/addresses", "ranges": [[{"subnet": "10.88.0.0/24"}]],
		"routes": [{"dst": "0.0.0.0/0"}]}}]}
	END
}

# What both forms of the configuration call the same. Privileges that a test may not have: a
# negative OOM score.
config_of_daemon() {
	cat <<-END
		root = "$D/root"
		state = "$D/state"
		temp = "$D/tmp"
		disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
		[grpc]
		address = "$D/sock"
		[ttrpc]
		address = "$D/sock.ttrpc"
		[debug]
		level = "debug"
	END
}
config_of_cri() {
	cat <<-END
		restrict_oom_score_adj = true
		tolerate_missing_hugetlb_controller = true
		netns_mounts_under_state_dir = true
	END
}
config_of_handlers() { # PLUGIN [SANDBOXER]
	local table="plugins.\"$1\".containerd.runtimes" sandboxer=

	[ -z "${2:-}" ] || sandboxer="sandboxer = \"$2\""

	cat <<-END
		[$table.runc]
		runtime_type = "io.containerd.runc.v2"
		[$table.turf]
		runtime_type = "io.containerd.turf.v2"
		pod_annotations = ["turf.noslate.dev/*"]
		container_annotations = ["turf.noslate.dev/*"]
		$sandboxer
		[$table.turf-pause]
		runtime_type = "io.containerd.turf.v2"
		pod_annotations = ["turf.noslate.dev/*"]
		[$table.turf-runc]
		runtime_type = "io.containerd.turf.v2"
		[$table.turf-runc.options]
		TypeUrl = "runtimeoptions.v1.Options"
		ConfigPath = "$D/runc.toml"
	END
}
config_2() {
	local cri=io.containerd.grpc.v1.cri

	echo "version = 2"
	config_of_daemon
	cat <<-END
		[plugins."$cri"]
		sandbox_image = "$PAUSE_IMAGE"
		stream_server_address = "127.0.0.1"
		stream_server_port = "0"
		$(config_of_cri)
		[plugins."$cri".cni]
		bin_dir = "/usr/lib/cni"
		conf_dir = "$D/net.d"
		[plugins."$cri".containerd]
		snapshotter = "overlayfs"
		default_runtime_name = "runc"
	END
	config_of_handlers $cri
}
config_3() { # [SANDBOXER]
	local cri=io.containerd.cri.v1.runtime images=io.containerd.cri.v1.images

	echo "version = 3"
	config_of_daemon
	cat <<-END
		[plugins."io.containerd.grpc.v1.cri"]
		stream_server_address = "127.0.0.1"
		stream_server_port = "0"
		[plugins."$images"]
		snapshotter = "overlayfs"
		[plugins."$images".pinned_images]
		sandbox = "$PAUSE_IMAGE"
		[plugins."$cri"]
		$(config_of_cri)
		[plugins."$cri".cni]
		bin_dirs = ["/usr/lib/cni"]
		conf_dir = "$D/net.d"
		[plugins."$cri".containerd]
		default_runtime_name = "runc"
	END
	config_of_handlers $cri "${1:-}"
}

# containerd_with_cri VERSION [SANDBOXER]: a daemon that has the images. SANDBOXER 'shim' lets
# turf's shim make the sandboxes of 2.x itself; without it they are containers of the pause image.
containerd_with_cri() {
	needs_containerd "$1"
	[ -x "$B/tests/pause" ] || skip "$B/tests/pause is not built"
	in_memory "$D"
	hide_shared
	write_network
	mkdir "$D/logs" "$D/pods"
	echo 'BinaryName = "runc"' >"$D/runc.toml"
	case $(version_of "$DAEMON") in
	1.*) config_2 >"$D/config.toml" ;;
	*) config_3 "${2:-}" >"$D/config.toml" ;;
	esac
	export B CRI_ADDRESS=$D/sock CRI_PODS=$D/pods TURF_BASE_IMAGE=$TMP/base
	start_containerd
	import_images
}

start_containerd() {
	# The mark is the shims', too. It is not exported: what looks for it must not have it.
	TEST_MARK=$MARK PATH=$DAEMON_PATH "$DAEMON" --config "$D/config.toml" >>"$D/log" 2>&1 &
	daemon=$!
	ENGINE_PIDS=("$daemon")
	await containerd_is_up
}
containerd_is_up() {
	kill -0 "$daemon" 2>/dev/null || fail "containerd ended: $(tail -n 5 "$D/log")"
	cri version >/dev/null 2>&1
}

# stop_containerd SIGNAL: what it has started stays.
stop_containerd() {
	kill "-$1" "$daemon"
	wait "$daemon" 2>/dev/null || :
	ENGINE_PIDS=()
}

import_images() {
	engine_root "$TMP/rootfs"
	image_archive "$TMP/image.tar" "$IMAGE" "$TMP/rootfs"
	quiet ctr images import "$TMP/image.tar"
	mkdir "$TMP/pause"
	cp "$B/tests/pause" "$TMP/pause/"
	image_archive "$TMP/image.tar" "$PAUSE_IMAGE" "$TMP/pause" /pause
	quiet ctr images import "$TMP/image.tar"
	rm "$TMP/image.tar"
	# CRI learns of them by events.
	await has_image "$IMAGE"
	await has_image "$PAUSE_IMAGE"
}
has_image() {
	cri image-status "$1" >/dev/null 2>&1
}

# shellcheck disable=SC2317 # called by scripts
ctr() {
	timeout -s KILL 60 "$CTR" --address "$D/sock" --namespace k8s.io "$@"
}
cri() {
	timeout -s KILL 150 tests/cri/cri "$@"
}

# run_pod [OPTION OF runp]...: prints its id. Its cgroup is where leftovers are looked for.
run_pod() {
	cri runp --runtime "$HANDLER" --cgroup-parent "$CGROUP" --logs "$D/logs" "$@"
}

# create POD [OPTION OF create]... -- [ARG]...: a container of the image; prints its id.
create() {
	local pod=$1 options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	cri create --image "$IMAGE" --env "TEST_MARK=$MARK" "${options[@]}" "$pod" "$@"
}

# launch POD [OPTION OF create]... -- [ARG]...: one that runs; prints its id.
launch() {
	local id

	id=$(create "$@") || return
	cri start "$id"
	echo "$id"
}

# Called at the end, instead of lib-engines.sh's: after a failure with what the daemon complained
# of. CONTAINERD_LOG=FILE keeps all that it said.
at_end() {
	# shellcheck disable=SC2154 # of cleanup, which calls us
	case $rc in
	0 | 77) ;;
	*) grep -E ' level=(warning|error|fatal) |^panic' "$D/log" | tail -n 10 | cut -c1-500 >&2 ;;
	esac
	[ -z "${CONTAINERD_LOG:-}" ] || cp "$D/log" "$CONTAINERD_LOG"
	end_engines
}

# Removes every pod, ends the daemon, and looks for what is left.
# shellcheck disable=SC2317 # called by scripts
end_of_containerd() {
	local pods

	pods=$(cri pods -q)
	# shellcheck disable=SC2086 # ids
	[ -z "$pods" ] || quiet cri rmp -f $pods
	eq "$(cri pods -q; cri ps -q; ctr containers ls -q; ctr task ls -q)" "" "what is left"
	eq "$(ip -o link show type veth)" "" "links at the end"
	stop_containerd TERM
	eq "$(find "$D/state" -path '*v2.task/*' -name config.json)" "" "bundles at the end"
	await shims_are_gone
	no_container_left "containerd"
}
shims_are_gone() {
	[ -z "$(marked_processes)" ]
}
