"""Gemm, MatMul and Einsum."""
import numpy as np

from . import normal

TOLERANCE = 1e-5


def cases(add):
    gemm(add)
    matmul(add)
    einsum(add)


def gemm(add):
    a, b = normal(3, 4), normal(4, 5)
    add("gemm", "Gemm", 13, a, b, normal(5))
    add("gemm_no_c", "Gemm", 13, a, b)
    add("gemm_no_c_opset11", "Gemm", 11, a, b)
    add("gemm_c_absent_name", "Gemm", 11, a, b, None)
    add("gemm_opset7", "Gemm", 7, a, b, normal(5), alpha=0.5)
    add("gemm_opset9", "Gemm", 9, a, b, normal(5), beta=0.5)
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            left = normal(4, 3) if trans_a else a
            right = normal(5, 4) if trans_b else b
            add(f"gemm_trans_{trans_a}{trans_b}", "Gemm", 13, left, right, normal(5), transA=trans_a, transB=trans_b)
    for name, c in (("n", normal(5)), ("1n", normal(1, 5)), ("m1", normal(3, 1)), ("mn", normal(3, 5)),
                    ("scalar", normal()), ("1", normal(1)), ("11", normal(1, 1))):
        add(f"gemm_c_{name}", "Gemm", 13, a, b, c, alpha=0.5, beta=2.0)
    add("gemm_alpha_beta_trans", "Gemm", 13, normal(4, 3), normal(5, 4), normal(3, 1), alpha=-1.25, beta=0.35, transA=1, transB=1)
    add("gemm_alpha_no_c", "Gemm", 13, a, b, alpha=3.0, beta=7.0)
    add("gemm_beta_0", "Gemm", 13, a, b, normal(5), beta=0.0)
    add("gemm_beta_0_nan", "Gemm", 13, a, b, np.full(5, np.nan, np.float32), beta=0.0)
    add("gemm_alpha_0", "Gemm", 13, a, b, normal(5), alpha=0.0)
    add("gemm_one_row", "Gemm", 13, normal(1, 9), normal(9, 7), normal(7))
    add("gemm_one_column", "Gemm", 13, normal(6, 9), normal(9, 1), normal(1))
    add("gemm_inner_1", "Gemm", 13, normal(3, 1), normal(1, 4), normal(4))
    add("gemm_wide", "Gemm", 13, normal(7, 19), normal(11, 19), normal(11), transB=1)


def matmul(add):
    pairs = {
        "2d": ((3, 4), (4, 5)), "one_row": ((1, 7), (7, 3)), "one_column": ((3, 7), (7, 1)),
        "1d_1d": ((4,), (4,)), "1d_2d": ((4,), (4, 3)), "2d_1d": ((3, 4), (4,)),
        "1d_3d": ((4,), (2, 4, 3)), "3d_1d": ((2, 3, 4), (4,)),
        "3d": ((2, 3, 4), (2, 4, 5)), "4d": ((2, 2, 3, 4), (2, 2, 4, 2)),
        "3d_2d": ((2, 3, 4), (4, 5)), "2d_3d": ((3, 4), (2, 4, 5)),
        "4d_2d": ((2, 2, 3, 4), (4, 3)), "broadcast_1": ((1, 3, 4), (3, 4, 2)),
        "broadcast_both": ((2, 1, 3, 4), (1, 3, 4, 2)), "broadcast_ranks": ((3, 3, 4), (2, 1, 4, 2)),
        "outer": ((3, 1), (1, 4)), "wide": ((7, 19), (19, 11)),
    }
    for name, (left, right) in pairs.items():
        add(f"matmul_{name}", "MatMul", 13, normal(*left), normal(*right, seed=1))
    add("matmul_opset1", "MatMul", 1, normal(2, 3), normal(3, 2, seed=1))
    add("matmul_opset9", "MatMul", 9, normal(2, 2, 3), normal(3, 2, seed=1))
    left = normal(2, 3).copy()
    left[0, 1] = np.nan
    add("matmul_nan", "MatMul", 13, left, np.zeros((3, 2), np.float32))


def einsum(add):
    equations = {
        "matmul": ("ij,jk->ik", (3, 4), (4, 5)),
        "matmul_transposed": ("ij,kj->ik", (3, 4), (5, 4)),
        "implicit": ("ij,jk", (3, 4), (4, 2)),
        "implicit_sorts": ("bj,ja", (3, 4), (4, 2)),
        "spaces": (" i j , j k -> i k ", (2, 3), (3, 2)),
        "batched": ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
        "scores_bhqd": ("bhqd,bhkd->bhqk", (1, 2, 3, 4), (1, 2, 5, 4)),
        "scores_bqhd": ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
        "scores_ibnd": ("ibnd,jbnd->ijbn", (3, 1, 2, 4), (2, 1, 2, 4)),
        "values_bhqk": ("bhqk,bhkd->bhqd", (1, 2, 3, 5), (1, 2, 5, 4)),
        "values_bqhd": ("bhqk,bkhd->bqhd", (2, 2, 3, 5), (2, 5, 2, 4)),
        "dense": ("abc,cde->abde", (2, 3, 4), (4, 2, 3)),
        "dense_two": ("abcd,cde->abe", (2, 2, 3, 4), (3, 4, 2)),
        "relative_position": ("bhld,lrd->bhlr", (1, 2, 3, 4), (3, 5, 4)),
        "outer": ("i,j->ij", (3,), (4,)),
        "dot": ("i,i->", (5,), (5,)),
        "elementwise": ("ij,ij->ij", (2, 3), (2, 3)),
        "broadcast_scale": ("bid,d->bid", (2, 3, 4), (4,)),
        "contract_two": ("bij,bij->b", (2, 3, 4), (2, 3, 4)),
        "sum_one_side": ("ij,k->i", (3, 4), (2,)),
        "ellipsis": ("...ij,...jk->...ik", (2, 2, 3, 4), (2, 2, 4, 2)),
        "ellipsis_broadcast": ("...ij,jk->...ik", (2, 2, 3, 4), (4, 2)),
        "upper_case": ("Bij,Bjk->Bik", (2, 3, 2), (2, 2, 3)),
        "transpose": ("ij->ji", (3, 4)),
        "permute": ("bhwc->bchw", (1, 2, 3, 2)),
        "sum_rows": ("ij->i", (3, 4)),
        "sum_all": ("ij->", (3, 4)),
        "implicit_transpose": ("ba", (2, 3)),
        "diagonal": ("ii->i", (3, 3)),
        "trace": ("ii", (3, 3)),
        "batched_diagonal": ("...ii->...i", (2, 3, 3)),
        "three": ("bi,ij,bj->b", (2, 3), (3, 4), (2, 4)),
    }
    for name, (equation, *shapes) in equations.items():
        inputs = [normal(*shape, seed=idx) for idx, shape in enumerate(shapes)]
        add(f"einsum_{name}", "Einsum", 12, *inputs, equation=equation)
