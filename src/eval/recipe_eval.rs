//! A recipe put into effect: every layer's error, and the weights to run with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{ErrorStats, LayerError, channels_for, fake_quantize, layer_error};
use crate::base::WorkCtx;
use crate::model::{Layer, Network, StoreError};
use crate::quant::{QuantError, Recipe, SchemeChoice};
use crate::tensor::Tensor;

/// Why a layer cannot be quantized as the recipe says.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum RecipeEvalError {
    #[error("tensor {tensor:?}: {source}")]
    Quant { tensor: String, source: QuantError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A layer with its choice, its error and, if it is quantized, its reconstructed weights.
#[derive(Clone, Debug)]
pub struct QuantizedLayer {
    pub choice: SchemeChoice,
    pub error: LayerError,
    pub weights: Option<Tensor>,
}

/// Quantizes one layer.
///
/// # Errors
/// A tensor that cannot be read, weights the scheme refuses; the message names the tensor.
pub fn quantize_layer(
    network: &Network,
    layer: &Layer,
    choice: &SchemeChoice,
    ctx: &WorkCtx,
) -> Result<QuantizedLayer, RecipeEvalError> {
    let named = |source| RecipeEvalError::Quant { tensor: layer.weight.clone(), source };
    let tensor = network.tensor(&layer.weight)?;
    let channels = channels_for(layer, choice, &tensor);
    let error = layer_error(&channels, choice, ctx).map_err(named)?;
    let weights = if choice.keeps_float() {
        None
    } else {
        let values = fake_quantize(&channels, &*error.fitted, ctx).map_err(named)?;
        Some(channels.with_data(values).to_tensor())
    };
    Ok(QuantizedLayer { choice: choice.clone(), error, weights })
}

/// Every layer under the recipe, in the network's order.
///
/// # Errors
/// As [`quantize_layer`].
pub fn quantize_network(
    network: &Network,
    recipe: &Recipe,
    ctx: &WorkCtx,
) -> Result<Vec<Arc<QuantizedLayer>>, RecipeEvalError> {
    network
        .layers
        .iter()
        .map(|layer| {
            Ok(Arc::new(quantize_layer(network, layer, &recipe.choice(&layer.name), ctx)?))
        })
        .collect()
}

/// The tensors that stand in place of the file's when the network runs quantized.
pub fn overlay(network: &Network, layers: &[Arc<QuantizedLayer>]) -> BTreeMap<String, Tensor> {
    let pairs = network.layers.iter().zip(layers);
    pairs.filter_map(|(layer, done)| Some((layer.weight.clone(), done.weights.clone()?))).collect()
}

/// The figures of all quantized layers taken together.
pub fn total_error<'a>(errors: impl IntoIterator<Item = &'a LayerError>) -> ErrorStats {
    errors
        .into_iter()
        .filter(|error| !error.keeps_float)
        .fold(ErrorStats::default(), |sum, error| sum.merged(&error.total))
}
