"""Times of tg.infer beside the program's, without reading and writing, alternating in one run.

    build/python/3.11/clean/bin/python scripts/python_times.py build/dev/taugate [ROWS [RUNS]]
"""

import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import taugate as tg

program = sys.argv[1]
rows, runs = (int(sys.argv[i]) if len(sys.argv) > i else otherwise for i, otherwise in ((2, 128), (3, 15)))
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    model = tg.train(samples=20_000, validation=256)
    model.save(folder / "model.safetensors")
    counts = tg.simulate(samples=rows * 512, seed=3).tpsf
    tg.write(folder / "image.npz", counts)
    command = [program, "infer", folder / "model.safetensors", folder / "image.npz", "-o", folder / "out"]
    theirs, ours = [], []
    for _ in range(runs):
        out = subprocess.run([*command, "--no-pictures", "--no-sfd"], check=True, capture_output=True, text=True).stdout
        theirs.append(float(re.search(r"inferred ([0-9.e-]+) s", out)[1]))
        start = time.perf_counter()
        tg.infer(model, counts)
        ours.append(time.perf_counter() - start)
for what, seconds in (("program", theirs), ("tg.infer", ours)):
    print(f"{what}: best {min(seconds):.3f} s, median {statistics.median(seconds):.3f} s for {rows * 512} pixels")
