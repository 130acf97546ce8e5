//! Attributes read as sizes, switches and choices; each error names the attribute, the value found
//! and what is allowed.

use crate::exec::operator::{BuildCtx, OpError};

/// A list whose entries must be at least 1, such as `strides`.
pub(super) fn positive_list(ctx: &BuildCtx, name: &str) -> Result<Option<Vec<usize>>, OpError> {
    list_from(ctx, name, 1)
}

/// A list whose entries must be at least 0, such as `pads`.
pub(super) fn non_negative_list(ctx: &BuildCtx, name: &str) -> Result<Option<Vec<usize>>, OpError> {
    list_from(ctx, name, 0)
}

fn list_from(ctx: &BuildCtx, name: &str, least: i64) -> Result<Option<Vec<usize>>, OpError> {
    let Some(list) = ctx.attributes.ints(name)? else { return Ok(None) };
    let sizes: Option<Vec<usize>> = list
        .iter()
        .map(|&int| usize::try_from(int).ok().filter(|_| int >= least && int <= LARGEST))
        .collect();
    match sizes {
        Some(sizes) => Ok(Some(sizes)),
        None => Err(OpError::Invalid(format!(
            "attribute {name:?} is {list:?}, entries must lie in {least}..={LARGEST}"
        ))),
    }
}

/// Beyond this no size makes sense, and sums of a few sizes still fit.
const LARGEST: i64 = 1 << 31;

/// A whole number that must lie in 1..=2^31, such as `group`.
pub(super) fn positive(ctx: &BuildCtx, name: &str, default: i64) -> Result<usize, OpError> {
    let found = ctx.attributes.int_or(name, default)?;
    usize::try_from(found).ok().filter(|_| (1..=LARGEST).contains(&found)).ok_or_else(|| {
        OpError::Invalid(format!("attribute {name:?} is {found}, it must lie in 1..={LARGEST}"))
    })
}

/// A switch written as 0 or 1.
pub(super) fn switch(ctx: &BuildCtx, name: &str, default: i64) -> Result<bool, OpError> {
    match ctx.attributes.int_or(name, default)? {
        0 => Ok(false),
        1 => Ok(true),
        found => Err(OpError::Invalid(format!("attribute {name:?} is {found}, it must be 0 or 1"))),
    }
}

/// One of a few words; the first is the default.
pub(super) fn choice<T: Copy>(
    ctx: &BuildCtx,
    name: &str,
    choices: &[(&str, T)],
    default: T,
) -> Result<T, OpError> {
    let Some(found) = ctx.attributes.string(name)? else { return Ok(default) };
    if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == found) {
        return Ok(*choice);
    }
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    Err(OpError::Invalid(format!("attribute {name:?} is {found:?}, it must be one of {words:?}")))
}

/// Refuses a node with more inputs than its operator has.
pub(super) fn at_most_inputs(ctx: &BuildCtx, most: usize) -> Result<(), OpError> {
    if ctx.n_inputs <= most {
        return Ok(());
    }
    Err(OpError::Invalid(format!(
        "the node has {} inputs, at most {most} are defined",
        ctx.n_inputs
    )))
}
