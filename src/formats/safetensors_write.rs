//! safetensors: every scheme, packed. Whole-number codes of up to 8 bits as compressed-tensors packs
//! them; anything else as the parts of its coding. `quantization_config` says which is which.

use serde_json::{Map, Value as Json, json};

use super::export::{
    CodedTensor, Content, ExportModel, ExportTensor, FileLayout, Pieces, WriteError, Writer,
};
use super::graph_json_write::graph_text;
use super::packed_form::{PackedForm, TensorJson, form_of, tensor_name};
use crate::codec::{CodePacking, CodeRule, Share};
use crate::tensor::DType;

pub(super) static WRITER: Writer = Writer {
    id: "safetensors",
    name: "safetensors",
    extension: "safetensors",
    holds: "every scheme",
    refusal: |_, _| None,
    lay_out,
};

/// A tensor as the header lists it.
struct Entry<'a> {
    name: String,
    dtype: &'static str,
    /// Bytes that the type's elements are aligned to.
    width: usize,
    dims: Vec<usize>,
    bytes: std::borrow::Cow<'a, [u8]>,
}

fn lay_out<'a>(model: &'a ExportModel<'a>) -> Result<FileLayout<'a>, WriteError> {
    let mut entries = Vec::new();
    let mut config = Config::default();
    for tensor in &model.tensors {
        match &tensor.content {
            Content::Plain { dtype, bytes } => entries.push(Entry {
                name: tensor.name.clone(),
                dtype: type_name(*dtype),
                width: dtype.size_bytes(),
                dims: tensor.dims.clone(),
                bytes: std::borrow::Cow::Borrowed(bytes),
            }),
            Content::Coded(coded) => {
                entries.extend(coded_entries(tensor, coded));
                config.add(tensor, coded);
            }
        }
    }
    // Wide elements first, so that all are aligned.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.width));
    let mut metadata = Map::new();
    metadata.insert("format".to_owned(), json!("pt"));
    if let Some(graph) = &model.graph {
        let text = graph_text(graph).map_err(WriteError::Model)?;
        metadata.insert("quantscope.graph".to_owned(), json!(text));
    }
    metadata.insert("quantscope.card".to_owned(), json!(model.card));
    if let Some(config) = config.text() {
        metadata.insert("quantization_config".to_owned(), json!(config));
    }
    Ok(Box::new(pieces(entries, metadata)?))
}

fn pieces(entries: Vec<Entry<'_>>, metadata: Map<String, Json>) -> Result<Pieces<'_>, WriteError> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), Json::Object(metadata));
    let mut end = 0;
    for entry in &entries {
        let start = end;
        end += entry.bytes.len();
        let json = json!({"dtype": entry.dtype, "shape": entry.dims, "data_offsets": [start, end]});
        if header.insert(entry.name.clone(), json).is_some() {
            let name = &entry.name;
            return Err(WriteError::Model(format!(
                "two tensors would be called {name:?}; keep one of their layers in float"
            )));
        }
    }
    let mut text = Json::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut pieces = Pieces::default();
    pieces.push((text.len() as u64).to_le_bytes().to_vec());
    pieces.push(text);
    entries.into_iter().for_each(|entry| pieces.push(entry.bytes));
    Ok(pieces)
}

/// The parts of a quantized weight as tensors.
fn coded_entries(tensor: &ExportTensor, coded: &CodedTensor) -> Vec<Entry<'static>> {
    let CodedTensor { coding, encoded, .. } = coded;
    let form = form_of(coding);
    let mut entries = Vec::new();
    for (spec, part) in coding.parts().into_iter().zip(&encoded.parts) {
        let name = tensor_name(&tensor.name, spec.name, form);
        entries.push(match form.grid(coding, spec.name) {
            Some(grid) => {
                let (rows, columns) = grid.word_dims();
                let mut codes = part.to_codes(crate::codec::packing::Signedness::Unsigned);
                if coding.codes == CodeRule::Signed {
                    // Raised by half the range: the highest bit turned over.
                    codes.iter_mut().for_each(|code| *code ^= 1 << (grid.bits - 1));
                }
                let dims = vec![rows, columns];
                Entry { name, dtype: "I32", width: 4, dims, bytes: grid.pack(&codes).into() }
            }
            None => {
                let (dtype, width) = if spec.is_f32() { ("F32", 4) } else { ("U8", 1) };
                let dims = match form {
                    PackedForm::Words => scale_dims(coded),
                    PackedForm::Parts if spec.is_f32() => vec![spec.n_items],
                    PackedForm::Parts => vec![part.bytes.len()],
                };
                Entry { name, dtype, width, dims, bytes: part.bytes.clone().into() }
            }
        });
    }
    if form == PackedForm::Words {
        let dims = [coding.n_channels, coding.channel_len];
        let bytes: Vec<u8> = dims.iter().flat_map(|&dim| (dim as i64).to_le_bytes()).collect();
        let name = format!("{}_shape", tensor.name);
        entries.push(Entry { name, dtype: "I64", width: 8, dims: vec![2], bytes: bytes.into() });
    }
    entries
}

/// One scale, one a row, or one a group of a row.
fn scale_dims(coded: &CodedTensor) -> Vec<usize> {
    let coding = &coded.coding;
    match coding.share {
        Share::Tensor => vec![coding.n_runs()],
        _ => vec![coding.n_channels, coding.n_runs() / coding.n_channels.max(1)],
    }
}

/// `quantization_config` in the making.
#[derive(Default)]
struct Config {
    /// What compressed-tensors says of weights, and the modules it holds for.
    groups: Vec<(Json, Vec<String>)>,
    tensors: Map<String, Json>,
}

impl Config {
    fn add(&mut self, tensor: &ExportTensor, coded: &CodedTensor) {
        let form = form_of(&coded.coding);
        if form == PackedForm::Words {
            let module = tensor.name.strip_suffix(".weight").unwrap_or(&tensor.name).to_owned();
            let weights = weights_json(coded);
            match self.groups.iter_mut().find(|(known, _)| *known == weights) {
                Some((_, modules)) => modules.push(module),
                None => self.groups.push((weights, vec![module])),
            }
        }
        let json = TensorJson {
            shape: tensor.dims.iter().map(|&dim| dim as u64).collect(),
            axis: coded.axis,
            layer: coded.layer.clone(),
            scheme: coded.scheme.clone(),
            form,
            coding: coded.coding.clone(),
        };
        self.tensors.insert(tensor.name.clone(), serde_json::to_value(json).unwrap_or_default());
    }

    fn text(self) -> Option<String> {
        if self.tensors.is_empty() {
            return None;
        }
        let method = if self.groups.is_empty() { "quantscope" } else { "compressed-tensors" };
        let mut groups = Map::new();
        for (idx, (weights, targets)) in self.groups.into_iter().enumerate() {
            let group = json!({
                "targets": targets, "weights": weights,
                "input_activations": null, "output_activations": null,
            });
            groups.insert(format!("group_{idx}"), group);
        }
        let config = json!({
            "quant_method": method,
            "format": "pack-quantized",
            "quantization_status": "compressed",
            "config_groups": groups,
            "ignore": [],
            "quantscope": {"version": 1, "tensors": self.tensors},
        });
        Some(config.to_string())
    }
}

/// The weights of a group in compressed-tensors' words.
fn weights_json(coded: &CodedTensor) -> Json {
    let (strategy, group_size) = match coded.coding.share {
        Share::Tensor => ("tensor", Json::Null),
        Share::Channel => ("channel", Json::Null),
        Share::Run(len) => ("group", json!(len)),
    };
    json!({
        "num_bits": match coded.coding.packing {
            CodePacking::Bits(bits) => bits,
            CodePacking::FiveInByte => 2,
        },
        "type": "int",
        "symmetric": coded.coding.codes == CodeRule::Signed,
        "strategy": strategy,
        "group_size": group_size,
        "dynamic": false,
    })
}

fn type_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "F64",
        DType::F32 => "F32",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::F8E4M3Fn => "F8_E4M3",
        DType::F8E5M2 => "F8_E5M2",
        DType::F8E4M3Fnuz => "F8_E4M3FNUZ",
        DType::F8E5M2Fnuz => "F8_E5M2FNUZ",
        DType::F8E8M0 => "F8_E8M0",
        DType::I64 => "I64",
        DType::I32 => "I32",
        DType::I16 => "I16",
        DType::I8 => "I8",
        DType::U64 => "U64",
        DType::U32 => "U32",
        DType::U16 => "U16",
        DType::U8 => "U8",
        DType::Bool => "BOOL",
    }
}
