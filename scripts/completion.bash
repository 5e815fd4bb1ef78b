# bash completion of taugate. It asks the program, so it knows the commands and options that this one has.
_taugate() {
  local program=${1/#\~/$HOME} word=$2 words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)) || [[ $COMP_CWORD == 2 && ${COMP_WORDS[1]} == help ]]; then
    words="$("$program" --help 2> /dev/null | sed -n 's/^  \([a-z-]*\) .*/\1/p') --help --version"
  elif [[ $word == -* ]]; then
    words=$("$program" "${COMP_WORDS[1]}" --help 2> /dev/null |
      sed -nE 's/^  +(-[a-z], )?(--[a-z0-9-]+).*/\2/p')
  fi
  [[ -z $words ]] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _taugate taugate
