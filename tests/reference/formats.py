#!/usr/bin/env python3
"""Every bit pattern and adversarial values of the small floats, by ml_dtypes.

usage: python tests/reference/formats.py

Writes `tests/data/quant/formats.safetensors`; README.md describes it.
"""
import pathlib

import ml_dtypes
import numpy as np
from safetensors.numpy import save

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant"
SEED = 20240301
F32 = np.float32
# Scheme: type, bits.
FORMATS = {
    "e4m3fn": (ml_dtypes.float8_e4m3fn, 8), "e5m2": (ml_dtypes.float8_e5m2, 8),
    "e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, 8), "e5m2fnuz": (ml_dtypes.float8_e5m2fnuz, 8),
    "e3m4": (ml_dtypes.float8_e3m4, 8), "e2m3": (ml_dtypes.float6_e2m3fn, 6), "e3m2": (ml_dtypes.float6_e3m2fn, 6),
    "e2m1": (ml_dtypes.float4_e2m1fn, 4), "bf16": (ml_dtypes.bfloat16, 16), "f16": (np.float16, 16),
    "e8m0": (ml_dtypes.float8_e8m0fnu, 8),
}


def word(bits):
    return np.uint16 if bits == 16 else np.uint8


def decoded_bits(dtype, bits):
    """The f32 bit patterns of all codes, NaN as 0x7fc00000."""
    with np.errstate(all="ignore"):
        values = np.arange(2**bits).astype(word(bits)).view(dtype).astype(F32)
    found = values.view(np.uint32).copy()
    found[np.isnan(values)] = 0x7FC00000
    return found


def digests(patterns):
    """FNV-1a of the bytes of every 256 patterns, 32 bits."""
    found = []
    for part in patterns.reshape(-1, 256):
        digest = 0x811C9DC5
        for byte in part.astype("<u4").tobytes():
            digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
        found.append(digest)
    return np.array(found, np.uint32)


def around(values):
    return np.concatenate([values, np.nextafter(values, F32(np.inf)), np.nextafter(values, F32(-np.inf))])


def probes(rng, dtype, bits):
    """Random bit patterns, values of the format's own magnitude, every level and every midpoint (16 bits: a sample), the values
    next to them, the edges of f32 and of the format."""
    levels = decoded_bits(dtype, bits).view(F32)
    levels = np.unique(levels[np.isfinite(levels)])
    if bits == 16:
        picks = np.unique(np.concatenate([rng.integers(0, len(levels) - 1, 300), [0, 1, len(levels) - 3, len(levels) - 2]]))
    else:
        picks = np.arange(len(levels) - 1)
    exact = levels.astype(np.float64)
    midpoints = ((exact[picks] + exact[picks + 1]) / 2).astype(F32)
    step = exact[-1] - exact[-2]
    beyond = np.array([exact[-1] + step * k / 4 for k in range(1, 9)])
    beyond = beyond[beyond < np.finfo(F32).max].astype(F32)
    tiny = np.array([0.0, 1e-45, 1e-40, np.finfo(F32).tiny], F32)
    wide = rng.integers(0, 2**32, 700, dtype=np.uint64).astype(np.uint32).view(F32)
    near = (rng.standard_normal(400) * 10.0 ** rng.uniform(-4, 1, 400) * min(exact[-1], 1e30) / 4).astype(F32)
    with np.errstate(all="ignore"):
        edges = np.concatenate([around(midpoints), around(levels[picks]), around(beyond), tiny, [np.finfo(F32).max]])
    values = np.concatenate([wide, near, edges, -edges]).astype(F32)
    values = values[np.isfinite(values)]
    # By bit pattern, so that −0 stays beside 0.
    return np.unique(values.view(np.uint32)).view(F32)


def encoded(values, dtype, bits):
    with np.errstate(all="ignore"):
        return values.astype(dtype).view(word(bits))


def main():
    rng = np.random.default_rng(SEED)
    tensors = {}
    for name, (dtype, bits) in FORMATS.items():
        patterns = decoded_bits(dtype, bits)
        if bits == 16:
            tensors[f"{name}/digests"] = digests(patterns).view(np.int32)
        else:
            tensors[f"{name}/values"] = patterns.view(np.int32)
        if name == "e8m0":
            continue
        values = probes(rng, dtype, bits)
        codes = encoded(values, dtype, bits)
        tensors[f"{name}/inputs"] = values
        tensors[f"{name}/codes"] = codes.view(np.int16) if bits == 16 else codes
        print(f"{name}: {len(values)} values")
    data = save(tensors)
    (OUT / "formats.safetensors").write_bytes(data)
    print(f"formats.safetensors: {len(data)} bytes")


if __name__ == "__main__":
    main()
