#!/usr/bin/env python3
"""Fits the rational function that the SIMD kernels use for tanh, and prints its coefficients.

tanh(x) ~ x P(x^2) / Q(x^2) on |x| <= limit, with deg P = 4, deg Q = 3, minimising the largest absolute
error: linearised least squares, reweighted (Lawson) until the error levels out. Needs numpy.
"""
import numpy as np

LIMIT, DEGREE_P, DEGREE_Q = 8.0, 4, 3

x = LIMIT * np.sin(np.linspace(0, np.pi / 2, 8001))[1:]
y, t = np.tanh(x), x * x
weight, denominator, best = np.ones_like(x), np.ones_like(x), (np.inf,)
for _ in range(600):
    columns = [x * t**k for k in range(DEGREE_P + 1)] + [-y * t**k for k in range(1, DEGREE_Q + 1)]
    system = np.stack(columns, axis=1)
    scale = np.abs(system).max(axis=0)
    row = (weight / denominator)[:, None]
    solution = np.linalg.lstsq(system / scale * row, y * row[:, 0], rcond=None)[0] / scale
    p, q = solution[: DEGREE_P + 1], np.concatenate([[1.0], solution[DEGREE_P + 1 :]])
    denominator = np.polyval(q[::-1], t)
    error = np.abs(x * np.polyval(p[::-1], t) / denominator - y)
    if error.max() < best[0]:
        best = (error.max(), p, q)
    weight = np.maximum(weight * (0.3 + error / error.max()), 1e-6)
    weight /= weight.mean()

print("largest error", best[0], "and beyond the limit", 1 - np.tanh(LIMIT))
print("P", ", ".join(f"{c:.9e}f" for c in best[1]))
print("Q", ", ".join(f"{c:.9e}f" for c in best[2]))
