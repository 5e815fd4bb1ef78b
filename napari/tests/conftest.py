import os

import numpy as np
import pytest
import taugate as tg
import xarray as xr

BINS, BIN_NS, PERIOD_NS = 250, 0.05, 12.5


def image_of(tau, photons=800, seed=1):
    """Counts of mono-exponential decays of lifetimes tau [Y][X] (ns) behind a Gaussian IRF, and the IRF; by NumPy alone."""
    t = (np.arange(BINS) + 0.5) * BIN_NS
    pulse = np.exp(-0.5 * ((t - 1.0) / 0.1) ** 2)
    response = np.exp(-t / tau[..., None]) / (1 - np.exp(-PERIOD_NS / tau[..., None]))
    shape = np.real(np.fft.ifft(np.fft.fft(pulse) * np.fft.fft(response)))
    shape = np.maximum(shape, 0) / shape.sum(axis=-1, keepdims=True)
    counts = np.random.default_rng(seed).poisson(photons * shape).astype(np.float32)
    H, attrs = BIN_NS * np.arange(BINS), {"frequency": 1e3 / PERIOD_NS}
    return (
        xr.DataArray(counts, {"H": H}, ("Y", "X", "H"), "cells", attrs),
        xr.DataArray(np.rint(1e6 * pulse), {"H": H}, ("H",), "irf", attrs),
    )


@pytest.fixture
def counts_and_irf():
    tau = np.full((12, 16), 1.0)
    tau[:, 8:] = 2.5
    return image_of(tau)


@pytest.fixture
def files(tmp_path, counts_and_irf):
    """An OME-TIFF of counts, and an archive of the IRF."""
    paths = tmp_path / "cells.ome.tif", tmp_path / "irf.npz"
    for path, da in zip(paths, counts_and_irf, strict=True):
        tg.write(path, da)
    return tuple(map(os.fspath, paths))


@pytest.fixture
def data():
    folder = os.environ.get("TAUGATE_DATA", os.path.join(os.path.dirname(__file__), "../../../shared/data"))
    if not os.path.isdir(folder):
        pytest.skip("measured data are absent")
    return folder
