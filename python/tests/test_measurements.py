import pickle

import numpy as np
import pytest
import xarray as xr

import taugate as tg


def decay(photons=20_000, tau=2.0, bins=200, bin_ns=0.05, period_ns=10.0, pixels=(3, 5), seed=3):
    """Counts of a mono-exponential decay behind a Gaussian IRF, by NumPy alone, and the IRF."""
    fine = 20
    t = (np.arange(bins * fine) + 0.5) * bin_ns / fine
    pulse = np.exp(-0.5 * ((t - 1.0) / 0.1) ** 2)
    response = np.exp(-t / tau)
    light = np.real(np.fft.ifft(np.fft.fft(pulse) * np.fft.fft(response / (1 - np.exp(-period_ns / tau)))))
    shape = light.reshape(bins, fine).sum(axis=1)
    random = np.random.default_rng(seed)
    counts = random.poisson(photons * shape / shape.sum(), size=(*pixels, bins))
    H = bin_ns * np.arange(bins)
    attrs = {"frequency": 1e3 / period_ns}
    irf = 1e6 * pulse.reshape(bins, fine).sum(axis=1) / fine
    return (
        xr.DataArray(counts.astype(np.uint16), coords={"H": H}, dims=("Y", "X", "H"), attrs=attrs),
        xr.DataArray(np.rint(irf), coords={"H": H}, dims=("H",), attrs=attrs, name="irf"),
    )


def test_fit_finds_the_lifetime_and_its_deviation():
    counts, irf = decay(pixels=(12, 25))
    fit = tg.fit(counts, irf, background=False)
    assert fit.tau.dims == ("Y", "X") and fit.tau.shape == (12, 25)
    assert float(fit.tau.mean()) == pytest.approx(2.0, abs=0.005)
    # What it says of its precision is what the pixels show.
    spread = float(fit.tau.std())
    assert float(fit.sigma.mean()) == pytest.approx(spread, rel=0.2)
    assert float(fit.chi2r.mean()) == pytest.approx(1.0, abs=0.03)
    assert (fit.flag == 0).all()
    assert fit.flag.attrs["flag_meanings"].split()[0] == "converged"
    assert fit.tau.attrs["units"] == "ns" and fit.sigma.attrs["units"] == "ns"


def test_frames_and_channels_are_fitted_one_by_one():
    first, irf = decay(seed=1)
    second, _ = decay(seed=2, tau=1.2)
    both = xr.concat([first, second], dim="T", combine_attrs="override")
    fit = tg.fit(both, irf)
    assert fit.tau.dims == ("T", "Y", "X")
    for index, single in enumerate((first, second)):
        np.testing.assert_array_equal(fit.tau[index], tg.fit(single, irf).tau)


def test_order_of_dimensions_and_type_do_not_matter():
    counts, irf = decay()
    expected = tg.fit(counts, irf)
    turned = counts.transpose("H", "X", "Y").astype(np.float64)
    xr.testing.assert_identical(tg.fit(turned, irf), expected)


def test_fit_takes_the_programs_choices():
    counts, irf = decay(pixels=(2, 3))
    for keywords in (
        {"method": "lm", "weights": "counts"},
        {"method": "cmm"},
        {"method": "rld"},
        {"method": "phasor"},
        {"components": 2, "shift": "pixel"},
        {"share_lifetimes": True, "background": False},
    ):
        fit = tg.fit(counts, irf, **keywords)
        assert float(fit.tau.mean()) == pytest.approx(2.0, rel=0.03), keywords
    bare = tg.fit(counts, from_ns=2.0)
    assert float(bare.tau.mean()) == pytest.approx(2.0, rel=0.02)
    gaussian = tg.fit(counts, gaussian_irf_ns=(0.2355, 1.0, 0.0))
    assert float(gaussian.tau.mean()) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda da: da.where(da != da[0, 0, 30]), "trace 0, gate 30: found nan"),
        (lambda da: da.astype(float) - 1e6, "wanted a count"),
        (lambda da: da.drop_vars("H"), "does not tell its bin width"),
        (lambda da: da.assign_attrs(frequency=0.0), "wanted more than 0 MHz"),
        (lambda da: da.drop_attrs(), "does not tell its laser period"),
        (lambda da: da.rename(H="S"), "wanted one called H"),
        (lambda da: da.assign_coords(H=-da.H), "found a bin width of -0.05 ns"),
        (lambda da: da.assign_coords(H=da.H**2), "bins of several widths"),
    ],
)
def test_what_is_no_measurement_is_a_value_error(change, message):
    counts, irf = decay()
    with pytest.raises(ValueError, match=message):
        tg.fit(change(counts), irf)


def test_keywords_are_named_as_in_python():
    counts, irf = decay()
    with pytest.raises(ValueError, match=r"^components: found 3, wanted 1 or 2"):
        tg.fit(counts, irf, components=3)
    with pytest.raises(ValueError, match=r"^from_ns, to_ns: found 3 and 2 ns"):
        tg.fit(counts, irf, from_ns=3.0, to_ns=2.0)
    with pytest.raises(ValueError, match="wanted an IRF: irf="):
        tg.fit(counts)
    with pytest.raises(ValueError, match="found 'best', wanted one of lm"):
        tg.fit(counts, irf, method="best")


def test_errors_of_the_library_are_its_own(tmp_path):
    broken = tmp_path / "broken.sdt"
    broken.write_bytes(b"\0\1\2\3nothing")
    with pytest.raises(tg.Error, match=r"broken\.sdt: is of no known format"):
        tg.read(broken)
    assert issubclass(tg.Error, RuntimeError)


def test_written_files_are_read_again(tmp_path):
    counts, _ = decay()
    for name in ("counts.npz", "counts.tif"):
        tg.write(tmp_path / name, counts)
        again = tg.read(tmp_path / name)
        np.testing.assert_array_equal(again, counts)
        assert again.dims == ("Y", "X", "H")
        np.testing.assert_allclose(again.H, counts.H, rtol=1e-12)
        assert again.attrs["frequency"] == pytest.approx(100.0)
    np.save(tmp_path / "bare.npy", counts.values)
    bare = tg.read(tmp_path / "bare.npy")
    assert "H" not in bare.coords and "frequency" not in bare.attrs
    told = tg.read(tmp_path / "bare.npy", bin_ns=0.05, period_ns=10.0)
    assert float(told.H[2]) == 0.1 and told.attrs["frequency"] == 100.0


def test_arrays_stay_without_their_owner_and_travel():
    counts, irf = decay(pixels=(2, 2))
    tau = tg.fit(counts, irf).tau.values
    del counts, irf
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(tau)), tau)
    assert tau.flags.writeable and tau.dtype == np.float32


def test_an_interrupt_of_progress_ends_a_fit():
    counts, irf = decay(pixels=(160, 64), photons=200)

    class Enough(Exception):
        pass

    def stop(done, total):
        raise Enough

    with pytest.raises(Enough):
        tg.fit(counts, irf, progress=stop)


def sdt_of_phasorpy(path):
    io = pytest.importorskip("phasorpy.io")
    return io.signal_from_sdt(path)


def test_measured_files_have_phasorpys_conventions(data):
    sdt = tg.read(data / "images" / "SDT_c01.sdt")
    assert sdt.dims == ("Y", "X", "H") and sdt.shape == (512, 512, 256)
    assert float(sdt.sum()) == 227_683
    assert sdt.attrs["frequency"] == pytest.approx(80.0, abs=0.01)
    channels = tg.read(data / "images" / "SDT_c01.sdt", channel="all")
    assert channels.dims == ("C", "Y", "X", "H")
    np.testing.assert_array_equal(channels[1], sdt)
    assert float(channels[0].sum()) == 5359
    ptu = tg.read(data / "images" / "ptu_example.ptu")
    assert float(ptu.sum()) == 17_673 and ptu.attrs["frequency"] == pytest.approx(40.0)
    phd = tg.read(data / "phd" / "aaq_etoh_40mhz_440nm_4ps.phd")
    assert phd.dims == ("H",)


def test_phasorpy_reads_the_same(data):
    theirs = sdt_of_phasorpy(data / "images" / "IRF.sdt").squeeze()
    ours = tg.read(data / "images" / "IRF.sdt", channel=1)
    assert theirs.dims == ours.dims
    np.testing.assert_array_equal(theirs, ours)
    np.testing.assert_allclose(theirs.H, ours.H, rtol=1e-6)


def test_phasorpy_takes_what_is_read(tmp_path):
    phasor = pytest.importorskip("phasorpy.phasor")
    counts, _ = decay()
    tg.write(tmp_path / "counts.tif", counts)
    mean, real, imag = phasor.phasor_from_signal(tg.read(tmp_path / "counts.tif"), axis="H")
    turn = np.exp(2j * np.pi * np.arange(counts.sizes["H"]) / counts.sizes["H"])
    expected = (counts.values @ turn) / counts.values.sum(axis=-1)
    np.testing.assert_allclose(mean, counts.mean("H"), rtol=1e-6)
    np.testing.assert_allclose(real, expected.real, atol=1e-6)
    np.testing.assert_allclose(imag, expected.imag, atol=1e-6)


def maps_of(folder, archive="fit.npz"):
    return np.load(folder / archive)


FIT_NAMES = {
    "tau": "amplitude_weighted_ns",
    "sigma": "amplitude_weighted_sd_ns",
    "tau_intensity": "intensity_weighted_ns",
    "chi2r": "chi2_reduced",
    "flag": "status",
    "counts": "counts",
    "photons": "photons",
    "background": "background",
    "shift": "shift_ns",
    "tau1": "tau1_ns",
    "sigma_tau1": "tau1_sd_ns",
    "tau2": "tau2_ns",
    "fraction": "fraction",
}


def assert_same_as_program(dataset, archive):
    for ours, theirs in FIT_NAMES.items():
        np.testing.assert_array_equal(np.ravel(dataset[ours].values), np.ravel(archive[theirs]), err_msg=ours)


def test_fit_has_the_numbers_of_the_program(program, tmp_path):
    counts, irf = decay(pixels=(7, 9), photons=500)
    tg.write(tmp_path / "counts.npz", counts)
    tg.write(tmp_path / "irf.npz", irf)
    for keywords, options in (
        ({}, []),
        ({"components": 2, "shift": "pixel"}, ["--components", "2", "--shift", "pixel"]),
        ({"method": "lm", "weights": "counts", "least_counts": 480},
         ["--method", "lm", "--weights", "counts", "--least-counts", "480"]),
    ):  # fmt: skip
        program("fit", tmp_path / "counts.npz", "--irf", tmp_path / "irf.npz", "-o", tmp_path / "out",
                "--no-pictures", *options)  # fmt: skip
        fit = tg.fit(tg.read(tmp_path / "counts.npz"), tmp_path / "irf.npz", **keywords)
        assert_same_as_program(fit, maps_of(tmp_path / "out"))


def test_a_folder_of_measured_files_has_the_numbers_of_single_runs(program, data, tmp_path):
    files = sorted(p for p in (data / "phd").glob("*.phd") if "_irf_" not in p.name)
    assert len(files) == 3
    for file in files:
        dye, solvent, rest = file.name.split("_", 2)
        irf = file.with_name(f"{dye}_{solvent}_irf_{rest}")
        program("fit", file, "--irf", irf, "-o", tmp_path / file.stem, "--no-pictures")
        assert_same_as_program(tg.fit(tg.read(file), irf), maps_of(tmp_path / file.stem))


def test_a_dye_calibrates_phasors_as_in_the_program(program, tmp_path):
    counts, _ = decay(pixels=(4, 5), photons=3000)
    dye, _ = decay(pixels=(2, 2), tau=1.1, seed=8)
    for name, da in (("counts", counts), ("dye", dye)):
        tg.write(tmp_path / f"{name}.npz", da)
    program("fit", tmp_path / "counts.npz", "--method", "phasor", "--reference", tmp_path / "dye.npz", "--reference-tau",
            "1.1", "-o", tmp_path / "out", "--no-pictures")  # fmt: skip
    for reference in (dye, tmp_path / "dye.npz"):
        fit = tg.fit(counts, method="phasor", reference=reference, reference_tau_ns=1.1)
        assert_same_as_program(fit, maps_of(tmp_path / "out"))
    assert float(fit.tau.mean()) == pytest.approx(2.0, rel=0.02)
    with pytest.raises(ValueError, match="reference, reference_tau_ns"):
        tg.fit(counts, method="phasor", reference=dye)
    with pytest.raises(ValueError, match="method='phasor'"):
        tg.fit(counts, from_ns=2.0, reference=dye, reference_tau_ns=1.1)


def test_known_lifetimes_are_the_programs(program, tmp_path):
    counts, irf = decay(pixels=(3, 4), photons=500)
    tg.write(tmp_path / "counts.npz", counts)
    tg.write(tmp_path / "irf.npz", irf)
    program("fit", tmp_path / "counts.npz", "--irf", tmp_path / "irf.npz", "--components", "2", "--fix-tau", "0.5,2.0",
            "-o", tmp_path / "out", "--no-pictures")  # fmt: skip
    assert_same_as_program(tg.fit(counts, irf, components=2, fix_tau_ns=(0.5, 2.0)), maps_of(tmp_path / "out"))
    with pytest.raises(ValueError, match="fix_tau_ns: found 1 lifetime"):
        tg.fit(counts, irf, components=2, fix_tau_ns=2.0)


def test_expected_counts_are_those_of_the_fit():
    counts, irf = decay(pixels=(4, 6), photons=2000)
    fit = tg.fit(counts, irf, expected=True)
    assert fit.expected.dims == ("Y", "X", "H")
    np.testing.assert_allclose(fit.expected.H, counts.H, atol=1e-12)
    # The likelihood's fit keeps the counts; chi-square is that of Poisson counts.
    np.testing.assert_allclose(fit.expected.sum("H"), counts.sum("H"), rtol=1e-3)
    enough = fit.expected > 5
    chi2 = ((counts - fit.expected) ** 2 / fit.expected).where(enough).mean()
    assert float(chi2) == pytest.approx(1.0, abs=0.06)
    with pytest.raises(ValueError, match="fits no trace"):
        tg.fit(counts, irf, method="cmm", expected=True)


def test_frames_are_those_of_ptufile_and_of_the_program(program, data, tmp_path):
    ptufile = pytest.importorskip("ptufile")
    path = data / "images" / "ptu_example.ptu"
    with ptufile.PtuFile(path) as file:
        theirs = np.asarray(file[:])  # [T][Y][X][C][H]
    frames = tg.read(path, frames="all")
    assert frames.dims == ("T", "Y", "X", "H") and list(frames["T"]) == [1, 2]
    assert len(frames) == theirs.shape[0] == 2
    counts = theirs.sum(axis=3, dtype=np.float64)
    bins = counts.shape[-1]
    np.testing.assert_array_equal(frames.values[..., :bins], counts)
    assert not frames.values[..., bins:].any()
    np.testing.assert_array_equal(frames.sum("T"), tg.read(path))
    np.testing.assert_array_equal(tg.read(path, frames="2:2"), frames[1:])
    np.testing.assert_array_equal(tg.read(path, frames=2), frames[1])
    both = tg.read(path, frames="1:2", channel="all")
    assert both.dims == ("T", "C", "Y", "X", "H")
    np.testing.assert_array_equal(both.sum("C"), frames)
    program("fit", path, "--frames", "2", "--from", "3", "--least-counts", "30", "-o", tmp_path, "--no-pictures")
    assert_same_as_program(tg.fit(frames[1], from_ns=3.0, least_counts=30), maps_of(tmp_path))


@pytest.mark.parametrize("frames", ["0:2", "2:1", "1:99999", "one", "1:2:3", 0])
def test_frames_that_there_are_not(data, frames):
    with pytest.raises(ValueError, match="frames: found"):
        tg.read(data / "images" / "ptu_example.ptu", frames=frames)
    with pytest.raises(ValueError, match="keeps no frames apart"):
        tg.read(data / "images" / "SDT_c01.sdt", frames="all")


def test_models_of_the_package_are_the_programs(program, tmp_path):
    names = [card["name"] for card in tg.models()]
    assert "ss2-70" in names and all(name in program("models") for name in names)
    images = tg.simulate(images=1, seed=5).tpsf[0]
    tg.write(tmp_path / "images.npz", images)
    program("infer", "--model", "auto", tmp_path / "images.npz", "-o", tmp_path / "out", "--no-pictures")
    auto = tg.infer("auto", images)
    np.testing.assert_array_equal(auto.tau, np.load(tmp_path / "out/lifetimes.npy")[..., 0])
    assert auto.attrs["model"] == "ss2-70" and np.isfinite(auto.sigma).any()
    with pytest.raises(ValueError, match="found 'ss2-71', neither a file nor a name"):
        tg.infer("ss2-71", images)
    with pytest.raises(tg.Error, match="iccd-176 wants"):
        tg.infer("iccd-176", images)


def test_progress_of_inference_changes_nothing(model):
    images = tg.simulate(images=30).tpsf
    wide = xr.concat(list(images), dim="Y").assign_attrs(images.attrs)  # several blocks of rows
    seen = []
    xr.testing.assert_identical(
        tg.infer(model, wide, decays=True, progress=lambda done, total: seen.append((done, total))),
        tg.infer(model, wide, decays=True),
    )
    assert len(seen) > 1 and seen[-1] == (30 * 784, 30 * 784)

    def stop(done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        tg.infer(model, wide, progress=stop)


def test_inference_has_the_numbers_of_the_program(program, trained, tmp_path):
    images = tg.simulate(images=1, seed=5).tpsf[0]
    tg.write(tmp_path / "images.npz", images)
    pulse = np.exp(-0.5 * ((np.arange(70) * 0.179 - 1.5) / 0.15) ** 2)
    irf = xr.DataArray(np.rint(1e5 * pulse), dims="H", coords={"H": 0.179 * np.arange(70)}, attrs=images.attrs)
    tg.write(tmp_path / "irf.npz", irf)
    program("infer", trained, tmp_path / "images.npz", "--irf", tmp_path / "irf.npz", "-o", tmp_path / "out",
            "--no-pictures")  # fmt: skip
    ours = tg.infer(trained, images, irf=irf, decays=True)
    taus = np.load(tmp_path / "out/lifetimes.npy")
    doubts = np.load(tmp_path / "out/doubts.npz")
    np.testing.assert_array_equal(ours.tau, taus[..., 0])
    np.testing.assert_array_equal(ours.tau_intensity, taus[..., 1])
    np.testing.assert_array_equal(ours.sfd, np.load(tmp_path / "out/sfd.npy"))
    np.testing.assert_array_equal(ours.chi2r, doubts["irf_chi2r"])
    np.testing.assert_array_equal(ours.state_distance, doubts["state_distance"])
    np.testing.assert_array_equal(ours.flag == 1, doubts["unlike_training"] == 1)
    np.testing.assert_array_equal(ours.flag == 2, np.isnan(ours.tau))
    assert ours.sfd.dims == ("Y", "X", "H") and float(ours.H[1]) == pytest.approx(0.179)


def test_inference_checks_what_it_is_given(model):
    images = tg.simulate(images=1).tpsf[0]
    with pytest.raises(ValueError, match="found nan"):
        tg.infer(model, images.where(images != images.max()))
    with pytest.raises(tg.Error, match="laser period"):
        tg.infer(model, images.assign_attrs(frequency=40.0, period_ns=25.0))
    with pytest.raises(tg.Error, match="least precision"):
        tg.infer(model, images, least_precision=0.1)
    with pytest.raises(tg.Error, match="no-such-file"):
        tg.infer("no-such-file.safetensors", images)


def test_a_lifetime_network_tells_its_precision():
    model = tg.train(kind="lifetime", samples=20_000, hidden=[16], validation=256, novelty=0)
    assert model.gives_lifetimes and not model.integers
    images = tg.simulate(images=1).tpsf[0]
    out = tg.infer(model, images)
    lit = out.flag == 0
    assert lit.any() and (out.sigma.values[lit.values] > 0).all()
    with pytest.raises(tg.Error, match="wanted a Seq2Seq"):
        tg.infer(model, images, decays=True)
    precise = tg.infer(model, images, least_precision=float((out.sigma / out.tau).median()))
    assert int((precise.flag == 2).sum()) > int((out.flag == 2).sum())


def test_pages_of_a_tiff_are_frames_of_gates(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    counts = np.arange(3 * 10 * 4 * 5, dtype=np.uint16).reshape(3, 10, 4, 5)
    tifffile.imwrite(tmp_path / "series.tif", counts.reshape(30, 4, 5), photometric="minisblack")
    series = tg.read(tmp_path / "series.tif", gates_per_frame=10, frames="all", bin_ns=0.2)
    assert series.dims == ("T", "Y", "X", "H")
    np.testing.assert_array_equal(series, counts.transpose(0, 2, 3, 1))
    with pytest.raises(ValueError, match="found 7, wanted 2 or more that divide the 30 images"):
        tg.read(tmp_path / "series.tif", gates_per_frame=7)
