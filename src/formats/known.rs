//! Files that are recognized and not read: what they are and how to convert them.

use super::READERS;

/// One line that says what the file seems to be and how to get a model out of it.
pub(super) fn explain(bytes: &[u8], name: &str) -> String {
    let not_read = |(kind, remedy)| format!("this is {kind}, which is not read; {remedy}");
    if let Some(found) = by_content(bytes) {
        return not_read(found);
    }
    let mut names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
    names.dedup();
    let known = match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "model".to_owned(),
    };
    match looks_like(bytes) {
        Some((kind, "")) => format!("this is no model, it reads as {kind}; open a {known} file"),
        Some((kind, remedy)) => format!("this is no model, it reads as {kind}; {remedy}"),
        None => by_ending(name).map_or_else(
            || format!("this is no model of a kind that is known; open a {known} file"),
            not_read,
        ),
    }
}

/// What a file is that holds no model at all, and what to do with it, where that is not plain.
fn looks_like(bytes: &[u8]) -> Option<Found> {
    const PICTURE: &str =
        "for samples put pictures into a folder for each class and open the folder above";
    let by_start: &[(&[u8], &str, &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "a PNG picture", PICTURE),
        (b"\xff\xd8\xff", "a JPEG picture", PICTURE),
        (b"GIF8", "a GIF picture", PICTURE),
        (b"BM", "a BMP picture", PICTURE),
        (b"\x1f\x8b", "a gzip archive", "unpack it and open the model inside"),
        (b"BZh", "a bzip2 archive", "unpack it and open the model inside"),
        (b"\xfd7zXZ", "an xz archive", "unpack it and open the model inside"),
        (b"7z\xbc\xaf", "a 7-zip archive", "unpack it and open the model inside"),
        (b"%PDF", "a PDF document", ""),
        (b"\x7fELF", "a Linux program", ""),
        (b"MZ", "a Windows program", ""),
        (
            b"version https://git-lfs",
            "a pointer to a file in Git LFS",
            "fetch the file itself with git lfs pull",
        ),
    ];
    if let Some((_, kind, remedy)) = by_start.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Some((kind, remedy));
    }
    if bytes.get(..4) == Some(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(("a WebP picture", PICTURE));
    }
    let text = text_of(bytes_head(bytes))?;
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Some(("a web page", "download the file itself, not the page about it"));
    }
    if start.starts_with('{') || start.starts_with('[') {
        return Some(("JSON", ""));
    }
    Some(("plain text", ""))
}

/// The bytes as text, if they are text a person would read; a character cut at the end is no harm.
fn text_of(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}');
    (!text.is_empty() && !text.chars().any(is_odd)).then_some(text)
}

const FROM_TORCH: &str = "convert it in Python: torch.onnx.export(model, example_input, \"model.onnx\"), or for the weights alone safetensors.torch.save_file(state_dict, \"model.safetensors\")";
const FROM_KERAS: &str = "convert it in Python: model.export(\"model.onnx\", format=\"onnx\")";

type Found = (&'static str, &'static str);

/// What the file is, and how to convert it.
fn by_content(bytes: &[u8]) -> Option<Found> {
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
    None
}

fn by_ending(name: &str) -> Option<Found> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref().unwrap_or_default() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_named_with_the_way_out() {
        let cut = &"grün".as_bytes()[..3];
        for (bytes, name, parts) in [
            (&b"hello there"[..], "a.txt", ["plain text", "safetensors or ONNX"]),
            (b"hello there", "a.safetensors", ["plain text", "safetensors or ONNX"]),
            (cut, "a.txt", ["plain text", "open a"]),
            (b"\x89PNG\r\n\x1a\n....", "a.png", ["a PNG picture", "for each class"]),
            (b"{\"a\": 1}", "a.cfg", ["JSON", "open a"]),
            (b"<!DOCTYPE html><html>", "model", ["a web page", "download"]),
            (b"PK\x03\x04rest", "a.zip", ["a ZIP archive", "unpack"]),
            (b"version https://git-lfs.github.com", "m", ["Git LFS", "git lfs pull"]),
            (b"\0\x01\x02\x03\xfe", "m.dat", ["no model of a kind", "safetensors or ONNX"]),
            (b"\0\x01\x02\x03\xfe", "m.pth", ["a PyTorch file", "torch.onnx.export"]),
        ] {
            let line = explain(bytes, name);
            assert!(parts.iter().all(|part| line.contains(part)), "{name}: {line}");
        }
    }
}
