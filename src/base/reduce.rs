//! Parallel work whose result does not depend on the number of threads: fixed chunks, each reduced
//! on its own, the parts handed back in order for the caller to combine one after another.

use rayon::prelude::*;

use super::{Cancelled, WorkCtx};

/// Elements a chunk holds where the caller has no reason for another size.
pub const CHUNK_LEN: usize = 1 << 16;

/// Maps every chunk of `data`; results are in the order of the chunks.
///
/// # Errors
/// [`Cancelled`], checked before each chunk.
pub fn map_chunks<T: Sync, R: Send>(
    data: &[T],
    ctx: &WorkCtx,
    map: impl Fn(&[T]) -> R + Sync,
) -> Result<Vec<R>, Cancelled> {
    data.par_chunks(CHUNK_LEN)
        .map(|chunk| {
            ctx.check()?;
            Ok(map(chunk))
        })
        .collect()
}

/// Maps every index below `n_items`; results are in order.
///
/// # Errors
/// [`Cancelled`], or whatever `map` returns.
pub fn map_indices<R: Send, E: Send + From<Cancelled>>(
    n_items: usize,
    ctx: &WorkCtx,
    map: impl Fn(usize) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    (0..n_items)
        .into_par_iter()
        .map(|item_idx| {
            ctx.check()?;
            map(item_idx)
        })
        .collect()
}
