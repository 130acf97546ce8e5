//! Chunks of samples over all threads, each taking the next one, so that what is done is always a
//! first part of the order, of which the figures are told now and then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::accuracy::{Accuracy, Stage, sum_up};
use super::fidelity::SampleOutcome;
use super::runner::EvalError;
use super::samples::SampleSet;
use crate::base::WorkCtx;

/// What came of one chunk.
pub(super) struct ChunkDone {
    pub outcomes: Vec<SampleOutcome>,
    /// The float model's outputs.
    pub float: Arc<Vec<f32>>,
    pub n_classes: usize,
    /// Whether a run over more samples would have the same chunk.
    pub is_whole: bool,
}

/// The float outputs of whole chunks, by number of the chunk.
pub(super) type FloatChunks = Vec<(usize, Arc<Vec<f32>>)>;

/// A run over samples.
pub(super) struct Progressive<'a> {
    pub samples: &'a SampleSet,
    /// Numbers of samples, in the order they are run.
    pub chunks: &'a [&'a [usize]],
    pub ctx: &'a WorkCtx,
}

/// Between two partial figures, at least.
const PARTIAL_EVERY: Duration = Duration::from_millis(50);

/// Summing up may take this share of the time.
const SUM_UP_SHARE: u32 = 16;

/// What threads have handed in.
struct Gathered<F> {
    /// Chunks that are done before an earlier one is.
    early: BTreeMap<usize, ChunkDone>,
    n_in_order: usize,
    outcomes: Vec<SampleOutcome>,
    n_classes: usize,
    floats: FloatChunks,
    /// Of the earliest chunk that failed.
    failure: Option<(usize, EvalError)>,
    last_told: Instant,
    pause: Duration,
    on_partial: F,
}

impl Progressive<'_> {
    /// `run_chunk` gets a chunk with its number. Without a pool the calling thread does it all.
    pub fn run<F: FnMut(Accuracy) + Send>(
        &self,
        pool: Option<&rayon::ThreadPool>,
        run_chunk: &(impl Fn(usize, &[usize]) -> Result<ChunkDone, EvalError> + Sync),
        on_partial: F,
    ) -> Result<(Accuracy, FloatChunks), EvalError> {
        let started = Instant::now();
        let next = AtomicUsize::new(0);
        let gathered = Mutex::new(Gathered {
            early: BTreeMap::new(),
            n_in_order: 0,
            outcomes: Vec::new(),
            n_classes: 0,
            floats: Vec::new(),
            failure: None,
            last_told: started,
            pause: PARTIAL_EVERY,
            on_partial,
        });
        let lock = || gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || loop {
            let chunk_idx = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = self.chunks.get(chunk_idx) else { return };
            let done = match self.ctx.check() {
                Ok(()) => run_chunk(chunk_idx, chunk),
                Err(cancelled) => Err(cancelled.into()),
            };
            let failed = done.is_err();
            self.gather(&mut lock(), (chunk_idx, done), started);
            if failed {
                // Nobody needs what comes after.
                next.store(self.chunks.len(), Ordering::Relaxed);
            }
        };
        match pool {
            Some(pool) if self.chunks.len() > 1 => drop(pool.broadcast(|_| work())),
            _ => work(),
        }
        let gathered = gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, error)) = gathered.failure {
            return Err(error);
        }
        let seconds = started.elapsed().as_secs_f64();
        let Gathered { outcomes, n_classes, floats, .. } = gathered;
        let accuracy = sum_up(self.samples, &outcomes, n_classes, Stage::Final);
        Ok((Accuracy { n_total: outcomes.len(), seconds, ..accuracy }, floats))
    }

    fn gather<F: FnMut(Accuracy)>(
        &self,
        gathered: &mut Gathered<F>,
        (chunk_idx, done): (usize, Result<ChunkDone, EvalError>),
        started: Instant,
    ) {
        match done {
            Err(error) => {
                if gathered.failure.as_ref().is_none_or(|(earlier, _)| chunk_idx < *earlier) {
                    gathered.failure = Some((chunk_idx, error));
                }
                return;
            }
            Ok(done) => drop(gathered.early.insert(chunk_idx, done)),
        }
        let n_before = gathered.outcomes.len();
        while let Some(done) = gathered.early.remove(&gathered.n_in_order) {
            if done.is_whole {
                gathered.floats.push((gathered.n_in_order, done.float));
            }
            gathered.n_classes = done.n_classes;
            gathered.outcomes.extend(done.outcomes);
            gathered.n_in_order += 1;
        }
        self.ctx.advance((gathered.outcomes.len() - n_before) as u64);
        let is_part = (1..self.chunks.len()).contains(&gathered.n_in_order);
        if is_part && gathered.failure.is_none() && gathered.last_told.elapsed() >= gathered.pause {
            let begun = Instant::now();
            let n_total = self.chunks.iter().map(|chunk| chunk.len()).sum();
            let partial =
                sum_up(self.samples, &gathered.outcomes, gathered.n_classes, Stage::Partial);
            let seconds = started.elapsed().as_secs_f64();
            (gathered.on_partial)(Accuracy { n_total, seconds, ..partial });
            gathered.pause = PARTIAL_EVERY.max(begun.elapsed() * SUM_UP_SHARE);
            gathered.last_told = Instant::now();
        }
    }
}
