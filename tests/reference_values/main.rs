//! Numbers against those of the reference packages (`tests/reference/`).
#![allow(clippy::unwrap_used, clippy::panic)]

mod codebooks;
mod gguf;
#[path = "../support/mod.rs"]
mod support;

mod blocks;
mod estimators;
mod formats;

use ndarray::IxDyn;
use quantscope::base::WorkCtx;
use quantscope::codec::minifloat;
use quantscope::eval::{
    CodeUsage, LayerError, OutcomeReader, OutputKind, PairedCounts, Sqnr, fake_quantize,
    layer_error, wilson,
};
use quantscope::formats::{SourceFile, safetensors};
use quantscope::model::TensorStore;
use quantscope::quant::{Grid, QuantParams, SchemeChoice};
use quantscope::session::ValueSpan;
use quantscope::tensor::{ChannelMajor, DType, Tensor, TensorStats, Value};
use serde_json::Value as Json;

fn json(path: &str) -> Json {
    serde_json::from_str(&std::fs::read_to_string(support::project(path)).unwrap()).unwrap()
}

/// A number, also where the file spells infinity.
fn number(json: &Json) -> f64 {
    match json.as_str() {
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(_) => f64::NAN,
        None => json.as_f64().unwrap(),
    }
}

fn close(found: f64, wanted: f64, tolerance: f64) -> bool {
    found == wanted || (found - wanted).abs() <= tolerance * wanted.abs().max(1e-300)
}

fn cases() -> (TensorStore, Vec<Json>) {
    let path = support::project("tests/data/quant/int.safetensors");
    let (store, metadata) = safetensors::read_tensors(&SourceFile::open(&path).unwrap()).unwrap();
    let cases: Json = serde_json::from_str(&metadata["cases"]).unwrap();
    (store, cases.as_array().unwrap().clone())
}

/// The specification a case's settings spell.
fn choice_of(settings: &Json) -> SchemeChoice {
    let pairs = settings.as_object().unwrap().iter().map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{key}={text}")
    });
    format!("int:{}", pairs.collect::<Vec<_>>().join(",")).parse().unwrap()
}

fn kept_axis(settings: &Json) -> usize {
    settings["axis"].as_u64().unwrap_or(0) as usize
}

fn ints(store: &TensorStore, name: &str) -> Vec<i64> {
    match store.value(name).unwrap() {
        Value::I64(array) => array.iter().copied().collect(),
        other => panic!("{name} is {}", other.type_name()),
    }
}

fn params(error: &LayerError, n_groups: usize) -> Vec<QuantParams> {
    let grid = |group_idx| match error.fitted.grid(group_idx) {
        Grid::Uniform { params, .. } => params,
        _ => panic!("group {group_idx} has no grid"),
    };
    (0..n_groups).map(grid).collect()
}

#[test]
fn int_codes_and_values_are_those_of_the_reference() {
    let (store, cases) = cases();
    assert!(cases.len() > 100);
    let ctx = WorkCtx::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let settings = &case["settings"];
        let tensor = store.tensor(case["input"].as_str().unwrap()).unwrap();
        let weights = ChannelMajor::new(&tensor, kept_axis(settings));
        let error = layer_error(&weights, &choice_of(settings), &ctx).unwrap();
        let n_groups = case["n_groups"].as_u64().unwrap() as usize;
        assert_eq!(error.fitted.layout().n_groups(), n_groups, "{name}");
        let found = params(&error, n_groups);
        let scales: Vec<f32> = found.iter().map(|params| params.scale).collect();
        let wanted = store.tensor(&format!("{name}/scale")).unwrap();
        assert_eq!(scales, wanted.as_slice().unwrap(), "{name}: scales");
        let zero_points: Vec<i64> =
            found.iter().map(|params| i64::from(params.zero_point)).collect();
        assert_eq!(zero_points, ints(&store, &format!("{name}/zero_point")), "{name}");
        let values = fake_quantize(&weights, &*error.fitted, &ctx).unwrap();
        let values = weights.with_data(values).to_tensor();
        let wanted = store.tensor(&format!("{name}/dequantized")).unwrap();
        assert_eq!(values, wanted, "{name}: dequantized");
        assert_codes(name, &weights, &error, &store);
        assert_figures(name, &error, &case["figures"]);
    }
}

/// Codes, one after another, through the count of each in single elements.
fn assert_codes(name: &str, weights: &ChannelMajor, error: &LayerError, store: &TensorStore) {
    let wanted: Vec<f32> =
        ints(store, &format!("{name}/codes")).iter().map(|&code| code as f32).collect();
    let shape = IxDyn(weights.dims());
    let wanted = Tensor::from_shape_vec(shape, wanted).unwrap();
    let wanted = ChannelMajor::new(&wanted, weights.axis().index());
    for (idx, &code) in wanted.data().iter().enumerate() {
        let usage = CodeUsage::count(weights, &*error.fitted, idx..idx + 1).unwrap();
        let nth = usage.counts.iter().position(|&count| count == 1).unwrap();
        assert_eq!((usage.first_code + nth as i32) as f32, code, "{name}: code {idx}");
    }
}

fn assert_figures(name: &str, error: &LayerError, figures: &Json) {
    let stats = &error.total;
    for (key, found) in [
        ("mse", stats.mse()),
        ("max_abs_error", stats.max_abs_error),
        ("clipped_fraction", stats.clipped_fraction()),
        ("clipping_mse", stats.clipping_mse()),
        ("rounding_mse", stats.rounding_mse()),
    ] {
        let wanted = number(&figures[key]);
        let is_close = close(found, wanted, 1e-9) || (found - wanted).abs() < 1e-18;
        assert!(is_close, "{name}: {key} {found}, expected {wanted}");
    }
    match figures["sqnr_db"].as_f64() {
        Some(db) => assert!(close(stats.sqnr().db().unwrap(), db, 1e-9), "{name}"),
        None => assert_eq!(stats.sqnr().case(), figures["sqnr_case"].as_str(), "{name}"),
    }
    if let Some(cosine) = figures["cosine"].as_f64() {
        assert!(close(stats.cosine().unwrap(), cosine, 1e-9), "{name}: cosine");
    } else {
        assert_eq!(stats.cosine(), None, "{name}: cosine");
    }
}

/// The search for a range is near the best that an exhaustive one finds.
#[test]
fn mse_ranges_are_near_the_best() {
    let (store, _) = cases();
    for case in json("tests/data/quant/int_mse.json").as_array().unwrap() {
        let settings = &case["settings"];
        let tensor = store.tensor(case["input"].as_str().unwrap()).unwrap();
        let weights = ChannelMajor::new(&tensor, kept_axis(settings));
        let error = layer_error(&weights, &choice_of(settings), &WorkCtx::new()).unwrap();
        let best = number(&case["best_mse"]);
        let limit = if settings["symmetry"] == "asymmetric" { 1.005 } else { 1.002 };
        let found = error.total.mse();
        assert!(found <= best * limit + 1e-18, "{case}: {found}, best {best}");
        let min_max = settings.as_object().unwrap().clone();
        let min_max: serde_json::Map<_, _> =
            min_max.into_iter().filter(|(key, _)| key != "range").collect();
        let plain = choice_of(&Json::Object(min_max));
        let plain = layer_error(&weights, &plain, &WorkCtx::new()).unwrap();
        assert!(found <= plain.total.mse(), "{settings}: worse than min-max");
    }
}

#[test]
fn intervals_are_those_of_the_reference() {
    let data = json("tests/data/quant/statistics.json");
    for case in data["wilson"].as_array().unwrap() {
        let count = |key: &str| case[key].as_u64().unwrap() as usize;
        let (lo, hi) = wilson(count("k"), count("n")).ci95;
        let near = |found: f64, key: &str| (found - number(&case[key])).abs() < 1e-12;
        assert!(near(lo, "lo") && near(hi, "hi"), "{case}: {lo} to {hi}");
    }
    let paired = |case: &Json| {
        let count = |key: &str| case[key].as_u64().unwrap_or(0) as usize;
        PairedCounts {
            both: count("both"),
            broken: count("broken"),
            fixed: count("fixed"),
            neither: count("neither"),
        }
    };
    for case in data["mcnemar"].as_array().unwrap() {
        let found = paired(case).mcnemar_p();
        assert!(close(found, number(&case["p"]), 1e-9), "{case}: {found}");
    }
    for case in data["newcombe"].as_array().unwrap() {
        let found = paired(case).difference();
        let wanted = &case["after_minus_before"];
        for (found, key) in [(found.value, "value"), (found.ci95.0, "lo"), (found.ci95.1, "hi")] {
            assert!((found - number(&wanted[key])).abs() < 1e-9, "{case}: {key} {found}");
        }
    }
}

/// Rows of scores one after another, and the length of one; a single row need not be nested.
fn rows(json: &Json) -> (Vec<f32>, usize) {
    let single = vec![json.clone()];
    let outer = json.as_array().unwrap();
    let rows = if outer[0].is_array() { outer } else { &single };
    let n_classes = rows[0].as_array().unwrap().len();
    let flat = rows.iter().flat_map(|row| row.as_array().unwrap().iter());
    (flat.map(|x| number(x) as f32).collect(), n_classes)
}

#[test]
fn kl_divergence_is_that_of_the_reference() {
    let data = json("tests/data/quant/statistics.json");
    for (kinds, kind) in
        [("logits", OutputKind::Logits), ("probabilities", OutputKind::Probabilities)]
    {
        for case in data["kl"][kinds].as_array().unwrap() {
            let (float, n_classes) = rows(&case["float"]);
            let (quantized, _) = rows(&case["quantized"]);
            let reader = OutcomeReader { kind, n_classes };
            let outcome = reader.read(0, &[], &float, Some(&quantized));
            let found = outcome.change.unwrap().kl / outcome.n as f64;
            let wanted = number(case.get("mean").unwrap_or(&case["kl"]));
            let near = close(found, wanted, 1e-6) || (found - wanted).abs() < 1e-9;
            assert!(near, "{found}, expected {wanted}: {case}");
        }
    }
}

#[test]
fn moments_are_those_of_the_reference() {
    for case in json("tests/data/quant/statistics.json")["moments"].as_array().unwrap() {
        let values: Vec<f32> =
            case["values"].as_array().unwrap().iter().map(|x| number(x) as f32).collect();
        let stats = TensorStats::compute(&values, &WorkCtx::new()).unwrap();
        let name = &case["name"];
        for (key, found) in [
            ("mean", stats.mean),
            ("std", stats.std),
            ("skewness", stats.skewness),
            ("kurtosis", stats.kurtosis),
        ] {
            if let Some(wanted) = case[key].as_f64() {
                let found = found.unwrap_or(f64::NAN);
                let near = close(found, wanted, 1e-6) || (found - wanted).abs() < 1e-9;
                assert!(near, "{name}: {key} {found}, expected {wanted}");
            }
        }
    }
}

/// Every bit pattern of every 8-bit float.
#[test]
fn eight_bit_floats_decode_as_the_reference() {
    let tables = json("tests/data/quant/minifloat.json");
    for (name, dtype) in [
        ("float8_e4m3fn", DType::F8E4M3Fn),
        ("float8_e5m2", DType::F8E5M2),
        ("float8_e4m3fnuz", DType::F8E4M3Fnuz),
        ("float8_e5m2fnuz", DType::F8E5M2Fnuz),
        ("float8_e8m0fnu", DType::F8E8M0),
    ] {
        let decode = minifloat::decoder(dtype).unwrap();
        let table = tables["decode"][name].as_array().unwrap();
        assert_eq!(table.len(), 256, "{name}");
        for (code, wanted) in table.iter().enumerate() {
            let found = decode(code as u8);
            match wanted.as_u64() {
                Some(bits) => assert_eq!(u64::from(found.to_bits()), bits, "{name} {code:#x}"),
                None => assert!(found.is_nan(), "{name} {code:#x}: {found}"),
            }
        }
    }
}

#[test]
fn a_signal_without_error_has_a_name() {
    assert_eq!(Sqnr::of_sums(1.0, 0.0), Sqnr::Exact);
    assert_eq!(Sqnr::of_sums(0.0, 1.0), Sqnr::NoSignal);
    assert_eq!(Sqnr::of_sums(f64::NAN, 1.0), Sqnr::NonFinite);
}

#[test]
fn percentiles_of_channels_are_those_of_numpy() {
    let data = json("tests/data/quant/channels.json");
    for case in data["spans"].as_array().unwrap() {
        let values = case["values"].as_array().unwrap();
        let values: Vec<f32> = values.iter().map(|x| number(x) as f32).collect();
        let span = ValueSpan::of(&values).unwrap();
        let found = [span.min, span.low, span.high, span.max].map(f64::from);
        for (name, found) in ["min", "low", "high", "max"].into_iter().zip(found) {
            let wanted = number(&case[name]);
            assert!(
                close(found, wanted, 1e-7),
                "{} values, {name}: {found} {wanted}",
                values.len()
            );
        }
    }
    assert_eq!(ValueSpan::of(&[f32::NAN]), None);
}
