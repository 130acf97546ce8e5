//! What is done to weights before a scheme and undone after it: a rotation, and a mask of weights
//! that stay zero. Every scheme that quantizes takes these settings besides its own.

use std::sync::Arc;

use super::choice::SchemeChoice;
use super::grid::Grid;
use super::scheme::{FittedQuantizer, QuantError, QuantScheme, WeightShape, quantize_all};
use super::settings::{
    ChoiceSpec, Condition, ParamKind, ParamSpec, Prominence, SettingError, Settings,
};
use super::stored::Stored;
use crate::base::{WorkCtx, reduce};
pub use crate::codec::rotation::hadamard;
use crate::codec::{Coding, Part};
use crate::tensor::{ChannelMajor, Extent};

const fn size(key: &'static str) -> ChoiceSpec {
    ChoiceSpec { key, label: key, help: "So many weights are rotated together." }
}

static SIZES: &[ChoiceSpec] = &[
    ChoiceSpec {
        key: "auto",
        label: "Largest",
        help: "The largest power of two that divides the channel's length.",
    },
    size("2"),
    size("4"),
    size("8"),
    size("16"),
    size("32"),
    size("64"),
    size("128"),
    size("256"),
    size("512"),
    size("1024"),
    size("2048"),
    size("4096"),
];

/// The settings, after those of the scheme.
pub static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "rotation",
        label: "Rotation",
        help: "Rotates runs of weights before quantization and back after it: outliers are spread over their run.",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec {
                    key: "none",
                    label: "None",
                    help: "Weights are quantized as they are.",
                },
                ChoiceSpec {
                    key: "hadamard",
                    label: "Hadamard",
                    help: "x̂ = Hᵀ·Q(H·x) with the orthonormal Hadamard matrix, along each channel (Chee et al. 2023, arXiv:2307.13304; Ashkboos et al. 2024, arXiv:2404.00456).",
                },
            ],
            default: "none",
        },
        relevant: &[],
        prominence: Prominence::Rare,
    },
    ParamSpec {
        key: "rotation-size",
        label: "Rotated run",
        help: "Weights rotated together, a power of two that divides the channel's length; auto is the largest.",
        kind: ParamKind::Choice { choices: SIZES, default: "auto" },
        relevant: &[Condition { key: "rotation", any_of: &["hadamard"] }],
        prominence: Prominence::Rare,
    },
    ParamSpec {
        key: "mask",
        label: "Kept at zero",
        help: "Weights that are zero before quantization and stay zero, by a mask of one bit a weight that is stored besides the codes.",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec { key: "none", label: "None", help: "Zero is a weight as any other." },
                ChoiceSpec {
                    key: "zeros",
                    label: "Zeros",
                    help: "Weights that are exactly 0, as in a pruned model.",
                },
                ChoiceSpec {
                    key: "smallest",
                    label: "Smallest",
                    help: "The share of smallest |x| in the tensor is pruned (Han et al. 2015, arXiv:1506.02626).",
                },
            ],
            default: "none",
        },
        relevant: &[],
        prominence: Prominence::Rare,
    },
    ParamSpec {
        key: "pruned",
        label: "Pruned share",
        help: "Share of the tensor's weights, those of smallest |x|, that are set to zero.",
        kind: ParamKind::Float { min: 0.0, max: 1.0, default: 0.5 },
        relevant: &[Condition { key: "mask", any_of: &["smallest"] }],
        prominence: Prominence::Rare,
    },
];

impl dyn QuantScheme {
    /// All settings a choice of this scheme takes: its own, and those of the transforms unless it
    /// keeps weights as they are.
    pub fn settings(&self) -> impl Iterator<Item = &'static ParamSpec> + Clone + use<> {
        let transforms = if self.keeps_float() { &[] } else { PARAMS };
        self.params().iter().chain(transforms)
    }
}

impl SchemeChoice {
    /// What weights of a shape will take stored so, whatever their values: codes and everything
    /// needed to decode them. `None` where only a fit tells.
    pub fn planned_bits(&self, shape: WeightShape) -> Option<u64> {
        let bits = self.scheme().planned_bits(shape, self.settings())?;
        let has_mask = !matches!(self.settings().choice("mask"), "" | "none");
        Some(bits + if has_mask { shape.count() as u64 } else { 0 })
    }

    /// Fits the scheme to the weights, transformed if the settings say so.
    ///
    /// # Errors
    /// What the scheme refuses; a run of rotation that does not divide a channel.
    pub fn fit(
        &self,
        weights: &ChannelMajor,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let settings = self.settings();
        let rotation = rotation_of(weights, settings)?;
        let mask = mask_of(weights, settings);
        if rotation.is_none() && mask.is_none() {
            return self.scheme().fit(weights, settings, ctx);
        }
        let transform = Transform { rotation, mask: mask.map(Arc::from) };
        let changed = weights.with_data(transform.forward(weights.data(), ctx)?);
        let inner = self.scheme().fit(&changed, settings, ctx)?;
        transform.stored(inner, &changed, ctx)
    }

    /// [`QuantScheme::fit_extents`]; `None` where weights are transformed before.
    pub fn fit_extents(
        &self,
        shape: (usize, usize),
        extents: Arc<[Extent]>,
    ) -> Option<Box<dyn FittedQuantizer>> {
        let settings = self.settings();
        let is_plain = |key| matches!(settings.choice(key), "none" | "");
        let is_as_it_is = is_plain("rotation") && is_plain("mask");
        is_as_it_is.then(|| self.scheme().fit_extents(shape, extents, settings)).flatten()
    }
}

/// Undone by doing it again: `H/√n` is its own inverse.
#[derive(Clone)]
struct Transform {
    /// Length of a rotated run.
    rotation: Option<usize>,
    /// 1 where a weight stays zero.
    mask: Option<Arc<[u8]>>,
}

fn rotation_of(weights: &ChannelMajor, settings: &Settings) -> Result<Option<usize>, QuantError> {
    if settings.choice("rotation") != "hadamard" {
        return Ok(None);
    }
    let len = weights.channel_len();
    let largest = 1usize << len.trailing_zeros().min(20);
    // What is no number is the largest.
    let Ok(size) = settings.choice("rotation-size").parse::<usize>() else {
        return Ok((len > 0).then_some(largest));
    };
    if len.is_multiple_of(size) {
        return Ok(Some(size));
    }
    Err(SettingError::BadValue {
        key: "rotation-size",
        found: size.to_string(),
        expected: format!(
            "auto, or a power of two that divides the {len} weights of a channel, at most {largest}"
        ),
    }
    .into())
}

fn mask_of(weights: &ChannelMajor, settings: &Settings) -> Option<Vec<u8>> {
    let data = weights.data();
    let below = match settings.choice("mask") {
        "zeros" => 0.0,
        "smallest" => {
            let share = settings.float("pruned").unwrap_or(0.5);
            let n_pruned = (share * data.len() as f64).round() as usize;
            let mut order: Vec<f32> = data.iter().map(|x| x.abs()).collect();
            match n_pruned.min(order.len()).checked_sub(1) {
                Some(last) => *order.select_nth_unstable_by(last, f32::total_cmp).1,
                None => return Some(vec![0; data.len()]),
            }
        }
        _ => return None,
    };
    Some(data.iter().map(|x| u8::from(x.abs() <= below)).collect())
}

impl Transform {
    fn masked(&self, mut data: Vec<f32>) -> Vec<f32> {
        if let Some(mask) = &self.mask {
            let pairs = data.iter_mut().zip(mask.iter());
            pairs.filter(|(_, masked)| **masked == 1).for_each(|(x, _)| *x = 0.0);
        }
        data
    }

    fn rotated(&self, data: Vec<f32>, ctx: &WorkCtx) -> Result<Vec<f32>, QuantError> {
        let Some(size) = self.rotation else { return Ok(data) };
        let parts = reduce::map_indices(data.len() / size.max(1), ctx, |run_idx| {
            let mut run =
                data.get(run_idx * size..(run_idx + 1) * size).unwrap_or_default().to_vec();
            hadamard(&mut run);
            Ok::<_, QuantError>(run)
        })?;
        Ok(parts.concat())
    }

    fn forward(&self, data: &[f32], ctx: &WorkCtx) -> Result<Vec<f32>, QuantError> {
        self.rotated(self.masked(data.to_vec()), ctx)
    }

    fn back(&self, data: Vec<f32>, ctx: &WorkCtx) -> Result<Vec<f32>, QuantError> {
        Ok(self.masked(self.rotated(data, ctx)?))
    }

    /// The quantizer of the transformed weights as one of the weights themselves.
    ///
    /// Rotated weights have no grid of their own, and what was clipped cannot be told by weight.
    fn stored(
        self,
        inner: Box<dyn FittedQuantizer>,
        changed: &ChannelMajor,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let inner: Arc<dyn FittedQuantizer> = Arc::from(inner);
        let (codes, values, clipped) = quantize_all(&*inner, changed);
        let mut encoded = inner.encode(changed).unwrap_or_default();
        if let Some(mask) = &self.mask {
            let bits: Vec<i32> = mask.iter().map(|&masked| i32::from(masked)).collect();
            encoded.parts.push(Part::codes("mask", &bits, 1));
        }
        let is_rotated = self.rotation.is_some();
        let grid_source = Arc::clone(&inner);
        Ok(Box::new(Stored {
            layout: inner.layout(),
            codes,
            values: self.back(values, ctx)?,
            clipped: if is_rotated { Vec::new() } else { clipped },
            grids: Box::new(move |group_idx| match is_rotated {
                true => Grid::Continuous,
                false => grid_source.grid(group_idx),
            }),
            code_range: inner.code_range(),
            encoded,
            storage_note: inner.storage_note(),
            coding: inner.coding().map(|coding| Coding {
                rotation: self.rotation,
                is_masked: self.mask.is_some(),
                ..coding
            }),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;
    use ndarray::IxDyn;

    fn weights() -> ChannelMajor {
        let tensor = Tensor::from_shape_fn(IxDyn(&[3, 24]), |idx| {
            if idx[1] == 5 { 30.0 } else { ((idx[0] * 24 + idx[1]) as f32 * 0.7).sin() }
        });
        ChannelMajor::new(&tensor, 0)
    }

    fn values(spec: &str) -> Vec<f32> {
        let choice: SchemeChoice = spec.parse().unwrap();
        let fitted = choice.fit(&weights(), &WorkCtx::new()).unwrap();
        let encoded = fitted.encode(&weights()).unwrap();
        let (_, values, _) = quantize_all(&*fitted, &weights());
        assert_eq!(fitted.decode(&encoded), values, "{spec}");
        assert_eq!(fitted.storage_bits(), encoded.n_bits(), "{spec}");
        values
    }

    fn noise(found: &[f32]) -> f64 {
        weights().data().iter().zip(found).map(|(a, b)| f64::from(a - b).powi(2)).sum()
    }

    #[test]
    fn rotation_is_orthonormal_and_its_own_inverse() {
        let mut run = [1.0, 0.0, 0.0, 0.0];
        hadamard(&mut run);
        assert_eq!(run, [0.5; 4]);
        let mut second = [0.0, 1.0, 0.0, 0.0];
        hadamard(&mut second);
        assert_eq!(second, [0.5, -0.5, 0.5, -0.5]);
        hadamard(&mut run);
        assert_eq!(run, [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn outliers_cost_less_when_rotated() {
        assert!(noise(&values("int4:rotation=hadamard")) < 0.5 * noise(&values("int4")));
        let refused: SchemeChoice = "int4:rotation=hadamard,rotation-size=16".parse().unwrap();
        let Err(error) = refused.fit(&weights(), &WorkCtx::new()) else { panic!("fitted") };
        assert!(error.to_string().contains("at most 8"), "{error}");
    }

    #[test]
    fn what_is_pruned_is_zero() {
        let found = values("int8:mask=smallest,pruned=0.25");
        assert!(found.iter().filter(|x| **x == 0.0).count() >= 18);
        let all = values("int8:mask=smallest,pruned=1");
        assert!(all.iter().all(|x| *x == 0.0));
    }
}
