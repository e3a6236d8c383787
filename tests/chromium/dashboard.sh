#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The dashboard of noslated, in Chromium, while functions answer requests: charts, table, keyboard, 5,000
# functions; and what other sites can do with it, which is nothing.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/noslated" ] || skip "noslated is not built"
command -v chromium >/dev/null || skip "needs chromium: hack/install-deps --chromium"
/usr/bin/python3 -c 'import websocket' 2>/dev/null || skip "needs python3-websocket"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states NOSLATED_RUN=$TMP/run
echo 'onfetch = (e) => e.respondWith(new Response("hello", {status: e.request.url.endsWith("/bad") ? 500 : 200}));' >"$TMP/hello.js"
functions() { # functions COUNT: these, and as many others
	jq -n --arg file "$TMP/hello.js" --argjson count "$1" '
		def f(name): {name: name, code: {path: $file}, replicas: {max: 3}};
		{version: 1, functions: ([f("alpha"), f("beta") + {tenant: "other"}] + [range($count) | f("many-\(.)")])}'
}

base_image
turf seed start default
"$B/noslated" --listen "unix:$TMP/front" --run "$TMP/run" --state "$TMP/state" --log "$TMP/log" --root "$ROOT" 2>>"$TMP/err" &
noslated=$!
HELPERS+=("$noslated")
await "$B/noslatectl" version >/dev/null 2>&1
functions 0 | "$B/noslatectl" apply -
functions 4998 >"$TMP/many"
HOME=$TMP /usr/bin/python3 -B "$(dirname "$0")/dashboard_client.py" "$B/noslatectl" "$TMP" "$noslated"
code 0 wait "$noslated"
turf seed stop
nothing_left "a daemon that was looked at"
