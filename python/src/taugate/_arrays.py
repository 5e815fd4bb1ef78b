"""What turns xarray's arrays into those of the C++ library, and its maps into datasets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

Path = str | os.PathLike[str]
Progress = Callable[[float, float], object]

# Maps of the program by the names that they have here, with what they are and their unit.
MAPS = {
    "amplitude_weighted_ns": ("tau", "amplitude-weighted mean lifetime", "ns"),
    "amplitude_weighted_sd_ns": ("sigma", "standard deviation of tau", "ns"),
    "intensity_weighted_ns": ("tau_intensity", "intensity-weighted mean lifetime", "ns"),
    "intensity_weighted_sd_ns": ("sigma_intensity", "standard deviation of tau_intensity", "ns"),
    "chi2_reduced": ("chi2r", "reduced chi-square of the fit", "1"),
    "irf_chi2r": ("chi2r", "reduced chi-square of the decay behind the IRF", "1"),
    "counts": ("counts", "counts that were used", "counts"),
    "tau1_ns": ("tau1", "shorter lifetime", "ns"),
    "tau1_sd_ns": ("sigma_tau1", "standard deviation of tau1", "ns"),
    "tau2_ns": ("tau2", "longer lifetime", "ns"),
    "tau2_sd_ns": ("sigma_tau2", "standard deviation of tau2", "ns"),
    "fraction": ("fraction", "amplitude of the shorter lifetime", "1"),
    "fraction_sd": ("sigma_fraction", "standard deviation of fraction", "1"),
    "photons": ("photons", "counts without background", "counts"),
    "photons_sd": ("sigma_photons", "standard deviation of photons", "counts"),
    "background": ("background", "background", "counts per gate"),
    "background_sd": ("sigma_background", "standard deviation of background", "counts per gate"),
    "shift_ns": ("shift", "place of the IRF, later than recorded", "ns"),
    "shift_sd_ns": ("sigma_shift", "standard deviation of shift", "ns"),
    "state_distance": ("state_distance", "distance of the state from those of training", "1"),
    "input_chi2r": ("input_chi2r", "distance of the trace from those of training", "1"),
}


def with_times(array: xr.DataArray, bin_ns: float | None, period_ns: float | None) -> xr.DataArray:
    if bin_ns is not None:
        times = bin_ns * np.arange(array.sizes["H"])
        array = array.assign_coords(H=("H", times, {"units": "ns"}))
    if period_ns is not None:
        array.attrs["frequency"] = 1e3 / period_ns
        array.attrs["period_ns"] = period_ns
    return array


def times_of(da: xr.DataArray) -> tuple[float | None, float | None]:
    """Bin width and laser period in ns, each None where it is unknown."""
    bin_ns = period_ns = None
    if "H" in da.coords:
        times = np.asarray(da.coords["H"], dtype=np.float64)
        bin_ns = float(times[1] - times[0]) if times.size > 1 else None
        if bin_ns is not None and not np.allclose(np.diff(times), bin_ns, rtol=1e-3, atol=0):
            raise ValueError("coordinate H: found bins of several widths, wanted one, in ns")
    if "frequency" in da.attrs:
        frequency = float(da.attrs["frequency"])
        if not frequency > 0.0:
            raise ValueError(f"attrs['frequency']: found {frequency}, wanted more than 0 MHz")
        period_ns = 1e3 / frequency
        # As the file had it, to the last bit.
        own = da.attrs.get("period_ns")
        if own is not None and 1e3 / float(own) == frequency:
            period_ns = float(own)
    return bin_ns, period_ns


def name_of(da: xr.DataArray) -> str:
    return str(da.name) if da.name is not None else "the array"


def blocks(da: xr.DataArray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Counts [N][Y][X][H] of the N frames and channels, and the dimensions but H."""
    if not isinstance(da, xr.DataArray):
        raise TypeError(f"found {type(da).__name__}, wanted an xarray.DataArray with a dimension H")
    if "H" not in da.dims:
        raise ValueError(f"found dimensions {da.dims}, wanted one called H, of the times")
    leading = tuple(str(d) for d in da.dims if d not in ("Y", "X", "H"))
    dims = leading + tuple(d for d in ("Y", "X") if d in da.dims)
    values = np.asarray(da.transpose(*dims, "H").values)
    if values.dtype.kind not in "uif":
        raise ValueError(f"found values of type {values.dtype}, wanted counts")
    counts = np.ascontiguousarray(values, dtype=np.float32)
    height, width = da.sizes.get("Y", 1), da.sizes.get("X", 1)
    return counts.reshape(-1, height, width, da.sizes["H"]), dims


def each(da: xr.DataArray, one: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The maps of every frame and channel, [N][Y][X]; without a copy where there is one."""
    counts, _ = blocks(da)
    bin_ns, period_ns = times_of(da)
    if bin_ns is None:
        raise ValueError(f"{name_of(da)}: does not tell its bin width, wanted a coordinate H in ns")
    if period_ns is None:
        raise ValueError(f"{name_of(da)}: does not tell its laser period, wanted attrs['frequency'] in MHz")
    parts = [one(block, bin_ns, period_ns) for block in counts]
    if len(parts) == 1:
        return {name: np.asarray(values)[np.newaxis] for name, values in parts[0].items()}
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def dataset(da: xr.DataArray, maps: dict[str, Any], flag: np.ndarray, flags: Sequence[str]) -> xr.Dataset:
    leading = tuple(d for d in da.dims if d not in ("Y", "X", "H"))
    dims = leading + tuple(d for d in ("Y", "X") if d in da.dims)
    shape = tuple(da.sizes[d] for d in dims)
    coords = {name: c for name, c in da.coords.items() if "H" not in c.dims}
    out: dict[str, xr.DataArray] = {}
    for name, values in maps.items():
        short, words, unit = MAPS[name]
        attrs = {"long_name": words, "units": unit}
        out[short] = xr.DataArray(values.reshape(shape), coords, dims, attrs=attrs)
    meanings = " ".join(name.replace(" ", "_") for name in flags)
    marks: dict[str, Any] = {"flag_values": list(range(len(flags))), "flag_meanings": meanings}
    out["flag"] = xr.DataArray(flag.reshape(shape), coords, dims, attrs=marks)
    first = ["tau", "sigma", "chi2r", "flag"]
    return xr.Dataset({name: out[name] for name in [*first, *(n for n in out if n not in first)]})
