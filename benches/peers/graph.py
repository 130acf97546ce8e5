"""Models for the peers: a native model becomes an ONNX file in memory, or is run with torch."""

import json
import pathlib

import numpy as np
from safetensors import safe_open

BATCH = 32


def read(path):
    with safe_open(path, framework="np") as file:
        return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}


class Model:
    def __init__(self, folder: pathlib.Path):
        metadata, self.tensors = read(folder / "model.safetensors")
        self.graph = json.loads(metadata["quantscope.graph"])
        sets = folder if (folder / "eval.safetensors").exists() else folder.parent / "glyphs-mobilenet"
        about, samples = read(sets / "eval.safetensors")
        about = json.loads(about["quantscope.samples"])
        x = samples["inputs"].astype(np.float32)
        x = x[:, None] if about["layout"] == "NHW" else x.transpose(0, 3, 1, 2) if about["layout"] == "NHWC" else x
        if steps := about.get("preprocess"):
            per_channel = [np.asarray(steps[key], np.float32).reshape(-1, 1, 1) for key in ("subtract", "divide")]
            x = (x - per_channel[0]) / per_channel[1]
        self.inputs, self.labels = np.ascontiguousarray(x, np.float32), samples["labels"]

    def accuracy(self, run):
        """The share of right answers, in batches as they are kept for the runtime."""
        right = 0
        for start in range(0, len(self.labels), BATCH):
            scores = run(self.inputs[start : start + BATCH])
            right += int((scores.argmax(1) == self.labels[start : start + BATCH]).sum())
        return right / len(self.labels)

    def onnx_bytes(self):
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        graph = self.graph
        made = {name for node in graph["nodes"] for name in node["outputs"]}
        given = {entry["name"] for entry in graph["inputs"]}
        used = {name for node in graph["nodes"] for name in node["inputs"] if name} - made - given
        nodes = [
            helper.make_node(node["op"], node["inputs"], node["outputs"], node["name"], **node["attributes"])
            for node in graph["nodes"]
        ]
        entries = [
            helper.make_tensor_value_info(entry["name"], TensorProto.FLOAT, entry["shape"]) for entry in graph["inputs"]
        ]
        outputs = [
            helper.make_tensor_value_info(entry["name"], TensorProto.FLOAT, None) for entry in graph["outputs"]
        ]
        weights = [numpy_helper.from_array(self.tensors[name], name) for name in sorted(used)]
        opsets = [helper.make_opsetid("", graph["opset"])]
        made = helper.make_graph(nodes, "model", entries, outputs, weights)
        return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()

    def onnxruntime_session(self, n_threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
        session = onnxruntime.InferenceSession(self.onnx_bytes(), options, providers=["CPUExecutionProvider"])
        name = self.graph["inputs"][0]["name"]
        return lambda batch: session.run(None, {name: batch})[0]

    def torch_function(self):
        import torch

        fixed = {name: torch.from_numpy(value.copy()) for name, value in self.tensors.items()}
        nodes, entry = self.graph["nodes"], self.graph["inputs"][0]["name"]

        def run(batch):
            values = dict(fixed)
            values[entry] = torch.from_numpy(batch)
            for node in nodes:
                inputs = [values[name] if name else None for name in node["inputs"]]
                values[node["outputs"][0]] = TORCH[node["op"]](torch, inputs, node["attributes"])
            return values[self.graph["outputs"][0]["name"]].numpy()

        return run


def conv(torch, inputs, attributes):
    x, weight, *bias = inputs
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        x, top, left = torch.nn.functional.pad(x, (left, right, top, bottom)), 0, 0
    return torch.nn.functional.conv2d(
        x,
        weight,
        bias[0] if bias else None,
        attributes.get("strides", [1, 1]),
        (top, left),
        attributes.get("dilations", [1, 1]),
        attributes.get("group", 1),
    )


def batch_norm(torch, inputs, attributes):
    x, gamma, beta, mean, var = inputs
    epsilon = attributes.get("epsilon", 1e-5)
    return torch.nn.functional.batch_norm(x, mean, var, gamma, beta, eps=epsilon)


def average_pool(torch, inputs, attributes):
    return torch.nn.functional.avg_pool2d(inputs[0], attributes["kernel_shape"], attributes.get("strides"))


def gemm(torch, inputs, attributes):
    x, weight, *bias = inputs
    weight = weight if attributes.get("transB") else weight.T
    return torch.nn.functional.linear(x, weight, bias[0] if bias else None)


TORCH = {
    "Add": lambda torch, inputs, _: inputs[0] + inputs[1],
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "Clip": lambda torch, inputs, _: torch.clamp(inputs[0], float(inputs[1]), float(inputs[2])),
    "Conv": conv,
    "Flatten": lambda torch, inputs, _: inputs[0].flatten(1),
    "Gemm": gemm,
    "GlobalAveragePool": lambda torch, inputs, _: inputs[0].mean((2, 3), keepdim=True),
    "Relu": lambda torch, inputs, _: torch.relu(inputs[0]),
}
