"""MaxPool, AveragePool and their global forms."""
import numpy as np

from . import integers, normal

TOLERANCE = 1e-6


def cases(add):
    max_pool(add)
    average_pool(add)
    global_pool(add)
    with_nan(add)


def max_pool(add):
    op, x = "MaxPool", normal(1, 2, 5, 6)

    def exact(name, opset, *inputs, **more):
        add(f"maxpool_{name}", op, opset, *inputs, tolerance=0.0, **more)

    exact("opset1", 1, x, kernel_shape=[2, 2], strides=[2, 2])
    exact("opset8", 8, x, kernel_shape=[3, 2], pads=[1, 0, 1, 1])
    exact("opset22", 22, x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    exact("stride_default_1", 12, x, kernel_shape=[2, 3])
    exact("strides_not_dividing", 12, x, kernel_shape=[3, 3], strides=[2, 2])
    exact("pads_asymmetric", 12, x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 2, 0])
    exact("all_negative", 12, -np.abs(x) - 1, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    exact("ceil", 12, x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    exact("ceil_even", 12, x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    exact("ceil_pads", 12, x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    exact("ceil_last_window_in_padding", 12, normal(1, 1, 5, 6), kernel_shape=[2, 2], strides=[3, 3], pads=[0, 1, 1, 1], ceil_mode=1)
    exact("ceil_strides_3", 12, normal(1, 1, 7, 8), kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1)
    exact("ceil_opset22", 22, x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    exact("dilations", 12, x, kernel_shape=[2, 2], dilations=[2, 3])
    exact("dilations_strides_ceil", 12, normal(1, 1, 7, 7), kernel_shape=[2, 2], dilations=[2, 2], strides=[2, 2], ceil_mode=1)
    exact("dilations_pads", 12, x, kernel_shape=[3, 3], dilations=[2, 2], pads=[2, 2, 2, 2])
    for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        exact(mode.lower(), 12, x, kernel_shape=[3, 2], auto_pad=mode)
        exact(f"{mode.lower()}_strides", 12, x, kernel_shape=[2, 3], strides=[2, 4], auto_pad=mode)
    exact("1d", 12, normal(2, 3, 7), kernel_shape=[3], strides=[2])
    exact("1d_pads_dilations", 12, normal(1, 3, 7), kernel_shape=[3], dilations=[2], pads=[1, 2])
    exact("3d", 12, normal(1, 2, 3, 4, 5), kernel_shape=[2, 2, 2], strides=[1, 2, 2])
    exact("3d_pads", 12, normal(1, 1, 3, 4, 3), kernel_shape=[2, 3, 2], pads=[1, 1, 0, 0, 1, 1])
    exact("u8", 12, integers(0, 256, 1, 2, 4, 4, dtype=np.uint8), kernel_shape=[2, 2], strides=[2, 2])
    exact("i8", 12, integers(-128, 128, 1, 2, 4, 4, dtype=np.int8), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    exact("indices", 12, x, kernel_shape=[2, 2], strides=[2, 2], n_outputs=2)
    exact("indices_pads", 12, normal(2, 2, 4, 5), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], n_outputs=2)
    exact("indices_ties", 12, np.ones((1, 1, 4, 4), np.float32), kernel_shape=[2, 2], n_outputs=2)


def average_pool(add):
    op, x = "AveragePool", normal(1, 2, 5, 6)
    add("avgpool_opset1", op, 1, x, kernel_shape=[2, 2], strides=[2, 2])
    add("avgpool_opset7", op, 7, x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    add("avgpool_stride_default_1", op, 11, x, kernel_shape=[2, 3])
    add("avgpool_strides_not_dividing", op, 11, x, kernel_shape=[3, 3], strides=[2, 2])
    for include in (0, 1):
        name = f"avgpool_include_{include}"
        settings = {"kernel_shape": [3, 3], "strides": [2, 2], "count_include_pad": include}
        add(f"{name}_pads", op, 11, x, pads=[1, 1, 1, 1], **settings)
        add(f"{name}_pads_asymmetric", op, 11, x, pads=[0, 2, 1, 0], **settings)
        for opset in (11, 19):
            add(f"{name}_ceil_opset{opset}", op, opset, x, ceil_mode=1, **settings)
            add(f"{name}_ceil_pads_opset{opset}", op, opset, x, ceil_mode=1, pads=[1, 1, 1, 1], **settings)
            add(f"{name}_ceil_pads_end_opset{opset}", op, opset, x, ceil_mode=1, pads=[0, 0, 1, 2], **settings)
        add(f"{name}_ceil_strides_3", op, 19, normal(1, 1, 7, 8), kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1, count_include_pad=include)
        for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
            add(f"{name}_{mode.lower()}", op, 11, x, auto_pad=mode, kernel_shape=[3, 2], strides=[2, 1], count_include_pad=include)
            add(f"{name}_{mode.lower()}_even", op, 11, x, auto_pad=mode, kernel_shape=[4, 2], strides=[1, 4], count_include_pad=include)
        add(f"{name}_dilations", op, 19, normal(1, 1, 6, 7), kernel_shape=[2, 2], dilations=[2, 3], pads=[1, 1, 1, 1], count_include_pad=include)
        add(f"{name}_1d", op, 11, normal(2, 2, 7), kernel_shape=[3], strides=[2], pads=[1, 1], count_include_pad=include)
        add(f"{name}_3d", op, 11, normal(1, 1, 3, 4, 5), kernel_shape=[2, 3, 2], strides=[1, 2, 2], pads=[1, 1, 0, 0, 1, 1], count_include_pad=include)
    add("avgpool_whole", op, 11, normal(2, 3, 4, 5), kernel_shape=[4, 5])


def global_pool(add):
    for name, shape in (("1d", (2, 3, 5)), ("2d", (2, 3, 4, 5)), ("3d", (1, 2, 3, 2, 4)), ("1x1", (1, 4, 1, 1))):
        add(f"global_average_{name}", "GlobalAveragePool", 1, normal(*shape))
        add(f"global_max_{name}", "GlobalMaxPool", 1, normal(*shape), tolerance=0.0)
    add("global_average_opset22", "GlobalAveragePool", 22, normal(1, 3, 4, 4))
    add("global_max_opset22", "GlobalMaxPool", 22, normal(1, 3, 4, 4), tolerance=0.0)


def with_nan(add):
    nan_inside = normal(1, 1, 5, 5).copy()
    nan_inside[0, 0, 2, 2] = np.nan
    nan_first = normal(1, 1, 4, 4).copy()
    nan_first[0, 0, 0, 0] = np.nan
    lone = np.full((1, 1, 2, 2), np.nan, np.float32)
    infinite = normal(1, 1, 4, 4, seed=1).copy()
    infinite[0, 0, :2] = -np.inf
    propagates = {"reference": "onnx", "tolerance": 0.0}
    add("maxpool_first_nan", "MaxPool", 12, nan_first, kernel_shape=[2, 2], strides=[2, 2], **propagates)
    add("maxpool_pads_nan", "MaxPool", 12, nan_first, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], **propagates)
    undefined = {"tolerance": 0.0, "differs": "undefined: in onnxruntime NaN survives only as the last element of a window"}
    add("maxpool_inside_nan", "MaxPool", 12, nan_inside, kernel_shape=[2, 2], strides=[1, 1], **undefined)
    add("maxpool_dilations_nan", "MaxPool", 12, nan_inside, kernel_shape=[2, 2], dilations=[2, 2], **undefined)
    add("maxpool_all_nan", "MaxPool", 12, lone, kernel_shape=[2, 2], tolerance=0.0)
    add("maxpool_minus_infinity", "MaxPool", 12, infinite, kernel_shape=[2, 2], strides=[2, 2], tolerance=0.0)
    add("maxpool_minus_infinity_pads", "MaxPool", 12, infinite, kernel_shape=[2, 2], pads=[1, 1, 0, 0], tolerance=0.0,
        differs="undefined: where a window reaches into the padding, onnxruntime never goes below -3.4e38; the specification pads with -infinity")
    add("avgpool_nan", "AveragePool", 11, nan_inside, kernel_shape=[2, 2], strides=[2, 2])
    add("global_max_nan", "GlobalMaxPool", 1, nan_inside, **propagates)
    add("global_average_nan", "GlobalAveragePool", 1, nan_inside)
