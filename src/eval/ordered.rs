//! Chunks of samples over all threads, each taking the next one; what comes of them is handed on in
//! the order of the samples, so that sums have the same bits for any number of threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::WorkCtx;
use crate::eval::runner::EvalError;

/// A run over chunks.
pub(super) struct Ordered<'a> {
    pub chunks: &'a [&'a [usize]],
    pub pool: Option<&'a rayon::ThreadPool>,
    pub ctx: &'a WorkCtx,
    /// What a sample counts for in the progress.
    pub units_per_sample: u64,
}

struct Gathered<T, F> {
    /// Chunks that are done before an earlier one is.
    early: BTreeMap<usize, T>,
    n_in_order: usize,
    /// Of the earliest chunk that failed.
    failure: Option<(usize, EvalError)>,
    take: F,
}

impl Ordered<'_> {
    /// `take` gets what `work` made of every chunk, in order.
    ///
    /// # Errors
    /// That of the earliest chunk that failed; cancelled.
    pub fn run<T: Send, F: FnMut(T) + Send>(
        &self,
        work: &(impl Fn(&[usize]) -> Result<T, EvalError> + Sync),
        take: F,
    ) -> Result<(), EvalError> {
        let next = AtomicUsize::new(0);
        let gathered =
            Mutex::new(Gathered { early: BTreeMap::new(), n_in_order: 0, failure: None, take });
        let run = || loop {
            let chunk_idx = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = self.chunks.get(chunk_idx) else { return };
            let done = self.ctx.check().map_err(EvalError::from).and_then(|()| work(chunk));
            let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            match done {
                Ok(done) => self.gather(&mut gathered, chunk_idx, done),
                Err(error) => {
                    // Nobody needs what comes after.
                    next.store(self.chunks.len(), Ordering::Relaxed);
                    if gathered.failure.as_ref().is_none_or(|(first, _)| chunk_idx < *first) {
                        gathered.failure = Some((chunk_idx, error));
                    }
                }
            }
        };
        match self.pool {
            Some(pool) if self.chunks.len() > 1 => drop(pool.broadcast(|_| run())),
            _ => run(),
        }
        let gathered = gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        gathered.failure.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn gather<T, F: FnMut(T)>(&self, gathered: &mut Gathered<T, F>, chunk_idx: usize, done: T) {
        gathered.early.insert(chunk_idx, done);
        while let Some(done) = gathered.early.remove(&gathered.n_in_order) {
            if gathered.failure.is_none() {
                (gathered.take)(done);
            }
            let n_samples = self.chunks.get(gathered.n_in_order).map_or(0, |chunk| chunk.len());
            self.ctx.advance(n_samples as u64 * self.units_per_sample);
            gathered.n_in_order += 1;
        }
    }
}
