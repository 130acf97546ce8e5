//! What a long computation is handed: a way to hear that it is no longer wanted, and a place to
//! say how far it is.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

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

/// Lets patient work wait while urgent work is under way.
#[derive(Debug, Default)]
pub struct Gate {
    n_urgent: AtomicUsize,
    lock: Mutex<()>,
    opened: Condvar,
}

/// Urgent work that is under way until this is dropped.
#[derive(Debug)]
pub struct UrgentWork<'a>(&'a Gate);

/// The longest that one check waits. Bounded, so that urgent work that comes to wait for something
/// the patient work is at goes on as well, if slowly.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

impl Gate {
    /// Begins urgent work: patient work waits at its checks until the value is dropped.
    pub fn enter(&self) -> UrgentWork<'_> {
        self.n_urgent.fetch_add(1, Ordering::Relaxed);
        UrgentWork(self)
    }

    fn wait(&self) {
        if self.n_urgent.load(Ordering::Relaxed) == 0 {
            return;
        }
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let is_shut = |(): &mut ()| self.n_urgent.load(Ordering::Relaxed) > 0;
        // Open or not, the work goes on by one step.
        drop(self.opened.wait_timeout_while(guard, LONGEST_WAIT, is_shut));
    }
}

impl Drop for UrgentWork<'_> {
    fn drop(&mut self) {
        if self.0.n_urgent.fetch_sub(1, Ordering::Relaxed) == 1 {
            drop(self.0.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.0.opened.notify_all();
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// Where the work waits for what is more urgent.
    gate: Option<Arc<Gate>>,
    /// The work is wanted now: it waits for nothing any more.
    is_hurried: AtomicBool,
}

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    total: AtomicU64,
}

/// Cancel flag and progress of one computation; clones share both.
#[derive(Clone, Debug, Default)]
pub struct WorkCtx {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
}

impl WorkCtx {
    pub fn new() -> Self {
        Self::default()
    }

    /// Of patient work: its checks wait while there is urgent work at the gate. It must run on
    /// threads that the urgent work does not need.
    pub fn patient(gate: Arc<Gate>) -> Self {
        let shared = Shared { gate: Some(gate), ..Shared::default() };
        Self { shared: Arc::new(shared), counts: Arc::default() }
    }

    /// For a part of the work: what cancels the whole cancels it, its progress is its own.
    #[must_use]
    pub fn part(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), counts: Arc::default() }
    }

    /// From now on the work waits for nothing.
    pub fn hurry(&self) {
        self.shared.is_hurried.store(true, Ordering::Relaxed);
    }

    /// Asks the computation to stop at its next [`check`](Self::check).
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to stop.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// To be called once a chunk of work.
    ///
    /// # Errors
    /// [`Cancelled`] once someone called [`cancel`](Self::cancel).
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        if let Some(gate) = &self.shared.gate
            && !self.shared.is_hurried.load(Ordering::Relaxed)
        {
            gate.wait();
        }
        Ok(())
    }

    pub fn set_total(&self, total: u64) {
        self.counts.total.store(total, Ordering::Relaxed);
    }

    pub fn advance(&self, units: u64) {
        self.counts.done.fetch_add(units, Ordering::Relaxed);
    }

    pub fn progress(&self) -> Progress {
        Progress {
            done: self.counts.done.load(Ordering::Relaxed),
            total: self.counts.total.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn patient_work_goes_on_when_the_urgent_is_done() {
        let gate = Arc::new(Gate::default());
        let ctx = WorkCtx::patient(Arc::clone(&gate));
        let urgent = gate.enter();
        let (sender, steps) = channel();
        let patient = {
            let ctx = ctx.clone();
            std::thread::spawn(move || {
                for _ in 0..2 {
                    ctx.check().unwrap();
                    sender.send(()).unwrap();
                }
            })
        };
        // It is held back at every step and never for good.
        steps.recv().unwrap();
        drop(urgent);
        steps.recv().unwrap();
        patient.join().unwrap();
        assert_eq!(gate.n_urgent.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_part_is_cancelled_with_the_whole_and_counts_for_itself() {
        let whole = WorkCtx::new();
        whole.set_total(10);
        let part = whole.part();
        part.set_total(3);
        part.advance(3);
        assert_eq!(whole.progress(), Progress { done: 0, total: 10 });
        whole.cancel();
        assert_eq!(part.check(), Err(Cancelled));
    }

    #[test]
    fn cancelled_is_heard_at_a_shut_gate() {
        let gate = Arc::new(Gate::default());
        let ctx = WorkCtx::patient(Arc::clone(&gate));
        let _urgent = gate.enter();
        ctx.cancel();
        assert_eq!(ctx.check(), Err(Cancelled));
    }
}
