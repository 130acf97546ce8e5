//! Equal steps.

use super::Part;
use super::groups::MeasureGroups;
use super::lanes::{ErrorSums, Lanes, NOT_CLIPPED, Round, add_run};
use super::pieces::{Blocks, Groups, Measure};
use crate::base::simd::{self, Kernel, fold_sum, greater, lesser};
use crate::quant::{CodeRange, GroupLayout, GroupParams, QuantParams};
use crate::tensor::Extent;

/// Adding and subtracting it rounds a value below 2²² to the nearest even whole number, and takes
/// none that is larger below 2²¹.
pub const ROUNDER: f32 = 12_582_912.0;

/// The rule of one group: `x̂ = scale · clamp(round(x/scale), lo, hi)`.
#[derive(Clone, Copy, Debug)]
pub struct Steps<const CLAMPS: bool> {
    scale: f32,
    /// The lowest and the highest code less the zero point.
    lo: f32,
    hi: f32,
}

impl<const CLAMPS: bool> Steps<CLAMPS> {
    #[inline(always)]
    pub fn new(params: QuantParams, range: CodeRange) -> Self {
        let lo = (range.qmin - params.zero_point) as f32;
        Self::between(params.scale, lo, (range.qmax - params.zero_point) as f32)
    }

    /// From a scale and the ends of the codes less the zero point.
    #[inline(always)]
    pub fn between(scale: f32, lo: f32, hi: f32) -> Self {
        Self { scale, lo, hi }
    }

    /// Whether `round(x/scale)` is no code.
    #[inline(always)]
    pub fn is_beyond(self, y: f32) -> bool {
        y < self.lo || y > self.hi
    }

    /// `round(x/scale)` before it is clamped, and `x̂`.
    #[inline(always)]
    pub fn of(self, x: f32) -> (f32, f32) {
        let y = (x / self.scale + ROUNDER) - ROUNDER;
        let kept = if CLAMPS { lesser(greater(y, self.lo), self.hi) } else { y };
        (y, self.scale * kept)
    }
}

impl<const CLAMPS: bool, const W: usize> Round<W> for Steps<CLAMPS> {
    #[inline(always)]
    fn round(self, x: &[f32; W], y: &mut [f32; W], v: &mut [f32; W]) {
        for i in 0..W {
            (y[i], v[i]) = self.of(x[i]);
        }
    }

    #[inline(always)]
    fn is_outside(self, y: f32) -> bool {
        self.is_beyond(y)
    }
}

#[derive(Clone, Copy)]
pub struct Uniform<'a> {
    pub layout: GroupLayout,
    pub params: &'a GroupParams,
    pub range: CodeRange,
}

impl Blocks for Uniform<'_> {
    #[inline(always)]
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    #[inline(always)]
    fn add<const CLIP: u8, const W: usize>(
        self,
        lanes: &mut impl Lanes<W>,
        group_idx: usize,
        input: &[f32],
    ) {
        let Some(params) = self.params.get(group_idx) else { return };
        if CLIP == NOT_CLIPPED {
            add_run::<CLIP, W, _>(lanes, Steps::<false>::new(params, self.range), input);
        } else {
            add_run::<CLIP, W, _>(lanes, Steps::<true>::new(params, self.range), input);
        }
    }

    #[inline(always)]
    fn is_inside(self, group_idx: usize, extent: Extent) -> bool {
        let Some(params) = self.params.get(group_idx) else { return false };
        let steps = Steps::<true>::new(params, self.range);
        let is_kept = |x: f32| !Round::<16>::is_outside(steps, steps.of(x).0);
        is_kept(extent.lo) && is_kept(extent.hi)
    }
}

/// The sums of a part under equal steps.
pub fn measure_uniform(
    part: Part,
    layout: GroupLayout,
    params: &GroupParams,
    range: CodeRange,
) -> ErrorSums {
    let uniform = Uniform { layout, params, range };
    if let GroupParams::OfExtents { extents, codes } = params
        && let Some(groups) = MeasureGroups::new(part, uniform, (extents, *codes))
    {
        return simd::dispatch(groups);
    }
    simd::dispatch(Measure { part, blocks: uniform })
}

/// The reconstructions of the weights from `start` on; what is no number counts as zero.
pub fn reconstruct_uniform(
    (input, start): (&[f32], usize),
    layout: GroupLayout,
    (params, range): (&GroupParams, CodeRange),
    out: &mut [f32],
) {
    simd::dispatch(Reconstruct { input, start, layout, params, range, out });
}

struct Reconstruct<'a> {
    input: &'a [f32],
    start: usize,
    layout: GroupLayout,
    params: &'a GroupParams,
    range: CodeRange,
    out: &'a mut [f32],
}

impl Kernel for Reconstruct<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let end = self.start + self.input.len().min(self.out.len());
        let mut groups = Groups::new(&self.layout, self.start..end);
        while let Some((group_idx, range)) = groups.next(usize::MAX) {
            let here = range.start - self.start..range.end - self.start;
            let Some(params) = self.params.get(group_idx) else { return };
            let steps = Steps::<true>::new(params, self.range);
            if let (Some(input), Some(out)) = (self.input.get(here.clone()), self.out.get_mut(here))
            {
                for (value, &x) in out.iter_mut().zip(input) {
                    let x = if x.abs() < f32::INFINITY { x } else { 0.0 };
                    *value = steps.of(x).1;
                }
            }
        }
    }
}

/// `Σ(x − x̂)²` of finite weights, in double precision; the search for a range calls it often.
pub fn squared_error(input: &[f32], params: QuantParams, range: CodeRange) -> f64 {
    simd::dispatch(Squares { input, steps: Steps::new(params, range) })
}

struct Squares<'a> {
    input: &'a [f32],
    steps: Steps<true>,
}

impl Kernel for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        const W: usize = 16;
        let (chunks, rest) = self.input.as_chunks::<W>();
        let mut sums = [0.0f64; W];
        for chunk in chunks {
            for i in 0..W {
                let error = f64::from(chunk[i]) - f64::from(self.steps.of(chunk[i]).1);
                sums[i] += error * error;
            }
        }
        for (sum, &x) in sums.iter_mut().zip(rest) {
            let error = f64::from(x) - f64::from(self.steps.of(x).1);
            *sum += error * error;
        }
        fold_sum(sums)
    }
}
