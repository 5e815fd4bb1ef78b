"""Simulated pixels, and networks that are trained on them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import xarray as xr

from . import _taugate
from ._arrays import Path, Progress, with_times
from ._flim import record_of


def prior(
    name: str = "general",
    preset: str = "ss2-70",
    *,
    measured_irf: xr.DataArray | Path | None = None,
    irf_model: Literal["measured", "exgauss", "gate"] = "measured",
    irf_align: bool = False,
    **fields: Any,
) -> dict[str, Any]:
    """What simulate() and train() draw their pixels from, as docs/simulator.md has it.

    Parameters
    ----------
    name
        Lifetimes, counts and background: "general" or "paper".
    preset
        Acquisition and IRF: "ss2-70", "ss3-135" or "iccd-176".
    measured_irf
        Measured IRF, or its file, of one curve or a library: as --irf of `taugate train`. Where it knows
        its laser period, "first_gate_ns" of the result is where gate 0 opens on its clock, in ns, so
        that it rises shortly after.
    irf_model
        Draw the curves themselves, or from the range of fits of them: a Gaussian with an exponential
        tail, or a rectangular gate.
    irf_align
        Curves of a library are moved onto one time first.
    fields
        Replace those of the configuration; dictionaries are merged: acquisition={"gates": 80}.
    """
    config = _merged(json.loads(_taugate.prior(name, preset)), fields)
    if measured_irf is None:
        return config
    first = config.pop("first_gate_ns", 0.0)
    text, first = _taugate.measured_prior(json.dumps(config), record_of(measured_irf), irf_model, irf_align, first)
    config = json.loads(text) | {"first_gate_ns": first}
    return _merged(config, {"irf": fields["irf"]} if "irf" in fields else {})


def simulate(
    config: Mapping[str, Any] | None = None,
    samples: int = 1000,
    *,
    images: int | None = None,
    one_decay_per_image: bool = False,
    seed: int = 1,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Simulated pixels with their truth, those of `taugate simulate`.

    Parameters
    ----------
    config
        What prior() gives; None: prior().
    samples
        Traces to make.
    images
        Make so many images of 28 x 28 pixels instead; pixels that do not fluoresce are 0.
    one_decay_per_image
        All pixels of an image share their lifetimes.

    Returns
    -------
    xarray.Dataset
        tpsf, the counts, over (X, H), or (T, Y, X, H) for images; sfd, the decays (peak 1); tau1, tau2
        in ns, fraction (amplitude of tau1) and total_counts. H has ns, tpsf.attrs frequency in MHz.
    """
    text, _ = _config_text(prior() if config is None else config)
    if images is None:
        record = _taugate.simulate_traces(text, samples, seed, progress)
        dims: tuple[str, ...] = ("X",)
    else:
        record = _taugate.simulate_images(text, images, seed, one_decay_per_image)
        dims = ("T", "Y", "X")
    sfd = record.pop("sfd")
    out = xr.Dataset({"tpsf": ((*dims, "H"), record.pop("tpsf"), {"units": "counts"})})
    out["sfd"] = ((*dims, "H"), sfd[..., 0]) if sfd.shape[-1] == 1 else ((*dims, "H", "S"), sfd)
    for name, values in record.items():
        unit = {"fraction": "1", "total_counts": "counts"}.get(name, "ns")
        out[name] = (dims, values, {"units": unit})
    acquisition = json.loads(text)["acquisition"]
    array = with_times(out.tpsf, acquisition["gate_step_ns"], acquisition["period_ns"])
    out = out.assign_coords(H=array.H)
    out.tpsf.attrs.update(array.attrs)
    return out


def train(
    config: Mapping[str, Any] | None = None,
    *,
    kind: Literal["decay", "lifetime"] = "decay",
    hidden: Sequence[int] = (32,),
    form: Literal["reset_after", "reset_before"] = "reset_after",
    activation: Literal["smooth", "hard"] = "smooth",
    samples: int = 2_000_000,
    batch: int = 64,
    rate: float = 5e-3,
    schedule: Literal["cosine", "plateau", "constant"] = "cosine",
    clip: float = 1.0,
    patience: int = 0,
    validation: int = 4096,
    seed: int = 1,
    loss: Literal["mse", "mixed"] = "mse",
    integer_bits: int | None = None,
    teacher: _taugate.Model | None = None,
    alpha: float = 0.6,
    beta: float = 0.0,
    start: _taugate.Model | None = None,
    first_gate_ns: float | None = None,
    baseline_gates: int = 0,
    novelty: int | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> _taugate.Model:
    """Trains a network on fresh simulated traces, to the bits of `taugate train` (docs/training.md).

    Parameters
    ----------
    config
        What prior() gives, of the traces; None: those of the teacher, of start, or prior().
    kind
        "decay": a Seq2Seq from traces to decays; "lifetime": an encoder that answers with lifetimes
        and their standard deviations.
    hidden
        GRU units of each layer of a side.
    samples
        Traces, each seen once.
    integer_bits
        Train with integers of so many bits (quantization-aware), and return a model of them.
    teacher, alpha, beta
        Learn from its outputs too, as `taugate distill`.
    start
        A model of floats of the same shape, whose weights are the first ones.
    first_gate_ns
        Where gate 0 opens on the recorder's clock; None: as config says ("first_gate_ns"), or the teacher
        or start whose traces these are, or 0.
    novelty
        Traces for the statistics by which infer() tells what is unlike the training; None: as many as
        were trained on, 20,000 to 360,000; 0: none.
    checkpoint, resume
        File that keeps the state of the run, after each validation and where it is interrupted; it is
        removed at the end. With resume=True the run goes on from it, to the bits of one without a stop.
    progress
        Called as progress(done, total) traces, at most ten times a second; what it raises ends the
        training, as Ctrl-C does, within a second.
    """
    if resume and checkpoint is None:
        raise ValueError("resume: found no checkpoint, wanted checkpoint=PATH")
    known = teacher or start
    if config is None:
        config = known.prior | {"first_gate_ns": known.first_gate_ns} if known else prior()
    text, first = _config_text(config)
    return _taugate.train(
        text, kind, list(hidden), form, activation, samples, batch, rate, schedule, clip, patience,
        validation, seed, loss, integer_bits, teacher, alpha, beta, start,
        first if first_gate_ns is None else first_gate_ns, baseline_gates, novelty,
        "" if checkpoint is None else os.fspath(checkpoint), resume, progress,
    )  # fmt: skip


def _config_text(config: Mapping[str, Any]) -> tuple[str, float]:
    """A configuration as the library takes it, and where gate 0 opens, in ns."""
    fields = dict(config)
    first = float(fields.pop("first_gate_ns", 0.0))
    return json.dumps(fields), first


def _merged(base: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in fields.items():
        both = isinstance(value, Mapping) and isinstance(base.get(key), dict)
        base[key] = _merged(base[key], value) if both else value
    return base
