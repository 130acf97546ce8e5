//! The search for the scales of a super-block: sub-blocks share a half-precision scale (and one for
//! the minimums), their own scales are whole numbers of a few bits. Minimizes `Σ(x − x̂)²`.

use half::f16;

/// Adding and subtracting it rounds a value below 2²² to the nearest whole number.
const ROUNDER: f32 = 12_582_912.0;

/// 2⁻²⁴.
const SMALLEST_HALF: f32 = 5.960_464_5e-8;

/// Solutions of a sub-block, found with free scales, that are tried under every super-scale.
const N_KEPT: usize = 4;

/// Super-scales whose sub-blocks are searched thoroughly.
const N_STARTS: usize = 3;

/// The best few by error.
#[derive(Clone, Copy)]
struct Best<T, const K: usize> {
    items: [(f32, T); K],
}

impl<T: Copy, const K: usize> Best<T, K> {
    fn new(empty: T) -> Self {
        Self { items: [(f32::INFINITY, empty); K] }
    }

    fn offer(&mut self, error: f32, item: T) {
        let mut new = (error, item);
        for old in &mut self.items {
            if new.0 < old.0 {
                std::mem::swap(old, &mut new);
            }
        }
    }

    /// What an error must be below to be kept.
    fn limit(&self) -> f32 {
        self.items[K - 1].0
    }

    fn found(&self) -> impl Iterator<Item = T> {
        self.items.iter().filter(|item| item.0.is_finite()).map(|item| item.1)
    }

    fn first(&self) -> (f32, T) {
        self.items[0]
    }
}

/// The nearest half float of something that is 0 or more; never 0 for more.
fn to_half(x: f32) -> f32 {
    let smallest = if x > 0.0 { SMALLEST_HALF } else { 0.0 };
    f16::from_f32(x).to_f32().max(smallest)
}

/// 1/scale; 0 where that would overflow.
fn reciprocal(scale: f32) -> f32 {
    if scale.abs() > 1e-37 { 1.0 / scale } else { 0.0 }
}

// --- Scale and minimum: x̂ = d·scale·q − dmin·min ------------------------------------------------

/// Limits of a type whose sub-blocks have a scale and a minimum.
#[derive(Clone, Copy)]
pub struct AffineSpec {
    /// Largest code `q`; the smallest is 0.
    pub q_max: f32,
    /// Largest whole-number scale and minimum of a sub-block.
    pub factor_max: i32,
    /// Free scales tried are these multiples of `(max − min)/q_max`.
    pub shrink: (f32, f32),
}

/// `x̂ = d·scales[j]·q − dmin·mins[j]` in sub-block `j`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AffineFit<const G: usize> {
    pub d: f32,
    pub dmin: f32,
    pub scales: [u8; G],
    pub mins: [u8; G],
    pub error: f32,
}

/// A sub-block with a free scale: what its codes average to gives the minimum for a scale near it.
#[derive(Clone, Copy)]
struct AffineSeed {
    scale: f32,
    mean_q: f32,
}

struct AffineGroup<'a, const N: usize> {
    x: &'a [f32; N],
    spec: AffineSpec,
    lo: f32,
    hi: f32,
    mean: f32,
}

impl<'a, const N: usize> AffineGroup<'a, N> {
    fn new(x: &'a [f32; N], spec: AffineSpec) -> Self {
        let lo = x.iter().copied().fold(0.0, f32::min);
        let hi = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self { x, spec, lo, hi, mean: x.iter().sum::<f32>() / N as f32 }
    }

    fn range_scale(&self) -> f32 {
        (self.hi - self.lo).max(0.0) / self.spec.q_max
    }

    /// `Σ(x − x̂)²` with the nearest codes.
    fn error(&self, scale: f32, min: f32) -> f32 {
        let inverse = reciprocal(scale);
        let q_max = self.spec.q_max;
        let mut errors = [0f32; N];
        for (error, &x) in errors.iter_mut().zip(self.x) {
            let y = x + min;
            let q = ((y * inverse).clamp(0.0, q_max) + ROUNDER) - ROUNDER;
            let left = y - scale * q;
            *error = left * left;
        }
        sum(&errors)
    }

    /// The scale and minimum that fit the codes of these best (least squares), and their mean.
    fn refit(&self, scale: f32, min: f32) -> AffineSeed {
        let inverse = reciprocal(scale);
        let (mut sum_q, mut sum_qq, mut sum_qx) = ([0f32; N], [0f32; N], [0f32; N]);
        for (idx, &x) in self.x.iter().enumerate() {
            let q = (((x + min) * inverse).clamp(0.0, self.spec.q_max) + ROUNDER) - ROUNDER;
            sum_q[idx] = q;
            sum_qq[idx] = q * q;
            sum_qx[idx] = q * (x - self.mean);
        }
        let mean_q = sum(&sum_q) / N as f32;
        let spread = sum(&sum_qq) - mean_q * mean_q * N as f32;
        let fitted = sum(&sum_qx) / spread;
        let scale = if spread > 0.0 && fitted > 0.0 { fitted } else { scale };
        AffineSeed { scale, mean_q }
    }

    /// The best free scales with minimums.
    fn seeds(&self) -> Best<AffineSeed, N_KEPT> {
        const N_SCALES: usize = 10;
        const N_SHIFTS: usize = 3;
        let mut best = Best::new(AffineSeed { scale: 0.0, mean_q: 0.0 });
        let range_scale = self.range_scale();
        let (narrow, wide) = self.spec.shrink;
        for scale_idx in 0..N_SCALES {
            let part = (scale_idx as f32 + 0.5) / N_SCALES as f32;
            let scale = range_scale * (narrow + (wide - narrow) * part);
            for shift_idx in 0..N_SHIFTS {
                let part = shift_idx as f32 / (N_SHIFTS - 1) as f32;
                let (at_lo, at_hi) = (-self.lo, scale * self.spec.q_max - self.hi);
                let min = (at_lo + (at_hi - at_lo) * part).max(0.0);
                let seed = self.refit(scale, min);
                let min = (seed.scale * seed.mean_q - self.mean).max(0.0);
                best.offer(self.error(seed.scale, min), seed);
            }
        }
        best
    }
}

impl AffineSpec {
    /// The scales of a block of `G` sub-blocks of `N` weights.
    pub fn fit<const N: usize, const G: usize>(self, x: &[[f32; N]; G]) -> AffineFit<G> {
        let groups: [AffineGroup<N>; G] = std::array::from_fn(|j| AffineGroup::new(&x[j], self));
        let none =
            AffineFit { d: 0.0, dmin: 0.0, scales: [0; G], mins: [0; G], error: f32::INFINITY };
        let reach = groups.iter().fold(0f32, |max, group| max.max(group.range_scale()));
        if to_half(reach / self.factor_max as f32).is_infinite() {
            return AffineFit { d: f32::INFINITY, ..none };
        }
        let seeds: [Best<AffineSeed, N_KEPT>; G] = std::array::from_fn(|j| groups[j].seeds());
        let (mut scale_max, mut min_max) = (0f32, 0f32);
        for (group, seeds) in groups.iter().zip(&seeds) {
            let seed = seeds.first().1;
            scale_max = scale_max.max(seed.scale);
            min_max = min_max.max(seed.scale * seed.mean_q - group.mean);
        }
        let d0 = scale_max / self.factor_max as f32;
        let dmin0 = min_max / self.factor_max as f32;
        if to_half(d0.max(dmin0)).is_infinite() {
            return AffineFit { d: f32::INFINITY, ..none };
        }
        let mut starts = Best::<_, N_STARTS>::new(none);
        const D: [f32; 11] = [1.0, 0.97, 1.03, 0.94, 1.06, 0.90, 1.10, 0.84, 1.15, 0.75, 0.62];
        const DMIN: [f32; 7] = [1.0, 0.96, 1.04, 0.90, 1.09, 1.15, 0.75];
        for d_part in D {
            for dmin_part in DMIN {
                let start = AffineFit {
                    d: to_half(d0 * d_part),
                    dmin: to_half(dmin0 * dmin_part),
                    error: starts.limit(),
                    ..none
                };
                let found = self.by_seeds(&groups, &seeds, start);
                starts.offer(found.error, found);
            }
        }
        let mut best = none;
        for start in starts.found() {
            let mut fit = self.by_window(&groups, start);
            let refitted = self.with_refitted_super_scales(&groups, fit);
            if refitted.error < fit.error {
                fit = self.by_window(&groups, refitted);
            }
            if fit.error < best.error {
                best = fit;
            }
        }
        best
    }

    /// Whole-number scales next to the seeds under the super-scales of `fit`; stops where the error
    /// exceeds that of `fit`.
    fn by_seeds<const N: usize, const G: usize>(
        self,
        groups: &[AffineGroup<N>; G],
        seeds: &[Best<AffineSeed, N_KEPT>; G],
        mut fit: AffineFit<G>,
    ) -> AffineFit<G> {
        let limit = std::mem::take(&mut fit.error);
        for (j, (group, seeds)) in groups.iter().zip(seeds).enumerate() {
            let mut best = Best::<_, 1>::new((0, 0));
            best.offer(group.error(0.0, 0.0), (0, 0));
            for seed in seeds.found() {
                let wanted = ratio(seed.scale, fit.d);
                for scale in around(wanted, 0, 1, self.factor_max) {
                    let actual = fit.d * scale as f32;
                    let min = ratio(actual * seed.mean_q - group.mean, fit.dmin);
                    for min in around(min, 0, 1, self.factor_max) {
                        best.offer(group.error(actual, fit.dmin * min as f32), (scale, min));
                    }
                }
            }
            let (error, (scale, min)) = best.first();
            (fit.scales[j], fit.mins[j]) = (scale as u8, min as u8);
            fit.error += error;
            if fit.error >= limit {
                break;
            }
        }
        fit
    }

    /// All whole-number scales that may do, under the super-scales of `fit`.
    fn by_window<const N: usize, const G: usize>(
        self,
        groups: &[AffineGroup<N>; G],
        mut fit: AffineFit<G>,
    ) -> AffineFit<G> {
        fit.error = 0.0;
        for (j, group) in groups.iter().enumerate() {
            let mut best = Best::<_, 1>::new((0, 0));
            let now = (i32::from(fit.scales[j]), i32::from(fit.mins[j]));
            let of =
                |(scale, min): (i32, i32)| group.error(fit.d * scale as f32, fit.dmin * min as f32);
            best.offer(of(now), now);
            let wide = ratio(group.range_scale(), fit.d);
            let (narrow, wide) = (wide * self.shrink.0, wide * self.shrink.1);
            let end = (wide.ceil() as i32).min(self.factor_max);
            for scale in (narrow.floor() as i32).min(end)..=end {
                let actual = fit.d * scale as f32;
                let at_hi = ratio(actual * self.q_max - group.hi, fit.dmin);
                let at_lo = ratio(-group.lo, fit.dmin);
                let slack = ratio(actual * 0.25, fit.dmin);
                let start = (at_lo.min(at_hi) - slack).floor().max(0.0) as i32;
                let end = (at_lo.max(at_hi) + slack).ceil().min(self.factor_max as f32) as i32;
                for min in start..=end {
                    best.offer(of((scale, min)), (scale, min));
                }
            }
            let (error, (scale, min)) = best.first();
            (fit.scales[j], fit.mins[j]) = (scale as u8, min as u8);
            fit.error += error;
        }
        fit
    }

    /// The super-scales that fit the codes best (least squares), stored in half precision.
    fn with_refitted_super_scales<const N: usize, const G: usize>(
        self,
        groups: &[AffineGroup<N>; G],
        fit: AffineFit<G>,
    ) -> AffineFit<G> {
        let (mut aa, mut ab, mut bb, mut ax, mut bx) = (0f64, 0f64, 0f64, 0f64, 0f64);
        for (j, group) in groups.iter().enumerate() {
            let (scale, min) = (f32::from(fit.scales[j]), f32::from(fit.mins[j]));
            let actual = fit.d * scale;
            let inverse = reciprocal(actual);
            for &x in group.x {
                let y = (x + fit.dmin * min) * inverse;
                let q = (y.clamp(0.0, self.q_max) + ROUNDER) - ROUNDER;
                let (a, b, x) = (f64::from(scale * q), -f64::from(min), f64::from(x));
                aa += a * a;
                ab += a * b;
                bb += b * b;
                ax += a * x;
                bx += b * x;
            }
        }
        let determinant = aa * bb - ab * ab;
        let (d, dmin) = if determinant > 1e-9 * aa * bb {
            ((ax * bb - bx * ab) / determinant, (bx * aa - ax * ab) / determinant)
        } else {
            (if aa > 0.0 { ax / aa } else { 0.0 }, f64::from(fit.dmin))
        };
        if !(d > 0.0 && dmin >= 0.0) {
            return fit;
        }
        let mut found = AffineFit { d: to_half(d as f32), dmin: to_half(dmin as f32), ..fit };
        found.error = groups
            .iter()
            .enumerate()
            .map(|(j, group)| {
                let (scale, min) = (f32::from(found.scales[j]), f32::from(found.mins[j]));
                group.error(found.d * scale, found.dmin * min)
            })
            .sum();
        found
    }
}

// --- Scale alone: x̂ = d·scale·level ---------------------------------------------------------------

/// Levels a sub-block's scale is multiplied with.
pub trait Levels: Copy {
    /// Lowest and highest level.
    const ENDS: (f32, f32);
    /// A level as near to `y` as a search needs it; `y` may lie outside.
    fn near(self, y: f32) -> f32;
}

/// Whole numbers from `LO` to `HI`.
#[derive(Clone, Copy)]
pub struct Whole<const LO: i32, const HI: i32>;

impl<const LO: i32, const HI: i32> Levels for Whole<LO, HI> {
    const ENDS: (f32, f32) = (LO as f32, HI as f32);

    fn near(self, y: f32) -> f32 {
        (y.clamp(LO as f32, HI as f32) + ROUNDER) - ROUNDER
    }
}

/// Limits of a type whose sub-blocks have a scale alone.
#[derive(Clone, Copy)]
pub struct ScaleSpec<L> {
    pub levels: L,
    /// Whole-number scales of a sub-block.
    pub factors: (i32, i32),
    /// Free scales tried are these multiples of `max|x| / max|level|`.
    pub shrink: (f32, f32),
}

/// `x̂ = d·scales[j]·level` in sub-block `j`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleFit<const G: usize> {
    pub d: f32,
    pub scales: [i8; G],
    pub error: f32,
}

impl<L: Levels> ScaleSpec<L> {
    fn error<const N: usize>(self, x: &[f32; N], scale: f32) -> f32 {
        let inverse = reciprocal(scale);
        let mut errors = [0f32; N];
        for (error, &x) in errors.iter_mut().zip(x) {
            let left = x - scale * self.levels.near(x * inverse);
            *error = left * left;
        }
        sum(&errors)
    }

    /// The scale that fits the levels chosen under `scale` best (least squares).
    fn refit<const N: usize>(self, x: &[f32; N], scale: f32) -> f32 {
        let inverse = reciprocal(scale);
        let (mut squares, mut products) = ([0f32; N], [0f32; N]);
        for (idx, &x) in x.iter().enumerate() {
            let level = self.levels.near(x * inverse);
            squares[idx] = level * level;
            products[idx] = level * x;
        }
        let squares = sum(&squares);
        if squares > 0.0 { sum(&products) / squares } else { scale }
    }

    /// The largest magnitude of a level.
    fn reach(self) -> f32 {
        L::ENDS.1.max(-L::ENDS.0)
    }

    fn seeds<const N: usize>(self, x: &[f32; N]) -> Best<f32, N_KEPT> {
        const N_SCALES: usize = 20;
        let mut best = Best::new(0.0);
        let range_scale = absmax(x) / self.reach();
        let (narrow, wide) = self.shrink;
        for scale_idx in 0..N_SCALES {
            let part = (scale_idx as f32 + 0.5) / N_SCALES as f32;
            let scale = range_scale * (narrow + (wide - narrow) * part);
            for scale in [scale, -scale] {
                let scale = self.refit(x, scale);
                best.offer(self.error(x, scale), scale);
            }
        }
        best
    }

    /// The scales of a block of `G` sub-blocks of `N` weights.
    pub fn fit<const N: usize, const G: usize>(self, x: &[[f32; N]; G]) -> ScaleFit<G> {
        let none = ScaleFit { d: 0.0, scales: [0; G], error: f32::INFINITY };
        let reach = x.iter().fold(0f32, |max, x| max.max(absmax(x))) / self.reach();
        if to_half(reach / self.factors.1 as f32).is_infinite() {
            return ScaleFit { d: f32::INFINITY, ..none };
        }
        let seeds: [Best<f32, N_KEPT>; G] = std::array::from_fn(|j| self.seeds(&x[j]));
        let scale_max = seeds.iter().fold(0f32, |max, seeds| max.max(seeds.first().1.abs()));
        let d0 = scale_max / self.factors.1 as f32;
        if to_half(d0).is_infinite() {
            return ScaleFit { d: f32::INFINITY, ..none };
        }
        let mut starts = Best::<_, N_STARTS>::new(none);
        // Dense near the largest scale, sparse where it would be clipped for the others' sake.
        let near = (0..28).map(|nth| 0.88 + 0.012 * nth as f32);
        let far = (0..16).map(|nth| 0.40 + 0.03 * nth as f32);
        for part in near.chain(far) {
            let start = ScaleFit { d: to_half(d0 * part), error: starts.limit(), ..none };
            let found = self.by_seeds(x, &seeds, start);
            starts.offer(found.error, found);
        }
        let mut best = none;
        for start in starts.found() {
            let mut fit = self.by_window(x, start);
            let refitted = self.with_refitted_super_scale(x, fit);
            if refitted.error < fit.error {
                fit = self.by_window(x, refitted);
            }
            if fit.error < best.error {
                best = fit;
            }
        }
        best
    }

    fn by_seeds<const N: usize, const G: usize>(
        self,
        x: &[[f32; N]; G],
        seeds: &[Best<f32, N_KEPT>; G],
        mut fit: ScaleFit<G>,
    ) -> ScaleFit<G> {
        let limit = std::mem::take(&mut fit.error);
        for (j, (x, seeds)) in x.iter().zip(seeds).enumerate() {
            let mut best = Best::<_, 1>::new(0);
            best.offer(self.error(x, 0.0), 0);
            for seed in seeds.found() {
                for scale in around(ratio(seed, fit.d), self.factors.0, 1, self.factors.1) {
                    best.offer(self.error(x, fit.d * scale as f32), scale);
                }
            }
            let (error, scale) = best.first();
            fit.scales[j] = scale as i8;
            fit.error += error;
            if fit.error >= limit {
                break;
            }
        }
        fit
    }

    fn by_window<const N: usize, const G: usize>(
        self,
        x: &[[f32; N]; G],
        mut fit: ScaleFit<G>,
    ) -> ScaleFit<G> {
        fit.error = 0.0;
        for (j, x) in x.iter().enumerate() {
            let now = i32::from(fit.scales[j]);
            let mut best = Best::<_, 1>::new(now);
            best.offer(self.error(x, fit.d * now as f32), now);
            let wide = ratio(absmax(x) / self.reach(), fit.d);
            let start = (wide * self.shrink.0).floor().min(-self.factors.0 as f32) as i32;
            let end = (wide * self.shrink.1).ceil().min(-self.factors.0 as f32) as i32;
            for magnitude in start..=end {
                for scale in [magnitude.min(self.factors.1), -magnitude] {
                    best.offer(self.error(x, fit.d * scale as f32), scale);
                }
            }
            let (error, scale) = best.first();
            fit.scales[j] = scale as i8;
            fit.error += error;
        }
        fit
    }

    fn with_refitted_super_scale<const N: usize, const G: usize>(
        self,
        x: &[[f32; N]; G],
        fit: ScaleFit<G>,
    ) -> ScaleFit<G> {
        let (mut squares, mut products) = (0f64, 0f64);
        for (x, &factor) in x.iter().zip(&fit.scales) {
            let scale = fit.d * f32::from(factor);
            let inverse = reciprocal(scale);
            for &x in x {
                let level = f64::from(f32::from(factor) * self.levels.near(x * inverse));
                squares += level * level;
                products += level * f64::from(x);
            }
        }
        let d = products / squares;
        if !(d > 0.0 && d.is_finite()) {
            return fit;
        }
        let mut found = ScaleFit { d: to_half(d as f32), ..fit };
        found.error = x
            .iter()
            .zip(&found.scales)
            .map(|(x, &factor)| self.error(x, found.d * f32::from(factor)))
            .sum();
        found
    }

    /// One scale alone, stored in half precision, without whole-number scales.
    pub fn fit_alone<const N: usize>(self, x: &[f32; N]) -> f32 {
        let mut best = Best::<_, 1>::new(0.0);
        best.offer(self.error(x, 0.0), 0.0);
        let range_scale = absmax(x) / self.reach();
        if f16::from_f32(range_scale).is_infinite() {
            return f32::INFINITY;
        }
        let (narrow, wide) = self.shrink;
        const N_SCALES: usize = 48;
        for scale_idx in 0..N_SCALES {
            let part = (scale_idx as f32 + 0.5) / N_SCALES as f32;
            let scale = range_scale * (narrow + (wide - narrow) * part);
            for scale in [scale, -scale] {
                let scale = f16::from_f32(self.refit(x, scale)).to_f32();
                best.offer(self.error(x, scale), scale);
            }
        }
        best.first().1
    }
}

fn absmax(x: &[f32]) -> f32 {
    x.iter().fold(0.0, |max, x| x.abs().max(max))
}

/// How often a step fits; 0 for a step of 0.
fn ratio(x: f32, step: f32) -> f32 {
    if step == 0.0 { 0.0 } else { x / step }
}

/// The whole numbers around `x`, `reach` below and above, within `lo` and `hi`.
fn around(x: f32, lo: i32, reach: i32, hi: i32) -> std::ops::RangeInclusive<i32> {
    let floor = x.floor().clamp(lo as f32, hi as f32) as i32;
    (floor + 1 - reach).max(lo)..=(floor + reach).min(hi)
}

/// The sum of a power-of-two number of terms, by halves.
fn sum<const N: usize>(terms: &[f32; N]) -> f32 {
    const LANES: usize = 8;
    let mut lanes = [0f32; LANES];
    let (chunks, rest) = terms.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &term) in lanes.iter_mut().zip(chunk) {
            *lane += term;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
