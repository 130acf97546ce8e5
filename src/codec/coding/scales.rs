//! How the scales of the runs are stored beside the codes.

use serde::{Deserialize, Serialize};

use super::PartSpec;
use crate::codec::{Part, minifloat};

/// What the parts beside the codes say of a run's scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleRule {
    /// The part `scales`: a 32-bit float.
    F32,
    /// No part: every scale is 1.
    One,
    /// The part `scales`: `2^(item − 127)` times a power of two that the format implies; 255 is NaN.
    Power { unit: f64 },
    /// The part `scales`: E4M3FN, times the one 32-bit float of `tensor scale`.
    E4m3,
    /// The part `scales`: whole numbers of so many bits, times a 32-bit float of `channel scales`
    /// for as many runs.
    TwoLevel { bits: u32, runs_per_channel: usize },
    /// The part `scales`: places in bitsandbytes' [`dynamic_map`], times a 32-bit float of `scales
    /// of scales` for every 256, plus the one of `mean scale`.
    Double,
}

/// Scales of [`ScaleRule::Double`] that share a scale.
pub(in crate::codec) const DOUBLE_LEN: usize = 256;

impl ScaleRule {
    /// By run; NaN where a part is missing or too short.
    pub fn read(self, parts: &[Part], n_runs: usize) -> Vec<f32> {
        let part = |name: &str| parts.iter().find(|part| part.name == name);
        let f32s = |name: &str| part(name).map(Part::to_f32s).unwrap_or_default();
        let bits = || part("scales").map(Part::to_bits).unwrap_or_default();
        let at = |values: &[f32], idx: usize| values.get(idx).copied().unwrap_or(f32::NAN);
        match self {
            Self::F32 => f32s("scales"),
            Self::One => vec![1.0; n_runs],
            Self::Power { unit } => {
                let scale = |code: u32| minifloat::decode_e8m0(code as u8) * unit as f32;
                bits().into_iter().map(scale).collect()
            }
            Self::E4m3 => {
                let of_tensor = at(&f32s("tensor scale"), 0);
                let scale = |code| of_tensor * minifloat::E4M3FN.decode(code);
                bits().into_iter().map(scale).collect()
            }
            Self::TwoLevel { runs_per_channel, .. } => {
                let of_channels = f32s("channel scales");
                let scale = |(run_idx, code): (usize, u32)| {
                    at(&of_channels, run_idx / runs_per_channel.max(1)) * code as f32
                };
                bits().into_iter().enumerate().map(scale).collect()
            }
            Self::Double => {
                let (map, largest) = (dynamic_map(), f32s("scales of scales"));
                let mean = at(&f32s("mean scale"), 0);
                let scale = |(idx, code): (usize, u32)| {
                    at(&map, code as usize) * at(&largest, idx / DOUBLE_LEN) + mean
                };
                bits().into_iter().enumerate().map(scale).collect()
            }
        }
    }

    /// The parts, in the order in which they are stored.
    pub(super) fn parts(self, n_runs: usize) -> Vec<PartSpec> {
        let part = |name, n_items, item_bits| PartSpec { name, n_items, item_bits };
        match self {
            Self::F32 => vec![part("scales", n_runs, 32)],
            Self::One => Vec::new(),
            Self::Power { .. } => vec![part("scales", n_runs, 8)],
            Self::E4m3 => vec![part("scales", n_runs, 8), part("tensor scale", 1, 32)],
            Self::TwoLevel { bits, runs_per_channel } => {
                let n_channels = n_runs.div_ceil(runs_per_channel.max(1));
                vec![part("scales", n_runs, bits), part("channel scales", n_channels, 32)]
            }
            Self::Double => vec![
                part("scales", n_runs, 8),
                part("scales of scales", n_runs.div_ceil(DOUBLE_LEN), 32),
                part("mean scale", 1, 32),
            ],
        }
    }

    pub(super) fn check(self) -> Result<(), String> {
        match self {
            Self::TwoLevel { bits, .. } if !(1..=16).contains(&bits) => {
                Err(format!("scales have {bits} bits, expected 1 to 16"))
            }
            _ => Ok(()),
        }
    }
}

/// The 256 values of bitsandbytes' signed dynamic type, ascending: 0, 1 and, for `k` from 0 to 6,
/// `±10^(k−6)` times the middles of `2^k` equal parts of `[0.1, 1]`.
///
/// In `f64`, rounded once; the package's own `f32` steps differ by up to two units in the last
/// place from one processor to another. Source: Dettmers 2016, arXiv:1511.04561.
pub fn dynamic_map() -> Vec<f32> {
    let mut map = vec![0.0, 1.0];
    for power in 0..7i32 {
        let n_parts = 1 << power;
        for part in 0..n_parts {
            let middle = 0.1 + 0.9 * (f64::from(part) + 0.5) / f64::from(n_parts);
            let value = (middle * 10f64.powi(power - 6)) as f32;
            map.extend([value, -value]);
        }
    }
    map.sort_by(f32::total_cmp);
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dynamic_map_has_256_values() {
        let map = dynamic_map();
        assert_eq!(map.len(), 256);
        assert_eq!((map[0], map[127], map[255]), (-0.992_968_75, 0.0, 1.0));
        assert!(map.is_sorted_by(|a, b| a < b));
    }
}
