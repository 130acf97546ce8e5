"""Activations, Clip and the softmaxes."""
import numpy as np

from . import f32, i64, normal

TOLERANCE = 2e-6

X = f32(-20.0, -6.0, -3.0, -2.5, -1.0, -0.5, -0.1, -0.0, 0.0, 1e-6, 0.1, 0.5, 1.0, 2.5, 3.0, 5.9, 6.0, 7.0, 20.0, 100.0)
WITH_NAN = f32(-1.0, np.nan, 2.0, np.inf, -np.inf, 0.0)
FINITE_AND_NAN = f32(-1.0, np.nan, 2.0, 0.0)


def cases(add):
    piecewise(add)
    smooth(add)
    clip(add)
    softmax(add)


def piecewise(add):
    for opset in (6, 13, 14):
        add(f"relu_opset{opset}", "Relu", opset, normal(2, 3, 4), tolerance=0.0)
    add("relu_edges", "Relu", 14, X, tolerance=0.0)
    add("relu_nan", "Relu", 14, WITH_NAN, tolerance=0.0)
    add("relu_4d_nan", "Relu", 14, np.where(normal(1, 2, 3, 7) > 1, np.float32(np.nan), normal(1, 2, 3, 7)), tolerance=0.0)
    add("leakyrelu_default", "LeakyRelu", 16, X)
    add("leakyrelu_alpha", "LeakyRelu", 6, normal(2, 3, 4), alpha=0.2)
    add("leakyrelu_alpha_negative", "LeakyRelu", 16, X, alpha=-0.5)
    add("leakyrelu_nan", "LeakyRelu", 16, WITH_NAN, alpha=0.1)
    x = normal(2, 3, 2, 4)
    for name, slope in (("same", (2, 3, 2, 4)), ("channel", (3, 1, 1)), ("channel_4d", (1, 3, 1, 1)), ("one", (1,)),
                        ("scalar", ()), ("last", (4,)), ("rows", (2, 1))):
        add(f"prelu_{name}", "PRelu", 16, x, normal(*slope, seed=1))
    add("prelu_opset7", "PRelu", 7, x, normal(3, 1, 1, seed=1))
    add("prelu_nan", "PRelu", 16, WITH_NAN, f32(0.25))
    add("thresholdedrelu_default", "ThresholdedRelu", 10, X, tolerance=0.0)
    add("thresholdedrelu_alpha", "ThresholdedRelu", 10, X, alpha=2.5, tolerance=0.0)
    add("thresholdedrelu_nan", "ThresholdedRelu", 10, WITH_NAN, tolerance=0.0)
    add("hardsigmoid_default", "HardSigmoid", 6, X)
    add("hardsigmoid_alpha_beta", "HardSigmoid", 6, X, alpha=0.5, beta=0.25)
    add("hardsigmoid_nan", "HardSigmoid", 6, WITH_NAN)
    add("hardswish", "HardSwish", 14, X)
    add("hardswish_opset22", "HardSwish", 22, normal(2, 3, 4))
    add("hardswish_nan", "HardSwish", 14, FINITE_AND_NAN)


def smooth(add):
    plain = {"Sigmoid": 13, "Tanh": 13, "Softplus": 1, "Softsign": 1, "Erf": 13, "Mish": 18}
    for op, opset in plain.items():
        add(f"{op.lower()}_edges", op, opset, X)
        add(op.lower(), op, opset, normal(2, 3, 4) * np.float32(2.0))
        add(f"{op.lower()}_nan", op, opset, FINITE_AND_NAN if op in ("Softsign", "Mish") else WITH_NAN)
    add("sigmoid_opset6", "Sigmoid", 6, normal(3, 5))
    add("tanh_opset6", "Tanh", 6, normal(3, 5))
    add("erf_opset9", "Erf", 9, normal(3, 5))
    small = f32(1e-7, -1e-5, 1e-4, 0.01, -0.3, 0.6249, 0.6251, 9.0, -9.2, 88.0, -88.0, 104.0, -104.0, 1e30, -1e30)
    for op in ("Sigmoid", "Tanh", "Softplus", "Erf"):
        add(f"{op.lower()}_range", op, plain[op], small)
    for op, opset in (("Elu", 6), ("Celu", 12)):
        add(f"{op.lower()}_default", op, opset, X)
        add(f"{op.lower()}_alpha", op, opset, X, alpha=0.3)
        add(f"{op.lower()}_nan", op, opset, WITH_NAN, alpha=2.0)
    add("elu_opset22", "Elu", 22, normal(2, 3, 4), alpha=1.5)
    add("selu_default", "Selu", 6, X)
    add("selu_alpha_gamma", "Selu", 6, X, alpha=2.0, gamma=3.0)
    add("selu_nan", "Selu", 6, WITH_NAN)
    for name, attributes in (("default", {}), ("none", {"approximate": "none"}), ("tanh", {"approximate": "tanh"})):
        add(f"gelu_{name}", "Gelu", 20, X, **attributes)
        add(f"gelu_{name}_normal", "Gelu", 20, normal(2, 3, 4), **attributes)
    add("gelu_nan", "Gelu", 20, FINITE_AND_NAN)


def clip(add):
    x = normal(3, 4) * np.float32(3.0)
    lo, hi = np.float32(-1.0), np.float32(2.0)

    def exact(name, opset, *inputs, **more):
        add(f"clip_{name}", "Clip", opset, *inputs, tolerance=0.0, **more)

    for opset in (6, 10):
        exact(f"opset{opset}", opset, x, min=-1.0, max=2.0)
        exact(f"opset{opset}_min", opset, x, min=0.5)
        exact(f"opset{opset}_max", opset, x, max=-0.5)
        exact(f"opset{opset}_neither", opset, x)
    for opset in (11, 12, 13):
        exact(f"opset{opset}", opset, x, lo, hi)
    exact("min_only", 13, x, lo)
    exact("min_only_absent_name", 13, x, lo, None)
    exact("max_only", 13, x, None, hi)
    exact("neither", 13, x)
    exact("relu6", 11, X, np.float32(0.0), np.float32(6.0))
    exact("min_above_max", 13, x, np.float32(1.0), np.float32(-1.0))
    exact("i64", 12, i64(-5, 0, 3, 9), np.int64(-2), np.int64(4))
    exact("i64_max_only", 13, i64(-5, 0, 3, 9), None, np.int64(4))
    exact("i32", 13, np.array([-5, 0, 3, 9], np.int32), np.int32(0), np.int32(6))
    exact("u8", 13, np.array([0, 3, 9, 255], np.uint8), np.uint8(2), np.uint8(8))
    exact("i8", 13, np.array([-128, 3, 9, 127], np.int8), np.int8(-3), np.int8(8))
    exact("opset10_nan", 10, WITH_NAN, min=0.0, max=1.5)
    exact("infinite", 13, f32(np.inf, -np.inf, 0.5), lo, hi)
    exact("x_nan", 13, WITH_NAN, np.float32(0.0), np.float32(1.5))
    exact("x_min_only_nan", 13, f32(-1.0, np.nan, 2.0), np.float32(0.0))
    exact("x_max_only_nan", 13, f32(-1.0, np.nan, 2.0), None, np.float32(1.5))
    absent = "an absent bound is the largest finite f32, as the specification says; the onnx package leaves infinities alone"
    exact("infinite_min_only", 13, f32(np.inf, -np.inf, 0.5), lo, differs=absent)
    exact("infinite_max_only", 13, f32(np.inf, -np.inf, 0.5), None, hi, differs=absent)


def softmax(add):
    x = normal(2, 3, 4)
    masked = normal(3, 5).copy()
    masked[0, 2:] = -np.inf
    masked[1, :] = -np.inf
    with_nan = normal(2, 4).copy()
    with_nan[0, 1] = np.nan
    for op in ("Softmax", "LogSoftmax"):
        name = op.lower()
        for opset in (8, 11):
            # Up to opset 12 the input is a matrix: the dimensions before `axis` are its rows.
            add(f"{name}_opset{opset}_default", op, opset, x)
            add(f"{name}_opset{opset}_axis_0", op, opset, x, axis=0)
            add(f"{name}_opset{opset}_axis_2", op, opset, x, axis=2)
            add(f"{name}_opset{opset}_4d", op, opset, normal(2, 2, 2, 3), axis=1)
        add(f"{name}_opset11_axis_minus_2", op, 11, x, axis=-2)
        add(f"{name}_opset13_default", op, 13, x)
        for axis in (0, 1, 2, -2, -3):
            add(f"{name}_opset13_axis_{axis}".replace("-", "minus_"), op, 13, x, axis=axis)
        add(f"{name}_1d", op, 13, normal(7))
        add(f"{name}_one", op, 13, normal(3, 1))
        add(f"{name}_large", op, 13, f32([[1000.0, 999.0, -1000.0], [-1e4, -1e4, -1e4]]))
        add(f"{name}_wide", op, 13, normal(2, 37) * np.float32(4.0))
        add(f"{name}_masked", op, 13, masked)
        add(f"{name}_nan", op, 13, with_nan)
