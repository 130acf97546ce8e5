//! Models written and read back: the same weights to the bit, the size as predicted, and what a
//! format cannot hold said in one line.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ndarray::IxDyn;
use quantscope::base::WorkCtx;
use quantscope::eval::{Export, QuantizedLayer, Unfit, export_model, overlay, quantize_network};
use quantscope::exec::{ExecPlan, NoHook};
use quantscope::formats::{SourceFile, WRITERS, WriteError, Writer, read_source};
use quantscope::model::{FoldMode, Network};
use quantscope::quant::schemes::SCHEMES;
use quantscope::quant::{Recipe, SchemeChoice};
use quantscope::tensor::{Tensor, Value};
use serde_json::{Value as Json, json};
use support::{FileBuilder, graph, node};

const N_INPUTS: usize = 256;

/// Weights of different sizes by channel, with outliers.
fn values(count: usize, seed: usize) -> Vec<f32> {
    let value = |idx: usize| {
        let noise = ((idx * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0;
        noise * noise * noise * (1.0 + (idx / 37 % 5) as f32)
    };
    (0..count).map(value).collect()
}

/// A convolution with its batch normalization, a transposed one, and products either way round.
fn model() -> FileBuilder {
    let nodes = vec![
        node("image", "Reshape", &["input", "image.dims"], &["image"], json!({})),
        node(
            "conv",
            "Conv",
            &["image", "conv.weight"],
            &["conv.out"],
            json!({"pads": [1, 1, 1, 1]}),
        ),
        node(
            "norm",
            "BatchNormalization",
            &["conv.out", "gamma", "beta", "mean", "var"],
            &["norm.out"],
            json!({}),
        ),
        node("up", "ConvTranspose", &["norm.out", "up.weight"], &["up.out"], json!({})),
        node(
            "mean",
            "ReduceMean",
            &["up.out"],
            &["mean.out"],
            json!({"axes": [1, 2, 3], "keepdims": 0}),
        ),
        node("column", "Unsqueeze", &["mean.out", "one"], &["column.out"], json!({})),
        node("fc", "Gemm", &["input", "fc.weight", "fc.bias"], &["fc.out"], json!({"transB": 1})),
        node("product", "MatMul", &["input", "product.weight"], &["product.out"], json!({})),
        node("sum", "Add", &["fc.out", "product.out"], &["sum.out"], json!({})),
        node("all", "Add", &["sum.out", "column.out"], &["output"], json!({})),
    ];
    let dims = |dims: &[i64]| dims.iter().flat_map(|dim| dim.to_le_bytes()).collect::<Vec<u8>>();
    FileBuilder::new()
        .tensor("image.dims", "I64", &[4], dims(&[-1, 4, 8, 8]))
        .tensor("one", "I64", &[1], dims(&[1]))
        .floats("conv.weight", &[6, 4, 3, 3], &values(6 * 36, 1))
        .floats("gamma", &[6], &values(6, 2))
        .floats("beta", &[6], &values(6, 3))
        .floats("mean", &[6], &values(6, 4))
        .floats("var", &[6], &[0.5, 1.0, 1.5, 2.0, 0.25, 4.0])
        .floats("up.weight", &[6, 5, 2, 2], &values(120, 5))
        .floats("fc.weight", &[4, N_INPUTS], &values(4 * N_INPUTS, 6))
        .floats("fc.bias", &[4], &values(4, 7))
        .floats("product.weight", &[N_INPUTS, 4], &values(4 * N_INPUTS, 8))
        .graph(&graph(&[N_INPUTS], nodes))
}

fn network_of(bytes: Vec<u8>, name: &str) -> Network {
    let source = SourceFile::from_bytes(name, Arc::new(bytes));
    let model = read_source(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
    Network::new(Arc::new(model), FoldMode::Fold).unwrap()
}

fn quantized(network: &Network, choice: &SchemeChoice) -> Vec<Arc<QuantizedLayer>> {
    let names = network.layers.iter().map(|layer| layer.name.as_str());
    quantize_network(network, &Recipe::uniform(names, choice), &WorkCtx::new())
        .unwrap_or_else(|error| panic!("{choice}: {error}"))
}

/// The output for two samples, as bits.
fn run(network: &Network, replaced: &BTreeMap<String, Tensor>) -> Vec<u32> {
    let plan = ExecPlan::new(network.graph.as_ref().unwrap()).unwrap();
    let float = plan.constants(|name| network.value(name)).unwrap();
    let constants = plan.with_replaced(&float, |name| network.value(name), replaced).unwrap();
    let input = Tensor::from_shape_vec(IxDyn(&[2, N_INPUTS]), values(2 * N_INPUTS, 9)).unwrap();
    match &plan.run(&constants, vec![Value::F32(input)], &NoHook).unwrap()[..] {
        [Value::F32(output)] => output.iter().map(|value| (value + 0.0).to_bits()).collect(),
        other => panic!("{other:?}"),
    }
}

fn write(writer: &Writer, export: &Export) -> Vec<u8> {
    let mut bytes = Vec::new();
    writer.write(&export.model, &mut bytes).unwrap();
    assert_eq!(writer.predict(&export.model).unwrap(), bytes.len() as u64, "{}", writer.id);
    bytes
}

/// Every scheme as it is, and the settings that change what is stored.
fn choices() -> Vec<SchemeChoice> {
    let mut specs: Vec<String> = SCHEMES.iter().map(|scheme| scheme.id().to_owned()).collect();
    for bits in [2, 3, 4, 5, 8, 9, 16] {
        for symmetry in ["symmetric", "symmetric-full", "asymmetric"] {
            for share in ["per-tensor", "per-channel", "per-group,group-size=16"] {
                specs.push(format!("int:bits={bits},symmetry={symmetry},granularity={share}"));
            }
        }
    }
    let more = [
        "int4:granularity=per-channel,axis=1",
        "int4:granularity=per-group,group-size=7,axis=1",
        "int4:rotation=hadamard",
        "int4:mask=smallest",
        "kmeans:bits=2,granularity=per-group",
        "nf4:double-quant=on",
        "e4m3fn:overflow=as-format",
        "f16:scale=none",
        "bf16:scale=none",
        "xnor:mask=smallest",
        "q8_0:rotation=hadamard",
    ];
    specs.extend(more.map(str::to_owned));
    specs
        .iter()
        .map(|spec| spec.parse().unwrap_or_else(|error| panic!("{spec}: {error}")))
        .collect()
}

#[test]
fn every_scheme_comes_back_to_the_bit_from_every_format() {
    let network = network_of(model().bytes(), "m.safetensors");
    assert_eq!(network.layers.len(), 4);
    for choice in choices() {
        let layers = quantized(&network, &choice);
        let float = SchemeChoice::float();
        for writer in WRITERS {
            let what = format!("{choice} as {}", writer.id);
            let export = export_model(&network, &layers, writer, Unfit::KeptFloat).unwrap();
            let names: Vec<&str> = export.unfit.iter().map(layer_of).collect();
            assert!(writer.id != "safetensors" || names.is_empty(), "{what}: {names:?}");
            // What does not fit stays in float, here as there.
            let kept = network.layers.iter().zip(&layers).map(|(layer, done)| {
                if names.contains(&layer.name.as_str()) {
                    let recipe =
                        quantize_network(&network, &Recipe::uniform([], &float), &WorkCtx::new());
                    Arc::clone(&recipe.unwrap()[0])
                } else {
                    Arc::clone(done)
                }
            });
            let kept: Vec<Arc<QuantizedLayer>> = kept.collect();
            let wanted = run(&network, &overlay(&network, &kept));
            let again = network_of(write(writer, &export), &format!("m.{}", writer.extension));
            assert_eq!(run(&again, &BTreeMap::new()), wanted, "{what}");
            let layers_of = |network: &Network| {
                network.layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>()
            };
            assert_eq!(layers_of(&again), layers_of(&network), "{what}");
        }
    }
}

fn layer_of(error: &WriteError) -> &str {
    match error {
        WriteError::Unfit { layer, .. } => layer,
        other => panic!("{other}"),
    }
}

#[test]
fn formats_hold_what_they_say() {
    let network = network_of(model().bytes(), "m.safetensors");
    for (format, spec, unfit) in [
        ("onnx", "int:bits=5,granularity=per-group,group-size=16", &[][..]),
        ("onnx", "int:bits=12,symmetry=asymmetric", &[]),
        ("onnx", "int-pow2", &[]),
        ("onnx", "int-two-level", &[]),
        ("onnx", "binary", &[]),
        ("onnx", "ternary", &[]),
        ("onnx", "nf4", &["conv", "up", "fc", "product"]),
        ("onnx", "int4:rotation=hadamard", &["conv", "up", "fc", "product"]),
        ("gguf", "q8_0", &["conv", "up"]),
        ("gguf", "q4_k", &["conv", "up"]),
        ("gguf", "bf16:scale=none", &[]),
        ("gguf", "int8", &["conv", "up", "fc", "product"]),
    ] {
        let writer = WRITERS.iter().find(|writer| writer.id == format).unwrap();
        let layers = quantized(&network, &spec.parse().unwrap());
        let export = export_model(&network, &layers, writer, Unfit::KeptFloat).unwrap();
        let found: Vec<&str> = export.unfit.iter().map(layer_of).collect();
        assert_eq!(found, unfit, "{spec} as {format}");
        let refused = export_model(&network, &layers, writer, Unfit::Refused).err();
        assert_eq!(refused.is_some(), !unfit.is_empty(), "{spec} as {format}");
        if let Some(error) = refused {
            let line = error.to_string();
            let scheme = spec.parse::<SchemeChoice>().unwrap().to_string();
            let parts = [unfit[0], &scheme, writer.name, "float"];
            assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        }
    }
}

#[test]
fn a_disk_that_is_full_is_told() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let network = network_of(model().bytes(), "m.safetensors");
    let layers = quantized(&network, &"int4".parse().unwrap());
    for writer in WRITERS {
        let export = export_model(&network, &layers, writer, Unfit::KeptFloat).unwrap();
        match writer.write(&export.model, &mut Full(1000)) {
            Err(WriteError::Io(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{}", writer.id);
            }
            other => panic!("{}: {other:?}", writer.id),
        }
    }
}

/// Exit code, standard output and standard error.
fn quantscope(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quantscope")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_command_predicts_refuses_and_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let model = model().write(folder.path(), "m.safetensors");
    let out = folder.path().join("out.onnx");
    let export = |more: &[&str]| {
        let start = ["export", text_of(&model), "--weights", "int4", "--format", "onnx"];
        quantscope(&[&start[..], more].concat())
    };
    let (code, stdout, stderr) = export(&["-o", text_of(&out), "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let json: Json = serde_json::from_str(&stdout).unwrap();
    let len = std::fs::metadata(&out).unwrap().len();
    assert_eq!((json["bytes"].as_u64(), json["predicted_bytes"].as_u64()), (Some(len), Some(len)));
    let before = std::fs::read(&out).unwrap();
    let (code, _, stderr) = export(&["-o", text_of(&out), "--no-fold"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--force") && stderr.trim().lines().count() == 1, "{stderr}");
    assert_eq!(std::fs::read(&out).unwrap(), before);
    let (code, stdout, stderr) = export(&["-o", text_of(&out), "--no-fold", "--force"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("predicted"), "{stdout}");
    assert_ne!(std::fs::read(&out).unwrap(), before);
    let listed = || std::fs::read_dir(folder.path()).unwrap().count();
    for (place, code, part) in [
        ("no/such/folder.onnx", 4, "there is no folder"),
        ("m.safetensors/under.onnx", 4, "no folder"),
    ] {
        let target = folder.path().join(place);
        let (found, _, stderr) = export(&["-o", text_of(&target)]);
        assert_eq!(found, Some(code), "{stderr}");
        assert!(stderr.contains(part), "{stderr}");
    }
    let (code, _, stderr) = quantscope(&[
        "export",
        text_of(&model),
        "--weights",
        "nf4",
        "--format",
        "onnx",
        "-o",
        text_of(&out),
        "--force",
    ]);
    assert_eq!(code, Some(6), "{stderr}");
    assert!(stderr.contains("\"conv\"") && stderr.contains("nf4"), "{stderr}");
    let (code, _, stderr) =
        quantscope(&["export", text_of(&model), "--format", "tflite", "-o", text_of(&out)]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("onnx, safetensors, gguf"), "{stderr}");
    assert_eq!(listed(), 2, "nothing is left behind");
}

/// A file that `inspect` refuses with code 4 and one line that names it and these parts.
fn assert_refused(name: &str, bytes: &[u8], file: &str, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = support::write(folder.path(), file, bytes);
    let (code, stdout, stderr) = quantscope(&["inspect", text_of(&path)]);
    assert_eq!(code, Some(4), "{name}: {stderr}");
    assert!(stdout.is_empty() && stderr.trim_end().lines().count() == 1, "{name}: {stderr}");
    for part in parts.iter().chain([&file]) {
        assert!(stderr.contains(part), "{name}: {part:?} is not in {stderr}");
    }
}

/// A GGUF file with these metadata texts and one tensor of 32 numbers, in the making.
struct Gguf {
    texts: Vec<(&'static str, String)>,
    dims: Vec<u64>,
    type_number: u32,
    offset: u64,
    data: Vec<u8>,
}

impl Gguf {
    fn new(type_number: u32, n_bytes: usize) -> Self {
        let data = vec![0x3c; n_bytes];
        Self { texts: Vec::new(), dims: vec![32], type_number, offset: 0, data }
    }

    fn bytes(&self) -> Vec<u8> {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(1u64.to_le_bytes());
        bytes.extend((self.texts.len() as u64).to_le_bytes());
        for (key, value) in &self.texts {
            bytes.extend(text(key));
            bytes.extend(8u32.to_le_bytes());
            bytes.extend(text(value));
        }
        bytes.extend(text("w"));
        bytes.extend((self.dims.len() as u32).to_le_bytes());
        self.dims.iter().for_each(|dim| bytes.extend(dim.to_le_bytes()));
        bytes.extend(self.type_number.to_le_bytes());
        bytes.extend(self.offset.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(&self.data);
        bytes
    }
}

#[test]
fn gguf_files_that_lie() {
    let good = || Gguf::new(8, 34);
    let folder = tempfile::tempdir().unwrap();
    let path = support::write(folder.path(), "m.gguf", &good().bytes());
    let (code, _, stderr) = quantscope(&["inspect", text_of(&path)]);
    assert_eq!(code, Some(0), "{stderr}");
    let whole = good().bytes();
    let with = |change: &dyn Fn(&mut Gguf)| {
        let mut file = good();
        change(&mut file);
        file.bytes()
    };
    let texts = |key: &'static str, text: &str| {
        let text = text.to_owned();
        with(&|file| file.texts = vec![(key, text.clone())])
    };
    for (name, bytes, parts) in [
        ("header cut", whole[..20].to_vec(), &["truncated"][..]),
        ("list cut", whole[..40].to_vec(), &["truncated"]),
        ("data cut", whole[..whole.len() - 1].to_vec(), &["\"w\"", "truncated"]),
        ("version", [b"GGUF\x01\0\0\0".to_vec(), vec![0; 60]].concat(), &["version 1"]),
        ("rows", with(&|file| file.dims = vec![8, 4]), &["\"w\"", "Q8_0", "32"]),
        ("rank", with(&|file| file.dims = vec![1; 9]), &["\"w\"", "9 dimensions"]),
        ("huge", with(&|file| file.dims = vec![1 << 40, 1 << 40]), &["\"w\"", "2^40"]),
        ("offset", with(&|file| file.offset = u64::MAX), &["\"w\""]),
        ("beyond", with(&|file| file.offset = 1 << 40), &["\"w\"", "outside"]),
        ("type", with(&|file| file.type_number = 16), &["\"w\"", "IQ2_XXS", "Q4_K"]),
        ("unknown type", with(&|file| file.type_number = 99), &["\"w\"", "number 99"]),
        ("graph", texts("quantscope.graph", "{"), &["quantscope.graph"]),
        ("notes", texts("quantscope.tensors", "[]"), &["quantscope.tensors"]),
        ("shape", texts("quantscope.tensors", r#"{"w":{"shape":[5]}}"#), &["\"w\"", "5"]),
        (
            "axis",
            texts("quantscope.tensors", r#"{"w":{"shape":[32],"axis":7}}"#),
            &["\"w\"", "axis 7"],
        ),
        ("alignment", texts("general.alignment", "33"), &["general.alignment", "33"]),
    ] {
        assert_refused(name, &bytes, "m.gguf", parts);
    }
}

#[test]
fn packed_weights_that_lie() {
    let coding = |change: &dyn Fn(&mut Json)| {
        let mut coding = json!({
            "n_channels": 2, "channel_len": 4, "share": "channel", "codes": "signed",
            "packing": {"bits": 8}, "scales": "f32",
        });
        change(&mut coding);
        coding
    };
    let file = |coding: Json, tensors: &[(&str, &str, &[usize], usize)]| {
        let told = json!({"shape": [2, 4], "axis": 0, "form": "parts", "coding": coding});
        let config = json!({"quantscope": {"version": 1, "tensors": {"w": told}}});
        let file = FileBuilder::new().metadata("quantization_config", &config);
        let add = |file: FileBuilder,
                   &(name, dtype, shape, len): &(&str, &str, &[usize], usize)| {
            file.tensor(name, dtype, shape, vec![0; len])
        };
        tensors.iter().fold(file, add).bytes()
    };
    let codes = ("w_codes", "U8", &[8][..], 8);
    let scales = ("w_scales", "F32", &[2][..], 8);
    let plain = coding(&|_| {});
    let folder = tempfile::tempdir().unwrap();
    let path =
        support::write(folder.path(), "good.safetensors", &file(plain.clone(), &[codes, scales]));
    let (code, _, stderr) = quantscope(&["inspect", text_of(&path)]);
    assert_eq!(code, Some(0), "{stderr}");
    let short = ("w_scales", "F32", &[1][..], 4);
    let set = |key: &str, value: Json| coding(&|coding| coding[key] = value.clone());
    let both = [codes, scales];
    for (name, bytes, parts) in [
        ("no scales", file(plain.clone(), &[codes]), &["\"w\"", "w_scales", "missing"][..]),
        ("short scales", file(plain, &[codes, short]), &["\"w\"", "scales", "8 bytes", "4"]),
        ("count", file(set("channel_len", json!(5)), &both), &["\"w\"", "2 channels of 5"]),
        ("overflow", file(set("channel_len", json!(1u64 << 63)), &both), &["\"w\""]),
        ("bits", file(set("packing", json!({"bits": 40})), &both), &["\"w\"", "40 bits"]),
        ("no bits", file(set("packing", json!({"bits": 0})), &both), &["\"w\"", "0 bits"]),
        ("runs", file(set("share", json!({"run": 0})), &both), &["\"w\"", "runs"]),
        ("fill", file(set("filled_to", json!(1u64 << 62)), &both), &["\"w\""]),
        ("rotation", file(set("rotation", json!(3)), &both), &["\"w\"", "3"]),
        ("unknown rule", file(set("codes", json!("magic")), &both), &["quantization_config"]),
        (
            "float",
            file(
                set(
                    "codes",
                    json!({"float": {"exponent_bits": 99, "mantissa_bits": 4, "bias": 0, "specials": "none"}}),
                ),
                &both,
            ),
            &["\"w\"", "99"],
        ),
    ] {
        assert_refused(name, &bytes, "m.safetensors", parts);
    }
    let not_json = FileBuilder::new().metadata("quantization_config", &json!("nonsense")).floats(
        "w",
        &[1],
        &[0.0],
    );
    assert_refused("not JSON", &not_json.bytes(), "m.safetensors", &["quantization_config"]);
}
