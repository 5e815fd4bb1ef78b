#compdef taugate
# zsh completion of taugate. It asks the program, so it knows the commands and options that this one has.
_taugate() {
  local program=${~words[1]}
  local -a entries
  if ((CURRENT == 2)) || [[ $CURRENT == 3 && ${words[2]} == help ]]; then
    entries=(${(f)"$("$program" --help 2> /dev/null | sed -n 's/^  \([a-z-]*\)  *\([a-z].*\)/\1:\2/p')"})
    _describe command entries
  elif [[ $PREFIX == -* ]]; then
    entries=(${(f)"$("$program" "${words[2]}" --help 2> /dev/null |
      sed -nE 's/^  +(-[a-z], )?(--[a-z0-9-]+)( [A-Z][^ ]*)* *(.*)/\2:\4/p')"})
    _describe option entries
  else
    _files
  fi
}
_taugate "$@"
