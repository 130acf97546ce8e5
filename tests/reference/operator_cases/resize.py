"""Resize and Upsample."""
import numpy as np

from . import f32, i64, normal

TOLERANCE = 2e-6

MODES = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
NO_ROI = f32([])
UP, DOWN = f32(1.0, 1.0, 2.0, 1.5), f32(1.0, 1.0, 0.6, 0.5)

# An output of floor(0.6·3) = 1 pixel, for which pytorch_half_pixel takes the coordinate 0.
DIFFERS = dict.fromkeys(
    ["resize_nearest_down_pytorch_half_pixel_ceil", "resize_linear_pytorch_half_pixel_down"],
    "the onnx package compares 0.6*3 = 1.8 with 1 instead of the output length",
)


def cases(add):
    nearest(add)
    linear(add)
    cubic(add)
    old_opsets(add)
    later_opsets(add)


def nearest(add):
    x = normal(1, 1, 3, 4)
    for mode in MODES:
        for rounding in ROUNDINGS:
            for name, scales in (("up", UP), ("down", DOWN)):
                case = f"resize_nearest_{name}_{mode}_{rounding}"
                add(case, "Resize", 13, x, None, scales, tolerance=0.0, mode="nearest",
                    coordinate_transformation_mode=mode, nearest_mode=rounding, differs=DIFFERS.get(case, ""))
    for mode in MODES:
        add(f"resize_nearest_sizes_{mode}", "Resize", 13, x, None, None, i64(1, 1, 7, 3), tolerance=0.0,
            mode="nearest", coordinate_transformation_mode=mode)
    add("resize_defaults", "Resize", 13, x, None, UP, tolerance=0.0)
    add("resize_nearest_2x", "Resize", 13, normal(2, 2, 2, 3), None, f32(1.0, 1.0, 2.0, 2.0), tolerance=0.0,
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    add("resize_nearest_1d", "Resize", 13, normal(1, 2, 5), None, f32(1.0, 1.0, 1.7), tolerance=0.0)
    add("resize_nearest_3d", "Resize", 13, normal(1, 1, 2, 2, 3), None, f32(1.0, 1.0, 2.0, 1.5, 2.0), tolerance=0.0)
    add("resize_nearest_channels", "Resize", 13, normal(1, 2, 2, 2), None, f32(1.0, 2.0, 1.0, 2.0), tolerance=0.0)
    add("resize_nearest_same", "Resize", 13, x, None, f32(1.0, 1.0, 1.0, 1.0), tolerance=0.0)


def linear(add):
    x = normal(1, 1, 3, 4)
    for mode in MODES:
        name = f"resize_linear_{mode}"
        settings = {"mode": "linear", "coordinate_transformation_mode": mode}
        add(f"{name}_up", "Resize", 13, x, None, UP, **settings)
        add(f"{name}_down", "Resize", 13, x, None, DOWN, differs=DIFFERS.get(f"{name}_down", ""), **settings)
        add(f"{name}_sizes", "Resize", 13, x, None, None, i64(1, 1, 5, 3), **settings)
        # An output of one pixel: where align_corners and pytorch_half_pixel have a rule of their own.
        add(f"{name}_to_one", "Resize", 13, x, None, None, i64(1, 1, 1, 2), **settings)
    add("resize_linear_2x_channels", "Resize", 13, normal(2, 3, 2, 2), None, f32(1.0, 1.0, 2.0, 2.0), mode="linear")
    add("resize_linear_2d", "Resize", 13, normal(3, 4), None, f32(1.5, 2.0), mode="linear")
    add("resize_linear_1d", "Resize", 13, normal(1, 2, 4), None, f32(1.0, 1.0, 2.5), mode="linear")
    add("resize_linear_3d", "Resize", 13, normal(1, 1, 2, 3, 2), None, f32(1.0, 1.0, 2.0, 1.5, 2.0), mode="linear")


def cubic(add):
    x = normal(1, 1, 4, 4)
    add("resize_cubic_up", "Resize", 13, x, None, f32(1.0, 1.0, 1.5, 2.0), mode="cubic")
    add("resize_cubic_coefficient", "Resize", 13, x, None, f32(1.0, 1.0, 2.0, 2.0), mode="cubic", cubic_coeff_a=-0.5)
    add("resize_cubic_down_exclude", "Resize", 13, x, None, f32(1.0, 1.0, 0.7, 0.8), mode="cubic", exclude_outside=1)
    add("resize_cubic_align_corners", "Resize", 13, x, None, None, i64(1, 1, 7, 6), mode="cubic", coordinate_transformation_mode="align_corners")


def old_opsets(add):
    x = normal(1, 1, 3, 4)
    for mode in ("nearest", "linear"):
        for name, scales in (("up", UP), ("down", DOWN)):
            add(f"resize_opset10_{mode}_{name}", "Resize", 10, x, scales, mode=mode)
            if name == "up":
                add(f"upsample_opset9_{mode}_{name}", "Upsample", 9, x, scales, mode=mode)
        add(f"resize_opset11_{mode}", "Resize", 11, x, NO_ROI, UP, mode=mode)
        add(f"resize_opset11_{mode}_sizes", "Resize", 11, x, NO_ROI, NO_ROI, i64(1, 1, 6, 5), mode=mode)
        add(f"upsample_opset7_{mode}", "Upsample", 7, x, mode=mode, scales=[1.0, 1.0, 2.0, 3.0])
    # Up to opset 10 nearest is floor, but onnxruntime takes ceil along an axis that shrinks.
    add("resize_opset10_nearest_down_ceil", "Resize", 10, normal(1, 1, 5, 7), f32(1.0, 1.0, 0.6, 0.75), tolerance=0.0)
    add("resize_opset10_nearest_both", "Resize", 10, normal(1, 1, 5, 7), f32(1.0, 1.0, 1.5, 0.4), tolerance=0.0)
    add("resize_opset11_asymmetric_floor", "Resize", 11, x, NO_ROI, UP, mode="nearest", nearest_mode="floor",
        coordinate_transformation_mode="asymmetric", tolerance=0.0)
    add("upsample_opset9_default", "Upsample", 9, normal(1, 2, 2, 2), f32(1.0, 1.0, 2.0, 2.0), tolerance=0.0)


def later_opsets(add):
    x = normal(1, 1, 3, 4)
    for opset in (18, 19):
        add(f"resize_opset{opset}_nearest", "Resize", opset, x, None, UP, mode="nearest", tolerance=0.0)
        add(f"resize_opset{opset}_linear_down", "Resize", opset, x, None, DOWN, mode="linear")
    add("resize_opset18_axes", "Resize", 18, x, None, f32(2.0, 1.5), axes=[2, 3], mode="linear")
    add("resize_opset18_axes_sizes", "Resize", 18, x, None, None, i64(6, 5), axes=[3, 2], mode="nearest", tolerance=0.0)
    add("resize_opset18_not_larger", "Resize", 18, x, None, None, i64(7, 6), axes=[2, 3], mode="linear", keep_aspect_ratio_policy="not_larger")
    add("resize_opset18_not_smaller", "Resize", 18, x, None, None, i64(7, 6), axes=[2, 3], mode="linear", keep_aspect_ratio_policy="not_smaller")
    add("resize_opset18_antialias_linear", "Resize", 18, normal(1, 1, 6, 6), None, f32(1.0, 1.0, 0.5, 0.6), mode="linear", antialias=1)
    add("resize_opset19_half_pixel_symmetric", "Resize", 19, x, None, f32(1.0, 1.0, 1.3, 0.7), mode="linear", coordinate_transformation_mode="half_pixel_symmetric")
