//! What memory is in use, for people to see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::shelf::KeptBytes;
use super::state::Session;

/// Memory that the program holds on to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptMemory {
    /// Resident memory of the process that no file stands behind; mapped weights do not count.
    /// `None` where the system does not tell.
    pub anonymous_bytes: Option<u64>,
    /// Whole answers about layers that are kept, to be shown again at once.
    pub answer_bytes: u64,
    /// The most that these may take.
    pub answer_budget: u64,
    /// Weights and what was made of them.
    pub weights: KeptBytes,
    /// Values in the middle of the network, so that an edit runs only what comes after it.
    pub activation_bytes: u64,
    /// The most that these may take; a person sets it.
    pub activation_budget: u64,
}

/// What is kept of accuracy runs and may be; jobs and the window share it.
#[derive(Debug)]
pub(super) struct ActivationMemory {
    budget: AtomicU64,
    kept: AtomicU64,
}

impl ActivationMemory {
    /// Enough for every layer of a network for phones on a thousand pictures.
    const DEFAULT_BUDGET: u64 = 512 << 20;

    pub fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    pub fn set_budget(&self, n_bytes: u64) {
        self.budget.store(n_bytes, Ordering::Relaxed);
    }

    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    pub fn set_kept(&self, n_bytes: u64) {
        self.kept.store(n_bytes, Ordering::Relaxed);
    }
}

impl Default for ActivationMemory {
    fn default() -> Self {
        Self { budget: Self::DEFAULT_BUDGET.into(), kept: AtomicU64::default() }
    }
}

/// The resident memory as it was read last; copies share it.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryGauge(Arc<AtomicU64>);

impl MemoryGauge {
    /// Reads it from the system; never on the thread that draws.
    pub fn read(&self) {
        if let Some(bytes) = anonymous_bytes() {
            self.0.store(bytes, Ordering::Relaxed);
        }
    }

    /// `None` before it was read.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }
}

/// `RssAnon` of Linux, in bytes.
pub fn anonymous_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    anonymous_of(&status)
}

fn anonymous_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

impl Session {
    /// Memory in use; the resident part as it was a second ago at most.
    pub fn memory(&self) -> KeptMemory {
        KeptMemory {
            anonymous_bytes: self.watch.gauge.bytes(),
            answer_bytes: self.answers.layer_bytes() as u64,
            answer_budget: super::figures::MAX_LAYER_BYTES as u64,
            weights: self
                .workshop
                .as_ref()
                .map(|workshop| workshop.shelf.kept_bytes())
                .unwrap_or_default(),
            activation_bytes: self.activations.kept(),
            activation_budget: self.activations.budget(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_part_is_read_from_the_status() {
        let status = "Name:\tx\nVmRSS:\t  900 kB\nRssAnon:\t  12 kB\nRssFile:\t 888 kB\n";
        assert_eq!(anonymous_of(status), Some(12 * 1024));
        assert_eq!(anonymous_of("Name:\tx\n"), None);
    }
}
