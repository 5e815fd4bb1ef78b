#!/usr/bin/env python3
"""Pins for a netlist that nextpnr-himbaechel-xilinx shall route: it wants every port constrained.

synth_xdc.py NETLIST.json > pins.xdc

Gives each port of the top module a user pin of the package csg324 (Artix-7), the clock one of the
clock-capable ones. Which pin is which means nothing: the timing inside the core does not depend on
it, since all ports are registered (rtl/synth/synth_pins.sv)."""

import json
import sys

CLOCK = "E3"
PINS = """
J15 L16 M13 R15 R17 T18 U18 R13 T8 U8 R16 T13 H6 U12 U11 V10 H17 K15 J13 N14 R18 V17 U17 U16 V16 T15
U14 T16 V15 V14 V12 V11 T10 R10 K16 K13 P15 T11 L18 H15 J17 J18 T9 J14 P14 T14 K2 U13 C12 N17 M18 P17
M17 P18 C17 D18 E18 G17 D17 E17 F18 G18 D14 F16 G16 H14 E16 F13 G13 H16 K1 F6 J2 G6 E7 J3 J4 E6 H4 H1
G1 G3 H2 G4 G2 F3""".split()


def main():
    with open(sys.argv[1]) as file:
        modules = json.load(file)["modules"]
    top = next(m for m in modules.values() if int(m["attributes"].get("top", "0"), 2))
    names = []
    for name, port in top["ports"].items():
        width = len(port["bits"])
        names += [name] if width == 1 else [f"{name}[{i}]" for i in range(width)]
    names.remove("clk_i")
    if len(names) > len(PINS):
        sys.exit(f"error: the design has {len(names)} ports beside its clock, this list {len(PINS)} pins")
    for name, pin in [("clk_i", CLOCK)] + list(zip(names, PINS)):
        print(f"set_property LOC {pin} [get_ports {name}]")
        print(f"set_property IOSTANDARD LVCMOS33 [get_ports {name}]")


main()
