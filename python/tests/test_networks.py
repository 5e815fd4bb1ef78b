import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import xarray as xr

import taugate as tg


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru(x, w, u, b, c, h0=None):
    """[N][T][I] to [N][T][H], by the equations of docs/gru.md, reset_after."""
    H = u.shape[1]
    h = np.zeros((x.shape[0], H)) if h0 is None else h0.astype(float)
    states = []
    for t in range(x.shape[1]):
        a, s = x[:, t] @ w.T + b, h @ u.T + c
        r, z = sigmoid(a[:, :H] + s[:, :H]), sigmoid(a[:, H : 2 * H] + s[:, H : 2 * H])
        n = np.tanh(a[:, 2 * H :] + r * s[:, 2 * H :])
        h = n + z * (h - n)
        states.append(h)
    return np.stack(states, axis=1)


def test_gru_follows_its_equations():
    random = np.random.default_rng(1)
    layer = tg.Gru(3, 5)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        view = getattr(layer, name)
        view[:] = random.normal(size=view.shape)
    x, h0 = random.normal(size=(70, 11, 3)), random.normal(size=(70, 5))
    weights = (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)
    assert [w.shape for w in weights] == [(15, 3), (15, 5), (15,), (15,)]
    np.testing.assert_allclose(layer(x), gru(x, *weights), atol=3e-6)
    np.testing.assert_allclose(layer(x, h0), gru(x, *weights, h0), atol=3e-6)
    assert tg.Gru(3, 5, form="reset_before").bias_hh is None


@pytest.mark.parametrize(
    "call",
    [
        lambda g: g(np.zeros((2, 4, 2))),
        lambda g: g(np.full((2, 4, 3), np.nan)),
        lambda g: g(np.zeros((2, 4, 3)), np.zeros((2, 4))),
        lambda g: tg.Gru(0, 5),
        lambda g: tg.Gru(1, 5, form="lstm"),
    ],
)
def test_gru_checks_its_arguments(call):
    with pytest.raises(ValueError):
        call(tg.Gru(3, 5))


def loss_of(arrays, gradients=False):
    x, w, u, b, c, v = arrays
    tape = tg.Tape()
    vx = tape.input(x, gradient=True)
    weights = [tape.weight(a) for a in (w, u, b, c)]
    head = tape.weight(v)
    y = tape.linear(tape.gru(vx, *weights), head)
    y = tape.add(tape.multiply(y, tape.sigmoid(y)), tape.affine(tape.tanh(y), 0.5, 0.1))
    loss = tape.squared_error(tape.subtract(y, tape.affine(y, 0.25)), np.full(y.value.shape, 0.3))
    if not gradients:
        return loss.value.item()
    tape.backward(loss)
    with pytest.raises(ValueError, match="has run back"):
        tape.backward(loss)
    return [vx.grad, *(a.grad for a in weights), head.grad]


def test_gradients_of_the_tape_are_those_of_finite_differences():
    random = np.random.default_rng(2)
    shapes = [(4, 2, 3), (9, 2), (9, 3), (9, 1), (9, 1), (5, 3)]
    arrays = [random.normal(size=shape) for shape in shapes]
    for index, gradient in enumerate(loss_of(arrays, gradients=True)):
        assert gradient.shape == shapes[index]
        for place in np.ndindex(*shapes[index]):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [a.copy() for a in arrays]
                moved[index][place] += step
                ends.append(loss_of(moved))
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8, rel=1e-6)


def test_values_of_different_tapes_do_not_meet():
    one, other = tg.Tape(), tg.Tape()
    a, b = one.input(np.ones((1, 1, 1))), other.input(np.ones((1, 1, 1)))
    with pytest.raises(ValueError, match="another tape"):
        one.add(a, b)
    kept = tg.Tape().input(np.full((1, 2, 3), 7.0)).value  # outlives the tape's name
    np.testing.assert_array_equal(kept, np.full((1, 2, 3), 7.0))


def test_training_has_the_programs_bits(program, trained, tmp_path):
    program("train", "--samples", "20k", "--hidden", "16", "--validation", "512", "--no-pictures",
            "-o", tmp_path / "program.safetensors")  # fmt: skip
    ours, theirs = tg.load(trained), tg.load(tmp_path / "program.safetensors")
    assert list(ours.parameters) == list(theirs.parameters)
    for name, values in ours.parameters.items():
        np.testing.assert_array_equal(values, theirs.parameters[name], err_msg=name)
    assert ours.prior == theirs.prior
    assert trained.read_bytes() == (tmp_path / "program.safetensors").read_bytes()


def measured_irf(curves=1):
    """Counts of Gaussian IRFs on a recorder's clock of 12.5 ns, by NumPy alone."""
    times = 0.05 * np.arange(250)
    middle = 2.0 + 0.05 * np.arange(curves)[:, None]
    counts = np.rint(1e5 * np.exp(-0.5 * ((times - middle) / 0.12) ** 2))
    da = xr.DataArray(counts, {"H": times}, ("X", "H"), "irf", {"frequency": 80.0})
    return da[0] if curves == 1 else da


@pytest.mark.parametrize(
    ("curves", "keywords", "options"),
    [
        (1, {}, []),
        (3, {"irf_align": True}, ["--irf-align"]),
        (3, {"irf_model": "exgauss"}, ["--irf-model", "exgauss"]),
        (1, {"irf": {"delay_ns": [0.0, 0.2]}}, ["--irf-delay", "0:0.2"]),
    ],
)
def test_priors_of_measured_irfs_are_the_programs(program, tmp_path, curves, keywords, options):
    irf = measured_irf(curves)
    tg.write(tmp_path / "irf.npz", irf)
    program("simulate", "--samples", "200", "--seed", "3", "--irf", tmp_path / "irf.npz", *options,
            "-o", tmp_path / "traces.npz")  # fmt: skip
    theirs = np.load(tmp_path / "traces.npz")["tpsf"]
    for given in (irf, tmp_path / "irf.npz"):
        prior = tg.prior(measured_irf=given, **keywords)
        np.testing.assert_array_equal(tg.simulate(prior, 200, seed=3).tpsf, theirs)
    assert not np.array_equal(tg.simulate(samples=200, seed=3).tpsf, theirs)


def test_training_behind_a_measured_irf_has_the_programs_bits(program, tmp_path):
    tg.write(tmp_path / "irf.npz", measured_irf())
    arguments = {"samples": 4_000, "hidden": [8], "validation": 128}
    program("train", "--irf", tmp_path / "irf.npz", "--gates", "64", "--gate-step", "0.1", "--period", "12.5",
            "--samples", "4000", "--hidden", "8", "--validation", "128", "--no-pictures",
            "-o", tmp_path / "program.safetensors")  # fmt: skip
    acquisition = {"gates": 64, "gate_step_ns": 0.1, "gate_width_ns": 0.1, "period_ns": 12.5}
    prior = tg.prior(measured_irf=tmp_path / "irf.npz", acquisition=acquisition)
    ours = tg.train(prior, **arguments)
    ours.save(tmp_path / "ours.safetensors")
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "program.safetensors").read_bytes()
    # The IRF rises between 1.6 and 2 ns of the recorder's clock, and that is to be 6 % into the window of 6.4 ns.
    assert 1.2 < ours.first_gate_ns < 1.62 and ours.first_gate_ns == prior["first_gate_ns"]
    student = tg.train(teacher=ours, **arguments)
    assert student.first_gate_ns == ours.first_gate_ns


def test_a_resumed_training_has_the_bits_of_one_without_a_stop(program, tmp_path):
    arguments = {"samples": 60_000, "hidden": [16], "validation": 512, "novelty": 20_000}
    whole = tmp_path / "whole.safetensors"
    tg.train(**arguments).save(whole)
    checkpoint = tmp_path / "state"

    def stop(done, total):
        raise InterruptedError(done)

    with pytest.raises(InterruptedError) as interrupted:
        tg.train(**arguments, checkpoint=checkpoint, progress=stop)
    assert interrupted.value.args[0] < 60_000 and checkpoint.is_file()
    first = []
    resumed = tg.train(**arguments, checkpoint=checkpoint, resume=True, progress=lambda done, _: first.append(done))
    assert first[0] > interrupted.value.args[0] and not checkpoint.exists()
    resumed.save(tmp_path / "resumed.safetensors")
    assert (tmp_path / "resumed.safetensors").read_bytes() == whole.read_bytes()
    with pytest.raises(ValueError, match="wanted checkpoint="):
        tg.train(**arguments, resume=True)
    with pytest.raises(tg.Error, match="state"):
        tg.train(**arguments, checkpoint=checkpoint, resume=True)


def test_quantizing_has_the_programs_bits(program, trained, tmp_path):
    program("quantize", trained, "--samples", "1000", "-o", tmp_path / "program.safetensors")
    tg.quantize(tg.load(trained), novelty=20_000).save(tmp_path / "ours.safetensors")
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "program.safetensors").read_bytes()


def test_integers_come_near_the_floats_and_are_words(model):
    integers = tg.quantize(model, novelty=0)
    assert integers.integers and not model.integers
    traces = tg.simulate(samples=200, seed=9)
    inputs = model.normalise(traces.tpsf.values)
    np.testing.assert_array_equal(inputs, traces.tpsf / traces.tpsf.max("H"))
    floats = model.predict(inputs)
    assert floats.shape == (200, 70, 1)
    executor = tg.IntegerExecutor(integers)
    words = executor.run(np.rint(inputs * 2.0**executor.input_frac_bits).astype(np.int16))
    values = words * 2.0**-executor.output_frac_bits
    np.testing.assert_array_equal(values.astype(np.float32), integers.predict(inputs))
    assert np.sqrt(np.mean((values - floats) ** 2)) < 0.05
    with pytest.raises(ValueError, match="wanted one of integers"):
        tg.IntegerExecutor(model)
    with pytest.raises(ValueError, match="wanted one of floats"):
        tg.quantize(integers)


def test_simulated_pixels_are_the_programs(program, tmp_path):
    program("simulate", "--samples", "300", "--seed", "4", "-o", tmp_path / "traces.npz")
    theirs = np.load(tmp_path / "traces.npz")
    ours = tg.simulate(samples=300, seed=4)
    for name in ("tpsf", "sfd", "tau1", "tau2", "fraction", "total_counts"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    program("simulate", "--images", "2", "-o", tmp_path / "images.npz")
    images = tg.simulate(images=2)
    np.testing.assert_array_equal(np.concatenate(images.tpsf.values, axis=1), np.load(tmp_path / "images.npz")["tpsf"])
    assert images.tpsf.dims == ("T", "Y", "X", "H") and images.tau1.units == "ns"


def test_priors_are_configurations():
    prior = tg.prior("paper", "ss3-135", acquisition={"gates": 130}, peak_counts=[50, 60])
    assert prior["acquisition"]["gates"] == 130 and prior["acquisition"]["gate_step_ns"] == 0.09
    assert tg.simulate(prior, 3).tpsf.shape == (3, 130)
    with pytest.raises(tg.Error, match="no_such_field"):
        tg.simulate(tg.prior(no_such_field=1))
    with pytest.raises(ValueError, match="wanted one of ss2-70"):
        tg.prior(preset="ss4")


def test_integers_and_a_teacher_can_be_trained(model):
    student = tg.train(hidden=[8], samples=2_000, validation=64, novelty=0, integer_bits=8)
    assert student.integers
    taught = tg.train(hidden=[8], samples=2_000, validation=64, novelty=0, teacher=model)
    assert taught.training["distilled"] == {"alpha": 0.6, "beta": 0.0}
    assert not np.array_equal(
        taught.parameters["head.weight"],
        tg.train(hidden=[8], samples=2_000, validation=64, novelty=0).parameters["head.weight"],
    )
    with pytest.raises(ValueError, match="units"):
        tg.train(hidden=[0])


def test_progress_is_told_and_other_threads_run():
    seen, ticks, done = [], [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    clock = threading.Thread(target=tick)
    clock.start()
    tg.train(samples=30_000, validation=256, novelty=0, progress=lambda n, total: seen.append((n, total)))
    done.set()
    clock.join()
    assert seen[-1] == (30_016.0, 30_016.0) and sorted(seen) == seen and len(seen) > 2
    assert len(ticks) > 10  # the GIL was free


def test_what_progress_raises_ends_a_training():
    def stop(done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        tg.train(samples=10_000_000, progress=stop)


def test_an_interrupt_ends_a_training():
    script = """
        import taugate as tg
        print("begun", flush=True)
        try:
            tg.train(samples=100_000_000)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "begun\n"
    time.sleep(1.0)
    os.kill(child.pid, signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert out == "interrupted\n" and child.returncode == 0


def test_the_bound_is_that_of_an_ideal_instrument_and_wider_for_others():
    # A short pulse, a window of many lifetimes, no background: sigma = tau / sqrt(N).
    ideal = tg.cramer_rao(0.5, 400, gates=500, gate_step_ns=0.02, period_ns=12.5, irf_fwhm_ns=0.01,
                          irf_delay_ns=0.1, unknown_background=False)  # fmt: skip
    assert ideal["tau_ns"] == pytest.approx(0.5 / 20, rel=0.01)
    assert ideal["f_value"] == pytest.approx(1.0, rel=0.01) and np.isnan(ideal["background"])
    real = tg.cramer_rao(0.5, 400, background=1.0, unknown_shift=True)
    assert real["tau_ns"] > ideal["tau_ns"] and real["shift_ns"] > 0
    two = tg.cramer_rao(0.5, 1e4, tau2_ns=1.5, fraction=0.6)
    assert two["tau2_ns"] > 0 and two["fraction"] > 0
    with pytest.raises(ValueError, match="photons"):
        tg.cramer_rao(0.5, float("nan"))


def test_threads_change_no_result(model):
    images = tg.simulate(images=1).tpsf[0]
    before = tg.threads()
    tau = tg.infer(model, images).tau
    try:
        tg.set_threads(3)
        np.testing.assert_array_equal(tg.infer(model, images).tau, tau)
        with pytest.raises(ValueError, match="threads: found 0"):
            tg.set_threads(0)
    finally:
        tg.set_threads(before)
