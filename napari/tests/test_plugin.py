"""The manifest, the readers and the widget, in a viewer without a window."""

import os
import subprocess
import sys

import numpy as np
import pytest
import taugate as tg
import xarray as xr
from conftest import image_of
from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.notifications import notification_manager
from napari_taugate import counts_layer
from napari_taugate._reader import get_reader
from napari_taugate._widget import LifetimeWidget


def test_manifest_is_valid():
    npe2 = os.path.join(os.path.dirname(sys.executable), "npe2")
    run = subprocess.run([npe2, "validate", "napari-taugate", "--imports"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_napari_reads_through_the_plugin(files, npe2pm):
    viewer = ViewerModel()
    with npe2pm.tmp_plugin(package="napari-taugate"):
        (layer,) = viewer.open(files[0], plugin="napari-taugate")
    expected = tg.read(files[0])
    np.testing.assert_array_equal(layer.data, expected.sum("H"))
    np.testing.assert_array_equal(layer.metadata["decays"], expected)
    assert layer.metadata["decays"].dims == ("Y", "X", "H") and layer.name == "cells.ome.tif"


def test_other_files_are_left_to_others(tmp_path):
    assert get_reader("photo.png") is None and get_reader(["cells.sdt", "photo.png"]) is None
    broken = tmp_path / "broken.sdt"
    broken.write_bytes(b"nothing")
    with pytest.raises(tg.Error, match="broken.sdt"):
        get_reader(str(broken))(str(broken))


def test_measured_files_are_layers(data):
    def read(*path):
        file = os.path.join(data, *path)
        return get_reader(file)(file)

    sdt = read("images", "SDT_c01.sdt")
    assert [options["name"] for _, options, _ in sdt] == ["SDT_c01.sdt channel 1", "SDT_c01.sdt channel 2"]
    assert [float(values.sum(dtype=float)) for values, _, _ in sdt] == [5359, 227_683]
    ((ptu, _, _),) = read("images", "ptu_example.ptu")
    assert float(ptu.sum()) == 17_673 and ptu.ndim == 2
    ((phd, _, _),) = read("phd", "aaq_etoh_40mhz_440nm_4ps.phd")
    assert phd.shape == (1, 1)


@pytest.fixture
def widget(qtbot, counts_and_irf):
    viewer = ViewerModel()
    viewer.add_layer(Layer.create(*counts_layer(counts_and_irf[0])))
    made = LifetimeWidget(viewer)
    qtbot.addWidget(made)
    notification_manager.records.clear()
    return made


def result_of(widget, qtbot):
    before = len(widget.viewer.layers)
    widget.start()
    qtbot.waitUntil(lambda: widget.run.isEnabled(), timeout=60_000)
    assert len(widget.viewer.layers) == before + 1, [r.message for r in notification_manager.records]
    return widget.viewer.layers[-1]


def test_fit_is_the_librarys(widget, qtbot, files, counts_and_irf):
    counts, irf = counts_and_irf
    widget.irf.setText(files[1])
    widget.binning.setValue(2)
    layer = result_of(widget, qtbot)
    expected = tg.fit(counts.coarsen(Y=2, X=2).sum(), irf)
    flagged = expected.flag.values != 0
    np.testing.assert_array_equal(np.isnan(layer.data), flagged | np.isnan(expected.tau.values))
    np.testing.assert_array_equal(layer.data[~flagged], expected.tau.values[~flagged])
    shown = layer.data[np.isfinite(layer.data)]
    np.testing.assert_allclose(layer.contrast_limits, np.percentile(shown, [2, 98]), rtol=1e-6)
    # Two lifetimes, each where it is in the counts' layer.
    assert np.nanmedian(layer.data[:, :4]) == pytest.approx(1.0, rel=0.03)
    assert np.nanmedian(layer.data[:, 4:]) == pytest.approx(2.5, rel=0.03)
    np.testing.assert_allclose(layer.data_to_world((0, 0)), (0.5, 0.5))


def test_sigma_filters_and_flagged_pixels_are_missing(widget, qtbot, files):
    widget.irf.setText(files[1])
    layer = result_of(widget, qtbot)
    found = layer.metadata["lifetimes"]
    found.flag[:] = 0
    assert widget.sigma.isEnabled()
    widget.sigma.setValue(500)  # the median
    limit = float(widget.sigma_text.text().split()[0])
    assert limit == pytest.approx(float(found.sigma.median()), rel=0.01)
    shown = np.isfinite(layer.data)
    assert shown.sum() == pytest.approx(found.sigma.size / 2, abs=2)
    assert found.sigma.values[shown].max() <= limit * 1.01 < found.sigma.values[~shown].max()
    widget.sigma.setValue(widget.sigma.maximum())
    found.flag[3, 5] = 1
    widget.hide_flagged.setChecked(False)
    assert np.isfinite(layer.data[3, 5])
    widget.hide_flagged.setChecked(True)
    assert np.isnan(layer.data[3, 5]) and np.isnan(layer.data).sum() == 1


def test_a_network_by_name_and_by_file(widget, qtbot, tmp_path, counts_and_irf, files):
    widget.method.setCurrentText("Network")
    widget.irf.setText(files[1])  # of a fit before
    layer = result_of(widget, qtbot)
    expected = tg.infer("auto", counts_and_irf[0])
    assert expected.attrs["model"] == "tcspc-80mhz"
    np.testing.assert_array_equal(layer.metadata["lifetimes"].tau, expected.tau)
    np.testing.assert_array_equal(np.isnan(layer.data), expected.flag.values != 0)
    prior = tg.prior(acquisition={"gates": 250, "gate_step_ns": 0.05, "gate_width_ns": 0.05, "period_ns": 12.5})
    model = tg.train(prior, samples=2_000, hidden=[8], validation=64, novelty=0)
    model.save(tmp_path / "own.safetensors")
    widget.model.setEditText(str(tmp_path / "own.safetensors"))
    layer = result_of(widget, qtbot)
    expected = tg.infer(model, counts_and_irf[0], irf=counts_and_irf[1])
    np.testing.assert_array_equal(layer.metadata["lifetimes"].tau, expected.tau)
    np.testing.assert_array_equal(layer.metadata["lifetimes"].chi2r, expected.chi2r)
    assert not widget.sigma.isEnabled()  # it tells no deviations
    widget.show_decay_at((2, 3))
    assert "without the IRF" in widget.plot.axes.get_legend().get_texts()[1].get_text()


def test_errors_are_notifications(widget, qtbot, tmp_path):
    def complaint():
        notification_manager.records.clear()
        before = len(widget.viewer.layers)
        widget.start()
        qtbot.waitUntil(lambda: widget.run.isEnabled() and len(notification_manager.records) > 0, timeout=60_000)
        assert len(widget.viewer.layers) == before
        return notification_manager.records[0].message

    assert "wanted an IRF" in complaint()
    widget.irf.setText(str(tmp_path / "absent.sdt"))
    assert "absent.sdt" in complaint()
    widget.irf.setText("")
    widget.method.setCurrentText("Network")
    widget.model.setEditText("no-such-model.safetensors")
    assert "no-such-model" in complaint()
    widget.viewer.layers.clear()
    assert "found no layer of counts" in complaint()


def test_a_fit_can_be_cancelled(qtbot, files):
    viewer = ViewerModel()
    viewer.add_layer(Layer.create(*counts_layer(image_of(np.full((128, 128), 1.5))[0])))
    widget = LifetimeWidget(viewer)
    qtbot.addWidget(widget)
    widget.irf.setText(files[1])
    widget.components.setValue(2)
    with qtbot.waitSignal(widget.progressed, timeout=60_000):
        widget.start()
    assert widget.cancel.isEnabled() and not widget.run.isEnabled()
    widget.cancel.click()
    qtbot.waitUntil(lambda: widget.run.isEnabled(), timeout=60_000)
    assert len(viewer.layers) == 1


def test_the_decay_under_the_mouse(widget, qtbot, files, counts_and_irf):
    counts, _ = counts_and_irf
    widget.show_decay_at((4.2, 9.7))  # of the counts alone
    (line,) = widget.plot.axes.get_lines()
    np.testing.assert_array_equal(line.get_ydata(), counts[4, 10])
    np.testing.assert_allclose(line.get_xdata(), counts.H)
    widget.irf.setText(files[1])
    widget.binning.setValue(4)
    layer = result_of(widget, qtbot)
    widget.viewer.cursor.position = (5.0, 10.0)
    for callback in widget.viewer.mouse_move_callbacks:
        callback(widget.viewer, None)
    measured, curve = widget.plot.axes.get_lines()
    block = counts[4:8, 8:12].sum(("Y", "X"))
    np.testing.assert_array_equal(measured.get_ydata(), block)
    expected = curve.get_ydata()
    fitted = np.isfinite(expected)
    # Poisson: chi-square a gate near 1, of what the counts themselves say.
    chi2 = np.mean((block.values[fitted] - expected[fitted]) ** 2 / np.maximum(expected[fitted], 1))
    assert 0.6 < chi2 < 1.4
    assert f"{float(layer.metadata['lifetimes'].tau[1, 2]):.3g}" in widget.plot.axes.get_title()
    before = widget.plot.axes.get_title()
    widget.show_decay_at((-50, 400))  # beside the image: nothing changes
    assert widget.plot.axes.get_title() == before


def test_napari_phasors_opens_written_counts(tmp_path, counts_and_irf):
    reader = pytest.importorskip("napari_phasors._reader")
    counts, _ = counts_and_irf
    path = str(tmp_path / "counts.tif")
    tg.write(path, counts)
    ((mean, options),) = reader.napari_get_reader(path)(path)
    points = options["metadata"]["phasor_features_labels_layer"].features
    points = points[points.harmonic == 1]
    turn = np.exp(2j * np.pi * np.arange(counts.sizes["H"]) / counts.sizes["H"])
    expected = (counts.values @ turn) / counts.values.sum(axis=-1)
    assert mean.shape == expected.shape
    np.testing.assert_allclose(points.G, expected.real.ravel(), atol=1e-6)
    np.testing.assert_allclose(points.S, expected.imag.ravel(), atol=1e-6)


def test_layers_of_other_dimensions_are_refused(counts_and_irf):
    with pytest.raises(ValueError, match="wanted Y, X and H"):
        counts_layer(xr.concat([counts_and_irf[0]] * 2, dim="T"))
