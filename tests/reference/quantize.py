#!/usr/bin/env python3
"""Reference results of the `int` scheme, from numpy and checked against the onnx package.

usage: python tests/reference/quantize.py

Writes `tests/data/quant/int.safetensors` and `tests/data/quant/int_mse.json`; README.md describes them.
Every code and every dequantized value is also computed by the onnx package's QuantizeLinear and
DequantizeLinear (int2 … int16, uint2 … uint16; per tensor, per axis, blocked), and must be equal.
"""
import json
import pathlib
import warnings

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import save

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant"
SEED = 20240229
F32 = np.float32

# --- Inputs -------------------------------------------------------------------------------------


def inputs():
    rng = np.random.default_rng(SEED)
    conv = (rng.standard_normal((8, 4, 3, 3)) * rng.uniform(0.2, 2.0, (8, 1, 1, 1))).astype(F32)
    conv[3] = 0.0
    matmul = rng.standard_t(3, (40, 24)).astype(F32)
    positive = rng.uniform(0.1, 2.0, (6, 10)).astype(F32)
    return {"conv": conv, "matmul": matmul, "positive": positive, "ties": ties(rng)}


def ties(rng):
    """Rows of multiples of half the scale 1/32 that one configuration, per channel along axis 0, finds for them.

    Rows 0–3: symmetric, 3, 4, 5 and 8 bits. Rows 4 and 5: asymmetric, 4 and 8 bits.
    Rows 6 and 7: the same, but −lo/scale is itself a tie (2.5 and 101.5).
    """
    ends = [(-3, 3), (-7, 7), (-15, 15), (-127, 127), (-6, 9), (-100, 155), (-2.5, 12.5), (-101.5, 153.5)]
    rows = []
    for lo, hi in ends:
        halves = rng.integers(int(2 * lo), int(2 * hi) + 1, 40)
        halves[:2] = 2 * lo, 2 * hi
        rows.append(halves / 2)
    return np.array(rows, F32) / F32(32)


# --- Configurations: the settings as a specification spells them ----------------------------------------


def configurations():
    tensor = {"granularity": "per-tensor"}
    channel = [{"granularity": "per-channel", "axis": axis} for axis in (0, 1)]

    def group(size, axis):
        return {"granularity": "per-group", "group-size": size, "axis": axis}

    found = []

    def add(bits, symmetry, granularity, **more):
        found.append({"bits": bits, "symmetry": symmetry, **granularity, **({"range": "min-max"} | more)})

    for bits in (2, 3, 4, 5, 8, 16):
        add(bits, "symmetric", tensor)
    for bits in (2, 3, 4, 5, 8):
        add(bits, "symmetric", channel[int(bits == 2)])
    add(8, "symmetric", channel[1])
    for bits, granularity in ((2, channel[0]), (4, tensor), (4, channel[1]), (8, channel[0]), (16, tensor)):
        add(bits, "symmetric-full", granularity)
    for bits, granularity in ((2, tensor), (3, channel[1]), (4, channel[0]), (5, tensor), (8, tensor),
                              (8, channel[0]), (8, channel[1]), (16, channel[0])):
        add(bits, "asymmetric", granularity)
    add(4, "symmetric", group(16, 1))
    add(4, "symmetric", group(32, 0))
    add(4, "asymmetric", group(16, 0))
    add(3, "asymmetric", group(32, 1))
    add(4, "symmetric-full", group(32, 1))
    add(8, "symmetric", group(1000, 0))
    add(5, "asymmetric", group(1000, 1))
    add(16, "asymmetric", group(16, 0))
    add(16, "symmetric", group(32, 1))
    add(16, "symmetric-full", group(16, 0))
    add(8, "asymmetric", group(32, 1))

    def percentile(p):
        return {"range": "percentile", "percentile": p}

    add(8, "symmetric", tensor, **percentile(99.9))
    add(4, "symmetric", channel[0], **percentile(99.9))
    add(8, "symmetric", group(32, 0), **percentile(99.99))
    add(8, "symmetric-full", tensor, **percentile(99.9))
    add(8, "asymmetric", tensor, **percentile(99.99))
    add(4, "asymmetric", channel[1], **percentile(99.9))
    # By hand: symmetric takes `hi` as the threshold of |x|; an asymmetric range is widened to contain 0.
    add(8, "symmetric", tensor, range="manual", hi=1.0)
    add(4, "symmetric", channel[0], range="manual", hi=0.5)
    add(8, "symmetric-full", tensor, range="manual", hi=1.25)
    add(8, "asymmetric", tensor, range="manual", lo=-1.0, hi=2.0)
    add(4, "asymmetric", tensor, range="manual", lo=0.25, hi=1.5)
    add(5, "asymmetric", channel[0], range="manual", lo=-1.5, hi=-0.25)
    return found


def mse_configurations():
    for symmetry, bits in (("symmetric", 8), ("symmetric", 4), ("symmetric", 3), ("symmetric-full", 4), ("asymmetric", 4), ("asymmetric", 8)):
        for granularity in ({"granularity": "per-tensor"}, {"granularity": "per-channel"}, {"granularity": "per-group", "group-size": 32}):
            yield {"bits": bits, "symmetry": symmetry, **granularity, "range": "mse"}


# --- The scheme, f32 as its definition writes it --------------------------------------------------------


def code_range(settings):
    half = 2 ** (settings["bits"] - 1)
    return {
        "symmetric": (-(half - 1), half - 1),
        "symmetric-full": (-half, half - 1),
        "asymmetric": (0, 2 * half - 1),
    }[settings["symmetry"]]


def groups_of(settings, shape):
    """Index arrays into the flattened tensor, in the order in which scales are stored."""
    flat = np.arange(int(np.prod(shape))).reshape(shape)
    if settings["granularity"] == "per-tensor":
        return [flat.ravel()]
    channels = np.moveaxis(flat, settings["axis"], 0).reshape(shape[settings["axis"]], -1)
    size = settings.get("group-size", channels.shape[1])
    return [channel[start:start + size] for channel in channels for start in range(0, len(channel), size)]


def percentile_f32(values, p):
    """numpy's percentile, linear interpolation, in f64 and rounded once."""
    exact = np.percentile(values.astype(np.float64), p)
    rounded = F32(exact)
    # No value here may hang on the last bit of the interpolation.
    assert F32(exact * (1 - 1e-13)) == rounded == F32(exact * (1 + 1e-13)), "choose another seed"
    return rounded


def value_range(settings, x):
    """(lo, hi) of a group before it is widened to contain 0; −t and t for the symmetric kinds."""
    symmetric = settings["symmetry"] != "asymmetric"
    if settings["range"] == "manual":
        hi = F32(settings["hi"])
        return (-hi, hi) if symmetric else (F32(settings["lo"]), hi)
    if settings["range"] == "percentile":
        p = settings["percentile"]
        if symmetric:
            threshold = percentile_f32(np.abs(x), p)
            return -threshold, threshold
        return percentile_f32(x, 100.0 - p), percentile_f32(x, p)
    return x.min(), x.max()


def parameters(settings, lo, hi):
    """(scale, zero_point) of a range."""
    bits = settings["bits"]
    if settings["symmetry"] == "asymmetric":
        lo, hi = min(lo, F32(0)), max(hi, F32(0))
        n_steps = F32(2**bits - 1)
        if hi == lo:
            return F32(1), 0
        scale = (hi - lo) / n_steps
        return scale, int(np.clip(np.rint(-lo / scale), F32(0), n_steps))
    absmax = max(abs(lo), abs(hi))
    n_steps = F32(2 ** (bits - 1) - 1) if settings["symmetry"] == "symmetric" else F32((2**bits - 1) / 2)
    return (absmax / n_steps if absmax > 0 else F32(1)), 0


def quantize(settings, x, scale, zero_point):
    """(codes, dequantized, clipped) of f32 `x`; scale and zero point may be arrays that broadcast."""
    qmin, qmax = code_range(settings)
    unclamped = np.rint(x / scale).astype(np.float64) + zero_point
    codes = np.clip(unclamped, qmin, qmax)
    dequantized = scale * (codes - zero_point).astype(F32)
    assert dequantized.dtype == F32
    return codes.astype(np.int32), dequantized, (unclamped < qmin) | (unclamped > qmax)


# --- Figures -------------------------------------------------------------------------------------


def figures(x, dequantized, clipped):
    x, y = x.astype(np.float64).ravel(), dequantized.astype(np.float64).ravel()
    squared = (x - y) ** 2
    signal, noise, norm = (x**2).sum(), squared.sum(), np.sqrt((x**2).sum() * (y**2).sum())
    case = "exact" if noise == 0 else "no-signal" if signal == 0 else None
    return {
        "mse": squared.mean(),
        "sqnr_db": None if case else 10 * np.log10(signal / noise),
        "sqnr_case": case,
        "max_abs_error": np.abs(x - y).max(),
        "clipped_fraction": clipped.mean(),
        "n_clipped": int(clipped.sum()),
        "clipping_mse": (squared * clipped.ravel()).sum() / x.size,
        "rounding_mse": (squared * ~clipped.ravel()).sum() / x.size,
        "cosine": (x * y).sum() / norm if norm > 0 else None,
    }


# --- The check against the onnx package -----------------------------------------------------------

ONNX_TYPES = {
    False: {2: ("INT2", ml_dtypes.int2), 4: ("INT4", ml_dtypes.int4), 8: ("INT8", np.int8), 16: ("INT16", np.int16)},
    True: {2: ("UINT2", ml_dtypes.uint2), 4: ("UINT4", ml_dtypes.uint4), 8: ("UINT8", np.uint8), 16: ("UINT16", np.uint16)},
}
ONNX_OPSET = 25


def run_onnx(op, attributes, *operands):
    names = [f"in{idx}" for idx in range(len(operands))]
    node = helper.make_node(op, names, ["out"], **attributes)
    types = [helper.np_dtype_to_tensor_dtype(operand.dtype) for operand in operands]
    values = [helper.make_tensor_value_info(*item) for item in zip(names, types, [o.shape for o in operands])]
    out_type = types[2] if op == "QuantizeLinear" else TensorProto.FLOAT
    graph = helper.make_graph([node], op, values, [helper.make_tensor_value_info("out", out_type, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", ONNX_OPSET)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ReferenceEvaluator(model).run(None, dict(zip(names, operands)))[0]


def check_against_onnx(settings, x, scales, zero_points, codes, dequantized):
    """Codes and values must be those of QuantizeLinear in the narrowest type that holds them.

    A type wider than the scheme clamps later: its codes are clamped to the scheme's before they are compared.
    Groups are runs along the second axis of the tensor reshaped to [channels, rest].
    """
    bits = min(b for b in (2, 4, 8, 16) if b >= settings["bits"])
    _, dtype = ONNX_TYPES[settings["symmetry"] == "asymmetric"][bits]
    if settings["granularity"] == "per-tensor":
        attributes = {}
        x2, c2, d2 = x, codes, dequantized
        s, z = scales[0], zero_points[0].astype(dtype)
        s, z = np.array(s), np.array(z)
    else:
        x2, c2, d2 = (np.moveaxis(v, settings["axis"], 0).reshape(v.shape[settings["axis"]], -1) for v in (x, codes, dequantized))
        s, z = scales, zero_points.astype(dtype)
        attributes = {"axis": 0}
        if settings["granularity"] == "per-group":
            s, z = s.reshape(len(x2), -1), z.reshape(len(x2), -1)
            attributes = {"axis": 1, "block_size": min(settings["group-size"], x2.shape[1])}
            # The package takes no short last block: pad with zeros, cut the result.
            short = -x2.shape[1] % attributes["block_size"]
            x2 = np.pad(x2, ((0, 0), (0, short)))
            width = x2.shape[1] - short
    found = run_onnx("QuantizeLinear", attributes, x2, s, z)
    values = found.astype(np.int64)
    clamped = np.clip(values, *code_range(settings))
    back = run_onnx("DequantizeLinear", attributes, clamped.astype(dtype), s, z)
    if settings["granularity"] == "per-group":
        clamped, back = clamped[:, :width], back[:, :width]
    assert np.array_equal(clamped, c2), settings
    assert back.dtype == F32 and np.array_equal(back, d2), settings


# --- Best thresholds -----------------------------------------------------------------------------

N_THRESHOLDS = 4096
N_ENDS = 96
REFINEMENTS = 3


def errors_of(settings, x, los, his):
    """MSE of `x` for many ranges, [n]; f32 as the scheme, sums in f64."""
    out = np.empty(len(los))
    step = max(1, 2_000_000 // x.size)
    for start in range(0, len(los), step):
        part = slice(start, start + step)
        pairs = [parameters(settings, lo, hi) for lo, hi in zip(los[part], his[part])]
        scale = np.array([s for s, _ in pairs], F32)[:, None]
        zero_point = np.array([z for _, z in pairs], np.float64)[:, None]
        _, back, _ = quantize(settings, x[None], scale, zero_point)
        out[part] = ((x[None].astype(np.float64) - back) ** 2).mean(1)
    return out


def best_range(settings, x):
    """(mse, lo, hi) of the best range of an exhaustive search.

    Symmetric: thresholds absmax·i/4096. Asymmetric: all pairs of 96 values an end (0 … the extreme), then
    three times all pairs of 96 values within two steps of the best pair.
    """
    absmax = np.abs(x).max()
    if absmax == 0:
        return 0.0, 0.0, 0.0
    if settings["symmetry"] != "asymmetric":
        thresholds = (np.float64(absmax) * np.arange(1, N_THRESHOLDS + 1) / N_THRESHOLDS).astype(F32)
        errors = errors_of(settings, x, -thresholds, thresholds)
        best = errors.argmin()
        return errors[best], -thresholds[best], thresholds[best]
    lo_span, hi_span = (float(min(x.min(), 0)), 0.0), (0.0, float(max(x.max(), 0)))
    best = (np.inf, 0.0, 0.0)
    for _ in range(1 + REFINEMENTS):
        los, his = (np.unique(np.linspace(*span, N_ENDS).astype(F32)) for span in (lo_span, hi_span))
        grid_lo, grid_hi = (grid.ravel() for grid in np.meshgrid(los, his))
        kept = grid_hi > grid_lo
        grid_lo, grid_hi = grid_lo[kept], grid_hi[kept]
        errors = errors_of(settings, x, grid_lo, grid_hi)
        idx = errors.argmin()
        if errors[idx] < best[0]:
            best = (errors[idx], grid_lo[idx], grid_hi[idx])
        reach_lo, reach_hi = (2 * (span[1] - span[0]) / (N_ENDS - 1) for span in (lo_span, hi_span))
        lo_span = (max(float(best[1]) - reach_lo, float(min(x.min(), 0))), min(float(best[1]) + reach_lo, 0.0))
        hi_span = (max(float(best[2]) - reach_hi, 0.0), min(float(best[2]) + reach_hi, float(max(x.max(), 0))))
    return best


# --- Files ---------------------------------------------------------------------------------------


def code_dtype(codes):
    return next(t for t in (np.int8, np.uint8, np.int16, np.int32) if np.iinfo(t).min <= codes.min() and codes.max() <= np.iinfo(t).max)


def suits_matmul(settings):
    """The largest tensor is left out where the others show the same, to keep the file small."""
    if settings["granularity"] == "per-channel" and settings["axis"] == 0:
        return False
    return settings["granularity"] != "per-tensor" or settings["range"] != "min-max" or settings["bits"] in (4, 8)


def write_cases(tensors_in):
    tensors = {f"inputs/{name}": x for name, x in tensors_in.items()}
    cases = []
    for settings in configurations():
        name = "_".join(str(value) for value in settings.values())
        for input_name, x in tensors_in.items():
            if input_name == "matmul" and not suits_matmul(settings):
                continue
            flat = x.ravel()
            groups = groups_of(settings, x.shape)
            pairs = [parameters(settings, *value_range(settings, flat[group])) for group in groups]
            codes, dequantized, clipped = np.empty(x.size, np.int32), np.empty(x.size, F32), np.empty(x.size, bool)
            for group, (scale, zero_point) in zip(groups, pairs):
                codes[group], dequantized[group], clipped[group] = quantize(settings, flat[group], scale, zero_point)
            scales, zero_points = np.array([s for s, _ in pairs], F32), np.array([z for _, z in pairs], np.int32)
            codes, dequantized = codes.reshape(x.shape), dequantized.reshape(x.shape)
            check_against_onnx(settings, x, scales, zero_points, codes, dequantized)
            case = f"{input_name}/{name}"
            assert f"{case}/scale" not in tensors, case
            tensors |= {f"{case}/scale": scales, f"{case}/zero_point": zero_points,
                        f"{case}/codes": codes.astype(code_dtype(codes)), f"{case}/dequantized": dequantized}
            cases.append({"name": case, "input": f"inputs/{input_name}", "settings": settings,
                          "n_groups": len(groups), "figures": figures(x, dequantized, clipped)})
    data = save(tensors, {"cases": json.dumps(cases, separators=(",", ":"))})
    (OUT / "int.safetensors").write_bytes(data)
    print(f"int.safetensors: {len(configurations())} configurations, {len(cases)} cases, {len(data)} bytes")


def write_mse(tensors_in):
    found = []
    for settings in mse_configurations():
        for input_name, axis in (("conv", 0), ("matmul", 1)):
            if settings["granularity"] != "per-tensor":
                settings = settings | {"axis": axis}
            flat = tensors_in[input_name].ravel()
            groups = []
            for group in groups_of(settings, tensors_in[input_name].shape):
                x = flat[group]
                mse, lo, hi = best_range(settings, x)
                whole = errors_of(settings, x, [x.min()], [x.max()])[0]
                groups.append({"n": len(x), "best_mse": float(mse), "lo": float(lo), "hi": float(hi), "min_max_mse": float(whole)})
            total = sum(g["n"] * g["best_mse"] for g in groups) / flat.size
            found.append({"input": f"inputs/{input_name}", "settings": settings, "best_mse": total, "groups": groups})
    text = "[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in found) + "\n]\n"
    (OUT / "int_mse.json").write_text(text)
    print(f"int_mse.json: {len(found)} cases, {sum(len(e['groups']) for e in found)} groups, {len(text)} bytes")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    tensors_in = inputs()
    write_cases(tensors_in)
    write_mse(tensors_in)


if __name__ == "__main__":
    main()
