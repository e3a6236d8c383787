#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One object of each kind (tests/kinds/kinds.js) in each form that a worker's state can have: it is as
# it was, or making that form fails and says where the object is. Nothing gets lost in silence.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs curl
kinds=$PWD/tests/kinds/kinds.js
snapshot=$TMP/snapshot
state=$TMP/state.image
cd "$TMP" || exit 1

all_ok() { # all_ok HOW: of those that are held, at least as many as there were
	local name said

	get http://k/ >verdicts || fail "$1: no answer"
	while IFS=$'\t' read -r name said; do
		check "$1: $name" ok "$said"
	done <verdicts
	[ "$(wc -l <verdicts)" -ge "$2" ] || fail "$1: only $(wc -l <verdicts) kinds are held"
	stop
}

# --- what all forms keep ---
serve "$kinds"
get http://k/refused >refused
all_ok source 70
"$A" --build-snapshot --snapshot-blob "$snapshot" "$kinds" || fail "no startup snapshot"
for _ in 1 2; do
	serve --snapshot-blob "$snapshot" --require-snapshot "$kinds"
	all_ok snapshot 70
done
mv "$snapshot" first

# --- another one of the same code, while the processors are busy ---
for _ in 1 2 3 4; do
	{ while :; do :; done; } &
	HELPERS+=($!)
done
"$A" --build-snapshot --snapshot-blob "$snapshot" "$kinds" || fail "no startup snapshot"
kill "${HELPERS[@]:(-4)}"
serve --snapshot-blob "$snapshot" --require-snapshot "$kinds"
all_ok 'snapshot of a busy machine' 70

# --- what a snapshot refuses ---
[ "$(wc -l <refused)" -ge 15 ] || fail "only $(wc -l <refused) kinds to be refused"
rm "$snapshot"
while IFS=$'\t' read -r name text; do
	"$A" --build-snapshot --snapshot-blob "$snapshot" --location "http://k/?kind=$name" "$kinds" 2>err &&
		fail "a startup snapshot with $name was made"
	if grep -qF "$text" err && grep -qE "which is at .*held|kinds\.js:[0-9]+" err; then
		check "refused: $name" '' ''
	else
		check "refused: $name" "$text, and where it is" "$(cat err)"
	fi
	[ ! -e "$snapshot" ] || fail "a file is left"
	serve --location "http://k/?kind=$name" "$kinds"
	all_ok "source, $name" 1
done <refused

# --- a state image keeps all ---
if [ "$(id -u)" = 0 ]; then
	export TURF_BASE_IMAGE=$TMP/base
	base_image
	"$A" --build-state="$state" "$kinds" || fail "no state image"
	serve --state="$state" "$kinds"
	all_ok 'state image' 70
	while IFS=$'\t' read -r name _; do
		rm -f "$state"
		"$A" --build-state="$state" --location "http://k/?kind=$name" "$kinds" ||
			fail "no state image with $name"
		serve --state="$state" "$kinds"
		all_ok "state image, $name" 1
		! grep -q 'state image' err || fail "$name: it ran from its source"
	done <refused
fi
verdict
