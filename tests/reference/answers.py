#!/usr/bin/env python3
"""Reference values of what is read from a table of answers: confusion, recall, calibration.

usage: python tests/reference/answers.py

Writes `tests/data/answers.json` (scikit-learn, statsmodels, numpy); README.md describes it.
"""
import json
import pathlib

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, confusion_matrix, recall_score
from statsmodels.stats.proportion import proportion_confint

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "answers.json"
SEED = 20240229
N_BINS = 10


def recalls(target, answer, n_classes):
    """[samples, hits, recall, lo, hi] of every class that has samples, else null."""
    table = confusion_matrix(target, answer, labels=range(n_classes))
    found = recall_score(target, answer, labels=range(n_classes), average=None, zero_division=np.nan)
    rows = []
    for class_idx in range(n_classes):
        n, hits = int(table[class_idx].sum()), int(table[class_idx, class_idx])
        if n == 0:
            rows.append(None)
            continue
        assert abs(found[class_idx] - hits / n) < 1e-12
        lo, hi = proportion_confint(hits, n, alpha=0.05, method="wilson")
        rows.append([n, hits, float(found[class_idx]), max(float(lo), 0.0), min(float(hi), 1.0)])
    return rows


def calibration(target, answer, confidence):
    """Guo et al. 2017: bins (b/10, (b+1)/10], ECE = Σ n_b/n·|accuracy_b − confidence_b|."""
    right = target == answer
    wide = confidence.astype(np.float64)
    place = np.clip(np.ceil(wide * N_BINS).astype(int), 1, N_BINS) - 1
    bins, ece, means = [], 0.0, []
    for bin_idx in range(N_BINS):
        chosen = place == bin_idx
        n = int(chosen.sum())
        if n == 0:
            bins.append([0, None, None])
            continue
        mean, accuracy = float(wide[chosen].mean()), float(right[chosen].mean())
        means.append((accuracy, mean))
        ece += n / len(wide) * abs(accuracy - mean)
        bins.append([n, mean, accuracy])
    true, predicted = calibration_curve(right, wide, n_bins=N_BINS, strategy="uniform")
    assert np.allclose(np.array(means), np.stack([true, predicted], 1), atol=1e-12)
    return {"bins": bins, "ece": ece, "brier": float(brier_score_loss(right, wide, pos_label=True))}


def case(rng, name, n, n_classes, sharpness):
    """Answers with confidences of softmax, the quantized ones those of the float ones and noise."""
    target = rng.integers(0, max(n_classes - 1, 1), n)  # the last class has no samples
    logits = rng.standard_normal((n, n_classes)) * sharpness
    logits[np.arange(n), target] += 1.5 * sharpness
    parts = {"name": name, "n_classes": n_classes, "target": target.tolist()}
    for side, scores in (("float", logits), ("quantized", logits + rng.standard_normal(logits.shape) * sharpness)):
        odds = np.exp(scores - scores.max(1, keepdims=True))
        shares = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
        answer, confidence = shares.argmax(1), shares.max(1)
        parts[side] = {
            "answer": answer.tolist(), "confidence": [float(c) for c in confidence],
            "confusion": confusion_matrix(target, answer, labels=range(n_classes)).tolist(),
            "recall": recalls(target, answer, n_classes), "calibration": calibration(target, answer, confidence),
        }
    return parts


def main():
    rng = np.random.default_rng(SEED)
    cases = [case(rng, "five_classes", 120, 5, 1.0), case(rng, "thirty_classes", 90, 30, 2.0), case(rng, "sure", 40, 3, 12.0), case(rng, "one_sample", 1, 2, 1.0)]
    OUT.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(f"{OUT.name}: {len(cases)} cases, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
