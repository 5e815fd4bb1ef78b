"""What turns xarray's arrays into those of the C++ library, and its maps into datasets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from . import _taugate

Path = str | os.PathLike[str]
Progress = Callable[[float, float], object]

# Maps of the program by the names that they have here, with what they are and their unit.
_MAPS = {
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
_INFER_FLAGS = ["ok", "unlike_training", "blank"]


def read(
    path: Path,
    *,
    channel: int | Literal["sum", "all"] | None = None,
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
        for one; after C with channel="all". The coordinate H has the beginnings of the bins in ns,
        attrs["frequency"] the laser's repetition rate in MHz; either is left out where it is unknown.
    """
    file = os.fspath(path)
    if channel == "all":
        first = _taugate.read(file, time_first, member, 0, bin_ns, period_ns)
        channels = range(1, len(first["channel_photons"]) + 1)
        if not channels:
            raise ValueError(f"{file}: found no detector channels, wanted channel=None")
        return xr.concat(
            [read(file, channel=c, bin_ns=bin_ns, period_ns=period_ns) for c in channels],
            dim=xr.DataArray(list(channels), dims="C", name="C"),
            combine_attrs="drop_conflicts",
        )
    number = {None: 0, "sum": -1}.get(channel, channel)  # type: ignore[arg-type]
    if not isinstance(number, int) or (number < 1 and channel not in (None, "sum")):
        raise ValueError(f"channel: found {channel!r}, wanted a number from 1, 'sum' or 'all'")
    record = _taugate.read(file, time_first, member, number, bin_ns, period_ns)
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
    return _with_times(array, record["bin_ns"], record["period_ns"])


def write(path: Path, da: xr.DataArray) -> None:
    """Writes counts as the path's ending says: .npy, .npz, .tif (OME-TIFF), .mat, .h5, .csv, .txt or .png."""
    counts, dims = _blocks(da)
    if len(counts) != 1:
        raise ValueError(f"found dimensions {dims}, wanted one image or list of traces")
    _taugate.write(os.fspath(path), counts[0], *_times(da))


def fit(
    da: xr.DataArray,
    irf: xr.DataArray | Path | None = None,
    *,
    irf_use: Literal["sum", "pixel", "align"] = "sum",
    gaussian_irf_ns: tuple[float, float, float] | None = None,
    method: Literal["mle", "lm", "cmm", "rld", "phasor"] = "mle",
    components: int = 1,
    shift: Literal["known", "global", "pixel"] = "global",
    background: bool = True,
    weights: Literal["model", "counts", "equal"] = "model",
    tau_ns: tuple[float, float] | None = None,
    from_ns: float | None = None,
    to_ns: float | None = None,
    first_ns: float | None = None,
    gates: int = 0,
    least_counts: float = 0.0,
    share_lifetimes: bool = False,
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
    method
        Maximum likelihood, least squares, centre of mass, rapid lifetime determination, phasor.
    shift
        Place of the IRF: as recorded, one shift for all pixels, or one for each.
    weights
        Of method="lm": by the fitted model, by the counts, or equal.
    tau_ns, from_ns, to_ns, first_ns
        Limits of a lifetime; times to fit; where gate 0 opens; on the file's clock.
    gates
        Gates to sort the record into; 0: its own bins, up to 1024.
    least_counts
        Pixels with fewer counts stay blank.
    share_lifetimes
        One fit of all pixels, which share their lifetimes.
    progress
        Called as progress(done, total) pixels; what it raises, and Ctrl-C, ends the fit.

    Returns
    -------
    xarray.Dataset
        float32 maps over the dimensions but H: tau, sigma, tau_intensity (ns), chi2r, counts,
        photons, background, shift, for two components tau1, tau2 and fraction, with the standard
        deviation of each, NaN where nothing was found; flag (uint8), whose attrs["flag_meanings"]
        names the values.
    """
    record = None if irf is None else _record(irf)
    limits = None if tau_ns is None else (float(tau_ns[0]), float(tau_ns[1]))

    def one(counts: np.ndarray, bin_ns: float | None, period_ns: float | None) -> dict[str, Any]:
        return _taugate.fit(
            counts, bin_ns, period_ns, _name(da), record, irf_use, gaussian_irf_ns, method,
            components, shift, background, weights, limits, from_ns, to_ns, first_ns, gates,
            least_counts, share_lifetimes, progress,
        )  # fmt: skip

    maps = _each(da, one)
    flag = maps.pop("status").astype(np.uint8)
    return _dataset(da, maps, flag, _taugate.fit_flags())


def infer(
    model: _taugate.Model | Path,
    da: xr.DataArray,
    *,
    irf: xr.DataArray | Path | None = None,
    first_ns: float | None = None,
    least_counts: float = 0.0,
    least_precision: float | None = None,
    decays: bool = False,
) -> xr.Dataset:
    """Lifetimes by a trained network, with the numbers of `taugate infer`.

    Parameters
    ----------
    model
        A model, or its file.
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

    Returns
    -------
    xarray.Dataset
        float32 maps over the dimensions but H: tau, sigma, tau_intensity (ns), chi2r, counts, and what
        else the model tells; NaN where it does not tell, or the pixel is blank. flag (uint8): ok,
        unlike_training, blank. With `decays`, sfd over H, the model's gates in ns (and S, its outputs,
        where there are several), peak 1.
    """
    if not isinstance(model, _taugate.Model):
        model = _taugate.load(os.fspath(model))
    record = None if irf is None else _record(irf)

    def one(counts: np.ndarray, bin_ns: float | None, period_ns: float | None) -> dict[str, Any]:
        return _taugate.infer(
            model, counts, bin_ns, period_ns, _name(da), record, first_ns, least_counts,
            least_precision, decays,
        )  # fmt: skip

    maps = _each(da, one)
    flag = np.where(np.isnan(maps["amplitude_weighted_ns"]), np.uint8(2), np.uint8(0))
    if "unlike_training" in maps:
        flag |= maps.pop("unlike_training")
    for name in ("amplitude_weighted_sd_ns", "irf_chi2r"):
        maps.setdefault(name, np.full(flag.shape, np.nan, np.float32))
    sfd = maps.pop("sfd", None)
    out = _dataset(da, maps, flag, _INFER_FLAGS)
    if sfd is not None:
        dims = [*out.tau.dims, "H", "S"]
        first = model.first_gate_ns if first_ns is None else first_ns
        array = xr.DataArray(sfd.reshape(*out.tau.shape, *sfd.shape[-2:]), dims=dims)
        array = array[..., 0] if sfd.shape[-1] == 1 else array
        array.attrs = {"long_name": "sample fluorescence decay", "units": "1"}
        times = first + model.gate_step_ns * np.arange(model.gates)
        out["sfd"] = array.assign_coords(H=("H", times, {"units": "ns"}))
    return out


def prior(name: str = "general", preset: str = "ss2-70", **fields: Any) -> dict[str, Any]:
    """What simulate() and train() draw their pixels from, as docs/simulator.md has it.

    Parameters
    ----------
    name
        Lifetimes, counts and background: "general" or "paper".
    preset
        Acquisition and IRF: "ss2-70", "ss3-135" or "iccd-176".
    fields
        Replace those of the configuration; dictionaries are merged: acquisition={"gates": 80}.
    """
    return _merged(json.loads(_taugate.prior(name, preset)), fields)


def simulate(
    config: Mapping[str, Any] | None = None,
    samples: int = 1000,
    *,
    images: int | None = None,
    one_decay_per_image: bool = False,
    seed: int = 1,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Simulated pixels with their truth, those of `taugate simulate`.

    Parameters
    ----------
    config
        What prior() gives; None: prior().
    samples
        Traces to make.
    images
        Make so many images of 28 x 28 pixels instead; pixels that do not fluoresce are 0.
    one_decay_per_image
        All pixels of an image share their lifetimes.

    Returns
    -------
    xarray.Dataset
        tpsf, the counts, over (X, H), or (T, Y, X, H) for images; sfd, the decays (peak 1); tau1, tau2
        in ns, fraction (amplitude of tau1) and total_counts. H has ns, tpsf.attrs frequency in MHz.
    """
    config = prior() if config is None else config
    text = json.dumps(config)
    if images is None:
        record = _taugate.simulate_traces(text, samples, seed, progress)
        dims: tuple[str, ...] = ("X",)
    else:
        record = _taugate.simulate_images(text, images, seed, one_decay_per_image)
        dims = ("T", "Y", "X")
    sfd = record.pop("sfd")
    out = xr.Dataset({"tpsf": ((*dims, "H"), record.pop("tpsf"), {"units": "counts"})})
    out["sfd"] = ((*dims, "H"), sfd[..., 0]) if sfd.shape[-1] == 1 else ((*dims, "H", "S"), sfd)
    for name, values in record.items():
        unit = {"fraction": "1", "total_counts": "counts"}.get(name, "ns")
        out[name] = (dims, values, {"units": unit})
    acquisition = config["acquisition"]
    array = _with_times(out.tpsf, acquisition["gate_step_ns"], acquisition["period_ns"])
    out = out.assign_coords(H=array.H)
    out.tpsf.attrs.update(array.attrs)
    return out


def train(
    config: Mapping[str, Any] | None = None,
    *,
    kind: Literal["decay", "lifetime"] = "decay",
    hidden: Sequence[int] = (32,),
    form: Literal["reset_after", "reset_before"] = "reset_after",
    activation: Literal["smooth", "hard"] = "smooth",
    samples: int = 2_000_000,
    batch: int = 64,
    rate: float = 5e-3,
    schedule: Literal["cosine", "plateau", "constant"] = "cosine",
    clip: float = 1.0,
    patience: int = 0,
    validation: int = 4096,
    seed: int = 1,
    loss: Literal["mse", "mixed"] = "mse",
    integer_bits: int | None = None,
    teacher: _taugate.Model | None = None,
    alpha: float = 0.6,
    beta: float = 0.0,
    start: _taugate.Model | None = None,
    first_gate_ns: float = 0.0,
    baseline_gates: int = 0,
    novelty: int | None = None,
    progress: Progress | None = None,
) -> _taugate.Model:
    """Trains a network on fresh simulated traces, to the bits of `taugate train` (docs/training.md).

    Parameters
    ----------
    config
        What prior() gives, of the traces; None: those of the teacher, of start, or prior().
    kind
        "decay": a Seq2Seq from traces to decays; "lifetime": an encoder that answers with lifetimes
        and their standard deviations.
    hidden
        GRU units of each layer of a side.
    samples
        Traces, each seen once.
    integer_bits
        Train with integers of so many bits (quantization-aware), and return a model of them.
    teacher, alpha, beta
        Learn from its outputs too, as `taugate distill`.
    start
        A model of floats of the same shape, whose weights are the first ones.
    first_gate_ns
        Where gate 0 opens on the recorder's clock.
    novelty
        Traces for the statistics by which infer() tells what is unlike the training; None: as many as
        were trained on, 20,000 to 360,000; 0: none.
    progress
        Called as progress(done, total) traces, at most ten times a second; what it raises ends the
        training, as Ctrl-C does, within a second.
    """
    if config is None:
        known = teacher or start
        config = known.prior if known else prior()
    return _taugate.train(
        json.dumps(config), kind, list(hidden), form, activation, samples, batch, rate, schedule,
        clip, patience, validation, seed, loss, integer_bits, teacher, alpha, beta, start,
        first_gate_ns, baseline_gates, novelty, progress,
    )  # fmt: skip


def _merged(base: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in fields.items():
        both = isinstance(value, Mapping) and isinstance(base.get(key), dict)
        base[key] = _merged(base[key], value) if both else value
    return base


def _with_times(array: xr.DataArray, bin_ns: float | None, period_ns: float | None) -> xr.DataArray:
    if bin_ns is not None:
        times = bin_ns * np.arange(array.sizes["H"])
        array = array.assign_coords(H=("H", times, {"units": "ns"}))
    if period_ns is not None:
        array.attrs["frequency"] = 1e3 / period_ns
        array.attrs["period_ns"] = period_ns
    return array


def _times(da: xr.DataArray) -> tuple[float | None, float | None]:
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


def _name(da: xr.DataArray) -> str:
    return str(da.name) if da.name is not None else "the array"


def _blocks(da: xr.DataArray) -> tuple[np.ndarray, tuple[str, ...]]:
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


def _record(irf: xr.DataArray | Path) -> tuple[np.ndarray, float | None, float | None, str]:
    if not isinstance(irf, xr.DataArray):
        irf = read(irf)
    counts, _ = _blocks(irf)
    if len(counts) != 1:
        raise ValueError(f"irf: found dimensions {irf.dims}, wanted one record, of Y, X and H")
    return counts[0], *_times(irf), _name(irf)


def _each(da: xr.DataArray, one: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The maps of every frame and channel, [N][Y][X]; without a copy where there is one."""
    counts, _ = _blocks(da)
    bin_ns, period_ns = _times(da)
    if bin_ns is None:
        raise ValueError(f"{_name(da)}: does not tell its bin width, wanted a coordinate H in ns")
    if period_ns is None:
        raise ValueError(f"{_name(da)}: does not tell its laser period, wanted attrs['frequency'] in MHz")
    parts = [one(block, bin_ns, period_ns) for block in counts]
    if len(parts) == 1:
        return {name: np.asarray(values)[np.newaxis] for name, values in parts[0].items()}
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def _dataset(
    da: xr.DataArray, maps: dict[str, Any], flag: np.ndarray, flags: Sequence[str]
) -> xr.Dataset:
    leading = tuple(d for d in da.dims if d not in ("Y", "X", "H"))
    dims = leading + tuple(d for d in ("Y", "X") if d in da.dims)
    shape = tuple(da.sizes[d] for d in dims)
    coords = {name: c for name, c in da.coords.items() if "H" not in c.dims}
    out: dict[str, xr.DataArray] = {}
    for name, values in maps.items():
        short, words, unit = _MAPS[name]
        attrs = {"long_name": words, "units": unit}
        out[short] = xr.DataArray(values.reshape(shape), coords, dims, attrs=attrs)
    meanings = " ".join(name.replace(" ", "_") for name in flags)
    marks: dict[str, Any] = {"flag_values": list(range(len(flags))), "flag_meanings": meanings}
    out["flag"] = xr.DataArray(flag.reshape(shape), coords, dims, attrs=marks)
    first = ["tau", "sigma", "chi2r", "flag"]
    return xr.Dataset({name: out[name] for name in [*first, *(n for n in out if n not in first)]})
