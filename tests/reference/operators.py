#!/usr/bin/env python3
"""Reference inputs and outputs of ONNX operators, for `tests/`.

usage: python tests/reference/operators.py [FAMILY …]

Runs every case of `operator_cases/` as a model of one node in ONNX Runtime (all graph optimizations
off) and in the `onnx` package's ReferenceEvaluator, and writes `tests/data/operators/FAMILY.safetensors`.
README.md describes the files.

- The stored outputs are ONNX Runtime's where it has the operator, else the evaluator's.
- They must lie within half the case's tolerance of the plain f64 formula of `operator_cases/plain.py`; where
  there is none, within the tolerance of the evaluator, and within half of it in f64 where it can do that.
- A case that does not says why (`differs`), and the file repeats it as `note`.
"""
import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import save

import operator_cases
import operator_cases.plain

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "operators"
# What a tensor attribute and a stored tensor may be.
DTYPE_NAMES = {"float32": "f32", "int64": "i64", "int32": "i32", "bool": "bool", "uint8": "u8", "int8": "i8"}
# The IR version is that of the first onnx release with the opset; ONNX Runtime refuses newer ones than it knows.
IR_VERSION = 10


def attribute_json(value):
    """An attribute as the graph of a native model writes it."""
    if isinstance(value, np.ndarray):
        return {"tensor": value.tolist(), "dtype": DTYPE_NAMES[value.dtype.name]}
    return value


# Operators of which the evaluator has no old version; what changed since is not in the cases.
EVALUATOR_OPSETS = {"DequantizeLinear": 19, "OneHot": 11}


def model_of(case, inputs, opset):
    """The case as an ONNX model of one node."""
    names = [f"in{idx}" if value is not None else "" for idx, value in enumerate(inputs)]
    outputs = [f"out{idx}" for idx in range(case.n_outputs)]
    attributes = {
        key: onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for key, value in case.attributes.items()
    }
    node = helper.make_node(case.op, names, outputs, **attributes)
    graph_inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in zip(names, inputs)
        if value is not None
    ]
    graph_outputs = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph([node], case.name, graph_inputs, graph_outputs)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION
    )


def feeds_of(inputs):
    return {f"in{idx}": value for idx, value in enumerate(inputs) if value is not None}


def run_onnxruntime(case):
    """The outputs, or the reason there are none."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    model = model_of(case, case.inputs, case.opset).SerializeToString()
    try:
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        return session.run(None, feeds_of(case.inputs)), None
    except Exception as error:  # ONNX Runtime's exceptions have no common type.
        return None, str(error).splitlines()[0]


def run_onnx(case, inputs):
    """The outputs, or the reason there are none."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            evaluator = ReferenceEvaluator(model_of(case, inputs, max(case.opset, EVALUATOR_OPSETS.get(case.op, 0))))
            outputs = evaluator.run(None, feeds_of(inputs))
        return [np.asarray(output) for output in outputs], None
    except Exception as error:  # The evaluator raises whatever its numpy code raises.
        return None, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def run_in_f64(case):
    """The evaluator's outputs with every f32 input widened; `None` where it cannot."""
    if case.op in ("Cast", "QuantizeLinear", "DequantizeLinear", "Resize", "Upsample"):
        return None
    wide = [v.astype(np.float64) if v is not None and v.dtype == np.float32 else v for v in case.inputs]
    if all(v is w for v, w in zip(case.inputs, wide)):
        return None
    outputs, _ = run_onnx(case, wide)
    if outputs is None or not any(output.dtype == np.float64 for output in outputs):
        return None
    with np.errstate(all="ignore"):
        return [output.astype(np.float32) if output.dtype == np.float64 else output for output in outputs]


def difference(found, wanted):
    """Largest |found − wanted| over max |wanted|; infinite where shapes, whole numbers or special values differ."""
    if len(found) != len(wanted):
        return np.inf
    worst = 0.0
    for a, b in zip(found, wanted):
        both_float = a.dtype.kind == "f" and b.dtype.kind == "f"
        if a.shape != b.shape:
            return np.inf
        if a.size == 0:
            continue
        if not both_float:
            worst = max(worst, np.inf if np.any(a != b) else 0.0)
            continue
        a, b = a.astype(np.float64), b.astype(np.float64)
        finite = np.isfinite(a) & np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return np.inf
        scale = np.abs(b[finite]).max(initial=0.0)
        error = np.abs(a[finite] - b[finite]).max(initial=0.0)
        worst = max(worst, 0.0 if error == 0.0 else error / scale if scale else np.inf)
    return worst


def shown(outputs):
    """The start of the outputs, for a message."""
    return "; ".join(f"{list(o.shape)} {o.dtype} {o.ravel()[:8].tolist()}" for o in outputs)


def reference_of(case, problems):
    """The outputs to store, who made them, and why the other has none."""
    by_ort, ort_error = run_onnxruntime(case) if case.reference != "onnx" else (None, "not asked")
    by_onnx, onnx_error = run_onnx(case, case.inputs)
    outputs, made_by = (by_ort, "onnxruntime") if by_ort is not None else (by_onnx, "onnx")
    if outputs is None:
        problems.append(f"{case.name}: no reference; onnxruntime: {ort_error}; onnx: {onnx_error}")
        return None, None, None
    plain = operator_cases.plain.expected(case)
    others = {"the plain formula": (plain, case.tolerance / 2)}
    if plain is None:
        others = {
            "onnx": (by_onnx if made_by == "onnxruntime" else None, case.tolerance),
            "onnx in f64": (run_in_f64(case), case.tolerance / 2),
        }
    others = {name: other for name, other in others.items() if other[0] is not None}
    if case.differs and not others:
        problems.append(f"{case.name}: said to differ ({case.differs}), but there is nothing to compare with")
    agrees = True
    for name, (other, allowed) in others.items():
        apart = difference(outputs, other)
        agrees &= apart <= allowed
        if apart > allowed and not case.differs:
            problems.append(f"{case.name}: {made_by} and {name} differ by {apart:.3g}, allowed {allowed:g}\n"
                            f"  {made_by:12} {shown(outputs)}\n  {name:12} {shown(other)}")
    if case.differs and agrees:
        problems.append(f"{case.name}: said to differ ({case.differs}), but does not")
    unchecked = not others
    reason = f"onnxruntime: {ort_error}" if by_ort is None else f"onnx: {onnx_error}" if unchecked else ""
    return outputs, made_by, f"{reason}{' UNCHECKED' if unchecked else ''}"


class Tensors:
    """The tensors of a file; equal ones are stored once, under the first name asked for."""

    def __init__(self):
        self.by_name, self.name_of = {}, {}

    def add(self, name, value):
        assert value.dtype.name in DTYPE_NAMES, (name, value.dtype)
        value = np.ascontiguousarray(value).reshape(value.shape)
        key = (value.dtype.name, value.shape, value.tobytes())
        if key not in self.name_of:
            assert name not in self.by_name, f"{name} is taken"
            self.name_of[key] = name
            self.by_name[name] = value
        return self.name_of[key]


def write_family(family, problems):
    tensors, entries, alone = Tensors(), [], []
    for case in operator_cases.cases_of(family):
        assert case.name not in [entry["name"] for entry in entries], f"{case.name} is taken"
        outputs, made_by, other = reference_of(case, problems)
        if outputs is None:
            continue
        if other:
            alone.append(f"{case.name}: {made_by} alone ({other})")
        entry = {
            "name": case.name,
            "op": case.op,
            "opset": case.opset,
            "inputs": [
                "" if value is None else tensors.add(f"{case.name}/in{idx}", value)
                for idx, value in enumerate(case.inputs)
            ],
            "outputs": [tensors.add(f"{case.name}/out{idx}", np.asarray(value)) for idx, value in enumerate(outputs)],
            "attributes": {key: attribute_json(value) for key, value in case.attributes.items()},
            "reference": made_by,
            "tolerance": case.tolerance,
        }
        if case.differs:
            entry["note"] = case.differs
        entries.append(entry)
    # One key only: safetensors writes several in no fixed order.
    data = save(tensors.by_name, {"cases": json.dumps(entries, separators=(",", ":"))})
    (OUT / f"{family}.safetensors").write_bytes(data)
    print(f"{family:14} {len(entries):4} cases {len(data):7} bytes")
    for line in alone:
        print("   ", line)
    return len(entries), len(data)


def main():
    families = sys.argv[1:] or operator_cases.FAMILIES
    OUT.mkdir(parents=True, exist_ok=True)
    problems = []
    totals = [write_family(family, problems) for family in families]
    print(f"{'total':14} {sum(n for n, _ in totals):4} cases {sum(size for _, size in totals):7} bytes")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
