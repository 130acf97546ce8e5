#!/usr/bin/env python3
"""Reference results of codebooks and of few levels, from scipy, scikit-learn and plain readings of the papers.

usage: python tests/reference/codebooks.py

Writes `tests/data/quant/codebooks.json`; README.md describes it.
"""
import bisect
import json
import math
import pathlib
import warnings
from fractions import Fraction

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.optimize import root
from scipy.special import ndtr
from scipy.stats import laplace, norm
from sklearn.cluster import KMeans

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant" / "codebooks.json"
SEED = 20240301
F32 = np.float32
F32_MAX = float(np.finfo(F32).max)


def inputs():
    rng = np.random.default_rng(SEED)
    bell = (rng.standard_normal((6, 40)) * rng.uniform(0.05, 0.4, (6, 1))).astype(F32)
    heavy = rng.standard_t(3, (4, 50)).astype(F32)
    pruned = np.where(rng.uniform(size=(4, 32)) < 0.6, 0, rng.standard_normal((4, 32))).astype(F32)
    pruned[1] = 0
    pruned[2] = 0.375
    ties = (rng.integers(-64, 65, (4, 32)) / 64).astype(F32)
    ties[:, 0] = 1
    edges = np.array([[0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 1.0, -1.5, F32_MAX, -F32_MAX, 3e37, -2e20]], F32)
    subnormal = np.array([[1e-45, -1e-45, 0.0, -0.0, 3e-45, 7e-45, -2.5, 4.0]], F32)
    return {"bell": bell, "heavy": heavy, "pruned": pruned, "ties": ties, "edges": edges, "subnormal": subnormal}


def groups_of(data, granularity):
    if granularity == "per-tensor":
        return [data.reshape(-1)]
    if granularity == "per-channel":
        return list(data)
    size = int(granularity)
    return [row[start:start + size] for row in data for start in range(0, len(row), size)]


def spelled(granularity):
    return f"granularity={granularity}" if not granularity.isdigit() else f"granularity=per-group,group-size={granularity}"


def nearest(group, levels):
    """The index of the nearest level in exact arithmetic, the lower of two."""
    middles = [(Fraction(float(lo)) + Fraction(float(hi))) / 2 for lo, hi in zip(levels[:-1], levels[1:])]
    return np.array([bisect.bisect_left(middles, Fraction(float(x))) for x in group])


def objective(group, levels):
    levels = np.asarray(levels, float)
    return float(math.fsum((group.astype(float) - levels[nearest(group, levels)]) ** 2))


# --- k-means ------------------------------------------------------------------------------------


def lloyd(group, k, start):
    x = group.astype(float)
    if len(np.unique(group)) <= k:
        return np.unique(group + F32(0))
    ordered = np.sort(x)
    first = {
        "linear": x.min() + (x.max() - x.min()) * (np.arange(k) / (k - 1)),
        "density": ordered[(2 * np.arange(k) + 1) * len(x) // (2 * k)],
    }[start]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        levels, codes = kmeans2(x[:, None], first[:, None].copy(), iter=300, minit="matrix", missing="warn")
    if len(np.unique(codes)) == k == len(np.unique(first)):
        # scikit-learn moves empty clusters elsewhere, so only where there are none.
        other = KMeans(k, init=first[:, None], n_init=1, max_iter=300, tol=0, algorithm="lloyd").fit(x[:, None])
        found = np.sort(other.cluster_centers_[:, 0])
        assert np.allclose(found, levels[:, 0], rtol=1e-9, atol=1e-12), (k, start, found, levels)
    return np.unique(levels[:, 0].astype(F32))


def optimal(group, k):
    """E_k[j] = min_i E_(k-1)[i] + w(i, j), every pair tried."""
    x = np.sort(group.astype(float))
    n = len(x)
    cost = np.full((n + 1, n + 1), np.inf)
    for i in range(n):
        for j in range(i + 1, n + 1):
            run = x[i:j]
            cost[i, j] = math.fsum((run - math.fsum(run) / (j - i)) ** 2)
    best = np.full(n + 1, np.inf)
    best[0] = 0
    for _ in range(min(k, n)):
        best = np.minimum(best, np.array([np.inf] + [np.min(best[:j] + cost[:j, j]) for j in range(1, n + 1)]))
        best[0] = 0
    return float(best[n])


# --- Lloyd-Max ----------------------------------------------------------------------------------


def lloyd_max(density, bits):
    """Solves y_i = mean of the density between the middles, from closed forms of mass and moment."""
    n = 2 ** (bits - 1)
    shares = 0.5 + (np.arange(n) + 0.5) / (2 * n)
    if density == "gaussian":
        start = norm.ppf(shares, scale=3 ** 0.5)

        def mass(a, b):
            return ndtr(-a) - ndtr(-b)

        def moment(a, b):
            return (np.exp(-a * a / 2) - np.exp(-b * b / 2)) / math.sqrt(2 * math.pi)
    else:
        start = laplace.ppf(shares, scale=3)

        def mass(a, b):
            return (np.exp(-a) - np.exp(-b)) / 2

        def moment(a, b):
            return ((a + 1) * np.exp(-a) - np.where(np.isinf(b), 0, (np.minimum(b, 1e3) + 1) * np.exp(-b))) / 2

    def residual(y):
        bounds = np.concatenate([[0], (y[1:] + y[:-1]) / 2, [np.inf]])
        return y - moment(bounds[:-1], bounds[1:]) / mass(bounds[:-1], bounds[1:])

    found = root(residual, start, tol=1e-13)
    assert np.abs(residual(found.x)).max() < 1e-9, (density, bits, found.message)
    assert (np.diff(found.x) > 0).all() and found.x[0] > 0
    return np.concatenate([-found.x[::-1], found.x])


# As printed in Max 1960, table I, positive levels.
MAX_1960 = {
    1: [0.7980],
    2: [0.4528, 1.510],
    3: [0.2451, 0.7560, 1.344, 2.152],
    4: [0.1284, 0.3881, 0.6568, 0.9424, 1.256, 1.618, 2.069, 2.733],
}

# --- Powers of two ------------------------------------------------------------------------------

CASES_OF_POWERS = [("bell", "per-channel"), ("ties", "per-tensor"), ("edges", "per-tensor"), ("pruned", "16")]

# Exponents of the terms, by bits without the sign, as the authors' code lists them; 7 goes on alike.
APOT_TERMS = {
    1: [[1]],
    2: [[1, 2, 3]],
    3: [[1, 2, 4], [3]],
    4: [[1, 3, 5], [2, 4, 6]],
    5: [[1, 3, 6], [2, 4, 7], [5]],
    6: [[1, 4, 7], [2, 5, 8], [3, 6, 9]],
    7: [[1, 4, 8], [2, 5, 9], [3, 6, 10], [7]],
}


def apot_levels(bits):
    sums = [0.0]
    for term in APOT_TERMS[bits - 1]:
        sums = [a + b for a in sums for b in [0.0] + [2.0 ** -e for e in term]]
    sums = np.sort(sums) / max(sums)
    return np.concatenate([-sums[:0:-1], sums]).astype(F32)


def to_table(group, scale, levels, codes):
    """The nearest level of x/scale in f32, a tie to the even code."""
    y = (group / F32(scale)).astype(F32).astype(float)
    distance = np.abs(y[:, None] - levels.astype(float)[None, :])
    ties = distance == distance.min(axis=1, keepdims=True)
    chosen = [min(np.flatnonzero(row), key=lambda i: (codes[i] % 2, i)) for row in ties]
    return np.array(chosen)


def log2(group, bits, rounding, scale_kind):
    n = 2 ** (bits - 1) - 1
    reach = float(np.abs(group).max())
    if reach == 0:
        scale = 1.0
    elif scale_kind == "free":
        scale = reach
    else:
        e = round(math.log2(reach)) if rounding == "logarithm" else math.floor(math.log2(4 / 3 * reach))
        scale = 2.0 ** min(max(e, -127), 127)
    levels = np.array([math.copysign(2.0 ** (abs(c) - n), c) if c else 0.0 for c in range(-n, n + 1)]).astype(F32)
    y = (group / F32(scale)).astype(F32).astype(float)
    if rounding == "logarithm":
        exponent = [round(math.log2(abs(v))) if v else -10 ** 6 for v in y]
        codes = [int(math.copysign(max(0, min(e, 0) + n), v)) for e, v in zip(exponent, y)]
    else:
        distance = np.abs(np.abs(y)[:, None] - levels[n:].astype(float)[None, :])
        # The last of equal ones is the larger.
        codes = [int(math.copysign(n - row[::-1].argmin(), v)) for row, v in zip(distance, y)]
    return levels * F32(scale), codes


# --- Few levels ---------------------------------------------------------------------------------


def mean(values):
    return math.fsum(values) / max(len(values), 1)


def ternary(group, threshold):
    x = group.astype(float)
    magnitudes = np.abs(x)
    if threshold == "mean":
        delta = 0.7 * mean(magnitudes)
    else:
        gains = [(mean(magnitudes[magnitudes >= d]) ** 2 * (magnitudes >= d).sum(), d) for d in np.unique(magnitudes) if d > 0]
        largest = max(gains, default=(0, 0))
        delta = np.nextafter(largest[1], 0)
    alpha = F32(mean(magnitudes[magnitudes > delta]))
    codes = np.where(x > delta, 1, np.where(x < -delta, -1, 0))
    return np.array([-alpha, 0, alpha], F32), codes


def dorefa(x, bits, rescale):
    x = x.astype(float)
    if bits == 1:
        alpha = F32(mean(np.abs(x)))
        return np.array([-alpha, alpha], F32), np.where(x >= 0, 1, 0)
    n = 2 ** bits - 1
    codes = np.round(n * (np.tanh(x) / (2 * np.abs(np.tanh(x)).max()) + 0.5)).astype(int)
    levels = (2 * np.arange(n + 1) / n - 1).astype(F32)
    if rescale == "least-squares":
        q = levels[codes].astype(float)
        levels = levels * F32(math.fsum(x * q) / math.fsum(q * q))
    return levels, codes


# --- All together -------------------------------------------------------------------------------


def main():
    data = inputs()
    cases = []

    def add(spec, name, levels, codes, tolerance, **more):
        cases.append({
            "spec": spec, "input": name, "tolerance": tolerance,
            "levels": [[float(f"{v:.9g}") for v in group] for group in levels],
            "codes": [int(c) for group in codes for c in group], **more})

    def own(spec, name, granularity, chosen, tolerance, **more):
        groups = groups_of(data[name], granularity)
        levels = [np.unique(level) for level in chosen]
        codes = [nearest(group, level) for group, level in zip(groups, levels)]
        add(f"{spec},{spelled(granularity)}", name, levels, codes, tolerance, **more)

    for name, granularity, bits in [("bell", "per-tensor", 2), ("bell", "per-tensor", 4), ("bell", "per-channel", 3),
                                    ("heavy", "per-tensor", 3), ("heavy", "25", 2), ("heavy", "per-channel", 1),
                                    ("heavy", "30", 4), ("pruned", "per-channel", 2)]:
        groups = groups_of(data[name], granularity)
        # Where weights repeat, levels by density coincide, and who gets the weights is left open.
        for start in ["linear", "density"] if name != "pruned" else ["linear"]:
            chosen = [lloyd(group, 2 ** bits, start) for group in groups]
            total = sum(objective(group, levels) for group, levels in zip(groups, chosen))
            own(f"kmeans:bits={bits},start={start}", name, granularity, chosen, 1e-6, objective=total)

    best = []
    for name, granularity, bits in [("bell", "per-channel", 2), ("bell", "per-channel", 3), ("heavy", "per-tensor", 4),
                                    ("heavy", "25", 1), ("pruned", "per-channel", 3), ("ties", "per-channel", 4),
                                    ("edges", "per-tensor", 2)]:
        total = sum(optimal(group, 2 ** bits) for group in groups_of(data[name], granularity))
        spec = f"kmeans:bits={bits},start=optimal,{spelled(granularity)}"
        best.append({"spec": spec, "input": name, "objective": total})

    for name, granularity, bits in [("bell", "per-tensor", 4), ("heavy", "per-channel", 3), ("pruned", "per-channel", 4),
                                    ("heavy", "30", 4), ("edges", "per-tensor", 3), ("ties", "per-tensor", 1)]:
        for level in ["middle", "median"]:
            k = 2 ** bits
            chosen = []
            for group in groups_of(data[name], granularity):
                ends = np.quantile(group.astype(float), np.arange(k + 1) / k)
                middles = np.quantile(group.astype(float), (np.arange(k) + 0.5) / k)
                chosen.append(((ends[1:] + ends[:-1]) / 2 if level == "middle" else middles).astype(F32))
            own(f"quantile:bits={bits},level={level}", name, granularity, chosen, 1e-6)

    unit = {}
    for density in ["gaussian", "laplacian"]:
        unit[density] = [list(map(float, lloyd_max(density, bits))) for bits in range(1, 9)]
    for bits, published in MAX_1960.items():
        assert np.allclose(unit["gaussian"][bits - 1][2 ** (bits - 1):], published, rtol=6e-4), bits
    for density in ["gaussian", "laplacian"]:
        for centre in ["zero", "mean"]:
            for name, granularity, bits in [("bell", "per-channel", 3), ("heavy", "25", 2), ("ties", "per-tensor", 4)]:
                levels, codes = [], []
                for group in groups_of(data[name], granularity):
                    x = group.astype(float)
                    middle = float(F32(mean(x))) if centre == "mean" else 0.0
                    spread = mean((x - middle) ** 2) ** 0.5 if density == "gaussian" else mean(np.abs(x - middle))
                    levels.append(np.array(unit[density][bits - 1]) * spread + middle)
                    codes.append(nearest(group, levels[-1]))
                add(f"lloyd-max:bits={bits},density={density},centre={centre},{spelled(granularity)}", name, levels, codes, 1e-6)

    for bits in range(2, 9):
        for name, granularity in CASES_OF_POWERS if bits < 5 else CASES_OF_POWERS[1:3]:
            levels = apot_levels(bits)
            ranks = np.arange(len(levels)) - len(levels) // 2
            found, codes = [], []
            for group in groups_of(data[name], granularity):
                scale = F32(np.abs(group).max()) if np.abs(group).max() > 0 else F32(1)
                found.append(levels * scale)
                codes.append(ranks[to_table(group, scale, levels, ranks)])
            add(f"apot:bits={bits},{spelled(granularity)}", name, found, codes, 0)

    for bits in [2, 3, 4, 8]:
        for rounding in ["logarithm", "value"]:
            for scale in ["power-of-two", "free"]:
                for name, granularity in CASES_OF_POWERS if bits < 5 else CASES_OF_POWERS[2:3]:
                    both = [log2(group, bits, rounding, scale) for group in groups_of(data[name], granularity)]
                    spec = f"log2:bits={bits},rounding={rounding},scale={scale},{spelled(granularity)}"
                    add(spec, name, [b[0] for b in both], [b[1] for b in both], 0)

    for name in data:
        flat = groups_of(data[name], "per-tensor")[0]
        add("binary", name, [[-1.0, 1.0]], [np.where(flat >= 0, 1, 0)], 0)
        for granularity in ["per-tensor", "16"] if len(flat) > 20 else ["per-tensor"]:
            groups = groups_of(data[name], granularity)
            alphas = [F32(mean(np.abs(group.astype(float)))) for group in groups]
            add(f"xnor:{spelled(granularity)}", name, [[-a, a] for a in alphas], [np.where(g >= 0, 1, 0) for g in groups], 1e-7)
            for threshold in ["mean", "optimal"]:
                both = [ternary(group, threshold) for group in groups]
                add(f"ternary:threshold={threshold},{spelled(granularity)}", name, [b[0] for b in both], [b[1] for b in both], 1e-7)
        for bits in [1, 2, 3, 4, 8] if name == "bell" else [1, 2, 5]:
            for rescale in ["none", "least-squares"]:
                levels, codes = dorefa(flat, bits, rescale)
                add(f"dorefa:bits={bits},rescale={rescale}", name, [levels], [codes], 1e-7 if rescale == "none" else 3e-7)

    stored = {name: {"dims": list(x.shape), "values": [float(f"{v:.9g}") for v in x.reshape(-1)]} for name, x in data.items()}
    text = {"inputs": stored, "lloyd_max": unit, "optimal": best, "cases": cases}
    lines = ",\n".join(json.dumps(case) for case in cases)
    head = json.dumps({key: text[key] for key in ["inputs", "lloyd_max", "optimal"]})
    OUT.write_text(head[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    print(f"{OUT.name}: {len(cases)} cases, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
