//! GGUF: blocks of weights as llama.cpp stores them. [`read`] and [`write`] share the numbers of the
//! format here.
//!
//! A file that Quantscope wrote has graph, card and shapes in its metadata and can be run again.

mod read;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Reader, Writer};
use crate::tensor::DType;

pub(super) static READER: Reader = Reader {
    id: "gguf",
    name: "GGUF",
    extensions: &["gguf"],
    detect: |bytes| bytes.starts_with(MAGIC),
    read: read::read,
};

pub(super) static WRITER: Writer = Writer {
    id: "gguf",
    name: "GGUF",
    extension: "gguf",
    holds: "the GGUF schemes (q4_0 to q8_0, q2_k to q6_k, iq4_nl, iq4_xs, tq1_0, tq2_0, gguf-mxfp4) where a channel is a whole number of blocks, and f16 and bf16 without scales",
    refusal: write::refusal,
    lay_out: write::lay_out,
};

const MAGIC: &[u8; 4] = b"GGUF";
/// Bytes that tensors are aligned to unless the file says otherwise.
const ALIGNMENT: u64 = 32;
const GRAPH_KEY: &str = "quantscope.graph";
const CARD_KEY: &str = "quantscope.card";
const TENSORS_KEY: &str = "quantscope.tensors";

/// By tensor, what the list of tensors cannot say.
type TensorNotes = BTreeMap<String, TensorNote>;

/// Under [`TENSORS_KEY`].
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TensorNote {
    shape: Vec<u64>,
    /// The kept axis: the stored matrix has a row for each index of it.
    #[serde(default)]
    axis: usize,
    /// The numbers stand for yes and no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_bool: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scheme: String,
}

/// Types of elements that are no blocks, by their numbers.
const PLAIN: &[(u32, DType)] = &[
    (0, DType::F32),
    (1, DType::F16),
    (24, DType::I8),
    (25, DType::I16),
    (26, DType::I32),
    (27, DType::I64),
    (28, DType::F64),
    (30, DType::BF16),
];

/// What ggml calls the types that are not read.
const OTHERS: &[(u32, &str)] = &[
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (29, "IQ1_M"),
    (40, "NVFP4"),
];
