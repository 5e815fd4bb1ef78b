"""Lifetime maps from time-resolved pixels: read, fit, infer, simulate and train.

Times are in ns, frequencies in MHz, and arrays are xarray's with phasorpy's names of dimensions:
T (frame), C (channel), Y, X and H (the histogram's bins). docs/python.md has an overview.
"""

import os as _os
from importlib.metadata import version as _version

# Threads that wait sleep at once, as the program's do: spinning ones keep others from work. OpenMP reads this when it
# is loaded, which is below unless another package has done so before.
_spin = "OMP_WAIT_POLICY"
if _chosen := _spin not in _os.environ:
    _os.environ[_spin] = "passive"
from . import _taugate

if _chosen:
    del _os.environ[_spin]

from ._files import to_ome_zarr, write_phasors
from ._flim import fit, infer, models, read, write
from ._table import table
from ._taugate import (
    Error,
    Gru,
    IntegerExecutor,
    Model,
    Tape,
    Value,
    Weight,
    arch,
    cramer_rao,
    load,
    quantize,
    set_threads,
    threads,
)
from ._training import prior, simulate, train

__version__ = _version("taugate")
__all__ = [
    "Error",
    "Gru",
    "IntegerExecutor",
    "Model",
    "Tape",
    "Value",
    "Weight",
    "arch",
    "cramer_rao",
    "fit",
    "infer",
    "load",
    "models",
    "prior",
    "quantize",
    "read",
    "set_threads",
    "simulate",
    "table",
    "threads",
    "to_ome_zarr",
    "train",
    "write",
    "write_phasors",
]
