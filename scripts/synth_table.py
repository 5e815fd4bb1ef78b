#!/usr/bin/env python3
"""The results of scripts/synth.sh as docs/results/synth.csv and docs/results/synth.md.

synth_table.py OUT COMMIT

OUT holds nextpnr's reports, <design>-<route>-<seed>.report, and what yosys says of each netlist."""

import csv
import json
import os
import re
import sys
from pathlib import Path

# The authors' C-synthesis of their HLS code for an xc7k410t (32 units, 8 bits, 135 gates): pixels
# on one core, and on the four lanes of their largest design (30.08 s for 250,000 pixels).
HLS = {"clock": 1e9 / 4.5, "cycles": 110297, "dsp": 183, "lut": 37140, "ff": 54802}
HLS_LANES = {"pixels": 250000 / 30.08, "dsp": 732, "lut": 163186, "ff": 228916}
# xc7k410t, Xilinx DS180. Routers fail above this share of a device.
KINTEX = {"dsp": 1540, "lut": 254200, "ff": 508400, "bram": 2 * 795}
FILL = 0.9
PIXELS = 512 * 512

TITLES = {
    "one-output": "32 units, 8 bits, 1 output",
    "three-outputs": "32 units, 8 bits, 3 outputs",
    "two-cores": "two cores of 32 units, 8 bits, 1 output",
    "sixteen-units": "16 units, 8 bits, 1 output",
    "sixteen-bits": "32 units, 16 bits, 1 output",
}
ROUTES = {
    "ecp5-8": "ECP5-85, speed grade 8",
    "ecp5-6": "ECP5-85, speed grade 6",
    "xc7a100t": "xc7a100t-1",
}
# What nextpnr calls a multiplier, a LUT, a flip-flop and a block of memory.
CELLS = {
    "ecp5": {"dsp": ["MULT18X18D"], "lut": ["TRELLIS_COMB"], "ff": ["TRELLIS_FF"], "bram": ["DP16KD"]},
    "xc7": {
        "dsp": ["DSP48E1_DSP48E1"],
        "lut": ["SLICE_LUTX"],
        "ff": ["SLICE_FFX"],
        "bram": ["RAMB18E1_RAMB18E1", "RAMB36E1_RAMB36E1", "RAMB36E1_RAMB36E1"],  # in halves
    },
}


def cycles_per_pixel(gates, hidden=32):
    """The columns that are issued for a pixel: encoder with x, decoder without, last head."""
    return gates * (2 * hidden + 1) + hidden


def runs(out):
    for report in sorted(out.glob("*.report")):
        design, route, seed = re.fullmatch(r"(.*?)-((?:ecp5|xc7).*)-(\d+)", report.stem).groups()
        content = json.loads(report.read_text())
        if not content.get("fmax"):
            print(f"note: {report} has no clock (made with --pack-only?): left out", file=sys.stderr)
            continue
        used = {cell: numbers["used"] for cell, numbers in content["utilization"].items()}
        cells = CELLS[route[:4] if route.startswith("ecp5") else "xc7"]
        row = {"design": design, "route": route, "seed": int(seed)}
        for what, names in cells.items():
            row[what] = sum(used.get(name, 0) for name in names)
        (clock,) = content["fmax"].values()
        row["fmax_mhz"] = round(clock["achieved"], 2)
        yield row


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def packed(out, design):
    """How many DSP48E1 hold the registers of both operands, of the product and of the sum."""
    dump = (out / f"{design}-xc7.json.dsp").read_text()
    cells = [dict(re.findall(r"parameter (?:signed )?\\(\w+) \S*?(\d+)$", cell, re.M))
             for cell in dump.split("cell \\DSP48E1")[1:]]
    full = sum(all(int(cell[r]) > 0 for r in ("AREG", "BREG", "MREG", "PREG")) for cell in cells)
    return full, len(cells)


def resources(out, rows):
    lines = []
    for design in TITLES:
        for route in ROUTES:
            some = [r for r in rows if r["design"] == design and r["route"] == route]
            if not some:
                continue
            best = max(some, key=lambda r: r["fmax_mhz"])
            others = ", ".join(f"{r['fmax_mhz']:.1f}" for r in some)
            lines.append([TITLES[design], ROUTES[route], best["dsp"], f"{best['lut']:,}",
                          f"{best['ff']:,}", best["bram"], f"**{best['fmax_mhz']:.1f}**", others])
    head = ["design", "device", "DSP", "LUT", "FF", "BRAM", "Fmax, MHz", "of each seed"]
    return table(head, lines)


def throughput(rows):
    lines = []
    for design, route in [("three-outputs", "ecp5-8"), ("one-output", "ecp5-8")]:
        some = [r for r in rows if r["design"] == design and r["route"] == route]
        if not some:
            continue
        best = max(some, key=lambda r: r["fmax_mhz"])
        for gates in (135, 70):
            cycles = cycles_per_pixel(gates)
            rate = best["fmax_mhz"] * 1e6 / cycles
            lines.append([f"this, {TITLES[design]}, {ROUTES[route]}", gates, f"{best['fmax_mhz']:.1f}",
                          f"{cycles:,}", f"{rate:,.0f}", best["dsp"], f"{rate / best['dsp']:.1f}"])
    rate = HLS["clock"] / HLS["cycles"]
    lines.append(["authors' HLS (C-synthesis, xc7k410t), 3 outputs", 135, f"{HLS['clock'] / 1e6:.1f}",
                  f"{HLS['cycles']:,}", f"{rate:,.0f}", HLS["dsp"], f"{rate / HLS['dsp']:.1f}"])
    rate = HLS_LANES["pixels"]
    lines.append(["authors' HLS, 4 lanes", 135, "", "", f"{rate:,.0f}", HLS_LANES["dsp"],
                  f"{rate / HLS_LANES['dsp']:.1f}"])
    head = ["design", "T", "clock, MHz", "cycles a pixel", "pixels/s", "DSP", "pixels/s per DSP"]
    return table(head, lines)


def estimate(rows):
    """Cores on a Kintex-7 410T, which no open tool routes: the xc7a100t's cells, the ECP5's clock."""
    lines = []
    for design in ("one-output", "three-outputs"):
        cells = [r for r in rows if r["design"] == design and r["route"] == "xc7a100t"]
        clocks = [r["fmax_mhz"] for r in rows if r["design"] == design and r["route"] == "ecp5-8"]
        if not cells or not clocks:
            continue
        fits = {what: int(FILL * KINTEX[what] / cells[0][what]) for what in KINTEX}
        limit = min(fits, key=fits.get)
        clock = max(clocks) * 1e6
        times = [f"{PIXELS * cycles_per_pixel(gates) / (fits[limit] * clock):.2f} s"
                 for gates in (70, 135)]
        lines.append([TITLES[design], fits[limit], limit.upper(), f"{clock / 1e6:.1f}"] + times)
    head = ["design", "cores", "limited by", "clock, MHz", "512×512, T=70", "512×512, T=135"]
    return table(head, lines)


def main():
    out, commit = Path(sys.argv[1]), sys.argv[2]
    rows = list(runs(out))
    if not rows:
        sys.exit(f"error: {out} holds no report of nextpnr with a clock")
    results = Path(__file__).parent.parent / "docs" / "results"
    with open(results / "synth.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    versions = (out / "versions").read_text().splitlines()
    yosys = versions[0].split(" (")[0]
    nextpnr = ", ".join(re.sub(r'"(.*?)".*\(Version ([^+)]*).*', r"\1 \2", v) for v in versions[1:])
    full = [f"{TITLES[d]}: {packed(out, d)[0]} of {packed(out, d)[1]}" for d in TITLES
            if (out / f"{d}-xc7.json.dsp").exists()]
    seeds = " ".join(str(s) for s in sorted({r["seed"] for r in rows}))
    text = Path(__file__).with_name("synth_table.md").read_text()
    text = text.format(commit=commit, yosys=yosys, nextpnr=nextpnr, seeds=seeds,
                       resources=resources(out, rows), packed="; ".join(full),
                       throughput=throughput(rows), estimate=estimate(rows), fill=f"{FILL:.0%}")
    part = results / "synth.md.part"
    part.write_text(text)
    os.replace(part, results / "synth.md")


main()
