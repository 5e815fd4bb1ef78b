"""Fluorescence lifetimes in napari, by the C++ library behind the package taugate."""

from ._layers import counts_layer, lifetime_layer

__all__ = ["counts_layer", "lifetime_layer"]
