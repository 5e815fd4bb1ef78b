#!/bin/sh
# Builds README, docs/ and the documents of other folders as a web site with mkdocs-material, without warnings.
#
#   scripts/site.sh BUILD      BUILD/site; BUILD/web, where it is built, becomes its page browser/
#
# Exits with 77 where PyPI cannot be reached. What is compiled of the Python package is shown where `make python-test` has
# built its stubs.
set -eu
sources=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
environment=$build/site-env
[ -x "$environment/bin/pip" ] || python3 -m venv "$environment"
"$environment/bin/pip" install -q --disable-pip-version-check 'mkdocs>=1.6,<2' 'mkdocs-material>=9.5,<10' \
  'mkdocstrings[python]>=0.26' black >"$build/site-pip.log" 2>&1 || {
  echo "skipped: PyPI cannot be reached ($build/site-pip.log)"
  exit 77
}
"$environment/bin/python" "$sources/scripts/site.py" "$sources" "$build"
cd "$build/site-work"
# (Told to be quiet, mkdocs overlooks what --strict is for.)
if ! NO_MKDOCS_2_WARNING=1 "$environment/bin/mkdocs" build --strict --site-dir "$build/site" >"$build/site.log" 2>&1; then
  grep -E 'WARNING|ERROR|Aborted' "$build/site.log" >&2
  exit 1
fi
echo "wrote $build/site"
