#!/usr/bin/env python3
"""Reference values of the statistics and of the small number formats.

usage: python tests/reference/figures.py

Writes `tests/data/quant/statistics.json` (scipy, statsmodels, and Newcombe's interval from the paper's
formula) and `tests/data/quant/minifloat.json` (ml_dtypes); README.md describes them.
"""
import json
import math
import pathlib

import ml_dtypes
import numpy as np
import scipy.special
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant"
SEED = 20240229
Z = 1.959963984540054

# --- Proportions -----------------------------------------------------------------------------------


def wilson_cases():
    pairs = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (5, 10), (7, 29), (50, 100), (99, 100),
             (873, 897), (9123, 10000), (49999, 50000), (1, 1_000_000)]
    cases = []
    for k, n in pairs:
        lo, hi = proportion_confint(k, n, alpha=0.05, method="wilson")
        cases.append({"k": k, "n": n, "lo": max(float(lo), 0.0), "hi": min(float(hi), 1.0)})
    return cases


def mcnemar_cases():
    pairs = [(0, 0), (1, 0), (0, 1), (1, 1), (5, 0), (0, 6), (3, 9), (10, 10), (12, 2), (25, 40), (300, 200), (5000, 5200), (1, 60), (0, 1000)]
    return [{"broken": b, "fixed": c, "p": float(mcnemar([[7, b], [c, 11]], exact=True).pvalue)} for b, c in pairs]


# Newcombe 1998, Statistics in Medicine 17, 2635–2650, Table III, method 10, 95 %: (e, f, g, h), limits of (f − g)/n.
# Printed to four decimals; in one row, (1, 97, 1, 1), the formula's lower limit 0.87367 is printed as 0.8736.
NEWCOMBE_PUBLISHED = [
    ((36, 12, 2, 0), (0.0569, 0.3404)), ((20, 12, 2, 16), (0.0562, 0.3292)), ((18, 12, 2, 18), (0.0562, 0.3290)),
    ((36, 14, 0, 0), (0.1528, 0.4167)), ((35, 14, 0, 1), (0.1461, 0.4175)), ((18, 14, 0, 18), (0.1441, 0.3963)),
    ((2, 97, 1, 0), (0.8721, 0.9854)), ((1, 97, 1, 1), (0.8736, 0.9850)), ((0, 29, 1, 0), (0.6666, 0.9882)),
    ((2, 98, 0, 0), (0.9178, 0.9945)), ((1, 98, 0, 1), (0.9171, 0.9916)), ((0, 30, 0, 0), (0.8395, 1.0)),
    ((54, 0, 0, 0), (-0.0664, 0.0664)), ((53, 0, 0, 1), (-0.0729, 0.0729)), ((30, 0, 0, 24), (-0.0358, 0.0358)),
    ((29, 0, 0, 25), (-0.0354, 0.0354)), ((28, 0, 0, 26), (-0.0352, 0.0352)), ((27, 0, 0, 27), (-0.0351, 0.0351)),
    # Cavo et al. 2012 in Fagerland, Lydersen, Laake 2017; the R package contingencytables tests this value.
    ((59, 6, 16, 80), (-0.1186, -0.0046)),
]
NEWCOMBE_OTHER = [(0, 0, 0, 40), (0, 0, 12, 0), (0, 7, 5, 0), (10, 3, 8, 0), (0, 3, 8, 10), (860, 13, 9, 15), (9000, 120, 80, 800), (1, 0, 0, 0), (0, 1, 1, 0), (1, 0, 0, 1)]


def wilson(k, n):
    """Wilson's interval, 2A = 2k + z², B = z·√(z² + 4k(n−k)/n), C = 2(n + z²): (2A − B)/C, (2A + B)/C."""
    a, b, c = 2 * k + Z * Z, Z * math.sqrt(Z * Z + 4 * k * (n - k) / n), 2 * (n + Z * Z)
    return max((a - b) / c, 0.0), min((a + b) / c, 1.0)


def newcombe(a, b, c, d):
    """Newcombe's method 10 for paired proportions: (difference, lower, upper) of p1 − p2.

    The table counts pairs:                 second right   second wrong
                             first right    a  (paper: e)  b  (paper: f)
                             first wrong    c  (paper: g)  d  (paper: h)

    n = a+b+c+d, p1 = (a+b)/n, p2 = (a+c)/n, θ̂ = p1 − p2 = (b − c)/n
    l1, u1 and l2, u2: Wilson's limits of p1 and p2
    φ̂ = numerator / √((a+b)(c+d)(a+c)(b+d)), 0 where a margin is 0; the numerator of method 10 is
        ad − bc               where ad ≤ bc
        max(ad − bc − n/2, 0) where ad > bc   (the correction for continuity)
    lower = θ̂ − √((p1−l1)² − 2φ̂(p1−l1)(u2−p2) + (u2−p2)²)
    upper = θ̂ + √((u1−p1)² − 2φ̂(u1−p1)(p2−l2) + (p2−l2)²)
    """
    n = a + b + c + d
    p1, p2 = (a + b) / n, (a + c) / n
    (l1, u1), (l2, u2) = wilson(a + b, n), wilson(a + c, n)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    numerator = a * d - b * c if a * d <= b * c else max(a * d - b * c - n / 2, 0.0)
    phi = numerator / math.sqrt(margins) if margins else 0.0
    difference = (b - c) / n
    below = math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    above = math.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return difference, max(difference - below, -1.0), min(difference + above, 1.0)


def newcombe_cases():
    """First is the float model, second the quantized: b is 'broken', c is 'fixed'."""
    cases = []
    for table, published in NEWCOMBE_PUBLISHED + [(table, None) for table in NEWCOMBE_OTHER]:
        difference, lo, hi = newcombe(*table)
        if published:
            assert max(abs(lo - published[0]), abs(hi - published[1])) < 1e-4, (table, lo, hi)
        a, b, c, d = table
        n = sum(table)
        for k in (a + b, a + c):
            assert np.allclose(wilson(k, n), np.clip(proportion_confint(k, n, method="wilson"), 0, 1), atol=1e-14)
        cases.append({
            "both": a, "broken": b, "fixed": c, "neither": d,
            "before_minus_after": {"value": difference, "lo": lo, "hi": hi},
            "after_minus_before": {"value": -difference, "lo": -hi, "hi": -lo},
            "published_before_minus_after": published,
        })
    return cases


# --- Distributions ---------------------------------------------------------------------------------


def numbers(values):
    """f64 or f32 values as JSON can hold them: infinities and NaN as texts."""
    return [v if math.isfinite(v) else {math.inf: "inf", -math.inf: "-inf"}.get(v, "nan") for v in map(float, values)]


def softmax_cases(rng):
    rows = {
        "normal": rng.standard_normal(10) * 3, "equal": np.full(4, 2.5), "one": np.array([7.0]), "two": np.array([0.0, math.log(3.0)]),
        "large": np.array([1000.0, 999.0, 998.0, -1000.0]), "negative": np.array([-1000.0, -1001.0]), "far_apart": np.array([200.0, 0.0, -200.0]),
    }
    cases = []
    for name, row in rows.items():
        logits = row.astype(np.float32)
        wide = logits.astype(np.float64)
        cases.append({"name": name, "logits": numbers(logits), "softmax": numbers(scipy.special.softmax(wide)),
                      "log_softmax": numbers(scipy.special.log_softmax(wide)), "logsumexp": float(scipy.special.logsumexp(wide))})
    return cases


def kl_cases(rng):
    """KL(float ‖ quantized) in nats for each row and its mean, softmax in f64."""
    clean = (rng.standard_normal((5, 10)) * 3).astype(np.float32)
    pairs = {
        "equal": (clean, clean),
        "noise": (clean, clean + (rng.standard_normal(clean.shape) * 0.1).astype(np.float32)),
        "shifted": (clean, clean + np.float32(4)),
        "rounded": (clean, np.round(clean)),
        "reversed": (clean, clean[:, ::-1].copy()),
        "large": (np.array([[1000, 0, -1000], [50, 60, 70]], np.float32), np.array([[0, 1000, -1000], [51, 60, 69]], np.float32)),
        "two_classes": (np.array([[0.0, 1.0]], np.float32), np.array([[1.0, 0.0]], np.float32)),
    }
    cases = []
    for name, (p, q) in pairs.items():
        log_p, log_q = (scipy.special.log_softmax(v.astype(np.float64), axis=1) for v in (p, q))
        rows = (np.exp(log_p) * (log_p - log_q)).sum(1)
        if name != "large":
            assert np.allclose(rows, scipy.special.rel_entr(np.exp(log_p), np.exp(log_q)).sum(1), atol=1e-12)
        cases.append({"name": name, "float": [numbers(row) for row in p], "quantized": [numbers(row) for row in q],
                      "kl": numbers(rows), "mean": float(rows.mean())})
    probabilities = [([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]), ([1.0, 0.0], [0.5, 0.5]), ([0.5, 0.5], [1.0, 0.0]), ([0.0, 1.0], [0.0, 1.0]), ([0.25, 0.75], [0.75, 0.25])]
    after_softmax = [{"float": p, "quantized": q, "kl": numbers([scipy.special.rel_entr(p, q).sum()])[0]} for p, q in probabilities]
    return {"logits": cases, "probabilities": after_softmax}


def perplexity_cases(rng):
    cases = []
    for name, n_rows, n_tokens, n_classes, spread in (("small", 2, 3, 5, 1.0), ("wide", 1, 4, 23, 3.0), ("uniform", 2, 2, 8, 0.0), ("sure", 1, 3, 4, 40.0)):
        logits = (rng.standard_normal((n_rows, n_tokens, n_classes)) * spread).astype(np.float32)
        targets = rng.integers(0, n_classes, (n_rows, n_tokens))
        logs = scipy.special.log_softmax(logits.astype(np.float64), axis=-1)
        loss = -np.take_along_axis(logs, targets[..., None], -1)[..., 0]
        cases.append({"name": name, "logits": [[numbers(t) for t in row] for row in logits], "targets": targets.tolist(),
                      "negative_log_likelihood": loss.tolist(), "mean": float(loss.mean()), "perplexity": float(np.exp(loss.mean()))})
    return cases


def moment_cases(rng):
    """Population figures; `kurtosis` is m4/m2² (3 for a Gaussian), `excess_kurtosis` is 3 less."""
    samples = {
        "normal": rng.standard_normal(50), "heavy": rng.standard_t(3, 60), "exponential": rng.exponential(1.0, 40), "two_values": np.array([0.0, 1.0, 1.0, 1.0]),
        "offset": 1000.0 + rng.standard_normal(30), "tiny": rng.standard_normal(20) * 1e-20, "one": np.array([3.5]), "constant": np.full(7, 0.1), "symmetric": np.array([-2.0, -1.0, 0.0, 1.0, 2.0]),
    }
    cases = []
    for name, sample in samples.items():
        x = sample.astype(np.float32)
        wide = x.astype(np.float64)
        constant = bool((wide == wide[0]).all())
        # scipy warns of cancellation for the offset sample; f64 holds it to ten digits.
        skewness = None if constant else float(scipy.stats.skew(wide, bias=True))
        excess = None if constant else float(scipy.stats.kurtosis(wide, fisher=True, bias=True))
        cases.append({"name": name, "values": numbers(x), "mean": float(wide.mean()), "std": float(wide.std()), "skewness": skewness,
                      "kurtosis": None if constant else excess + 3.0, "excess_kurtosis": excess})
    return cases


# --- Number formats --------------------------------------------------------------------------------

BYTE_FORMATS = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
SMALL_FORMATS = {"float6_e2m3fn": 64, "float6_e3m2fn": 64, "float4_e2m1fn": 16}


def f32_bits(values):
    """f32 as bit patterns, NaN as a text."""
    values = np.asarray(values, np.float32)
    return ["nan" if np.isnan(v) else int(v.view(np.uint32)) for v in values]


def decode_table(name, n_codes):
    return f32_bits(np.arange(n_codes, dtype=np.uint8).view(getattr(ml_dtypes, name)).astype(np.float32))


def spot_values(rng):
    """f32 at and around the edges of the 16-bit and 8-bit formats."""
    edges = [0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, math.pi, 65504.0, 65519.0, 65520.0, 65536.0, 448.0, 464.0, 465.0, 480.0, 240.0, 248.0, 249.0, 57344.0, 61439.0, 61440.0, 61441.0,
             2**-14, 2**-24, 2**-25, 1.5 * 2**-25, 2**-26, 6.1e-5, 5.96e-8, 2**-9, 2**-10, 1.5 * 2**-10, 2**-16, 2**-17, 1e-40, 3.3895314e38, 3.4e38, 1e-38, 1.00390625, 1.01171875, 1.0009765625 / 2, 1.00048828125,
             math.inf, -math.inf, math.nan]
    return np.concatenate([np.array(edges, np.float32), rng.standard_normal(20).astype(np.float32), (rng.standard_normal(10) * 100).astype(np.float32)])


def encode_cases(values, dtype, word):
    """[f32 bits, code]: rounded to nearest, ties to even, without saturation: what is too large becomes infinity or NaN."""
    cases = []
    with np.errstate(all="ignore"):
        codes = values.astype(dtype)
    back = codes.astype(np.float32)
    for value, code, decoded in zip(values, codes.view(word), back):
        cases.append(["nan" if np.isnan(value) else int(value.view(np.uint32)), "nan" if np.isnan(decoded) else int(code)])
    return cases


def half_decode(dtype, infinity):
    one = int(np.array(1.0, dtype).view(np.uint16))
    codes = [0, 1, 2, 0x8000, 0x8001, one, one + 1, one | 0x8000, infinity, infinity | 0x8000, infinity - 1, infinity + 1, 0x7FFF, 0x03FF, 0x0400, 0x007F, 0x0080, 0x3555, 0x1234, 0xC0DE]
    return [[code, bits] for code, bits in zip(codes, f32_bits(np.array(codes, np.uint16).view(dtype).astype(np.float32)))]


def minifloats(rng):
    values = spot_values(rng)
    tables = {name: decode_table(name, 256) for name in BYTE_FORMATS} | {name: decode_table(name, n) for name, n in SMALL_FORMATS.items()}
    decode_16 = {"bfloat16": half_decode(ml_dtypes.bfloat16, 0x7F80), "float16": half_decode(np.float16, 0x7C00)}
    encode = {"bfloat16": encode_cases(values, ml_dtypes.bfloat16, np.uint16), "float16": encode_cases(values, np.float16, np.uint16)}
    encode |= {name: encode_cases(values, getattr(ml_dtypes, name), np.uint8) for name in BYTE_FORMATS if name != "float8_e8m0fnu"}
    return {"decode": tables, "decode_16_bit": decode_16, "encode": encode}


# --- Files -----------------------------------------------------------------------------------------


def write(name, parts):
    """One line a case, so that a difference shows."""
    def text(value, depth):
        if depth and isinstance(value, (dict, list)) and value:
            pad = "\n" + " " * (3 - depth)
            if isinstance(value, dict):
                return "{" + ",".join(f"{pad}{json.dumps(k)}: {text(v, depth - 1)}" for k, v in value.items()) + "}"
            return "[" + ",".join(pad + text(v, depth - 1) for v in value) + "]"
        return json.dumps(value, allow_nan=False)

    data = text(parts, 2) + "\n"
    (OUT / name).write_text(data)
    print(f"{name}: {', '.join(f'{key} {len(value)}' for key, value in parts.items())}; {len(data)} bytes")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    write("statistics.json", {
        "wilson": wilson_cases(), "mcnemar": mcnemar_cases(), "newcombe": newcombe_cases(), "softmax": softmax_cases(rng),
        "kl": kl_cases(rng), "perplexity": perplexity_cases(rng), "moments": moment_cases(rng),
    })
    write("minifloat.json", minifloats(rng))


if __name__ == "__main__":
    main()
