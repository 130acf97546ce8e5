#!/usr/bin/env python3
"""What weight-only fake quantization does to a sample model, computed apart from the Rust code.

usage: python sample_models/oracle.py

numpy quantizes the weights of `digits/model.onnx` after folding BatchNormalization, ONNX Runtime runs
`digits/eval.safetensors`. Writes `tests/data/digits_oracle.json` and prints the table of README.md.
"""
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE_BITS = (8, 6, 5, 4, 3)
SPECS = [
    *[f"int:bits={bits},symmetry=symmetric,granularity={granularity}"
      for bits in (8, 6, 5, 4) for granularity in ("per-tensor", "per-channel")],
    "int:bits=5,symmetry=symmetric,granularity=per-group,group-size=64",
    "int:bits=4,symmetry=asymmetric,granularity=per-group,group-size=16",
    "int:bits=6,symmetry=asymmetric,granularity=per-tensor",
    "int:bits=5,symmetry=asymmetric,granularity=per-channel",
]


def read_samples(path):
    """Preprocessed inputs [N, 1, H, W] f32 and labels [N]."""
    with safe_open(path, "numpy") as file:
        about = json.loads(file.metadata()["quantscope.samples"])
        inputs, labels = file.get_tensor("inputs"), file.get_tensor("labels")
    subtract, divide = (np.float32(about["preprocess"][k][0]) for k in ("subtract", "divide"))
    return ((inputs.astype(np.float32) - subtract) / divide)[:, None], labels


def predictions(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(["logits"], {"input": inputs})[0].argmax(1)


def fold_batch_norm(model):
    """Moves every BatchNormalization into the Conv before it: in f64, rounded once to f32."""
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    graph = folded.graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    made_by = {n.output[0]: n for n in graph.node}
    for bn in [n for n in graph.node if n.op_type == "BatchNormalization"]:
        conv = made_by[bn.input[0]]
        assert conv.op_type == "Conv" and len(conv.input) == 2, conv.name
        gamma, beta, mean, var = (tensors.pop(name).astype(np.float64) for name in bn.input[1:])
        factor = gamma / np.sqrt(var + helper.get_node_attr_value(bn, "epsilon"))
        weight = tensors[conv.input[1]].astype(np.float64)
        tensors[conv.input[1]] = (weight * factor[:, None, None, None]).astype(np.float32)
        tensors[conv.name + ".bias"] = (beta - mean * factor).astype(np.float32)
        conv.input.append(conv.name + ".bias")
        conv.output[0] = bn.output[0]
        graph.node.remove(bn)
    return with_tensors(folded, tensors)


def with_tensors(model, tensors):
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.graph.initializer[:]
    changed.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in tensors.items())
    return changed


def groups(weight, spec):
    """Index arrays into the flattened weight, one for each set of parameters. The kept axis is 0."""
    flat = np.arange(weight.size)
    if spec["granularity"] == "per-tensor":
        return [flat]
    channels = np.split(flat, weight.shape[0])
    if spec["granularity"] == "per-channel":
        return channels
    size = int(spec["group-size"])
    return [c[start : start + size] for c in channels for start in range(0, len(c), size)]


def fake_quantize_group(x, bits, symmetry):
    """scale · (clamp(round(x / scale) + zero_point) − zero_point), all in f32; min-max range."""
    if symmetry == "symmetric":
        high = 2 ** (bits - 1) - 1
        low, zero_point = -high, np.float32(0)
        scale = np.abs(x).max() / np.float32(high)
    else:
        low, high = 0, 2**bits - 1
        bottom = np.minimum(x.min(), np.float32(0))
        scale = (np.maximum(x.max(), np.float32(0)) - bottom) / np.float32(high)
    if scale == 0:
        scale = np.float32(1)
    if symmetry == "asymmetric":
        zero_point = np.clip(np.rint(-bottom / scale), low, high)
    code = np.clip(np.rint(x / scale) + zero_point, low, high)
    return scale * (code - zero_point)


def fake_quantize(weight, spec_text):
    spec = dict(part.split("=") for part in spec_text.removeprefix("int:").split(","))
    flat = weight.ravel()
    result = np.empty_like(flat)
    for group in groups(weight, spec):
        result[group] = fake_quantize_group(flat[group], int(spec["bits"]), spec["symmetry"])
    return result.reshape(weight.shape)


def sqnr_db(pairs):
    """10·log10(Σx² / Σ(x − x̂)²) over all (x, x̂), sums in f64; None where nothing differs."""
    pairs = [(x.astype(np.float64), y.astype(np.float64)) for x, y in pairs]
    noise = sum(((x - y) ** 2).sum() for x, y in pairs)
    return round(float(10 * np.log10(sum((x**2).sum() for x, _ in pairs) / noise)), 4) if noise else None


class Oracle:
    """A folded model, its evaluation set and what the float model predicts on it."""

    def __init__(self, folder):
        model = onnx.load(folder / "model.onnx")
        self.inputs, self.labels = read_samples(folder / "eval.safetensors")
        self.float_predictions = predictions(model, self.inputs)
        self.model = fold_batch_norm(model)
        assert (predictions(self.model, self.inputs) == self.float_predictions).all(), "folding changed a prediction"
        self.tensors = {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}
        self.quantized = [n.input[1] for n in self.model.graph.node if n.op_type in ("Conv", "Gemm")]

    def float_metric(self):
        correct = int((self.float_predictions == self.labels).sum())
        return {"correct": correct, "n": len(self.labels), "top1": correct / len(self.labels)}

    def config(self, spec_of_tensor):
        """The result when each named weight is quantized by its own spec; the others stay float."""
        after = {name: fake_quantize(self.tensors[name], spec) for name, spec in spec_of_tensor.items()}
        got = predictions(with_tensors(self.model, {**self.tensors, **after}), self.inputs)
        before_right, right = self.float_predictions == self.labels, got == self.labels
        return {
            "correct": int(right.sum()), "n": len(right), "top1": float(right.mean()),
            "broken": int((before_right & ~right).sum()), "fixed": int((~before_right & right).sum()),
            "same_prediction": int((got == self.float_predictions).sum()),
            "weight_sqnr_db": sqnr_db([(self.tensors[k], after[k]) for k in after]),
            "sqnr_db_by_tensor": {k: sqnr_db([(self.tensors[k], after[k])]) for k in after},
        }

    def uniform(self, spec):
        return self.config({name: spec for name in self.quantized})


def write(folder):
    """Writes the JSON, prints the table and returns the float top-1."""
    oracle = Oracle(folder)
    metric = oracle.float_metric()
    configs = {spec: oracle.uniform(spec) for spec in SPECS}
    report = {"model": folder.name, "float": metric, "quantized_tensors": len(oracle.quantized), "configs": configs}
    path = ROOT / "tests" / "data" / f"{folder.name}_oracle.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    percent = lambda result: f"{100 * result['top1']:.1f} % ({result['correct']})"
    print(f"| weights | per tensor | per channel |\n|---|---|---|\n| float | {percent(metric)} | |")
    for bits in TABLE_BITS:
        cells = [percent(oracle.uniform(f"int:bits={bits},symmetry=symmetric,granularity={granularity}"))
                 for granularity in ("per-tensor", "per-channel")]
        print(f"| {bits} bits | {cells[0]} | {cells[1]} |")
    return metric["top1"]


if __name__ == "__main__":
    write(ROOT / "sample_models" / "digits")
