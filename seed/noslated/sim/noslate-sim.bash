# SPDX-License-Identifier: Apache-2.0
# bash completion for noslate-sim(1). The words come from the program: `noslate-sim __complete WORD...`
# prints what may stand in the place of the last one, and nothing where a file name belongs.

_noslate_sim() {
	local cur=${COMP_WORDS[COMP_CWORD]} words

	words=$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -o bashdefault -o default -F _noslate_sim noslate-sim
