"""Files for other programs, opened by these."""

import sys

import numpy as np
import pytest
import xarray as xr

import taugate as tg

PERIOD = 12.5


def counts(bins=50, pixels=(3, 5), start=0.0):
    random = np.random.default_rng(11)
    values = random.poisson(3.0, size=(*pixels, bins)).astype(np.uint16)
    values[1, 2] = 0
    H = start + PERIOD / bins * np.arange(bins)
    return xr.DataArray(values, coords={"H": H}, dims=("Y", "X", "H"), attrs={"frequency": 1e3 / PERIOD}, name="cells")


def image(path):
    zarr = pytest.importorskip("zarr", minversion="3")
    models = pytest.importorskip("ome_zarr_models")
    group = zarr.open_group(path, mode="r")
    models.v05.Image.from_zarr(group)  # raises where it is no OME-Zarr 0.5 image
    return group, group.attrs["ome"]["multiscales"][0]


def test_phasors_are_those_of_phasorpy(tmp_path):
    io = pytest.importorskip("phasorpy.io")
    phasor = pytest.importorskip("phasorpy.phasor")
    da = counts()
    for harmonics in (1, [1, 3]):
        path = tmp_path / "cells.ome.tif"
        tg.write_phasors(path, da, harmonics)
        mean, real, imag, attrs = io.phasor_from_ometiff(path, harmonic="all")
        expected = phasor.phasor_from_signal(da.values.astype(np.float64), axis=-1, harmonic=harmonics)
        for ours, theirs in zip((mean, real, imag), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
        assert attrs["frequency"] == pytest.approx(80.0, rel=1e-12)
        assert attrs["harmonic"] == harmonics
        assert attrs["dims"] == ("Y", "X")
    with pytest.raises(ValueError, match="harmonic: found 26, wanted 1 to 25"):
        tg.write_phasors(path, da, 26)


def test_ome_tiff_has_an_axis_of_lifetimes(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    da = counts()
    tg.write(tmp_path / "cells.ome.tif", da)
    with tifffile.TiffFile(tmp_path / "cells.ome.tif") as file:
        assert file.series[0].axes == "HYX"
        np.testing.assert_array_equal(file.series[0].asarray(), da.transpose("H", "Y", "X"))


def test_decays_become_ome_zarr_with_times_in_ns(tmp_path):
    da = counts(start=1.0)
    tg.to_ome_zarr(tmp_path / "decays.zarr", da)
    group, multiscale = image(tmp_path / "decays.zarr")
    assert [(a["name"], a["type"], a.get("unit")) for a in multiscale["axes"]] == [
        ("t", "time", "nanosecond"), ("y", "space", None), ("x", "space", None)]
    assert multiscale["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [0.25, 1.0, 1.0]}, {"type": "translation", "translation": [1.0, 0.0, 0.0]}]
    array = group["0"]
    assert array.dtype == np.uint16
    np.testing.assert_array_equal(array[...], da.transpose("H", "Y", "X"))
    assert group.attrs["taugate"]["frequency_MHz"] == 80.0
    # Channels, a single trace, and values that are no counts.
    both = xr.concat([da, da + 0.5], dim="C", combine_attrs="override")
    tg.to_ome_zarr(tmp_path / "channels.zarr", both)
    group, multiscale = image(tmp_path / "channels.zarr")
    assert [a["name"] for a in multiscale["axes"]] == ["t", "c", "y", "x"]
    assert group["0"].dtype == np.float32
    np.testing.assert_array_equal(group["0"][:, 1], (da + 0.5).transpose("H", "Y", "X"))
    tg.to_ome_zarr(tmp_path / "one.zarr", da[0, 0])
    assert image(tmp_path / "one.zarr")[0]["0"].shape == (50, 1, 1)


def test_maps_become_ome_zarr_with_a_channel_a_variable(tmp_path):
    fit = tg.fit(counts(), from_ns=0.0)
    tg.to_ome_zarr(tmp_path / "maps.zarr", fit)
    group, multiscale = image(tmp_path / "maps.zarr")
    assert [a["name"] for a in multiscale["axes"]] == ["c", "y", "x"]
    labels = [c["label"] for c in group.attrs["ome"]["omero"]["channels"]]
    assert labels[:3] == ["tau (ns)", "sigma (ns)", "chi2r"]
    assert len(labels) == len(fit)
    for i, name in enumerate(fit):
        np.testing.assert_array_equal(group["0"][i], fit[name].values.astype(np.float32))
    assert group.attrs["taugate"]["variables"][0]["units"] == "ns"
    frames = xr.concat([fit, fit + 1], dim="T", combine_attrs="override")
    tg.to_ome_zarr(tmp_path / "maps.zarr", frames, overwrite=True)
    group, multiscale = image(tmp_path / "maps.zarr")
    assert [a["name"] for a in multiscale["axes"]] == ["t", "c", "y", "x"]
    np.testing.assert_array_equal(group["0"][1, 0], (fit.tau + 1).values.astype(np.float32))


def test_ome_zarr_refuses_what_it_cannot_hold(tmp_path, monkeypatch):
    pytest.importorskip("zarr")
    da = counts()
    (tmp_path / "there").mkdir()
    with pytest.raises(FileExistsError, match="wanted a new path, or overwrite=True"):
        tg.to_ome_zarr(tmp_path / "there", da)
    with pytest.raises(ValueError, match=r"found dimensions \('T', 'Y', 'X', 'H'\)"):
        tg.to_ome_zarr(tmp_path / "a.zarr", da.expand_dims("T"))
    with pytest.raises(ValueError, match="cells: does not tell its bin width"):
        tg.to_ome_zarr(tmp_path / "a.zarr", da.drop_vars("H"))
    with pytest.raises(ValueError, match=r"found variables \['decay'\] with other dimensions"):
        tg.to_ome_zarr(tmp_path / "a.zarr", xr.Dataset({"decay": da, "tau": da[..., 0]}))
    with pytest.raises(TypeError, match="found ndarray, wanted an xarray.Dataset"):
        tg.to_ome_zarr(tmp_path / "a.zarr", da.values)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError, match=r"found no package zarr, wanted version 3: pip install 'taugate\[zarr\]'"):
        tg.to_ome_zarr(tmp_path / "a.zarr", da)
    assert not (tmp_path / "a.zarr").exists()
