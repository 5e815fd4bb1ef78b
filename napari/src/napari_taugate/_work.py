"""What the widget is asked to do, done without a window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import taugate as tg
import xarray as xr

from ._layers import binned

_MOST_VALUES = 150_000_000  # of fitted curves that are kept, 0.6 GB


@dataclass
class Task:
    """A fit, or, with a model, inference."""

    irf: str | None = None
    components: int = 1
    shift: str = "global"
    model: str | None = None
    binning: int = 1
    least_counts: float = 0.0


class Cancelled(Exception):
    """Raised within the library's calls of progress."""


def analyse(da: xr.DataArray, task: Task, progress: Callable[[float, float], Any]) -> tuple[xr.Dataset, xr.DataArray]:
    """Maps over (Y, X), with curves to plot beside the counts where there are any, and the counts that they are of."""
    counts = binned(da, task.binning)
    common = {"irf": task.irf, "least_counts": task.least_counts, "progress": progress}
    few = counts.size <= _MOST_VALUES
    if task.model is None:
        options = {"components": task.components, "shift": task.shift, "expected": few}
        return tg.fit(counts, **options, **common), counts
    model = task.model
    if model == "auto" or model in [card["name"] for card in tg.models()]:
        common["irf"] = None  # which they do not take
    else:
        model = tg.load(model)
    decays = few and isinstance(model, tg.Model) and not model.gives_lifetimes
    return tg.infer(model, counts, decays=decays, **common), counts
