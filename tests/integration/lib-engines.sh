# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck source=tests/integration/lib.sh
# Sourced, instead of lib.sh, by the scripts that put turf under a container engine: installs the
# engines, makes an image's root, and takes away what a killed engine leaves.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Engines put their containers into this cgroup, which is below the cage's own: what outlives even
# a killed script is found there.
CGROUP=$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)
[ -n "$CGROUP" ] || CGROUP=$(sed -n 's/^0:://p' /proc/self/cgroup)
CGROUP=${CGROUP%/}
CGROUP_ABOVE=${CGROUP%/self}
# A group of v2 with processes of its own hands no controllers on, so all of us go one level down.
if [ ! -d /sys/fs/cgroup/pids ] && [ -n "$CGROUP_ABOVE" ]; then
	mkdir -p "/sys/fs/cgroup$CGROUP_ABOVE/self"
	mapfile -t all_of_us <"/sys/fs/cgroup$CGROUP_ABOVE/cgroup.procs"
	for pid in "${all_of_us[@]}"; do
		echo "$pid" >"/sys/fs/cgroup$CGROUP_ABOVE/self/cgroup.procs" 2>/dev/null || :
	done
fi
CGROUP=$CGROUP_ABOVE/$MARK
ENGINE_PIDS=()

# needs_engines PROGRAM...: installs what is missing of all engines.
needs_engines() {
	local p why

	for p in "$@"; do
		command -v "$p" >/dev/null && continue
		hack/install-deps --engines >"$TMP/install" 2>&1 || {
			why=$(tail -n 1 "$TMP/install")
			skip "needs $p, and it could not be installed: $why"
		}
		break
	done
	for p in "$@"; do
		command -v "$p" >/dev/null || fail "no '$p' after hack/install-deps --engines"
	done
}

# own_network [ARG]...: begins again, with the arguments, in a network namespace where every port is
# free and addresses are nobody's.
own_network() {
	if [ -z "${TURF_TEST_NET:-}" ]; then
		rm -rf "$TMP"
		TURF_TEST_NET=own exec unshare --net bash "$0" "$@"
	fi
	ip link set lo up
}

# quiet COMMAND...: it succeeds, and what it says is told only when not.
quiet() {
	"$@" >"$TMP/quiet" 2>&1 || fail "'$*': $(cat "$TMP/quiet")"
}

# in_memory DIR: the engine's files, whose many fsync() are not what is tested here.
in_memory() {
	mkdir -p "$1"
	mount -t tmpfs -o mode=711 none "$1"
	MOUNTS=$(count_mounts)
}

# turf's own place for its state, which engines leave as it is; nobody else's containers are in it.
own_state() {
	ROOT=/run/turf
	in_memory "$ROOT"
}

# engine_root DIR: what an image holds: busybox and nothing else.
engine_root() {
	local applet

	mkdir -p "$1/bin" "$1/etc" "$1/tmp" "$1/proc" "$1/sys" "$1/dev"
	cp "$BUSYBOX" "$1/bin/busybox"
	for applet in sh true false sleep cat echo ls id hostname kill stty tty readlink ps top grep \
		head tail tr wc env pwd stat dd touch mount ip nc httpd awk sed trap test mkdir rm; do
		ln -sf busybox "$1/bin/$applet"
	done
	printf 'root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$1/etc/group"
	chmod 1777 "$1/tmp"
	echo "not a program" >"$1/etc/text"
}

# image_archive FILE NAME ROOT [ARG]...: an image of one layer, as an OCI layout and as docker's
# archive. It runs a shell, or what the arguments say.
image_archive() {
	local dir=$TMP/archive blobs=$TMP/archive/blobs/sha256 layer config manifest file=$1 name=$2

	rm -rf "$dir"
	mkdir -p "$blobs"
	tar -C "$3" --owner=0 --group=0 -cf "$dir/layer" .
	shift 3
	[ $# -gt 0 ] || set -- sh
	layer=$(put_blob "$dir/layer")
	jq -n --arg d "sha256:$layer" '{architecture: "amd64", os: "linux",
		config: {Env: ["PATH=/bin", "FROM_IMAGE=yes"], Cmd: $ARGS.positional, WorkingDir: "/"},
		rootfs: {type: "layers", diff_ids: [$d]}, history: [{created_by: "a test"}]}' --args -- "$@" >"$dir/config"
	[ "$(uname -m)" != aarch64 ] || sed -i s/amd64/arm64/ "$dir/config"
	config=$(put_blob "$dir/config")
	jq -n --arg c "$config" --arg l "$layer" --argjson n "$(stat -c %s "$blobs/$layer")" \
		--argjson m "$(stat -c %s "$blobs/$config")" '{schemaVersion: 2,
		mediaType: "application/vnd.oci.image.manifest.v1+json",
		config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: "sha256:\($c)", size: $m},
		layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: "sha256:\($l)", size: $n}]}' \
		>"$dir/manifest"
	manifest=$(put_blob "$dir/manifest")
	jq -n --arg d "sha256:$manifest" --argjson n "$(stat -c %s "$blobs/$manifest")" --arg name "$name" '{schemaVersion: 2,
		manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $n,
		annotations: {"io.containerd.image.name": $name, "org.opencontainers.image.ref.name": $name}}]}' \
		>"$dir/index.json"
	echo '{"imageLayoutVersion": "1.0.0"}' >"$dir/oci-layout"
	jq -n --arg c "blobs/sha256/$config" --arg l "blobs/sha256/$layer" --arg name "$name" \
		'[{Config: $c, RepoTags: [$name], Layers: [$l]}]' >"$dir/manifest.json"
	tar -C "$dir" -cf "$file" .
	rm -rf "$dir"
}
put_blob() { # put_blob FILE: moves it to where its digest says, and prints that
	local digest

	digest=$(sha256sum <"$1" | cut -d' ' -f1)
	mv "$1" "$TMP/archive/blobs/sha256/$digest"
	echo "$digest"
}

engine_cgroups() {
	local d

	for d in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ ! -e "$d/cgroup.procs" ] || [ ! -d "$d$CGROUP" ] || echo "$d$CGROUP"
	done
}

# Processes in the cgroups of the engine's containers.
engine_processes() {
	engine_cgroups | while read -r d; do
		find "$d" -name cgroup.procs -exec cat {} + 2>/dev/null
	done | sort -un
}

# gone PID: it has ended, though perhaps nobody has asked how.
gone() {
	[ ! -e "/proc/$1" ] || grep -sq '^State:[[:space:]]*[ZX]' "/proc/$1/status"
}

# Called at the end by lib.sh's cleanup.
at_end() {
	end_engines
}

# Frozen processes do not die before they are thawed.
end_engines() {
	local pid d f

	for pid in "${ENGINE_PIDS[@]}"; do
		kill "$pid" 2>/dev/null || :
		for _ in $(seq 100); do
			gone "$pid" && break
			sleep 0.1
		done
		kill -9 "$pid" 2>/dev/null || :
	done
	for pid in $(marked_processes); do
		kill -9 "$pid" 2>/dev/null || :
	done
	for f in $(engine_cgroups | while read -r d; do
		find "$d" \( -name freezer.state -o -name cgroup.freeze \) 2>/dev/null
	done); do
		case $f in
		*/freezer.state) echo THAWED >"$f" 2>/dev/null || : ;;
		*) echo 0 >"$f" 2>/dev/null || : ;;
		esac
	done
	for _ in $(seq 50); do
		for pid in $(engine_processes); do
			kill -9 "$pid" 2>/dev/null || :
		done
		[ -n "$(engine_processes)" ] || break
		sleep 0.1
	done
	drop_cgroups
}

# Takes away the cgroups above the containers' own.
drop_cgroups() {
	local d

	for d in $(engine_cgroups); do
		find "$d" -depth -type d -exec rmdir {} + 2>/dev/null || :
		# In other hierarchies than the cage's own this is an empty directory, too.
		[ -z "$CGROUP_ABOVE" ] || rmdir "${d%/"$MARK"}" 2>/dev/null || :
	done
}

# What an engine leaves when its containers are gone: cgroups above them, without a process.
no_container_left() {
	local found

	found=$(engine_cgroups | while read -r d; do
		find "$d" -mindepth 1 -type d ! -name conmon
	done)
	[ -z "$found" ] || fail "cgroups of containers are left: $found"
	found=$(engine_processes)
	[ -z "$found" ] || fail "processes of containers are left: $found"
	drop_cgroups
	nothing_left "$1"
}
