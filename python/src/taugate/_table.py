"""Many files, one table."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from . import _taugate
from ._arrays import MAPS, Path, Progress
from ._flim import fit, fitted, infer, names_card, parts_of, read

# Columns by the names of the program's table, with its maps that they are taken from.
_SAME = ["counts", "amplitude_weighted_ns", "amplitude_weighted_sd_ns", "intensity_weighted_ns", "intensity_weighted_sd_ns"]
_FIT = {name: name for name in [*_SAME, "tau1_ns", "tau1_sd_ns", "tau2_ns", "tau2_sd_ns", "fraction", "fraction_sd"]} | {
    "background_counts_per_gate": "background",
    "shift_ns": "shift_ns",
    "chi2_reduced": "chi2_reduced",
}
_INFER = {n: n for n in [*_SAME, "fraction", "fraction_sd", "state_distance", "input_chi2r", "irf_chi2r"]}
_PIXELS = {
    "pixels_used": "count",
    "pixel_median_ns": "median",
    "pixel_16th_percentile_ns": "low",
    "pixel_84th_percentile_ns": "high",
}
_FEW = "too few counts"


def table(
    paths: Path | Sequence[Path],
    *,
    model: _taugate.Model | Path | None = None,
    irf: xr.DataArray | Path | Sequence[xr.DataArray | Path | None] | None = None,
    mask: np.ndarray | Path | Sequence[np.ndarray | Path | None] | None = None,
    mask_pixels: bool = False,
    channel: Any = None,
    frames: int | str | None = None,
    prepare: Callable[[xr.DataArray], xr.DataArray] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> pd.DataFrame:
    """One tidy table of many files: that of `taugate fit --table`, or of `taugate infer --table` (docs/experiments.md).

    Parameters
    ----------
    paths
        A file, several, or a folder: the files in it whose names end as measurements' do, in the order of
        the numbers in their names, without the IRF, the mask and the reference.
    model
        As for infer(); None: the files are fitted.
    irf, mask
        For all files, or a list with one for each. A mask is an image of labels (0: background), or its
        file: each label has a row, of the summed decay of its pixels, with its own place of the IRF unless
        shift says otherwise.
    mask_pixels
        A label's row has the means over its pixels, which are analysed one by one, and deviations over
        them in place of standard deviations.
    channel, frames
        As for read(): each of several channels and frames has a row.
    prepare
        Changes each measurement after reading, before its mask is put on it, for instance
        lambda da: da.coarsen(Y=2, X=2).sum().
    progress
        Called as progress(done, total) files; what it raises ends the work.
    options
        Of read(), and of fit() or infer().

    Returns
    -------
    pandas.DataFrame
        A row for each file, channel, frame and label; units are in the names of the columns. Of an image
        without a mask it has the fit of the summed decay, with median and percentiles over the pixels.
        A file that fails has the flag "failed" and a reason, and the others go on.
    """
    files = _files(paths, irf, mask, options.get("reference"))
    irfs, masks = _one_each(irf, "irf", files), _one_each(mask, "mask", files)
    known = inspect.signature(read).parameters
    reading = {key: options.pop(key) for key in list(options) if key in known}
    bound = inspect.signature(fit if model is None else infer)
    (bound.bind(None, **options) if model is None else bound.bind(None, None, **options))  # TypeError for others
    if isinstance(model, str | os.PathLike) and not names_card(os.fspath(model)):
        model = _taugate.load(model)  # once
    columns = _FIT if model is None else _INFER
    rows: list[dict[str, Any]] = []
    for index, file in enumerate(files):
        try:
            channels, numbers = parts_of(file, channel, frames, **reading)
        except (ValueError, OSError, _taugate.Error) as error:
            rows.append({"file": file, "flag": "failed", "reason": str(error)})
            channels = []
        for c in channels:
            for t in numbers:
                place = {"file": file, "channel": c, "frame": t}
                try:
                    da = read(file, channel=c, frames=t, **reading)
                    own = place | {"channel": da.attrs.get("channel", c)}
                    da = prepare(da) if prepare else da
                    found = _rows(da, model, irfs[index], masks[index], mask_pixels, options, columns)
                    rows += [own | row for row in found]
                except (ValueError, OSError, _taugate.Error) as error:
                    rows.append(place | {"flag": "failed", "reason": str(error)})
        if progress is not None:
            progress(index + 1, len(files))
    names = ["file", "channel", "frame", "label", "pixels", *columns, *_PIXELS, "flag", "reason"]
    frame = pd.DataFrame(rows, columns=names)
    whole = ["frame", "label", "pixels", "pixels_used"]
    types = {n: "Int64" for n in whole} | {n: "float64" for n in [*columns, *_PIXELS] if n not in whole}
    types |= {"flag": "object", "reason": "object"}  # of no reason at all pandas makes numbers
    if channel != "sum":
        types["channel"] = "Int64"
    return frame.astype(types).fillna({"flag": "", "reason": ""})


def _files(paths: Any, *beside: Any) -> list[str]:
    """Files, and those of folders but what is given beside them."""
    given = [p for one in beside for p in (one if isinstance(one, list | tuple) else [one])]
    given = [os.path.realpath(p) for p in given if isinstance(p, str | os.PathLike)]
    files = []
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        path = os.fspath(path)
        if not os.path.isdir(path):
            files.append(path)
            continue
        inside = [os.path.join(path, name) for name in _taugate.files_of_folder(path)]
        files += [file for file in inside if os.path.realpath(file) not in given]
        if not inside:
            raise ValueError(f"{path}: found no file of a measurement, wanted some")
    return files


def _one_each(given: Any, name: str, files: list[str]) -> list[Any]:
    if not isinstance(given, list | tuple):
        return [given] * len(files)
    if len(given) != len(files):
        raise ValueError(f"{name}: found {len(given)} for {len(files)} files, wanted one for each")
    return list(given)


def _rows(
    da: xr.DataArray, model: Any, irf: Any, mask: Any, mask_pixels: bool, options: dict[str, Any],
    columns: dict[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """Those of one measurement: as for table(), a row, or one for each label."""
    labels = pixels = None
    if mask is not None:
        da, labels, pixels = _masked(da, mask, mask_pixels)
    if model is None:
        if pixels is not None and options.get("method", "mle") in ("lm", "mle") and not options.get("share_lifetimes"):
            options = {"shift": "pixel"} | options  # as the program: labels differ in lifetime
        bound = inspect.signature(fit).bind(da, irf, **options)
        bound.apply_defaults()
        found, sums = fitted(**bound.arguments)
        words = np.array([_word(meaning) for meaning in _taugate.fit_flags()])
        flags, used = words[found.flag.values.ravel()], found.flag.values.ravel() == 0
    else:
        found = infer(model, da, irf=irf, **options)
        flags, used = _infer_flags(found, options), np.isfinite(found.tau.values.ravel())
    values = {c: _map(found, m) for c, m in columns.items() if MAPS[m][0] in found}
    if labels is not None and pixels is None:
        return [
            _row_of_pixels(columns, values, flags, used, labels.ravel() == k) | {"label": k}
            for k in np.unique(labels[labels > 0])
        ]
    if labels is not None or flags.size == 1:
        rows = [
            {c: float(v[i]) for c, v in values.items()}
            | {"flag": str(flags[i]), "pixels": 1 if pixels is None else pixels[i]}
            | ({} if labels is None else {"label": labels[i]})
            for i in range(flags.size)
        ]
    elif model is None:
        rows = [{c: float(sums[0][m]) for c, m in columns.items()}]
        rows[0]["flag"] = _word(_taugate.fit_flags()[int(sums[0]["status"])])
    else:
        one = da.sum([d for d in da.dims if d != "H"], dtype=np.float64, keep_attrs=True).astype(np.float32)
        irf = irf if isinstance(irf, xr.DataArray) or irf is None else read(irf)
        single = irf is None or irf.size == irf.sizes["H"]
        summed = infer(model, one, irf=irf if single else None, **options)
        rows = [{c: float(_map(summed, m)[0]) for c, m in columns.items() if MAPS[m][0] in summed}]
        rows[0]["flag"] = str(_infer_flags(summed, options)[0])
    if labels is None and flags.size > 1:
        rows[0] |= {"pixels": flags.size} | _over_pixels(_map(found, "amplitude_weighted_ns")[used])
    if labels is None and model is None and rows[0]["flag"] == "ok" and sums[0]["contradicted"]:
        rows[0]["flag"] = "contradicted"
    return rows


def _map(found: xr.Dataset, name: str) -> np.ndarray:
    return found[MAPS[name][0]].values.ravel()


def _word(meaning: str) -> str:
    return {"converged": "ok", "below threshold": _FEW, "no counts": _FEW}.get(meaning, meaning)


def _infer_flags(found: xr.Dataset, options: dict[str, Any]) -> np.ndarray:
    """Words of the program's table for each pixel."""
    counts, tau = _map(found, "counts"), _map(found, "amplitude_weighted_ns")
    judged = "state_distance" in found
    answered = np.where(found.flag.values.ravel() == 1, "unlike training", "ok" if judged else "not judged")
    blank = "imprecise" if options.get("least_precision") is not None else "no lifetime"
    few = (counts == 0) | (counts < options.get("least_counts", 0.0))
    return np.where(few, _FEW, np.where(np.isfinite(tau), answered, blank))


def _over_pixels(tau: np.ndarray) -> dict[str, Any]:
    found = _taugate.statistics(tau) or {"count": 0}
    return {column: found[key] for column, key in _PIXELS.items() if key in found}


def _masked(da: xr.DataArray, mask: Any, mask_pixels: bool) -> tuple[xr.DataArray, np.ndarray, np.ndarray | None]:
    """Pixels with labels; or the summed decay of each, with the labels and how many pixels each has."""
    image = np.asarray(mask) if isinstance(mask, np.ndarray | xr.DataArray) else _taugate.read_labels(os.fspath(mask))
    if set(da.dims) != {"Y", "X", "H"} or image.shape != (da.sizes["Y"], da.sizes["X"]):
        raise ValueError(f"mask: found labels of shape {image.shape} for counts of {dict(da.sizes)}, wanted one a pixel")
    da = da.transpose("Y", "X", "H")
    names = np.unique(image[image > 0])
    if not names.size:
        raise ValueError("mask: found no label above 0, wanted some")
    if mask_pixels:
        return da.where(xr.DataArray(image > 0, dims=("Y", "X")), 0), image, None
    sums = np.stack([da.values[image == k].sum(axis=0, dtype=np.float64) for k in names]).astype(np.float32)
    coords = {"H": da.H} if "H" in da.coords else {}
    cells = xr.DataArray(sums, coords, ("X", "H"), name=da.name, attrs=da.attrs)
    return cells, names, np.array([np.count_nonzero(image == k) for k in names])


def _row_of_pixels(
    columns: dict[str, str], values: dict[str, np.ndarray], flags: np.ndarray, used: np.ndarray, own: np.ndarray
) -> dict[str, Any]:
    """Means over the pixels of a label, deviations over them, and the commonest flag."""
    row: dict[str, Any] = {"pixels": int(own.sum())}
    words, times = np.unique(flags[own & (flags != _FEW)], return_counts=True)
    row["flag"] = str(words[times.argmax()]) if words.size else _FEW
    for column in columns:
        base = column.replace("_sd", "")
        found = _taugate.statistics(values[base][own & used]) if base in values else None
        if column == "counts":
            row[column] = float(values[column][own].sum(dtype=np.float64))
        elif found:
            row[column] = found["mean" if base == column else "deviation"]
    return row | _over_pixels(values["amplitude_weighted_ns"][own & used])
