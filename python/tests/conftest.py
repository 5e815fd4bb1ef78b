"""Measured data (../shared/data beside the sources, or TAUGATE_DATA) and the program, for tests that want them."""

import os
import pathlib
import subprocess

import pytest

import taugate as tg

SOURCES = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data():
    folder = pathlib.Path(os.environ.get("TAUGATE_DATA", SOURCES.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("measured data are absent")
    return folder


@pytest.fixture(scope="session")
def program():
    """Runs the taugate program of TAUGATE_PROGRAM, or of the build folder."""
    known = [os.environ.get("TAUGATE_PROGRAM"), SOURCES / "build/dev/taugate", SOURCES / "build/release/taugate"]
    found = next((p for p in known if p and os.access(p, os.X_OK)), None)
    if found is None:
        pytest.skip("the taugate program is not built (make build)")

    def run(*arguments, code=0):
        done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def model():
    return tg.train(samples=20_000, hidden=[16], validation=512)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, model):
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    model.save(path)
    return path
