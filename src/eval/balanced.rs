//! The order in which samples are looked at.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use crate::base::{SEED, seeded};

/// Every sample once: seeded, and class by class in equal shares, so that any first part of it is
/// a fair sample of the whole.
pub fn balanced_order(labels: Option<&[usize]>, n_samples: usize) -> Vec<usize> {
    let mut random = seeded(SEED);
    let mut by_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for sample_idx in 0..n_samples {
        let class = labels.and_then(|labels| labels.get(sample_idx)).copied().unwrap_or(0);
        by_class.entry(class).or_default().push(sample_idx);
    }
    let mut placed: Vec<(f64, usize, usize)> = Vec::with_capacity(n_samples);
    for (class, mut members) in by_class {
        members.shuffle(&mut random);
        let n_members = members.len() as f64;
        placed.extend(
            members
                .into_iter()
                .enumerate()
                .map(|(nth, sample_idx)| ((nth as f64 + 0.5) / n_members, class, sample_idx)),
        );
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    placed.into_iter().map(|(_, _, sample_idx)| sample_idx).collect()
}
