"""Draws docs/images/napari.png: a simulated recording opened and fitted through the plugin. It needs a display:

    QT_API=pyqt6 xvfb-run -s '-screen 0 1400x900x24' build/python/3.11/napari/bin/python napari/screenshot.py OUTPUT.png
"""

import pathlib
import sys
import tempfile

import napari
import numpy as np
import taugate as tg
import xarray as xr
from PIL import Image
from qtpy.QtTest import QTest

N, BINS, BIN_NS, PERIOD_NS = 96, 250, 0.05, 12.5


def recording() -> tuple[xr.DataArray, xr.DataArray]:
    """Cells of 0.8 to 3 ns, brighter in their middle, on a dim background; and the IRF."""
    random = np.random.default_rng(4)
    rows, columns = np.mgrid[:N, :N]
    tau, photons = np.full((N, N), 1.5), np.full((N, N), 25.0)
    for row, column, cell in ((22, 24, 0.8), (28, 68, 1.4), (66, 20, 2.1), (70, 62, 3.0), (46, 45, 1.1)):
        near = ((rows - row) / 17) ** 2 + ((columns - column) / 14) ** 2
        tau[near < 1] = cell
        photons += 900 * np.where(near < 1, 1.1 - near, 0)
    t = (np.arange(BINS) + 0.5) * BIN_NS
    pulse = np.exp(-0.5 * ((t - 1.0) / 0.1) ** 2)
    response = np.exp(-t / tau[..., None]) / (1 - np.exp(-PERIOD_NS / tau[..., None]))
    shape = np.maximum(np.real(np.fft.ifft(np.fft.fft(pulse) * np.fft.fft(response))), 0)
    counts = random.poisson(photons[..., None] * shape / shape.sum(-1, keepdims=True) + 0.02)
    H, attrs = BIN_NS * np.arange(BINS), {"frequency": 1e3 / PERIOD_NS}
    image = xr.DataArray(counts.astype(np.float32), {"H": H}, ("Y", "X", "H"), attrs=attrs)
    return image, xr.DataArray(np.rint(1e6 * pulse), {"H": H}, ("H",), attrs=attrs)


def main(target: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for path, da in zip(("cells.ome.tif", "irf.npz"), recording(), strict=True):
            tg.write(folder / path, da)
        viewer = napari.Viewer(show=True)
        viewer.window.resize(1240, 800)
        viewer.open(str(folder / "cells.ome.tif"), plugin="napari-taugate")
        _, widget = viewer.window.add_plugin_dock_widget("napari-taugate", "Fluorescence lifetimes")
        widget.irf.setText(str(folder / "irf.npz"))
        widget.start()
        while not widget.run.isEnabled():
            QTest.qWait(50)
        widget.irf.setText("irf.npz")
        widget.sigma.setValue(480)
        viewer.reset_view()
        widget.show_decay_at((66, 20))
        QTest.qWait(1500)
        shot = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
        shot.quantize(128).save(target, optimize=True)
        viewer.close()


if __name__ == "__main__":
    main(sys.argv[1])
