#!/usr/bin/env python3
"""Reference results of the block formats and of integers with stored scales.

usage: python tests/reference/block_formats.py

Writes `tests/data/quant/block_formats.safetensors`; README.md describes it. Elements of the MX formats are rounded by
ml_dtypes; the ggml variant of MXFP4 is compared with the gguf package; NF4 and FP4 are those of bitsandbytes, whose operations
run on the processor. NVFP4 and the integers are plain readings of their formulas.
"""
import json
import math
import pathlib

import bitsandbytes.functional as bnb
import ml_dtypes
import numpy as np
import torch
from gguf.quants import MXFP4
from safetensors.numpy import save

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant"
SEED = 20240302
F32 = np.float32
TINY = F32(1e-45)


# --- Inputs -------------------------------------------------------------------------------------


def inputs(rng):
    conv = (rng.standard_normal((5, 5, 3, 3)) * 10.0 ** rng.uniform(-3, 1, (5, 5, 1, 1))).astype(F32)
    conv[2] = 0.0
    matmul = rng.standard_t(3, (33, 24)).astype(F32)
    return {"conv": conv, "matmul": matmul, "edges": edges(rng), "wide": wide(rng)}


def edges(rng):
    """Rows of 64: ties and their neighbours under several absmax, saturation, subnormals, zeros of both signs, the ends of f32."""
    steps = np.arange(-32, 32).astype(F32)
    rows = [steps / 4, steps / 4 * F32(7 / 8), np.nextafter(steps / 8, F32(9)), np.nextafter(steps / 8, F32(-9)), steps / 16, steps / 64, steps / 128]
    for top in (1.75, np.nextafter(F32(1.75), F32(0)), 1.9375, 1.99, 1.0, 1.5, 1.8125):
        row = (rng.uniform(-1, 1, 64) * top).astype(F32)
        row[3], row[40] = top, -top
        rows.append(row)
    rows.append(np.zeros(64, F32) * F32(-1))
    half = np.zeros(64, F32)
    half[40:] = rng.standard_normal(24)
    rows.append(half)
    rows.append((rng.integers(-40, 40, 64) * float(TINY)).astype(F32))
    rows.append((rng.standard_normal(64) * 1e-38).astype(F32))
    return np.array(rows, F32)


def wide(rng):
    """So far apart that block scales reach the ends of their formats."""
    rows = (rng.standard_normal((6, 32)) * 10.0 ** np.array([38, 30, 3, 0, -36, -41])[:, None])
    rows[0] = np.clip(rows[0], -3.4e38, 3.4e38)
    rows[0, 0] = np.finfo(F32).max
    return rows.astype(F32)


# --- Blocks -------------------------------------------------------------------------------------


def channel_blocks(shape, axis, size):
    """Index arrays into the flattened tensor: runs within a channel."""
    channels = np.moveaxis(np.arange(math.prod(shape)).reshape(shape), axis, 0).reshape(shape[axis], -1)
    return [channel[start:start + size] for channel in channels for start in range(0, channels.shape[1], size)]


def flat_blocks(shape, size):
    flat = np.arange(math.prod(shape))
    return [flat[start:start + size] for start in range(0, len(flat), size)]


def floor_log2(x):
    return math.frexp(float(x))[1] - 1


# --- MX -----------------------------------------------------------------------------------------

# Type, bits, emax, largest, significand from which compressed-tensors raises.
MX = {
    "mxfp8-e4m3": (ml_dtypes.float8_e4m3fn, 8, 8, 448.0, 1.75),
    "mxfp8-e5m2": (ml_dtypes.float8_e5m2, 8, 15, 57344.0, 1.75),
    "mxfp6-e2m3": (ml_dtypes.float6_e2m3fn, 6, 2, 7.5, 1.9375),
    "mxfp6-e3m2": (ml_dtypes.float6_e3m2fn, 6, 4, 28.0, 1.75),
    "mxfp4": (ml_dtypes.float4_e2m1fn, 4, 2, 6.0, 1.75),
    "mxint8": (None, 8, 0, 127 / 64, None),
}
E2M1 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]


def mx_exponent(absmax, rule, emax, raised_from):
    if absmax == 0:
        return 0
    floor = floor_log2(absmax)
    significand = float(absmax) / 2.0**floor
    up = {"floor": False, "compressed-tensors": raised_from and significand >= raised_from, "ceil": significand > 1}[rule]
    return int(np.clip(floor + bool(up) - emax, -127, 127 - emax))


def ggml_codes(y):
    """The first of the nearest of ggml's sixteen values, in the order of their codes; zero has the code 0."""
    values = np.array(E2M1 + [-v for v in E2M1])
    return np.abs(values[None] - y[:, None]).argmin(1).astype(np.uint8)


def mx(name, x, blocks, rule, ties):
    dtype, bits, emax, largest, raised_from = MX[name]
    codes, scales, values = np.zeros(x.size, np.int8 if dtype is None else np.uint8), [], np.zeros(x.size, np.float64)
    for block in blocks:
        e = mx_exponent(np.abs(x[block]).max(), rule, emax, raised_from)
        y = x[block].astype(np.float64) / 2.0**e
        if dtype is None:
            codes[block] = np.clip(np.rint(y * 64), -127, 127)
            values[block] = codes[block] / 64 * 2.0**e
            scales.append(2.0 ** (e - 6))
            continue
        if ties == "ggml":
            codes[block] = ggml_codes(y)
            values[block] = np.array(E2M1 + [-v for v in E2M1])[codes[block]] * 2.0**e
        else:
            element = np.clip(y, -largest, largest).astype(F32).astype(dtype)
            codes[block] = element.view(np.uint8)
            values[block] = element.astype(np.float64) * 2.0**e
        scales.append(2.0**e)
    return codes, np.array(scales, F32), values.astype(F32), bits * 32 * len(blocks) + 8 * len(blocks)


def check_gguf(x, blocks, codes, scales):
    """Whole blocks must be those of the gguf package; it stores a block of zeros under the smallest scale, and its f32 logarithm
    of the largest f32 is 128."""
    for block, scale in zip(blocks, scales):
        if len(block) < 32 or not x[block].any() or not 2.0**-120 < scale < 2.0**120:
            continue
        packed = MXFP4.quantize(x[block][None])[0]
        found = np.concatenate([packed[1:] & 15, packed[1:] >> 4])
        assert int(packed[0]) - 127 == floor_log2(scale), (packed[0], scale)
        assert np.array_equal(found, codes[block]), (found, codes[block])


# --- NVFP4 --------------------------------------------------------------------------------------


def nvfp4(x, blocks):
    absmax = np.abs(x).max()
    s = np.maximum(F32(absmax / F32(2688)), TINY) if absmax > 0 else F32(1)
    codes, scales, values = np.zeros(x.size, np.uint8), [], np.zeros(x.size, F32)
    e4m3 = np.arange(127, dtype=np.uint8).view(ml_dtypes.float8_e4m3fn).astype(np.float64)
    for block in blocks:
        quotient = float(np.abs(x[block]).max()) / (6.0 * float(s))
        distance = np.abs(e4m3 - quotient)
        nearest = np.flatnonzero(distance == distance.min())
        scale = F32(float(s) * e4m3[nearest[nearest % 2 == 0][0] if len(nearest) > 1 else nearest[0]])
        scales.append(scale)
        if scale == 0:
            continue
        y = x[block].astype(np.float64) / float(scale)
        element = np.clip(y, -6, 6).astype(ml_dtypes.float4_e2m1fn)
        # In f32 as written, the same.
        assert np.array_equal(element.view(np.uint8), np.clip(x[block] / scale, F32(-6), F32(6)).astype(ml_dtypes.float4_e2m1fn).view(np.uint8)), "choose another seed"
        codes[block] = element.view(np.uint8)
        values[block] = element.astype(F32) * scale
    return codes, np.array(scales, F32), values, 4 * 16 * len(blocks) + 8 * len(blocks) + 32


# --- bitsandbytes -------------------------------------------------------------------------------


def nibbles(packed, n):
    packed = packed.numpy().ravel()
    return np.stack([packed >> 4, packed & 15], 1).ravel()[:n]


def bitsandbytes(kind, x, size, double):
    n_blocks = -(-x.size // size)
    packed, state = bnb.quantize_4bit(torch.from_numpy(x), blocksize=size, quant_type=kind, compress_statistics=False)
    codes = nibbles(packed, x.size).astype(np.uint8)
    scales = state.absmax.numpy()
    table = bnb.get_4bit_type(kind, device="cpu").numpy()
    if kind == "fp4":
        codes[codes == 8] = 0  # which of the two zeros comes first is left to the sort
    if not double:
        values = (table[codes].reshape(-1) * np.repeat(scales, size)[:x.size]).astype(F32)
        package = bnb.dequantize_4bit(packed, state).numpy().ravel()
        assert np.array_equal(values, package)
        return codes, scales, values, 4 * x.size + 32 * n_blocks
    offset = scales.mean(dtype=np.float64).astype(F32)
    assert abs(offset - bnb.quantize_4bit(torch.from_numpy(x), blocksize=size, quant_type=kind, compress_statistics=True)[1].offset.item()) <= 1e-6 * offset
    scale_codes, absmax = double_quantized(scales - offset)
    found = np.concatenate([dynamic_map()[scale_codes[i:i + 256]] * absmax[i // 256] for i in range(0, n_blocks, 256)]).astype(F32) + offset
    return codes, found, None, 4 * x.size + 8 * n_blocks + 32 * -(-n_blocks // 256) + 32


def dynamic_map():
    """In f64; the package's own f32 steps, which depend on the processor, lie within two units in the last place."""
    found = [0.0, 1.0]
    for k in range(7):
        edges_ = 0.1 + 0.9 * np.arange(2**k + 1) / 2**k
        found += [sign * 10.0 ** (k - 6) * m for m in (edges_[:-1] + edges_[1:]) / 2 for sign in (1, -1)]
    found = np.sort(np.array(found, F32))
    package = bnb.create_dynamic_map().numpy()
    assert np.abs(found.view(np.int32) - package.view(np.int32)).max() <= 2
    return found


def double_quantized(centred):
    """The package's default kernel: the nearest value, a tie to the lower, by the reciprocal in whole blocks and by division in a short one.

    Its kernel for processors looks codes up in a coarser table; they may be off by one.
    """
    table = dynamic_map()
    bounds = (table[:-1] + table[1:]) / F32(2)
    codes, absmax = [], []
    for start in range(0, len(centred), 256):
        block = centred[start:start + 256]
        top = np.abs(block).max()
        if len(block) == 256:
            scaled = block * (F32(1) / max(top, F32(1e-38)))
        else:
            top = max(top, F32(1e-38))
            scaled = block / top
        scaled = np.clip(scaled, F32(-1), F32(1))
        margin = np.abs(scaled[:, None].astype(np.float64) / bounds[None] - 1).min()
        assert margin > 1e-5, "choose another seed: a code hangs on the last bits"
        codes.append(np.searchsorted(bounds, scaled, side="left"))
        absmax.append(top)
    codes, absmax = np.concatenate(codes), np.array(absmax, F32)
    package, state = bnb.quantize_blockwise(torch.from_numpy(centred), code=torch.from_numpy(table), blocksize=256)
    assert np.abs(package.numpy().astype(int) - codes).max() <= 1
    assert np.array_equal(state.absmax.numpy(), absmax)
    return codes, absmax


# --- Integers with stored scales ----------------------------------------------------------------


def pow2_exponent(x, bits, rule):
    qmax, absmax = 2 ** (bits - 1) - 1, float(np.abs(x).max())
    if absmax == 0:
        return 0
    highest = 127 - floor_log2(qmax)
    exact = math.log2(absmax) - math.log2(qmax)
    ceil = next(e for e in range(math.floor(exact) - 1, 999) if qmax * 2.0**e >= absmax)
    if rule == "nearest":
        assert abs(exact - math.floor(exact) - 0.5) > 1e-9, "choose another seed"
        return int(np.clip(math.floor(exact + 0.5), -127, highest))
    if rule == "ceil":
        return int(np.clip(ceil, -127, highest))
    candidates = [int(np.clip(ceil - step, -127, highest)) for step in range(60)]
    return min(candidates, key=lambda e: ((x - np.clip(np.rint(x / 2.0**e), -qmax, qmax) * 2.0**e) ** 2).sum())


def int_pow2(x, blocks, bits, rule):
    qmax = 2 ** (bits - 1) - 1
    codes, scales, values = np.zeros(x.size, np.int32), [], np.zeros(x.size, F32)
    for block in blocks:
        y = x[block].astype(np.float64)
        scale = 2.0 ** pow2_exponent(y, bits, rule)
        codes[block] = np.clip(np.rint(y / scale), -qmax, qmax)
        values[block] = codes[block] * scale
        scales.append(scale)
    return codes.astype(np.int16 if bits > 8 else np.int8), np.array(scales, F32), values, bits * x.size + 8 * len(blocks)


def int_two_level(x, blocks, n_channels, bits, scale_bits):
    qmax, top_code = F32(2 ** (bits - 1) - 1), F32(2**scale_bits - 1)
    codes, scales, values = np.zeros(x.size, np.int8), [], np.zeros(x.size, F32)
    per_channel = len(blocks) // n_channels
    for first in range(0, len(blocks), per_channel):
        channel = blocks[first:first + per_channel]
        wanted = np.array([np.abs(x[block]).max() for block in channel], F32) / qmax
        gamma = max(wanted.max() / top_code, TINY) if wanted.max() > 0 else F32(1)
        with np.errstate(over="ignore"):
            while np.isinf(gamma * top_code * qmax):
                gamma = np.nextafter(gamma, F32(0))
        k = np.clip(np.rint(wanted / gamma), F32(1), top_code)
        for block, scale in zip(channel, gamma * k):
            codes[block] = np.clip(np.rint(x[block] / scale), -qmax, qmax)
            values[block] = codes[block].astype(F32) * scale
            scales.append(scale)
    return codes, np.array(scales, F32), values, bits * x.size + scale_bits * len(blocks) + 32 * n_channels


# --- Files --------------------------------------------------------------------------------------


class Writer:
    def __init__(self, tensors_in):
        self.tensors_in = tensors_in
        self.tensors = {f"inputs/{name}": x for name, x in tensors_in.items()}
        self.cases = []

    def add(self, input_name, axis, spec, blocks, result, tolerance=0.0, whole=None):
        x = self.tensors_in[input_name]
        codes, scales, values, bits = result
        name = f"{input_name}/{axis}/{spec}"
        of_element = np.zeros(x.size, np.int16)
        for idx, block in enumerate(blocks):
            of_element[block] = idx
        key = f"blocks/{input_name}/{axis}/{len(blocks[0])}"
        if key in self.tensors and not np.array_equal(self.tensors[key], of_element):
            key += "/" + str(len(self.tensors))
        self.tensors[key] = of_element
        self.tensors[f"{name}/codes"] = codes
        self.tensors[f"{name}/scales"] = scales
        # x̂ = scale · element is tested where the values are stored; the others show codes and scales.
        is_shown_elsewhere = spec.startswith("int-") or spec.startswith("mx") and (input_name == "matmul" or "=floor" not in spec)
        is_shown_elsewhere |= "ggml" in spec or "e3m2" in spec
        if values is not None and not is_shown_elsewhere:
            self.tensors[f"{name}/values"] = values.astype(F32)
        short = whole is not None and any(len(block) < whole for block in blocks)
        self.cases.append({"name": name, "input": f"inputs/{input_name}", "axis": axis, "spec": spec, "blocks": key,
                           "bits": int(bits), "tolerance": tolerance, "has_short_block": short})


PLACES = [("conv", 0), ("matmul", 1), ("edges", 0), ("wide", 0)]


def add_mx(writer):
    for name, (dtype, *_) in MX.items():
        rules = ("floor", "ceil") if dtype is None else ("floor", "compressed-tensors", "ceil")
        for rule in rules:
            for input_name, axis in PLACES if rule == "floor" else PLACES[2:]:
                x = writer.tensors_in[input_name]
                blocks = channel_blocks(x.shape, axis, 32)
                for ties in ("nearest-even", "ggml") if name == "mxfp4" else ("",):
                    result = mx(name, x.ravel(), blocks, rule, ties)
                    if ties == "ggml" and rule == "floor":
                        check_gguf(x.ravel(), blocks, *result[:2])
                    more = f",ties={ties}" if ties else ""
                    writer.add(input_name, axis, f"{name}:exponent-rule={rule}{more}", blocks, result, whole=32)


def add_others(writer):
    for input_name, axis in PLACES:
        x = writer.tensors_in[input_name]
        blocks = channel_blocks(x.shape, axis, 16)
        writer.add(input_name, axis, "nvfp4", blocks, nvfp4(x.ravel(), blocks), whole=16)
        if input_name == "conv":
            continue
        for bits, size, rule in ((8, 32, "ceil"), (4, 16, "nearest"), (4, 32, "mse"), (12, 1000, "mse"), (2, 8, "nearest")):
            if input_name == "wide" and rule == "mse":
                continue  # squares overflow
            groups = channel_blocks(x.shape, axis, size)
            spec = f"int-pow2:bits={bits},rule={rule},granularity=per-group,group-size={size}"
            writer.add(input_name, axis, spec, groups, int_pow2(x.ravel(), groups, bits, rule))
        for bits, size, scale_bits in ((4, 16, 4), (8, 32, 8), (3, 7, 6)):
            groups = channel_blocks(x.shape, axis, size)
            spec = f"int-two-level:bits={bits},group-size={size},scale-bits={scale_bits}"
            writer.add(input_name, axis, spec, groups, int_two_level(x.ravel(), groups, x.shape[axis], bits, scale_bits))
    for kind, scheme in (("nf4", "nf4"), ("fp4", "bnb-fp4")):
        for input_name, axis, size in (("conv", 0, 64), ("conv", 1, 32), ("matmul", 1, 64), ("matmul", 0, 256), ("edges", 0, 64), ("wide", 0, 32)):
            x = writer.tensors_in[input_name]
            blocks = flat_blocks(x.shape, size)
            writer.add(input_name, axis, f"{scheme}:block-size={size}", blocks, bitsandbytes(kind, x.ravel(), size, False))
        x = writer.tensors_in["many"]
        blocks = flat_blocks(x.shape, 32)
        writer.add("many", 0, f"{scheme}:block-size=32,double-quant=on", blocks, bitsandbytes(kind, x.ravel(), 32, True), 2e-6)


def main():
    rng = np.random.default_rng(SEED)
    tensors_in = inputs(rng)
    # Blocks enough for two blocks of scales; the second is short.
    tensors_in["many"] = (rng.standard_normal((66, 129)) * rng.uniform(0.2, 2.0, (66, 1))).astype(F32)
    writer = Writer(tensors_in)
    add_mx(writer)
    add_others(writer)
    data = save(writer.tensors, {"cases": json.dumps(writer.cases, separators=(",", ":"))})
    (OUT / "block_formats.safetensors").write_bytes(data)
    print(f"block_formats.safetensors: {len(writer.cases)} cases, {len(data)} bytes")


if __name__ == "__main__":
    main()
