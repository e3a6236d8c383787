# SPDX-License-Identifier: Apache-2.0
# Completion of noslatectl: its verbs, and files behind `apply` and `digest`.
_noslatectl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	case $before in
	apply | digest) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--run) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(noslatectl __complete) --run --json --help --version" -- "$word") ;;
	esac
}
complete -F _noslatectl noslatectl
