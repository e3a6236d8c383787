#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hooks: all six kinds in the order of the specification, with the state on stdin, and what
# follows when one of them fails.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

id=$MARK-a
bundle "$TMP/b" sh -c "echo program >>/trace; sleep 1000"
edit "$TMP/b" '.annotations = {"k": "v"}'
trace=$TMP/b/rootfs/trace

# Host side: name, status and pid; the container's side writes to the same file by its own path.
cat >"$TMP/hook" <<'SCRIPT'
#!/bin/sh
state=$(cat)
echo "$1 $(echo "$state" | jq -r '"\(.id) \(.status) \(.annotations.k) \(has("pid") and .pid > 0)"')" >>"$2"
[ -z "${3:-}" ] || exit "$3"
SCRIPT
chmod +x "$TMP/hook"

# host NAME: a hook that runs in the runtime's namespaces.
host() {
	jq -cn --arg hook "$TMP/hook" --arg name "$1" --arg trace "$trace" --arg code "${2:-}" \
		--arg path "PATH=$PATH" '[{path: $hook, args: ["hook", $name, $trace, $code], env: [$path]}]'
}
inside() {
	jq -cn --arg name "$1" --arg path "$2" --arg trace "$3" --arg code "${4:-0}" \
		'[{path: $path, args: ["sh", "-c", "cat >/dev/null; echo \($name) >>\($trace); exit \($code)"]}]'
}
all_hooks() {
	edit "$TMP/b" ".hooks = {
		prestart: $(host prestart), createRuntime: $(host createRuntime),
		createContainer: $(inside createContainer /bin/sh "$trace"),
		startContainer: $(inside startContainer /bin/sh /trace),
		poststart: $(host poststart), poststop: $(host poststop)}"
}
with_hook() { # with_hook KIND JSON
	all_hooks
	edit "$TMP/b" ".hooks.$1 = $2"
	rm -f "$trace"
}

all_hooks
turf create -b "$TMP/b" "$id"
eq "$(cat "$trace")" "prestart $id creating v true
createRuntime $id creating v true
createContainer" "hooks of create"
turf start "$id"
await grep -q program "$trace"
eq "$(sort "$trace")" "$(sort <<EXPECTED
prestart $id creating v true
createRuntime $id creating v true
createContainer
startContainer
program
poststart $id running v true
EXPECTED
)" "hooks of start"
eq "$(sed -n 4p "$trace")" startContainer
# What happens to the bundle now must not matter.
mv "$TMP/b/config.json" "$TMP/kept.json"
turf delete --force "$id"
eq "$(tail -n 1 "$trace")" "poststop $id stopped v false" "after delete"
mv "$TMP/kept.json" "$TMP/b/config.json"

# A failing hook of create: nothing left but what poststop hooks did.
for kind in prestart createRuntime; do
	with_hook $kind "$(host $kind 3)"
	fails "$kind: hook '$TMP/hook': exit status 3" turf create -b "$TMP/b" "$id"
	eq "$(tail -n 1 "$trace")" "poststop $id stopped v false" "after a failing $kind"
	nothing_left "a failing $kind hook"
done
with_hook createContainer "$(inside createContainer /bin/sh "$trace" 4)"
fails "createContainer: hook '/bin/sh': exit status 4" turf create -b "$TMP/b" "$id"
nothing_left "a failing createContainer hook"
with_hook prestart '[{"path": "/nowhere/hook"}]'
fails "prestart: hook '/nowhere/hook': execve: No such file" turf run -b "$TMP/b" "$id"
nothing_left "a missing hook"
with_hook prestart '[{"path": "/bin/sleep", "args": ["sleep", "600"], "timeout": 1}]'
fails "prestart: hook '/bin/sleep': killed after its timeout of 1 s" turf create -b "$TMP/b" "$id"
nothing_left "a hook that hangs"

# Of start: the container is stopped, and still to be deleted.
with_hook startContainer "$(inside startContainer /bin/sh /trace 5)"
turf create -b "$TMP/b" "$id"
fails "startContainer: hook '/bin/sh': exit status 5" turf start "$id"
await has_status "$id" stopped
grep -q program "$trace" && fail "the program ran after a failed startContainer hook"
turf delete "$id"
eq "$(tail -n 1 "$trace")" "poststop $id stopped v false"
with_hook poststart "$(host poststart 6)"
turf create -b "$TMP/b" "$id"
fails "poststart: hook '$TMP/hook': exit status 6" turf start "$id"
await has_status "$id" stopped
turf delete "$id"
fails "poststart: hook '$TMP/hook': exit status 6" turf run -b "$TMP/b" "$id"
nothing_left "a failing poststart hook"

# A hook may use verbs that lock the container, whichever verb it is a hook of.
with_hook poststart "$(jq -cn --arg turf "$TURF" --arg root "$ROOT" --arg id "$id" \
	'[{path: $turf, args: ["turf", "--root", $root, "exec", $id, "true"]}]')"
turf run -d -b "$TMP/b" "$id" </dev/null >/dev/null
has_status "$id" running || fail "a poststart hook that executes something"
turf delete --force "$id"
nothing_left "a poststart hook that executes something"

# Of delete: a warning, and the others run.
with_hook poststop "[{\"path\": \"/bin/false\"}, $(host poststop | jq -c '.[0]')]"
turf create -b "$TMP/b" "$id"
turf delete --force "$id" 2>"$TMP/err"
matches "$(cat "$TMP/err")" "warning: poststop: hook '/bin/false': exit status 1"
eq "$(tail -n 1 "$trace")" "poststop $id stopped v false"
nothing_left "failing poststop hooks"

# One of the container that hangs keeps nobody from deleting it.
with_hook startContainer "$(inside startContainer /bin/sh /trace)"
edit "$TMP/b" '.hooks.startContainer[0].args[2] = "echo hangs >>/trace; sleep 1000"'
"$TURF" --root "$ROOT" run -b "$TMP/b" "$id" </dev/null >/dev/null 2>"$TMP/err" &
runner=$!
await grep -qs hangs "$trace"
turf delete --force "$id"
code 1 wait $runner
matches "$(cat "$TMP/err")" "the container's process died before it could start"
eq "$(wc -l <"$TMP/err")" 1 "lines of a run whose container was deleted"
nothing_left "a startContainer hook that hangs"
