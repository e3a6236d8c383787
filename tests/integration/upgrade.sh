#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# turf is replaced while a seed runs: what runs keeps its exit status, what comes next is warm
# again without anybody's help. And seeds of an executable that is not turf's own.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
id=$MARK-a

mkdir -p "$TMP/bin" "$TMP/b/rootfs"
ln -s "$B/lib" "$TMP/bin/lib"
# install PROGRAM [SED]: replaces the file, as a package does.
install_one() {
	sed "${2:-}" "$B/$1" >"$TMP/bin/$1.new"
	chmod 755 "$TMP/bin/$1.new"
	mv "$TMP/bin/$1.new" "$TMP/bin/$1"
}
# Another version, of the same length: it is what client and seed compare.
version=$("$B/turf-seed" --version | cut -d' ' -f2)
other=$(echo "$version" | tr 0-9 1-90)
for program in turf turf-seed aworker; do
	install_one $program "s/${version//./\\.}/$other/g"
done
TURF=$TMP/bin/turf
eq "$("$TMP/bin/turf-seed" --version)" "turf-seed $other"

"$TURF" spec --bundle "$TMP/b"
edit "$TMP/b" '.process.terminal = false | .process.args = ["aworker", "worker.js"]
	| .process.env += ["TEST_MARK=\($m)"]' --arg m "$MARK"
echo "console.log('ran');" >"$TMP/b/rootfs/worker.js"
cp -R "$TMP/b" "$TMP/long"
echo 'setInterval(() => {}, 100000);' >"$TMP/long/rootfs/worker.js"

turf seed start default
keeper=$(turf seed info | sed -n 's/^keeper pid: *//p')
eq "$(turf run --warmfork require -b "$TMP/b" "$id")" ran "before the upgrade"
turf create --exit-file -b "$TMP/long" --warmfork require "$id"
turf start "$id"

# --- the upgrade ---
for program in turf turf-seed aworker; do
	install_one $program
done
fails "seed 'default': the seed runs another build" turf run --warmfork require -b "$TMP/b" "$id-2"
warm_again() {
	[ "$(turf run --warmfork require -b "$TMP/b" "$id-2" 2>/dev/null)" = ran ]
}
await warm_again
eq "$(turf seed info | sed -n 's/^keeper pid: *//p')" "$keeper" "the keeper"
eq "$(turf seed info | sed -n 's/^restarts: *//p')" 0 "accidents"
eq "$(turf seed info | sed -n 's/^build: *//p')" "$version" "the seed's version"
eq "$(status_of "$id")" running "a clone of the old seed"
turf kill "$id" TERM
await has_status "$id" stopped
await test -s "$ROOT/$id/exit"
# The second field is as from waitpid(2).
eq "$(cut -d" " -f2 "$ROOT/$id/exit")" $((143 << 8)) "exit status of a clone of the old seed"
turf delete "$id"
stopped() { turf seed stop 2>/dev/null; }
await stopped

# --- an executable from elsewhere ---
mkdir "$TMP/else"
cp "$B/aworker" "$TMP/else/worker"
ln -s "$B/lib" "$TMP/else/lib"
turf seed start --worker "$TMP/else/worker"
eq "$(turf run --warmfork require -b "$TMP/b" "$id")" ran "with a worker of its own"
touch "$TMP/else/worker"
fails "another build" turf run --warmfork require -b "$TMP/b" "$id"
await warm_again
await stopped
nothing_left "an upgrade"
