//! safetensors over several files: an index in JSON that says which tensor lies in which file, and
//! the files beside it.
#![deny(clippy::as_conversions)]

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::safetensors::ModelParts;
use super::{FormatError, Reader, SourceFile};
use crate::model::Model;

pub(super) static READER: Reader = Reader {
    id: "safetensors-index",
    name: "safetensors",
    extensions: &["safetensors.index.json"],
    detect,
    read,
};

/// How the index of a model is called in its folder.
pub(super) const USUAL_NAME: &str = "model.safetensors.index.json";
/// An index has some hundred bytes a tensor; a larger file is something else.
const MAX_INDEX_BYTES: usize = 64 << 20;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
    /// File by tensor.
    weight_map: BTreeMap<String, String>,
}

/// A JSON object with a `weight_map`.
fn detect(bytes: &[u8]) -> bool {
    let is_object = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let key = b"\"weight_map\"";
    is_object
        && bytes.len() <= MAX_INDEX_BYTES
        && bytes.windows(key.len()).any(|window| window == key)
}

fn read(source: &SourceFile) -> Result<Model, FormatError> {
    let index: Index = serde_json::from_slice(source.bytes())
        .map_err(|error| malformed(format!("the index is broken: {error}; fetch it again")))?;
    let folder = source.folder().ok_or_else(|| {
        malformed("the index has no folder in which its files could lie".to_owned())
    })?;
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, file) in &index.weight_map {
        by_file.entry(file).or_default().push(tensor);
    }
    let mut parts = ModelParts::default();
    for (file, tensors) in &by_file {
        read_file(&mut parts, folder, (file, tensors))?;
    }
    if by_file.is_empty() {
        return Err(malformed("the index names no tensor; fetch it again".to_owned()));
    }
    for (key, value) in index.metadata {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        parts.metadata.entry(key).or_insert(text);
    }
    parts.into_model(source, READER.id)
}

/// Adds the tensors that the index places in a file.
fn read_file(
    parts: &mut ModelParts,
    folder: &Path,
    (file, tensors): (&str, &[&str]),
) -> Result<(), FormatError> {
    // An index from elsewhere must not make us read any file of the machine.
    if Path::new(file).file_name().and_then(|name| name.to_str()) != Some(file) {
        return Err(malformed(format!(
            "the index places tensor {:?} in {file:?}, which is not the name of a file beside it",
            tensors.first().copied().unwrap_or_default()
        )));
    }
    let named = |error: &FormatError| malformed(format!("{file}: {error}"));
    let path = folder.join(file);
    if !path.exists() {
        return Err(malformed(format!(
            "{file} is missing, in which the index places {:?} and {} more; fetch it into the same folder",
            tensors.first().copied().unwrap_or_default(),
            tensors.len() - 1
        )));
    }
    let source = SourceFile::open(&path).map_err(|error| named(&error))?;
    let n_before = parts.store.len();
    parts.add(&source).map_err(|error| named(&error))?;
    if let Some(absent) = tensors.iter().find(|tensor| parts.store.info(tensor).is_none()) {
        return Err(malformed(format!(
            "{file} has no tensor {absent:?}, which the index places there; fetch both again"
        )));
    }
    let n_unnamed = (parts.store.len() - n_before).saturating_sub(tensors.len());
    if n_unnamed > 0 {
        parts
            .warnings
            .push(format!("{file} holds {n_unnamed} tensors that the index does not name"));
    }
    Ok(())
}

fn malformed(message: String) -> FormatError {
    FormatError::Malformed(message)
}

/// Whether a file is named as an index.
pub(super) fn is_index(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    READER.extensions.iter().any(|ending| name.ends_with(ending))
}

/// Whether a file is named as one of several.
pub(super) fn is_part(path: &Path) -> bool {
    path.file_name().and_then(|name| part_of(name.to_str()?)).is_some()
}

/// What to say of a file that is one of several.
pub(super) fn part_warning(source: &SourceFile) -> Option<String> {
    let (base, number, total) = part_of(source.name())?;
    Some(format!(
        "this is part {number} of {total} of a model; open {base}.{} or the folder for all of it",
        READER.extensions[0]
    ))
}

/// Name, number and count of `model-00001-of-00005.safetensors`.
fn part_of(name: &str) -> Option<(&str, u32, u32)> {
    let stem = name.strip_suffix(".safetensors")?;
    let (rest, total) = stem.rsplit_once("-of-")?;
    let (base, number) = rest.rsplit_once('-')?;
    let (number, total) = (number.parse().ok()?, total.parse().ok()?);
    (total > 1).then_some((base, number, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_told_by_its_map() {
        assert!(detect(b"\n{\"metadata\": {}, \"weight_map\": {}}"));
        assert!(!detect(b"{\"weights\": {}}"));
        assert!(!detect(b"[\"weight_map\"]"));
    }

    #[test]
    fn a_part_is_told_by_its_name() {
        let named = |name: &str| {
            part_warning(&SourceFile::from_bytes(name, std::sync::Arc::new(vec![0u8; 9])))
        };
        let warning = named("model-00002-of-00003.safetensors").unwrap();
        assert!(warning.contains("part 2 of 3"), "{warning}");
        for name in ["model.safetensors", "a-1-of-1.safetensors", "a-1-of-2.onnx", "a-of-b"] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}
