//! Ranges that estimators choose, against plain readings of their definitions.

use ndarray::IxDyn;
use quantscope::base::WorkCtx;
use quantscope::eval::layer_error;
use quantscope::quant::SchemeChoice;
use quantscope::tensor::{ChannelMajor, Tensor};

use super::json;

#[test]
fn ranges_are_those_of_the_definitions() {
    let data = json("tests/data/quant/estimators.json");
    for case in data["ranges"].as_array().unwrap() {
        let numbers = data["inputs"][case["input"].as_str().unwrap()].as_array().unwrap();
        let values: Vec<f32> = numbers.iter().map(|x| x.as_f64().unwrap() as f32).collect();
        let tensor = Tensor::from_shape_vec(IxDyn(&[1, values.len()]), values).unwrap();
        let sigmas = case["sigmas"].as_f64().map_or(String::new(), |k| format!(",sigmas={k}"));
        let text = |key: &str| case[key].as_str().unwrap();
        let spec = format!(
            "int:bits={},symmetry={},range={}{sigmas}",
            case["bits"],
            text("symmetry"),
            text("range")
        );
        let choice: SchemeChoice = spec.parse().unwrap();
        let weights = ChannelMajor::new(&tensor, 0);
        let error = layer_error(&weights, &choice, &WorkCtx::new()).unwrap();
        let grid = error.fitted.grid(0);
        let (lo, hi) = grid.bounds().unwrap();
        let width = f64::from(hi) - f64::from(lo);
        let wanted = case["hi"].as_f64().unwrap() - case["lo"].as_f64().unwrap();
        assert!((width - wanted).abs() <= 2e-5 * wanted, "{case}: {lo} … {hi}");
    }
}
