//! The error of a grid that all weights share, from their ascending order: each level has a run of
//! them, whose ends are found by the expression that the loops round with.

use std::ops::Range;
use std::sync::Arc;

use super::lanes::{ErrorSums, Round};
use super::levels::Levels;
use super::uniform::Steps;
use crate::quant::{CodeRange, QuantParams};
use crate::tensor::SortedIndex;

/// The levels of one grid with the rule that weights are rounded by, which rises with the weight.
pub struct Cells(Rule);

enum Rule {
    Steps { steps: Steps<true>, params: QuantParams, range: CodeRange },
    Table(OwnLevels),
}

/// As [`Levels`].
struct OwnLevels {
    starts: Arc<[f32]>,
    values: Arc<[f32]>,
    ends: (f32, f32),
    scale: f32,
    offset: f32,
}

impl Cells {
    /// With more levels the loops over all weights are as fast.
    pub const MAX_LEVELS: usize = 1 << 10;

    /// Equal steps, to the nearest with ties to even; `None` where there are too many.
    pub fn of_steps(params: QuantParams, range: CodeRange) -> Option<Self> {
        let steps = Steps::new(params, range);
        (range.n_codes() <= Self::MAX_LEVELS).then_some(Self(Rule::Steps { steps, params, range }))
    }

    /// A table; `None` where it is too long, or its scale is none.
    pub fn of_levels(levels: Levels) -> Option<Self> {
        let Levels { starts, values, ends, scale, offset, .. } = levels;
        let is_rising = scale > 0.0 && scale.is_finite() && values.len() == starts.len() + 1;
        if !is_rising || values.len() > Self::MAX_LEVELS {
            return None;
        }
        let (starts, values) = (starts.into(), values.into());
        Some(Self(Rule::Table(OwnLevels { starts, values, ends, scale, offset })))
    }

    fn n_levels(&self) -> usize {
        match &self.0 {
            Rule::Steps { range, .. } => range.n_codes(),
            Rule::Table(table) => table.values.len(),
        }
    }

    /// What weights of that level become.
    fn value(&self, level_idx: usize) -> f32 {
        match &self.0 {
            Rule::Steps { params, range, .. } => {
                let code = range.qmin + level_idx as i32;
                params.scale * (code - params.zero_point) as f32
            }
            Rule::Table(table) => {
                let value = table.values.get(level_idx).copied().unwrap_or(0.0);
                table.scale * value + table.offset
            }
        }
    }

    /// The first place from `start` on whose weight goes to that level or to one above it.
    fn start_of(&self, level_idx: usize, index: &SortedIndex, start: usize) -> usize {
        match &self.0 {
            Rule::Steps { steps, params, range } => {
                let wanted = (range.qmin + level_idx as i32 - params.zero_point) as f32;
                index.first_from(start, |x| steps.of(x).0 >= wanted)
            }
            Rule::Table(table) => {
                let wanted = table.starts.get(level_idx.wrapping_sub(1)).copied();
                let wanted = wanted.unwrap_or(f32::INFINITY);
                index.first_from(start, |x| table.divided(x) >= wanted)
            }
        }
    }

    /// The weights that do not lie outside.
    fn inside(&self, index: &SortedIndex) -> Range<usize> {
        match &self.0 {
            Rule::Steps { steps, .. } => {
                let is_outside = |x: f32| Round::<16>::is_outside(*steps, steps.of(x).0);
                let start = index.first_from(0, |x| x >= 0.0 || !is_outside(x));
                start..index.first_from(start, |x| x > 0.0 && is_outside(x))
            }
            Rule::Table(table) => {
                let start = index.first_from(0, |x| table.divided(x) >= table.ends.0);
                start..index.first_from(start, |x| table.divided(x) > table.ends.1)
            }
        }
    }

    /// Hands over the run of every level that has weights.
    fn for_each(&self, index: &SortedIndex, mut visit: impl FnMut(Range<usize>, f32)) {
        let (n_levels, len) = (self.n_levels(), index.len());
        let mut start = 0;
        for level_idx in 0..n_levels {
            let is_last = level_idx + 1 == n_levels;
            let end = if is_last { len } else { self.start_of(level_idx + 1, index, start) };
            if end > start {
                visit(start..end, self.value(level_idx));
            }
            start = end;
        }
    }
}

impl OwnLevels {
    #[inline(always)]
    fn divided(&self, x: f32) -> f32 {
        (x - self.offset) / self.scale
    }
}

/// The sums of all weights under one grid, as the loops over them give.
///
/// - Relative error below 10⁻¹², of `dot` in relation to `Σ|x·x̂|`.
/// - A weight goes to the level that the loops round it to, ties included.
pub fn measure_sorted(cells: &Cells, index: &SortedIndex) -> ErrorSums {
    let inside = cells.inside(index);
    let mut sums = ErrorSums::default();
    cells.for_each(index, |run, value| {
        let below = run.start..run.end.min(inside.start).max(run.start);
        let above = run.start.max(inside.end).min(run.end).max(below.end)..run.end;
        let kept = below.end..above.start;
        for (part, is_clipped) in [(below, true), (kept, false), (above, true)] {
            if !part.is_empty() {
                add_part(&mut sums, index, (part, value), is_clipped);
            }
        }
    });
    sums
}

fn add_part(
    sums: &mut ErrorSums,
    index: &SortedIndex,
    (part, value): (Range<usize>, f32),
    is_clipped: bool,
) {
    let v = f64::from(value);
    // The largest error of a run is that of one of its ends.
    for end in [part.start, part.end - 1] {
        let x = index.values().get(end).copied().map_or(v, f64::from);
        sums.max_abs_error = sums.max_abs_error.max((x - v).abs());
    }
    let found = index.sums(part, value);
    sums.noise += found.squares;
    sums.dot += v * found.sum;
    sums.quantized_signal += found.count as f64 * v * v;
    if is_clipped {
        sums.clip_noise += found.squares;
        sums.n_clipped += found.count as usize;
    }
}

/// `Σ(x − x̂)²` alone: the search for a range asks often.
pub fn noise_sorted(cells: &Cells, index: &SortedIndex) -> f64 {
    let mut noise = 0.0;
    cells.for_each(index, |run, value| noise += index.sums(run, value).squares);
    noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::WorkCtx;
    use crate::quant::SchemeChoice;
    use crate::quant::kernel::tests::{assert_close, reference};
    use crate::quant::schemes::SCHEMES;
    use crate::tensor::{ChannelMajor, Tensor};
    use ndarray::IxDyn;

    fn one_row(data: Vec<f32>) -> ChannelMajor {
        ChannelMajor::new(&Tensor::from_shape_vec(IxDyn(&[1, data.len()]), data).unwrap(), 0)
    }

    fn index_of(weights: &ChannelMajor) -> SortedIndex {
        SortedIndex::of_values(weights.data(), &WorkCtx::new()).unwrap().unwrap()
    }

    /// Weights that are hard to get right: ties, equals, zeros of both signs, one far outside, the
    /// smallest and the largest numbers there are.
    fn cases() -> Vec<(&'static str, Vec<f32>)> {
        let n = 1200;
        let bell = |i: usize| (0..4).map(move |k| ((i * 7919 + k * 104_729) % 1009) as f32);
        let noise: Vec<f32> = (0..n).map(|i| bell(i).sum::<f32>() * 1e-3 - 2.0).collect();
        let with = |idx: usize, value: f32| {
            let mut data = noise.clone();
            data[idx] = value;
            data
        };
        vec![
            ("plain", noise.clone()),
            ("ties", (0..n).map(|i| (i % 33) as f32 * 0.5 - 8.0).collect()),
            ("equal", vec![0.1; n]),
            ("zeros", (0..n).map(|i| if i % 2 == 0 { 0.0 } else { -0.0 }).collect()),
            ("mostly zero", (0..n).map(|i| if i % 100 == 0 { 1.0 } else { -0.0 }).collect()),
            ("one beyond", with(7, 40.0)),
            ("one below", with(7, -40.0)),
            ("positive", noise.iter().map(|x| x.abs() + 0.25).collect()),
            ("denormal", (0..n).map(|i| f32::from_bits((i % 300) as u32)).collect()),
            ("huge", noise.iter().map(|x| x * 8e37).collect()),
            ("huge and small", with(3, 1e38)),
        ]
    }

    fn specs() -> Vec<String> {
        let mut specs: Vec<String> = SCHEMES.iter().map(|scheme| scheme.id().to_owned()).collect();
        for bits in 2..=10 {
            for symmetry in ["symmetric", "symmetric-full", "asymmetric"] {
                let int = format!("int:bits={bits},symmetry={symmetry}");
                specs.push(int.clone());
                specs.push(format!("{int},range=percentile,percentile=99"));
            }
        }
        for bits in [1, 3, 8] {
            specs.extend(["kmeans", "quantile", "lloyd-max"].map(|id| format!("{id}:bits={bits}")));
        }
        let more = [
            "int:range=manual,lo=-0.3,hi=0.5",
            "e4m3fn:scale=none",
            "e2m1:range=percentile,percentile=90",
            "minifloat:exponent=2,mantissa=7",
            "e5m2:rounding=nearest-away",
            "lloyd-max:bits=4,centre=mean",
            "log2:bits=8,scale=free",
            "int-pow2:bits=4",
        ];
        specs.extend(more.map(str::to_owned));
        specs
    }

    /// The twin: every weight quantized and summed in double precision, one after another.
    #[test]
    fn sums_are_those_of_every_weight() {
        let mut n_compared = 0;
        for (name, data) in cases() {
            let weights = one_row(data);
            let index = index_of(&weights);
            for spec in specs() {
                let choice: SchemeChoice = spec.parse().unwrap();
                let Ok(fitted) = choice.fit(&weights, &WorkCtx::new()) else { continue };
                let Some(cells) = fitted.cells() else { continue };
                n_compared += 1;
                let name = format!("{name}, {spec}");
                let wanted = reference(&*fitted, &weights);
                assert_close(&measure_sorted(&cells, &index), &wanted, 1e-12, &name);
                let noise = noise_sorted(&cells, &index);
                assert!((noise - wanted.noise).abs() <= 1e-12 * wanted.noise, "{name}");
            }
        }
        assert!(n_compared > 600, "{n_compared}");
    }

    #[test]
    fn halves_counted_give_the_same_as_halves_sorted() {
        let stored: Vec<u16> =
            cases()[0].1.iter().map(|&x| half::f16::from_f32(x).to_bits()).collect();
        let mut counts = vec![0; 1 << 16];
        stored.iter().for_each(|&bits| counts[usize::from(bits)] += 1);
        let decode = |bits| half::f16::from_bits(bits).to_f32();
        let counted = SortedIndex::of_counts(&counts, decode).unwrap();
        let weights = one_row(stored.into_iter().map(decode).collect());
        for spec in specs() {
            let choice: SchemeChoice = spec.parse().unwrap();
            let Ok(fitted) = choice.fit(&weights, &WorkCtx::new()) else { continue };
            let Some(cells) = fitted.cells() else { continue };
            let wanted = reference(&*fitted, &weights);
            assert_close(&measure_sorted(&cells, &counted), &wanted, 1e-12, &spec);
        }
    }

    #[test]
    fn schemes_that_have_one_grid_are_those_known() {
        let tensor = Tensor::from_shape_vec(IxDyn(&[4, 300]), cases()[0].1.clone()).unwrap();
        let weights = ChannelMajor::new(&tensor, 0);
        let has_cells = |spec: &str| {
            let choice: SchemeChoice = spec.parse().unwrap();
            choice.fit(&weights, &WorkCtx::new()).unwrap().cells().is_some()
        };
        for spec in
            ["int", "int:bits=10", "e4m3fn", "kmeans", "lloyd-max", "apot", "log2", "ternary"]
        {
            assert!(has_cells(spec), "{spec}");
        }
        let others = [
            "int:granularity=per-channel",
            "int:granularity=per-group",
            "int:bits=16",
            "int:rounding=stochastic",
            "int:rotation=hadamard",
            "e5m2:overflow=as-format",
            "float",
            "q4_0",
        ];
        for spec in others {
            assert!(!has_cells(spec), "{spec}");
        }
    }
}
