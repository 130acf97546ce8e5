//! What the last frames cost the thread that draws them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::ThreadClock;

/// Milliseconds that a frame may take, at the 99th percentile.
pub(super) const LIMIT_MS: f32 = 8.0;
/// Frames that are remembered.
pub(super) const N_FRAMES: usize = 1000;

/// Of one frame, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct FrameTime {
    /// Answers taken in, panels laid out.
    pub own_ms: f32,
    /// From its beginning to that of the next: triangles, painting and the system's events besides.
    pub whole_ms: f32,
}

/// Figures of many frames, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spread {
    pub median: f32,
    /// 99th percentile.
    pub p99: f32,
    pub max: f32,
}

impl Spread {
    /// Of times in any order; the percentile is the smallest that 99 % do not exceed.
    pub fn of(times: impl Iterator<Item = f32>) -> Self {
        let mut times: Vec<f32> = times.collect();
        times.sort_by(f32::total_cmp);
        let at = |share: f64| {
            let rank = (times.len() as f64 * share).ceil() as usize;
            times.get(rank.max(1) - 1).copied().unwrap_or(0.0)
        };
        Self { median: at(0.5), p99: at(0.99), max: times.last().copied().unwrap_or(0.0) }
    }
}

/// Measures frames as they are drawn.
#[derive(Default)]
pub(super) struct FrameTimes {
    clock: ThreadClock,
    began: Option<Duration>,
    own: Duration,
    frames: VecDeque<FrameTime>,
}

impl FrameTimes {
    /// A frame begins, by which the one before has ended.
    pub fn begin(&mut self) {
        let now = self.clock.now();
        if let Some(began) = self.began.replace(now) {
            if self.frames.len() == N_FRAMES {
                self.frames.pop_front();
            }
            let millis = |time: Duration| time.as_secs_f32() * 1000.0;
            let whole_ms = millis(now.saturating_sub(began));
            self.frames.push_back(FrameTime { own_ms: millis(self.own), whole_ms });
        }
        self.own = Duration::ZERO;
    }

    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Counts what was done since then as ours.
    pub fn add_since(&mut self, then: Duration) {
        self.own += self.clock.now().saturating_sub(then);
    }

    /// The last frames, the newest last.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &FrameTime> {
        self.frames.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_occurred() {
        let spread = Spread::of((1..=1000).rev().map(|ms| ms as f32));
        assert_eq!(spread, Spread { median: 500.0, p99: 990.0, max: 1000.0 });
        assert_eq!(Spread::of([3.0].into_iter()), Spread { median: 3.0, p99: 3.0, max: 3.0 });
        assert_eq!(Spread::of(std::iter::empty()), Spread::default());
    }

    #[test]
    fn the_last_frames_are_remembered() {
        let mut times = FrameTimes::default();
        for _ in 0..N_FRAMES + 10 {
            times.begin();
            let then = times.now();
            times.add_since(then);
        }
        assert_eq!(times.frames().len(), N_FRAMES);
        assert!(times.frames().all(|frame| frame.own_ms <= frame.whole_ms));
    }
}
