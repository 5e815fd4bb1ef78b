#!/usr/bin/env python3
"""Fits the table behind the integers' tanh and sigmoid, and prints it for src/quant/tables.h.

tanh(u) on 0 <= u < 4 as 32 segments of 1/8. Where u has `fraction` fraction bits and lies `rest` past the
start of segment i, the table's value, in units of 2^-15, is
    base[i] + floor(slope[i] * rest / 2^(fraction - 7))        slope[i] in 0..255
sigmoid(x) = 1/2 + tanh(x/2)/2 reads the same table. Among tables that start at 0 and never fall, the search
minimises the largest error over every u of 13 fraction bits (the last value counts for all u >= 4), and
then the sum of the segments' squared errors. Needs numpy.
"""
import numpy as np

SEGMENTS, FRACTION = 32, 13
LENGTH = 1 << (FRACTION - 3)
rest = np.arange(LENGTH)


def candidates(i, bound):
    """(base, slope, value just before the end, error) of segment i whose error stays within `bound`, in units of 2^-15."""
    u = (i * LENGTH + rest) / 2.0**FRACTION
    truth = 32768.0 * np.tanh(u)
    found = []
    middle = (truth[-1] - truth[0]) / (LENGTH - 1) * 2.0 ** (FRACTION - 7)
    for slope in range(max(0, int(middle) - 8), min(255, int(middle) + 8) + 1):
        step = (slope * rest) >> (FRACTION - 7)
        most, least = (truth - step).max(), (truth - step).min()
        if i == SEGMENTS - 1:  # held for all larger u, where tanh reaches 1
            most = max(most, 32768.0 - step[-1])
        low, high = (0, 0) if i == 0 else (int(np.ceil(most - bound)), int(np.floor(least + bound)))
        for base in range(low, high + 1):
            error = max(most - base, base - least)
            if error <= bound:
                found.append((base, slope, int(base + 16 * slope - (slope > 0)), error))
    return found


def table_within(bound):
    """Of the tables within `bound` that never fall, the one with the least sum of squared errors."""
    paths = [(0, 0.0, ())]  # (last value, cost, segments), sorted by last value
    for i in range(SEGMENTS):
        found, cheapest, p = {}, None, 0
        for base, slope, last, error in sorted(candidates(i, bound)):
            while p < len(paths) and paths[p][0] <= base:
                cheapest = paths[p] if cheapest is None or paths[p][1] < cheapest[1] else cheapest
                p += 1
            if cheapest is None:
                continue
            cost = cheapest[1] + error**2
            if last not in found or cost < found[last][1]:
                found[last] = (last, cost, cheapest[2] + ((base, slope),))
        paths = sorted(found.values())
    return min(paths, key=lambda path: path[1])[2] if paths else None


low, high, best = 0.0, 64.0, None
while high - low > 0.05:
    middle = (low + high) / 2
    table = table_within(middle)
    low, high, best = (middle, high, best) if table is None else (low, middle, table)

print("largest error of tanh: %.2e" % (high / 32768))
print("base ", ", ".join(str(base) for base, _ in best))
print("slope", ", ".join(str(slope) for _, slope in best))
