//! Which vector instructions the inner loops are compiled for, chosen when the program runs.
//!
//! A loop is written once over arrays of fixed length and compiled for every [`Level`]; no step of it
//! depends on how wide the registers are, so that every level gives the same bits.

use std::sync::atomic::{AtomicU8, Ordering};

/// Sets of instructions, each with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// What every processor of the target has: SSE2 on x86-64, NEON on 64-bit ARM.
    Baseline = 1,
    Avx2 = 2,
    Avx512 = 3,
}

impl Level {
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];

    /// The widest that this processor has.
    pub fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if pulp::x86::V4::try_new().is_some() {
                return Self::Avx512;
            }
            if pulp::x86::V3::try_new().is_some() {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }
}

/// A loop to run at the level of now; `run` and all that it calls is `#[inline(always)]`, or it is
/// compiled for the baseline.
pub trait Kernel {
    type Output;
    fn run(self) -> Self::Output;
}

/// 0 until first asked for.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The level that loops run at.
pub fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        0 => {
            let widest = Level::widest();
            LEVEL.store(widest as u8, Ordering::Relaxed);
            widest
        }
        1 => Level::Baseline,
        2 => Level::Avx2,
        _ => Level::Avx512,
    }
}

/// Runs loops of the whole program at no more than this level from now on, for tests and
/// measurements; results are the same at every level.
pub fn limit_to(level: Level) {
    LEVEL.store(level.min(Level::widest()) as u8, Ordering::Relaxed);
}

/// Runs a loop compiled for the level of now.
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// The level that a loop asked for at `level` is run at.
pub fn path(level: Level) -> Level {
    level.min(Level::widest())
}

/// Runs a loop compiled for a level; for the next lower one that the processor has.
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    match path(level) {
        Level::Avx512 => {
            if let Some(wide) = pulp::x86::V4::try_new() {
                return wide.vectorize(Op(kernel));
            }
        }
        Level::Avx2 => {
            if let Some(wide) = pulp::x86::V3::try_new() {
                return wide.vectorize(Op(kernel));
            }
        }
        Level::Baseline => {}
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = level;
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
struct Op<K>(K);

#[cfg(target_arch = "x86_64")]
impl<K: Kernel> pulp::NullaryFnOnce for Op<K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.0.run()
    }
}

/// The smaller of two; the second where the first is NaN. One instruction, unlike `f32::min`.
#[inline(always)]
pub fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The larger of two; the second where the first is NaN. One instruction, unlike `f32::max`.
#[inline(always)]
pub fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The sum of lanes, neighbours at half the distance first: an order of its own at every level.
#[inline(always)]
pub fn fold_sum<const W: usize>(mut lanes: [f64; W]) -> f64 {
    let mut half = W / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (a, b) in low.iter_mut().zip(high) {
            *a += *b;
        }
        half /= 2;
    }
    lanes.first().copied().unwrap_or(0.0)
}

/// [`fold_sum`] of single-precision lanes, in double precision.
#[inline(always)]
pub fn fold_sum_f32<const W: usize>(lanes: &[f32; W]) -> f64 {
    let mut wide = [0.0f64; W];
    for (wide, &lane) in wide.iter_mut().zip(lanes) {
        *wide = f64::from(lane);
    }
    fold_sum(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_level_is_what_the_processor_says() {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            let wanted = match (has_avx512, has_avx2) {
                (true, _) => Level::Avx512,
                (false, true) => Level::Avx2,
                _ => Level::Baseline,
            };
            assert_eq!(Level::widest(), wanted);
        }
        for level in Level::ALL {
            assert_eq!(path(level), level.min(Level::widest()));
        }
    }

    #[test]
    fn lanes_fold_in_one_order() {
        assert_eq!(fold_sum([1.0, 2.0, 3.0, 4.0]), 10.0);
        let lanes: [f32; 16] = std::array::from_fn(|i| 0.1 * i as f32);
        let wanted = fold_sum(lanes.map(f64::from));
        assert_eq!(fold_sum_f32(&lanes), wanted);
        assert_eq!((lesser(f32::NAN, 1.0), greater(f32::NAN, 1.0)), (1.0, 1.0));
    }
}
