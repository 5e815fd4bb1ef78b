"""Lifetimes of a layer of counts: by a fit or a network, shown as a layer; and the decay of the pixel under the mouse."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import taugate as tg
from napari.qt.threading import thread_worker
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QStackedWidget,
    QWidget,
)

from ._layers import DECAYS, lifetime_layer, shown_lifetimes
from ._plot import DecayPlot
from ._work import Cancelled, Task, analyse

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

_STEPS = 1000  # of the slider


class LifetimeWidget(QWidget):
    progressed = Signal(float, float)

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.worker: Any = None
        self._cancel = threading.Event()
        self._pixel: tuple[Any, ...] | None = None
        self._make_inputs()
        self._make_outputs()
        self.progressed.connect(self._show_progress)
        layers = self.viewer.layers
        layers.events.inserted.connect(self._list_layers)
        layers.events.removed.connect(self._list_layers)
        layers.selection.events.active.connect(self._show_limits)
        self.viewer.mouse_move_callbacks.append(self._mouse_moved)
        self._list_layers()

    # What is wanted.

    def _make_inputs(self) -> None:
        self.layer = QComboBox()
        self.irf = QLineEdit(placeholderText="file of the instrument response")
        self.method = QComboBox()
        self.method.addItems(["Fit", "Network"])
        self.components = QSpinBox(minimum=1, maximum=2)
        self.shift = QComboBox()
        self.shift.addItems(["global", "pixel", "known"])
        self.model = QComboBox(editable=True)
        self.model.addItems(["auto", *(card["name"] for card in tg.models())])
        self.binning = QSpinBox(minimum=1, maximum=64, suffix=" pixels")
        self.least_counts = QDoubleSpinBox(maximum=1e9, decimals=0)
        fit, network = QWidget(), QWidget()
        of_fit, of_network = QFormLayout(fit), QFormLayout(network)
        of_fit.addRow("components", self.components)
        of_fit.addRow("place of the IRF", self.shift)
        of_network.addRow("model", _with_browse(self.model, self.model.setEditText, "Model (*.safetensors)"))
        self.choices = QStackedWidget()
        for page in (fit, network):
            page.layout().setContentsMargins(0, 0, 0, 0)
            self.choices.addWidget(page)
        self.choices.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.method.currentIndexChanged.connect(self.choices.setCurrentIndex)
        self.run = QPushButton("Run")
        self.cancel = QPushButton("Cancel", enabled=False)
        self.run.clicked.connect(self.start)
        self.cancel.clicked.connect(self._cancel.set)
        self.bar = QProgressBar(maximum=_STEPS, textVisible=False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        form = QFormLayout(self)
        form.addRow("counts", self.layer)
        form.addRow("IRF", _with_browse(self.irf, self.irf.setText, "Measurements (*)"))
        form.addRow("by", self.method)
        form.addRow(self.choices)
        form.addRow("sum over squares of", self.binning)
        form.addRow("least counts", self.least_counts)
        form.addRow(buttons)
        form.addRow(self.bar)

    def _make_outputs(self) -> None:
        self.sigma = QSlider(Qt.Orientation.Horizontal, maximum=_STEPS, value=_STEPS, enabled=False)
        self.sigma_text = QLabel("-")
        self.hide_flagged = QCheckBox("hide flagged pixels", checked=True)
        self.sigma.valueChanged.connect(self._filter)
        self.hide_flagged.toggled.connect(self._filter)
        self.plot = DecayPlot()
        row = QHBoxLayout()
        row.addWidget(self.sigma)
        row.addWidget(self.sigma_text)
        form: QFormLayout = self.layout()
        form.addRow("largest sigma", row)
        form.addRow(self.hide_flagged)
        form.addRow(self.plot)

    def _list_layers(self, event: object = None) -> None:
        chosen = self.layer.currentText()
        self.layer.clear()
        self.layer.addItems([x.name for x in self.viewer.layers if DECAYS in x.metadata and not _lifetimes_of(x)])
        if self.layer.findText(chosen) >= 0:
            self.layer.setCurrentText(chosen)

    def task(self) -> Task:
        network = self.method.currentText() == "Network"
        return Task(
            irf=self.irf.text().strip() or None,
            components=self.components.value(),
            shift=self.shift.currentText(),
            model=self.model.currentText().strip() if network else None,
            binning=self.binning.value(),
            least_counts=self.least_counts.value(),
        )

    # The work, in a thread.

    def start(self) -> None:
        if self.layer.currentText() not in self.viewer.layers:
            show_error("found no layer of counts, wanted a .sdt, .ptu, .phd or .ome.tif file opened by taugate")
            return
        source, task = self.viewer.layers[self.layer.currentText()], self.task()
        self._cancel.clear()

        def progress(done: float, total: float) -> None:
            if self._cancel.is_set():
                raise Cancelled
            self.progressed.emit(done, total)

        @thread_worker
        def work() -> Any:
            try:
                return analyse(source.metadata[DECAYS], task, progress), None
            except (Cancelled, tg.Error, ValueError, OSError) as error:
                return None, error

        self._set_running(True)
        self.worker = work()
        self.worker.returned.connect(lambda ends: self._finish(*ends, source, task))
        self.worker.errored.connect(lambda error: self._set_running(False))
        self.worker.start()

    def _finish(self, result: Any, error: Exception | None, source: Image, task: Task) -> None:
        self._set_running(False)
        if isinstance(error, Cancelled) or self._cancel.is_set():
            show_info("cancelled")
        elif error is not None:
            show_error(str(error))
        else:
            tau, options, _ = lifetime_layer(*result, source, task.binning)
            layer = self.viewer.add_image(tau, **options)
            self.viewer.layers.selection.active = layer
            self._show_limits()
            if "model" in result[0].attrs:
                show_info(f"model: {result[0].attrs['model']}")

    def _set_running(self, running: bool) -> None:
        self.run.setEnabled(not running)
        self.cancel.setEnabled(running)
        self.bar.setValue(0)

    def _show_progress(self, done: float, total: float) -> None:
        self.bar.setValue(round(_STEPS * done / max(total, 1.0)))

    def closeEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        self._cancel.set()
        if self._mouse_moved in self.viewer.mouse_move_callbacks:
            self.viewer.mouse_move_callbacks.remove(self._mouse_moved)
        super().closeEvent(event)

    # The filter of the active layer of lifetimes.

    def _sigmas(self) -> np.ndarray:
        """Its finite standard deviations, or nothing."""
        found = _lifetimes_of(self.viewer.layers.selection.active)
        sigma = found.sigma.values if found is not None else np.empty(0)
        return sigma[np.isfinite(sigma)]

    def _largest_sigma(self) -> float | None:
        """Where the slider stands, in ns; nothing at its right end. Its scale is that of the percentiles."""
        sigmas = self._sigmas()
        if self.sigma.value() == _STEPS or not sigmas.size:
            return None
        return float(np.quantile(sigmas, self.sigma.value() / _STEPS))

    def _show_limits(self, event: object = None) -> None:
        self.sigma.setEnabled(self._sigmas().size > 0)
        layer = self.viewer.layers.selection.active
        shown = layer.metadata.get("shown", (_STEPS, True)) if layer is not None else (_STEPS, True)
        for control, setter, value in ((self.sigma, "setValue", shown[0]), (self.hide_flagged, "setChecked", shown[1])):
            control.blockSignals(True)
            getattr(control, setter)(value)
            control.blockSignals(False)
        self._show_sigma()

    def _show_sigma(self) -> None:
        limit = self._largest_sigma()
        self.sigma_text.setText("all" if limit is None else f"{limit:.3g} ns")

    def _filter(self, value: object = None) -> None:
        self._show_sigma()
        layer = self.viewer.layers.selection.active
        found = _lifetimes_of(layer)
        if found is None:
            return
        layer.metadata["shown"] = (self.sigma.value(), self.hide_flagged.isChecked())
        layer.data = shown_lifetimes(found, self._largest_sigma(), self.hide_flagged.isChecked())

    # The decay under the mouse.

    def _mouse_moved(self, viewer: Viewer, event: Any) -> None:
        self.show_decay_at(viewer.cursor.position)

    def show_decay_at(self, position: Any) -> None:
        """Of the uppermost visible layer with decays, at a place in the world's coordinates."""
        for layer in reversed(self.viewer.layers):
            if not layer.visible or DECAYS not in layer.metadata:
                continue
            row, column = (int(i) for i in np.round(layer.world_to_data(position))[-2:])
            decays = layer.metadata[DECAYS]
            if not (0 <= row < decays.sizes["Y"] and 0 <= column < decays.sizes["X"]):
                continue
            if self._pixel != (layer, row, column):
                self._pixel = (layer, row, column)
                self.plot.show_pixel(decays, _lifetimes_of(layer), row, column)
            return


def _lifetimes_of(layer: Any) -> Any:
    return layer.metadata.get("lifetimes") if layer is not None else None


def _with_browse(field: QWidget, set_text: Any, kinds: str) -> QWidget:
    """The field with a button beside it that asks for a file."""
    both, button = QWidget(), QPushButton("...")
    button.setMaximumWidth(32)

    def ask() -> None:
        path, _ = QFileDialog.getOpenFileName(field, "Open", "", kinds)
        if path:
            set_text(path)

    button.clicked.connect(ask)
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(field, 1)
    row.addWidget(button)
    return both
