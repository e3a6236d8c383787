#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# WORKERS (1000) workers at a time, each of which reads a file through Linux AIO, on a host with the
# usual fs.aio-max-nr. Each needs some 6 MiB of memory of its own, and half a minute goes by in all.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs curl xargs

n=${WORKERS:-1000}
slow=$TMP/slow
usual=65536
mkdir "$slow" "$TMP/s"
[ -c /dev/fuse ] || skip "there is no /dev/fuse"
[ "$(cat /proc/sys/fs/aio-max-nr)" = $usual ] || skip "fs.aio-max-nr is not $usual here"
at_end() {
	umount -l "$slow" 2>/dev/null
}
server mounted "$B/tests/slow_fs" "$slow"
taken() {
	cat /proc/sys/fs/aio-nr
}

cat >"$TMP/w.mjs" <<'JS'
const file = new URL('slow/plain', import.meta.url);
export default { fetch: () => fetch(file) };
JS
before=$(taken)
for ((i = 0; i < n; i++)); do
	"$A" --listen "unix:$TMP/s/$i" "$TMP/w.mjs" >/dev/null 2>>"$TMP/err" &
	workers[i]=$!
	HELPERS+=($!)
done
listen() {
	[ "$(find "$TMP/s" -type s | wc -l)" = "$n" ]
}
await listen
check 'they take nothing before they read' "$before" "$(taken)"

ask() { # prints a line for each answer that is as it should be
	seq 0 $((n - 1)) | xargs -P 4 -I{} curl -sS --max-time 60 --unix-socket "$TMP/s/{}" \
		-o /dev/null -w '%{http_code} %{size_download}\n' http://h/ | grep -cx '200 100000'
}
check 'all serve the file' "$n" "$(ask)"
check 'each by a context of its own' yes "$([ $(($(taken) - before)) -ge "$n" ] && echo yes)"
echo "$n workers hold $(($(taken) - before)) of $usual events"
check 'and once more' "$n" "$(ask)"

kill "${workers[@]}"
for pid in "${workers[@]}"; do
	wait "$pid"
done
check 'all is given back' "$before" "$(taken)"
umount "$slow" || fail "something is still open"

verdict
