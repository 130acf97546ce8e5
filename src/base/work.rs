//! What a long computation is handed: a way to hear that it is no longer wanted, and a place to
//! say how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The computation was told to stop; its result is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// How far a computation is, in units of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    /// Zero while the amount of work is not known yet.
    pub total: u64,
}

impl Progress {
    /// Share done, 0 to 1; 0 while the total is unknown.
    pub fn fraction(self) -> f32 {
        if self.total == 0 { 0.0 } else { (self.done as f64 / self.total as f64).min(1.0) as f32 }
    }
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
}

/// Cancel flag and progress of one computation; clones share both.
#[derive(Clone, Debug, Default)]
pub struct WorkCtx {
    shared: Arc<Shared>,
}

impl WorkCtx {
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the computation to stop at its next [`check`](Self::check).
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// To be called once a chunk of work.
    ///
    /// # Errors
    /// [`Cancelled`] once someone called [`cancel`](Self::cancel).
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.shared.cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    pub fn set_total(&self, total: u64) {
        self.shared.total.store(total, Ordering::Relaxed);
    }

    pub fn advance(&self, units: u64) {
        self.shared.done.fetch_add(units, Ordering::Relaxed);
    }

    pub fn progress(&self) -> Progress {
        Progress {
            done: self.shared.done.load(Ordering::Relaxed),
            total: self.shared.total.load(Ordering::Relaxed),
        }
    }
}
