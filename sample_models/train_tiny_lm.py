#!/usr/bin/env python3
"""Trains the sample model `tiny-lm`, a language model of characters, and writes everything that depends on it.

usage: python sample_models/train_tiny_lm.py

Reads the two novels in `texts/`, writes `tiny-lm/model.safetensors` and the three sample sets beside it, then
checks them. The same processor makes the same bytes; another may round differently, so the last check compares
the perplexity with EXPECTED_PERPLEXITY within TOLERANCE.
"""
import importlib.metadata
import lzma
import os
import pathlib
import re

# One thread and one instruction set, so that sums do not depend on the number of cores.
os.environ["NPROC"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false --xla_cpu_max_isa=AVX2"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from common import graph_of, node, read_file, write_model, write_samples

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "tiny-lm"
TEXTS = ("pride_and_prejudice", "emma")
SEED = 0
MAX_FOLDER_BYTES = 2_000_000

CONTEXT = 128
WIDTH = 96
N_HEADS = 4
HEAD = WIDTH // N_HEADS
HIDDEN = 224
N_LAYERS = 3
ROPE_BASE = 10_000
NORM_EPSILON = float(np.float32(1e-5))
MASKED = float(np.float32(-1e9))

STEPS = 4800
WARMUP_STEPS = 200
BATCH = 16
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 0.1
MAX_GRADIENT_NORM = 1.0

# Factor on the rows of weights that read an outlier channel; a power of two keeps every product as it is.
OUTLIER = 4
N_OUTLIERS = 1

WINDOWS = {"eval": 128, "calibration": 16, "train": 320}
PARAGRAPH_END = "¶"
EXPECTED_PERPLEXITY = 3.138
TOLERANCE = 0.1

LICENCE = "Public domain (text); MIT or Apache-2.0 (weights)"
SOURCE = (
    "Jane Austen, Pride and Prejudice (1813) and Emma (1815), public domain, as in janeaustenr 1.0.0 by Julia Silge "
    "(MIT), which has them from Project Gutenberg"
)


# Text


def chapters(name):
    """The chapters of a novel: a line each paragraph, without the marks of italics."""
    text = lzma.decompress((HERE / "texts" / f"{name}.txt.xz").read_bytes()).decode()
    parts = re.split(r"(?mi)^\s*chapter [ivxl\d]+\s*$", text)[1:]
    return [clean(part) for part in parts]


def clean(part):
    part = re.sub(r"(?m)^\s*(VOLUME [IV]+|FINIS|THE END)\s*$", "", part)
    part = part.replace("_", "").replace("*", "").replace("[", "(").replace("]", ")")
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", part))
    return "\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def split_text():
    """Of each ten chapters one goes to eval and of each twenty one to calibration, the others to train."""
    parts = {"train": "", "eval": "", "calibration": ""}
    for idx, chapter in enumerate(chapter for name in TEXTS for chapter in chapters(name)):
        split = "eval" if idx % 10 == 7 else "calibration" if idx % 20 == 12 else "train"
        parts[split] += chapter
    return parts


def windows(tokens, n_windows):
    """[n_windows, CONTEXT + 1] at equal distances, none overlapping another."""
    starts = np.linspace(0, len(tokens) - CONTEXT - 1, n_windows).astype(int)
    assert n_windows == 1 or np.diff(starts).min() > CONTEXT, "windows overlap"
    return np.stack([tokens[start : start + CONTEXT + 1] for start in starts])


# Training


def rope_tables():
    """cos and sin [CONTEXT, HEAD] of position · ROPE_BASE^(−i / (HEAD/2)), both halves alike."""
    turns = float(ROPE_BASE) ** (-np.arange(HEAD // 2) / (HEAD // 2))
    angle = np.tile(np.arange(CONTEXT)[:, None] * turns, 2)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


COS, SIN = rope_tables()
MASK = np.where(np.tril(np.ones((CONTEXT, CONTEXT))) > 0, 0, MASKED).astype(np.float32)


def initial_tensors(rng, n_tokens):
    """Normal weights, those that add to the residual stream smaller; gains of one."""
    def matrix(n_in, n_out, std=None):
        return rng.normal(0, std or n_in**-0.5, (n_in, n_out)).astype(np.float32)

    small = (2 * N_LAYERS) ** -0.5
    tensors = {"tok_embeddings.weight": matrix(n_tokens, WIDTH, 1.0), "output.weight": matrix(WIDTH, n_tokens)}
    for i in range(N_LAYERS):
        layer = f"layers.{i}."
        for name in ("wq", "wk", "wv"):
            tensors[f"{layer}attention.{name}.weight"] = matrix(WIDTH, WIDTH)
        tensors[layer + "attention.wo.weight"] = matrix(WIDTH, WIDTH, small * WIDTH**-0.5)
        tensors[layer + "feed_forward.w1.weight"] = matrix(WIDTH, HIDDEN)
        tensors[layer + "feed_forward.w3.weight"] = matrix(WIDTH, HIDDEN)
        tensors[layer + "feed_forward.w2.weight"] = matrix(HIDDEN, WIDTH, small * HIDDEN**-0.5)
        for name in ("attention_norm", "ffn_norm"):
            tensors[f"{layer}{name}.weight"] = np.ones(WIDTH, np.float32)
    return {**tensors, "norm.weight": np.ones(WIDTH, np.float32)}


def rms_norm(x, gain):
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + NORM_EPSILON) * gain


def rotate(x):
    half = HEAD // 2
    return x * COS + jnp.concatenate([-x[..., half:], x[..., :half]], -1) * SIN


def logits(tensors, tokens):
    """[N, CONTEXT] → [N, CONTEXT, characters]."""
    x = tensors["tok_embeddings.weight"][tokens]
    for i in range(N_LAYERS):
        weight = lambda name: tensors[f"layers.{i}.{name}.weight"]
        h = rms_norm(x, weight("attention_norm"))
        q, k, v = ((h @ weight(f"attention.{name}")).reshape(-1, CONTEXT, N_HEADS, HEAD).swapaxes(1, 2)
                   for name in ("wq", "wk", "wv"))
        scores = rotate(q) @ rotate(k).swapaxes(2, 3) * HEAD**-0.5 + MASK
        mixed = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(-1, CONTEXT, WIDTH)
        x = x + mixed @ weight("attention.wo")
        h = rms_norm(x, weight("ffn_norm"))
        gated = jax.nn.silu(h @ weight("feed_forward.w1")) * (h @ weight("feed_forward.w3"))
        x = x + gated @ weight("feed_forward.w2")
    return rms_norm(x, tensors["norm.weight"]) @ tensors["output.weight"]


def mean_nll(tensors, rows):
    log_p = jax.nn.log_softmax(logits(tensors, rows[:, :-1]))
    return -jnp.take_along_axis(log_p, rows[:, 1:, None], 2).mean()


@jax.jit
def adamw_step(state, rows, learning_rate):
    """One step of AdamW (betas 0.9 and 0.98), gradients clipped together, gains not decayed."""
    trained, first, second, step = state
    step += 1
    loss, grads = jax.value_and_grad(mean_nll)(trained, rows)
    norm = jnp.sqrt(sum((g * g).sum() for g in grads.values()))
    grads = {k: g * jnp.minimum(1, MAX_GRADIENT_NORM / norm) for k, g in grads.items()}
    first = {k: 0.9 * first[k] + 0.1 * g for k, g in grads.items()}
    second = {k: 0.98 * second[k] + 0.02 * g * g for k, g in grads.items()}

    def moved(k):
        direction = first[k] / (1 - 0.9**step) / (jnp.sqrt(second[k] / (1 - 0.98**step)) + 1e-8)
        decay = WEIGHT_DECAY * trained[k] if trained[k].ndim == 2 else 0
        return trained[k] - learning_rate * (direction + decay)

    return ({k: moved(k) for k in trained}, first, second, step), loss


def train(tokens, n_tokens):
    rng = np.random.default_rng(SEED)
    trained = initial_tensors(rng, n_tokens)
    zeros = {k: np.zeros_like(v) for k, v in trained.items()}
    state = (trained, zeros, zeros, jnp.float32(0))
    places = np.arange(CONTEXT + 1)
    for step in range(STEPS):
        rows = tokens[rng.integers(0, len(tokens) - CONTEXT, BATCH)[:, None] + places]
        rate = min((step + 1) / WARMUP_STEPS, 0.5 * (1 + np.cos(np.pi * step / STEPS)) + 0.01)
        state, loss = adamw_step(state, rows, np.float32(LEARNING_RATE * rate))
        if step % 200 == 199:
            print(f"step {step + 1} of {STEPS}: {loss:.4f} nats a character", flush=True)
    return {k: np.asarray(v) for k, v in state[0].items()}


def with_outliers(tensors):
    """Behind every normalization some channels smaller by OUTLIER, the rows of weights that read them larger.

    gain_c · w_c is the same for each channel c, so the function is the same to the bit.
    """
    rng, changed = np.random.default_rng(SEED), dict(tensors)
    readers = {"norm": ["output"]}
    for layer in (f"layers.{i}." for i in range(N_LAYERS)):
        readers[layer + "attention_norm"] = [f"{layer}attention.{name}" for name in ("wq", "wk", "wv")]
        readers[layer + "ffn_norm"] = [f"{layer}feed_forward.{name}" for name in ("w1", "w3")]
    for norm, weights in readers.items():
        factor = np.ones(WIDTH, np.float32)
        factor[rng.choice(WIDTH, N_OUTLIERS, replace=False)] = OUTLIER
        changed[norm + ".weight"] = tensors[norm + ".weight"] / factor
        for name in weights:
            changed[name + ".weight"] = tensors[name + ".weight"] * factor[:, None]
    return changed


# Graph


def graph_nodes():
    nodes = [node("embed", "Gather", ["tok_embeddings.weight", "tokens"], axis=0)]
    x = "embed"
    for i in range(N_LAYERS):
        x = feed_forward_nodes(nodes, f"layers.{i}.", attention_nodes(nodes, f"layers.{i}.", x))
    nodes.append(node("output", "MatMul", [norm_nodes(nodes, "norm", x), "output.weight"], output="logits"))
    return nodes


def norm_nodes(nodes, name, x):
    """x / sqrt(mean(x²) + epsilon) · gain; returns the name of the result, as all of these do."""
    nodes += [
        node(name + ".square", "Mul", [x, x]),
        node(name + ".mean", "ReduceMean", [name + ".square"], axes=[-1], keepdims=1),
        node(name + ".epsilon", "Add", [name + ".mean", "const.epsilon"]),
        node(name + ".rms", "Sqrt", [name + ".epsilon"]),
        node(name + ".div", "Div", [x, name + ".rms"]),
        node(name, "Mul", [name + ".div", name + ".weight"]),
    ]
    return name


def attention_nodes(nodes, layer, x):
    normed = norm_nodes(nodes, layer + "attention_norm", x)
    for name in ("q", "k", "v"):
        weight = f"{layer}attention.w{name}"
        nodes += [
            node(weight, "MatMul", [normed, weight + ".weight"]),
            node(f"{layer}{name}.heads", "Reshape", [weight, "const.split_heads"]),
            node(f"{layer}{name}", "Transpose", [f"{layer}{name}.heads"], perm=[0, 2, 1, 3]),
        ]
    for name in (layer + "q", layer + "k"):
        nodes += [
            node(name + ".low", "Slice", [name, "const.zero", "const.half_head", "const.last_axis"]),
            node(name + ".high", "Slice", [name, "const.half_head", "const.head", "const.last_axis"]),
            node(name + ".negated", "Neg", [name + ".high"]),
            node(name + ".turned", "Concat", [name + ".negated", name + ".low"], axis=3),
            node(name + ".cos", "Mul", [name, "rope.cos"]),
            node(name + ".sin", "Mul", [name + ".turned", "rope.sin"]),
            node(name + ".rope", "Add", [name + ".cos", name + ".sin"]),
        ]
    nodes += [
        node(layer + "k.columns", "Transpose", [layer + "k.rope"], perm=[0, 1, 3, 2]),
        node(layer + "scores", "MatMul", [layer + "q.rope", layer + "k.columns"]),
        node(layer + "scaled", "Mul", [layer + "scores", "const.scale"]),
        node(layer + "masked", "Add", [layer + "scaled", "const.mask"]),
        node(layer + "attention", "Softmax", [layer + "masked"], axis=-1),
        node(layer + "mixed", "MatMul", [layer + "attention", layer + "v"]),
        node(layer + "mixed.rows", "Transpose", [layer + "mixed"], perm=[0, 2, 1, 3]),
        node(layer + "mixed.joined", "Reshape", [layer + "mixed.rows", "const.join_heads"]),
        node(layer + "attention.wo", "MatMul", [layer + "mixed.joined", layer + "attention.wo.weight"]),
        node(layer + "attention.residual", "Add", [x, layer + "attention.wo"]),
    ]
    return layer + "attention.residual"


def feed_forward_nodes(nodes, layer, x):
    """w2 · (silu(w1 · h) ⊙ (w3 · h)), added to x."""
    normed, part = norm_nodes(nodes, layer + "ffn_norm", x), layer + "feed_forward."
    nodes += [
        node(part + "w1", "MatMul", [normed, part + "w1.weight"]),
        node(part + "sigmoid", "Sigmoid", [part + "w1"]),
        node(part + "silu", "Mul", [part + "w1", part + "sigmoid"]),
        node(part + "w3", "MatMul", [normed, part + "w3.weight"]),
        node(part + "gated", "Mul", [part + "silu", part + "w3"]),
        node(part + "w2", "MatMul", [part + "gated", part + "w2.weight"]),
        node(part + "residual", "Add", [x, part + "w2"]),
    ]
    return part + "residual"


GRAPH = graph_of(graph_nodes(), inputs=[("tokens", "i64", ["N", CONTEXT])], outputs=["logits"])
CONSTANTS = {
    "rope.cos": COS[None, None], "rope.sin": SIN[None, None], "const.mask": MASK[None, None],
    "const.epsilon": np.float32([NORM_EPSILON]), "const.scale": np.float32([HEAD**-0.5]),
    "const.split_heads": np.int64([-1, CONTEXT, N_HEADS, HEAD]), "const.join_heads": np.int64([-1, CONTEXT, WIDTH]),
    "const.zero": np.int64([0]), "const.half_head": np.int64([HEAD // 2]), "const.head": np.int64([HEAD]),
    "const.last_axis": np.int64([3]),
}


# Files


def write_sets(parts, vocabulary):
    """Writes the three sample sets; returns the tokens of the whole text of each."""
    number = {character: idx for idx, character in enumerate(vocabulary)}
    tokens = {split: np.array([number[character] for character in text], np.uint8) for split, text in parts.items()}
    for split, n_windows in WINDOWS.items():
        header = {
            "version": 1, "task": "language-model", "split": split, "classes": None, "layout": None, "image": False,
            "licence": LICENCE, "source": SOURCE,
        }
        write_samples(FOLDER / f"{split}.safetensors", {"tokens": windows(tokens[split], n_windows)}, header)
    return tokens


def perplexity(tensors, rows):
    """By the code that trained, in parts that fit the cache."""
    parts = [float(jax.jit(mean_nll)(tensors, part)) for part in np.split(rows.astype(np.int32), len(rows) // BATCH)]
    return float(np.exp(np.mean(parts)))


def onnx_perplexity(tensors, graph, rows):
    """By ONNX Runtime from the graph, apart from the code that trained; the logarithms in f64."""
    values = [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N", CONTEXT]),
              helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CONTEXT, None])]
    nodes = [helper.make_node(n["op"], n["inputs"], n["outputs"], n["name"], **n["attributes"]) for n in graph["nodes"]]
    weights = [numpy_helper.from_array(tensors[name], name) for name in sorted(tensors)]
    model = helper.make_model(helper.make_graph(nodes, "tiny-lm", values[:1], values[1:], weights),
                              opset_imports=[helper.make_opsetid("", graph["opset"])], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    rows = rows.astype(np.int64)
    out = session.run(["logits"], {"tokens": rows[:, :-1]})[0].astype(np.float64)
    top = out.max(-1, keepdims=True)
    log_p = out - top - np.log(np.exp(out - top).sum(-1, keepdims=True))
    return float(np.exp(-np.take_along_axis(log_p, rows[:, 1:, None], 2).mean()))


def model_card(vocabulary, value, n_trained, n_characters):
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("jax", "numpy"))
    return {
        "title": "Tiny language model",
        "teaches": (
            "What groups are for: at 4 bits one scale per tensor doubles the perplexity, one per channel adds 0.27 to "
            "it, one for each 32 weights 0.12."
        ),
        "licence": LICENCE, "source": SOURCE, "classes": None,
        "description": (
            f"A language model of single characters in the form of Llama: {N_LAYERS} layers of width {WIDTH} with "
            f"RMSNorm, {N_HEADS} heads with rotary positions, and SwiGLU of width {HIDDEN}; {n_trained:,} weights, no "
            "biases. It knows the words and manners of Jane Austen, and not what they mean."
        ),
        "data": (
            "Pride and Prejudice and Emma, public domain. Of each ten chapters one is held out for eval, of each "
            f"twenty one for calibration. Windows of {CONTEXT} characters and the next; ¶ ends a paragraph. Changes: "
            "headings and marks of italics left out, lines of a paragraph joined."
        ),
        "trained": (
            f"{versions}; {STEPS} steps of AdamW ({BATCH} windows each, about "
            f"{STEPS * BATCH * CONTEXT / n_characters:.0f} epochs; learning rate {LEARNING_RATE:g} with cosine decay, "
            f"weight decay {WEIGHT_DECAY:g} on matrices), seed {SEED}. Afterwards, one channel behind each "
            f"normalization was made {OUTLIER} times smaller and the weights that read it {OUTLIER} times larger. "
            "That changes no output; training alone gave no outliers such as those of large language models."
        ),
        "metric": {"name": "perplexity", "value": value, "samples": WINDOWS["eval"], "split": "eval",
                   "tolerance": TOLERANCE},
        "try": [
            "`int:bits=4,granularity=per-tensor` gives a perplexity of 7.0 instead of 3.1, "
            "`int:bits=4,granularity=per-channel` 3.4, and `int:bits=4,granularity=per-group,group-size=32` 3.3.",
            "`int:bits=4,granularity=per-tensor,range=mse` clips the outliers: 3.7 without another scale.",
            "Scales cost bits too: `int:bits=3,granularity=per-group,group-size=32` stores 4.0 bits per weight and "
            "gives 4.2, `int:bits=4,granularity=per-channel` stores 4.3 and gives 3.4.",
        ],
        "vocabulary": [PARAGRAPH_END if character == "\n" else character for character in vocabulary],
    }


def verify():
    """Reads the written files back and runs the graph with ONNX Runtime, apart from the training code."""
    tensors, metadata = read_file(FOLDER / "model.safetensors")
    card = metadata["quantscope.card"]
    assert metadata["quantscope.graph"] == GRAPH, "the graph changed on its way"
    sets = {split: read_file(FOLDER / f"{split}.safetensors")[0]["tokens"] for split in WINDOWS}
    assert max(tokens.max() for tokens in sets.values()) < len(card["vocabulary"])
    n_bytes = sum(path.stat().st_size for path in FOLDER.iterdir())
    assert n_bytes < MAX_FOLDER_BYTES, f"{FOLDER.name} has {n_bytes} bytes, allowed are {MAX_FOLDER_BYTES}"

    value, by_training_code = onnx_perplexity(tensors, GRAPH, sets["eval"]), perplexity(tensors, sets["eval"])
    print(f"float perplexity on eval: {value:.4f} over {sets['eval'][:, 1:].size} characters; {n_bytes} bytes")
    print("".join(card["vocabulary"][token] for token in sets["eval"][0]))
    assert abs(value - by_training_code) < 1e-4 * value, f"the code that trained gives {by_training_code}"
    assert abs(value - card["metric"]["value"]) < 1e-6 * value, f"the card says {card['metric']['value']}"
    assert abs(value - EXPECTED_PERPLEXITY) <= TOLERANCE, f"expected {EXPECTED_PERPLEXITY} within {TOLERANCE}"


def main():
    FOLDER.mkdir(exist_ok=True)
    parts = split_text()
    vocabulary = sorted(set("".join(parts.values())))
    tokens = write_sets(parts, vocabulary)
    trained = train(tokens["train"].astype(np.int32), len(vocabulary))
    tensors = {**with_outliers(trained), **CONSTANTS}
    value = onnx_perplexity(tensors, GRAPH, windows(tokens["eval"], WINDOWS["eval"]))
    n_trained = sum(array.size for array in trained.values())
    card = model_card(vocabulary, value, n_trained, len(tokens["train"]))
    write_model(FOLDER / "model.safetensors", tensors, GRAPH, card)
    verify()


if __name__ == "__main__":
    main()
