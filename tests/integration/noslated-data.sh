#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The data plane of noslated with real workers: what it passes on, what it refuses, and what becomes of
# requests whose client, worker or function goes. noslated_data.py has the cases.
set -u

B=$(realpath "${B:-build}")
[ -x "$B/aworker" ] || {
	echo "aworker is not built: no V8 here"
	exit 77
}
for tool in curl h2load wrk /usr/bin/python3; do
	command -v "$tool" >/dev/null || {
		echo "needs $tool"
		exit 77
	}
done
TMP=$(mktemp -d /tmp/turf-test-XXXXXX) || exit 1
trap 'rm -rf "$TMP"' EXIT
TMPDIR=$TMP /usr/bin/python3 -B "$(dirname "$0")/noslated_data.py" "$B"
