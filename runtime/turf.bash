# SPDX-License-Identifier: Apache-2.0
# bash completion for turf(8). The words come from turf itself: `turf __complete WORD...` prints
# what may stand in the place of the last one, and nothing where a file name belongs.

_turf() {
	local cur=${COMP_WORDS[COMP_CWORD]} words

	words=$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -o bashdefault -o default -F _turf turf
