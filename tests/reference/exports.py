#!/usr/bin/env python3
"""Exported models in the packages that others open them with.

usage: python tests/reference/exports.py QUANTSCOPE [RESNET8]

QUANTSCOPE is the program; a release build, since accuracy is measured some dozens of times. Exports `tiny-lm`, and
ResNet-8 where the folder RESNET8 or ../shared/models has it, and checks for each format that

- the file is as long as predicted;
- `onnx` finds it well-formed and `onnxruntime` runs it with the accuracy that Quantscope measures: top-1 within 3 of 1000,
  perplexity within 0.1 %;
- `safetensors` and `gguf` read it, and their weights, decoded here and put into the float ONNX model, give that accuracy;
- what the `gguf` package quantizes itself has the same bytes.

Ends with an error that names the case.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from safetensors import safe_open

PROJECT = pathlib.Path(__file__).resolve().parents[2]
QUANTSCOPE = sys.argv[1]
RESNET = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else PROJECT.parent / "shared" / "models" / "resnet8_cifar10"
MODELS = [("sample:tiny-lm", PROJECT / "sample_models" / "tiny-lm" / "eval.safetensors")]
if RESNET.is_dir():
    MODELS.append((str(RESNET), RESNET / "eval.safetensors"))
else:
    print("ResNet-8 is not there and is left out")

INT = "int:bits={},symmetry={},granularity={}"
CASES = [
    ("onnx", "int8"),
    ("onnx", INT.format(8, "asymmetric", "per-channel")),
    ("onnx", INT.format(4, "symmetric-full", "per-group,group-size=32")),
    ("onnx", INT.format(4, "asymmetric", "per-group,group-size=20")),
    ("onnx", INT.format(5, "symmetric", "per-channel")),
    ("onnx", INT.format(16, "symmetric", "per-tensor")),
    ("onnx", "ternary"),
    ("safetensors", INT.format(4, "symmetric", "per-group,group-size=32")),
    ("safetensors", INT.format(3, "asymmetric", "per-channel")),
    ("safetensors", "nf4"),
    ("gguf", "q8_0"),
    ("gguf", "q4_0"),
    ("gguf", "q4_k"),
    ("gguf", "bf16:scale=none"),
]


def quantscope(*arguments):
    done = subprocess.run([QUANTSCOPE, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def export(model, spec, form, path):
    said = quantscope("export", model, *(["--weights", spec] if spec else []), "--format", form, "-o", path, "--or-float", "--json")
    size = path.stat().st_size
    assert said["predicted_bytes"] == said["bytes"] == size, f"{spec} as {form}: {said}, {size} bytes are there"
    return said["kept_float"]


# --- Accuracy in ONNX Runtime ------------------------------------------------------------------------


def samples(path):
    with safe_open(path, "np") as file:
        meta = json.loads(file.metadata()["quantscope.samples"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    return meta, tensors


def accuracy(model, path):
    """Top-1 or perplexity of a model in memory over all samples."""
    meta, tensors = samples(path)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    if meta["task"] == "language-model":
        tokens = tensors["tokens"].astype(np.int64)
        losses = []
        for start in range(0, len(tokens), 16):
            rows = tokens[start:start + 16]
            logits = session.run(None, {name: rows[:, :-1]})[0].astype(np.float64)
            logits -= logits.max(axis=-1, keepdims=True)
            logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
            losses.append(-np.take_along_axis(logits, rows[:, 1:, None], axis=-1).ravel())
        return float(np.exp(np.concatenate(losses).mean()))
    x = tensors["inputs"].astype(np.float32)
    if scaling := meta.get("preprocess"):
        x = (x - np.asarray(scaling["subtract"], np.float32)) / np.asarray(scaling["divide"], np.float32)
    x = x.transpose(0, 3, 1, 2) if meta["layout"] == "NHWC" else x
    found = [session.run(None, {name: np.ascontiguousarray(x[k:k + 200])})[0].argmax(1) for k in range(0, len(x), 200)]
    return float((np.concatenate(found) == tensors["labels"].ravel()).mean())


def close(metric, found, wanted):
    return abs(found - wanted) <= (0.003 if metric == "top1" else 1e-3 * wanted)


def with_weights(model, weights):
    """The float model with other weights."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for tensor in changed.graph.initializer:
        if tensor.name in weights:
            values = np.ascontiguousarray(weights[tensor.name], np.float32)
            assert values.shape == tuple(tensor.dims), tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return changed


# --- Weights as the packages read them ---------------------------------------------------------------


def to_tensor(channels, shape, axis):
    """From channels side by side."""
    moved = [shape[axis], *shape[:axis], *shape[axis + 1:]]
    return np.moveaxis(np.asarray(channels, np.float32).reshape(moved), 0, axis)


def words(packed, bits, count):
    per_word = 32 // bits
    shifts = np.arange(per_word, dtype=np.uint32) * np.uint32(bits)
    codes = (packed.view(np.uint32)[..., None] >> shifts) & np.uint32((1 << bits) - 1)
    return codes.reshape(*packed.shape[:-1], -1)[..., :count].astype(np.int64)


def safetensors_weights(path):
    """Every weight that `quantization_config` tells of."""
    weights = {}
    with safe_open(path, "np") as file:
        config = json.loads(file.metadata()["quantization_config"])
        get = file.get_tensor
        for name, told in config["quantscope"]["tensors"].items():
            coding, shape, axis = told["coding"], told["shape"], told["axis"]
            bits = coding["packing"]["bits"]
            if told["form"] == "pack-quantized":
                rows, columns = get(f"{name}_shape")
                codes = words(get(f"{name}_packed"), bits, columns)
                scale = get(f"{name}_scale").reshape(-1, 1) if coding["share"] == "tensor" else get(f"{name}_scale")
                group = coding["share"]["run"] if isinstance(coding["share"], dict) else columns
                spread = lambda a: np.repeat(a, group, axis=1)[:, :columns]
                zero = np.full(scale.shape, 1 << (bits - 1))
                if coding["codes"] == "with-zero-points":
                    zero = words(get(f"{name}_zero_point").T, bits, rows).T
                values = (codes - spread(zero)).astype(np.float32) * spread(scale)
                assert values.shape == (rows, columns)
            else:
                count = int(np.prod(shape))
                stream = np.unpackbits(get(f"{name}_codes"), bitorder="little")[:count * bits].reshape(count, bits)
                codes = stream @ (1 << np.arange(bits))
                table = np.zeros(1 << bits, np.float32)
                for code, value in coding["codes"]["levels"]:
                    table[code] = value
                block = coding["share"]["run"]
                values = table[codes] * np.repeat(get(f"{name}_scales"), block)[:count]
                if "flat" in coding:
                    weights[name] = values.reshape(shape)
                    continue
            weights[name] = to_tensor(values, shape, axis)
    return weights


def gguf_weights(path):
    reader = gguf.GGUFReader(path)
    text = lambda key: bytes(reader.fields[key].parts[-1]).decode()
    notes = json.loads(text("quantscope.tensors")) if "quantscope.tensors" in reader.fields else {}
    weights, raw = {}, {}
    for tensor in reader.tensors:
        if note := notes.get(tensor.name):
            if "scheme" in note:
                values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
                weights[tensor.name] = to_tensor(values, note["shape"], note["axis"])
                raw[tensor.name] = (tensor.tensor_type, np.asarray(tensor.data), note["axis"])
    return weights, raw


def check_gguf_bytes(float_model, raw, what):
    """Types that the package quantizes by itself: the same bytes."""
    floats = {tensor.name: numpy_helper.to_array(tensor) for tensor in float_model.graph.initializer}
    for name, (kind, data, axis) in raw.items():
        if kind not in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0):
            continue
        rows = np.moveaxis(floats[name], axis, 0)
        rows = np.ascontiguousarray(rows.reshape(rows.shape[0], -1))
        wanted = gguf.quants.quantize(rows, kind)
        assert np.array_equal(wanted.view(np.uint8).ravel(), data.view(np.uint8).ravel()), f"{what}: {name}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for model_idx, (model, sample_path) in enumerate(MODELS):
            float_path = folder / f"float{model_idx}.onnx"
            export(model, None, "onnx", float_path)
            float_model = onnx.load(float_path)
            layers = quantscope("inspect", model, "--json")["layers"]
            for case_idx, (form, spec) in enumerate(CASES):
                what = f"{model}, {spec} as {form}"
                path = folder / f"{model_idx}-{case_idx}.{form}"
                kept = export(model, spec, form, path)
                recipe = folder / f"{model_idx}-{case_idx}.json"
                names = [layer["name"] for layer in layers if layer["op"] != "Gather"]
                chosen = {name: spec for name in names if name not in kept}
                recipe.write_text(json.dumps({"quantscope_recipe": 1, "layers": chosen}))
                own = quantscope("eval", model, "--recipe", recipe, "--json")
                metric, wanted = own["metric"], own["quantized"]["value"]
                if form == "onnx":
                    exported = onnx.load(path)
                    onnx.checker.check_model(exported, full_check=True)
                elif form == "safetensors":
                    exported = with_weights(float_model, safetensors_weights(path))
                else:
                    weights, raw = gguf_weights(path)
                    check_gguf_bytes(float_model, raw, what)
                    exported = with_weights(float_model, weights)
                found = accuracy(exported, sample_path)
                assert close(metric, found, wanted), f"{what}: {metric} {found}, Quantscope has {wanted}"
                again = quantscope("eval", path, "--samples", sample_path, "--json")["float"]["value"]
                assert again == wanted, f"{what}: read back {again}, Quantscope has {wanted}"
                print(f"{what}: {metric} {found:.4f}, Quantscope {wanted:.4f}, {path.stat().st_size} bytes"
                      + (f", {len(kept)} layers stay in float" if kept else ""), flush=True)


main()
