//! Every loop against the definition in double precision, and against itself at every level.

use super::*;
use crate::base::WorkCtx;
use crate::base::simd::{self, Level};
use crate::quant::schemes::SCHEMES;
use crate::quant::{Run, SchemeChoice};
use crate::tensor::{ChannelMajor, Tensor};
use ndarray::IxDyn;

fn weights(n_channels: usize, len: usize, scale: f32) -> ChannelMajor {
    let tensor = Tensor::from_shape_fn(IxDyn(&[n_channels, len]), |idx| {
        let at = idx[0] * len + idx[1];
        let bell = (0..4).map(|k| ((at * 7919 + k * 104_729) % 10_007) as f32 * 1e-4 - 0.5);
        bell.sum::<f32>() * scale * (1.0 + (idx[0] % 5) as f32)
    });
    ChannelMajor::new(&tensor, 0)
}

/// The obvious twin: every sum in double precision, one weight after another.
pub(super) fn reference(fitted: &dyn FittedQuantizer, weights: &ChannelMajor) -> ErrorSums {
    let mut sums = ErrorSums::default();
    let len = weights.data().len();
    for_each_run(fitted, weights.data(), 0..len, |_, input, run: Run| {
        for ((&x, &v), &clipped) in input.iter().zip(&*run.values).zip(&*run.clipped) {
            let (x, v) = (f64::from(x), f64::from(v));
            let squared = (x - v) * (x - v);
            sums.add(&ErrorSums {
                noise: squared,
                clip_noise: squared * f64::from(clipped),
                n_clipped: usize::from(clipped),
                max_abs_error: (x - v).abs(),
                dot: x * v,
                quantized_signal: v * v,
            });
        }
    });
    sums
}

fn measured(
    fitted: &dyn FittedQuantizer,
    weights: &ChannelMajor,
    precision: Precision,
) -> ErrorSums {
    let profile = weights.profile(&WorkCtx::new()).unwrap();
    let mut sums = ErrorSums::default();
    let len = weights.channel_len();
    for channel_idx in 0..weights.n_channels() {
        let (start, end) = (channel_idx * len, (channel_idx + 1) * len);
        let extents = profile.blocks_from(channel_idx, 0);
        sums.add(&fitted.measure(Part { data: weights.data(), start, end, extents, precision }));
    }
    sums
}

pub(super) fn assert_close(found: &ErrorSums, wanted: &ErrorSums, tolerance: f64, name: &str) {
    assert_eq!(found.n_clipped, wanted.n_clipped, "{name}");
    let dot_size = (wanted.signal_size() * wanted.quantized_signal).sqrt();
    for (what, found, wanted, size) in [
        ("noise", found.noise, wanted.noise, wanted.noise),
        ("clip", found.clip_noise, wanted.clip_noise, wanted.clip_noise),
        ("max", found.max_abs_error, wanted.max_abs_error, wanted.max_abs_error),
        ("dot", found.dot, wanted.dot, dot_size),
        ("x̂²", found.quantized_signal, wanted.quantized_signal, wanted.quantized_signal),
    ] {
        let is_close = (found - wanted).abs() <= tolerance * size;
        assert!(is_close, "{name}: {what} {found:e}, expected {wanted:e}");
    }
}

impl ErrorSums {
    /// `Σx²`, from the others.
    fn signal_size(&self) -> f64 {
        self.noise + 2.0 * self.dot.abs() + self.quantized_signal
    }
}

fn specs() -> Vec<String> {
    let mut specs: Vec<String> = SCHEMES.iter().map(|scheme| scheme.id().to_owned()).collect();
    for symmetry in ["symmetric", "symmetric-full", "asymmetric"] {
        for granularity in ["per-tensor", "per-channel", "per-group", "per-group,group-size=48"] {
            for range in ["min-max", "percentile,percentile=99"] {
                let groups = format!("symmetry={symmetry},granularity={granularity}");
                specs.push(format!("int:bits=5,{groups},range={range}"));
            }
        }
    }
    for more in [
        "int:bits=16",
        "int:rounding=floor",
        "int:rounding=stochastic",
        "fp8-e4m3fn:scale=none",
        "nf4:block-size=64",
        "kmeans:bits=8",
        "int8:mask=zeros",
        "int4:rotation=hadamard",
    ] {
        if more.parse::<SchemeChoice>().is_ok() {
            specs.push(more.to_owned());
        }
    }
    specs
}

#[test]
fn sums_are_those_of_the_definition() {
    let ctx = WorkCtx::new();
    for weights in [weights(3, 4608, 0.1), weights(7, 27, 1.0), weights(1, 9001, 0.02)] {
        for spec in specs() {
            let choice: SchemeChoice = spec.parse().unwrap();
            // Schemes that refuse weights so few have nothing to measure.
            let Ok(fitted) = choice.fit(&weights, &ctx) else { continue };
            let wanted = reference(&*fitted, &weights);
            let name = format!("{spec}, {:?}", weights.dims());
            let found = measured(&*fitted, &weights, Precision::Double);
            assert_close(&found, &wanted, 1e-12, &name);
            let found = measured(&*fitted, &weights, Precision::Single);
            assert_close(&found, &wanted, 1e-6, &name);
            let mut values = vec![f32::NAN; weights.data().len()];
            fitted.reconstruct(weights.data(), 0, &mut values);
            let (_, wanted, _) = crate::quant::quantize_all(&*fitted, &weights);
            assert_eq!(values, wanted, "{name}");
        }
    }
}

/// Errors far below and above what single precision can square.
#[test]
fn no_magnitude_is_lost() {
    let ctx = WorkCtx::new();
    for scale in [1e-30, 1e-20, 1e20, 1e35] {
        let weights = weights(2, 5000, scale);
        for spec in ["int4", "int:bits=4,granularity=per-group", "xnor", "int:range=manual,hi=1"] {
            let choice: SchemeChoice = spec.parse().unwrap();
            let fitted = choice.fit(&weights, &ctx).unwrap();
            let wanted = reference(&*fitted, &weights);
            let found = measured(&*fitted, &weights, Precision::Single);
            assert_close(&found, &wanted, 1e-6, &format!("{spec} at {scale:e}"));
        }
    }
}

/// The levels are forced one after another; other tests run beside, which changes no result.
#[test]
fn every_level_gives_the_same_bits() {
    let ctx = WorkCtx::new();
    let weights = weights(3, 4615, 0.1);
    for spec in specs() {
        let choice: SchemeChoice = spec.parse().unwrap();
        let Ok(fitted) = choice.fit(&weights, &ctx) else { continue };
        for precision in [Precision::Double, Precision::Single] {
            let at = |level| {
                simd::limit_to(level);
                measured(&*fitted, &weights, precision)
            };
            let wanted = at(Level::Baseline);
            for level in [Level::Avx2, Level::Avx512] {
                assert_eq!(at(level), wanted, "{spec} at {level:?}, {precision:?}");
            }
        }
    }
    simd::limit_to(Level::Avx512);
}

/// Scales that follow from extents, block by block, and the same scales in a list, group by group.
#[test]
fn groups_side_by_side_are_groups_one_by_one() {
    use crate::quant::schemes::int::{Codes, Symmetry};
    use crate::quant::{Granularity, GroupLayout, GroupParams};
    let ctx = WorkCtx::new();
    for (len, group_size) in [(4096, 32), (5120, 64), (96, 32), (8192, 2048), (1000, 32)] {
        let weights = weights(5, len, 0.01);
        let granularity = Granularity::PerGroup { group_size };
        let layout = GroupLayout { granularity, n_channels: 5, channel_len: len };
        for symmetry in [Symmetry::Restricted, Symmetry::Full, Symmetry::Asymmetric] {
            let codes = Codes { bits: 4, symmetry };
            let extents = layout.extents(&weights, &ctx).unwrap();
            let follows = GroupParams::OfExtents { extents, codes };
            let listed: GroupParams = follows.iter().collect();
            let part = Part {
                data: weights.data(),
                start: len,
                end: 3 * len,
                extents: &[],
                precision: Precision::Single,
            };
            let wanted = measure_uniform(part, layout, &listed, codes.range());
            for level in Level::ALL {
                simd::limit_to(level);
                let found = measure_uniform(part, layout, &follows, codes.range());
                assert_eq!(found, wanted, "{len} by {group_size}, {symmetry:?}, {level:?}");
            }
            simd::limit_to(Level::Avx512);
        }
    }
}
