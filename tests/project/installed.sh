#!/bin/sh
# What `make install` brings beside libraries and headers: the documentation, a man page and completions for bash and zsh
# that know the program's commands, and the SystemVerilog, which the installed program takes from there.
#
#   tests/project/installed.sh <prefix of the installed package> <folder to work in>
set -eu
prefix=$1
work=$2
program=$prefix/bin/taugate
fail() { echo "FAILED: $1" >&2; exit 1; }

for file in share/doc/taugate/README.md share/doc/taugate/LICENSE share/doc/taugate/docs/gru.md \
            share/taugate/models/ss2-70.json share/taugate/models/ss2-70.safetensors share/taugate/rtl/taugate_pkg.sv \
            share/taugate/rtl/sim/main.cpp share/man/man1/taugate.1 share/bash-completion/completions/taugate \
            share/zsh/site-functions/_taugate; do
  [ -f "$prefix/$file" ] || fail "$file: is not installed"
done

rm -rf "$work" && mkdir -p "$work" && cd "$work"
"$program" --help | sed -n 's/^  \([a-z-]*\)  *\([a-z].*\)/\1 \2/p' > commands
[ "$(wc -l < commands)" -gt 10 ] || fail "too few commands: $(cat commands)"
sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/p' "$prefix/share/man/man1/taugate.1" |
  sed -n '/^\.B /{s/^\.B //;s/\\-/-/g;N;s/\n/ /;p;}' > documented
diff commands documented || fail "taugate --help and the man page list other commands"

if command -v bash > /dev/null; then
  cat > complete.sh <<'BASH'
. "$1"
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
_taugate "$2" "${!#}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}"
BASH
  complete() { bash complete.sh "$prefix/share/bash-completion/completions/taugate" "$program" "$@"; }
  complete '' | grep -v '^--' > completed
  cut -d ' ' -f 1 commands | diff - completed || fail "the completion offers other commands"
  for command in $(cat completed); do
    complete "$command" '--' | grep -qx -e --help || fail "no options of $command are completed"
  done
  [ "$(complete help quan)" = quantize ] || fail "taugate help quan is not completed"
  [ "$(complete train --resu)" = --resume ] || fail "taugate train --resu is not completed"
  [ -z "$(complete infer file)" ] || fail "a file's name is completed with options"
fi

if command -v zsh > /dev/null; then
  # Only what is handed to zsh's own menus is looked at, so these are replaced by something that prints it.
  cat > complete.zsh <<'ZSH'
_describe() { print -l -- "${entries[@]%%:*}" }
_files() { }
completion=$1; shift
words=("$@") CURRENT=$# PREFIX=${@[-1]}
. "$completion"
ZSH
  complete() { zsh -f complete.zsh "$prefix/share/zsh/site-functions/_taugate" "$program" "$@"; }
  complete '' | cut -d ' ' -f 1 > completed
  cut -d ' ' -f 1 commands | diff - completed || fail "zsh's completion offers other commands"
  for command in $(cat completed); do
    complete "$command" '--' | grep -qx -e --help || fail "zsh completes no options of $command"
  done
  complete help '' | grep -qx quantize || fail "zsh completes no commands after help"
  [ -z "$(complete infer file)" ] || fail "zsh completes a file's name with options"
fi

# The installed RTL is what runs: words equal with it, and nothing goes with a damaged one.
cp -r "$prefix" moved
program=$PWD/moved/bin/taugate
"$program" train --integers --hidden 3 --gates 20 --samples 640 --validation 64 --no-pictures -o model.safetensors > log
"$program" export-rtl model.safetensors -o exported > log
grep -qF "$PWD/moved/share/taugate/rtl" log && [ -f exported/seq2seq_model.sv ] || fail "export-rtl: $(cat log)"
command -v verilator > /dev/null || exit 0
"$program" cosim model.safetensors --traces 3 --work simulation > log 2>&1 || fail "cosim: $(cat log)"
grep -q 'all equal' log || fail "cosim: $(cat log)"
echo 'this is no SystemVerilog' >> moved/share/taugate/rtl/gru_core.sv
! "$program" cosim model.safetensors --traces 3 --work other > log 2>&1 || fail "cosim reads another rtl/ than the installed one"
rm -r moved/share/taugate/rtl
! "$program" cosim model.safetensors --traces 3 --work other > log 2>&1 || fail "cosim runs without its rtl/"
grep -qF "$PWD/moved/share/taugate/rtl: found no SystemVerilog here" log || fail "cosim without rtl/: $(cat log)"
