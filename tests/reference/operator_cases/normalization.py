"""Normalizations over batches, layers, channels and neighbours."""
import numpy as np

from . import normal, uniform

TOLERANCE = 1e-5


def cases(add):
    batch(add)
    layer(add)
    instance_and_group(add)
    lp_and_lrn(add)


def batch(add):
    op = "BatchNormalization"

    def parameters(n_channels):
        return (uniform(0.5, 1.5, n_channels), normal(n_channels, seed=1),
                normal(n_channels, seed=2), uniform(0.1, 2.0, n_channels, seed=3))

    for opset in (7, 9, 14, 15):
        add(f"batchnorm_opset{opset}", op, opset, normal(2, 3, 4, 2), *parameters(3))
    add("batchnorm_epsilon", op, 15, normal(2, 3, 4, 2), *parameters(3), epsilon=0.01)
    add("batchnorm_momentum_ignored", op, 15, normal(2, 3, 2, 2), *parameters(3), momentum=0.5, training_mode=0)
    add("batchnorm_2d", op, 15, normal(3, 4), *parameters(4))
    add("batchnorm_3d", op, 15, normal(2, 3, 5), *parameters(3))
    add("batchnorm_5d", op, 15, normal(1, 2, 2, 3, 2), *parameters(2))
    small = (np.ones(2, np.float32), np.zeros(2, np.float32), np.zeros(2, np.float32), np.zeros(2, np.float32))
    add("batchnorm_zero_variance", op, 15, normal(1, 2, 2, 2), *small)


def layer(add):
    op, x = "LayerNormalization", normal(2, 3, 4)
    add("layernorm", op, 17, x, normal(4), normal(4, seed=1))
    add("layernorm_no_bias", op, 17, x, normal(4))
    add("layernorm_axis_1", op, 17, x, normal(3, 4), normal(3, 4, seed=1), axis=1)
    add("layernorm_axis_minus_2", op, 17, x, normal(3, 4), axis=-2)
    add("layernorm_axis_0", op, 17, x, normal(2, 3, 4, seed=1), axis=0)
    add("layernorm_epsilon", op, 17, x * np.float32(0.01), normal(4), normal(4, seed=1), epsilon=0.1)
    add("layernorm_scale_broadcast", op, 17, x, normal(4), normal(1, seed=1), axis=1)
    add("layernorm_constant_row", op, 17, np.full((2, 4), 3.0, np.float32), normal(4), normal(4, seed=1))
    add("layernorm_large_mean", op, 17, normal(3, 8) + np.float32(100.0), normal(8), normal(8, seed=1), tolerance=1e-3)
    add("layernorm_mean_outputs", op, 17, x, normal(4), normal(4, seed=1), n_outputs=3)
    add("layernorm_wide", op, 17, normal(2, 37), normal(37), normal(37, seed=1))
    op = "RMSNormalization"
    add("rmsnorm", op, 23, x, normal(4))
    add("rmsnorm_axis_1", op, 23, x, normal(3, 4), axis=1)
    add("rmsnorm_axis_minus_2", op, 23, x, normal(3, 4), axis=-2)
    add("rmsnorm_epsilon", op, 23, x * np.float32(0.01), normal(4), epsilon=0.1)
    add("rmsnorm_scale_broadcast", op, 23, x, normal(4), axis=1)
    add("rmsnorm_zero", op, 23, np.zeros((2, 4), np.float32), normal(4))


def instance_and_group(add):
    op = "InstanceNormalization"
    for opset in (1, 6, 22):
        add(f"instancenorm_opset{opset}", op, opset, normal(2, 3, 4, 3), normal(3), normal(3, seed=1))
    add("instancenorm_epsilon", op, 6, normal(1, 2, 3, 3), normal(2), normal(2, seed=1), epsilon=0.1)
    add("instancenorm_1d", op, 6, normal(2, 3, 5), normal(3), normal(3, seed=1))
    add("instancenorm_3d", op, 6, normal(1, 2, 2, 3, 2), normal(2), normal(2, seed=1))
    op = "GroupNormalization"
    x = normal(2, 4, 3, 2)
    # Scale and bias count groups at opset 18, channels from 21 on.
    add("groupnorm_opset18", op, 18, x, normal(2), normal(2, seed=1), num_groups=2)
    add("groupnorm_opset18_epsilon", op, 18, x, normal(4), normal(4, seed=1), num_groups=4, epsilon=0.05)
    add("groupnorm_opset21", op, 21, x, normal(4), normal(4, seed=1), num_groups=2)
    add("groupnorm_opset21_one_group", op, 21, x, normal(4), normal(4, seed=1), num_groups=1)
    add("groupnorm_opset21_each_channel", op, 21, x, normal(4), normal(4, seed=1), num_groups=4, epsilon=0.05)
    add("groupnorm_opset21_1d", op, 21, normal(1, 6, 5), normal(6), normal(6, seed=1), num_groups=3)


def lp_and_lrn(add):
    x = normal(2, 3, 4)
    zeros = x.copy()
    zeros[:, 1] = 0.0
    for opset in (1, 22):
        for p in (1, 2):
            add(f"lpnorm_p{p}_opset{opset}", "LpNormalization", opset, x, p=p)
            add(f"lpnorm_p{p}_axis_1_opset{opset}", "LpNormalization", opset, x, p=p, axis=1)
    add("lpnorm_defaults", "LpNormalization", 1, x)
    add("lpnorm_p2_axis_0", "LpNormalization", 1, x, p=2, axis=0)
    add("lpnorm_p1_zero", "LpNormalization", 1, zeros, p=1)
    add("lpnorm_p2_zero", "LpNormalization", 1, zeros, p=2)
    x = normal(1, 7, 2, 3)
    add("lrn_size_3", "LRN", 13, x, size=3)
    add("lrn_size_5", "LRN", 1, x, size=5, alpha=0.1, beta=0.5, bias=2.0)
    add("lrn_size_1", "LRN", 13, x, size=1, alpha=0.2)
    add("lrn_size_above_channels", "LRN", 13, x, size=15, alpha=0.5, beta=0.75, bias=1.5)
    add("lrn_batch", "LRN", 13, normal(2, 4, 2, 2), size=3, alpha=0.3, beta=1.0)
