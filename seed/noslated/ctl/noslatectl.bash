# SPDX-License-Identifier: Apache-2.0
# Completion of noslatectl: verbs, their options, files, and the functions that there are.
_noslatectl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' i
	local -a verbs where=()

	mapfile -t verbs < <(noslatectl __complete | grep -v ^-)
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--run | --socket) where=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
		esac
		[[ -n $verb || " ${verbs[*]} " != *" ${COMP_WORDS[i]} "* ]] || verb=${COMP_WORDS[i]}
	done
	case $before in
	--run) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	--socket) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	-o | --output) mapfile -t COMPREPLY < <(compgen -W 'json table' -- "$word") ;;
	-n | --lines | --since | --min | --max | -X | --request | -H | --header | -d | --data | --listen) COMPREPLY=() ;;
	*)
		if [[ $word == -* || -z $verb ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(noslatectl __complete "$verb"; noslatectl __complete | grep ^-)" -- "$word")
		elif [[ $verb == apply || $verb == digest ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		elif [[ " describe drain invoke logs resume scale workers " == *" $verb "* || $before == --function ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(noslatectl "${where[@]}" __functions 2>/dev/null)" -- "$word")
		fi
		;;
	esac
}
complete -F _noslatectl noslatectl
