"""napari's readers of measured files: all formats of taugate.read()."""

from __future__ import annotations

import os
from collections.abc import Callable

import taugate as tg

from ._layers import LayerData, counts_layer

_ENDINGS = (".sdt", ".ptu", ".phd", ".ome.tif", ".ome.tiff")


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    paths = [path] if isinstance(path, str) else path
    return read_layers if all(p.lower().endswith(_ENDINGS) for p in paths) else None


def read_layers(path: str | list[str]) -> list[LayerData]:
    """A layer of counts for each file, and for each detector channel that has any; frames are added up."""
    layers = []
    for file in [path] if isinstance(path, str) else path:
        name = os.path.basename(file)
        channels = tg.read(file, channel="all")
        filled = [c for c in channels.C.values if channels.sel(C=c).values.any()] or [1]
        for c in filled:
            label = name if len(filled) == 1 else f"{name} channel {c}"
            layers.append(counts_layer(channels.sel(C=c, drop=True), label))
    return layers
