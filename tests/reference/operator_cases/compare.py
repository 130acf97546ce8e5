"""Comparisons, logic and Where."""
import numpy as np

from . import bools, f32, i64, integers, normal

TOLERANCE = 0.0

WITH_NAN = (f32(np.nan, 1.0, np.nan, 0.0, np.inf), f32(1.0, np.nan, np.nan, -0.0, np.inf))


def cases(add):
    comparisons(add)
    logic(add)
    where(add)


def comparisons(add):
    ties = np.round(normal(2, 3, 4)), np.round(normal(2, 3, 4, seed=1))
    for op, opset in (("Equal", 13), ("Greater", 13), ("GreaterOrEqual", 16), ("Less", 13), ("LessOrEqual", 16)):
        name = {"GreaterOrEqual": "greater_equal", "LessOrEqual": "less_equal"}.get(op, op.lower())
        add(name, op, opset, *ties)
        add(f"{name}_broadcast", op, opset, ties[0], np.round(normal(3, 1, seed=2)))
        add(f"{name}_scalar", op, opset, ties[0], np.float32(1.0))
        add(f"{name}_i64", op, opset, integers(0, 3, 2, 4), integers(0, 3, 4, seed=1))
        add(f"{name}_i32", op, opset, integers(0, 3, 4, dtype=np.int32), np.int32(1))
        add(f"{name}_nan", op, opset, *WITH_NAN)
        old = 12 if op.endswith("OrEqual") else 9 if op in ("Greater", "Less") else 11
        add(f"{name}_opset{old}", op, old, ties[0], ties[1])
    add("equal_opset7_i64", "Equal", 7, integers(0, 3, 5), integers(0, 3, 5, seed=1))
    add("greater_opset7", "Greater", 7, *ties)
    add("equal_bool", "Equal", 13, bools(True, True, False, False), bools(True, False, True, False))
    add("equal_i64_large", "Equal", 13, i64(2**53, 2**53 + 1, -1), i64(2**53 + 1, 2**53 + 1, 2**62))
    add("isnan_nan", "IsNaN", 13, WITH_NAN[0])
    add("isnan_opset9_nan", "IsNaN", 9, WITH_NAN[1].reshape(5, 1))
    add("isnan_none", "IsNaN", 20, normal(2, 3))


def logic(add):
    a, b = bools(True, True, False, False), bools(True, False, True, False)
    add("not", "Not", 1, a)
    add("not_2d", "Not", 1, normal(2, 3) > 0)
    for op in ("And", "Or", "Xor"):
        add(op.lower(), op, 7, a, b)
        add(f"{op.lower()}_broadcast", op, 7, normal(2, 3, 1) > 0, normal(3, 4, seed=1) > 0)
        add(f"{op.lower()}_scalar", op, 7, a, np.bool_(True))


def where(add):
    shapes = {
        "same": ((2, 3), (2, 3), (2, 3)), "scalars": ((2, 3), (), ()), "condition_scalar": ((), (2, 3), (3,)),
        "broadcast_all": ((2, 1, 1), (3, 1), (4,)), "condition_rank": ((2, 3, 4), (4,), (3, 1)),
        "mask": ((1, 1, 3, 3), (2, 2, 3, 3), ()), "empty": ((0, 2), (0, 2), (2,)),
    }
    for name, (condition, x, y) in shapes.items():
        mask = np.asarray(normal(*condition, seed=2) > 0)
        add(f"where_{name}", "Where", 16, mask, normal(*x), normal(*y, seed=1))
    add("where_opset9", "Where", 9, bools(True, False), f32(1.0, 2.0), f32(3.0, 4.0))
    add("where_i64", "Where", 16, bools(True, False, True), i64(1, 2, 3), np.int64(-1))
    add("where_i32", "Where", 16, bools(True, False), np.array([1, 2], np.int32), np.array([3, 4], np.int32))
    add("where_bool", "Where", 16, bools(True, False, True), bools(True, True, False), bools(False, False, True))
    add("where_unused_nan", "Where", 16, bools(True, False), f32(1.0, np.nan), f32(np.nan, 2.0))
