//! Files that are truncated, lie, or ask for the impossible: one line each that names the thing,
//! and the exit code of the contract.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value as Json, json};
use support::{FileBuilder, conv_model, dense_model, dense_samples, graph, node, write};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quantscope")).args(arguments).output().unwrap()
}

/// The program fails with that code and one line that has all the parts.
fn assert_fails(name: &str, arguments: &[&str], code: i32, parts: &[&str]) {
    let output = run(arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{name}: {text}");
    assert!(output.stdout.is_empty(), "{name}: something on standard output");
    assert_eq!(text.trim_end().lines().count(), 1, "{name}: {text}");
    for part in parts {
        assert!(text.contains(part), "{name}: {part:?} is not in {text}");
    }
}

/// A file that `inspect` refuses with code 4, naming the file and these parts.
fn assert_refused(name: &str, bytes: &[u8], file: &str, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), file, bytes);
    let mut parts = parts.to_vec();
    parts.push(file);
    assert_fails(name, &["inspect", path.to_str().unwrap()], 4, &parts);
}

#[test]
fn safetensors_headers_that_lie() {
    let model = FileBuilder::new().floats("w", &[2, 2], &[1.0; 4]).floats("b", &[2], &[0.0; 2]);
    let lie = |field: &str, value: Json| model.clone().lie("w", field, value).bytes();
    let whole = model.bytes();
    let cut = &whole[..whole.len() - 5];
    let mut huge_header = whole.clone();
    huge_header[..8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    let mut not_json = whole.clone();
    not_json[9] = b'!';
    for (name, bytes, parts) in [
        ("empty", Vec::new(), vec!["empty"]),
        ("three bytes", vec![1, 2, 3], vec!["safetensors"]),
        ("truncated data", cut.to_vec(), vec!["\"b\"", "16..24", "truncated"]),
        ("header longer than the file", huge_header, vec!["1099511627776", "truncated"]),
        ("header not JSON", not_json, vec!["not JSON"]),
        ("overlap", lie("data_offsets", json!([8, 24])), vec!["overlap"]),
        ("out of range", lie("data_offsets", json!([0, 4096])), vec!["\"w\"", "0..4096"]),
        ("backwards", lie("data_offsets", json!([16, 0])), vec!["\"w\"", "16..0"]),
        ("no pair", lie("data_offsets", json!([0])), vec!["\"w\"", "data_offsets"]),
        ("wrong length", lie("shape", json!([2, 3])), vec!["\"w\"", "16 bytes", "2×3", "24"]),
        ("overflowing shape", lie("shape", json!([1u64 << 40, 1u64 << 40])), vec!["\"w\"", "2^40"]),
        ("negative shape", lie("shape", json!([-1, 2])), vec!["\"w\"", "[-1,2]"]),
        ("unknown type", lie("dtype", json!("Q4_K")), vec!["\"w\"", "Q4_K", "f32"]),
        ("type not read", lie("dtype", json!("C64")), vec!["\"w\"", "C64"]),
        ("metadata not text", whole_with_number_metadata(), vec!["metadata"]),
    ] {
        assert_refused(name, &bytes, "model.safetensors", &parts);
    }
}

fn whole_with_number_metadata() -> Vec<u8> {
    let header = br#"{"__metadata__":{"k":1}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes
}

#[test]
fn files_of_other_formats_say_how_to_convert() {
    let mut torch = b"PK\x03\x04".to_vec();
    torch.extend(b"............archive/data.pkl............");
    for (file, bytes, parts) in [
        ("net.pt", torch, vec!["PyTorch", "torch.onnx.export"]),
        ("old.pth", b"\x80\x02}q\x00.".to_vec(), vec!["PyTorch", "save_file"]),
        ("net.h5", b"\x89HDF\r\n\x1a\n".to_vec(), vec!["Keras", "onnx"]),
        ("net.tflite", b"\x1c\0\0\0TFL3....".to_vec(), vec!["TensorFlow Lite", "tf2onnx"]),
        ("w.npy", b"\x93NUMPY\x01\0".to_vec(), vec!["NumPy"]),
        (
            "readme.txt",
            b"hello there, this is text".to_vec(),
            vec!["plain text", "safetensors or ONNX"],
        ),
    ] {
        assert_refused(file, &bytes, file, &parts);
    }
}

#[test]
fn graphs_that_do_not_hold_together() {
    let weights = || FileBuilder::new().floats("w", &[2, 2], &[1.0; 4]);
    let relu = |inputs: &[&str], outputs: &[&str]| node("act", "Relu", inputs, outputs, json!({}));
    let broken = |nodes: Vec<Json>| weights().graph(&graph(&[2], nodes)).bytes();
    let mut version = graph(&[2], vec![relu(&["input"], &["output"])]);
    version["version"] = json!(7);
    let mut type_name = graph(&[2], vec![relu(&["input"], &["output"])]);
    type_name["inputs"][0]["dtype"] = json!("f31");
    let cycle = vec![
        node("a", "Add", &["input", "z"], &["y"], json!({})),
        node("b", "Relu", &["y"], &["z"], json!({})),
        node("c", "Relu", &["z"], &["output"], json!({})),
    ];
    let twice = vec![relu(&["input"], &["output"]), relu(&["input"], &["output"])];
    let null = vec![node("n", "Relu", &["input"], &["output"], json!({"axis": null}))];
    for (name, bytes, parts) in [
        ("cycle", broken(cycle), vec!["\"a\"", "\"z\"", "topological"]),
        ("dangling", broken(vec![relu(&["nowhere"], &["output"])]), vec!["\"nowhere\""]),
        ("output missing", broken(vec![relu(&["input"], &["x"])]), vec!["\"output\""]),
        ("produced twice", broken(twice), vec!["twice"]),
        ("attribute null", broken(null), vec!["\"n\"", "\"axis\""]),
        ("version", weights().graph(&version).bytes(), vec!["version 7"]),
        ("input type", weights().graph(&type_name).bytes(), vec!["f31"]),
        ("not a graph", weights().graph(&json!("nonsense")).bytes(), vec!["quantscope.graph"]),
    ] {
        assert_refused(name, &bytes, "model.safetensors", &parts);
    }
}

/// A model and samples for it in a folder of their own.
struct Files {
    _folder: tempfile::TempDir,
    model: PathBuf,
    samples: PathBuf,
}

impl Files {
    fn new(model: &FileBuilder, samples: &FileBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = model.write(folder.path(), "model.safetensors");
        let samples = samples.write(folder.path(), "eval.safetensors");
        Self { _folder: folder, model, samples }
    }

    fn eval<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["eval", self.model.to_str().unwrap()];
        arguments.extend(["--samples", self.samples.to_str().unwrap()]);
        arguments.extend(more);
        arguments
    }
}

fn picture_samples() -> FileBuilder {
    FileBuilder::new()
        .floats("inputs", &[2, 1, 4, 4], &[0.5; 32])
        .tensor("labels", "U8", &[2], vec![0, 1])
        .metadata("quantscope.samples", &support::samples_meta(2))
}

#[test]
fn attributes_out_of_range_name_the_node() {
    for (name, attributes) in [
        ("stride 0", json!({"strides": [0, 1]})),
        ("negative stride", json!({"strides": [-1, 1]})),
        ("huge pads", json!({"pads": [1_i64 << 40, 0, 0, 0]})),
        ("negative group", json!({"group": -1})),
        ("group 0", json!({"group": 0})),
        ("dilation 0", json!({"dilations": [0, 0]})),
        ("wrong type", json!({"strides": "two"})),
        ("short pads", json!({"pads": [1]})),
        ("unknown padding", json!({"auto_pad": "SOME"})),
    ] {
        let files = Files::new(&conv_model(&attributes), &picture_samples());
        assert_fails(name, &files.eval(&[]), 5, &["\"conv\"", "Conv"]);
    }
}

#[test]
fn what_cannot_be_run_can_be_inspected() {
    let unknown = node("odd", "Frobnicate", &["input"], &["x"], json!({}));
    let gemm = node("fc", "Gemm", &["x", "w"], &["output"], json!({}));
    let model =
        FileBuilder::new().floats("w", &[2, 2], &[1.0; 4]).graph(&graph(&[2], vec![unknown, gemm]));
    let files = Files::new(&model, &dense_samples());
    assert_fails("eval", &files.eval(&[]), 5, &["\"odd\"", "Frobnicate"]);
    let path = files.model.to_str().unwrap();
    let inspected = run(&["inspect", path, "--json"]);
    let json: Json = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(json["graph"]["unsupported"], json!(["Frobnicate"]));
    assert_eq!(json["layers"][0]["weight"], "w");
    assert!(run(&["error", path, "--json"]).status.success());
}

#[test]
fn a_model_without_graph_says_what_is_missing() {
    let files = Files::new(&FileBuilder::new().floats("w", &[2, 2], &[1.0; 4]), &dense_samples());
    assert_fails("eval", &files.eval(&[]), 6, &["no graph", "ONNX"]);
    assert!(run(&["error", files.model.to_str().unwrap()]).status.success());
}

#[test]
fn weights_that_are_not_numbers() {
    let nan = FileBuilder::new()
        .floats("w", &[2, 2], &[1.0, f32::NAN, f32::INFINITY, 0.5])
        .floats("empty", &[0, 3], &[])
        .floats("zero", &[2, 2], &[0.0; 4])
        .floats("one", &[3, 1], &[1.0, -2.0, 3.0]);
    let folder = tempfile::tempdir().unwrap();
    let path = nan.write(folder.path(), "model.safetensors");
    let path = path.to_str().unwrap();
    assert_fails(
        "refused",
        &["error", path],
        6,
        &["\"w\"", "1 NaN", "1 infinite", "non-finite=zero"],
    );
    let output = run(&["error", path, "--weights", "int:non-finite=zero", "--json"]);
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    let layers = json["layers"].as_array().unwrap();
    let layer = |name: &str| layers.iter().find(|layer| layer["name"] == name).unwrap();
    assert!(layer("w")["sqnr_db"].as_f64().is_some());
    assert_eq!(layer("empty")["sqnr"], "exact");
    assert_eq!(layer("empty")["bits_per_weight"], Json::Null);
    assert_eq!(layer("zero")["sqnr"], "exact");
    let per_channel = run(&[
        "error",
        path,
        "--layer",
        "one",
        "--weights",
        "int:granularity=per-channel,bits=2",
        "--json",
    ]);
    let json: Json = serde_json::from_slice(&per_channel.stdout).unwrap();
    assert_eq!(json["layers"][0]["sqnr"], "exact", "one-element channels are exact");
    let inspected: Json =
        serde_json::from_slice(&run(&["inspect", path, "--json"]).stdout).unwrap();
    assert_eq!(
        (&inspected["tensors"][0]["nan"], &inspected["tensors"][0]["infinite"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn sample_sets_that_are_broken_or_do_not_fit() {
    let meta = |edit: fn(&mut Json)| {
        let mut meta = support::samples_meta(2);
        edit(&mut meta);
        meta
    };
    let inputs = || FileBuilder::new().floats("inputs", &[2, 2], &[0.0; 4]);
    let with = |meta: &Json| {
        inputs().tensor("labels", "U8", &[2], vec![0, 1]).metadata("quantscope.samples", meta)
    };
    let plain = support::samples_meta(2);
    let label_7 =
        inputs().tensor("labels", "U8", &[2], vec![0, 7]).metadata("quantscope.samples", &plain);
    let short_labels =
        inputs().tensor("labels", "U8", &[1], vec![0]).metadata("quantscope.samples", &plain);
    let nan_inputs = FileBuilder::new()
        .floats("inputs", &[1, 2], &[f32::NAN, 0.0])
        .metadata("quantscope.samples", &plain);
    let no_samples =
        FileBuilder::new().floats("inputs", &[0, 2], &[]).metadata("quantscope.samples", &plain);
    let many_classes = FileBuilder::new()
        .floats("inputs", &[1, 2], &[0.0; 2])
        .tensor("labels", "U8", &[1], vec![4])
        .metadata("quantscope.samples", &support::samples_meta(5));
    let divide_zero = meta(|m| m["preprocess"] = json!({"subtract": [0], "divide": [0]}));
    let wrong_layout = meta(|m| m["layout"] = json!("NHWC"));
    let tokens = FileBuilder::new()
        .tensor("tokens", "I32", &[1, 3], vec![0; 12])
        .metadata("quantscope.samples", &meta(|m| m["task"] = json!("language-model")));
    let no_classes = meta(|m| m["classes"] = json!([]));
    let negative = inputs()
        .tensor("labels", "I8", &[2], vec![0, 0xff])
        .metadata("quantscope.samples", &{ meta(|m| m["classes"] = Json::Null) });
    for (name, samples, code, parts) in [
        ("empty list of classes", with(&no_classes), 4, vec!["classes is empty"]),
        ("negative label", negative, 4, vec!["sample 1 is -1", "0 or more"]),
        ("no metadata", inputs(), 4, vec!["quantscope.samples"]),
        ("label out of range", label_7, 4, vec!["sample 1", "7", "0 to 1"]),
        ("too few labels", short_labels, 4, vec!["[2]"]),
        ("NaN input", nan_inputs, 4, vec!["sample 0", "NaN"]),
        ("no samples", no_samples, 4, vec!["no samples"]),
        ("task", with(&meta(|m| m["task"] = json!("segmentation"))), 4, vec!["segmentation"]),
        ("divide by 0", with(&divide_zero), 4, vec!["divide"]),
        ("layout", with(&wrong_layout), 4, vec!["NHWC"]),
        ("shape", picture_samples(), 6, vec!["1×4×4", "takes 2"]),
        ("more classes than outputs", many_classes, 6, vec!["5 classes", "2 classes"]),
        ("tokens for floats", tokens, 6, vec!["tokens", "f32"]),
    ] {
        let files = Files::new(&dense_model(), &samples);
        let mut parts = parts;
        parts.push("eval.safetensors");
        assert_fails(name, &files.eval(&[]), code, &parts);
    }
}

#[test]
fn requests_that_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let model = dense_model().write(folder.path(), "net.safetensors");
    let model = model.to_str().unwrap();
    let recipe = |text: &str| write(folder.path(), "recipe.json", text.as_bytes());
    for (name, arguments, code, parts) in [
        (
            "no such file",
            vec!["inspect", "/nowhere/at/all.onnx"],
            4,
            vec!["/nowhere/at/all.onnx", "check the path"],
        ),
        ("no such sample", vec!["inspect", "sample:gone"], 2, vec!["gone", "sample:digits"]),
        ("no samples", vec!["eval", model], 2, vec!["--samples"]),
        ("scheme", vec!["error", model, "--weights", "nf99"], 2, vec!["nf99", "int"]),
        ("value", vec!["error", model, "--weights", "int:bits=40"], 2, vec!["bits=40", "2 to 16"]),
        ("layer", vec!["error", model, "--layer", "gone"], 6, vec!["gone", "fc"]),
        ("flag", vec!["error", model, "--frobnicate"], 2, vec!["--frobnicate"]),
        ("no command's argument", vec!["eval"], 2, vec!["MODEL"]),
        ("limit 0", vec!["eval", model, "--limit", "0"], 2, vec!["limit"]),
        ("panel", vec!["screenshot", model, "-o", "/tmp/x.png", "--panel", "x"], 2, vec!["layers"]),
        ("size", vec!["screenshot", model, "-o", "/tmp/x.png", "--size", "big"], 2, vec!["big"]),
        ("folder", vec!["inspect", folder.path().join("..").to_str().unwrap()], 4, vec![""]),
    ] {
        assert_fails(name, &arguments, code, &parts);
    }
    let unknown = recipe(r#"{"quantscope_recipe": 1, "layers": {"gone": "int4"}}"#);
    let arguments = ["error", model, "--recipe", unknown.to_str().unwrap()];
    assert_fails("recipe layer", &arguments, 6, &["gone", "fc"]);
    assert_rules_are_judged(model, &recipe);
    let broken = recipe("{");
    assert_fails(
        "recipe",
        &["error", model, "--recipe", broken.to_str().unwrap()],
        4,
        &["recipe.json"],
    );
}

/// Rules without effect are told, one of which nothing applies ends it; the rest is done.
fn assert_rules_are_judged(model: &str, recipe: &dyn Fn(&str) -> PathBuf) {
    let with = |text: &str| {
        let path = recipe(&format!(r#"{{"quantscope_recipe": 1, {text}}}"#));
        ["error", model, "--json", "--recipe", path.to_str().unwrap()].map(str::to_owned)
    };
    for (name, text, code, parts) in [
        ("no rule fits", r#""rules": [{"layers": "*.dw", "scheme": "int8"}]"#, 6, ["*.dw", "fc"]),
        ("an empty recipe", r#""layers": {}, "rules": []"#, 6, ["recipe.json", "no rules"]),
        ("no pattern", r#""rules": [{"layers": " ", "scheme": "int8"}]"#, 4, ["pattern", "empty"]),
        ("no scheme", r#""rules": [{"layers": "fc", "scheme": "x9"}]"#, 4, ["rule \"fc\"", "x9"]),
        ("neither", r#""model": null"#, 4, ["recipe.json", "layers"]),
    ] {
        let arguments = with(text);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_fails(name, &arguments, code, &parts);
    }
    let arguments = with(
        r#""layers": {"gone": "int4"}, "rules": [{"layers": "f?", "scheme": "int3"},
            {"layers": "*.dw", "scheme": "int8"}, {"layers": "*", "scheme": "int2"}]"#,
    );
    let output = run(&arguments.each_ref().map(String::as_str));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");
    for part in ["\"gone\"", "\"*.dw\" matches no layer", "\"*\" changes nothing: rules before it"]
    {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["layers"][0]["scheme"], json!("int:bits=3"));
}

/// However a good file is cut or changed in one byte, the program says something and does not
/// crash.
#[test]
fn damaged_files_never_crash() {
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in [("model.safetensors", "digits.safetensors"), ("model.onnx", "digits.onnx")]
    {
        let whole = std::fs::read(support::project("sample_models/digits").join(file)).unwrap();
        let cuts = (0..48).map(|nth| whole[..whole.len() * nth / 48].to_vec());
        let header_len = 6000.min(whole.len());
        let flips = (0..400).map(|nth| {
            let mut damaged = whole.clone();
            damaged[nth * 131 % header_len] ^= 1 << (nth % 8);
            damaged
        });
        for (nth, bytes) in cuts.chain(flips).enumerate() {
            check_opens_or_fails(folder.path(), name, &bytes, nth);
        }
    }
}

fn check_opens_or_fails(folder: &Path, name: &str, bytes: &[u8], nth: usize) {
    let path = write(folder, name, bytes);
    let opened = std::panic::catch_unwind(|| {
        let reference = quantscope::session::ModelRef::Path(path);
        quantscope::session::open(&reference, quantscope::model::FoldMode::Fold)
            .map(|opened| opened.network.layers.len())
    });
    match opened {
        Err(_) => panic!("{name}, damage {nth}: a panic"),
        Ok(Err(error)) => assert!(!error.to_string().contains('\n'), "{name} {nth}: {error}"),
        Ok(Ok(_)) => {}
    }
}

/// Data outside the model's folder is not opened, whatever the file says.
#[test]
fn external_data_stays_in_the_folder() {
    use rten_onnx::onnx::{
        DataLocation, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
        StringStringEntryProto, TensorProto, ValueInfoProto,
    };
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    write(folder.path(), "secret.bin", &[0; 16]);
    write(&inside, "weights.bin", &[0; 16]);
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    };
    let value = |name: &str| ValueInfoProto { name: Some(name.to_owned()), r#type: None };
    let model = |location: &str, length: &str| ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(13) }],
        graph: Some(GraphProto {
            node: vec![NodeProto {
                op_type: Some("MatMul".to_owned()),
                input: vec!["x".to_owned(), "w".to_owned()],
                output: vec!["y".to_owned()],
                ..NodeProto::default()
            }],
            initializer: vec![TensorProto {
                name: Some("w".to_owned()),
                dims: vec![2, 2],
                data_type: Some(DataType::FLOAT),
                data_location: Some(DataLocation::EXTERNAL),
                external_data: vec![entry("location", location), entry("length", length)],
                ..TensorProto::default()
            }],
            input: vec![value("x")],
            output: vec![value("y")],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    };
    let path = |location: &str, length: &str| {
        write(&inside, "net.onnx", &model(location, length).write_buf().unwrap())
    };
    let good = path("weights.bin", "16");
    let inspected = run(&["inspect", good.to_str().unwrap()]);
    assert!(inspected.status.success(), "{}", String::from_utf8_lossy(&inspected.stderr));
    for (location, length, part) in [
        ("../secret.bin", "16", "outside the model's folder"),
        ("/etc/passwd", "16", "outside the model's folder"),
        ("missing.bin", "16", "cannot be read"),
        ("weights.bin", "64", "0..64"),
        ("weights.bin", "many", "many"),
    ] {
        let bad = path(location, length);
        assert_fails(location, &["inspect", bad.to_str().unwrap()], 4, &["\"w\"", part]);
    }
}

#[test]
fn tokens_outside_the_vocabulary() {
    let nodes = vec![
        node("embed", "Gather", &["table", "input"], &["h"], json!({})),
        node("head", "MatMul", &["h", "w"], &["output"], json!({})),
    ];
    let mut graph = graph(&[2], nodes);
    graph["inputs"][0]["dtype"] = json!("i64");
    let model = FileBuilder::new()
        .floats("table", &[3, 2], &[0.0; 6])
        .floats("w", &[2, 3], &[0.0; 6])
        .graph(&graph);
    let mut meta = support::samples_meta(3);
    meta["task"] = json!("language-model");
    let tokens = |last: u8| {
        FileBuilder::new()
            .tensor("tokens", "U8", &[2, 3], vec![0, 1, 2, 0, last, 1])
            .metadata("quantscope.samples", &meta)
    };
    let files = Files::new(&model, &tokens(2));
    assert!(run(&files.eval(&[])).status.success());
    let files = Files::new(&model, &tokens(3));
    assert_fails("token", &files.eval(&[]), 6, &["row 1", "token 3", "\"table\" has 3"]);
}

/// A graph may ask for more than any machine has.
#[test]
fn sizes_that_cannot_be_held_are_refused() {
    let mut graph = graph(&[2], vec![]);
    graph["inputs"][0]["shape"] = json!([1_000_000_000u64, 2]);
    graph["nodes"] = json!([node("fc", "Gemm", &["input", "fc.weight"], &["output"], json!({}))]);
    let model = FileBuilder::new().floats("fc.weight", &[2, 2], &[0.0; 4]).graph(&graph);
    let files = Files::new(&model, &dense_samples());
    assert_fails("batch", &files.eval(&[]), 6, &["eval.safetensors", "1000000000", "can be held"]);
    let wide = FileBuilder::new().floats("w", &[1 << 28, 0], &[]).floats("v", &[2, 1], &[1.0; 2]);
    let folder = tempfile::tempdir().unwrap();
    let path = wide.write(folder.path(), "wide.safetensors");
    let output = run(&["error", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_no_files() {
    assert_fails("device", &["inspect", "/dev/zero"], 4, &["/dev/zero", "a device or a pipe"]);
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("model.onnx");
    if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()) {
        assert_fails("pipe", &["inspect", pipe.to_str().unwrap()], 4, &["a device or a pipe"]);
    }
}
