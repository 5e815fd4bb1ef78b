#!/usr/bin/env python3
"""Writes the tables of docs/performance.md from docs/results/*.csv.

    scripts/performance_tables.py [RESULTS_FOLDER PAGE]

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; what was there is replaced.
"""

import csv
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = {
    "lite-16": "Lite-16",
    "lite-32": "Lite-32",
    "lite-64": "Lite-64",
    "lite-128": "Lite-128",
    "64x16": "64x16",
    "teacher": "Teacher",
    "student-32": "student, 32 units",
}


class Results:
    def __init__(self, folder):
        self.folder = folder

    def rows(self, file):
        path = self.folder / file
        if not path.exists():
            return []
        with path.open(newline="") as lines:
            return list(csv.DictReader(lines))


def thousands(value):
    value = float(value)
    return f"{value / 1e3:.1f} k" if value >= 1000 else f"{value:.0f}"


def percent(share):
    return f"{100 * float(share):.0f} %"


def times(ratio):
    ratio = float(ratio)
    return f"{ratio:.0f}×" if ratio >= 20 else f"{ratio:.1f}×" if ratio >= 5 else f"{ratio:.2f}×"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def comparisons(rows, **wanted):
    """{network: {engine: row}} of the rows that have the wanted values, in their order."""
    found = {}
    for row in rows:
        if all(row[key] == str(value) for key, value in wanted.items()):
            found.setdefault(row["network"], {})[row["engine"]] = row
    return found


def engine(engines, start, note=None):
    """The engine whose name starts so, with or without a note in brackets."""
    for name, row in engines.items():
        if name.startswith(start) and (f"({note})" in name if note else "(" not in name):
            return row
    return None


def best(engines, start):
    """The faster of an engine on all threads and one engine a thread."""
    ways = [row for row in (engine(engines, start), engine(engines, start, "batch split")) if row]
    return max(ways, key=lambda row: float(row["sequences_per_second"]), default=None)


def beside(rows, peers, shown, **wanted):
    """Ours first, then each peer and how many times as fast ours is."""
    body = []
    for network, engines in comparisons(rows, **wanted).items():
        ours = engine(engines, "taugate")
        line = [NAMES.get(network, network), shown(ours), percent(ours["share_of_peak"])]
        for _, start, note in peers:
            peer = best(engines, start) if note == "best" else engine(engines, start, note)
            line += [shown(peer), times(peer["taugate_faster"])] if peer else ["", ""]
        body.append(line)
    head = ["network", "taugate", "of FMA peak"]
    for title, _, _ in peers:
        head += [title, "ratio"]
    return table(head, body) if body else []


def rate(row):
    return thousands(row["sequences_per_second"])


def latency(row):
    return f"{1e6 * float(row['seconds_per_call']):.0f} µs"


def setting(results):
    lines = []
    for file in ("bench.csv", "processes.csv", "peers-infer.csv", "peers-train.csv",
                 "peers-busy.csv", "peers-avx2.csv", "integers.csv", "integers-avx2.csv"):
        rows = results.rows(file)
        if not rows:
            continue
        row = rows[0]
        peaks = sorted({(int(r["threads"]), float(r["peak_gflops"])) for r in rows
                        if r.get("peak_gflops")})
        best = {threads: peak for threads, peak in peaks}
        peak = "; ".join(f"{p:.0f} GF/s on {t}" for t, p in best.items())
        lines.append([f"[{file}](results/{file})", row["commit"],
                      f"{row['cpu']}, {row['cores']} cores", row["compiler"], peak])
    return table(["table", "commit", "machine", "compiler", "FMA peak, by threads"], lines)


def training(results):
    return beside(results.rows("peers-train.csv"), [("libtorch", "libtorch", None)], rate,
                  batch=1024, job="train")


def throughput(results, file="peers-infer.csv"):
    return beside(
        results.rows(file),
        [("oneDNN", "oneDNN", None), ("two oneDNN engines of one thread", "oneDNN", "batch split"),
         ("ONNX Runtime, the better way", "ONNX", "best"),
         ("libtorch, the better way", "libtorch", "best")],
        rate, batch=1024, job="infer")


def single(results, file="peers-infer.csv"):
    return beside(
        results.rows(file),
        [("oneDNN", "oneDNN", None), ("ONNX Runtime", "ONNX", None),
         ("libtorch", "libtorch", None)],
        latency, batch=1, job="infer")


def without_empty_columns(lines):
    rows = [line.strip("|").split("|") for line in lines]
    keep = [k for k in range(len(rows[0]))
            if any(row[k].strip() for row in rows[2:])] if rows else []
    return ["|" + "|".join(row[k] for k in keep) + "|" for row in rows]


def avx2(results):
    lines = throughput(results, "peers-avx2.csv")
    if lines:
        lines += [""] + single(results, "peers-avx2.csv")
    return lines


def threads(results):
    body = []
    for file, job in (("peers-infer.csv", "infer"), ("peers-train.csv", "train")):
        for network, engines in comparisons(results.rows(file), batch=1024, job=job).items():
            ours, one = engine(engines, "taugate"), engine(engines, "taugate", "one thread")
            if one:
                body.append([NAMES.get(network, network), job, rate(one), rate(ours),
                             times(one["taugate_faster"])])
    return table(["network", "job", "one thread", "two threads", "ratio"], body) if body else []


def busy(results):
    body = []
    for network, engines in comparisons(results.rows("peers-busy.csv"), job="busy").items():
        for name, row in engines.items():
            if "(" in name:
                continue
            other = engine(engines, name, "beside a busy process")
            kept = float(other["sequences_per_second"]) / float(row["sequences_per_second"])
            body.append([NAMES.get(network, network), name, rate(row), rate(other), percent(kept)])
    return table(["network", "engine", "alone", "beside", "kept"], body) if body else []


def integers(results):
    """The integer executor beside the float one, a table an instruction set."""
    lines = []
    for file in ("integers.csv", "integers-avx2.csv"):
        body = []
        for row in results.rows(file):
            case = dict(part.split(":") for part in row["benchmark"].split("/")[1:])
            of_floats, of_integers = float(row["float_seconds"]), float(row["seconds"])
            if case["batch"] == "1":
                shown = [f"{1e6 * seconds:.1f} µs" for seconds in (of_floats, of_integers)]
            else:
                shown = [thousands(float(case["batch"]) / seconds) + "/s"
                         for seconds in (of_floats, of_integers)]
            ratio = float(row["times_float"])
            body.append([case["H"], case["batch"], case["threads"], *shown, times(ratio)])
        if body:
            kernels = results.rows(file)[0]["kernels"]
            lines += ([""] if lines else []) + table(
                [f"units, {kernels}", "batch", "threads", "float", "8 bits", "times as fast"], body)
    return lines


def processes(results, images):
    body = []
    for row in results.rows("processes.csv"):
        if bool(row["pixels_per_second"]) != images:
            continue
        seconds = float(row["seconds"])
        line = [row["process"]]
        line += [f"{seconds:.2f} s"] if images else [f"{1e3 * seconds:.1f} ms"]
        line += [f"{float(row['peak_mib']):.0f} MiB"]
        body.append(line + ([thousands(row["pixels_per_second"])] if images else []))
    head = ["process", "start to end", "peak RSS"] + (["pixels/s"] if images else [])
    return table(head, body) if body else []


TABLES = {
    "setting": setting,
    "training": training,
    "throughput": throughput,
    "latency": single,
    "avx2": avx2,
    "threads": threads,
    "busy": busy,
    "integers": integers,
    "footprint": lambda results: processes(results, False),
    "images": lambda results: processes(results, True),
}


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "results"
    page = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "performance.md"
    results = Results(folder)

    def fill(match):
        name = match[1]
        lines = TABLES[name](results)
        parts, part = [], []
        for line in lines + [""]:  # a table may be two, with an empty line between
            if line:
                part.append(line)
            else:
                parts.append("\n".join(without_empty_columns(part)))
                part = []
        text = "\n\n".join(p for p in parts if p) or "*Not recorded yet.*"
        return f"<!-- table: {name} -->\n\n{text}\n\n<!-- end -->"

    text = page.read_text()
    page.write_text(re.sub(r"<!-- table: (\w+) -->.*?<!-- end -->", fill, text, flags=re.S))


if __name__ == "__main__":
    main()
