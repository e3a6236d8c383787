# SPDX-License-Identifier: Apache-2.0
# Completion of noslated: its options, and directories behind them.
_noslated() {
	local word=${COMP_WORDS[COMP_CWORD]}

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--run | --state | --log | --root) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	--listen) COMPREPLY=() ;;
	*) mapfile -t COMPREPLY < <(compgen -W '--listen --run --state --log --root --help --version' -- "$word") ;;
	esac
}
complete -F _noslated noslated
