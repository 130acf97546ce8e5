//! What a model takes to store.

use super::error::LayerError;
use crate::model::Network;

/// Bytes before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelSize {
    /// Every float tensor the network reads, at the width it is stored in; folded ones at 32 bits.
    pub float_bytes: u64,
    /// Quantized layers with all that is needed to decode them, and every tensor left in float.
    pub quantized_bytes: u64,
    /// Over the quantized layers only; `None` when there are none.
    pub bits_per_weight: Option<f64>,
    /// Of the same layers as the model stores them; of all layers where none is quantized. `None`
    /// without weights.
    pub stored_bits_per_weight: Option<f64>,
}

impl ModelSize {
    /// `errors[i]` belongs to layer `i`; a layer without one counts as float.
    pub fn new(network: &Network, errors: &[Option<&LayerError>]) -> Self {
        let mut size = Self::default();
        let quantized = |name: &str| {
            let layer_idx = network.layer_of_weight(name)?;
            errors.get(layer_idx).copied().flatten().filter(|error| !error.keeps_float)
        };
        let (mut bits, mut stored_bits, mut weights) = (0u64, 0u64, 0u64);
        let (mut layer_bits, mut layer_weights) = (0u64, 0u64);
        for (name, count) in network.float_tensor_counts() {
            let bytes = (count * width_bytes(network, name)) as u64;
            size.float_bytes += bytes;
            if network.layer_of_weight(name).is_some() {
                layer_bits += 8 * bytes;
                layer_weights += count as u64;
            }
            match quantized(name) {
                Some(error) => {
                    size.quantized_bytes += error.stored_bytes();
                    bits += error.fitted.storage_bits();
                    stored_bits += 8 * bytes;
                    weights += count as u64;
                }
                None => size.quantized_bytes += bytes,
            }
        }
        let per_weight = |bits: u64, n: u64| (n > 0).then(|| bits as f64 / n as f64);
        size.bits_per_weight = per_weight(bits, weights);
        size.stored_bits_per_weight =
            per_weight(stored_bits, weights).or_else(|| per_weight(layer_bits, layer_weights));
        size
    }
}

/// What a layer takes in float, at the width it is stored in.
pub(super) fn float_bytes(network: &Network, layer_idx: usize) -> u64 {
    let Some(layer) = network.layers.get(layer_idx) else { return 0 };
    (layer.count() * width_bytes(network, &layer.weight)) as u64
}

fn width_bytes(network: &Network, name: &str) -> usize {
    match network.model.store.info(name) {
        Some(info) if !network.is_folded(name) => info.dtype.size_bytes(),
        _ => 4,
    }
}
