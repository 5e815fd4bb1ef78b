#!/usr/bin/env python3
"""Fits the polynomial that the SIMD kernels use for 2^f on [-1/2, 1/2] and prints its coefficients,
constant first: Chebyshev interpolation of relative error, refined by Lawson's weights. Needs numpy.
"""
import numpy as np

DEGREE = 5

f = 0.5 * np.cos(np.linspace(0, np.pi, 4001))
y = np.exp2(f)
weight, best = np.ones_like(f), (np.inf,)
for _ in range(300):
    columns = np.stack([f**k / y for k in range(DEGREE + 1)], axis=1)
    root = np.sqrt(weight)
    solution = np.linalg.lstsq(columns * root[:, None], root, rcond=None)[0]
    single = solution.astype(np.float32).astype(np.float64)
    error = np.abs(columns @ single - 1)
    if error.max() < best[0]:
        best = (error.max(), single)
    weight *= np.abs(columns @ solution - 1)
    weight /= weight.sum()

print("largest relative error", best[0])
print(", ".join(f"{c:.9e}f" for c in best[1]))
