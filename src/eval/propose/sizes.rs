//! What mixes take, in the unit of the budget.

use super::allocate::Item;
use super::request::{Budget, ProposeError, ProposeRequest};
use crate::base::{bytes, fixed};
use crate::eval::cost::{Costs, LayerCode, ModelCosts};
use crate::eval::size::{ModelSize, float_bytes};
use crate::model::{Layer, Network};

/// Femtojoules of a microjoule: energies are whole numbers of them, so that sums are exact.
const FEMTOJOULES: f64 = 1e9;

/// Bits of the layers, bytes of the model, or femtojoules of a prediction.
pub(super) struct Sizes<'a> {
    budget: Option<Budget>,
    n_weights: u64,
    /// Of everything that is no measured layer, in the unit of the budget.
    rest: u64,
    layers: Vec<MeasuredSize>,
    costs: Option<&'a ModelCosts>,
}

/// A measured layer.
struct MeasuredSize {
    /// Its place in the network.
    layer_idx: usize,
    n_weights: usize,
    float_bytes: u64,
}

impl<'a> Sizes<'a> {
    /// `costs` are needed for an energy.
    pub fn new(network: &Network, request: &ProposeRequest, costs: Option<&'a ModelCosts>) -> Self {
        let layer = |&layer_idx: &usize| MeasuredSize {
            layer_idx,
            n_weights: network.layers.get(layer_idx).map_or(0, Layer::count),
            float_bytes: float_bytes(network, layer_idx),
        };
        let layers: Vec<MeasuredSize> = request.weights.layers.iter().map(layer).collect();
        let n_weights = layers.iter().map(|layer| layer.n_weights as u64).sum();
        let mut sizes = Self { budget: request.budget, n_weights, rest: 0, layers, costs };
        sizes.rest = match (request.budget, costs) {
            (Some(Budget::Bytes(_)), _) => {
                let whole = ModelSize::of_bits(network, &[]).float_bytes;
                let layers: u64 = sizes.layers.iter().map(|layer| layer.float_bytes).sum();
                whole.saturating_sub(layers)
            }
            (Some(Budget::Microjoules(_)), Some(costs)) => {
                let float = vec![None; network.layers.len()];
                let whole = femtojoules(Costs::of(costs, &float, None).energy_picojoules);
                let layers: u64 = sizes.layers.iter().map(|layer| sizes.of(layer, None)).sum();
                whole.saturating_sub(layers)
            }
            _ => 0,
        };
        sizes
    }

    /// What the layers may take together.
    pub fn limit(&self) -> u64 {
        match self.budget {
            None => u64::MAX,
            Some(Budget::BitsPerWeight(bits)) => (bits * self.n_weights as f64).floor() as u64,
            Some(Budget::Bytes(bytes)) => bytes.saturating_sub(self.rest),
            Some(Budget::Microjoules(energy)) => {
                ((energy * FEMTOJOULES).floor() as u64).saturating_sub(self.rest)
            }
        }
    }

    fn of(&self, layer: &MeasuredSize, code: Option<LayerCode>) -> u64 {
        let bits = code.map_or(8 * layer.float_bytes, |code| code.stored_bits);
        match self.budget {
            Some(Budget::Bytes(_)) => bits.div_ceil(8),
            Some(Budget::Microjoules(_)) => {
                let cost = self.costs.and_then(|costs| costs.layers.get(layer.layer_idx));
                cost.map_or(0, |cost| femtojoules(cost.energy_picojoules(code, None)))
            }
            Some(Budget::BitsPerWeight(_)) | None => bits,
        }
    }

    /// Every layer's ways; one that every candidate refuses stays float. The harm is that of the
    /// layer alone.
    pub fn items(&self, request: &ProposeRequest) -> Vec<Vec<Item>> {
        let columns = &request.sensitivity.columns;
        let of_layer = |(nth, layer): (usize, &MeasuredSize)| {
            let item = |choice: usize| {
                let cell = request.sensitivity.cell(nth, choice)?;
                let column = columns.get(choice)?;
                let code =
                    LayerCode::new(cell.weights.storage_bits, &column.choice, layer.n_weights);
                let harm = cell.alone.kl().value;
                Some(Item { choice: Some(choice), size: self.of(layer, Some(code)), harm })
            };
            let float = Item { choice: None, size: self.of(layer, None), harm: 0.0 };
            let held = request.held.iter().find(|(layer_idx, _)| *layer_idx == nth);
            if let Some((_, choice)) = held {
                return vec![choice.and_then(item).unwrap_or(float)];
            }
            let items: Vec<Item> =
                (0..columns.len().min(request.n_offered)).filter_map(item).collect();
            if items.is_empty() { vec![float] } else { items }
        };
        self.layers.iter().enumerate().map(of_layer).collect()
    }

    pub fn too_small(&self, smallest: Option<u64>) -> ProposeError {
        let smallest = smallest.unwrap_or(0);
        let per_weight = |bits: f64| format!("{} bits a weight", fixed(bits, 3));
        let energy = |microjoules: f64| format!("{} µJ a prediction", fixed(microjoules, 3));
        // Rounded up, so that asking for it works.
        let up = |value: f64| (value * 1000.0).ceil() / 1000.0;
        let (wanted, nearest) = match self.budget {
            Some(Budget::Bytes(wanted)) => (exact_bytes(wanted), exact_bytes(smallest + self.rest)),
            Some(Budget::BitsPerWeight(wanted)) => {
                let nearest = smallest as f64 / self.n_weights.max(1) as f64;
                (per_weight(wanted), per_weight(up(nearest)))
            }
            Some(Budget::Microjoules(wanted)) => {
                let nearest = (smallest + self.rest) as f64 / FEMTOJOULES;
                (energy(wanted), energy(up(nearest)))
            }
            None => ("any size".to_owned(), "none".to_owned()),
        };
        ProposeError::TooSmall { wanted, nearest }
    }
}

/// The same items with the harm of each layer in a model that is quantized all over by the same
/// candidate: the divergence that keeping it float takes away. Noise below zero counts as none.
pub(super) fn in_context(items: &[Vec<Item>], request: &ProposeRequest) -> Vec<Vec<Item>> {
    let of_layer = |(nth, items): (usize, &Vec<Item>)| {
        let with = |item: &Item| {
            let harm = item.choice.and_then(|choice| {
                let everything = request.sensitivity.columns.get(choice)?.everything.kl().value;
                let without = request.sensitivity.cell(nth, choice)?.all_but.kl().value;
                Some((everything - without).max(0.0))
            });
            Item { harm: harm.unwrap_or(item.harm), ..*item }
        };
        items.iter().map(with).collect()
    };
    items.iter().enumerate().map(of_layer).collect()
}

fn femtojoules(picojoules: f64) -> u64 {
    (picojoules * 1000.0).ceil() as u64
}

fn exact_bytes(count: u64) -> String {
    format!("{} ({count} bytes)", bytes(count))
}
