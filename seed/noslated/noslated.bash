# SPDX-License-Identifier: Apache-2.0
# Completion of noslated: its options, and directories behind them.
_noslated() {
	local word=${COMP_WORDS[COMP_CWORD]}

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--run | --state | --log | --root) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	--access-log) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--listen | --metrics | --otlp | --trace-ratio) COMPREPLY=() ;;
	*) mapfile -t COMPREPLY < <(compgen -W '--listen --run --state --log --root --access-log --metrics --otlp --trace-ratio --help --version' -- "$word") ;;
	esac
}
complete -F _noslated noslated
