#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What puts turf on a node: the program of the DaemonSet, containerd's configuration, manifests.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

N=$TMP/node
export TURF_NODE_OFFLINE=1
node() { shim/deploy/node "$@"; }
files_of() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }

mkdir -p "$TMP/tree/usr/local/bin" "$TMP/tree/usr/local/libexec/turf"
cp "$TURF" "$TMP/tree/usr/local/bin/turf"
echo helper >"$TMP/tree/usr/local/libexec/turf/helper"

# installed VERSION EXPECTED: on a node with this configuration; then removed, and as it was.
installed() {
	local before

	before=$(files_of "$N")
	node install "$TMP/tree" "$N" 2>"$TMP/err" || fail "$(cat "$TMP/err")"
	cmp "$TURF" "$N/usr/local/bin/turf"
	[ -x "$N/usr/local/bin/turf" ] || fail "turf cannot be executed"
	eq "$(cat "$N/usr/local/libexec/turf/helper")" helper
	matches "$(cat "$N/etc/containerd/config.toml")" '^imports = \[.*"/etc/containerd/turf.toml"' "$1"
	matches "$(cat "$N/etc/containerd/turf.toml")" "^version = $2" "$1"
	# Once more changes nothing.
	node install "$TMP/tree" "$N" 2>/dev/null
	eq "$(grep -c turf.toml "$N/etc/containerd/config.toml")" 1 "$1: imports"
	node remove "$N" 2>/dev/null
	eq "$(files_of "$N")" "$before" "$1: files after remove"
}

mkdir -p "$N/etc/containerd" "$N/usr/local/bin"
echo other >"$N/usr/local/bin/other"
printf 'version = 2\n[plugins]\n' >"$N/etc/containerd/config.toml"
installed 'containerd 1' 2
printf 'version = 3\nimports = ["/etc/containerd/conf.d/*.toml"]\n' >"$N/etc/containerd/config.toml"
installed 'containerd 2 with imports' 3
fails 'was not installed here' node remove "$N"
fails 'holds no turf' node install "$TMP" "$N"
printf 'version = 9\n' >"$N/etc/containerd/config.toml"
fails 'no version that is known' node install "$TMP/tree" "$N"
node remove "$N" 2>/dev/null

# --- containerd understands its configuration ---
if command -v containerd >/dev/null; then
	printf 'version = 2\nimports = ["%s"]\n' "$PWD/shim/deploy/containerd-1.toml" >"$TMP/config.toml"
	matches "$(containerd --config "$TMP/config.toml" config dump)" 'io.containerd.turf.v2' "containerd-1.toml"
fi
two=build/deps-containerd2/usr/bin/containerd
if [ -x $two ]; then
	printf 'version = 3\nimports = ["%s"]\n' "$PWD/shim/deploy/containerd-2.toml" >"$TMP/config.toml"
	matches "$($two --config "$TMP/config.toml" config dump)" "sandboxer = ['\"]shim['\"]" "containerd-2.toml"
fi

# --- manifests ---
/usr/bin/python3 -c 'import yaml' 2>/dev/null || hack/install-deps --cri >/dev/null 2>&1 ||
	skip "needs python3-yaml, which could not be installed"
for f in shim/deploy/*.yaml; do
	/usr/bin/python3 - "$f" <<-'END'
		import sys, yaml
		for d in yaml.safe_load_all(open(sys.argv[1])):
		    assert d["apiVersion"] and d["kind"] and d["metadata"]["name"], sys.argv[1]
	END
done
if command -v kubectl >/dev/null; then
	mkdir "$TMP/kustomize"
	cp shim/deploy/*.yaml "$TMP/kustomize"
	(cd "$TMP/kustomize" && printf 'resources:\n%s\n' "$(printf -- '- %s\n' ./*.yaml)" >kustomization.yaml)
	matches "$(kubectl kustomize "$TMP/kustomize")" 'kind: RuntimeClass' "manifests"
fi
nothing_left "deploy"
