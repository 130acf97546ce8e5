#!/usr/bin/env python3
"""Reference blocks of the GGUF types, from the gguf package.

usage: python tests/reference/gguf_blocks.py

Writes `tests/data/quant/gguf.safetensors` and `tests/data/quant/gguf_search.json`; README.md describes them.
"""
import json
import pathlib

import gguf
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize
from safetensors.numpy import save

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant"
SEED = 20240601
F32 = np.float32
QUANTIZED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4"]
READ = QUANTIZED + ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]
# Where the half floats of a block lie.
HALVES = {"Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "TQ1_0": [52], "TQ2_0": [64],
          "Q4_1": [0, 2], "Q5_1": [0, 2], "MXFP4": []}

# --- Inputs -------------------------------------------------------------------------------------


def rows():
    """Rows of 256 weights, all of which have finite results."""
    rng = np.random.default_rng(SEED)
    normal = rng.standard_normal((6, 256))
    wide = np.clip(rng.standard_t(2, (3, 256)) * 10.0 ** rng.uniform(-3, 3, (3, 256)), -6e4, 6e4)
    positive = rng.uniform(0.5, 3.0, (1, 256))
    negative = -rng.uniform(0.0, 1e-3, (1, 256))
    ties = [rng.integers(-16, 17, 256) / 2 for _ in range(2)] + [rng.integers(-254, 255, 256) / 2]
    e2m1 = rng.choice([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 7.9375], 256)
    e2m1 = e2m1 * rng.choice([-1, 1], 256) * 2.0 ** np.repeat(rng.integers(-20, 12, 8), 32)
    edge = np.repeat(2.0 ** rng.integers(-30, 14, 8), 32) * rng.uniform(-1, 1, 256)
    for block in range(8):
        # Below a power of two, and on it: where floor(log2) goes over.
        edge[32 * block] = np.nextafter(F32(2.0 ** (3 * block - 12)), F32(block % 2))
        edge[32 * block + 1] = -2.0 ** (3 * block - 12) * (block % 3 == 0)
    zeros = np.zeros((2, 256))
    zeros[1, 64:] = -0.0
    zeros[1, 200] = 3.0
    extremes = np.tile([4.0, -4.0, 1.0, -1.0], 64)
    constant = np.full(256, -0.7)
    small = rng.standard_normal((2, 256)) * np.array([[1e-6], [3e-9]])
    tiny = np.concatenate([rng.standard_normal(128) * 1e-36, rng.integers(-40, 41, 128) * 2.0 ** -149])
    large = rng.uniform(-60000, 60000, 256)
    found = np.vstack([normal, wide, positive, negative, ties, e2m1, edge, zeros, extremes, constant, small, tiny, large])
    return found.astype(F32)


def random_bytes(rng, name, n_blocks):
    """Any bits, with half floats that are finite."""
    size = GGML_QUANT_SIZES[T[name]][1]
    found = rng.integers(0, 256, (n_blocks, size), dtype=np.uint8)
    for at in HALVES.get(name, [0]):
        half = rng.integers(0, 0x7C00, n_blocks, dtype=np.uint16) | (rng.integers(0, 2, n_blocks, dtype=np.uint16) << 15)
        found[:, at:at + 2] = half.astype("<u2").view(np.uint8).reshape(n_blocks, 2)
    if name == "MXFP4":
        found[:, 0] = np.minimum(found[:, 0], 250)
        found[:3, 0] = 0, 1, 2
    return found


def write_blocks():
    rng = np.random.default_rng(SEED + 1)
    x = rows()
    # The package casts what is out of range differently from one processor to another; see README.md.
    is_tiny = (np.abs(x).reshape(len(x), -1, 32).max(axis=2) < 2.0 ** -125).any(axis=1) & (np.abs(x).max(axis=1) > 0)
    tensors = {"input": x}
    facts = {}
    for name in READ:
        length, size = GGML_QUANT_SIZES[T[name]]
        facts[name] = {"number": int(T[name]), "length": length, "bytes": size}
        bits = random_bytes(rng, name, 6 if length == 256 else 24)
        tensors[f"{name}/bytes"] = bits
        tensors[f"{name}/values"] = dequantize(bits, T[name]).astype(F32)
        if name in QUANTIZED:
            kept = x[~is_tiny] if name == "MXFP4" else x
            with np.errstate(all="ignore"):
                blocks = quantize(kept, T[name])
            assert np.isfinite(dequantize(blocks, T[name])).all(), name
            tensors[f"{name}/input_rows"] = np.flatnonzero(~is_tiny if name == "MXFP4" else np.ones(len(x), bool)).astype(np.int32)
            tensors[f"{name}/quantized"] = blocks
    data = save(tensors, {"types": json.dumps(facts, separators=(",", ":"))})
    (OUT / "gguf.safetensors").write_bytes(data)
    print(f"gguf.safetensors: {len(x)} rows, {len(READ)} types, {len(data)} bytes")


# --- The best scales there are ------------------------------------------------------------------------


def nearest_errors(x, scale, offset, levels):
    """Σ(x − x̂)² over the last axis with the nearest levels; `scale` and `offset` broadcast against `x`."""
    scale, offset = np.asarray(scale, F32), np.asarray(offset, F32)
    y = x - offset
    with np.errstate(all="ignore"):
        ratio = np.where(scale == 0, F32(0), y / scale)
    if levels[1] - levels[0] == levels[-1] - levels[-2] == 1:
        q = np.clip(np.rint(ratio), levels[0], levels[-1])
    else:
        q = levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, ratio)]
    return ((y - scale * q) ** 2).sum(axis=-1, dtype=np.float64)


def halves(lo, hi, most=100_000):
    """The half floats from `lo` to `hi`, or evenly chosen ones."""
    ends = np.array([lo, hi]).astype(np.float16).view(np.uint16)
    bits = np.arange(ends[0], int(ends[1]) + 1)
    step = max(1, len(bits) // most)
    return bits[::step].astype(np.uint16).view(np.float16).astype(F32)


def best_with_scales(x, group, levels, factors):
    """Every half float for d, every factor for every sub-block."""
    groups = x.reshape(-1, 1, group)
    reach = np.abs(x).max() / np.abs(levels).max() / max(-factors[0], factors[1])
    best = np.inf
    for d in halves(0.4 * reach, 1.6 * reach):
        scales = (d * np.arange(factors[0], factors[1] + 1).astype(F32)).reshape(1, -1, 1)
        best = min(best, nearest_errors(groups, scales, 0, levels).min(axis=1).sum())
    return best


def best_alone(x, levels):
    """Every half float of either sign as the one scale of each 32 weights."""
    if len(x) > 32:
        return sum(best_alone(part, levels) for part in x.reshape(-1, 32))
    reach = np.abs(x).max() / np.abs(levels).max()
    d = halves(0.4 * reach, 2 * reach)
    d = np.concatenate([d, -d]).reshape(1, -1, 1)
    return nearest_errors(x.reshape(-1, 1, 32), d, 0, levels).min(axis=1).sum()


def best_with_minimums(x, group, q_max, factor_max, n_super):
    """`n_super` × `n_super` pairs of super-scales, every pair of factors for every sub-block."""
    groups = x.reshape(-1, 1, group)
    lo, hi = np.minimum(groups.min(axis=2), 0), groups.max(axis=2)
    reach, reach_min = ((hi - lo).max() / q_max / factor_max, -lo.min() / factor_max)
    factors = np.arange(factor_max + 1).astype(F32)
    scale, minimum = [f.reshape(1, -1, 1) for f in np.meshgrid(factors, factors, indexing="ij")]
    levels = np.arange(q_max + 1).astype(F32)
    narrow = 0.6 if q_max == 3 else 0.85
    best = np.inf
    for d in np.linspace(narrow, 1.15, n_super) * reach:
        for dmin in np.linspace(narrow, 1.15, n_super) * reach_min:
            d16, dmin16 = F32(np.float16(d)), F32(np.float16(dmin))
            best = min(best, nearest_errors(groups, d16 * scale, -dmin16 * minimum, levels).min(axis=1).sum())
    return best


def write_search():
    rng = np.random.default_rng(SEED + 2)
    outlier = rng.standard_normal(256) * 0.5
    outlier[40] = 15
    growing = rng.standard_normal(256) * np.repeat(np.linspace(0.2, 2, 16), 16)
    inputs = [rng.standard_normal(256), growing, rng.standard_normal(256) ** 3, outlier]
    iq4 = np.array(gguf.quants.IQ4_NL.kvalues, F32)
    whole = lambda lo, hi: np.arange(lo, hi + 1).astype(F32)
    found = []
    for x in inputs:
        x = x.astype(F32)
        best = {
            "q2_k": best_with_minimums(x, 16, 3, 15, 24),
            "q3_k": best_with_scales(x, 16, whole(-4, 3), (-32, 31)),
            "q4_k": best_with_minimums(x, 32, 15, 63, 7),
            "q5_k": best_with_minimums(x, 32, 31, 63, 7),
            "q6_k": best_with_scales(x, 16, whole(-32, 31), (-128, 127)),
            "iq4_nl": best_alone(x, iq4),
            "iq4_xs": best_with_scales(x, 32, iq4, (-32, 31)),
        }
        found.append({"input": [float(v) for v in x], "best_mse": {name: float(sum_) / 256 for name, sum_ in best.items()}})
        print(found[-1]["best_mse"], flush=True)
    text = "[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in found) + "\n]\n"
    (OUT / "gguf_search.json").write_text(text)
    print(f"gguf_search.json: {len(found)} blocks, {len(text)} bytes")


if __name__ == "__main__":
    write_blocks()
    write_search()
