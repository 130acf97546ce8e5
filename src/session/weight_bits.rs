//! One weight to the bit: as it is, as its code, and as what the code stands for.

use std::sync::Mutex;

use super::levels::is_scaled;
use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop, lock};
use crate::base::WorkCtx;
use crate::eval::QuantizedLayer;
use crate::quant::{CodeFormat, Grid, Place, Run};
use crate::tensor::{ChannelMajor, Tensor};

/// A weight of a layer under a scheme.
#[derive(Clone, Debug)]
pub struct WeightBits {
    pub layer_idx: usize,
    /// Its place in the tensor's own row-major order.
    pub element_idx: usize,
    /// Its index along each dimension.
    pub coords: Vec<usize>,
    pub original: f32,
    pub quantized: f32,
    /// `None` for a layer that stays as it is.
    pub code: Option<i32>,
    pub format: Option<CodeFormat>,
    pub is_clipped: bool,
    pub group_idx: usize,
    pub n_groups: usize,
    /// The grid of its group.
    pub grid: Grid,
    /// Whether the levels of the grid are multiplied by a scale.
    pub has_scale: bool,
    /// Places of the weights of largest magnitude and of largest error.
    pub largest_idx: usize,
    pub worst_idx: usize,
}

impl WeightBits {
    /// `x − x̂`.
    pub fn error(&self) -> f64 {
        f64::from(self.original) - f64::from(self.quantized)
    }

    /// The distance of the levels on both sides of the weight, at an end that of the outermost two.
    pub fn step(&self) -> Option<f64> {
        match &self.grid {
            Grid::Continuous => None,
            Grid::Uniform { params, .. } => Some(f64::from(params.scale)),
            Grid::Table { scale, offset, levels } => {
                let y = (self.original - offset) / scale;
                let above = levels.partition_point(|level| level.value < y);
                let above = above.clamp(1, levels.len().checked_sub(1)?.max(1));
                let (hi, lo) = (levels.get(above)?, levels.get(above - 1)?);
                Some(f64::from(*scale).abs() * (f64::from(hi.value) - f64::from(lo.value)))
            }
        }
    }
}

/// Where the largest weight and the largest error of a layer under a scheme lie, since another
/// weight of it asks for them again.
pub(super) type KeptExtremes = Mutex<Option<((usize, String), [usize; 2])>>;

/// Places of the weights of largest magnitude and of largest error.
fn extremes(tensor: &Tensor, done: &QuantizedLayer) -> [usize; 2] {
    let of_largest = |pairs: &mut dyn Iterator<Item = f32>| {
        let larger =
            |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
        pairs.enumerate().fold((0, f32::NEG_INFINITY), larger).0
    };
    let worst = match &done.weights {
        None => 0,
        Some(other) => of_largest(&mut tensor.iter().zip(other).map(|(a, b)| (a - b).abs())),
    };
    [of_largest(&mut tensor.iter().map(|x| x.abs())), worst]
}

impl Workshop {
    pub(super) fn weight_bits(
        &self,
        layer_idx: usize,
        spec: &str,
        element_idx: usize,
        ctx: &WorkCtx,
    ) -> Result<WeightBits, QueryError> {
        let done = self.fitted(layer_idx, spec, None, ctx)?;
        let weights = self.weights(layer_idx, &done.choice)?;
        let Some(last) = weights.data().len().checked_sub(1) else { return Err(QueryError::Empty) };
        let element_idx = element_idx.min(last);
        let coords = coords_of(weights.dims(), element_idx);
        let start = channel_major_idx(&weights, &coords);
        let original = weights.data().get(start).copied().unwrap_or(f32::NAN);
        let fitted = &*done.error.fitted;
        let layout = fitted.layout();
        let group_idx = layout.group_of(start);
        let grid = fitted.grid(group_idx);
        let (mut code, mut quantized, mut clipped) = ([0], [0.0], [0]);
        let run = Run { codes: &mut code, values: &mut quantized, clipped: &mut clipped };
        fitted.quantize(Place { group_idx, start }, &[original], run);
        let key = (layer_idx, spec.to_owned());
        let known = lock(&self.extremes).as_ref().filter(|kept| kept.0 == key).map(|kept| kept.1);
        let [largest_idx, worst_idx] = match known {
            Some(known) => known,
            None => {
                let found = extremes(&weights.to_tensor(), &*self.layer(layer_idx, spec, ctx)?);
                *lock(&self.extremes) = Some((key, found));
                found
            }
        };
        Ok(WeightBits {
            layer_idx,
            element_idx,
            coords,
            original,
            quantized: quantized[0],
            code: fitted.code_range().map(|_| code[0]),
            format: done.choice.scheme().code_format(done.choice.settings()),
            is_clipped: clipped[0] == 1,
            group_idx,
            n_groups: layout.n_groups(),
            has_scale: is_scaled(&done.choice, &grid),
            grid,
            largest_idx,
            worst_idx,
        })
    }
}

/// Row-major index to one index a dimension.
fn coords_of(dims: &[usize], element_idx: usize) -> Vec<usize> {
    let mut rest = element_idx;
    let mut coords: Vec<usize> = dims
        .iter()
        .rev()
        .map(|&dim| {
            let coord = rest % dim.max(1);
            rest /= dim.max(1);
            coord
        })
        .collect();
    coords.reverse();
    coords
}

/// Where the weight lies among channels side by side.
fn channel_major_idx(weights: &ChannelMajor, coords: &[usize]) -> usize {
    let axis = weights.axis().0;
    let channel_idx = coords.get(axis).copied().unwrap_or(0);
    let others = coords.iter().zip(weights.dims()).enumerate().filter(|(dim, _)| *dim != axis);
    let within = others.fold(0, |idx, (_, (&coord, &dim))| idx * dim + coord);
    channel_idx * weights.channel_len() + within
}

impl Session {
    /// The element of the selected layer whose bits were asked for last; the first of another.
    pub fn shown_weight(&self) -> usize {
        let (layer_idx, element_idx) = self.shown_weight;
        if layer_idx == self.selection.layer_idx { element_idx } else { 0 }
    }

    /// A weight of the selected layer, by its place in the tensor's row-major order; the last if
    /// there are fewer.
    pub fn weight_bits(&self, element_idx: usize) -> Loaded<WeightBits> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.spec(layer_idx);
        let query = Query::WeightBits { network: self.network_id, layer_idx, spec, element_idx };
        let loaded = self.ask(query, |answer| match answer {
            Answer::WeightBits(bits) => Some(bits),
            _ => None,
        });
        loaded.without_previous_unless(|bits| bits.layer_idx == layer_idx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{Level, QuantParams};
    use ndarray::IxDyn;

    #[test]
    fn a_weight_is_found_whatever_axis_is_kept() {
        let tensor = Tensor::from_shape_fn(IxDyn(&[2, 3, 4]), |idx| {
            (idx[0] * 100 + idx[1] * 10 + idx[2]) as f32
        });
        for axis in 0..3 {
            let weights = ChannelMajor::new(&tensor, axis);
            for (element_idx, &value) in tensor.iter().enumerate() {
                let coords = coords_of(tensor.shape(), element_idx);
                assert_eq!(weights.data()[channel_major_idx(&weights, &coords)], value);
            }
        }
    }

    #[test]
    fn the_step_is_that_of_the_levels_around_the_weight() {
        let levels: Vec<Level> =
            (0..).zip([-4.0, -1.0, 0.0, 0.5]).map(|(code, value)| Level { code, value }).collect();
        let table = Grid::Table { scale: 2.0, offset: 1.0, levels: levels.into() };
        let params = QuantParams { scale: 0.25, zero_point: 3 };
        let range = crate::quant::CodeRange { qmin: 0, qmax: 7 };
        let bits = |original: f32, grid: &Grid| WeightBits {
            layer_idx: 0,
            element_idx: 0,
            coords: vec![0],
            original,
            quantized: 0.0,
            code: Some(0),
            format: None,
            is_clipped: false,
            group_idx: 0,
            n_groups: 1,
            grid: grid.clone(),
            has_scale: true,
            largest_idx: 0,
            worst_idx: 0,
        };
        for (original, wanted) in [(-100.0, 6.0), (-3.0, 6.0), (0.0, 2.0), (1.5, 1.0), (9.0, 1.0)] {
            assert_eq!(bits(original, &table).step(), Some(wanted), "{original}");
        }
        assert_eq!(bits(0.1, &Grid::Uniform { params, range }).step(), Some(0.25));
        assert_eq!(bits(0.1, &Grid::Continuous).step(), None);
    }
}
