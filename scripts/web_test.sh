#!/bin/sh
# The page of build/web: its numbers beside the program's under Node, and itself in a headless Chromium.
#
#   scripts/web_test.sh PAGE PROGRAM WORK [bench]     bench: traces a second beside the program's instead
#
# Exits with 77 where the page is not built, or node (18 or later) or, after the comparison, chromium is missing.
set -eu
sources=$(cd "$(dirname "$0")/.." && pwd)
page=$1 program=$2 work=$3
skip() { echo "skipped: $1"; exit 77; }

[ -f "$page/taugate.wasm" ] || skip "$page has no page (make web)"
[ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 18 ] || skip "node 18 or later is missing"
mkdir -p "$work"
if [ "${4:-}" = bench ]; then
  exec node "$sources/tests/web/bench.js" "$page" "$program" "$sources/models" "$work"
fi
bytes=$(cat "$page"/index.html "$page"/*.js "$page"/*.wasm | wc -c)
echo "the page: $bytes bytes"
[ "$bytes" -le 2000000 ] || { echo "wanted 2 MB at most" >&2; exit 1; }
data=${TAUGATE_DATA:-$sources/../shared/data}
image=$data/images/ptu_example.ptu
[ -d "$data" ] || data='' image=''
node "$sources/tests/web/compare.js" "$page" "$program" "$sources/models" "$work" $data
command -v chromium >/dev/null || skip "chromium is missing (Debian: chromium)"
node "$sources/tests/web/page.js" "$page" "$work" $image
