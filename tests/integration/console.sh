#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Terminals: sent to a console socket, and relayed by `turf run` in the foreground.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sh -c 'tty; stty size; read line; echo "got $line"; read line; stty size; exit 6'
edit "$TMP/b" '.process.terminal = true | .process.consoleSize = {"height": 11, "width": 22}'
mkfifo "$TMP/keys"

# --- console socket ---
"$B/tests/recv_console" "$TMP/sock" 33 44 <"$TMP/keys" >"$TMP/out" &
receiver=$!
HELPERS+=("$receiver")
exec 7>"$TMP/keys"
await test -S "$TMP/sock"
turf create --console-socket "$TMP/sock" -b "$TMP/b" "$id"
await grep -q '^name /dev/ptmx$' "$TMP/out"
turf start "$id"
await grep -q '^33 44' "$TMP/out"
grep -q '^/dev/\(console\|pts/0\)' "$TMP/out" || fail "the container's stdin is no terminal: $(cat "$TMP/out")"
echo hello >&7
await grep -q '^got hello' "$TMP/out"
echo >&7
wait $receiver || fail "the receiver ended with $?"
exec 7>&-
await has_status "$id" stopped
turf delete "$id"
nothing_left "a terminal by console socket"

# The receiver is gone before we come: create is undone.
fails "connect to socket '$TMP/sock': Connection refused" \
	turf create --console-socket "$TMP/sock" -b "$TMP/b" "$id"
nothing_left "a console socket that nobody listens on"

# --- the foreground, with a terminal of our own ---
command -v script >/dev/null || skip "needs script(1)"
cat >"$TMP/inner" <<SCRIPT
stty rows 5 cols 66
$TURF --root $ROOT run -b $TMP/b $id
echo "code \$?"
stty -a | grep -o -- '-\?icanon'
SCRIPT
exec 8<>"$TMP/keys"
script -qec "sh $TMP/inner" /dev/null <&8 >"$TMP/out" 2>&1 &
terminal=$!
await grep -q '^5 66' "$TMP/out"
echo first >&8
await grep -q '^got first' "$TMP/out"
echo >&8
wait $terminal
grep -q '^code 6' "$TMP/out" || fail "run with a terminal: $(cat "$TMP/out")"
grep -q '^icanon' "$TMP/out" || fail "our terminal is left in raw mode: $(cat "$TMP/out")"
nothing_left "run with a terminal"

# Without one: input and output are what they are, and end of file is one.
printf 'one\ntwo\n' | code 6 turf run -b "$TMP/b" "$id" >"$TMP/out"
grep -q '^11 22' "$TMP/out" || fail "consoleSize: $(cat "$TMP/out")"
grep -q '^got one' "$TMP/out" || fail "typed ahead: $(cat "$TMP/out")"
nothing_left "run with a terminal and no own"
