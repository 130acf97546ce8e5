//! What the loops over samples side by side share: the instruction set, blocks of output channels,
//! a product added, limits put on.

use std::any::TypeId;

use pulp::{Arch, Scalar128b, Simd, WithSimd};

use crate::exec::operator::Clamp;

/// Positions computed at once. The same for every instruction set, so that what is skipped in the
/// padding, and with it every bit, is the same too.
pub(super) const PIXELS: usize = 3;

/// The instruction set the loops are compiled for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level(Arch);

impl Level {
    /// The best this processor has.
    pub fn best() -> Self {
        Self(Arch::new())
    }

    /// Runs `work` compiled for this instruction set.
    #[inline(always)]
    pub fn dispatch<W: WithSimd>(self, work: W) -> W::Output {
        self.0.dispatch(work)
    }

    /// Output channels kept in registers at once.
    pub fn max_block(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => 8,
            #[cfg(target_arch = "aarch64")]
            Arch::Neon(_) => 8,
            _ => 4,
        }
    }

    /// Every one this processor has, by name.
    #[cfg(test)]
    pub fn all() -> Vec<(&'static str, Self)> {
        let mut levels = vec![("baseline", Self(Arch::Scalar))];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(pulp::x86::V3::try_new().map(|simd| ("AVX2", Self(Arch::V3(simd)))));
            levels.extend(pulp::x86::V4::try_new().map(|simd| ("AVX-512", Self(Arch::V4(simd)))));
        }
        levels
    }
}

/// Consecutive output channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub first: usize,
    pub len: usize,
}

/// Cuts channels into blocks of 8, 4, 2 and 1, none longer than `max`.
pub(super) fn blocks(n_channels: usize, max: usize) -> impl Iterator<Item = Block> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let rest = n_channels.checked_sub(first).filter(|&rest| rest > 0)?;
        let len = [8, 4, 2, 1].into_iter().find(|&len| len <= rest && len <= max)?;
        first += len;
        Some(Block { first: first - len, len })
    })
}

/// `a · b + c`, rounded once where the processor can; elsewhere that would be a library call.
#[inline(always)]
pub(super) fn multiply_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if TypeId::of::<S>() == TypeId::of::<Scalar128b>() {
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_f32s(a, b, c)
    }
}

/// Limits of a result, spread over a vector.
#[derive(Clone, Copy)]
pub(super) struct Limits<V> {
    low: V,
    high: V,
}

impl<V: Copy> Limits<V> {
    #[inline(always)]
    pub fn new<S: Simd<f32s = V>>(simd: S, clamp: Clamp) -> Self {
        Self { low: simd.splat_f32s(clamp.low), high: simd.splat_f32s(clamp.high) }
    }

    /// [`Clamp::of`]: by comparisons, since min and max lose NaN.
    #[inline(always)]
    pub fn put_on<S: Simd<f32s = V>>(&self, simd: S, x: V) -> V {
        let raised = simd.select_f32s(simd.less_than_f32s(x, self.low), self.low, x);
        simd.select_f32s(simd.less_than_f32s(self.high, raised), self.high, raised)
    }
}
