"""Slow readings of the ONNX specification in f64, for operators that the onnx package's evaluator gets wrong.

`expected(case)` is the result, or `None` for an operator that is not here. The stored outputs must
agree with it; the evaluator then is not asked.
"""
import itertools

import numpy as np


def expected(case):
    function = {
        "Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool, "AveragePool": average_pool,
        "GlobalMaxPool": global_max_pool, "BatchNormalization": batch_normalization,
        "InstanceNormalization": instance_normalization, "LpNormalization": lp_normalization, "LRN": lrn,
        "Softmax": softmax, "LogSoftmax": softmax, "Mean": mean, "Where": where, "Pad": pad, "CumSum": cumsum,
        "GatherElements": gather_elements, "Upsample": resize_10, "Reshape": reshape,
    }.get(case.op, resize_10 if case.op == "Resize" and case.opset == 10 else None)
    if function is None or case.n_outputs > 1:
        return None
    wide = [v.astype(np.float64) if v is not None and v.dtype == np.float32 else v for v in case.inputs]
    with np.errstate(all="ignore"):
        return [function(case, *wide)]


class Windows:
    """Where the windows of a convolution or pooling lie."""

    def __init__(self, case, sizes, kernel):
        rank = len(sizes)
        attribute = case.attributes.get
        self.sizes, self.kernel = sizes, kernel
        self.strides = attribute("strides", [1] * rank)
        self.dilations = attribute("dilations", [1] * rank)
        pads = attribute("pads", [0] * (2 * rank))
        self.begins, self.ends = list(pads[:rank]), list(pads[rank:])
        self.spans = [d * (k - 1) + 1 for d, k in zip(self.dilations, kernel)]
        mode = attribute("auto_pad", "NOTSET")
        self.counts = []
        for i, (size, stride, span) in enumerate(zip(sizes, self.strides, self.spans)):
            if mode in ("SAME_UPPER", "SAME_LOWER"):
                count = -(-size // stride)
                total = max((count - 1) * stride + span - size, 0)
                self.begins[i] = total // 2 if mode == "SAME_UPPER" else total - total // 2
                self.ends[i] = total - self.begins[i]
            else:
                room = size + self.begins[i] + self.ends[i] - span
                count = room // stride + 1
                if attribute("ceil_mode", 0):
                    count = -(-room // stride) + 1
                    # A window that starts behind the input and its begin padding is dropped.
                    if (count - 1) * stride >= size + self.begins[i]:
                        count -= 1
            self.counts.append(count)

    def positions(self, start):
        """For one window: (offset in the kernel, index into the input), inside the padded input or not."""
        for offset in itertools.product(*map(range, self.kernel)):
            yield offset, tuple(
                s * stride + o * dilation - begin
                for s, stride, o, dilation, begin in zip(start, self.strides, offset, self.dilations, self.begins)
            )

    def in_input(self, index):
        return all(0 <= i < size for i, size in zip(index, self.sizes))

    def in_padded(self, index):
        return all(-b <= i < size + e for i, size, b, e in zip(index, self.sizes, self.begins, self.ends))


def conv(case, x, w, b=None):
    group = case.attributes.get("group", 1)
    windows = Windows(case, x.shape[2:], w.shape[2:])
    out = np.zeros((x.shape[0], w.shape[0], *windows.counts))
    n_in, n_out = w.shape[1], w.shape[0] // group
    for start in itertools.product(*map(range, windows.counts)):
        for offset, index in windows.positions(start):
            if not windows.in_input(index):
                continue
            for g in range(group):
                pixels = x[(slice(None), slice(g * n_in, (g + 1) * n_in), *index)]
                weights = w[(slice(g * n_out, (g + 1) * n_out), slice(None), *offset)]
                out[(slice(None), slice(g * n_out, (g + 1) * n_out), *start)] += pixels @ weights.T
    return out if b is None else out + b.reshape(-1, *[1] * (x.ndim - 2))


def conv_transpose(case, x, w, b=None):
    attribute = case.attributes.get
    group, rank = attribute("group", 1), x.ndim - 2
    strides, dilations = attribute("strides", [1] * rank), attribute("dilations", [1] * rank)
    extra = attribute("output_padding", [0] * rank)
    pads, mode, wanted = attribute("pads", [0] * (2 * rank)), attribute("auto_pad", "NOTSET"), attribute("output_shape")
    begins, sizes = list(pads[:rank]), []
    for i in range(rank):
        whole = strides[i] * (x.shape[2 + i] - 1) + extra[i] + dilations[i] * (w.shape[2 + i] - 1) + 1
        if mode in ("SAME_UPPER", "SAME_LOWER") or wanted:
            size = wanted[i] if wanted else x.shape[2 + i] * strides[i]
            total = max(whole - size, 0)
            # As the specification writes it: the rest goes to the end for SAME_UPPER alone.
            begins[i] = total // 2 if mode == "SAME_UPPER" else total - total // 2
        else:
            size = whole - pads[i] - pads[rank + i]
        sizes.append(size)
    n_in, n_out = x.shape[1] // group, w.shape[1]
    out = np.zeros((x.shape[0], n_out * group, *sizes))
    for position in itertools.product(*map(range, x.shape[2:])):
        for offset in itertools.product(*map(range, w.shape[2:])):
            index = tuple(p * s + o * d - b for p, s, o, d, b in zip(position, strides, offset, dilations, begins))
            if not all(0 <= i < size for i, size in zip(index, sizes)):
                continue
            for g in range(group):
                pixels = x[(slice(None), slice(g * n_in, (g + 1) * n_in), *position)]
                weights = w[(slice(g * n_in, (g + 1) * n_in), slice(None), *offset)]
                out[(slice(None), slice(g * n_out, (g + 1) * n_out), *index)] += pixels @ weights
    return out if b is None else out + b.reshape(-1, *[1] * rank)


def pool(case, x, reduce):
    windows = Windows(case, x.shape[2:], case.attributes["kernel_shape"])
    out = np.zeros((*x.shape[:2], *windows.counts))
    for start in itertools.product(*map(range, windows.counts)):
        indices = [index for _, index in windows.positions(start)]
        values = [x[(slice(None), slice(None), *index)] for index in indices if windows.in_input(index)]
        n_padded = sum(windows.in_padded(index) for index in indices)
        out[(slice(None), slice(None), *start)] = reduce(np.stack(values), n_padded)
    return out


def max_pool(case, x):
    return pool(case, x, lambda values, _: values.max(0))


def average_pool(case, x):
    if case.attributes.get("count_include_pad", 0):
        return pool(case, x, lambda values, n_padded: values.sum(0) / n_padded)
    return pool(case, x, lambda values, _: values.mean(0))


def global_max_pool(_, x):
    return x.max(axis=tuple(range(2, x.ndim)), keepdims=True)


def batch_normalization(case, x, scale, bias, mean, variance):
    scale, bias, mean, variance = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (scale, bias, mean, variance))
    return scale * (x - mean) / np.sqrt(variance + case.attributes.get("epsilon", 1e-5)) + bias


def instance_normalization(case, x, scale, bias):
    axes = tuple(range(2, x.ndim))
    scale, bias = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (scale, bias))
    spread = np.sqrt(x.var(axes, keepdims=True) + case.attributes.get("epsilon", 1e-5))
    return scale * (x - x.mean(axes, keepdims=True)) / spread + bias


def lp_normalization(case, x):
    axis, p = case.attributes.get("axis", -1), case.attributes.get("p", 2)
    norm = (np.abs(x) ** p).sum(axis, keepdims=True) ** (1 / p)
    return np.where(norm == 0.0, 0.0, x / norm)


def lrn(case, x):
    attribute = case.attributes.get
    size, out = attribute("size"), np.zeros_like(x)
    for c in range(x.shape[1]):
        lo, hi = max(0, c - (size - 1) // 2), min(x.shape[1] - 1, c + -(-(size - 1) // 2))
        squares = (x[:, lo:hi + 1] ** 2).sum(1)
        out[:, c] = x[:, c] / (attribute("bias", 1.0) + attribute("alpha", 1e-4) / size * squares) ** attribute("beta", 0.75)
    return out


def softmax(case, x):
    if case.opset < 13:
        axis = case.attributes.get("axis", 1) % x.ndim
        rows, axis = x.reshape(int(np.prod(x.shape[:axis])), -1), 1
    else:
        rows, axis = x, case.attributes.get("axis", -1)
    shifted = rows - rows.max(axis, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return (logs if case.op == "LogSoftmax" else np.exp(logs)).reshape(x.shape)


def mean(_, *inputs):
    return sum(inputs) / len(inputs)


def where(_, condition, x, y):
    return np.where(condition, x, y)


def reshape(case, x, shape=None):
    shape = case.attributes["shape"] if shape is None else shape
    if not case.attributes.get("allowzero", 0):
        shape = [x.shape[i] if size == 0 else size for i, size in enumerate(shape)]
    known = int(np.prod([size for size in shape if size != -1]))
    return x.reshape([x.size // known if size == -1 else size for size in shape])


def cumsum(case, x, axis):
    axis, reverse = int(axis.reshape(())), case.attributes.get("reverse", 0)
    x = np.flip(x, axis) if reverse else x
    sums = np.cumsum(x, axis, dtype=x.dtype)
    sums = sums - x if case.attributes.get("exclusive", 0) else sums
    return np.flip(sums, axis) if reverse else sums


def gather_elements(case, x, indices):
    axis, out = case.attributes.get("axis", 0), np.empty(indices.shape, x.dtype)
    for index in np.ndindex(*indices.shape):
        source = list(index)
        source[axis] = indices[index]
        out[index] = x[tuple(source)]
    return out


def pad(case, x, pads=None, value=None, axes=None):
    pads = case.attributes["pads"] if pads is None else pads.tolist()
    value = case.attributes.get("value", 0.0) if value is None else value
    mode = case.attributes.get("mode", "constant")
    axes = range(x.ndim) if axes is None else axes.tolist()
    for axis, begin, end in zip(axes, pads, pads[len(pads) // 2:]):
        size = x.shape[axis]
        # Positions of the output in the input; negative pads cut.
        positions = np.arange(-begin, size + end)
        if mode == "constant":
            inside = (positions >= 0) & (positions < size)
            taken = np.take(x, np.clip(positions, 0, size - 1), axis)
            shape = [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]
            x = np.where(inside.reshape(shape), taken, value)
            continue
        if mode == "edge":
            positions = np.clip(positions, 0, size - 1)
        elif mode == "wrap":
            positions = positions % size
        else:
            positions = np.abs((positions + size - 1) % (2 * size - 2) - (size - 1))
        x = np.take(x, positions, axis)
    return x


def resize_10(case, x, scales=None):
    """Upsample, and Resize of opset 10: asymmetric; nearest is floor, but ceil along an axis that shrinks."""
    scales = np.array(case.attributes["scales"] if scales is None else scales, np.float32)
    for axis, scale in enumerate(scales):
        if scale == 1.0:
            continue
        size = x.shape[axis]
        coordinates = np.arange(int(np.floor(np.float32(size) * scale))) / np.float64(scale)
        lower = np.clip(np.floor(coordinates).astype(int), 0, size - 1)
        upper = np.clip(np.ceil(coordinates).astype(int), 0, size - 1)
        if case.attributes.get("mode", "nearest") == "nearest":
            x = np.take(x, upper if scale < 1.0 else lower, axis)
            continue
        shape = [-1 if i == axis else 1 for i in range(x.ndim)]
        part = np.clip(coordinates - lower, 0.0, 1.0).reshape(shape)
        x = np.take(x, lower, axis) * (1.0 - part) + np.take(x, np.minimum(lower + 1, size - 1), axis) * part
    return x
