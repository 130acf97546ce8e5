"""Reductions, ArgMax, ArgMin, TopK and CumSum."""
import numpy as np

from . import f32, i64, integers, normal, uniform

TOLERANCE = 2e-6

REDUCTIONS = ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
              "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"]


def cases(add):
    for op in REDUCTIONS:
        reduction(add, op)
    reductions_of_whole_numbers(add)
    reductions_edges(add)
    arg_extremes(add)
    top_k(add)
    cumulative(add)


def reduction(add, op):
    """With axes as an attribute up to `old`, as an input from `new` on."""
    name = op.removeprefix("Reduce").lower()
    old, new = (11, 13) if op == "ReduceSum" else (13, 18)
    x = uniform(0.5, 2.0, 2, 3, 4) if op == "ReduceLogSum" else normal(2, 3, 4)
    exact = {"tolerance": 0.0} if op in ("ReduceMax", "ReduceMin") else {}

    def attribute(suffix, opset=old, **attributes):
        add(f"reduce_{name}_{suffix}", op, opset, x, **attributes, **exact)

    def as_input(suffix, axes, **attributes):
        add(f"reduce_{name}_input_{suffix}", op, new, x, axes, **attributes, **exact)

    attribute("default")
    attribute("axes_no_keep", axes=[0, 2], keepdims=0)
    attribute("axis_minus_1", opset=11, axes=[-1])
    if op in ("ReduceMean", "ReduceMax"):
        attribute("axis_1", axes=[1])
        attribute("all_no_keep", keepdims=0)
    as_input("default", None)
    as_input("axis_1", i64(1), keepdims=0)
    as_input("axes", i64(-1, 0), keepdims=1)
    as_input("noop", i64([]), noop_with_empty_axes=1)
    if op in ("ReduceMean", "ReduceSum", "ReduceMax"):
        as_input("empty_axes", i64([]), keepdims=0)


def reductions_of_whole_numbers(add):
    x = integers(-9, 10, 2, 5)
    for op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean"):
        name = op.removeprefix("Reduce").lower()
        opset = 13 if op == "ReduceSum" else 18
        add(f"reduce_{name}_i64", op, opset, x, i64(1), tolerance=0.0)
        add(f"reduce_{name}_i32", op, opset, x.astype(np.int32), i64(0), keepdims=0, tolerance=0.0)
    add("reduce_sum_opset1", "ReduceSum", 1, normal(2, 3), axes=[0])
    add("reduce_mean_opset1", "ReduceMean", 1, normal(2, 3), axes=[1], keepdims=0)


def reductions_edges(add):
    add("reduce_sum_noop_absent", "ReduceSum", 13, normal(2, 3), noop_with_empty_axes=1)
    add("reduce_mean_noop_absent", "ReduceMean", 18, normal(2, 3), noop_with_empty_axes=1)
    add("reduce_mean_spatial", "ReduceMean", 18, normal(1, 3, 4, 5), i64(2, 3), keepdims=0)
    add("reduce_mean_spatial_opset11", "ReduceMean", 11, normal(1, 3, 4, 5), axes=[2, 3])
    add("reduce_mean_first", "ReduceMean", 13, normal(5, 2, 3), axes=[0], keepdims=0)
    add("reduce_sum_scalar", "ReduceSum", 13, np.float32(2.5))
    add("reduce_max_opset20_bool", "ReduceMax", 20, np.array([[True, False], [False, False]]), i64(1), tolerance=0.0)
    # The sum of nothing is 0, the product 1.
    add("reduce_sum_empty", "ReduceSum", 13, np.zeros((2, 0, 3), np.float32), i64(1))
    add("reduce_prod_empty", "ReduceProd", 18, np.zeros((2, 0, 3), np.float32), i64(1))
    add("reduce_logsumexp_large", "ReduceLogSumExp", 18, f32([[1000.0, 1000.0], [-1000.0, -1001.0]]), i64(1))
    add("reduce_logsumexp_infinite", "ReduceLogSumExp", 18, f32([[-np.inf, 0.0], [-np.inf, -np.inf]]), i64(1),
        differs="the onnx package gives NaN for nothing but -infinity, onnxruntime -infinity")
    first, last = normal(3, 4).copy(), normal(3, 4).copy()
    first[0, 0] = last[1, 3] = np.nan
    # In onnxruntime NaN survives only as the first element: not a definition to follow.
    propagates = {"reference": "onnx", "tolerance": 0.0}
    for op in ("ReduceMax", "ReduceMin"):
        name = op.removeprefix("Reduce").lower()
        for axis in (0, 1):
            add(f"reduce_{name}_first_axis_{axis}_nan", op, 18, first, i64(axis), tolerance=0.0)
            add(f"reduce_{name}_last_axis_{axis}_nan", op, 18, last, i64(axis), **propagates)
        add(f"reduce_{name}_all_nan", op, 18, last, keepdims=0, **propagates)
        wide = normal(2, 37).copy()
        wide[0, 5] = wide[1, 36] = np.nan
        add(f"reduce_{name}_wide_nan", op, 18, wide, i64(1), **propagates)
    add("reduce_sum_nan", "ReduceSum", 13, first, i64(1))


def arg_extremes(add):
    x = normal(2, 3, 4)
    ties = f32([[1.0, 3.0, 3.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0, 2.0]])
    for op in ("ArgMax", "ArgMin"):
        name = op.lower()

        def exact(suffix, *inputs, opset=13, **attributes):
            add(f"{name}_{suffix}", op, opset, *inputs, tolerance=0.0, **attributes)

        exact("default", x)
        exact("axis_1_no_keep", x, axis=1, keepdims=0)
        exact("axis_minus_1", x, axis=-1, keepdims=0)
        exact("opset1", x, opset=1, axis=2)
        exact("opset11", x, opset=11, axis=-2)
        exact("ties_first", ties, axis=1)
        exact("ties_last", ties, axis=1, select_last_index=1, opset=12)
        exact("ties_last_axis_0", ties, axis=0, select_last_index=1)
        exact("i64", integers(0, 4, 3, 5), axis=1)
        exact("i32", integers(0, 4, 3, 5, dtype=np.int32), axis=0)
        exact("one", normal(1, 1), axis=1)
        # In onnxruntime the result depends on where the NaN is; numpy and torch give the first NaN.
        exact("nan", f32([[1.0, np.nan, 3.0], [np.nan, 5.0, 4.0]]), axis=1, reference="onnx")


def top_k(add):
    x, op = normal(3, 5), "TopK"

    def exact(suffix, opset, *inputs, **attributes):
        add(f"topk_{suffix}", op, opset, *inputs, n_outputs=2, tolerance=0.0, **attributes)

    ties = f32([[1.0, 3.0, 3.0, 0.0, 3.0], [2.0, 2.0, 2.0, 2.0, 2.0]])
    exact("opset1", 1, x, k=2)
    exact("opset10", 10, x, i64(3))
    exact("opset10_axis_0", 10, x, i64(2), axis=0)
    for opset in (11, 24):
        exact(f"opset{opset}", opset, x, i64(3))
    exact("smallest", 11, x, i64(3), largest=0)
    exact("axis_0", 11, x, i64(2), axis=0)
    exact("axis_1_of_3", 11, normal(2, 4, 3), i64(2), axis=1)
    exact("axis_minus_2", 11, x, i64(1), axis=-2, largest=0)
    exact("all", 11, x, i64(5))
    exact("zero", 11, x, i64(0))
    # Of equal values the one with the lower index comes first.
    exact("ties", 11, ties, i64(3))
    exact("ties_smallest", 11, ties, i64(4), largest=0)
    exact("i64", 11, integers(-9, 10, 2, 6), i64(2))
    exact("wide", 11, normal(1, 100), i64(5))


def cumulative(add):
    x, op = normal(2, 3, 4), "CumSum"
    add("cumsum", op, 11, x, np.int64(1))
    add("cumsum_axis_1d", op, 14, x, i64(0))
    add("cumsum_axis_minus_1", op, 14, x, np.int64(-1))
    add("cumsum_axis_i32", op, 14, x, np.int32(2))
    add("cumsum_exclusive", op, 14, x, np.int64(2), exclusive=1)
    add("cumsum_reverse", op, 14, x, np.int64(2), reverse=1)
    add("cumsum_exclusive_reverse", op, 14, x, np.int64(1), exclusive=1, reverse=1)
    add("cumsum_i64", op, 14, integers(-9, 10, 2, 4), np.int64(1), tolerance=0.0)
    add("cumsum_i32", op, 14, integers(-9, 10, 5, dtype=np.int32), np.int64(0), tolerance=0.0)
