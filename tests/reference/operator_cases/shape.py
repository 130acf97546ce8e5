"""Operators that move values, make them or change their type, without arithmetic."""
import numpy as np

from . import bools, f32, i64, integers, normal

TOLERANCE = 0.0

INT_MAX, INT_MIN = 2**63 - 1, -(2**63)


def cases(add):
    reshape(add)
    squeeze(add)
    concat_split(add)
    slices(add)
    pad(add)
    expand_tile(add)
    makers(add)
    cast(add)
    rearrange(add)


def reshape(add):
    x = normal(2, 3, 4)
    shapes = {"plain": [4, 6], "minus_1": [2, -1], "minus_1_first": [-1, 3], "zero_copies": [0, 2, 6],
              "zero_and_minus_1": [0, -1], "zeros": [0, 0, 2, 2], "flat": [-1], "more": [1, 2, 1, 12], "same": [2, 3, 4]}
    for name, shape in shapes.items():
        add(f"reshape_{name}", "Reshape", 14, x, i64(shape))
    add("reshape_opset1", "Reshape", 1, x, shape=[0, -1])
    add("reshape_opset5", "Reshape", 5, x, i64(3, 8))
    add("reshape_opset13", "Reshape", 13, x, i64(0, 12))
    add("reshape_to_scalar", "Reshape", 14, f32(7.0), i64([]))
    add("reshape_from_scalar", "Reshape", 14, np.float32(7.0), i64(1, 1))
    add("reshape_allowzero", "Reshape", 14, normal(0, 3), i64(3, 0, 2), allowzero=1)
    add("reshape_allowzero_0_copies", "Reshape", 14, normal(0, 3), i64(0, 3, 1), allowzero=0)
    add("reshape_empty_minus_1", "Reshape", 14, normal(0, 4), i64(-1, 2))
    add("reshape_i64", "Reshape", 14, integers(0, 9, 6), i64(2, 3))
    add("reshape_bool", "Reshape", 14, bools(True, False), i64(2, 1))
    for axis in (0, 1, 2, 3):
        add(f"flatten_axis_{axis}", "Flatten", 13, x, axis=axis)
    add("flatten_default", "Flatten", 9, normal(2, 3, 2, 2))
    add("flatten_opset1", "Flatten", 1, x)
    add("flatten_axis_minus_1", "Flatten", 11, x, axis=-1)
    add("flatten_axis_minus_3", "Flatten", 13, x, axis=-3)
    add("flatten_1d", "Flatten", 13, normal(5))
    for name, perm in (("021", [0, 2, 1]), ("201", [2, 0, 1]), ("identity", [0, 1, 2]), ("210", [2, 1, 0])):
        add(f"transpose_{name}", "Transpose", 13, x, perm=perm)
    add("transpose_default", "Transpose", 13, x)
    add("transpose_opset1", "Transpose", 1, normal(2, 3))
    add("transpose_1d", "Transpose", 13, normal(4))
    add("transpose_nhwc", "Transpose", 13, normal(1, 2, 3, 3), perm=[0, 3, 1, 2])
    add("transpose_5d", "Transpose", 13, normal(2, 2, 1, 2, 3), perm=[0, 3, 4, 1, 2])
    add("transpose_i64", "Transpose", 13, integers(0, 9, 2, 3), perm=[1, 0])


def squeeze(add):
    x = normal(1, 3, 1, 2)
    for opset in (1, 11):
        add(f"squeeze_opset{opset}_axes", "Squeeze", opset, x, axes=[0, 2])
        add(f"squeeze_opset{opset}_all", "Squeeze", opset, x)
    add("squeeze_opset11_negative", "Squeeze", 11, x, axes=[-2])
    for opset in (13, 24):
        add(f"squeeze_opset{opset}", "Squeeze", opset, x, i64(0, 2))
    add("squeeze_negative", "Squeeze", 13, x, i64(-2, 0))
    add("squeeze_all", "Squeeze", 13, x)
    add("squeeze_to_scalar", "Squeeze", 13, normal(1, 1))
    add("unsqueeze_opset1", "Unsqueeze", 1, normal(2, 3), axes=[0, 3])
    add("unsqueeze_opset11", "Unsqueeze", 11, normal(2, 3), axes=[1])
    add("unsqueeze_opset11_negative", "Unsqueeze", 11, normal(2, 3), axes=[-1, 0])
    add("unsqueeze", "Unsqueeze", 13, normal(2, 3), i64(0, 2, 4))
    add("unsqueeze_unordered", "Unsqueeze", 13, normal(2, 3), i64(3, 0))
    add("unsqueeze_negative", "Unsqueeze", 13, normal(2, 3), i64(-1, -4))
    add("unsqueeze_scalar", "Unsqueeze", 13, np.float32(3.0), i64(0))
    add("unsqueeze_i64_scalar", "Unsqueeze", 13, np.int64(3), i64(0))


def concat_split(add):
    a, b = normal(2, 3), normal(2, 3, seed=1)
    add("concat_axis_0", "Concat", 13, a, b, axis=0)
    add("concat_axis_1", "Concat", 13, a, normal(2, 2), normal(2, 1), axis=1)
    add("concat_axis_minus_1", "Concat", 11, a, b, axis=-1)
    add("concat_opset4", "Concat", 4, a, b, axis=1)
    add("concat_one", "Concat", 13, a, axis=0)
    add("concat_middle", "Concat", 13, normal(2, 1, 3), normal(2, 2, 3), axis=1)
    add("concat_empty_part", "Concat", 13, a, normal(0, 3), b, axis=0)
    add("concat_i64", "Concat", 13, i64(1, 2), i64(3), axis=0)
    add("concat_bool", "Concat", 13, bools(True), bools(False, True), axis=0)
    x = normal(6, 4)
    for opset in (2, 11):
        add(f"split_opset{opset}_equal", "Split", opset, x, n_outputs=3)
        add(f"split_opset{opset}", "Split", opset, x, n_outputs=2, axis=1, split=[1, 3])
    add("split_opset11_negative", "Split", 11, x, n_outputs=2, axis=-1)
    add("split_opset13", "Split", 13, x, i64(2, 1, 3), n_outputs=3)
    add("split_opset13_equal", "Split", 13, x, n_outputs=2, axis=-1)
    add("split_opset13_zero_length", "Split", 13, x, i64(0, 6), n_outputs=2)
    add("split_opset18_num_outputs", "Split", 18, x, n_outputs=3, num_outputs=3)
    # The last part is short.
    add("split_opset18_num_outputs_uneven", "Split", 18, normal(7, 2), n_outputs=3, num_outputs=3)
    add("split_opset18_input", "Split", 18, x, i64(1, 3), n_outputs=2, axis=1)
    add("split_i64", "Split", 13, integers(0, 9, 4), i64(1, 3), n_outputs=2)


def slices(add):
    x = normal(4, 5, 3)
    add("slice_opset1", "Slice", 1, x, starts=[1, 0], ends=[3, 2])
    add("slice_opset9_axes", "Slice", 9, x, starts=[1, -2], ends=[3, 1000], axes=[1, 2])
    add("slice_opset9_negative", "Slice", 9, x, starts=[-3], ends=[-1])
    add("slice_opset10", "Slice", 10, x, i64(1, 0), i64(4, 5), i64(0, 1), i64(2, 3))

    def ranges(name, starts, ends, axes=None, steps=None, opset=13):
        inputs = [i64(starts), i64(ends)]
        if axes is not None or steps is not None:
            inputs.append(None if axes is None else i64(axes))
        if steps is not None:
            inputs.append(i64(steps))
        add(f"slice_{name}", "Slice", opset, x, *inputs)

    ranges("no_axes", [1, 2], [3, 4])
    ranges("axes", [1], [3], [2])
    ranges("axes_unordered", [0, 1], [2, 3], [2, 0])
    ranges("axis_minus_1", [1], [3], [-1])
    ranges("ends_int_max", [1], [INT_MAX], [1])
    ranges("ends_i32_max", [1], [2**31 - 1], [1])
    ranges("starts_negative", [-2], [INT_MAX], [0])
    ranges("starts_below", [-100], [2], [1])
    ranges("starts_beyond", [100], [200], [1])
    ranges("ends_before_starts", [3], [1], [1])
    ranges("steps", [0, 1], [4, 5], [0, 1], [2, 3])
    ranges("steps_no_axes", [0, 1, 0], [4, 5, 3], None, [2, 2, 1])
    ranges("step_beyond", [1], [5], [1], [10])
    ranges("reverse_int_min", [-1], [INT_MIN], [0], [-1])
    ranges("reverse_int_max_start", [INT_MAX], [INT_MIN], [1], [-1])
    ranges("reverse_i32_min", [2**31 - 1], [-(2**31)], [1], [-2])
    ranges("reverse_step_2", [4], [0], [1], [-2])
    ranges("reverse_ends_minus_1_is_last", [3], [-1], [1], [-1])
    ranges("reverse_below", [3], [-100], [1], [-1])
    ranges("reverse_two_axes", [-1, 3], [INT_MIN, 0], [1, 0], [-1, -1])
    add("slice_i32_indices", "Slice", 13, x, np.array([1], np.int32), np.array([3], np.int32), np.array([1], np.int32))
    add("slice_i64", "Slice", 13, i64(5, 6, 7, 8), i64(-1), i64(INT_MAX))
    add("slice_bool", "Slice", 13, bools(True, False, True), i64(0), i64(3), i64(0), i64(2))


def pad(add):
    x = normal(2, 3, 4)
    add("pad_opset2", "Pad", 2, x, pads=[0, 1, 0, 1, 0, 2])
    add("pad_opset2_value", "Pad", 2, x, pads=[0, 0, 2, 1, 0, 0], value=1.5)
    add("pad_opset2_reflect", "Pad", 2, x, pads=[0, 1, 2, 0, 2, 3], mode="reflect")
    add("pad_opset2_edge", "Pad", 2, x, pads=[1, 0, 2, 0, 2, 1], mode="edge")
    add("pad_opset2_negative", "Pad", 2, x, pads=[0, -1, 1, 0, 0, -2])
    for opset in (11, 13):
        add(f"pad_opset{opset}", "Pad", opset, x, i64(0, 1, 0, 1, 0, 2))
        add(f"pad_opset{opset}_value", "Pad", opset, x, i64(0, 0, 2, 1, 0, 0), np.float32(-2.5))
    add("pad_nothing", "Pad", 13, x, i64(0, 0, 0, 0, 0, 0))
    for mode in ("constant", "reflect", "edge"):
        add(f"pad_{mode}", "Pad", 13, x, i64(0, 2, 1, 1, 0, 3), mode=mode)
        add(f"pad_{mode}_image", "Pad", 13, normal(1, 2, 3, 3), i64(0, 0, 1, 2, 0, 0, 2, 1), mode=mode)
    add("pad_negative", "Pad", 13, x, i64(0, -1, 0, 0, -1, -2), np.float32(9.0))
    add("pad_negative_and_positive", "Pad", 13, x, i64(0, -1, 2, 0, 1, -2), np.float32(9.0))
    add("pad_axes", "Pad", 18, x, i64(1, 2), np.float32(0.5), i64(2))
    add("pad_axes_two", "Pad", 18, x, i64(1, 0, 2, 3), None, i64(1, 2))
    add("pad_axes_negative", "Pad", 18, x, i64(1, 0, 2, 3), None, i64(-1, 0), mode="edge")
    add("pad_axes_reflect", "Pad", 18, x, i64(2, 3), None, i64(-1), mode="reflect")
    add("pad_wrap", "Pad", 19, x, i64(0, 1, 2, 0, 2, 1), mode="wrap")
    add("pad_i64", "Pad", 13, integers(0, 9, 2, 2), i64(1, 0, 0, 1), np.int64(7))


def expand_tile(add):
    for name, shape, target in (("rows", (3, 1), [3, 4]), ("more_dims", (3, 1), [2, 3, 4]), ("smaller_target", (2, 3), [1]),
                                ("ones", (2, 3), [1, 1]), ("both", (2, 1, 3), [1, 4, 1]), ("scalar", (), [2, 2]), ("to_zero", (1, 3), [0, 3])):
        add(f"expand_{name}", "Expand", 13, normal(*shape), i64(target))
    add("expand_opset8", "Expand", 8, normal(1, 3), i64(2, 3))
    add("expand_i64", "Expand", 13, i64([[1], [2]]), i64(2, 3))
    add("expand_bool", "Expand", 13, bools([[True], [False]]), i64(2, 2))
    add("tile_1d", "Tile", 13, normal(3), i64(3))
    add("tile_2d", "Tile", 13, normal(2, 3), i64(2, 1))
    add("tile_3d", "Tile", 6, normal(1, 2, 2), i64(2, 1, 3))
    add("tile_zero", "Tile", 13, normal(2, 2), i64(0, 1))
    add("tile_i64", "Tile", 13, i64([[1, 2]]), i64(2, 2))


def makers(add):
    x = normal(2, 3, 4)
    for opset in (1, 13):
        add(f"shape_opset{opset}", "Shape", opset, x)
    add("shape_scalar", "Shape", 13, np.float32(1.0))
    for start, end in ((1, None), (-1, None), (0, 2), (0, -1), (-2, -1), (-10, 10), (2, 1)):
        attributes = {"start": start} | ({} if end is None else {"end": end})
        name = f"shape_start_{start}_end_{end}".replace("-", "minus_").lower()
        add(name, "Shape", 15, x, **attributes)
    add("shape_end_only", "Shape", 15, x, end=1)
    add("size", "Size", 13, x)
    add("size_scalar", "Size", 1, np.float32(1.0))
    add("size_empty", "Size", 13, normal(0, 3))
    add("constant_f32", "Constant", 13, value=f32([[1.5, -2.0], [0.0, 3.0]]))
    add("constant_f32_whole_numbers", "Constant", 13, value=f32(1.0, 2.0))
    add("constant_i64", "Constant", 1, value=i64(1, -2, 2**40))
    add("constant_i32", "Constant", 13, value=np.array([1, -2], np.int32))
    add("constant_bool", "Constant", 13, value=bools(True, False))
    add("constant_scalar", "Constant", 13, value=np.array(2.5, np.float32))
    add("constant_i64_scalar", "Constant", 11, value=np.array(7, np.int64))
    add("constant_empty", "Constant", 13, value=i64([]))
    add("constant_value_float", "Constant", 12, value_float=0.1)
    add("constant_value_floats", "Constant", 12, value_floats=[0.5, -1.0])
    add("constant_value_int", "Constant", 12, value_int=-3)
    add("constant_value_ints", "Constant", 13, value_ints=[1, 2, 3])
    add("constantofshape_default", "ConstantOfShape", 9, i64(2, 3))
    add("constantofshape_f32", "ConstantOfShape", 9, i64(2, 2), value=f32(1.5))
    add("constantofshape_i64", "ConstantOfShape", 9, i64(3), value=i64(-4))
    add("constantofshape_bool", "ConstantOfShape", 20, i64(2), value=bools(True))
    add("constantofshape_scalar", "ConstantOfShape", 9, i64([]), value=f32(2.0))
    add("constantofshape_zero", "ConstantOfShape", 9, i64(0, 2))
    for name, args in (("i64", (0, 5, 1)), ("i64_step_3", (1, 11, 3)), ("i64_negative", (10, 3, -3)), ("i64_empty", (3, 3, 1)), ("i64_wrong_way", (3, 0, 1))):
        add(f"range_{name}", "Range", 11, *map(np.int64, args))
    add("range_i32", "Range", 11, *map(np.int32, (2, 7, 2)))
    for name, args in (("f32", (0.0, 1.0, 0.25)), ("f32_not_dividing", (1.0, 2.0, 0.3)), ("f32_negative", (2.0, -1.0, -0.5)), ("f32_inexact", (0.0, 1.0, 0.1))):
        add(f"range_{name}", "Range", 11, *map(np.float32, args), tolerance=1e-6)
    add("identity", "Identity", 13, x)
    add("identity_i64", "Identity", 1, i64(1, 2))
    add("identity_bool_scalar", "Identity", 16, np.bool_(True))
    add("dropout_opset7", "Dropout", 7, normal(2, 3), ratio=0.4)
    add("dropout_opset10", "Dropout", 10, normal(2, 3))
    add("dropout_opset12_ratio", "Dropout", 12, normal(2, 3), np.float32(0.3))
    add("dropout_opset13", "Dropout", 13, normal(2, 3))
    add("dropout_opset13_not_training", "Dropout", 13, normal(2, 3), np.float32(0.5), np.bool_(False))
    add("dropout_opset13_mask", "Dropout", 13, normal(2, 3), n_outputs=2)


F32, U8, I8, I32, I64, BOOL = 1, 2, 3, 6, 7, 9


def cast(add):
    x = f32(0.0, -0.0, 0.4, 0.5, 0.9999, 1.0, 1.5, 2.5, 100.7, 127.0)
    signed = f32(-1.5, -0.9, -2.0, 3.7, -100.2)
    for name, to in (("i64", I64), ("i32", I32), ("u8", U8), ("i8", I8), ("bool", BOOL), ("f32", F32)):
        add(f"cast_f32_{name}", "Cast", 13, x, to=to)
        if name != "u8":
            add(f"cast_f32_negative_{name}", "Cast", 13, signed, to=to)
    add("cast_f32_i64_large", "Cast", 13, f32(2.0**40, -(2.0**40), 16777217.0), to=I64)
    add("cast_f32_bool_nan", "Cast", 13, f32(np.nan, np.inf, 1e-40), to=BOOL)
    add("cast_i64_f32", "Cast", 13, i64(0, -3, 16777217, 2**53 + 1, 2**62), to=F32)
    add("cast_i64_i32", "Cast", 13, i64(0, -3, 2**31 - 1, -(2**31)), to=I32)
    add("cast_i64_i32_wraps", "Cast", 13, i64(2**31, 2**32 + 5, -(2**31) - 1), to=I32)
    add("cast_i64_u8_wraps", "Cast", 13, i64(255, 256, 300, -1), to=U8)
    add("cast_i64_i8_wraps", "Cast", 13, i64(127, 128, 200, -129), to=I8)
    add("cast_i64_bool", "Cast", 13, i64(0, 1, -3, 256), to=BOOL)
    add("cast_i32_i64", "Cast", 13, np.array([0, -3, 2**31 - 1], np.int32), to=I64)
    add("cast_i32_f32", "Cast", 13, np.array([0, -3, 16777217], np.int32), to=F32)
    add("cast_u8_f32", "Cast", 13, np.array([0, 3, 255], np.uint8), to=F32)
    add("cast_u8_i64", "Cast", 13, np.array([0, 3, 255], np.uint8), to=I64)
    add("cast_u8_i8_wraps", "Cast", 13, np.array([0, 127, 128, 255], np.uint8), to=I8)
    add("cast_i8_f32", "Cast", 13, np.array([-128, 0, 127], np.int8), to=F32)
    for name, to in (("f32", F32), ("i64", I64), ("i32", I32), ("u8", U8)):
        add(f"cast_bool_{name}", "Cast", 13, bools(True, False), to=to)
    for opset in (6, 9, 21):
        add(f"cast_opset{opset}", "Cast", opset, signed, to=I64)
    add("cast_scalar", "Cast", 13, np.float32(3.9), to=I64)


def rearrange(add):
    x = normal(1, 8, 2, 3)
    add("depthtospace_default", "DepthToSpace", 1, x, blocksize=2)
    for opset in (11, 13):
        for mode in ("DCR", "CRD"):
            add(f"depthtospace_{mode.lower()}_opset{opset}", "DepthToSpace", opset, x, blocksize=2, mode=mode)
    add("depthtospace_batch", "DepthToSpace", 13, normal(2, 9, 1, 2), blocksize=3, mode="CRD")
    add("spacetodepth", "SpaceToDepth", 13, normal(1, 2, 4, 6), blocksize=2)
    add("spacetodepth_opset1_batch", "SpaceToDepth", 1, normal(2, 1, 3, 6), blocksize=3)
    x = normal(3, 4)
    for upper in (0, 1):
        side = "upper" if upper else "lower"
        add(f"trilu_{side}", "Trilu", 14, x, upper=upper)
        for k in (1, -1, 5, -5):
            add(f"trilu_{side}_{k}".replace("-", "minus_"), "Trilu", 14, x, np.int64(k), upper=upper)
    add("trilu_default", "Trilu", 14, normal(2, 3, 3))
    add("trilu_batched", "Trilu", 14, normal(2, 2, 3), np.int64(1), upper=0)
    add("trilu_i64", "Trilu", 14, integers(1, 9, 3, 3), upper=0)
    add("trilu_minus_infinity", "Trilu", 14, np.full((3, 3), -np.inf, np.float32), np.int64(1), upper=1)
    values = f32(0.0, 1.0)
    add("onehot", "OneHot", 11, i64(0, 2, 1), np.int64(3), values)
    add("onehot_opset9", "OneHot", 9, i64(0, 2), i64(4), f32(-1.0, 2.5))
    add("onehot_axis_0", "OneHot", 11, i64(0, 2, 1), np.int64(3), values, axis=0)
    add("onehot_axis_1", "OneHot", 11, i64([[0, 2], [1, 1]]), np.int64(3), values, axis=1)
    add("onehot_axis_minus_2", "OneHot", 11, i64([[0, 2], [1, 1]]), np.int64(3), values, axis=-2)
    add("onehot_negative_index", "OneHot", 11, i64(-1, -3, 1), np.int64(3), values)
    # An index outside gives a row of the off value.
    add("onehot_outside", "OneHot", 11, i64(3, -4, 1), np.int64(3), values)
    add("onehot_i64_values", "OneHot", 11, i64(0, 1), np.int64(2), i64(5, 9))
    add("onehot_f32_indices", "OneHot", 11, f32(0.0, 2.0), np.float32(3.0), values)
