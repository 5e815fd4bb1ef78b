#!/bin/sh
# Tests scripts/dependencies.sh on machines made of stubs: what it installs, says and returns.
#
#   tests/project/dependencies.sh <source dir>
set -eu
script=$1/scripts/dependencies.sh
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT

stub() { printf '#!/bin/sh\n%s\n' "$2" > "$box/$1" && chmod +x "$box/$1"; }
fail() { printf 'FAILED: %s\noutput: %s\ncalls: %s\n' "$1" "$(cat "$box/out")" "$(cat "$box/calls")" >&2; exit 1; }
# run TARGET WANTED_EXIT_CODE: runs the script with only the stubs in its path.
run() {
  : > "$box/calls"
  code=0
  PATH=$box BOX=$box /bin/sh "$script" "$1" > "$box/out" 2>&1 < /dev/null || code=$?
  [ "$code" -eq "$2" ] || fail "exit code $code, wanted $2"
}

ln -s "$(command -v env)" "$(command -v sh)" "$box"
stub apt-get 'echo "apt-get $*" >> $BOX/calls'
# dpkg-query -W -f FORMAT PACKAGE...: everything is installed but what $box/missing lists.
stub dpkg-query 'shift 3; code=0
for p; do
  case " $(while read -r line; do printf "%s " "$line"; done < $BOX/missing) " in
    *" $p "*) code=1 ;;
    *) echo "installed $p" ;;
  esac
done
exit $code'
root() { stub id "echo $1"; }

root 0
: > "$box/missing"
run test 0
[ ! -s "$box/out" ] && [ ! -s "$box/calls" ] || fail "a complete machine: silence wanted"

echo "doctest-dev libcxxopts-dev" > "$box/missing"
run test 0
grep -q 'apt-get .*update' "$box/calls" || fail "root: no update"
grep -q 'install -y --no-install-recommends libcxxopts-dev doctest-dev$' "$box/calls" ||
  fail "root: wrong packages"

run build 0
grep -q 'recommends libcxxopts-dev$' "$box/calls" || fail "build needs no doctest"

root 1000
run test 1
[ ! -s "$box/calls" ] || fail "a user without sudo: apt-get was called"
grep -q 'apt-get install --no-install-recommends libcxxopts-dev doctest-dev$' "$box/out" ||
  fail "a user without sudo: the command is not named"

stub sudo '[ "$1" != -n ] || exit 0; echo sudo >> $BOX/calls; exec "$@"'
run test 0
grep -q sudo "$box/calls" && grep -q 'install -y .* doctest-dev$' "$box/calls" || fail "sudo: not used"

run nonsense 2
