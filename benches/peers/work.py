"""The peers' side: the same work in numpy, torch, ONNX Runtime and llama.cpp's gguf.

Started by run.py with the threads it may use; answers every name on standard input with one line
of JSON: seconds of some runs, pictures of one run, and a figure that must be the one Quantscope
finds, so that the work is the same.
"""

import functools
import importlib.metadata
import json
import pathlib
import sys
import time

import numpy as np

THREADS = int(sys.argv[1])
MODELS = pathlib.Path(sys.argv[2])
PROJECT = pathlib.Path(__file__).resolve().parents[2]
SIDE = 4096

try:
    import torch

    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(False)
    WITHOUT_TORCH = None
except Exception as error:  # Libraries that are not there raise anything.
    torch = None
    WITHOUT_TORCH = str(error).splitlines()[0]


@functools.cache
def bell():
    """The weights of `bell` in benches/peers.rs, bit for bit."""
    rows = []
    for row in range(SIDE):
        z = (np.arange(row * SIDE + 1, (row + 1) * SIDE + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        parts = sum((z >> np.uint64(16 * k)) & np.uint64(0xFFFF) for k in range(4))
        spread = np.float32(0.01) * np.float32(1 + row % 5)
        rows.append((parts.astype(np.float32) - np.float32(131070)) / np.float32(65536) * spread)
    return np.stack(rows)


def timed(n, work):
    """Seconds of n runs after one that does not count, and what the last returns."""
    seconds = []
    for nth in range(n + 1):
        started = time.perf_counter()
        figure = work()
        if nth:
            seconds.append(time.perf_counter() - started)
    return seconds, figure


def shaped(granularity):
    """Rows that share a scale."""
    return {"per-tensor": (1, -1), "per-channel": (SIDE, -1), "per-group": (-1, 32)}[granularity]


def numpy_error(bits, granularity, ranges):
    x = bell().reshape(shaped(granularity))
    top = np.float32(2 ** (bits - 1) - 1)
    buffer = np.empty_like(x)
    largest = np.abs(x).max(axis=1, keepdims=True)

    def work():
        known = largest if ranges == "cached" else np.maximum(x.max(1, keepdims=True), -x.min(1, keepdims=True))
        scale = known / top
        np.divide(x, scale, out=buffer)
        np.rint(buffer, out=buffer)
        np.clip(buffer, -top, top, out=buffer)
        np.multiply(buffer, scale, out=buffer)
        np.subtract(x, buffer, out=buffer)
        flat = buffer.reshape(-1)
        return float(np.dot(flat, flat)) / x.size

    return timed(3, work)


def torch_error(bits, granularity, ranges):
    x = torch.from_numpy(bell()).reshape(shaped(granularity))
    top = 2 ** (bits - 1) - 1
    largest = x.abs().amax(1, keepdim=True)

    def scales():
        if ranges == "cached":
            return largest / top
        lo, hi = torch.aminmax(x, dim=1, keepdim=True)
        return torch.maximum(hi, -lo) / top

    def fused():
        if granularity == "per-tensor":
            v = torch.fake_quantize_per_tensor_affine(x, scales().item(), 0, -top, top)
        else:
            scale = scales().reshape(-1)
            zeros = torch.zeros(scale.shape, dtype=torch.int32)
            v = torch.fake_quantize_per_channel_affine(x, scale, zeros, 0, -top, top)
        return torch.nn.functional.mse_loss(x, v).item()

    def plain():
        scale = scales()
        v = x.div(scale).round_().clamp_(-top, top).mul_(scale)
        return torch.nn.functional.mse_loss(x, v).item()

    # Which of the two is faster depends on the granularity and the version: the faster one counts.
    return min((timed(3, work) for work in (fused, plain)), key=lambda done: sorted(done[0])[1])


def gguf_blocks(kind):
    import gguf

    kind = gguf.GGMLQuantizationType[kind.upper()]
    return timed(1, lambda: gguf.quants.quantize(bell(), kind).sum(dtype=np.float64).item())


@functools.cache
def model(name):
    import graph

    folder = PROJECT / "sample_models" / name if name.startswith("glyphs") else MODELS / "resnet8_cifar10"
    return graph.Model(folder)


def onnxruntime_accuracy(name):
    run = model(name).onnxruntime_session(THREADS)
    return timed(3, lambda: model(name).accuracy(run))


def torch_accuracy(name):
    run = model(name).torch_function()
    return timed(2, lambda: model(name).accuracy(run))


def answer(name):
    peer, kind, *rest = name.split("/")
    items = 0
    if kind == "error":
        work = {"numpy": numpy_error, "torch": torch_error}[peer]
        seconds, figure = work(int(rest[0]), rest[1], rest[2])
    elif kind == "gguf":
        seconds, figure = gguf_blocks(rest[0])
    else:
        work = {"onnxruntime": onnxruntime_accuracy, "torch": torch_accuracy}[peer]
        seconds, figure = work(rest[0])
        items = len(model(rest[0]).labels)
    return {"name": name, "seconds": seconds, "items": items, "figure": figure}


def versions():
    found = {"python": sys.version.split()[0]}
    for package in ["numpy", "torch", "onnxruntime", "gguf"]:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def main():
    first = {"versions": versions(), "without_torch": WITHOUT_TORCH}
    print(json.dumps(first), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)


main()
