#!/bin/sh
# Sums up what Verilator's coverage says of rtl/: lines, branches and toggled bits, and where some
# were missed. A point counts as covered when it is in any instance of its module, in any run.
#
#   scripts/rtl_coverage.sh FOLDER        (of the .dat files that `make cosim` leaves)
set -eu
cd "$1"
# A line of data: C '^Af^B<file>^Al^B<line>^An^B<column>^At^B<type>^Apage^B<page>^Ao^B<object>^Ah^B...' N
LC_ALL=C awk '
  /^C / {
    count = $NF
    n = split($0, part, "\001")
    file = line = column = page = object = ""
    for (i = 2; i <= n; ++i) {
      at = index(part[i], "\002")
      key = substr(part[i], 1, at - 1)
      value = substr(part[i], at + 1)
      if (key == "f") file = value
      if (key == "l") line = value
      if (key == "n") column = value
      if (key == "page") page = value
      if (key == "o") object = value
    }
    sub(/.*\//, "", file)
    if (file == "seq2seq_model.sv" || page == "") next
    kind = page ~ /^v_toggle/ ? "toggled bits" : page ~ /^v_branch/ ? "branches" : "lines"
    sub(/\047.*/, "", object)
    id = kind SUBSEP file SUBSEP line SUBSEP column SUBSEP object
    if (!(id in most) || count > most[id]) most[id] = count
  }
  END {
    for (id in most) {
      split(id, p, SUBSEP)
      ++all[p[1]]
      if (most[id] > 0) ++hit[p[1]]
      else { ++left[p[1] SUBSEP p[2]]; where[p[1] SUBSEP p[2]] = where[p[1] SUBSEP p[2]] " " p[3] ":" p[5] }
    }
    for (kind in all)
      printf "coverage of %s: %d of %d, %.1f %%\n", kind, hit[kind], all[kind], 100 * hit[kind] / all[kind]
    for (at in left) {
      split(at, p, SUBSEP)
      printf "  missed %s in %s (%d):%s\n", p[1], p[2], left[at], substr(where[at], 1, 1000)
    }
  }' ./*.dat | sort
