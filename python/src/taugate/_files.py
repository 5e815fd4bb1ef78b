"""Files that other programs open: OME-Zarr, and phasors as phasorpy keeps them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from . import _taugate
from ._arrays import Path, blocks, name_of, times_of

_COLOURS = ["FFFFFF", "FF00FF", "00FFFF", "FFFF00", "00FF00", "FF0000", "0000FF"]


def write_phasors(path: Path, da: xr.DataArray, harmonics: int | Sequence[int] = 1) -> None:
    """Phasor coordinates of counts as an OME-TIFF file for phasorpy and napari-phasors.

    They are those of ``phasorpy.phasor.phasor_from_signal``, uncalibrated; ``phasorpy.io.phasor_from_ometiff``
    reads them.

    Parameters
    ----------
    path
        Ends in .ome.tif (napari-phasors wants no other dot in the name).
    da
        Counts of one image or list of traces, with a coordinate H in ns.
    harmonics
        One or several, from 1.
    """
    counts, dims = blocks(da)
    if len(counts) != 1:
        raise ValueError(f"found dimensions {dims}, wanted one image or list of traces")
    numbers = [harmonics] if isinstance(harmonics, int) else [int(h) for h in harmonics]
    _taugate.write_phasors(os.fspath(path), counts[0], *times_of(da), name_of(da), numbers)


def to_ome_zarr(path: Path, data: xr.Dataset | xr.DataArray, *, overwrite: bool = False) -> None:
    """Lifetime maps or decays as an OME-Zarr 0.5 image (a folder); needs the package zarr, version 3.

    Maps, a Dataset of ``fit`` or ``infer``, become one array (c, y, x) of float32, a channel a variable, in the order
    of the Dataset; with a dimension T, (t, c, y, x). Decays, a DataArray with a dimension H, become (t, y, x), or with a
    dimension C (t, c, y, x): the axis of type time has the beginnings of the bins in ns. Counts that are whole numbers
    up to 65,535 are uint16, others float32.

    The attribute "taugate" has the variables' units and the laser's frequency in MHz. A path that exists is an error
    unless ``overwrite``, which removes what is there.
    """
    try:
        import zarr
    except ImportError as error:
        raise ImportError("to_ome_zarr: found no package zarr, wanted version 3: pip install 'taugate[zarr]'") from error
    if int(zarr.__version__.split(".")[0]) < 3:
        raise ImportError(f"to_ome_zarr: found zarr {zarr.__version__}, wanted version 3: pip install 'taugate[zarr]'")
    if isinstance(data, xr.Dataset):
        values, axes, attributes = _maps(data)
    elif isinstance(data, xr.DataArray):
        values, axes, attributes = _decays(data)
    else:
        raise TypeError(f"found {type(data).__name__}, wanted an xarray.Dataset of maps or a DataArray of counts")
    folder = os.fspath(path)
    if os.path.lexists(folder) and not overwrite:
        raise FileExistsError(f"{folder}: exists, wanted a new path, or overwrite=True")
    group = zarr.open_group(folder, mode="w", zarr_format=3)
    names = [axis["name"] for axis in axes]
    # A pixel's decay is read at once.
    chunks = tuple(min(n, 64) if name in "yx" else n if "unit" in axis else 1 for n, name, axis in
                   zip(values.shape, names, axes, strict=True))
    array = group.create_array("0", shape=values.shape, dtype=values.dtype, chunks=chunks, dimension_names=names)
    array[...] = values
    group.attrs.update(attributes)


def _multiscale(name: str, axes: list[dict[str, str]], step: float | None = None, start: float = 0.0) -> dict[str, Any]:
    """The only level of an image; `step` and `start` of its first axis, in ns."""
    scale = [1.0] * len(axes)
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if step is not None:
        scale[0] = step
        if start != 0.0:
            transforms.append({"type": "translation", "translation": [start] + [0.0] * (len(axes) - 1)})
    datasets = [{"path": "0", "coordinateTransformations": transforms}]
    return {"name": name, "axes": axes, "datasets": datasets}


def _plane(da: xr.DataArray, leading: Sequence[str]) -> np.ndarray:
    """In the order `leading`, Y, X, with extents of 1 for Y and X that are not there."""
    for axis in ("Y", "X"):
        if axis not in da.dims:
            da = da.expand_dims(axis)
    return np.asarray(da.transpose(*leading, "Y", "X").values)


_SPACE = [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]


def _maps(data: xr.Dataset) -> tuple[np.ndarray, list[dict[str, str]], dict[str, Any]]:
    names = [str(name) for name, da in data.items() if set(da.dims) <= {"T", "Y", "X"}]
    if not names or len(names) < len(data):
        odd = [str(name) for name in data if str(name) not in names]
        raise ValueError(f"found variables {odd} with other dimensions, wanted maps of T, Y and X" if odd else
                         "found no variables, wanted maps of T, Y and X")
    leading = ["T"] if "T" in data.dims else []
    parts = [_plane(data[name].broadcast_like(data[names[0]]), leading) for name in names]
    values = np.stack(parts, axis=len(leading)).astype(np.float32)
    axes = [{"name": "t", "type": "time"}] if leading else []
    axes += [{"name": "c", "type": "channel"}, *_SPACE]
    channels = []
    for i, name in enumerate(names):
        part = values[(slice(None),) * len(leading) + (i,)]
        finite = part[np.isfinite(part)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        unit = data[name].attrs.get("units", "")
        channels.append({
            "label": f"{name} ({unit})" if unit and unit != "1" else name,
            "color": _COLOURS[i % len(_COLOURS)],
            "active": i == 0,
            "window": {"min": low, "max": high, "start": low, "end": high if high > low else low + 1.0},
        })
    ome = {"version": "0.5", "multiscales": [_multiscale("lifetime maps", axes)], "omero": {"channels": channels}}
    plain = [{"name": name, **{str(k): v for k, v in data[name].attrs.items() if isinstance(v, (str, int, float, list))}}
             for name in names]
    return values, axes, {"ome": ome, "taugate": {"variables": plain}}


def _decays(da: xr.DataArray) -> tuple[np.ndarray, list[dict[str, str]], dict[str, Any]]:
    if "H" not in da.dims or not set(da.dims) <= {"C", "Y", "X", "H"}:
        raise ValueError(f"found dimensions {da.dims}, wanted H, and of C, Y and X those that there are")
    bin_ns, period_ns = times_of(da)
    if bin_ns is None:
        raise ValueError(f"{name_of(da)}: does not tell its bin width, wanted a coordinate H in ns")
    channel = [{"name": "c", "type": "channel"}] if "C" in da.dims else []
    values = _plane(da, ["H", *(["C"] if channel else [])])
    whole = values.size > 0 and values.min() >= 0 and values.max() <= 65535 and (values == np.floor(values)).all()
    axes = [{"name": "t", "type": "time", "unit": "nanosecond"}, *channel, *_SPACE]
    ome = {"version": "0.5", "multiscales": [_multiscale(name_of(da), axes, bin_ns, float(da.coords["H"][0]))]}
    own = {} if period_ns is None else {"frequency_MHz": 1e3 / period_ns}
    return values.astype(np.uint16 if whole else np.float32), axes, {"ome": ome, "taugate": own}
