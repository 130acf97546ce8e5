//! The code of every weight.

use crate::base::{Cancelled, WorkCtx, reduce};
use crate::quant::{FittedQuantizer, for_each_run};
use crate::tensor::ChannelMajor;

/// The codes in the order of `weights`; `None` for a scheme without codes.
///
/// # Errors
/// [`Cancelled`].
pub fn codes_of(
    weights: &ChannelMajor,
    fitted: &dyn FittedQuantizer,
    ctx: &WorkCtx,
) -> Result<Option<Vec<i32>>, Cancelled> {
    if fitted.code_range().is_none() {
        return Ok(None);
    }
    let len = weights.data().len();
    let parts = reduce::map_indices(len.div_ceil(reduce::CHUNK_LEN), ctx, |part_idx| {
        let start = part_idx * reduce::CHUNK_LEN;
        let range = start..(start + reduce::CHUNK_LEN).min(len);
        let mut codes = Vec::with_capacity(range.len());
        for_each_run(fitted, weights.data(), range, |_, _, run| codes.extend_from_slice(run.codes));
        Ok::<_, Cancelled>(codes)
    })?;
    Ok(Some(parts.concat()))
}
