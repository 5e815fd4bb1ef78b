#!/bin/sh
# Relative links of Markdown files lead to files that exist, and to headings that they have; so do paths in `code`.
#
#   tests/project/links.sh <source dir>
set -eu
cd "$1"

# The anchors of a file's headings, as GitHub makes them.
anchors() {
  awk '/^```/ { code = !code } !code && /^#+ / { sub(/^#+ /, ""); print tolower($0) }' "$1" |
    sed -E 's/\[([^]]*)\]\([^)]*\)/\1/g; s/[][`*.,:;()?!"'"'"'\/=<>&+%×·≤≥²…–—]//g; s/ /-/g'
}

code=0
complain() { echo "$1: $2"; code=1; }
count=0
for file in README.md CONTRIBUTING.md docs/*.md docs/results/*.md rtl/*.md examples/*.md; do
  links=$(awk '/^```/ { code = !code } !code' "$file" | grep -oE '\]\([^) ]+\)' | sed 's/^](//;s/)$//' | sort -u) || continue
  for link in $links; do
    case $link in http://*|https://*|mailto:*) continue ;; esac
    count=$((count + 1))
    path=${link%%#*}
    target=$file
    [ -z "$path" ] || target=$(dirname "$file")/$path
    if [ ! -e "$target" ]; then
      complain "$file" "links to $link: no such file"
    elif [ "$link" != "$path" ] && [ "${target%.md}" != "$target" ]; then
      anchors "$target" | grep -qxF -e "${link#*#}" || complain "$file" "links to $link: no such heading"
    fi
  done
done
for path in $(grep -hoE '`(src|include|tests|scripts|rtl|docs|examples|bench|cmake)/[A-Za-z0-9_./-]+`' README.md CONTRIBUTING.md docs/*.md rtl/*.md examples/*.md |
              tr -d '`' | sort -u); do
  [ -e "$path" ] || complain "a page" "names $path: no such file"
done
[ "$count" -gt 50 ] || complain "$1" "found only $count links"
exit $code
