"""The cases of `operators.py`, one module a family.

A module has `TOLERANCE`, the family's usual one, and `cases(add)`, which calls
`add(name, op, opset, *inputs, n_outputs=1, tolerance=…, differs="", reference="auto", **attributes)`.
"""
import dataclasses
import importlib

import numpy as np

FAMILIES = ["conv", "pool", "linear", "normalization", "activation", "arithmetic",
            "compare", "reduce", "shape", "index", "resize", "quantize"]
SEED = 20240229


@dataclasses.dataclass
class Case:
    name: str
    op: str
    opset: int
    inputs: list  # arrays; None is an absent optional input
    n_outputs: int
    attributes: dict
    tolerance: float
    # Why ONNX Runtime and the onnx package give different results; empty where they must agree.
    differs: str
    # "auto", or "onnx" where ONNX Runtime shall not be asked.
    reference: str


def cases_of(family):
    module = importlib.import_module(f"operator_cases.{family}")
    cases = []

    def add(name, op, opset, *inputs, n_outputs=1, tolerance=module.TOLERANCE, differs="",
            reference="auto", **attributes):
        inputs = [None if value is None else np.asarray(value) for value in inputs]
        cases.append(Case(name, op, opset, inputs, n_outputs, attributes, tolerance, differs, reference))

    module.cases(add)
    return cases


def normal(*shape, seed=0):
    """Standard normal f32; the values depend on the shape and the seed alone."""
    return np.random.default_rng([SEED, seed, *shape]).standard_normal(shape).astype(np.float32)


def uniform(lo, hi, *shape, seed=0):
    return np.random.default_rng([SEED, seed, *shape]).uniform(lo, hi, shape).astype(np.float32)


def integers(lo, hi, *shape, seed=0, dtype=np.int64):
    """Whole numbers lo … hi−1."""
    return np.random.default_rng([SEED, seed, *shape]).integers(lo, hi, shape).astype(dtype)


def f32(*values):
    """A list of f32; one nested list gives a tensor of its shape."""
    return _array(values, np.float32)


def i64(*values):
    return _array(values, np.int64)


def bools(*values):
    return _array(values, np.bool_)


def _array(values, dtype):
    nested = len(values) == 1 and isinstance(values[0], list)
    return np.array(values[0] if nested else values, dtype)
