#!/usr/bin/env python3
"""Trains the sample model `glyphs-mobilenet` or `glyphs-resnet` and writes its folder.

usage: python sample_models/train_glyphs.py mobilenet|resnet

Writes `model.safetensors` and the three sample sets, the same in both folders, then reads them back and checks them.
The same processor makes the same bytes; another may round differently, so the last check compares the accuracy
with the model's `expected_top1` within TOLERANCE. The pictures are drawn by `glyph_pictures.py`, which names the fonts.
"""
import functools
import os
import pathlib
import sys
import time
import typing
import zlib

# One thread and one instruction set, so that sums do not depend on the number of cores.
os.environ["NPROC"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false --xla_cpu_max_isa=AVX2"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
import PIL
from jax import lax
from onnx import numpy_helper
from PIL import features

import glyph_pictures
import oracle
from common import graph_of, node, onnx_model, read_file, write_model, write_samples
from glyph_pictures import CLASSES, EVAL_FONTS, LEVELS, SIDE, TRAIN_FONTS, fonts_text

HERE = pathlib.Path(__file__).resolve().parent
SEED = 0
TRAINING_PER_CLASS = 1600
PER_CLASS = {"train": 24, "calibration": 8, "eval": 64}
BATCH = 64
WEIGHT_DECAY = 0.05
BN_MOMENTUM = 0.97
BN_EPSILON = float(np.float32(1e-3))
GREY_MIDDLE = (LEVELS - 1) / 2
TOLERANCE = 0.015
# In half of the depthwise layers at least.
MIN_DEPTHWISE_SPREAD = 20
MAX_COMPRESSED_BYTES = 1_800_000
FREETYPE = features.version_module("freetype2")
LICENCE = "MIT OR Apache-2.0"
SOURCE = "drawn and trained for Quantscope by sample_models/glyph_pictures.py and sample_models/train_glyphs.py"


# The graphs, in the form of `quantscope.graph`; training, safetensors and ONNX all read these lists.


def conv_bn(name, source, kernel, stride=1, group=1):
    """Convolution without bias, padded to keep the picture's size divided by the stride; then batch normalization."""
    pad, bn = kernel // 2, name + ".bn"
    return [
        node(name, "Conv", [source, name + ".weight"], dilations=[1, 1], group=group,
             kernel_shape=[kernel, kernel], pads=[pad] * 4, strides=[stride, stride]),
        node(bn, "BatchNormalization", [name] + [f"{bn}.{part}" for part in ("gamma", "beta", "mean", "var")],
             epsilon=BN_EPSILON),
    ]


def relu6(name, source):
    return [node(name, "Clip", [source, "relu6.min", "relu6.max"])]


def relu(name, source):
    return [node(name, "Relu", [source])]


def head(source):
    return [
        node("gap", "GlobalAveragePool", [source]),
        node("flatten", "Flatten", ["gap"], axis=1),
        node("fc", "Gemm", ["flatten", "fc.weight", "fc.bias"], output="logits", transB=1),
    ]


def separable_block(name, source, n_channels, stride):
    return [
        *conv_bn(f"{name}.dw", source, 3, stride, group=n_channels), *relu6(f"{name}.dw.relu6", f"{name}.dw.bn"),
        *conv_bn(f"{name}.pw", f"{name}.dw.relu6", 1), *relu6(f"{name}.pw.relu6", f"{name}.pw.bn"),
    ]


def residual_block(name, source, stride):
    """Two convolutions added to the source, which passes through a 1 × 1 convolution where the shape changes."""
    shortcut = conv_bn(f"{name}.shortcut", source, 1, stride) if stride > 1 else []
    return [
        *conv_bn(f"{name}.conv1", source, 3, stride), *relu(f"{name}.conv1.relu", f"{name}.conv1.bn"),
        *conv_bn(f"{name}.conv2", f"{name}.conv1.relu", 3), *shortcut,
        node(f"{name}.add", "Add", [f"{name}.shortcut.bn" if shortcut else source, f"{name}.conv2.bn"]),
        *relu(f"{name}.relu", f"{name}.add"),
    ]


SEPARABLE = [(16, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 128, 1)]
RESIDUAL = [(16, 16, 1), (16, 32, 2), (32, 64, 2)]


def mobilenet():
    nodes = [*conv_bn("stem", "input", 3, 2), *relu6("stem.relu6", "stem.bn")]
    shapes = {"stem": (16, 1, 3, 3)}
    for i, (n_in, n_out, stride) in enumerate(SEPARABLE, 1):
        nodes += separable_block(f"block{i}", nodes[-1]["outputs"][0], n_in, stride)
        shapes |= {f"block{i}.dw": (n_in, 1, 3, 3), f"block{i}.pw": (n_out, n_in, 1, 1)}
    return nodes + head(nodes[-1]["outputs"][0]), shapes | {"fc": (len(CLASSES), n_out)}


def resnet():
    nodes = [*conv_bn("stem", "input", 3, 2), *relu("stem.relu", "stem.bn")]
    shapes = {"stem": (16, 1, 3, 3)}
    for i, (n_in, n_out, stride) in enumerate(RESIDUAL, 1):
        nodes += residual_block(f"block{i}", nodes[-1]["outputs"][0], stride)
        shapes |= {f"block{i}.conv1": (n_out, n_in, 3, 3), f"block{i}.conv2": (n_out, n_out, 3, 3)}
        if stride > 1:
            shapes[f"block{i}.shortcut"] = (n_out, n_in, 1, 1)
    return nodes + head(nodes[-1]["outputs"][0]), shapes | {"fc": (len(CLASSES), n_out)}


class Recipe(typing.NamedTuple):
    title: str
    teaches: str
    description: str
    layers: typing.Callable
    epochs: int
    learning_rate: float
    gamma_spread: float
    how: str
    things_to_try: list
    expected_top1: float


RECIPES = {
    "mobilenet": Recipe(
        title="Glyphs, MobileNet style",
        teaches=(
            "Channels of unlike range: with one scale per tensor, 5 bits leave 36 % and 4 bits 5 % of answers right; "
            "with one scale per channel 94 and 93 %."
        ),
        description=(
            "A network of six depthwise-separable blocks in the style of MobileNet, with BatchNormalization, which is "
            "not folded, and ReLU6. Folded into a depthwise convolution, BatchNormalization gives each channel's nine "
            "weights a scale of its own."
        ),
        layers=mobilenet, epochs=5, learning_rate=4e-3, gamma_spread=64.0,
        how=(
            "The gammas of the stem and of the pointwise convolutions start evenly spread, by their logarithm, over "
            "1/64 to 1. After training and folding, the channel ranges of the depthwise weights differ by factors of 20 "
            "to 40, in block1.dw of 7; nothing was changed after training. The spread was chosen among 1, 1/20, 1/24 and "
            "1/64 so that these factors come out; the epochs so that eval keeps a few errors in float."
        ),
        things_to_try=[
            "`int:bits=4` leaves 5.0 % of answers right, `int:bits=4,granularity=per-channel` 92.7 %, against 95.3 % in "
            "float.",
            "Quantize only the six depthwise layers, 7 % of the weights, to int:bits=4: 3.7 %. Keep them at "
            "int:bits=8,granularity=per-channel and set the rest to int:bits=4,granularity=per-channel: 94.1 %.",
            "Set all weights to 4 bits per tensor and switch folding off in Quantizer: 62.3 %. It is folding that brings the "
            "unlike ranges into the weights.",
        ],
        expected_top1=0.9531,
    ),
    "resnet": Recipe(
        title="Glyphs, ResNet style",
        teaches=(
            "The sturdy contrast to glyphs-mobilenet: plain 3 × 3 convolutions have channels of like ranges, so 5 bits "
            "cost a point and 4 bits four even with one scale per tensor; only at 3 bits does the choice decide."
        ),
        description=(
            "A residual network in the style of ResNet: three blocks of two 3 × 3 convolutions, each convolution with "
            "BatchNormalization, stored unfolded. Reads the same pictures as glyphs-mobilenet."
        ),
        layers=resnet, epochs=3, learning_rate=3e-3, gamma_spread=1.0,
        how=(
            "Nothing was done for or against quantization. Three epochs were chosen, looking at eval, so that it keeps "
            "a few errors in float."
        ),
        things_to_try=[
            "`int:bits=5` leaves 94.9 % of answers right and `int:bits=4` 92.6 %, against 96.3 % in float. Then do the "
            "same to glyphs-mobilenet.",
            "`int:bits=3` gives 56.4 %, `int:bits=3,range=mse` 85.2 %, `int:bits=3,granularity=per-channel` 88.1 %.",
            "Keep stem and block1 at int8 and the rest at int:bits=3: 77.1 %. These 6 % of the weights bring back half "
            "of the loss.",
        ],
        expected_top1=0.9629,
    ),
}


# Training. Pictures are NHWC here, weights keep the order of ONNX.


def initial_tensors(shapes, gamma_spread, rng):
    """He-normal weights; returns (trained, running): what the optimizer moves, and BN's mean and variance.

    The gammas of the stem and of pointwise convolutions start evenly spread, by their logarithm, over
    [1 / gamma_spread, 1], in a random order; all others start at 1.
    """
    trained, running = {}, {}
    for name, shape in shapes.items():
        n_out, fan_in = shape[0], int(np.prod(shape[1:]))
        trained[name + ".weight"] = rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        if name == "fc":
            trained["fc.bias"] = np.zeros(n_out, np.float32)
            continue
        trained[name + ".bn.gamma"] = np.ones(n_out, np.float32)
        if name == "stem" or name.endswith(".pw"):
            exponents = -rng.permutation(np.linspace(0, 1, n_out))
            trained[name + ".bn.gamma"] = (gamma_spread**exponents).astype(np.float32)
        trained[name + ".bn.beta"] = np.zeros(n_out, np.float32)
        running[name + ".bn.mean"] = np.zeros(n_out, np.float32)
        running[name + ".bn.var"] = np.ones(n_out, np.float32)
    return trained, running


def shifted(x, stride):
    """The nine views of a picture that a 3 × 3 kernel sees."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return [padded[:, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)]


def depthwise_plain(x, weight, stride):
    return sum(view * weight[k] for k, view in enumerate(shifted(x, stride)))


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def depthwise(x, weight, stride):
    """3 × 3 depthwise convolution, weight [9, C]. Written out because XLA's own is some ten times slower here."""
    return depthwise_plain(x, weight, stride)


def depthwise_forward(x, weight, stride):
    return depthwise_plain(x, weight, stride), (x, weight)


def depthwise_backward(stride, saved, grad):
    x, weight = saved
    gap = stride - 1
    spread_out = lax.pad(grad, jnp.float32(0), ((0, 0, 0), (0, gap, gap), (0, gap, gap), (0, 0, 0)))
    n_channels = x.shape[-1]
    ones = jnp.ones((1, grad.size // n_channels), jnp.float32)
    of_weight = jnp.concatenate([ones @ (view * grad).reshape(-1, n_channels) for view in shifted(x, stride)])
    return depthwise_plain(spread_out, weight[::-1], 1), of_weight


depthwise.defvjp(depthwise_forward, depthwise_backward)


def convolve(x, weight, attributes):
    stride, pad = attributes["strides"][0], attributes["pads"][0]
    if attributes["group"] > 1:
        return depthwise(x, weight.reshape(-1, 9).T, stride)
    if attributes["kernel_shape"] == [1, 1]:
        return x[:, ::stride, ::stride] @ weight[:, :, 0, 0].T
    return lax.conv_general_dilated(x, weight.transpose(2, 3, 1, 0), (stride, stride), [(pad, pad)] * 2,
                                    dimension_numbers=("NHWC", "HWIO", "NHWC"))


def batch_norm(x, gamma, beta):
    """Normalizes by the batch's own mean and variance, which it returns too."""
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / jnp.sqrt(var + BN_EPSILON) * gamma + beta, mean, var


def forward_in_training(nodes, trained, running, x):
    """Runs the nodes on a batch; returns the logits and the updated running statistics."""
    values, updated = {"input": x, **trained}, {}
    for n in nodes:
        args = [values.get(name) for name in n["inputs"]]
        match n["op"]:
            case "Conv":
                out = convolve(args[0], args[1], n["attributes"])
            case "BatchNormalization":
                out, mean, var = batch_norm(args[0], args[1], args[2])
                for name, new in ((n["inputs"][3], mean), (n["inputs"][4], var)):
                    updated[name] = BN_MOMENTUM * running[name] + (1 - BN_MOMENTUM) * new
            case "Relu":
                out = jax.nn.relu(args[0])
            case "Clip":
                out = jnp.clip(args[0], 0, 6)
            case "Add":
                out = args[0] + args[1]
            case "GlobalAveragePool":
                out = args[0].mean((1, 2))
            case "Flatten":
                out = args[0]
            case "Gemm":
                out = args[0] @ args[1].T + args[2]
            case op:
                raise ValueError(f"node {n['name']!r}: no training rule for {op}")
        values[n["outputs"][0]] = out
    return values["logits"], updated


def make_step(nodes):
    def cross_entropy(trained, running, x, labels):
        logits, running = forward_in_training(nodes, trained, running, x)
        log_p = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(log_p, labels[:, None], 1).mean(), running

    @jax.jit
    def adamw_step(state, x, labels, learning_rate):
        """One step of AdamW (betas 0.9 and 0.999) with decoupled decay of every trained tensor."""
        trained, running, first, second, step = state
        step += 1
        (loss, running), grads = jax.value_and_grad(cross_entropy, has_aux=True)(trained, running, x, labels)
        first = {k: 0.9 * first[k] + 0.1 * g for k, g in grads.items()}
        second = {k: 0.999 * second[k] + 0.001 * g * g for k, g in grads.items()}

        def moved(k):
            direction = first[k] / (1 - 0.9**step) / (jnp.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
            return trained[k] - learning_rate * (direction + WEIGHT_DECAY * trained[k])

        return ({k: moved(k) for k in trained}, running, first, second, step), loss

    return adamw_step


def network_input(images):
    return (images.astype(np.float32) - np.float32(GREY_MIDDLE)) / np.float32(GREY_MIDDLE)


def train(recipe, nodes, shapes, images, labels):
    """Returns all tensors of the model, BN statistics included."""
    rng = np.random.default_rng(SEED)
    trained, running = initial_tensors(shapes, recipe.gamma_spread, rng)
    zeros = {k: np.zeros_like(v) for k, v in trained.items()}
    state = (trained, running, zeros, zeros, jnp.float32(0))
    step, labels = make_step(nodes), labels.astype(np.int32)
    steps_per_epoch = len(images) // BATCH
    for epoch in range(recipe.epochs):
        started, total = time.monotonic(), 0.0
        order = rng.permutation(len(images))[: steps_per_epoch * BATCH].reshape(steps_per_epoch, BATCH)
        for i, rows in enumerate(order):
            done = (epoch * steps_per_epoch + i) / (recipe.epochs * steps_per_epoch)
            rate = recipe.learning_rate * min(1, done * 50 + 0.02) * 0.5 * (1 + np.cos(np.pi * done))
            state, loss = step(state, network_input(images[rows])[..., None], labels[rows], np.float32(rate))
            total += float(loss)
        print(f"epoch {epoch + 1} of {recipe.epochs}: loss {total / steps_per_epoch:.4f}, "
              f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return {k: np.asarray(v) for k, v in {**state[0], **state[1]}.items()}


# Files


def sample_header(split):
    return {
        "version": 1, "task": "classification", "split": split, "classes": CLASSES, "layout": "NHW",
        "image": True, "image_max": LEVELS - 1,
        "preprocess": {"subtract": [GREY_MIDDLE], "divide": [GREY_MIDDLE]},
        "licence": LICENCE, "source": SOURCE,
    }


def write_sample_sets(folder):
    for split, per_class in PER_CLASS.items():
        images, labels = glyph_pictures.pictures(split, per_class)
        write_samples(folder / f"{split}.safetensors", {"inputs": images, "labels": labels}, sample_header(split))


def runnable(tensors, graph):
    return onnx_model(tensors, graph, [["N", len(CLASSES)]], "glyphs", "train_glyphs.py")


def evaluated(folder, tensors, graph):
    """(correct, n) of the float model on the written `eval`, by ONNX Runtime."""
    inputs, labels = oracle.read_samples(folder / "eval.safetensors")
    return int((oracle.predictions(runnable(tensors, graph), inputs) == labels).sum()), len(labels)


def model_card(recipe, correct, n_eval):
    n_training = TRAINING_PER_CLASS * len(CLASSES)
    versions = f"JAX {jax.__version__}, numpy {np.__version__}, Pillow {PIL.__version__} with FreeType {FREETYPE}"
    metric = {"name": "top1", "value": correct / n_eval, "samples": n_eval, "split": "eval", "tolerance": TOLERANCE}
    return {
        "title": recipe.title, "teaches": recipe.teaches, "description": recipe.description,
        "data": (
            "32 × 32 pictures in 16 greys of the 10 digits and 22 letters (without I, L, O and U, which are too much "
            "like others), drawn from free fonts: one character moved, turned, slanted and scaled at random, often with "
            "parts of neighbours and a stroke, on an uneven ground with noise. No font of eval is among "
            f"those of train and calibration. Fonts of train and calibration: {fonts_text(TRAIN_FONTS)}. Fonts of eval: "
            f"{fonts_text(EVAL_FONTS)}. The stored train set, {PER_CLASS['train']} for each class, is of the same kind "
            "as what the model was trained on, but not part of it."
        ),
        "licence": LICENCE, "source": SOURCE, "classes": CLASSES,
        "trained": (
            f"{n_training} pictures drawn for training and not stored, {recipe.epochs} epochs of AdamW (batch {BATCH}, "
            f"learning rate {recipe.learning_rate:g} with cosine decay, weight decay {WEIGHT_DECAY:g} on every trained "
            f"tensor), seed {SEED}; {versions}. {recipe.how}"
        ),
        "metric": metric,
        "try": recipe.things_to_try,
    }


def channel_spreads(tensors, graph):
    """For each depthwise weight with BatchNormalization folded in: largest channel range through smallest."""
    depthwise_names = {n["inputs"][1] for n in graph["nodes"] if n["op"] == "Conv" and n["attributes"]["group"] > 1}
    folded = oracle.fold_batch_norm(runnable(tensors, graph)).graph.initializer
    ranges = {t.name: np.abs(numpy_helper.to_array(t)).max((1, 2, 3)) for t in folded if t.name in depthwise_names}
    return {name: float(r.max() / r.min()) for name, r in ranges.items()}


def verify(folder, recipe):
    """Reads the written files back, independently of what made them."""
    tensors, metadata = read_file(folder / "model.safetensors")
    card, graph = metadata["quantscope.card"], metadata["quantscope.graph"]
    images = np.concatenate([read_file(folder / f"{split}.safetensors")[0]["inputs"] for split in PER_CLASS])
    assert len(np.unique(images, axis=0)) == len(images), "an image stands in two places"
    n_bytes = sum(len(zlib.compress(path.read_bytes(), 9)) for path in folder.iterdir())
    assert n_bytes < MAX_COMPRESSED_BYTES, f"{folder.name} has {n_bytes} bytes compressed"

    correct, n_eval = evaluated(folder, tensors, graph)
    top1 = correct / n_eval
    print(f"float top-1 on eval: {top1:.4f} ({correct} of {n_eval}); "
          f"{sum(t.size for t in tensors.values())} numbers, {n_bytes} bytes compressed")
    spreads = channel_spreads(tensors, graph)
    for name, spread in spreads.items():
        print(f"{name}: channel ranges differ by a factor of {spread:.1f}")
    assert not spreads or np.median(list(spreads.values())) > MIN_DEPTHWISE_SPREAD
    assert top1 == card["metric"]["value"], f"the card says {card['metric']['value']}"
    assert abs(top1 - recipe.expected_top1) <= TOLERANCE, f"expected {recipe.expected_top1} within {TOLERANCE}"


def main(kind):
    recipe, folder = RECIPES[kind], HERE / f"glyphs-{kind}"
    folder.mkdir(exist_ok=True)
    write_sample_sets(folder)
    nodes, shapes = recipe.layers()
    graph = graph_of(nodes, [("input", "f32", ["N", 1, SIDE, SIDE])], ["logits"])
    tensors = train(recipe, nodes, shapes, *glyph_pictures.pictures("training", TRAINING_PER_CLASS))
    if kind == "mobilenet":
        tensors |= {"relu6.min": np.array(0, np.float32), "relu6.max": np.array(6, np.float32)}
    write_model(folder / "model.safetensors", tensors, graph, model_card(recipe, *evaluated(folder, tensors, graph)))
    verify(folder, recipe)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in RECIPES:
        sys.exit(__doc__)
    main(sys.argv[1])
