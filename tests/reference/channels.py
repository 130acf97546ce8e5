#!/usr/bin/env python3
"""Reference values of the figures of a channel.

usage: python tests/reference/channels.py

Writes `tests/data/quant/channels.json` (numpy); README.md describes it.
"""
import json
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "quant" / "channels.json"


def spans():
    rng = np.random.default_rng(20240229)
    channels = [rng.standard_normal(n).astype(np.float32) for n in (1, 2, 3, 40, 101, 256)]
    channels.append(np.zeros(5, np.float32))
    channels.append((rng.standard_t(2, 97) * 1e-6).astype(np.float32))
    for channel in channels:
        # In double precision, as the interpolation is done there and rounded once.
        wide = channel.astype(np.float64)
        yield {
            "values": [float(x) for x in channel],
            "min": float(channel.min()),
            "low": float(np.percentile(wide, 1)),
            "high": float(np.percentile(wide, 99)),
            "max": float(channel.max()),
        }


OUT.write_text(json.dumps({"spans": list(spans())}, indent=None) + "\n")
