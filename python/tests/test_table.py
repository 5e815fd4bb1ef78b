"""tg.table() beside the program's --table and beside single runs."""

import csv

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from test_measurements import decay

import taugate as tg

TEXT = ["file", "channel", "frame", "label", "flag", "reason"]


def fields(row):
    """A row as the program writes it: whole numbers with all their digits, others with seven."""
    for name, value in row.items():
        if name in TEXT:
            yield name, "" if pd.isna(value) else str(value)
        elif pd.isna(value):
            yield name, ""
        else:
            yield name, f"{value:.0f}" if float(value).is_integer() else f"{value:.7g}"


def assert_same_as_program(table, path):
    with open(path, newline="") as file:
        theirs = list(csv.DictReader(file))
    assert list(table.columns) == list(theirs[0])
    ours = [dict(fields(row)) for row in table.to_dict("records")]
    for row in [*ours, *theirs]:
        row["reason"] = bool(row["reason"])  # names keywords here, options there
    assert ours == theirs


@pytest.fixture
def folder(tmp_path):
    """Two images, the IRF of both, a mask, a file that is none, and one that nobody asks for."""
    where = tmp_path / "recordings"
    where.mkdir()
    for number, tau in ((2, 1.2), (10, 2.0)):
        counts, irf = decay(pixels=(8, 9), photons=400, tau=tau, seed=number)
        tg.write(where / f"cell_{number}.npz", counts)
    tg.write(where / "irf.npz", irf)
    labels = np.zeros((8, 9), np.uint16)
    labels[1:4, 1:5], labels[5:, 2:8] = 7, 3
    np.save(where / "mask.npy", labels)
    (where / "broken.sdt").write_bytes(b"nothing")
    (where / "notes.md").write_text("not a measurement")
    return where


def test_a_folder_is_the_programs_table(program, folder, tmp_path):
    irf, mask = folder / "irf.npz", folder / "mask.npy"
    for number, (keywords, options) in enumerate(
        (
            ({}, []),
            ({"components": 2, "least_counts": 390}, ["--components", "2", "--least-counts", "390"]),
            ({"mask": mask}, ["--mask", mask]),
            ({"mask": mask, "mask_pixels": True}, ["--mask", mask, "--mask-pixels"]),
        )
    ):
        out = tmp_path / f"{number}.csv"
        given = [] if "mask" in keywords else [mask]  # else it is a measurement, too
        for path in given:
            path.rename(tmp_path / path.name)
        try:
            program("fit", folder, "--irf", irf, "--table", out, *options, code=1)
            table = tg.table(folder, irf=irf, **keywords)
        finally:
            for path in given:
                (tmp_path / path.name).rename(path)
        assert [flag == "failed" for flag in table.flag].count(True) == 1
        assert list(dict.fromkeys(table.file)) == [str(folder / n) for n in ("broken.sdt", "cell_2.npz", "cell_10.npz")]
        assert_same_as_program(table, out)


def test_inference_is_the_programs_table(program, trained, folder, tmp_path):
    files = []
    for seed in (1, 2):
        files.append(tmp_path / f"{seed}.npz")
        tg.write(files[-1], tg.simulate(images=1, seed=seed).tpsf[0])
    for model in (trained, "auto"):
        out = tmp_path / f"{model if model == 'auto' else 'file'}.csv"
        program("infer", "--model", model, *files, "--table", out, "--least-counts", "300")
        table = tg.table(files, model=model, least_counts=300)
        assert_same_as_program(table, out)
        assert set(table.flag) <= {"ok", "unlike training"} and table.pixels_used.between(10, 784).all()


def test_rows_are_single_runs(folder):
    irf = folder / "irf.npz"
    file = folder / "cell_2.npz"
    cells = tg.table(file, irf=irf, mask=folder / "mask.npy").set_index("label")
    labels = xr.DataArray(np.load(folder / "mask.npy"), dims=("Y", "X"))
    image = tg.read(file)
    sums = [image.where(labels == k, 0).sum(("Y", "X")) for k in (3, 7)]
    single = tg.fit(xr.concat(sums, dim="X"), irf, shift="pixel")  # each finds its own place of the IRF
    np.testing.assert_array_equal(cells.amplitude_weighted_ns, single.tau.values.astype(float))
    np.testing.assert_array_equal(cells.amplitude_weighted_sd_ns, single.sigma.values.astype(float))
    assert list(cells.pixels) == [18, 12]
    # Of binned images, by a function.
    binned = tg.table(file, irf=irf, prepare=lambda da: da.coarsen(Y=2, X=3).sum())
    fit = tg.fit(image.coarsen(Y=2, X=3).sum(), irf)
    assert binned.pixels[0] == 12
    assert binned.pixel_median_ns[0] == pytest.approx(float(fit.tau.where(fit.flag == 0).median()), rel=1e-6)


def test_a_fit_that_other_counts_contradict_is_flagged(tmp_path):
    counts, irf = decay(pixels=(3, 4), photons=2000)
    tg.write(tmp_path / "cell.npz", counts)
    tg.write(tmp_path / "wrong.npz", counts.where(counts.H < 5, 3 * counts))
    table = tg.table([tmp_path / "cell.npz", tmp_path / "wrong.npz"], irf=irf, to_ns=5.0, background=False)
    assert list(table.flag) == ["ok", "contradicted"]


def test_arguments_are_checked(folder):
    with pytest.raises(TypeError, match="componets"):
        tg.table(folder, componets=2)
    with pytest.raises(ValueError, match="irf: found 1 for 2 files"):
        tg.table([folder / "cell_2.npz", folder / "cell_10.npz"], irf=[folder / "irf.npz"])
    wrong = tg.table(folder / "cell_2.npz", irf=folder / "irf.npz", mask=np.ones((3, 3), int))
    assert wrong.flag[0] == "failed" and "wanted one a pixel" in wrong.reason[0]


def test_measured_files_are_the_programs_table(program, data, tmp_path):
    rows = []
    for part in ("phd", "phd-hard"):
        for file in sorted((data / part).glob("*.phd")):
            if "_irf_" not in file.name:
                dye, solvent, rest = file.name.split("_", 2)
                rows.append((file, file.with_name(f"{dye}_{solvent}_irf_{rest}")))
    rows.append((data / "images" / "SDT_c01.sdt", data / "images" / "IRF.sdt"))
    rows.append((data / "images" / "ptu_example.ptu", data / "images" / "absent.sdt"))
    (tmp_path / "list.csv").write_text("file,irf\n" + "".join(f"{f},{i}\n" for f, i in rows))
    for keywords, options in (({}, []), ({"channel": "all"}, ["--channel", "all"])):
        (tmp_path / "table.csv").unlink(missing_ok=True)
        program("fit", "--files", tmp_path / "list.csv", "--table", tmp_path / "table.csv", "--least-counts", "200",
                *options, code=1)  # fmt: skip
        files, irfs = zip(*rows, strict=True)
        table = tg.table(files, irf=irfs, least_counts=200, **keywords)
        assert list(table.flag == "failed") == [False] * (len(table) - 1) + [True]
        assert_same_as_program(table, tmp_path / "table.csv")


def test_frames_are_the_programs_table(program, data, tmp_path):
    file = data / "images" / "ptu_example.ptu"
    options = ["--irf-fwhm", "0.3", "--irf-delay", "2"]
    program("fit", file, *options, "--frames", "1:2", "--table", tmp_path / "frames.csv")
    table = tg.table(file, gaussian_irf_ns=(0.3, 2, 0), frames="1:2")
    assert list(table.frame) == [1, 2]
    assert_same_as_program(table, tmp_path / "frames.csv")
