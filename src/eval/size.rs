//! What a model takes to store.

use super::error::{LayerError, kept_axis};
use crate::model::{Layer, Network};
use crate::quant::{SchemeChoice, WeightShape};

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
        let quantized = |error: &&LayerError| !error.keeps_float;
        let bits = |error: &LayerError| error.fitted.storage_bits();
        let bits: Vec<Option<u64>> =
            errors.iter().map(|error| error.filter(quantized).map(bits)).collect();
        Self::of_bits(network, &bits)
    }

    /// `layer_bits[i]` is what layer `i` takes, codes and everything needed to decode them; `None`
    /// where it stays float.
    pub fn of_bits(network: &Network, layer_bits: &[Option<u64>]) -> Self {
        let mut size = Self::default();
        let quantized = |name: &str| {
            let layer_idx = network.layer_of_weight(name)?;
            layer_bits.get(layer_idx).copied().flatten()
        };
        let (mut bits, mut stored_bits, mut weights) = (0u64, 0u64, 0u64);
        let (mut all_bits, mut all_weights) = (0u64, 0u64);
        for (name, count) in network.float_tensor_counts() {
            let bytes = (count * width_bytes(network, name)) as u64;
            size.float_bytes += bytes;
            if network.layer_of_weight(name).is_some() {
                all_bits += 8 * bytes;
                all_weights += count as u64;
            }
            match quantized(name) {
                Some(layer_bits) => {
                    size.quantized_bytes += layer_bits.div_ceil(8);
                    bits += layer_bits;
                    stored_bits += 8 * bytes;
                    weights += count as u64;
                }
                None => size.quantized_bytes += bytes,
            }
        }
        let per_weight = |bits: u64, n: u64| (n > 0).then(|| bits as f64 / n as f64);
        size.bits_per_weight = per_weight(bits, weights);
        size.stored_bits_per_weight =
            per_weight(stored_bits, weights).or_else(|| per_weight(all_bits, all_weights));
        size
    }
}

/// Bits a layer will take under a choice, whatever its weights are; `None` where only a fit tells.
pub fn planned_bits(layer: &Layer, choice: &SchemeChoice) -> Option<u64> {
    choice.planned_bits(WeightShape::of(&layer.dims, kept_axis(layer, choice)))
}

/// What a layer takes in float, at the width it is stored in.
pub fn float_bytes(network: &Network, layer_idx: usize) -> u64 {
    let Some(layer) = network.layers.get(layer_idx) else { return 0 };
    (layer.count() * width_bytes(network, &layer.weight)) as u64
}

pub(super) fn width_bytes(network: &Network, name: &str) -> usize {
    match network.model.store.info(name) {
        Some(info) if !network.is_folded(name) => info.dtype.size_bytes(),
        _ => 4,
    }
}
