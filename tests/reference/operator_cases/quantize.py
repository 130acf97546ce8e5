"""QuantizeLinear and DequantizeLinear: per tensor, per axis and in blocks."""
import numpy as np

from . import f32, integers, normal, uniform

TOLERANCE = 0.0

# Halves of the scale 0.5 (ties), values at and beyond both ends.
EDGES = f32(0.0, -0.0, 0.25, 0.75, 1.25, -0.25, -0.75, 0.3, 63.5, 63.7, 63.75, 64.0, -64.0, -64.25, -64.3, 1e9, -1e9)


def u8(*values):
    return np.array(values, np.uint8)


def i8(*values):
    return np.array(values, np.int8)


def cases(add):
    quantize(add)
    dequantize(add)
    blocked(add)


def quantize(add):
    op, half = "QuantizeLinear", np.float32(0.5)
    x = normal(2, 3, 4) * np.float32(3.0)
    for opset in (10, 13, 19, 21):
        add(f"quantize_i8_opset{opset}", op, opset, x, np.float32(0.05), np.int8(0))
        add(f"quantize_u8_opset{opset}", op, opset, x, np.float32(0.05), np.uint8(128))
    add("quantize_no_zero_point", op, 13, x, np.float32(0.05))
    add("quantize_i8_zero_point", op, 13, x, np.float32(0.03), np.int8(-17))
    add("quantize_u8_zero_point", op, 13, x, np.float32(0.03), np.uint8(3))
    add("quantize_i8_ties", op, 13, EDGES, half, np.int8(0))
    add("quantize_u8_ties", op, 13, EDGES, half, np.uint8(128))
    # round(x / scale) + zero_point, not round(x / scale + zero_point): they differ on ties.
    add("quantize_u8_ties_odd_zero_point", op, 13, EDGES, half, np.uint8(127))
    add("quantize_infinite", op, 13, f32(np.inf, -np.inf, 3e38), np.float32(0.1), np.int8(1),
        differs="the onnx package overflows int32 before it clamps")
    add("quantize_division", op, 13, np.arange(-64, 64, dtype=np.float32) * np.float32(0.1) + np.float32(0.05), np.float32(0.1), np.int8(0))
    scale = uniform(0.02, 0.1, 3)
    add("quantize_axis_1", op, 13, x, scale, i8(0, -5, 7))
    add("quantize_axis_default_is_1", op, 13, normal(2, 3), scale, u8(128, 0, 255))
    add("quantize_axis_0", op, 13, normal(3, 2, 2), scale, i8(0, 0, 0), axis=0)
    add("quantize_axis_minus_1", op, 13, normal(2, 2, 3), scale, u8(1, 128, 200), axis=-1)
    add("quantize_axis_no_zero_point", op, 13, x, scale)
    add("quantize_one_element_scale", op, 13, x, f32(0.05), i8(3))
    add("quantize_scalar", op, 13, np.float32(1.3), np.float32(0.05), np.int8(0))


def dequantize(add):
    op = "DequantizeLinear"
    x8, xu = integers(-128, 128, 2, 3, 4, dtype=np.int8), integers(0, 256, 2, 3, 4, dtype=np.uint8)
    for opset in (10, 13, 19, 21):
        add(f"dequantize_i8_opset{opset}", op, opset, x8, np.float32(0.05), np.int8(0))
        add(f"dequantize_u8_opset{opset}", op, opset, xu, np.float32(0.05), np.uint8(128))
    add("dequantize_no_zero_point_i8", op, 13, x8, np.float32(0.05))
    add("dequantize_no_zero_point_u8", op, 13, xu, np.float32(0.05))
    add("dequantize_i8_zero_point", op, 13, x8, np.float32(0.03), np.int8(-128))
    add("dequantize_i32", op, 13, integers(-100000, 100000, 3, 4, dtype=np.int32), np.float32(0.0003))
    add("dequantize_i32_zero_point", op, 13, integers(-100000, 100000, 3, 4, dtype=np.int32), np.float32(0.0003), np.int32(0))
    add("dequantize_i32_axis_0", op, 13, integers(-9999, 9999, 3, dtype=np.int32), uniform(0.001, 0.01, 3), np.zeros(3, np.int32), axis=0)
    add("dequantize_i32_above_2_24", op, 13, np.array([2**24 + 1, -(2**24) - 1, 2**31 - 1], np.int32), np.float32(0.5))
    scale = uniform(0.02, 0.1, 3)
    add("dequantize_axis_1", op, 13, x8, scale, i8(0, -5, 7))
    add("dequantize_axis_0", op, 13, integers(-128, 128, 3, 2, dtype=np.int8), scale, i8(0, 0, 0), axis=0)
    add("dequantize_axis_minus_1", op, 13, integers(0, 256, 2, 2, 3, dtype=np.uint8), scale, u8(1, 128, 200), axis=-1)
    add("dequantize_axis_no_zero_point", op, 13, x8, scale)
    add("dequantize_one_element_scale", op, 13, x8, f32(0.05), i8(3))


def blocked(add):
    x, op = normal(2, 8), "QuantizeLinear"
    add("quantize_blocked_axis_1", op, 21, x, uniform(0.01, 0.05, 2, 2), integers(-5, 6, 2, 2, dtype=np.int8), axis=1, block_size=4)
    add("quantize_blocked_axis_0", op, 21, normal(6, 3), uniform(0.01, 0.05, 2, 3), integers(100, 150, 2, 3, dtype=np.uint8), axis=0, block_size=3)
    add("quantize_blocked_short_last", op, 21, normal(2, 7), uniform(0.01, 0.05, 2, 2), integers(-5, 6, 2, 2, dtype=np.int8), axis=1, block_size=4)
    add("quantize_blocked_no_zero_point", op, 21, x, uniform(0.01, 0.05, 2, 2), axis=1, block_size=4)
    op = "DequantizeLinear"
    x = integers(-128, 128, 2, 8, dtype=np.int8)
    add("dequantize_blocked_axis_1", op, 21, x, uniform(0.01, 0.05, 2, 2), integers(-5, 6, 2, 2, dtype=np.int8), axis=1, block_size=4)
    add("dequantize_blocked_axis_0", op, 21, integers(0, 256, 6, 3, dtype=np.uint8), uniform(0.01, 0.05, 2, 3), integers(100, 150, 2, 3, dtype=np.uint8), axis=0, block_size=3)
    add("dequantize_blocked_short_last", op, 21, integers(-128, 128, 2, 7, dtype=np.int8), uniform(0.01, 0.05, 2, 2), axis=1, block_size=4)
    add("dequantize_blocked_no_zero_point", op, 21, x, uniform(0.01, 0.05, 2, 2), axis=1, block_size=4)
    add("dequantize_blocked_3d", op, 21, integers(-128, 128, 2, 4, 3, dtype=np.int8), uniform(0.01, 0.05, 2, 2, 3), axis=1, block_size=2)
