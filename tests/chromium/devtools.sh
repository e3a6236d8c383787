#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Chromium as the client of --inspect: the DevTools that it brings find a worker, show and stop it,
# and pages of the web get nothing. On a network that is a loopback device and nothing else, so that
# the worker has the port that Chromium looks at.
set -u

if [ "${DEVTOOLS_NET:-}" != own ] && [ "$(id -u)" = 0 ]; then
	DEVTOOLS_NET=own exec unshare --net bash "$0" "$@"
fi
[ "$(id -u)" = 0 ] || {
	echo "needs root"
	exit 77
}
B=${B:-build}
A=$(realpath "$B")/aworker
[ -x "$A" ] || {
	echo "aworker is not built: no V8 here"
	exit 77
}
command -v chromium >/dev/null || {
	echo "needs chromium: hack/install-deps --chromium"
	exit 77
}
/usr/bin/python3 -c 'import websocket' 2>/dev/null || {
	echo "needs python3-websocket"
	exit 77
}
ip link set lo up
here=$(dirname "$0")
TMP=$(mktemp -d /tmp/turf-test-XXXXXX) || exit 1
trap 'rm -rf "$TMP"' EXIT
HOME=$TMP /usr/bin/python3 -B "$here/devtools_client.py" "$A" "$here/worker.js" "$TMP"
