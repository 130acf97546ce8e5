//! Levels of a table.

use super::Part;
use super::lanes::{COUNT_CLIPPED, ErrorSums, Lanes, Round, add_run};
use super::pieces::{Blocks, Measure};
use crate::base::simd::{self, greater, lesser};
use crate::quant::GroupLayout;
use crate::tensor::Extent;

/// Levels that are those of a float of few bits, ties to the even pattern, saturating: rounded by
/// arithmetic instead of being looked up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloatGrid {
    pub mantissa_bits: u32,
    /// The exponent of the smallest normal number.
    pub min_exponent: i32,
    /// The largest finite value.
    pub max: f32,
}

impl FloatGrid {
    /// Whether `nearest` stays within single precision.
    pub fn is_safe(&self) -> bool {
        self.mantissa_bits <= 20 && self.max < 1e30 && self.min_exponent > -100
    }

    /// Adding and subtracting 1.5·2²³ units in the last place of the float of few bits rounds to a
    /// whole number of them, half to even.
    #[inline(always)]
    fn nearest(self, y: f32) -> f32 {
        let y = lesser(greater(y, -self.max), self.max);
        let exponent = y.to_bits() & 0x7f80_0000;
        let smallest = ((self.min_exponent + 127) as u32) << 23;
        let exponent = if exponent > smallest { exponent } else { smallest };
        let rounder = f32::from_bits((exponent + ((23 - self.mantissa_bits) << 23)) | 0x0040_0000);
        (y + rounder) - rounder
    }
}

/// What a group's weights are rounded to: level `j` from `starts[j − 1]` on, times `scale`, plus
/// `offset`, after the offset has been taken off and the weight divided by the scale.
#[derive(Clone, Copy)]
pub struct Levels<'a> {
    pub starts: &'a [f32],
    /// One more than there are starts.
    pub values: &'a [f32],
    pub float: Option<FloatGrid>,
    /// A value below the first or above the second lies outside.
    pub ends: (f32, f32),
    pub scale: f32,
    pub offset: f32,
}

impl Levels<'_> {
    /// More are not worth a table of their own.
    pub const MAX_LEVELS: usize = 256;
}

/// What is the same of all groups, or not.
pub trait LevelsOf: Sync {
    fn layout(&self) -> GroupLayout;
    /// Hands over the levels of a group.
    fn with<R>(&self, group_idx: usize, visit: impl FnOnce(Levels) -> R) -> Option<R>;
}

/// The sums of a part under tables.
pub fn measure_levels<T: LevelsOf>(part: Part, table: &T) -> ErrorSums {
    simd::dispatch(Measure { part, blocks: Tables(table) })
}

struct Tables<'a, T>(&'a T);

impl<T> Clone for Tables<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Tables<'_, T> {}

impl<T: LevelsOf> Blocks for Tables<'_, T> {
    const ALWAYS_COUNTS: bool = true;

    #[inline(always)]
    fn layout(&self) -> GroupLayout {
        self.0.layout()
    }

    #[inline(always)]
    fn add<const CLIP: u8, const W: usize>(
        self,
        lanes: &mut impl Lanes<W>,
        group_idx: usize,
        input: &[f32],
    ) {
        self.0.with(group_idx, |levels| add_levels::<W>(lanes, levels, input));
    }

    #[inline(always)]
    fn is_inside(self, _: usize, _: Extent) -> bool {
        false
    }
}

#[inline(always)]
fn add_levels<const W: usize>(lanes: &mut impl Lanes<W>, levels: Levels, input: &[f32]) {
    let Levels { scale, offset, ends, .. } = levels;
    if scale == 0.0 {
        return add_run::<COUNT_CLIPPED, W, _>(lanes, Lost, input);
    }
    match (levels.float, levels.starts.len()) {
        (Some(nearest), _) => {
            add_run::<COUNT_CLIPPED, W, _>(lanes, Rule { nearest, scale, offset, ends }, input);
        }
        (None, 0..=3) => {
            let nearest = &Few::<3>::new(levels);
            add_run::<COUNT_CLIPPED, W, _>(lanes, Rule { nearest, scale, offset, ends }, input);
        }
        (None, 4..=15) => {
            let nearest = &Few::<15>::new(levels);
            add_run::<COUNT_CLIPPED, W, _>(lanes, Rule { nearest, scale, offset, ends }, input);
        }
        _ => {
            let nearest = &Many::new(levels);
            add_run::<COUNT_CLIPPED, W, _>(lanes, Rule { nearest, scale, offset, ends }, input);
        }
    }
}

/// Under the scale 0 every weight becomes zero.
#[derive(Clone, Copy)]
struct Lost;

impl<const W: usize> Round<W> for Lost {
    #[inline(always)]
    fn round(self, x: &[f32; W], y: &mut [f32; W], v: &mut [f32; W]) {
        *y = *x;
        *v = [0.0; W];
    }

    #[inline(always)]
    fn is_outside(self, y: f32) -> bool {
        y != 0.0
    }
}

trait Nearest: Copy {
    fn nearest<const W: usize>(self, y: &[f32; W], v: &mut [f32; W]);
}

#[derive(Clone, Copy)]
struct Rule<N> {
    nearest: N,
    scale: f32,
    offset: f32,
    ends: (f32, f32),
}

impl<N: Nearest, const W: usize> Round<W> for Rule<N> {
    #[inline(always)]
    fn round(self, x: &[f32; W], y: &mut [f32; W], v: &mut [f32; W]) {
        for i in 0..W {
            y[i] = (x[i] - self.offset) / self.scale;
        }
        self.nearest.nearest(y, v);
        for v in v.iter_mut() {
            *v = self.scale * *v + self.offset;
        }
    }

    #[inline(always)]
    fn is_outside(self, y: f32) -> bool {
        y < self.ends.0 || y > self.ends.1
    }
}

impl Nearest for FloatGrid {
    #[inline(always)]
    fn nearest<const W: usize>(self, y: &[f32; W], v: &mut [f32; W]) {
        for i in 0..W {
            v[i] = FloatGrid::nearest(self, y[i]);
        }
    }
}

/// At most `N + 1` levels: every start is compared with.
struct Few<const N: usize> {
    first: f32,
    starts: [f32; N],
    values: [f32; N],
}

impl<const N: usize> Few<N> {
    #[inline(always)]
    fn new(levels: Levels) -> Self {
        let last = levels.values.last().copied().unwrap_or(0.0);
        let (mut starts, mut values) = ([f32::INFINITY; N], [last; N]);
        for (to, &start) in starts.iter_mut().zip(levels.starts) {
            *to = start;
        }
        for (to, &value) in values.iter_mut().zip(levels.values.iter().skip(1)) {
            *to = value;
        }
        Self { first: levels.values.first().copied().unwrap_or(0.0), starts, values }
    }
}

impl<const N: usize> Nearest for &Few<N> {
    #[inline(always)]
    fn nearest<const W: usize>(self, y: &[f32; W], v: &mut [f32; W]) {
        *v = [self.first; W];
        for j in 0..N {
            let (start, value) = (self.starts[j], self.values[j]);
            for i in 0..W {
                v[i] = if y[i] >= start { value } else { v[i] };
            }
        }
    }
}

/// At most 256 levels: the starts are halved eight times, all lanes at once.
struct Many {
    starts: [f32; Levels::MAX_LEVELS],
    values: [f32; Levels::MAX_LEVELS],
}

impl Many {
    #[inline(always)]
    fn new(levels: Levels) -> Self {
        let last = levels.values.last().copied().unwrap_or(0.0);
        let mut many = Self {
            starts: [f32::INFINITY; Levels::MAX_LEVELS],
            values: [last; Levels::MAX_LEVELS],
        };
        for (to, &start) in many.starts.iter_mut().zip(levels.starts) {
            *to = start;
        }
        for (to, &value) in many.values.iter_mut().zip(levels.values) {
            *to = value;
        }
        many
    }
}

impl Nearest for &Many {
    #[inline(always)]
    fn nearest<const W: usize>(self, y: &[f32; W], v: &mut [f32; W]) {
        const MASK: usize = Levels::MAX_LEVELS - 1;
        let mut places = [0usize; W];
        let mut step = Levels::MAX_LEVELS / 2;
        while step > 0 {
            for i in 0..W {
                let start = self.starts[(places[i] + step - 1) & MASK];
                places[i] += if start <= y[i] { step } else { 0 };
            }
            step /= 2;
        }
        for i in 0..W {
            v[i] = self.values[places[i] & MASK];
        }
    }
}
