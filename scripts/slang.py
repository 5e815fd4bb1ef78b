"""Lints SystemVerilog with slang (PyPI pyslang): its command line, its diagnostics, exit 1 on any."""

import shlex
import sys

from pyslang import driver

slang = driver.Driver()
slang.addStandardArgs()
good = slang.parseCommandLine(shlex.join(["slang", *sys.argv[1:]]))
good = good and slang.processOptions() and slang.parseAllSources()
if good:
    slang.reportCompilation(slang.createCompilation(), True)
    good = slang.reportDiagnostics(True)
sys.exit(0 if good else 1)
