//! Blocks of GGUF files against the gguf package.

use quantscope::base::WorkCtx;
use quantscope::codec::gguf_blocks::BlockType;
use quantscope::eval::{fake_quantize, layer_error};
use quantscope::formats::{SourceFile, safetensors};
use quantscope::model::TensorStore;
use quantscope::quant::SchemeChoice;
use quantscope::tensor::{ChannelMajor, Tensor};
use serde_json::Value as Json;

use super::{ints, json, number, support};

fn data() -> (TensorStore, Json) {
    let path = support::project("tests/data/quant/gguf.safetensors");
    let (store, metadata) = safetensors::read_tensors(&SourceFile::open(&path).unwrap()).unwrap();
    let types = serde_json::from_str(&metadata["types"]).unwrap();
    (store, types)
}

fn bytes(store: &TensorStore, name: &str) -> Vec<u8> {
    ints(store, name).into_iter().map(|byte| byte as u8).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn choice(block_type: BlockType) -> SchemeChoice {
    match block_type {
        BlockType::Mxfp4 => "gguf-mxfp4".parse().unwrap(),
        _ => block_type.name().to_lowercase().parse().unwrap(),
    }
}

#[test]
fn any_block_is_read_as_the_package_reads_it() {
    let (store, types) = data();
    assert_eq!(types.as_object().unwrap().len(), BlockType::ALL.len());
    for block_type in BlockType::ALL {
        let name = block_type.name();
        let facts = &types[name];
        assert_eq!(facts["number"].as_u64().unwrap(), u64::from(block_type.type_number()));
        assert_eq!(facts["length"].as_u64().unwrap() as usize, block_type.block_len(), "{name}");
        assert_eq!(facts["bytes"].as_u64().unwrap() as usize, block_type.n_bytes(), "{name}");
        let found = block_type.dequantize(&bytes(&store, &format!("{name}/bytes")));
        let wanted = store.tensor(&format!("{name}/values")).unwrap();
        assert_eq!(bits(&found), bits(wanted.as_slice().unwrap()), "{name}");
    }
}

#[test]
fn simple_types_are_written_as_the_package_writes_them() {
    let (store, _) = data();
    let input = store.tensor("input").unwrap();
    let mut n_types = 0;
    for block_type in BlockType::ALL {
        let name = block_type.name();
        if store.value(&format!("{name}/quantized")).is_err() {
            continue;
        }
        n_types += 1;
        let rows: Vec<usize> = ints(&store, &format!("{name}/input_rows"))
            .into_iter()
            .map(|row| row as usize)
            .collect();
        let input = input.select(ndarray::Axis(0), &rows);
        let weights = ChannelMajor::new(&Tensor::from(input), 0);
        let error = layer_error(&weights, &choice(block_type), &WorkCtx::new()).unwrap();
        let encoded = error.fitted.encode(&weights).unwrap();
        let wanted = bytes(&store, &format!("{name}/quantized"));
        let n_bytes = block_type.n_bytes();
        let blocks = encoded.parts[0].bytes.chunks(n_bytes).zip(wanted.chunks(n_bytes));
        for (block_idx, (found, wanted)) in blocks.enumerate() {
            assert_eq!(found, wanted, "{name}, block {block_idx}");
        }
        assert_eq!(encoded.parts[0].bytes.len(), wanted.len(), "{name}");
        assert_eq!(error.fitted.storage_note(), None);
    }
    assert_eq!(n_types, 8);
}

/// A short last block is what the package makes of the same weights and zeros after them.
#[test]
fn a_short_block_is_padded_with_zeros() {
    let (store, _) = data();
    let input = store.tensor("input").unwrap();
    for block_type in BlockType::ALL {
        let row: Vec<f32> = input.iter().copied().take(256).collect();
        let mut padded = row.clone();
        padded[200..].fill(0.0);
        let fit = |x: &[f32]| {
            let tensor = Tensor::from_shape_vec(ndarray::IxDyn(&[1, x.len()]), x.to_vec()).unwrap();
            let weights = ChannelMajor::new(&tensor, 0);
            let error = layer_error(&weights, &choice(block_type), &WorkCtx::new()).unwrap();
            let values = fake_quantize(&weights, &*error.fitted, &WorkCtx::new()).unwrap();
            (error.fitted.encode(&weights).unwrap(), values)
        };
        let (short, whole) = (fit(&row[..200]), fit(&padded));
        let n_bytes = short.0.parts[0].bytes.len();
        assert_eq!(short.0.parts[0].bytes, whole.0.parts[0].bytes[..n_bytes], "{block_type:?}");
        assert_eq!(short.1, whole.1[..200], "{block_type:?}");
    }
}

/// At most 5 % above the best of an exhaustive search for the scales.
#[test]
fn searched_scales_are_near_the_best() {
    for case in json("tests/data/quant/gguf_search.json").as_array().unwrap() {
        let input: Vec<f32> =
            case["input"].as_array().unwrap().iter().map(|x| number(x) as f32).collect();
        for (spec, best) in case["best_mse"].as_object().unwrap() {
            let n_channels = if spec == "iq4_nl" { 8 } else { 1 };
            let shape = ndarray::IxDyn(&[n_channels, input.len() / n_channels]);
            let tensor = Tensor::from_shape_vec(shape, input.clone()).unwrap();
            let weights = ChannelMajor::new(&tensor, 0);
            let choice: SchemeChoice = spec.parse().unwrap();
            let error = layer_error(&weights, &choice, &WorkCtx::new()).unwrap();
            let ratio = error.total.mse() / number(best);
            assert!(ratio <= 1.05, "{spec}: {ratio} times the best error");
            assert!(ratio >= 0.8, "{spec}: {ratio}, so the search of the reference is not one");
        }
    }
}
