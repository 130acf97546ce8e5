"""Gather and Scatter in their forms."""
import numpy as np

from . import bools, f32, i64, integers, normal

TOLERANCE = 0.0


def cases(add):
    gather(add)
    gather_other(add)
    scatter(add)


def gather(add):
    x = normal(4, 3, 2)
    add("gather", "Gather", 13, x, i64(0, 2, 2))
    add("gather_axis_1", "Gather", 13, x, i64([[2, 0], [1, 1]]), axis=1)
    add("gather_axis_minus_1", "Gather", 13, x, i64(1), axis=-1)
    add("gather_negative", "Gather", 13, x, i64(-1, -4, 0))
    add("gather_negative_axis_1", "Gather", 11, x, i64(-1, -3), axis=1)
    add("gather_scalar", "Gather", 13, x, np.int64(1))
    add("gather_scalar_negative", "Gather", 13, x, np.int64(-1), axis=1)
    add("gather_opset1", "Gather", 1, x, i64(3, 0))
    add("gather_i32_indices", "Gather", 13, x, np.array([2, 1], np.int32))
    add("gather_no_indices", "Gather", 13, x, i64([]))
    add("gather_from_shape", "Gather", 13, i64(7, 8, 9), np.int64(1))
    add("gather_i64", "Gather", 13, integers(0, 99, 3, 2), i64([[0, 2]]))
    add("gather_bool", "Gather", 13, bools(True, False, True), i64(1, 0))
    add("gather_embedding", "Gather", 13, normal(11, 5), integers(0, 11, 2, 4))


def gather_other(add):
    x = normal(3, 4)
    op = "GatherElements"
    for opset in (11, 13):
        add(f"gatherelements_opset{opset}", op, opset, x, i64([[0, 1, 2, 0], [2, 2, 1, 0]]))
    add("gatherelements_axis_1", op, 13, x, i64([[3, 0], [1, 1], [2, 0]]), axis=1)
    add("gatherelements_axis_minus_1", op, 13, x, i64([[3], [1], [2]]), axis=-1)
    add("gatherelements_negative", op, 13, x, i64([[-1, -3, 0, -2]]))
    add("gatherelements_3d", op, 13, normal(2, 3, 2), integers(0, 3, 2, 4, 2), axis=1)
    add("gatherelements_smaller", op, 13, x, i64([[0, 2], [1, 0]]), axis=0)
    add("gatherelements_i64", op, 13, integers(0, 9, 2, 3), i64([[1, 0, 1]]))
    op, x = "GatherND", normal(2, 3, 4)
    add("gathernd_points", op, 13, x, i64([[0, 1, 2], [1, 2, 3]]))
    add("gathernd_rows", op, 13, x, i64([[0, 1], [1, 0]]))
    add("gathernd_slabs", op, 11, x, i64([[1], [0]]))
    add("gathernd_negative", op, 13, x, i64([[-1, -1], [0, -3]]))
    add("gathernd_nested", op, 13, x, i64([[[0, 1]], [[1, 2]]]))
    add("gathernd_batch_1", op, 12, x, i64([[1], [2]]), batch_dims=1)
    add("gathernd_batch_1_nested", op, 13, x, i64([[[1, 0], [0, 3]], [[2, 2], [1, -1]]]), batch_dims=1)
    add("gathernd_batch_2", op, 13, x, integers(0, 4, 2, 3, 1), batch_dims=2)


def scatter(add):
    x, op = normal(3, 4), "ScatterElements"
    rows, updates = i64([[0, 2, 1, 0], [2, 1, 0, 1]]), normal(2, 4, seed=1)
    add("scatterelements_opset11", op, 11, x, rows, updates)
    add("scatterelements", op, 13, x, rows, updates)
    add("scatterelements_axis_1", op, 13, x, i64([[3, 0], [1, 2]]), normal(2, 2, seed=1), axis=1)
    add("scatterelements_axis_minus_1", op, 18, x, i64([[3], [1], [2]]), normal(3, 1, seed=1), axis=-1)
    add("scatterelements_negative", op, 13, x, i64([[-1, -3, 0, -2]]), normal(1, 4, seed=1))
    repeated = i64([[1, 1, 0, 0], [1, 1, 2, 0]])
    for reduction, opset in (("add", 16), ("mul", 16), ("max", 18), ("min", 18)):
        add(f"scatterelements_{reduction}", op, opset, x, repeated, updates, reduction=reduction, tolerance=1e-6)
    add("scatterelements_none", op, 18, x, rows, updates, reduction="none")
    add("scatterelements_i64", op, 18, integers(0, 9, 4), i64(2, 0), i64(50, 60))
    op, x = "ScatterND", normal(3, 2, 2)
    add("scatternd_opset11", op, 11, x, i64([[0], [2]]), normal(2, 2, 2, seed=1))
    add("scatternd_rows", op, 13, x, i64([[0, 1], [2, 0]]), normal(2, 2, seed=1))
    add("scatternd_points", op, 16, x, i64([[0, 1, 1], [2, 0, 0], [1, 1, 0]]), f32(9.0, 8.0, 7.0))
    add("scatternd_negative", op, 16, x, i64([[-1, -2], [0, -1]]), normal(2, 2, seed=1))
    add("scatternd_nested", op, 16, x, i64([[[0], [1]]]), normal(1, 2, 2, 2, seed=1))
    for reduction, opset in (("add", 16), ("mul", 16), ("max", 18), ("min", 18)):
        add(f"scatternd_{reduction}", op, opset, x, i64([[0], [2], [0]]), normal(3, 2, 2, seed=1), reduction=reduction, tolerance=1e-6)
    add("scatternd_1d", op, 18, f32(1.0, 2.0, 3.0, 4.0), i64([[3], [1]]), f32(-1.0, -2.0))
    add("scatternd_i64", op, 18, integers(0, 9, 4), i64([[3], [1]]), i64(70, 80))
