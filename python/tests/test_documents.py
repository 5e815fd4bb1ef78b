"""The README's lines, docs/python.md's and the notebook, executed as they stand."""

import os
import re

import numpy as np
import pytest
import xarray as xr
from conftest import SOURCES

import taugate as tg


def python_blocks(document):
    return re.findall(r"```python\n(.*?)```", (SOURCES / document).read_text(), re.DOTALL)


def test_readme(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = python_blocks("README.md")
    assert len([line for line in block.splitlines() if line.strip()]) <= 10
    names = {}
    exec(block, names)
    network, fitted, unit = capsys.readouterr().out.split()
    # Lifetimes of the prior, 0.2 to 1.6 ns, by a network that has seen little.
    assert 0.4 < float(network) < 1.3 and 0.4 < float(fitted) < 1.3 and unit == "ns"
    assert tg.load("student-8bit.safetensors").integers


def test_documentation(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    first, many, simulating, teaching = python_blocks("docs/python.md")
    names = {"np": np, "tg": tg, "inputs": np.zeros((2, 70), np.int16)}
    exec(simulating.replace("2_000_000", "20_000").replace("bits=8)", "bits=8, novelty=0)"), names)
    assert names["words"].shape == (2, 70, 1)
    exec(teaching, names)
    (tmp_path / "recordings").mkdir()
    paths = [tmp_path / "recordings" / "image.npz", tmp_path / "irf.npz"]
    for made, path in zip(simulated_files(tmp_path), paths, strict=True):
        made.rename(path)
    np.save(tmp_path / "cells.npy", np.repeat([[0], [1], [2], [3]], 16, axis=0) * np.ones((1, 64), int))
    for name, there in (("irf.sdt", "irf.npz"), ("cells.tif", "cells.npy")):
        many = many.replace(name, there)
    exec(many.replace('["a.sdt", "b.ptu"], model="auto", channel="all"', '"recordings/", model="auto"'), names)
    assert names["cells"].amplitude_weighted_ns.between(0.5, 2.5).all() and len(names["cells"]) == 1
    assert names["w"][1].grad.shape == (9, 3) and np.abs(names["w"][1].grad).max() > 0
    np.testing.assert_array_equal(names["states"].value.shape, (7, 3, 5))


def simulated_files(folder):
    """A decay of two components behind a known IRF, as an image of 64 x 64 pixels and its IRF."""
    bins, bin_ns, period_ns = 250, 0.05, 12.5
    t = (np.arange(bins) + 0.5) * bin_ns
    pulse = np.exp(-0.5 * ((t - 1.5) / 0.12) ** 2)
    response = sum(a * np.exp(-t / tau) / (1 - np.exp(-period_ns / tau)) for a, tau in ((0.7, 0.5), (0.3, 2.5)))
    shape = np.real(np.fft.ifft(np.fft.fft(pulse) * np.fft.fft(response)))
    counts = np.random.default_rng(1).poisson(20 * shape / shape.sum(), size=(64, 64, bins))
    attrs, H = {"frequency": 80.0}, bin_ns * np.arange(bins)
    tg.write(folder / "image.npz", xr.DataArray(counts, coords={"H": H}, dims=("Y", "X", "H"), attrs=attrs))
    irf = np.rint(1e6 * pulse)
    tg.write(folder / "irf.npz", xr.DataArray(irf, coords={"H": H}, dims=("H",), attrs=attrs))
    return folder / "image.npz", folder / "irf.npz"


@pytest.mark.parametrize("source", ["simulated", "measured"])
def test_notebook(source, tmp_path, request):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    if source == "measured":
        data = request.getfixturevalue("data")
        files = data / "images" / "SDT_c01.sdt", data / "images" / "IRF.sdt"
        expected = (0.34, 2.6)  # by the data's own description about 0.34 and 2.54 ns
    else:
        files, expected = simulated_files(tmp_path), (0.5, 2.5)
    notebook = nbformat.read(SOURCES / "examples" / "lifetime_map.ipynb", as_version=4)
    names, lines = [cell for cell in notebook.cells if cell.cell_type == "code"][:2]
    assert len([line for line in lines.source.splitlines() if line.strip()]) <= 10
    names.source = f"measurement, irf = {os.fspath(files[0])!r}, {os.fspath(files[1])!r}"
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=os.fspath(tmp_path))
    printed = "".join(o.text for o in lines.outputs if o.output_type == "stream" and o.name == "stdout")
    found = [float(number) for number in re.findall(r"[0-9.]+(?=(?: and| ns))", printed)][:2]
    assert found == pytest.approx(expected, rel=0.05)
    assert any("image/png" in o.get("data", {}) for o in lines.outputs)
