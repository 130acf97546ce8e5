//! Sorting many finite numbers in a time that does not depend on them, to be stopped at any moment.

use crate::base::{Cancelled, WorkCtx};

/// Bits of a pass, of which there are three.
const DIGIT_BITS: u32 = 11;
const N_PASSES: usize = 3;
const N_BUCKETS: usize = 1 << DIGIT_BITS;
/// Numbers between two looks at whether to stop.
const CHUNK_LEN: usize = 1 << 16;

/// The numbers, ascending, negative zero as zero; `None` where one is NaN or infinite.
///
/// By digits, the lowest first: three passes over as many numbers again.
pub(super) fn sorted(data: &[f32], ctx: &WorkCtx) -> Result<Option<Vec<f32>>, Cancelled> {
    let n_chunks = data.len().div_ceil(CHUNK_LEN) as u64;
    ctx.set_total(n_chunks * (N_PASSES as u64 + 1));
    let mut keys = Vec::with_capacity(data.len());
    let mut counts = vec![[0usize; N_BUCKETS]; N_PASSES];
    ctx.check()?;
    for chunk in data.chunks(CHUNK_LEN) {
        ctx.check()?;
        if chunk.iter().any(|x| !x.is_finite()) {
            return Ok(None);
        }
        for &x in chunk {
            let key = key_of(x);
            keys.push(key);
            for (pass, counts) in counts.iter_mut().enumerate() {
                counts[digit(key, pass)] += 1;
            }
        }
        ctx.advance(1);
    }
    let mut sorted = vec![0u32; keys.len()];
    for (pass, counts) in counts.iter_mut().enumerate() {
        if counts.contains(&data.len()) {
            ctx.advance(n_chunks);
            continue;
        }
        let mut place = 0;
        for count in counts.iter_mut() {
            place += std::mem::replace(count, place);
        }
        for chunk in keys.chunks(CHUNK_LEN) {
            ctx.check()?;
            for &key in chunk {
                let place = &mut counts[digit(key, pass)];
                if let Some(to) = sorted.get_mut(*place) {
                    *to = key;
                }
                *place += 1;
            }
            ctx.advance(1);
        }
        std::mem::swap(&mut keys, &mut sorted);
    }
    Ok(Some(keys.into_iter().map(value_of).collect()))
}

#[inline(always)]
fn digit(key: u32, pass: usize) -> usize {
    (key >> (DIGIT_BITS * pass as u32)) as usize & (N_BUCKETS - 1)
}

/// Whole numbers in the order of the values.
#[inline(always)]
fn key_of(x: f32) -> u32 {
    let bits = (x + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

#[inline(always)]
fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_none_is_lost() {
        let mut data: Vec<f32> = (0..200_000u32)
            .map(|k| f32::from_bits(k.wrapping_mul(2_654_435_761)))
            .filter(|x| x.is_finite())
            .collect();
        data.extend([0.0, -0.0, f32::MAX, -f32::MAX, 1e-45, -1e-45]);
        let found = sorted(&data, &WorkCtx::new()).unwrap().unwrap();
        let mut wanted: Vec<f32> = data.iter().map(|x| x + 0.0).collect();
        wanted.sort_by(f32::total_cmp);
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found), bits(&wanted));
    }

    #[test]
    fn progress_ends_at_its_total() {
        for data in [vec![1.0; 70_000], vec![], (0..99).map(|i| i as f32).collect()] {
            let ctx = WorkCtx::new();
            sorted(&data, &ctx).unwrap().unwrap();
            assert_eq!(ctx.progress().done, ctx.progress().total, "{}", data.len());
        }
    }
}
