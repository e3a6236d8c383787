# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034 # what it sets is for others
# Sourced by the scripts that drive aworker by itself, also without root: a directory $TMP that goes
# in the end, one worker at a time with its output in $TMP/out and $TMP/err, assertions. A script of
# containers sources lib.sh first, whose directory, end and assertions it then keeps.
set -u

B=$(realpath "${B:-build}")
A=$B/aworker
worker= # pid of the one that runs
passed=0
failed=0

if ! declare -F nothing_left >/dev/null; then
	skip() {
		echo "$*"
		exit 77
	}

	fail() {
		echo "FAILED: $*"
		cat "$TMP/err" "$TMP/out" 2>/dev/null
		exit 1
	}

	# Waits, at most 30 s, until the command is true.
	await() {
		local i

		for ((i = 0; i < 600; i++)); do
			"$@" >/dev/null 2>&1 && return
			sleep 0.05
		done
		fail "waited in vain for: $*"
	}

	# One that defines at_end() has it called last, whatever happened.
	clean_up() {
		local pid

		for pid in $worker "${HELPERS[@]}"; do
			kill -KILL "$pid" 2>/dev/null
		done
		! declare -F at_end >/dev/null || at_end
		rm -rf "$TMP"
	}

	HELPERS=() # pids of other processes, ended when the script is
	TMP=$(mktemp -d /tmp/turf-test-XXXXXX)
	trap clean_up EXIT
	trap 'exit 1' INT TERM HUP
fi
[ -x "$A" ] || skip "aworker is not built: no V8 here"

needs() { # needs TOOL...
	local tool

	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}

# Standard input without the line that AddressSanitizer says of makecontext(), for comparisons.
# With AddressSanitizer a bound of memory says nothing, and leaks cannot be looked for under strace.
asan=no
if grep -q __asan_init "$A"; then
	asan=yes
	without_asan() {
		sed "/^==[0-9]*==WARNING: ASan doesn't fully support makecontext\/swapcontext functions and may produce false positives in some cases!\$/d"
	}
else
	without_asan() {
		cat
	}
fi

traced=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace)

# --- assertions ---

is() { # is GOT WANTED
	[ "$1" = "$2" ] || fail "'$1' instead of '$2'"
}

# check NAME WANTED GOT: is counted, and goes on; `verdict` is the end of a script that checks.
check() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED %s\nwanted: %s\ngot:    %s\n' "$1" "$2" "$3"
	fi
}

verdict() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# ends CODE TEXT ARG...: aworker ends with the code and says the text on standard error.
ends() {
	local code=$1 text=$2 rc=0

	shift 2
	timeout 60 "$A" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || rc=$?
	[ "$rc" = "$code" ] || fail "exit code $rc instead of $code: aworker $*"
	[ -z "$text" ] || grep -qF -- "$text" "$TMP/err" || fail "no '$text' from aworker $*"
}

said() { # said FILE TEXT: the text is in $TMP/FILE, sooner or later
	await grep -qsF -- "$2" "$TMP/$1"
}

# --- a worker ---

launch() { # launch ARG...
	# It is the shell in the background that empties them: what the last one said is no sign of this.
	rm -f "$TMP/out" "$TMP/err"
	"$A" "$@" >"$TMP/out" 2>"$TMP/err" &
	worker=$!
}

# serve ARG...: launches one on the socket $TMP/sock, and waits for it.
serve() {
	rm -f "$TMP/sock"
	launch --listen "unix:$TMP/sock" "$@"
	await test -S "$TMP/sock"
}

get() { # get ARG...: curl at that socket
	curl -sS --max-time 30 --unix-socket "$TMP/sock" "$@"
}

# Waits for a worker of another address; prints the last one.
listening() {
	said err 'listening on '
	sed -n 's/.*listening on //p' "$TMP/err" | tail -n 1
}

ended_with() { # ended_with CODE
	local rc=0

	wait "$worker" || rc=$?
	worker=
	[ "$rc" = "$1" ] || fail "the worker ended with $rc instead of $1"
}

stop() {
	kill "$worker"
	ended_with 143
}

# --- others ---

# server FILE COMMAND...: one that says its port on standard output, which goes to $TMP/FILE.
server() {
	local file=$TMP/$1

	shift
	"$@" >"$file" 2>"$file.err" &
	HELPERS+=($!)
	await test -s "$file"
}
