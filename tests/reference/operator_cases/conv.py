"""Conv and ConvTranspose."""
from . import normal

TOLERANCE = 1e-5


def cases(add):
    conv_2d(add)
    conv_grouped(add)
    conv_other_ranks(add)
    transpose_2d(add)
    transpose_other(add)


def conv_2d(add):
    x, w, b = normal(1, 2, 5, 6), normal(2, 2, 3, 3), normal(2)
    add("conv_bias", "Conv", 11, x, w, b)
    add("conv_no_bias", "Conv", 11, x, w)
    add("conv_bias_absent_name", "Conv", 11, x, w, None)
    add("conv_opset1", "Conv", 1, x, w, b, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    add("conv_opset22", "Conv", 22, x, w, b, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    add("conv_all_attributes", "Conv", 11, x, w, b, auto_pad="NOTSET", dilations=[1, 1], group=1,
        kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
    add("conv_pads_asymmetric", "Conv", 11, x, w, b, pads=[0, 1, 2, 1])
    add("conv_pads_one_side", "Conv", 11, x, w, b, pads=[2, 0, 0, 3])
    add("conv_pads_above_kernel", "Conv", 11, normal(1, 1, 2, 2), normal(1, 1, 2, 2), pads=[3, 0, 0, 3])
    add("conv_kernel_above_input", "Conv", 11, normal(1, 1, 3, 2), normal(2, 1, 5, 5), pads=[2, 2, 2, 2])
    add("conv_strides_not_dividing", "Conv", 11, x, w, b, strides=[3, 2])
    add("conv_strides_pads", "Conv", 11, x, w, b, strides=[2, 2], pads=[1, 1, 1, 1])
    add("conv_stride_above_kernel", "Conv", 11, normal(1, 2, 7, 7), normal(3, 2, 1, 2), strides=[3, 4])
    add("conv_dilations", "Conv", 11, normal(1, 2, 7, 6), w, b, dilations=[2, 1], pads=[1, 0, 1, 0])
    add("conv_dilations_strides", "Conv", 11, normal(1, 2, 8, 9), w, b, dilations=[2, 3], strides=[2, 1], pads=[2, 3, 1, 2])
    for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        name = f"conv_{mode.lower()}"
        add(name, "Conv", 11, x, w, b, auto_pad=mode)
        add(f"{name}_strides", "Conv", 11, x, w, b, auto_pad=mode, strides=[2, 3])
        if mode == "VALID":
            continue
        add(f"{name}_even_kernel", "Conv", 11, x, normal(2, 2, 2, 4), auto_pad=mode)
        add(f"{name}_even_strides", "Conv", 11, normal(1, 2, 6, 7), normal(2, 2, 4, 2), auto_pad=mode, strides=[2, 2])
    add("conv_same_upper_dilations", "Conv", 11, normal(1, 2, 6, 7), w, b, auto_pad="SAME_UPPER", dilations=[2, 2])
    add("conv_same_lower_dilations_even", "Conv", 11, normal(1, 2, 6, 7), normal(2, 2, 2, 2), auto_pad="SAME_LOWER", dilations=[3, 1])
    add("conv_same_upper_stride_above_kernel", "Conv", 11, normal(1, 2, 7, 7), normal(3, 2, 1, 1), auto_pad="SAME_UPPER", strides=[3, 2])
    add("conv_batch", "Conv", 11, normal(3, 2, 4, 4), w, b, pads=[1, 1, 1, 1])
    add("conv_1x1", "Conv", 11, normal(2, 5, 3, 4), normal(7, 5, 1, 1), normal(7))
    add("conv_1x1_strides", "Conv", 11, normal(1, 5, 5, 4), normal(4, 5, 1, 1), normal(4), strides=[2, 2])
    add("conv_1x1_pads", "Conv", 11, normal(1, 2, 3, 3), normal(3, 2, 1, 1), normal(3), pads=[1, 0, 1, 2])
    add("conv_1x7", "Conv", 11, normal(1, 2, 4, 9), normal(2, 2, 1, 7), pads=[0, 3, 0, 3])
    add("conv_wide", "Conv", 11, normal(1, 3, 5, 17), normal(11, 3, 3, 3), normal(11), pads=[1, 1, 1, 1])
    add("conv_output_one", "Conv", 11, normal(1, 3, 4, 4), normal(2, 3, 4, 4), normal(2))


def conv_grouped(add):
    add("conv_groups", "Conv", 11, normal(1, 4, 5, 5), normal(6, 2, 3, 3), normal(6), group=2, pads=[1, 1, 1, 1])
    add("conv_groups_strides", "Conv", 11, normal(2, 6, 5, 4), normal(3, 2, 2, 2), group=3, strides=[2, 1])
    add("conv_groups_1x1", "Conv", 11, normal(1, 6, 3, 3), normal(4, 3, 1, 1), normal(4), group=2)
    w, b = normal(3, 1, 3, 3), normal(3)
    add("conv_depthwise", "Conv", 11, normal(1, 3, 5, 6), w, b, group=3, pads=[1, 1, 1, 1])
    add("conv_depthwise_no_pads", "Conv", 11, normal(1, 3, 5, 6), w, group=3)
    add("conv_depthwise_strides", "Conv", 11, normal(2, 3, 6, 7), w, b, group=3, strides=[2, 2], pads=[1, 1, 1, 1])
    add("conv_depthwise_same_upper", "Conv", 11, normal(1, 3, 6, 7), w, b, group=3, strides=[2, 2], auto_pad="SAME_UPPER")
    add("conv_depthwise_asymmetric", "Conv", 11, normal(1, 3, 6, 7), w, b, group=3, strides=[2, 2], pads=[0, 0, 1, 1])
    add("conv_depthwise_dilations", "Conv", 11, normal(1, 3, 6, 7), w, b, group=3, dilations=[2, 2], pads=[2, 2, 2, 2])
    add("conv_depthwise_5x5", "Conv", 11, normal(1, 3, 6, 7), normal(3, 1, 5, 5), b, group=3, pads=[2, 2, 2, 2])
    add("conv_depthwise_wide", "Conv", 11, normal(1, 5, 4, 19), normal(5, 1, 3, 3), normal(5), group=5, pads=[1, 1, 1, 1])
    add("conv_depthwise_multiplier_2", "Conv", 11, normal(1, 3, 5, 5), normal(6, 1, 3, 3), normal(6), group=3, pads=[1, 1, 1, 1])
    add("conv_depthwise_multiplier_2_strides", "Conv", 11, normal(1, 3, 6, 5), normal(6, 1, 3, 3), group=3, strides=[2, 2])


def conv_other_ranks(add):
    add("conv_1d", "Conv", 11, normal(2, 3, 9), normal(4, 3, 3), normal(4))
    add("conv_1d_pads_strides_dilations", "Conv", 11, normal(1, 3, 11), normal(2, 3, 3), normal(2), pads=[2, 1], strides=[2], dilations=[2])
    add("conv_1d_same_lower", "Conv", 11, normal(1, 2, 8), normal(3, 2, 4), auto_pad="SAME_LOWER", strides=[3])
    add("conv_1d_depthwise", "Conv", 11, normal(1, 4, 8), normal(4, 1, 3), normal(4), group=4, pads=[1, 1])
    add("conv_1d_depthwise_multiplier_2", "Conv", 11, normal(1, 3, 8), normal(6, 1, 3), normal(6), group=3, pads=[2, 0])
    add("conv_3d", "Conv", 11, normal(1, 2, 3, 4, 5), normal(3, 2, 2, 3, 2), normal(3))
    add("conv_3d_pads_strides", "Conv", 11, normal(1, 2, 3, 4, 5), normal(2, 2, 3, 3, 3), pads=[1, 0, 1, 1, 2, 0], strides=[1, 2, 2])
    add("conv_3d_dilations", "Conv", 11, normal(1, 1, 4, 5, 4), normal(2, 1, 2, 2, 2), normal(2), dilations=[2, 3, 1])
    add("conv_3d_groups", "Conv", 11, normal(1, 4, 3, 3, 3), normal(4, 2, 2, 2, 2), normal(4), group=2)
    add("conv_3d_depthwise", "Conv", 11, normal(1, 2, 3, 4, 3), normal(2, 1, 2, 2, 2), normal(2), group=2, pads=[1, 0, 0, 0, 1, 1])


def transpose_2d(add):
    op = "ConvTranspose"
    x, w, b = normal(1, 2, 3, 4), normal(2, 1, 3, 3), normal(1)
    add("deconv_bias", op, 11, x, w, b)
    add("deconv_no_bias", op, 11, x, w)
    add("deconv_opset1", op, 1, x, w, b, strides=[2, 2], pads=[1, 1, 1, 1])
    add("deconv_opset22", op, 22, x, w, b, strides=[2, 2], pads=[1, 1, 1, 1])
    add("deconv_strides", op, 11, x, w, b, strides=[3, 2])
    add("deconv_strides_above_kernel", op, 11, x, normal(2, 2, 2, 1), strides=[3, 3])
    add("deconv_pads", op, 11, x, w, b, pads=[1, 1, 1, 1])
    add("deconv_pads_asymmetric", op, 11, x, w, b, strides=[2, 2], pads=[0, 1, 2, 1])
    add("deconv_2x2_strides", op, 11, x, normal(2, 3, 2, 2), normal(3), strides=[2, 2])
    add("deconv_output_padding", op, 11, x, w, b, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    add("deconv_output_padding_no_pads", op, 11, x, w, b, strides=[3, 2], output_padding=[2, 1])
    add("deconv_dilations", op, 11, x, w, b, dilations=[2, 2])
    add("deconv_dilations_strides", op, 11, x, w, b, dilations=[1, 3], strides=[2, 2], pads=[1, 0, 1, 2])
    add("deconv_output_shape", op, 11, x, w, b, strides=[2, 2], output_shape=[6, 8])
    add("deconv_output_shape_odd", op, 11, x, w, b, strides=[3, 2], output_shape=[8, 8])
    add("deconv_output_shape_same_upper", op, 11, x, w, b, strides=[2, 2], output_shape=[6, 8], auto_pad="SAME_UPPER")
    add("deconv_output_shape_same_lower", op, 11, x, w, b, strides=[2, 2], output_shape=[6, 8], auto_pad="SAME_LOWER")
    add("deconv_output_shape_output_padding", op, 11, x, w, b, strides=[3, 2], output_shape=[10, 8], output_padding=[1, 1])
    add("deconv_output_shape_larger", op, 11, x, w, b, strides=[3, 2], output_shape=[11, 10])
    add("deconv_same_upper", op, 11, x, w, b, strides=[2, 2], auto_pad="SAME_UPPER")
    add("deconv_same_lower", op, 11, x, w, b, strides=[2, 2], auto_pad="SAME_LOWER")
    add("deconv_same_upper_stride_1", op, 11, x, normal(2, 1, 2, 4), b, auto_pad="SAME_UPPER")
    add("deconv_same_lower_stride_1", op, 11, x, normal(2, 1, 2, 4), b, auto_pad="SAME_LOWER")
    add("deconv_valid", op, 11, x, w, b, strides=[2, 2], auto_pad="VALID")
    add("deconv_batch", op, 11, normal(2, 2, 3, 3), w, b, strides=[2, 2], pads=[1, 1, 1, 1])
    add("deconv_1x1", op, 11, x, normal(2, 4, 1, 1), normal(4))


def transpose_other(add):
    op = "ConvTranspose"
    add("deconv_groups", op, 11, normal(1, 4, 3, 3), normal(4, 3, 2, 2), normal(6), group=2, strides=[2, 2])
    add("deconv_depthwise", op, 11, normal(1, 3, 3, 4), normal(3, 1, 3, 3), normal(3), group=3, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    add("deconv_depthwise_multiplier_2", op, 11, normal(1, 2, 3, 3), normal(2, 2, 3, 3), normal(4), group=2)
    add("deconv_1d", op, 11, normal(1, 2, 5), normal(2, 3, 3), normal(3), strides=[2], pads=[1, 0])
    add("deconv_1d_output_padding", op, 11, normal(1, 2, 5), normal(2, 2, 4), strides=[3], output_padding=[2])
    add("deconv_1d_groups", op, 11, normal(1, 4, 4), normal(4, 1, 3), normal(2), group=2, dilations=[2])
    add("deconv_3d", op, 11, normal(1, 2, 2, 3, 2), normal(2, 2, 2, 2, 3), normal(2), strides=[1, 2, 2], pads=[0, 1, 0, 1, 0, 1])
    add("deconv_3d_output_padding", op, 11, normal(1, 1, 2, 2, 2), normal(1, 2, 2, 2, 2), strides=[2, 2, 2], output_padding=[1, 0, 1])
