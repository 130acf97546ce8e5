//! Codebooks and few levels against scipy, scikit-learn and plain readings of the papers.

use super::*;
use quantscope::eval::codes_of;
use quantscope::quant::FittedQuantizer;
use quantscope::quant::schemes::codebook::density::Density;

fn data() -> Json {
    json("tests/data/quant/codebooks.json")
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(number).collect()
}

fn input(data: &Json, name: &Json) -> ChannelMajor {
    let input = &data["inputs"][name.as_str().unwrap()];
    let dims: Vec<usize> = numbers(&input["dims"]).into_iter().map(|dim| dim as usize).collect();
    let values = numbers(&input["values"]).into_iter().map(|x| x as f32).collect();
    ChannelMajor::new(&Tensor::from_shape_vec(IxDyn(&dims), values).unwrap(), 0)
}

fn fit(weights: &ChannelMajor, spec: &str) -> LayerError {
    layer_error(weights, &spec.parse().unwrap(), &WorkCtx::new()).unwrap()
}

fn levels(fitted: &dyn FittedQuantizer, group_idx: usize) -> Vec<f64> {
    fitted.grid(group_idx).levels().iter().map(|level| f64::from(level.value)).collect()
}

#[test]
fn levels_and_codes_are_those_of_the_reference() {
    let data = data();
    let cases = data["cases"].as_array().unwrap();
    assert!(cases.len() > 150);
    for case in cases {
        let name = format!("{} of {}", case["spec"].as_str().unwrap(), case["input"]);
        let weights = input(&data, &case["input"]);
        let error = fit(&weights, case["spec"].as_str().unwrap());
        let tolerance = number(&case["tolerance"]);
        let groups = case["levels"].as_array().unwrap();
        assert_eq!(error.fitted.layout().n_groups(), groups.len(), "{name}");
        for (group_idx, wanted) in groups.iter().enumerate() {
            let (found, wanted) = (levels(&*error.fitted, group_idx), numbers(wanted));
            assert_eq!(found.len(), wanted.len(), "{name}, group {group_idx}: {found:?}");
            let size = wanted.iter().fold(0.0f64, |size, x| size.max(x.abs()));
            for (found, wanted) in found.iter().zip(&wanted) {
                // What f32 cannot tell apart near zero is left aside.
                let limit = tolerance * size + if tolerance > 0.0 { 2e-45 } else { 0.0 };
                let near = (found - f64::from(*wanted as f32)).abs() <= limit;
                assert!(near, "{name}, group {group_idx}: {found:e}, expected {wanted:e}");
            }
        }
        let codes = codes_of(&weights, &*error.fitted, &WorkCtx::new()).unwrap().unwrap();
        let wanted: Vec<i32> = numbers(&case["codes"]).into_iter().map(|c| c as i32).collect();
        assert_eq!(codes, wanted, "{name}");
        if let Some(objective) = case["objective"].as_f64() {
            assert!(close(error.total.noise, objective, 1e-5), "{name}: {}", error.total.noise);
        }
    }
}

#[test]
fn optimal_codebooks_have_the_least_error() {
    let data = data();
    for case in data["optimal"].as_array().unwrap() {
        let spec = case["spec"].as_str().unwrap();
        let weights = input(&data, &case["input"]);
        let error = fit(&weights, spec);
        let (found, wanted) = (error.total.noise, number(&case["objective"]));
        // Levels are rounded to f32: an error of the size of their last bit is added.
        let rounding = error.total.signal * 1e-13;
        assert!((found - wanted).abs() <= 1e-6 * wanted + rounding, "{case}: {found:e}");
        let lloyd = fit(&weights, &spec.replace("optimal", "linear"));
        assert!(found <= lloyd.total.noise * (1.0 + 1e-6) + rounding, "{case}");
        assert!(error.fitted.facts().iter().any(|(_, text)| text.contains("the smallest")));
    }
}

/// A random start ends where every level is the mean of its weights.
#[test]
fn random_starts_end_in_a_fixed_point() {
    let data = data();
    let weights = input(&data, &Json::from("heavy"));
    for seed in 0..5 {
        let spec = format!("kmeans:bits=3,start=random,seed={seed}");
        let error = fit(&weights, &spec);
        let codes = codes_of(&weights, &*error.fitted, &WorkCtx::new()).unwrap().unwrap();
        for (code, level) in levels(&*error.fitted, 0).into_iter().enumerate() {
            let own = weights.data().iter().zip(&codes).filter(|(_, c)| **c == code as i32);
            let own: Vec<f64> = own.map(|(x, _)| f64::from(*x)).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            assert!(own.is_empty() || (mean - level).abs() < 1e-6, "{spec}: {level}, {mean}");
        }
    }
}

#[test]
fn lloyd_max_levels_are_those_of_scipy() {
    let data = data();
    for (density, found) in [("gaussian", Density::Gaussian), ("laplacian", Density::Laplacian)] {
        for bits in 1..=8u32 {
            let wanted = numbers(&data["lloyd_max"][density][bits as usize - 1]);
            let found = found.lloyd_max_levels(bits);
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!((found - wanted).abs() < 1e-8, "{density}, {bits} bits: {found} {wanted}");
            }
        }
    }
}

#[test]
fn a_codebook_larger_than_its_group_says_what_is_possible() {
    let data = data();
    let weights = input(&data, &Json::from("heavy"));
    for (spec, wanted) in [
        (
            "kmeans:bits=8",
            "a codebook of 256 levels is larger than the 200 weights it is for; set bits to at most 7, or keep this layer in float",
        ),
        (
            "quantile:bits=6,granularity=per-channel",
            "a codebook of 64 levels is larger than the 50 weights it is for; set bits to at most 5, or share one among more weights",
        ),
    ] {
        let error = layer_error(&weights, &spec.parse().unwrap(), &WorkCtx::new());
        assert_eq!(error.err().unwrap().to_string(), wanted);
    }
}

/// Five ternary codes to a byte, and all the rest by the bit.
#[test]
fn every_bit_is_counted() {
    let data = data();
    let weights = input(&data, &Json::from("heavy"));
    for (spec, wanted) in [
        ("ternary", 200 * 2 + 32),
        ("ternary:packing=five-in-byte", 200 / 5 * 8 + 32),
        ("binary", 200),
        ("xnor:granularity=per-channel", 200 + 4 * 32),
        ("dorefa:bits=3", 200 * 3),
        ("dorefa:bits=3,rescale=least-squares", 200 * 3 + 32),
        ("kmeans:bits=3", 200 * 3 + 8 * 32),
        ("quantile:bits=2,granularity=per-channel", 200 * 2 + 4 * 4 * 32),
        ("lloyd-max:bits=3", 200 * 3 + 32),
        ("lloyd-max:bits=3,centre=mean", 200 * 3 + 64),
        ("apot:bits=5", 200 * 5 + 32),
        ("log2:bits=4", 200 * 4 + 8),
        ("log2:bits=4,scale=free", 200 * 4 + 32),
    ] {
        assert_eq!(fit(&weights, spec).fitted.storage_bits(), wanted, "{spec}");
    }
}
