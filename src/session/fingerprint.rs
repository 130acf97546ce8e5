//! Whether two files hold the same model, told quickly: the whole of a large file is never read.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::Model;

/// Tensors whose bytes are looked at; of more, as many spread evenly.
const MAX_SAMPLED: usize = 64;
/// Bytes at each end of such a tensor.
const END_BYTES: usize = 4096;

/// What a model is known by.
///
/// `sha256` runs over name, type, shape and length of every tensor in file order, then over the
/// first and last 4 KiB of up to 64 tensors spread evenly. Two models that differ elsewhere have the
/// same one; it serves to warn, not to prove.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fingerprint {
    pub format: String,
    pub tensors: usize,
    pub bytes: u64,
    pub sha256: String,
    /// What the sum runs over, for whoever reads the file.
    #[serde(default)]
    pub covers: String,
}

impl Fingerprint {
    pub fn of(model: &Model) -> Self {
        let store = &model.store;
        let mut hash = Sha256::new();
        for name in store.names() {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
            if let Some(info) = store.info(name) {
                hash.update(info.dtype.name().as_bytes());
                for dim in info.shape.dims() {
                    hash.update((*dim as u64).to_le_bytes());
                }
            }
            hash.update([0xff]);
        }
        let n_sampled = store.len().min(MAX_SAMPLED);
        let names: Vec<&str> = store.names().collect();
        for sample_idx in 0..n_sampled {
            let name = names.get(sample_idx * store.len() / n_sampled).copied().unwrap_or_default();
            // A file that has become shorter has another fingerprint, and its reader says why.
            let ends = store.ends(name, END_BYTES).unwrap_or_default();
            ends.iter().for_each(|end| hash.update(end));
        }
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let covers = format!(
            "names, types and shapes; first and last {END_BYTES} bytes of up to {MAX_SAMPLED} tensors"
        );
        Self {
            format: model.format.to_owned(),
            tensors: store.len(),
            bytes: store.total_bytes(),
            sha256,
            covers,
        }
    }

    /// In what the other model differs; `None` when it is the same.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.sha256 == other.sha256 {
            return None;
        }
        let (here, there) = (self.tensors, other.tensors);
        Some(if here != there {
            format!("{here} tensors there, {there} here")
        } else if self.bytes != other.bytes {
            format!("{} bytes there, {} here", self.bytes, other.bytes)
        } else {
            "of the same size, with other names, shapes or values".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FoldMode;
    use crate::session::{ModelRef, open};

    #[test]
    fn the_same_model_has_the_same_one() {
        let opened = open(&ModelRef::default_sample(), FoldMode::Fold).unwrap();
        let first = Fingerprint::of(&opened.network.model);
        let kept = open(&ModelRef::default_sample(), FoldMode::Keep).unwrap();
        let second = Fingerprint::of(&kept.network.model);
        assert_eq!(first.difference(&second), None);
        assert_eq!(first.sha256.len(), 64);
        let other = Fingerprint { sha256: String::new(), tensors: 3, ..first.clone() };
        assert!(first.difference(&other).unwrap().contains("3 here"));
        let other = Fingerprint { sha256: String::new(), ..first.clone() };
        assert!(first.difference(&other).unwrap().contains("same size"));
    }
}
