//! Block formats and integers with stored scales: codes, scales and values.

use quantscope::quant::all_codes;

use super::*;

fn cases() -> (TensorStore, Vec<Json>) {
    let path = support::project("tests/data/quant/block_formats.safetensors");
    let (store, metadata) = safetensors::read_tensors(&SourceFile::open(&path).unwrap()).unwrap();
    let cases: Json = serde_json::from_str(&metadata["cases"]).unwrap();
    (store, cases.as_array().unwrap().clone())
}

/// The scale of every element, in the order of the tensor.
fn scales_of(weights: &ChannelMajor, error: &LayerError) -> Tensor {
    let layout = error.fitted.layout();
    let scale = |idx| error.fitted.grid(layout.group_of(idx)).scale().unwrap();
    weights.with_data((0..weights.data().len()).map(scale).collect()).to_tensor()
}

fn assert_close(name: &str, found: &Tensor, wanted: &Tensor, tolerance: f64) {
    assert_eq!(found.len(), wanted.len(), "{name}");
    for (idx, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        let near = (f64::from(found) - f64::from(wanted)).abs()
            <= tolerance * f64::from(wanted).abs().max(f64::from(f32::MIN_POSITIVE));
        let same = (found + 0.0).to_bits() == (wanted + 0.0).to_bits();
        assert!(same || near && tolerance > 0.0, "{name}, {idx}: {found:e}, expected {wanted:e}");
    }
}

#[test]
fn codes_scales_and_values_are_those_of_the_reference() {
    let (store, cases) = cases();
    assert!(cases.len() > 90);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let tensor = store.tensor(case["input"].as_str().unwrap()).unwrap();
        let weights = ChannelMajor::new(&tensor, case["axis"].as_u64().unwrap() as usize);
        let choice: SchemeChoice = case["spec"].as_str().unwrap().parse().unwrap();
        let error = layer_error(&weights, &choice, &WorkCtx::new()).unwrap();
        let codes = all_codes(&*error.fitted, &weights).iter().map(|&code| code as f32).collect();
        let codes = weights.with_data(codes).to_tensor();
        let wanted = ints(&store, &format!("{name}/codes")).into_iter().map(|code| code as f32);
        let wanted = Tensor::from_shape_vec(IxDyn(tensor.shape()), wanted.collect()).unwrap();
        assert_eq!(codes, wanted, "{name}: codes");
        let tolerance = case["tolerance"].as_f64().unwrap();
        let scales = store.tensor(&format!("{name}/scales")).unwrap();
        let found = scales_of(&weights, &error);
        let of_element = ints(&store, case["blocks"].as_str().unwrap());
        let wanted: Vec<f32> =
            of_element.iter().map(|&block| scales.as_slice().unwrap()[block as usize]).collect();
        let wanted = Tensor::from_shape_vec(IxDyn(tensor.shape()), wanted).unwrap();
        assert_close(&format!("{name}: scales"), &found, &wanted, tolerance);
        let values = fake_quantize(&weights, &*error.fitted, &WorkCtx::new()).unwrap();
        let values = weights.with_data(values).to_tensor();
        if let Ok(wanted) = store.tensor(&format!("{name}/values")) {
            assert_close(&format!("{name}: values"), &values, &wanted, tolerance);
        }
        assert_eq!(error.fitted.storage_bits(), case["bits"].as_u64().unwrap(), "{name}");
        let is_noted = error.fitted.storage_note().is_some();
        assert_eq!(is_noted, case["has_short_block"].as_bool().unwrap(), "{name}");
    }
}
