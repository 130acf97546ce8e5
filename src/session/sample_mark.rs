//! Whether figures were measured on the same samples, told quickly.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::eval::SampleSet;

/// What a sample set is known by, wherever its file lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SampleMark(String);

/// Samples whose values are looked at; of more, as many spread evenly.
const MAX_SAMPLED: usize = 16;
/// Values of such a sample.
const MAX_VALUES: usize = 4096;
/// Labels that are looked at.
const MAX_LABELS: usize = 4096;

impl SampleMark {
    /// The first 64 bits of a SHA-256 over name, split, number of samples, up to 4096 labels and the
    /// stored values of up to 16 samples, both spread evenly: quick for any size. It tells one set
    /// from another; it is no proof that they are the same.
    pub fn of(samples: &SampleSet) -> Self {
        let mut hash = Sha256::new();
        hash.update(samples.name.as_bytes());
        hash.update([0xff]);
        hash.update(samples.split.name().as_bytes());
        hash.update((samples.len() as u64).to_le_bytes());
        let labels = samples.labels.as_deref().unwrap_or_default();
        for place in spread(labels.len(), MAX_LABELS) {
            let label = labels.get(place).copied().unwrap_or_default();
            hash.update((label as u64).to_le_bytes());
        }
        for sample_idx in spread(samples.len(), MAX_SAMPLED) {
            samples.for_stored(sample_idx, MAX_VALUES, |bytes| hash.update(bytes));
        }
        let (subtract, divide) = samples.preprocess().unwrap_or_default();
        for number in subtract.iter().chain(divide) {
            hash.update(number.to_le_bytes());
        }
        Self(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// As it stands in files.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// At most that many places among `len`.
fn spread(len: usize, most: usize) -> impl Iterator<Item = usize> {
    let n_places = len.min(most);
    (0..n_places).map(move |idx| idx * len / n_places)
}
