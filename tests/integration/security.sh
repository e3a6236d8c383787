#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Classes of known attacks on container runtimes, each mounted against create or run. What a part
# would catch is said where it stands. Others: hostile.sh (a worker that was taken over),
# rootless.sh (CVE-2023-25809), tests/unit/test_box_*.c.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/tests/swap_race" ] || skip "$B/tests/swap_race is not built"
id=$MARK-a
bundle "$TMP/base" true
for tool in pwd mkdir wc grep; do ln -sf busybox "$TMP/base/rootfs/bin/$tool"; done
again() { # again [JQ]: the bundle as it was, changed
	rm -rf --one-file-system "$TMP/b"
	cp -a "$TMP/base" "$TMP/b"
	edit "$TMP/b" "${1:-.}"
}
shell() { # shell SCRIPT
	edit "$TMP/b" '.process.args = ["sh", "-c", $s]' --arg s "$1"
}
mkdir "$TMP/outside"
untouched() { # untouched WHAT
	eq "$(find "$TMP/outside" -mindepth 1)" "" "what $1 left on the host"
}

# --- CVE-2021-30465, CVE-2024-45310: mount points exchanged for links while we mount ---
# A name that is looked up twice (made, then mounted on by its path) leads out of the root in some
# of the rounds, and leaves a mount or an empty file or directory on the host.
again '.mounts += [{destination: "/swap/dir/tmpfs", type: "tmpfs", source: "t"},
	{destination: "/swap/dir/bind", type: "bind", source: "/etc/hostname", options: ["bind"]},
	{destination: "/swap/dir/deep/er", type: "tmpfs", source: "t"}]
	| .linux.devices = [{path: "/swap/dir/null", type: "c", major: 1, minor: 3}]
	| .linux.maskedPaths += ["/swap/dir/tmpfs"] | .linux.readonlyPaths += ["/swap/dir"]'
mkdir -p "$TMP/b/rootfs/swap/dir"
ln -s "$TMP/outside" "$TMP/b/rootfs/swap/link"
"$B/tests/swap_race" "$TMP/b/rootfs/swap/dir" "$TMP/b/rootfs/swap/link" &
HELPERS+=($!)
race=$!
for _ in $(seq 25); do
	turf run -b "$TMP/b" "$id" >/dev/null 2>&1 || :
	turf delete --force "$id" 2>/dev/null || :
done
kill -9 $race
wait $race 2>/dev/null || :
untouched "a race for mount points"
nothing_left "a race for mount points"

# --- relative paths of a file system: the caller's directory, and not one of the rootfs ---
# Looked up from a place in the rootfs, the name is a link there, and shows a directory of the host.
again '.mounts += [{destination: "/over", type: "overlay", source: "overlay",
	options: ["lowerdir=lower:other"]}]'
mkdir -p "$TMP/b/lower/right" "$TMP/b/other" "$TMP/b/rootfs/over/other"
ln -s /etc "$TMP/b/rootfs/over/lower"
shell 'ls /over'
eq "$(cd "$TMP/b" && turf run "$id")" right "what a relative lowerdir shows"
nothing_left "a relative lowerdir"

# --- CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2026-41579: links in the place of /proc.. ---
# Followed, they make us write attributes and sysctls to files of the image, or nodes on the host.
for name in proc sys dev; do
	again
	rm -rf "$TMP/b/rootfs/${name:?}"
	ln -s "$TMP/outside" "$TMP/b/rootfs/$name"
	fails "'/$name.*' of the rootfs is, or lies behind, a symbolic link" turf run -b "$TMP/b" "$id"
	# Also by a link inside of the root.
	ln -sfn tmp "$TMP/b/rootfs/$name"
	fails "'/$name.*' of the rootfs is, or lies behind, a symbolic link" turf run -b "$TMP/b" "$id"
	eq "$(ls -A "$TMP/b/rootfs/tmp")" "" "files made through /$name"
done
untouched "links in the rootfs"

# --- CVE-2019-18837, CVE-2025-24965: links at the end of the way ---
again '.mounts += [{destination: "/l/file", type: "bind", source: "/etc/hostname", options: ["bind"]},
	{destination: "/d", type: "tmpfs", source: "t"}]'
ln -s "$TMP/outside" "$TMP/b/rootfs/l"
ln -s "../../../../../../../..$TMP/outside/made" "$TMP/b/rootfs/d"
turf run -b "$TMP/b" "$id"
untouched "links to mount points"

# --- CVE-2024-21626, CVE-2016-9962: descriptors of ours, and a working directory behind one ---
again
shell 'ls /proc/self/fd | wc -l'
eq "$(turf run -b "$TMP/b" "$id" 5</etc 9</)" 4 "descriptors of a container and of ls" # 0, 1, 2 and its own
shell 'pwd; ls -d etc home root/.. var 2>/dev/null'
for n in $(seq 3 20); do
	edit "$TMP/b" ".process.cwd = \"/proc/self/fd/$n\""
	fails "process.cwd" turf run -b "$TMP/b" "$id" 5</ 9</etc
done
for cwd in /proc/1/root /proc/thread-self/fd/7 /proc/1/cwd; do
	edit "$TMP/b" ".process.cwd = \"$cwd\""
	! turf run -b "$TMP/b" "$id" >"$TMP/out" 2>/dev/null || eq "$(head -n 1 "$TMP/out")" / "$cwd"
done

# --- CVE-2019-5736: the runtime's own file, opened for writing by its process ---
# Without a PID namespace the container sees every process of ours while it is made.
again 'del(.linux.maskedPaths) | .linux.namespaces |= map(select(.type != "pid"))
	| .process.capabilities = ([.process.capabilities | keys[] | {(.): ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"]}] | add)'
cp "$B/turf" "$TMP/turf"
sum=$(sha256sum <"$TMP/turf")
shell 'end=$(($(cut -d. -f1 </proc/uptime) + 6)); while [ "$(cut -d. -f1 </proc/uptime)" -lt $end ]; do
	for p in /proc/[0-9]*; do case $(readlink $p/exe 2>/dev/null) in *'"$TMP"'/turf*) echo evil 2>/dev/null >>$p/exe;; esac; done; done'
ln -sf busybox "$TMP/b/rootfs/bin/cut"
"$TMP/turf" --root "$ROOT" run -d -b "$TMP/b" "$id" >/dev/null 2>&1
for i in $(seq 20); do
	"$TMP/turf" --root "$ROOT" run -b "$TMP/base" "$MARK-other-$i" >/dev/null
done
"$TMP/turf" --root "$ROOT" delete --force "$id"
eq "$(sha256sum <"$TMP/turf")" "$sum" "the runtime's file"
# What is executed as /proc/self/exe is a copy that nobody can write: test_box_life.c.

# --- CVE-2025-31133: a mask that is not /dev/null ---
# The image's /dev/null is a link: bound over a masked path it would show, or open, another file.
again '.mounts |= map(select(.destination | startswith("/dev") | not))
	| .mounts += [{destination: "/dev", type: "bind", source: "'"$TMP"'/dev", options: ["rbind"]}]'
mkdir -p "$TMP/dev"
ln -s /proc/sysrq-trigger "$TMP/dev/null"
shell 'grep " /proc/keys " /proc/self/mountinfo | grep -c " /null "; cat /proc/keys | wc -c'
eq "$(turf run -b "$TMP/b" "$id" 2>/dev/null | xargs)" "1 0" "a masked file"

# --- CVE-2025-52565: /dev/console and /dev/pts that lead elsewhere ---
again '.process.terminal = true | .mounts |= map(select(.destination != "/dev"))'
rm -rf "$TMP/b/rootfs/dev"
mkdir "$TMP/b/rootfs/dev"
ln -s "$TMP/outside/console" "$TMP/b/rootfs/dev/console"
"$B/tests/recv_console" "$TMP/console.sock" 1 1 >/dev/null 2>&1 </dev/null &
HELPERS+=($!)
await test -S "$TMP/console.sock"
turf create --console-socket "$TMP/console.sock" -b "$TMP/b" "$id" 2>"$TMP/err" || :
turf delete --force "$id"
untouched "a console that is a link"

# --- CVE-2022-24769, CVE-2022-29162, CVE-2022-27650: capabilities that programs inherit ---
again
shell "grep CapInh /proc/self/status"
for caps in -all +chown,+kill,+net_bind_service; do
	matches "$(setpriv "--inh-caps=$caps" "$TURF" --root "$ROOT" run -b "$TMP/b" "$id")" "0000000000000000$" \
		"inheritable capabilities of a caller with $caps"
done

# --- ids that are paths ---
for bad in ../x x/../../y . .. '' 'a b' $'x\n'; do
	fails "invalid container id" turf run -b "$TMP/b" "$bad"
done
eq "$(ls -A "$ROOT")" "" "directories of hostile ids"

# --- input of hooks: what an annotation says stays a string ---
again '.annotations = {"k\"": "v\",\"status\":\"stopped\",\"pid\":1,\"x\":\"\u0000"}'
fails "config.json" turf run -b "$TMP/b" "$id" # NUL
again '.annotations = {"k\"": "v\",\"status\":\"stopped\",\"pid\":1,\"x\":\"\n\\"}
	| .hooks.prestart = [{path: "/bin/sh", args: ["sh", "-c", "cat >'"$TMP"'/state"]}]'
turf run -b "$TMP/b" "$id"
eq "$(jq -r '.status' "$TMP/state")" creating "status in the input of a hook"
eq "$(jq -r '.annotations["k\""]' "$TMP/state")" "$(jq -r '.annotations["k\""]' "$TMP/b/config.json")"
nothing_left "the attacks"
