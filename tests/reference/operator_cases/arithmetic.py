"""Element-wise arithmetic, f32 and whole numbers."""
import numpy as np

from . import f32, i64, integers, normal, uniform

TOLERANCE = 1e-6

# Left and right shapes, the broadcasting of ONNX since opset 7.
SHAPES = {
    "same": ((2, 3, 4), (2, 3, 4)), "scalar": ((2, 3), ()), "scalar_left": ((), (2, 3)), "scalars": ((), ()),
    "one": ((2, 3), (1,)), "last": ((2, 3, 4), (4,)), "channel": ((2, 3, 2, 2), (3, 1, 1)),
    "channel_left": ((1, 3, 1, 1), (2, 3, 2, 2)), "both": ((3, 1), (1, 4)), "ranks": ((4,), (2, 1, 4)),
    "ones_left": ((1, 1, 1), (3,)), "middle": ((2, 1, 3), (2, 4, 3)), "empty": ((0, 3), (3,)),
}
WITH_NAN = f32(1.0, np.nan, -2.0, np.nan, np.inf, -np.inf)


def cases(add):
    binary(add)
    whole_numbers(add)
    powers_and_remainders(add)
    variadic(add)
    unary(add)


def binary(add):
    for op in ("Add", "Sub", "Mul", "Div"):
        for name, (left, right) in SHAPES.items():
            # Every shape once, and for Sub, whose operands do not commute, all of them.
            if op == "Sub" or name in ("channel", "scalar_left"):
                add(f"{op.lower()}_{name}", op, 14, normal(*left), uniform(0.5, 2.0, *right, seed=1))
        for opset in (7, 13):
            add(f"{op.lower()}_opset{opset}", op, opset, normal(2, 3), normal(3, seed=1))
    add("div_by_zero", "Div", 14, f32(1.0, -1.0, 0.0, 1.0), f32(0.0, 0.0, 0.0, -0.0))


def whole_numbers(add):
    a, b = i64(7, -7, 7, -7, 0, 9, -9, 1), i64(2, 2, -2, -2, 5, 3, 3, -4)
    for op in ("Add", "Sub", "Mul", "Div"):
        add(f"{op.lower()}_i64", op, 14, a, b, tolerance=0.0)
        add(f"{op.lower()}_i32", op, 14, a.astype(np.int32), b.astype(np.int32), tolerance=0.0)
        add(f"{op.lower()}_i64_broadcast", op, 14, integers(-9, 10, 2, 3), i64(2, -3, 4), tolerance=0.0)
        add(f"{op.lower()}_i64_scalar", op, 13, integers(-9, 10, 5), np.int64(-2), tolerance=0.0)


def powers_and_remainders(add):
    base = uniform(0.1, 3.0, 2, 3)
    add("pow", "Pow", 13, base, normal(2, 3, seed=1), tolerance=4e-6)
    add("pow_opset7", "Pow", 7, base, normal(3, seed=1), tolerance=4e-6)
    for exponent in (2.0, 3.0, 0.5, -1.0, 0.0, 1.0):
        add(f"pow_{exponent}", "Pow", 13, base, np.float32(exponent))
    add("pow_negative_base", "Pow", 13, f32(-2.0, -2.0, -2.0, -8.0, 0.0, 0.0), f32(2.0, 3.0, -1.0, 0.5, 0.0, -1.0))
    add("pow_f32_i64", "Pow", 13, f32(-1.5, 2.0, 3.0), i64(2, 3, -1))
    add("pow_f32_i32", "Pow", 15, f32(-1.5, 2.0, 3.0), np.array([2, 3, -1], np.int32))
    add("pow_i64", "Pow", 13, i64(2, -3, 5, 0), i64(3, 3, 2, 0), tolerance=0.0)
    add("pow_i64_f32", "Pow", 13, i64(4, 9, 2), f32(0.5, 1.0, 2.0), tolerance=0.0)
    a, b = i64(7, -7, 7, -7, 6, -6, 0), i64(3, 3, -3, -3, 3, 3, 5)
    for fmod in (0, 1):
        add(f"mod_i64_fmod_{fmod}", "Mod", 13, a, b, fmod=fmod, tolerance=0.0)
        add(f"mod_i32_fmod_{fmod}", "Mod", 13, a.astype(np.int32), b.astype(np.int32), fmod=fmod, tolerance=0.0)
    add("mod_i64_opset10_broadcast", "Mod", 10, integers(-20, 20, 2, 4), i64(7), tolerance=0.0)
    add("mod_f32", "Mod", 13, f32(5.3, -5.3, 5.3, -5.3, 1.0, -4.0), f32(2.0, 2.0, -2.0, -2.0, 0.25, 2.0), fmod=1)


def variadic(add):
    x = [normal(2, 3, seed=seed) for seed in range(4)]
    for op in ("Min", "Max", "Sum", "Mean"):
        name, exact = op.lower(), {"tolerance": 0.0} if op in ("Min", "Max") else {}
        for n in (1, 2, 3, 4):
            add(f"{name}_{n}", op, 13, *x[:n], **exact)
        add(f"{name}_opset8", op, 8, x[0], x[1], **exact)
        add(f"{name}_broadcast", op, 13, normal(2, 1, 3), normal(4, 1, seed=1), normal(3, seed=2), **exact)
        add(f"{name}_scalar", op, 13, x[0], np.float32(0.25), **exact)
    ordered = f32(1.0, 2.0, np.nan, np.nan, -np.inf, np.nan)
    for op in ("Min", "Max"):
        name = op.lower()
        add(f"{name}_i64", op, 12, integers(-9, 10, 2, 3), i64(0, 5, -5), tolerance=0.0)
        add(f"{name}_i64_3", op, 13, integers(-9, 10, 4), integers(-9, 10, 4, seed=1), np.int64(2), tolerance=0.0)
        add(f"{name}_i32", op, 13, integers(-9, 10, 4, dtype=np.int32), integers(-9, 10, 4, seed=1, dtype=np.int32), tolerance=0.0)
        add(f"{name}_u8", op, 13, np.array([1, 200, 7], np.uint8), np.array([5, 100, 7], np.uint8), tolerance=0.0)
        add(f"{name}_right_nan", op, 13, f32(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), ordered, tolerance=0.0)
        add(f"{name}_left_nan", op, 13, ordered, f32(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), tolerance=0.0)
        add(f"{name}_scalar_nan", op, 13, ordered, np.float32(0.0), tolerance=0.0)
        add(f"{name}_scalar_is_nan", op, 13, f32(1.0, 2.0, 3.0), np.float32(np.nan), tolerance=0.0)
        add(f"{name}_3_nan", op, 13, ordered, f32(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), f32(0.0, np.nan, 0.0, 0.0, 0.0, 9.0), tolerance=0.0)
    add("sum_nan", "Sum", 13, WITH_NAN, f32(1.0, 2.0, 3.0, 4.0, 5.0, np.inf))


def unary(add):
    signed = f32(-2.5, -1.5, -0.5, -0.0, 0.0, 0.3, 0.5, 1.5, 2.5, 3.49999, 1e9, -7.7)
    for op in ("Abs", "Neg", "Floor", "Ceil", "Sign"):
        add(op.lower(), op, 13, signed, tolerance=0.0)
        add(f"{op.lower()}_opset6" if op != "Sign" else "sign_opset9", op, 9 if op == "Sign" else 6, normal(2, 3), tolerance=0.0)
    # Round is half to even.
    add("round", "Round", 11, signed, tolerance=0.0)
    add("round_opset22", "Round", 22, signed * np.float32(3.0), tolerance=0.0)
    for op in ("Abs", "Neg", "Sign"):
        add(f"{op.lower()}_i64", op, 13, i64(-5, 0, 7), tolerance=0.0)
        add(f"{op.lower()}_i32", op, 13, np.array([-5, 0, 7], np.int32), tolerance=0.0)
        add(f"{op.lower()}_nan", op, 13, WITH_NAN, tolerance=0.0)
    add("sqrt", "Sqrt", 13, f32(0.0, 1.0, 2.0, 1e-10, 1e10, np.inf))
    add("sqrt_negative", "Sqrt", 13, f32(-1.0, -0.0, 4.0))
    add("reciprocal", "Reciprocal", 13, f32(1.0, -3.0, 0.1, 1e30))
    add("reciprocal_zero", "Reciprocal", 13, f32(0.0, -0.0, np.inf))
    add("exp", "Exp", 13, f32(-100.0, -10.0, -1.0, 0.0, 0.5, 1.0, 10.0))
    add("exp_overflow", "Exp", 13, f32(89.0, -120.0, np.inf, -np.inf))
    add("log", "Log", 13, f32(1e-30, 0.1, 1.0, 2.0, 1e30))
    add("log_zero_negative", "Log", 13, f32(0.0, -1.0, np.inf))
    angles = f32(-7.0, -1.0, -0.1, 0.0, 0.5, 1.5, 3.0, 10.0, 100.0)
    for op in ("Sin", "Cos", "Tan", "Atan"):
        add(op.lower(), op, 7, angles, tolerance=2e-6)
        add(f"{op.lower()}_3d", op, 22, normal(2, 1, 3), tolerance=2e-6)
