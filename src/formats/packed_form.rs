//! How quantized weights lie in a safetensors file, for its writer and its reader alike:
//! `quantization_config` with a section `quantscope`, and the names of the tensors.
#![deny(clippy::as_conversions)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::FormatError;
use crate::codec::words::{Along, WordGrid};
use crate::codec::{CodePacking, CodeRule, Coding, PartSpec, ScaleRule, Share};
use crate::model::{FileBytes, PackedPart, PackedTensor, PartForm, TensorStore};
use crate::tensor::Shape;

pub(super) const CONFIG_KEY: &str = "quantization_config";
/// Version of the section that is written and read.
const VERSION: u64 = 1;

/// The two ways in which the parts are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PackedForm {
    /// compressed-tensors' `pack-quantized`: codes in 32-bit words.
    #[serde(rename = "pack-quantized")]
    Words,
    /// Every part of the coding as it is.
    Parts,
}

/// What the section says of a tensor.
#[derive(Serialize, Deserialize)]
pub(super) struct TensorJson {
    pub shape: Vec<u64>,
    pub axis: usize,
    #[serde(default)]
    pub layer: String,
    #[serde(default)]
    pub scheme: String,
    pub form: PackedForm,
    pub coding: Coding,
}

#[derive(Deserialize)]
struct ConfigJson {
    #[serde(default)]
    quantscope: Option<SectionJson>,
}

#[derive(Deserialize)]
struct SectionJson {
    version: u64,
    tensors: BTreeMap<String, TensorJson>,
}

/// compressed-tensors' form where it can express the coding.
pub(super) fn form_of(coding: &Coding) -> PackedForm {
    let is_whole = matches!(coding.codes, CodeRule::Signed | CodeRule::WithZeroPoints);
    let is_short = matches!(coding.packing, CodePacking::Bits(bits) if bits <= 8);
    let is_plain = coding.scales == ScaleRule::F32
        && coding.filled_to.is_none()
        && coding.flat.is_none()
        && coding.rotation.is_none()
        && !coding.has_offsets
        && !coding.is_masked;
    if is_whole && is_short && is_plain { PackedForm::Words } else { PackedForm::Parts }
}

impl PackedForm {
    /// The words that a part is stored as, if it is.
    pub(super) fn grid(self, coding: &Coding, part: &str) -> Option<WordGrid> {
        let CodePacking::Bits(bits) = coding.packing else { return None };
        match (self, part) {
            (Self::Words, "codes") => Some(WordGrid {
                n_rows: coding.n_channels,
                n_columns: coding.channel_len,
                bits,
                along: Along::Rows,
            }),
            (Self::Words, "zero points") => {
                let n_rows = match coding.share {
                    Share::Tensor => 1,
                    _ => coding.n_channels,
                };
                let n_columns = coding.n_runs() / n_rows.max(1);
                Some(WordGrid { n_rows, n_columns, bits, along: Along::Columns })
            }
            _ => None,
        }
    }
}

/// The name of the tensor that holds a part.
pub(super) fn tensor_name(weight: &str, part: &str, form: PackedForm) -> String {
    let suffix = match (form, part) {
        (PackedForm::Words, "codes") => "packed".to_owned(),
        (PackedForm::Words, "scales") => "scale".to_owned(),
        (PackedForm::Words, "zero points") => "zero_point".to_owned(),
        _ => part.replace(' ', "_"),
    };
    format!("{weight}_{suffix}")
}

/// Puts the weights that `quantization_config` tells of in the place of their parts. Gives a line
/// for people on what there is; `None` for a file without the section.
///
/// # Errors
/// A section that cannot be read, parts that are missing or do not fit; the message names the
/// tensor.
pub(super) fn unpack(
    store: &mut TensorStore,
    metadata: &HashMap<String, String>,
) -> Result<Option<String>, FormatError> {
    let Some(text) = metadata.get(CONFIG_KEY) else { return Ok(None) };
    let config: ConfigJson = serde_json::from_str(text)
        .map_err(|error| malformed(format!("{CONFIG_KEY} cannot be read: {error}")))?;
    let Some(section) = config.quantscope else { return Ok(None) };
    if section.version != VERSION {
        return Err(malformed(format!(
            "{CONFIG_KEY}: quantscope has version {}, this program reads version {VERSION}; a newer program may read it",
            section.version
        )));
    }
    let mut schemes: BTreeMap<String, usize> = BTreeMap::new();
    let mut taken = HashSet::new();
    let mut packed = Vec::new();
    for (name, json) in section.tensors {
        let refused = |reason: String| malformed(format!("tensor {name:?}: {reason}"));
        *schemes.entry(json.scheme.clone()).or_default() += 1;
        let tensor = packed_tensor(store, &name, json, &mut taken).map_err(refused)?;
        packed.push((name, tensor));
    }
    store.retain(|name| !taken.contains(name));
    for (name, tensor) in packed {
        store.insert_packed(&name, tensor)?;
    }
    let told = schemes.iter().map(|(scheme, count)| format!("{count} × {scheme}"));
    Ok(Some(told.collect::<Vec<_>>().join(", ")))
}

fn packed_tensor(
    store: &TensorStore,
    name: &str,
    json: TensorJson,
    taken: &mut HashSet<String>,
) -> Result<PackedTensor, String> {
    let shape = Shape::new(&json.shape).map_err(|error| error.to_string())?;
    let (form, coding) = (json.form, json.coding.clone());
    if form == PackedForm::Words && form_of(&coding) != form {
        return Err("its coding is none that pack-quantized holds".to_owned());
    }
    let mut names = vec![format!("{name}_shape")];
    let find = |spec: PartSpec| {
        let part_name = tensor_name(name, spec.name, form);
        let (bytes, range): (FileBytes, Range<usize>) =
            store.place(&part_name).ok_or_else(|| format!("tensor {part_name:?} is missing"))?;
        let form = form.grid(&coding, spec.name).map_or(PartForm::Plain, PartForm::Words);
        Ok(PackedPart { bytes, range, form })
    };
    let tensor = PackedTensor::new(json.coding, (shape, json.axis), find)?;
    names.extend(tensor.coding().parts().iter().map(|spec| tensor_name(name, spec.name, form)));
    taken.extend(names);
    Ok(tensor)
}

fn malformed(text: String) -> FormatError {
    FormatError::Malformed(text)
}
