# SPDX-License-Identifier: Apache-2.0
# bash completion for containerd-shim-turf-v2(8), with the words that it prints itself.

_containerd_shim_turf_v2() {
	local cur=${COMP_WORDS[COMP_CWORD]}

	mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" __complete 2>/dev/null)" -- "$cur")
}

complete -o bashdefault -o default -F _containerd_shim_turf_v2 containerd-shim-turf-v2
