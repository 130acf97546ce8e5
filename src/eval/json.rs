//! What the figures are called in JSON: one place for the command line and for reports, so that both
//! say the same.

use serde_json::{Value as Json, json};

use super::accuracy::Accuracy;
use super::answers::{Recall, TOLERATED_LOSS};
use super::error::{ErrorStats, Sqnr};
use super::interval::Estimate;
use super::recipe_eval::QuantizedLayer;
use super::size::ModelSize;
use crate::model::Layer;

/// `{"value", "ci95": [lo, hi]}`; `null` where there is none.
pub fn estimate_json(estimate: Option<Estimate>) -> Json {
    match estimate {
        None => Json::Null,
        Some(Estimate { value, ci95: (lo, hi) }) => json!({ "value": value, "ci95": [lo, hi] }),
    }
}

/// An accuracy with the sizes of the models, as `quantscope eval --json` prints it. `critical` names
/// the class whose recall counts.
pub fn accuracy_json(accuracy: &Accuracy, critical: Option<&str>, size: ModelSize) -> Json {
    let comparison = accuracy.comparison.as_ref();
    let classes: Vec<Json> = accuracy
        .classes
        .iter()
        .map(|class| {
            json!({
                "name": class.name, "recall_float": class.float.value,
                "recall_quantized": class.quantized.map(|estimate| estimate.value),
            })
        })
        .collect();
    let mut json = json!({
        "metric": accuracy.metric.id(),
        "samples": accuracy.n_samples,
        "tokens": accuracy.n_tokens,
        "float": estimate_json(accuracy.float),
        "quantized": estimate_json(accuracy.quantized),
        "difference": estimate_json(comparison.and_then(|c| c.difference)),
        "agreement": comparison.map(|c| c.agreement),
        "broken": comparison.and_then(|c| c.broken),
        "fixed": comparison.and_then(|c| c.fixed),
        "mcnemar_p": comparison.and_then(|c| c.mcnemar_p),
        "kl_mean": comparison.map(|c| c.kl_mean),
        "output_sqnr_db": comparison.and_then(|c| c.output_sqnr.db()),
        "size": {
            "float_bytes": size.float_bytes,
            "quantized_bytes": comparison.map(|_| size.quantized_bytes),
            "bits_per_weight": size.bits_per_weight,
        },
        "seconds": accuracy.seconds,
        "classes": classes,
    });
    if let Some(case) = comparison.and_then(|c| c.output_sqnr.case()) {
        json["output_sqnr"] = json!(case);
    }
    if let Some((name, recall)) =
        critical.and_then(|name| Some((name, accuracy.class_recall(name)?)))
    {
        json["critical"] = critical_json(accuracy, name, recall);
    }
    if let Some(top5) = accuracy.top5 {
        json["top5"] = json!({
            "float": estimate_json(Some(top5.float)), "quantized": estimate_json(top5.quantized),
        });
    }
    json
}

fn critical_json(accuracy: &Accuracy, name: &str, recall: &Recall) -> Json {
    let compared = |json: Json| if accuracy.comparison.is_some() { json } else { Json::Null };
    json!({
        "name": name,
        "samples": recall.n,
        "float": estimate_json(Some(recall.float)),
        "quantized": compared(estimate_json(Some(recall.quantized))),
        "difference": compared(estimate_json(Some(recall.difference))),
        "may_lose_more_than_1_point": compared(json!(recall.may_lose_more_than(TOLERATED_LOSS))),
    })
}

/// A layer's error, as `quantscope error --json` lists it.
pub fn layer_json(layer: &Layer, done: &QuantizedLayer) -> Json {
    let stats = &done.error.total;
    let json = json!({
        "name": layer.name, "weight": layer.weight, "scheme": done.choice.to_string(),
        "mse": stats.mse(), "sqnr_db": null, "max_abs_error": stats.max_abs_error,
        "clipped_fraction": stats.clipped_fraction(),
        "clipping_mse": stats.clipping_mse(), "rounding_mse": stats.rounding_mse(),
        "cosine": stats.cosine(), "bits_per_weight": done.error.bits_per_weight(),
    });
    with_sqnr(json, done.error.sqnr())
}

/// Layers and what they come to together, as `quantscope error --json` prints it.
pub fn error_json(layers: Vec<Json>, total: &ErrorStats, size: ModelSize) -> Json {
    let sums = json!({
        "sqnr_db": null, "bits_per_weight": size.bits_per_weight, "bytes": size.quantized_bytes,
    });
    json!({ "layers": layers, "total": with_sqnr(sums, total.sqnr()) })
}

fn with_sqnr(mut json: Json, sqnr: Sqnr) -> Json {
    json["sqnr_db"] = json!(sqnr.db());
    if let Some(case) = sqnr.case() {
        json["sqnr"] = json!(case);
    }
    json
}
