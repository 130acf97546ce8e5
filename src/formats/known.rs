//! Files that are recognized and not read: what they are and how to convert them.

/// One line that says what the file seems to be and how to get a model out of it.
pub(super) fn explain(bytes: &[u8], name: &str) -> String {
    let what = describe(bytes, name);
    match what {
        Some((kind, remedy)) => format!("this is {kind}, which is not read; {remedy}"),
        None => {
            let head: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
            format!(
                "not a model file that is known (it starts with {}); expected safetensors or ONNX",
                head.join(" ")
            )
        }
    }
}

const FROM_TORCH: &str = "convert it in Python: torch.onnx.export(model, example_input, \"model.onnx\"), or for the weights alone safetensors.torch.save_file(state_dict, \"model.safetensors\")";
const FROM_KERAS: &str = "convert it in Python: model.export(\"model.onnx\", format=\"onnx\")";

fn describe(bytes: &[u8], name: &str) -> Option<(&'static str, &'static str)> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let ending = ending.as_deref().unwrap_or_default();
    if bytes.starts_with(b"PK\x03\x04") {
        let tail = &bytes[bytes.len().saturating_sub(1 << 16)..];
        return Some(if contains(tail, b"data.pkl") || contains(bytes_head(bytes), b"data.pkl") {
            ("a PyTorch file", FROM_TORCH)
        } else if contains(tail, b"model.weights.h5") {
            ("a Keras file", FROM_KERAS)
        } else if contains(tail, b".npy") {
            (
                "a NumPy archive",
                "convert it in Python: safetensors.numpy.save_file(dict(numpy.load(file)), \"model.safetensors\")",
            )
        } else {
            ("a ZIP archive", "unpack it and open the model inside")
        });
    }
    let by_start: &[(&[u8], &str, &str)] = &[
        (b"GGUF", "a GGUF file", "open the safetensors file it was made from"),
        (b"\x89HDF", "an HDF5 (Keras) file", FROM_KERAS),
        (
            b"\x93NUMPY",
            "a NumPy array",
            "convert it in Python: safetensors.numpy.save_file({\"weight\": numpy.load(file)}, \"model.safetensors\")",
        ),
        (b"\x80\x02", "a pickled PyTorch file", FROM_TORCH),
        (b"\x80\x03", "a Python pickle", FROM_TORCH),
        (b"\x80\x04", "a Python pickle", FROM_TORCH),
    ];
    if let Some((_, kind, remedy)) = by_start.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Some((kind, remedy));
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return Some((
            "a TensorFlow Lite file",
            "convert it in Python: tf2onnx.convert.from_tflite(\"model.tflite\", output_path=\"model.onnx\")",
        ));
    }
    match ending {
        "pt" | "pth" | "ckpt" | "bin" => Some(("a PyTorch file", FROM_TORCH)),
        "safetensors" => Some((
            "no safetensors file although it is named so: its header does not start after an 8-byte length",
            "fetch or export it again",
        )),
        "onnx" => Some((
            "no ONNX file although it is named so: it does not start with a version field",
            "fetch or export it again",
        )),
        _ => None,
    }
}

fn bytes_head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(1 << 12)]
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
