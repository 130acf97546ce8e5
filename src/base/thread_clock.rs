//! Processor time of a thread, where the system tells it.

use std::time::{Duration, Instant};

/// What a [`ThreadClock`] measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// Time the thread was at work.
    Processor,
    /// Time that went by, other programs' included.
    Wall,
}

impl ClockKind {
    /// That of this system.
    pub const OURS: Self = if cfg!(unix) { Self::Processor } else { Self::Wall };

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor time of the window's thread",
            Self::Wall => "time that went by",
        }
    }
}

/// Time of the thread that calls it.
#[derive(Clone, Copy, Debug)]
pub struct ThreadClock {
    started: Instant,
}

impl Default for ThreadClock {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl ThreadClock {
    /// Time since some moment that stays the same for the clock and the thread.
    pub fn now(&self) -> Duration {
        processor_time().unwrap_or_else(|| self.started.elapsed())
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    Some(Duration::new(secs, u32::try_from(time.tv_nsec).unwrap_or(0)))
}

#[cfg(not(unix))]
fn processor_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time() {
        let clock = ThreadClock::default();
        let before = clock.now();
        let mut sum = 0u64;
        while clock.now() <= before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(clock.now() > before, "{sum}");
    }
}
