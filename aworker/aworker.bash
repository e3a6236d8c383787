# SPDX-License-Identifier: Apache-2.0
# bash completion for aworker(1). The options come from aworker itself: `aworker __complete WORD...`
# prints what may stand in the place of the last one, and nothing where a file name belongs.

_aworker() {
	local cur=${COMP_WORDS[COMP_CWORD]} words

	words=$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -o bashdefault -o default -F _aworker aworker
