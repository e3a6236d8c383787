#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A worker among clients that mean harm: slow ones, ten thousand idle ones, uploads of a gibibyte,
# heads without end, requests of two meanings, text that is none, bombs, and code that never ends.
# hostile_client.py has the cases; each ends with a request that has to be answered.
set -u

B=${B:-build}
A=$(realpath "$B")/aworker
[ -x "$A" ] || {
	echo "aworker is not built: no V8 here"
	exit 77
}
command -v python3 >/dev/null || {
	echo "needs python3"
	exit 77
}
# Both ends of ten thousand connections.
ulimit -n 12000 2>/dev/null || {
	echo "needs 12000 descriptors, of which there are $(ulimit -Hn)"
	exit 77
}
here=$(dirname "$0")
TMP=$(mktemp -d /tmp/turf-test-XXXXXX) || exit 1
trap 'rm -rf "$TMP"' EXIT
TMPDIR=$TMP python3 -B "$here/hostile_client.py" "$A" "$here/hostile.js"
