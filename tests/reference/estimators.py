#!/usr/bin/env python3
"""Range estimators and roundings of the `int` scheme, from plain readings of their definitions.

usage: python tests/reference/estimators.py

Writes `tests/data/quant/estimators.json`; README.md describes it.
"""
import json
import math
import pathlib

import numpy as np
from scipy import optimize, special

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant"
SEED = 20240301
N_BINS = 2048


def inputs():
    rng = np.random.default_rng(SEED)
    return {
        "gaussian": rng.normal(0.02, 0.3, 900).astype(np.float32),
        "laplacian": rng.laplace(-0.05, 0.2, 900).astype(np.float32),
        "heavy": rng.standard_t(2, 700).astype(np.float32),
        "positive": rng.exponential(1.0, 500).astype(np.float32),
        "few": rng.normal(0, 1, 32).astype(np.float32),
    }


def entropy_threshold(x, n_levels):
    """Migacz 2017: bins kept with the smallest KL(P‖Q), bin k of i in level floor(k·L/i)."""
    absmax = float(np.max(np.abs(x)))
    bins = np.minimum((np.abs(x).astype(np.float64) * (N_BINS / absmax)).astype(int), N_BINS - 1)
    counts = np.bincount(bins, minlength=N_BINS).astype(np.float64)
    best = (math.inf, N_BINS)
    for kept in range(N_BINS, min(n_levels, N_BINS) - 1, -1):
        p = counts[:kept].copy()
        p[-1] += counts[kept:].sum()
        level = np.arange(kept) * n_levels // kept
        totals = np.bincount(level, counts[:kept], minlength=n_levels)
        used = np.bincount(level, counts[:kept] > 0, minlength=n_levels)
        q = np.where(counts[:kept] > 0, (totals / np.maximum(used, 1))[level], 0.0)
        if q.sum() == 0 or np.any((p > 0) & (q == 0)):
            continue
        divergence = special.rel_entr(p / p.sum(), q / q.sum()).sum()
        if divergence < best[0] - 1e-12:
            best = (divergence, kept)
    kept = best[1]
    return absmax if kept == N_BINS else (kept + 0.5) * absmax / N_BINS


def aciq(x, density, n):
    """Banner et al. 2019: the smallest expected squared error of n equal steps, found numerically."""
    x = x.astype(np.float64)
    mean = x.mean()
    if density == "laplacian":
        b = np.abs(x - mean).mean()
        error = lambda a: 2 * b**2 * math.exp(-a / b) + a**2 / (3 * n**2)
        unit = b
    else:
        s = x.std()
        error = lambda a: (
            (a**2 + s**2) * special.erfc(a / (math.sqrt(2) * s))
            - a * s * math.sqrt(2 / math.pi) * math.exp(-(a**2) / (2 * s**2))
            + a**2 / (3 * n**2)
        )
        unit = s
    found = optimize.minimize_scalar(error, bounds=(0, 60 * unit), method="bounded", options={"xatol": 1e-10 * unit})
    return mean, found.x


def ends(x, mean, reach, symmetric):
    lo, hi = max(mean - reach, float(x.min())), min(mean + reach, float(x.max()))
    return [-max(hi, -lo), max(hi, -lo)] if symmetric else [min(lo, 0.0), max(hi, 0.0)]


def cases():
    for name, x in inputs().items():
        for symmetric in (True, False):
            for bits in (3, 8):
                n = 2**bits - 1 if symmetric else 2**bits
                yield name, bits, symmetric, "sigma", {"sigmas": 2.5}, ends(x, x.astype(float).mean(), 2.5 * x.astype(float).std(), symmetric)
                for density in ("gaussian", "laplacian"):
                    mean, reach = aciq(x, density, n)
                    yield name, bits, symmetric, f"aciq-{density}", {}, ends(x, mean, reach, symmetric)
                t = entropy_threshold(x, (n + 1) // 2)
                yield name, bits, symmetric, "entropy", {}, [-t, t] if symmetric else [min(0.0, max(-t, float(x.min()))), max(0.0, min(t, float(x.max())))]


def main():
    data = {
        "inputs": {name: [float(v) for v in x] for name, x in inputs().items()},
        "ranges": [
            {"input": name, "bits": bits, "symmetry": "symmetric" if symmetric else "asymmetric", "range": way, **more, "lo": lo, "hi": hi}
            for name, bits, symmetric, way, more, (lo, hi) in cases()
        ],
    }
    (OUT / "estimators.json").write_text(json.dumps(data, indent=None) + "\n")


if __name__ == "__main__":
    main()
