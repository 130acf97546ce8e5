//! Sums in lanes.

use crate::base::simd::{self, Kernel, fold_sum, fold_sum_f32, greater};

/// Sums over weights `x` and their reconstructions `x̂`; those of parts add up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorSums {
    /// `Σ(x−x̂)²`.
    pub noise: f64,
    /// The part of `noise` from weights outside the grid.
    pub clip_noise: f64,
    pub n_clipped: usize,
    pub max_abs_error: f64,
    /// `Σx·x̂`.
    pub dot: f64,
    /// `Σx̂²`.
    pub quantized_signal: f64,
}

impl ErrorSums {
    #[inline(always)]
    pub fn add(&mut self, other: &Self) {
        self.noise += other.noise;
        self.clip_noise += other.clip_noise;
        self.n_clipped += other.n_clipped;
        if other.max_abs_error > self.max_abs_error {
            self.max_abs_error = other.max_abs_error;
        }
        self.dot += other.dot;
        self.quantized_signal += other.quantized_signal;
    }
}

/// Whether weights outside the grid are looked for.
pub const NOT_CLIPPED: u8 = 0;
/// Only whether there are any: `n_clipped` is 0 or not.
pub const ANY_CLIPPED: u8 = 1;
pub const COUNT_CLIPPED: u8 = 2;

/// Sums of one block, `W` of each side by side.
pub trait Lanes<const W: usize>: Sized {
    fn new() -> Self;
    /// `x` and `v` in lanes that hold no weight are 0; `outside` is all ones where a weight lies
    /// outside, else 0.
    fn add<const CLIP: u8>(&mut self, x: &[f32; W], v: &[f32; W], outside: &[u32; W]);
    /// Adds what was summed apart, so that no sum is of many more than 16 terms.
    fn join(&mut self, other: &Self);
    /// `None` where single precision does not do.
    fn finish(self) -> Option<ErrorSums>;
}

/// In single precision.
pub struct Single<const W: usize> {
    noise: [f32; W],
    clip_noise: [f32; W],
    n_clipped: [u32; W],
    max: [f32; W],
    dot: [f32; W],
    signal: [f32; W],
}

impl<const W: usize> Lanes<W> for Single<W> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            noise: [0.0; W],
            clip_noise: [0.0; W],
            n_clipped: [0; W],
            max: [0.0; W],
            dot: [0.0; W],
            signal: [0.0; W],
        }
    }

    #[inline(always)]
    fn add<const CLIP: u8>(&mut self, x: &[f32; W], v: &[f32; W], outside: &[u32; W]) {
        for i in 0..W {
            // Exact inside the grid, where x and x̂ are close.
            let error = x[i] - v[i];
            let squared = error * error;
            self.noise[i] += squared;
            self.dot[i] += x[i] * v[i];
            self.signal[i] += v[i] * v[i];
            self.max[i] = greater(error.abs(), self.max[i]);
            match CLIP {
                NOT_CLIPPED => {}
                ANY_CLIPPED => self.n_clipped[i] |= outside[i] & 1,
                _ => {
                    self.n_clipped[i] += outside[i] & 1;
                    self.clip_noise[i] += f32::from_bits(squared.to_bits() & outside[i]);
                }
            }
        }
    }

    #[inline(always)]
    fn join(&mut self, other: &Self) {
        for i in 0..W {
            self.noise[i] += other.noise[i];
            self.clip_noise[i] += other.clip_noise[i];
            self.n_clipped[i] += other.n_clipped[i];
            self.max[i] = if other.max[i] > self.max[i] { other.max[i] } else { self.max[i] };
            self.dot[i] += other.dot[i];
            self.signal[i] += other.signal[i];
        }
    }

    #[inline(always)]
    fn finish(self) -> Option<ErrorSums> {
        let sums = ErrorSums {
            noise: fold_sum_f32(&self.noise),
            clip_noise: fold_sum_f32(&self.clip_noise),
            n_clipped: count(&self.n_clipped),
            max_abs_error: largest(&self.max),
            dot: fold_sum_f32(&self.dot),
            quantized_signal: fold_sum_f32(&self.signal),
        };
        let is_safe = |sum: f64| (1e-30..1e30).contains(&sum);
        let is_exact = sums.max_abs_error == 0.0;
        let is_trusted = (is_safe(sums.noise) || is_exact) && is_safe(sums.quantized_signal);
        (is_trusted || (is_exact && sums.quantized_signal == 0.0)).then_some(sums)
    }
}

/// In double precision.
pub struct Double<const W: usize> {
    noise: [f64; W],
    clip_noise: [f64; W],
    n_clipped: [u32; W],
    max: [f64; W],
    dot: [f64; W],
    signal: [f64; W],
}

impl<const W: usize> Lanes<W> for Double<W> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            noise: [0.0; W],
            clip_noise: [0.0; W],
            n_clipped: [0; W],
            max: [0.0; W],
            dot: [0.0; W],
            signal: [0.0; W],
        }
    }

    #[inline(always)]
    fn add<const CLIP: u8>(&mut self, x: &[f32; W], v: &[f32; W], outside: &[u32; W]) {
        for i in 0..W {
            let (x, v) = (f64::from(x[i]), f64::from(v[i]));
            let error = x - v;
            let squared = error * error;
            self.noise[i] += squared;
            self.dot[i] += x * v;
            self.signal[i] += v * v;
            self.max[i] = if error.abs() > self.max[i] { error.abs() } else { self.max[i] };
            if CLIP != NOT_CLIPPED {
                self.n_clipped[i] += outside[i] & 1;
                self.clip_noise[i] += if outside[i] != 0 { squared } else { 0.0 };
            }
        }
    }

    #[inline(always)]
    fn join(&mut self, other: &Self) {
        for i in 0..W {
            self.noise[i] += other.noise[i];
            self.clip_noise[i] += other.clip_noise[i];
            self.n_clipped[i] += other.n_clipped[i];
            self.max[i] = if other.max[i] > self.max[i] { other.max[i] } else { self.max[i] };
            self.dot[i] += other.dot[i];
            self.signal[i] += other.signal[i];
        }
    }

    #[inline(always)]
    fn finish(self) -> Option<ErrorSums> {
        Some(ErrorSums {
            noise: fold_sum(self.noise),
            clip_noise: fold_sum(self.clip_noise),
            n_clipped: count(&self.n_clipped),
            max_abs_error: self.max.iter().fold(0.0, |a, &b| if b > a { b } else { a }),
            dot: fold_sum(self.dot),
            quantized_signal: fold_sum(self.signal),
        })
    }
}

#[inline(always)]
fn count<const W: usize>(lanes: &[u32; W]) -> usize {
    let mut n = 0;
    for &lane in lanes {
        n += lane;
    }
    n as usize
}

#[inline(always)]
fn largest<const W: usize>(lanes: &[f32; W]) -> f64 {
    let mut lanes = *lanes;
    let mut half = W / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = greater(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    f64::from(lanes.first().copied().unwrap_or(0.0))
}

/// How one value is rounded.
pub trait Round<const W: usize>: Copy {
    /// Reconstructions `v` of `x`, and what decides whether a weight lies outside.
    fn round(self, x: &[f32; W], y: &mut [f32; W], v: &mut [f32; W]);
    fn is_outside(self, y: f32) -> bool;
}

/// Adds weights that are all rounded alike.
#[inline(always)]
pub fn add_run<const CLIP: u8, const W: usize, L: Lanes<W>>(
    lanes: &mut L,
    rule: impl Round<W>,
    input: &[f32],
) {
    let (chunks, rest) = input.as_chunks::<W>();
    for x in chunks {
        let (mut y, mut v, mut outside) = ([0.0; W], [0.0; W], [0u32; W]);
        rule.round(x, &mut y, &mut v);
        for i in 0..W {
            outside[i] = if rule.is_outside(y[i]) { u32::MAX } else { 0 };
        }
        lanes.add::<CLIP>(x, &v, &outside);
    }
    if !rest.is_empty() {
        lanes.join(&of_rest::<CLIP, W, L>(rule, rest));
    }
}

/// Fewer weights than lanes. Apart, so that the lanes of [`add_run`] stay in registers.
#[inline(never)]
fn of_rest<const CLIP: u8, const W: usize, L: Lanes<W>>(rule: impl Round<W>, rest: &[f32]) -> L {
    let mut lanes = L::new();
    let (mut x, mut y, mut v, mut outside) = ([0.0; W], [0.0; W], [0.0; W], [0u32; W]);
    for (x, &rest) in x.iter_mut().zip(rest) {
        *x = rest;
    }
    rule.round(&x, &mut y, &mut v);
    for i in 0..W {
        let is_weight = i < rest.len();
        outside[i] = if is_weight && rule.is_outside(y[i]) { u32::MAX } else { 0 };
        v[i] = if is_weight { v[i] } else { 0.0 };
    }
    lanes.add::<CLIP>(&x, &v, &outside);
    lanes
}

/// Adds weights whose reconstructions are there already, in double precision.
pub fn add_stored(sums: &mut ErrorSums, input: &[f32], values: &[f32], clipped: &[u8]) {
    sums.add(&simd::dispatch(StoredRun { input, values, clipped }));
}

struct StoredRun<'a> {
    input: &'a [f32],
    values: &'a [f32],
    /// Empty where none is.
    clipped: &'a [u8],
}

const STORED_LANES: usize = 16;

impl Kernel for StoredRun<'_> {
    type Output = ErrorSums;

    #[inline(always)]
    fn run(self) -> ErrorSums {
        const W: usize = STORED_LANES;
        let mut lanes = Double::<W>::new();
        let len = self.input.len().min(self.values.len());
        let mut start = 0;
        while start < len {
            let n_valid = (len - start).min(W);
            let (mut x, mut v, mut outside) = ([0.0; W], [0.0; W], [0u32; W]);
            if let (Some(from), Some(values)) =
                (self.input.get(start..start + n_valid), self.values.get(start..start + n_valid))
            {
                x[..n_valid].copy_from_slice(from);
                v[..n_valid].copy_from_slice(values);
            }
            if let Some(clipped) = self.clipped.get(start..start + n_valid) {
                for (outside, &clipped) in outside.iter_mut().zip(clipped) {
                    *outside = u32::from(clipped).wrapping_neg();
                }
            }
            lanes.add::<COUNT_CLIPPED>(&x, &v, &outside);
            start += W;
        }
        lanes.finish().unwrap_or_default()
    }
}
