"""What the scripts that make sample models share: the files they write and read.

    node(name, op, inputs, output=None, **attributes)   one node of a graph
    graph_of(nodes, inputs, outputs, opset=13)           the whole graph, as `quantscope.graph` holds it
    write_model(path, tensors, graph, card)              a model: safetensors with graph and card
    write_samples(path, tensors, header)                 a sample set: safetensors with `quantscope.samples`
    read_file(path)                                      (tensors, metadata with its JSON parsed) of either
    onnx_model(tensors, graph, output_shapes, name, producer)   the same graph as a checked ONNX model

Tensors are numpy arrays by name, of the types in DTYPES. Graph, card and header are what `json` can write; they
keep their order, so the same input always makes the same bytes.
"""
import json
import struct

import numpy as np

DTYPES = {"float32": "F32", "uint8": "U8", "int8": "I8", "uint16": "U16", "int32": "I32", "int64": "I64"}


def node(name, op, inputs, output=None, **attributes):
    """A node with one output, called like the node unless said otherwise; attributes as in ONNX."""
    return {"name": name, "op": op, "inputs": inputs, "outputs": [output or name], "attributes": attributes}


def graph_of(nodes, inputs, outputs, opset=13):
    """`inputs`: [(name, dtype, shape)], a string in a shape being free and "N" the batch; `outputs`: [name]."""
    return {"version": 1, "opset": opset,
            "inputs": [{"name": name, "dtype": dtype, "shape": shape} for name, dtype, shape in inputs],
            "outputs": [{"name": name} for name in outputs], "nodes": nodes}


def write_model(path, tensors, graph, card):
    _write_safetensors(path, tensors, {"quantscope.graph": json.dumps(graph), "quantscope.card": json.dumps(card)})


def write_samples(path, tensors, header):
    _write_safetensors(path, tensors, {"quantscope.samples": json.dumps(header)})


def _write_safetensors(path, tensors, metadata):
    """Written here and not by the package, which does not keep the order of the metadata."""
    header, data = {"__metadata__": metadata}, b""
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_file(path):
    """Read by the safetensors package, so that what is written here is checked by another's hand."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        return tensors, {key: json.loads(text) for key, text in file.metadata().items()}


def onnx_model(tensors, graph, output_shapes, name, producer):
    """`output_shapes`: one for each output. Only f32 inputs, outputs and plain attributes."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def values(names, shapes):
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip(names, shapes, strict=True)]

    inputs = values([i["name"] for i in graph["inputs"]], [i["shape"] for i in graph["inputs"]])
    outputs = values([o["name"] for o in graph["outputs"]], output_shapes)
    nodes = [helper.make_node(n["op"], n["inputs"], n["outputs"], n["name"], **n["attributes"]) for n in graph["nodes"]]
    initializers = [numpy_helper.from_array(tensors[key], key) for key in sorted(tensors)]
    model = helper.make_model(helper.make_graph(nodes, name, inputs, outputs, initializers),
                              opset_imports=[helper.make_opsetid("", graph["opset"])], ir_version=8,
                              producer_name=producer)
    onnx.checker.check_model(model, full_check=True)
    return model
