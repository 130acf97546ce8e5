//! Two models against each other on the same samples.

use super::tally::Tally;
use crate::base::WorkCtx;
use crate::eval::ordered::Ordered;
use crate::eval::runner::{EvalError, Runner};
use crate::exec::{Constants, NoHook};

/// Runs both and sums up what changes from the first to the second.
///
/// # Errors
/// A node that cannot run; cancelled.
pub fn compare_models(
    runner: &Runner,
    (before, after): (&Constants, &Constants),
    ctx: &WorkCtx,
) -> Result<Tally, EvalError> {
    let chunks = runner.chunks(None);
    ctx.set_total(runner.n_samples() as u64);
    let work = |chunk: &[usize]| {
        let mut tally = Tally::default();
        let read = |constants: &Constants| {
            let outputs = runner.plan().run(constants, vec![runner.batch(chunk)], &NoHook)?;
            runner.readings(chunk, outputs)
        };
        read(before)?.iter().zip(&read(after)?).for_each(|(a, b)| tally.add(a, b));
        Ok(tally)
    };
    let mut sum = Tally::default();
    let run = Ordered { chunks: &chunks, pool: runner.pool(), ctx, units_per_sample: 1 };
    run.run(&work, |tally: Tally| sum.merge(&tally))?;
    Ok(sum)
}
