"""Layers of counts, whose decays they carry, and of lifetimes."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

LayerData = tuple[np.ndarray, dict[str, Any], str]
DECAYS = "decays"  # where a layer's metadata has them, as an xarray.DataArray of dimensions (Y, X, H)


def counts_layer(da: xr.DataArray, name: str | None = None) -> LayerData:
    """An image [Y][X] of the counts of all bins; of a list of traces, or of one, it has one row.

    `da` is what taugate.read() gives, of dimensions of Y, X and H.
    """
    if not {"H"} <= set(da.dims) <= {"Y", "X", "H"}:
        raise ValueError(f"found dimensions {da.dims}, wanted Y, X and H")
    missing = [d for d in ("Y", "X") if d not in da.dims]
    da = da.expand_dims(missing).transpose("Y", "X", "H")
    counts = da.values.sum(axis=-1, dtype=np.float64).astype(np.float32)
    limits = (0.0, max(1.0, float(np.percentile(counts, 99.8))))
    options = {
        "name": name or str(da.name or "counts"),
        "metadata": {DECAYS: da},
        "colormap": "gray",
        "contrast_limits": limits,
    }
    return counts, options, "image"


def binned(da: xr.DataArray, n: int) -> xr.DataArray:
    """Sums of n x n pixels; those at the right and the lower edge of what there is of them."""
    if n == 1:
        return da
    pad = [(0, -da.sizes[d] % n) for d in ("Y", "X")]
    values = np.pad(da.values, [*pad, (0, 0)])
    rows, columns, bins = values.shape
    sums = values.reshape(rows // n, n, columns // n, n, bins).sum(axis=(1, 3))
    return xr.DataArray(sums, {"H": da.H}, ("Y", "X", "H"), name=da.name, attrs=da.attrs)


def shown_lifetimes(found: xr.Dataset, largest_sigma: float | None, hide_flagged: bool) -> np.ndarray:
    """tau in ns [Y][X], NaN where it is not to be shown."""
    shown = found.tau
    if largest_sigma is not None:
        shown = shown.where(found.sigma <= largest_sigma)
    if hide_flagged:
        shown = shown.where(found.flag == 0)
    return shown.values


def lifetime_layer(found: xr.Dataset, decays: xr.DataArray, source: Any, binning: int = 1) -> LayerData:
    """The lifetimes of taugate.fit() or infer() of `decays`, over the layer `source` that they are of."""
    tau = shown_lifetimes(found, None, True)
    finite = tau[np.isfinite(tau)]
    low, high = np.percentile(finite, [2, 98]) if finite.size else (0.0, 1.0)
    # Of n x n pixels the middle lies (n - 1) / 2 to the right of and below that of the first.
    step = np.asarray(source.scale[-2:])
    options = {
        "name": f"{source.name} tau (ns)",
        "metadata": {DECAYS: decays, "lifetimes": found},
        "colormap": "turbo",
        "contrast_limits": (float(low), float(max(high, low + 1e-3))),
        "scale": step * binning,
        "translate": np.asarray(source.translate[-2:]) + step * (binning - 1) / 2,
    }
    return tau, options, "image"
