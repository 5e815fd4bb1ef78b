"""Files, fits and inference."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from . import _taugate
from ._arrays import Path, Progress, blocks, dataset, each, name_of, times_of, with_times

_PIXELS = 16_384  # of infer() between two calls of progress
_INFER_FLAGS = ["ok", "unlike_training", "blank"]
_MODELS = os.path.join(os.path.dirname(__file__), "models")


def read(
    path: Path,
    *,
    channel: int | Literal["sum", "all"] | None = None,
    frames: int | str | None = None,
    gates_per_frame: int = 0,
    time_first: bool = False,
    member: str = "",
    bin_ns: float | None = None,
    period_ns: float | None = None,
) -> xr.DataArray:
    """Photon counts of a file in any format of docs/formats.md.

    Parameters
    ----------
    path
        .sdt, .ptu, .phd, TIFF, NPY, NPZ, MATLAB, HDF5, text, or a folder of TIFFs.
    channel
        Detector channel, from 1, "sum", or "all" for a dimension C; None is the brightest.
    frames
        Of a time series (.ptu, OME-TIFF): one, from 1, or "all" or "FIRST:LAST" (both included) for a
        dimension T; None adds all up.
    gates_per_frame
        The pages of a TIFF file are frames of so many gates, one after the other (0: gates of one frame).
    time_first
        Arrays are [H][Y][X], text has a trace a column.
    member
        Array of a file that holds several.
    bin_ns, period_ns
        Width of a bin and laser period in ns, where the file does not tell.

    Returns
    -------
    xarray.DataArray
        float32 counts, of dimensions (Y, X, H) for an image, (X, H) for a list of traces and (H,)
        for one; after T with frames and C with channel="all", whose coordinates count from 1. The
        coordinate H has the beginnings of the bins in ns, attrs["frequency"] the laser's repetition
        rate in MHz; either is left out where it is unknown.
    """
    file = os.fspath(path)
    options: dict[str, Any] = {
        "gates_per_frame": gates_per_frame, "time_first": time_first, "member": member,
        "bin_ns": bin_ns, "period_ns": period_ns,
    }  # fmt: skip
    if channel == "all" or isinstance(frames, str):
        channels, numbers = parts_of(file, channel, frames, **options)
        parts = [[read(file, channel=c, frames=t, **options) for c in channels] for t in numbers]
        images = [_stacked(p, "C", [c or 1 for c in channels]) if channel == "all" else p[0] for p in parts]
        return _stacked(images, "T", numbers) if isinstance(frames, str) else images[0]
    number = {None: 0, "sum": -1}.get(channel, channel)  # type: ignore[arg-type]
    if not isinstance(number, int) or (number < 1 and channel not in (None, "sum")):
        raise ValueError(f"channel: found {channel!r}, wanted a number from 1, 'sum' or 'all'")
    if frames is not None and (not isinstance(frames, int) or frames < 1):
        raise ValueError(f"frames: found {frames!r}, wanted a number from 1, 'FIRST:LAST' or 'all'")
    record = _taugate.read(file, time_first, member, number, frames or 0, gates_per_frame, bin_ns, period_ns)
    counts = record["counts"]
    dims = ["Y", "X", "H"]
    while len(dims) > 1 and counts.shape[0] == 1:
        counts, dims = counts[0], dims[1:]
    attrs: dict[str, Any] = {"units": "counts", "format": record["format"]}
    if record["channel"]:
        attrs["channel"] = record["channel"]
    if record["notes"]:
        attrs["notes"] = list(record["notes"])
    array = xr.DataArray(counts, dims=dims, name=os.path.basename(file.rstrip("/")), attrs=attrs)
    return with_times(array, record["bin_ns"], record["period_ns"])


def _stacked(arrays: list[xr.DataArray], dim: str, names: list[Any]) -> xr.DataArray:
    along = xr.DataArray(names, dims=dim, name=dim)
    return xr.concat(arrays, dim=along, combine_attrs="drop_conflicts")


def parts_of(file: str, channel: Any, frames: Any, **options: Any) -> tuple[list[Any], list[Any]]:
    """Channels and frames of a file to read one by one for channel="all", frames="all" or "FIRST:LAST"."""
    channels, numbers = [channel], [frames]
    if channel != "all" and not isinstance(frames, str):
        return channels, numbers
    asked: dict[str, Any] = {
        "gates_per_frame": 0, "time_first": False, "member": "", "bin_ns": None, "period_ns": None,
    } | options  # fmt: skip
    record = _taugate.read(file, channel=0, frame=0, **asked)
    if channel == "all":
        count = len(record["channel_photons"])
        channels = list(range(1, count + 1)) if count > 1 else [None]
    if isinstance(frames, str):
        last = record["frames"]
        if not last:
            raise ValueError(f"{file}: keeps no frames apart, wanted frames=None")
        ends = frames.split(":") if frames != "all" else ["1", str(last)]
        if len(ends) != 2 or not all(e.isdecimal() for e in ends) or not 1 <= int(ends[0]) <= int(ends[1]) <= last:
            raise ValueError(f"frames: found {frames!r}, wanted 'all' or 'FIRST:LAST' within 1:{last} ({file})")
        numbers = list(range(int(ends[0]), int(ends[1]) + 1))
    return channels, numbers


def write(path: Path, da: xr.DataArray) -> None:
    """Writes counts as the path's ending says: .npy, .npz, .tif (OME-TIFF), .mat, .h5, .csv, .txt or .png."""
    counts, dims = blocks(da)
    if len(counts) != 1:
        raise ValueError(f"found dimensions {dims}, wanted one image or list of traces")
    _taugate.write(os.fspath(path), counts[0], *times_of(da))


def fit(
    da: xr.DataArray,
    irf: xr.DataArray | Path | None = None,
    *,
    irf_use: Literal["sum", "pixel", "align"] = "sum",
    gaussian_irf_ns: tuple[float, float, float] | None = None,
    reference: xr.DataArray | Path | None = None,
    reference_tau_ns: float | None = None,
    method: Literal["mle", "lm", "cmm", "rld", "phasor"] = "mle",
    components: int = 1,
    shift: Literal["known", "global", "pixel"] = "global",
    background: bool = True,
    weights: Literal["model", "counts", "equal"] = "model",
    tau_ns: tuple[float, float] | None = None,
    fix_tau_ns: float | Sequence[float] | None = None,
    from_ns: float | None = None,
    to_ns: float | None = None,
    first_ns: float | None = None,
    gates: int = 0,
    least_counts: float = 0.0,
    share_lifetimes: bool = False,
    expected: bool = False,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Lifetimes by the field's own estimators, with the numbers of `taugate fit` (docs/fitting.md).

    Parameters
    ----------
    da
        Counts with a dimension H, its coordinate in ns, and attrs["frequency"] in MHz. Dimensions
        other than Y, X and H (frames, channels) are fitted one by one.
    irf
        Measured IRF, or its file. Without one, gaussian_irf_ns, or from_ns where the decay is bare.
    irf_use
        "sum": all its traces are one IRF; "pixel": one for each pixel; "align": a library, moved onto
        one time.
    gaussian_irf_ns
        A Gaussian's full width at half maximum, the time of its centre, and its exponential tail.
    reference, reference_tau_ns
        Of method="phasor": recording of a dye, or its file, that calibrates in place of an IRF, and the
        dye's lifetime.
    method
        Maximum likelihood, least squares, centre of mass, rapid lifetime determination, phasor.
    shift
        Place of the IRF: as recorded, one shift for all pixels, or one for each.
    weights
        Of method="lm": by the fitted model, by the counts, or equal.
    tau_ns, from_ns, to_ns, first_ns
        Limits of a lifetime; times to fit; where gate 0 opens; on the file's clock.
    fix_tau_ns
        Lifetimes that are known, one for each component (mle, lm).
    gates
        Gates to sort the record into; 0: its own bins, up to 1024.
    least_counts
        Pixels with fewer counts stay blank.
    share_lifetimes
        One fit of all pixels, which share their lifetimes.
    expected
        Also return the counts that each fit expects (mle, lm).
    progress
        Called as progress(done, total) pixels; what it raises, and Ctrl-C, ends the fit.

    Returns
    -------
    xarray.Dataset
        float32 maps over the dimensions but H: tau, sigma, tau_intensity (ns), chi2r, counts,
        photons, background, shift, for two components tau1, tau2 and fraction, with the standard
        deviation of each, NaN where nothing was found; flag (uint8), whose attrs["flag_meanings"]
        names the values. With `expected`, expected (counts) over H, the gates of the fit in ns.
    """
    return fitted(**locals())[0]


def fitted(
    da: xr.DataArray, irf: Any, reference: Any, tau_ns: Any, fix_tau_ns: Any, **options: Any
) -> tuple[xr.Dataset, list[dict[str, Any]]]:
    """fit(), and of each frame and channel the maps of the summed decay."""
    records = {"irf": irf, "reference": reference}
    options |= {key: None if r is None else record_of(r) for key, r in records.items()}
    options["tau_ns"] = None if tau_ns is None else (float(tau_ns[0]), float(tau_ns[1]))
    options["fix_tau_ns"] = None if fix_tau_ns is None else [float(t) for t in np.atleast_1d(fix_tau_ns)]
    summed: list[dict[str, Any]] = []
    gates_ns = (0.0, 1.0)

    def one(counts: np.ndarray, bin_ns: float | None, period_ns: float | None) -> dict[str, Any]:
        nonlocal gates_ns
        maps = _taugate.fit(counts, bin_ns, period_ns, name_of(da), **options)
        summed.append(maps.pop("summed") | {"contradicted": maps.pop("contradicted")})
        gates_ns = maps.pop("gates_ns", gates_ns)
        return maps

    maps = each(da, one)
    flag = maps.pop("status").astype(np.uint8)
    counts = maps.pop("expected", None)
    out = dataset(da, maps, flag, _taugate.fit_flags())
    if counts is not None:
        array = xr.DataArray(counts.reshape(*out.tau.shape, -1), dims=[*out.tau.dims, "H"])
        array.attrs = {"long_name": "counts that the fit expects", "units": "counts"}
        out["expected"] = _on_gates(array, *gates_ns)
    return out, summed


def _on_gates(array: xr.DataArray, first_ns: float, step_ns: float) -> xr.DataArray:
    times = first_ns + step_ns * np.arange(array.sizes["H"])
    return array.assign_coords(H=("H", times, {"units": "ns"}))


def models() -> list[dict[str, Any]]:
    """The trained models that come with the package (docs/models.md).

    Returns
    -------
    list of dict
        name, about, gates, gate_step_ns, period_ns, and the ranges lifetimes_ns and photons in which
        the model was measured. infer() takes the names, or "auto".
    """
    return _taugate.cards(_MODELS)


def infer(
    model: _taugate.Model | Path,
    da: xr.DataArray,
    *,
    irf: xr.DataArray | Path | None = None,
    first_ns: float | None = None,
    least_counts: float = 0.0,
    least_precision: float | None = None,
    decays: bool = False,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Lifetimes by a trained network, with the numbers of `taugate infer`.

    Parameters
    ----------
    model
        A model, its file, the name of one of models(), or "auto": the one of these that fits.
    da
        Counts as for fit().
    irf
        Measured IRF, one or one a pixel: each decay is convolved with it and compared with the counts,
        which gives chi2r. Of models that give decays.
    first_ns
        Where gate 0 opens on the file's clock, instead of the model's own.
    least_counts, least_precision
        Pixels with fewer counts, or whose sigma / tau is larger, stay blank.
    decays
        Also return the decays.
    progress
        Called as progress(done, total) pixels; what it raises ends the work.

    Returns
    -------
    xarray.Dataset
        float32 maps over the dimensions but H: tau, sigma, tau_intensity (ns), chi2r, counts, and what
        else the model tells; NaN where it does not tell, or the pixel is blank. flag (uint8): ok,
        unlike_training, blank. With `decays`, sfd over H, the model's gates in ns (and S, its outputs,
        where there are several), peak 1.
    """
    name, whole_counts = None, False
    if not isinstance(model, _taugate.Model):
        model = os.fspath(model)
        if names_card(model):
            counts, _ = blocks(da)
            image = counts.reshape(-1, *counts.shape[2:])  # all of it, of which no copy is needed
            name, model, first, whole_counts = _taugate.model_of_card(_MODELS, model, image, *times_of(da), name_of(da))
            first_ns = first if first_ns is None else first_ns
        else:
            model = _taugate.load(model)
    record = None if irf is None else record_of(irf)
    total = da.size // da.sizes.get("H", 1)
    done = 0

    def one(counts: np.ndarray, bin_ns: float | None, period_ns: float | None) -> dict[str, Any]:
        nonlocal done
        rows = counts.shape[0] if progress is None else max(1, _PIXELS // counts.shape[1])
        parts = []
        for first in range(0, counts.shape[0], rows):
            some = slice(first, first + rows)
            own = record
            if record is not None and record[0].shape[:2] == counts.shape[:2]:  # an IRF a pixel
                own = (record[0][some], *record[1:])
            parts.append(
                _taugate.infer(
                    model, counts[some], bin_ns, period_ns, name_of(da), own, first_ns, whole_counts,
                    least_counts, least_precision, decays,
                )
            )  # fmt: skip
            done += counts[some].shape[0] * counts.shape[1]
            if progress is not None:
                progress(done, total)
        return parts[0] if len(parts) == 1 else {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}

    maps = each(da, one)
    flag = np.where(np.isnan(maps["amplitude_weighted_ns"]), np.uint8(2), np.uint8(0))
    if "unlike_training" in maps:
        flag |= maps.pop("unlike_training")
    for key in ("amplitude_weighted_sd_ns", "irf_chi2r"):
        maps.setdefault(key, np.full(flag.shape, np.nan, np.float32))
    sfd = maps.pop("sfd", None)
    out = dataset(da, maps, flag, _INFER_FLAGS)
    if name is not None:
        out.attrs["model"] = name
    if sfd is not None:
        array = xr.DataArray(sfd.reshape(*out.tau.shape, *sfd.shape[-2:]), dims=[*out.tau.dims, "H", "S"])
        array = array[..., 0] if sfd.shape[-1] == 1 else array
        array.attrs = {"long_name": "sample fluorescence decay", "units": "1"}
        first = model.first_gate_ns if first_ns is None else first_ns
        out["sfd"] = _on_gates(array, first, model.gate_step_ns)
    return out


def names_card(model: str) -> bool:
    """Whether it is "auto" or a name of models(), and no file."""
    return model == "auto" or not (os.path.exists(model) or set(model) & {".", "/"})


def record_of(irf: xr.DataArray | Path) -> tuple[np.ndarray, float | None, float | None, str]:
    """An IRF, or its file, as the library takes it."""
    if not isinstance(irf, xr.DataArray):
        irf = read(irf)
    counts, _ = blocks(irf)
    if len(counts) != 1:
        raise ValueError(f"irf: found dimensions {irf.dims}, wanted one record, of Y, X and H")
    return counts[0], *times_of(irf), name_of(irf)
