//! From a value in units of the step to a whole number of steps.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::scheme::Place;
use super::settings::Settings;
use crate::base::seeded;

/// How a value between two levels is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest; a tie to the even code.
    NearestEven,
    /// To the nearest; a tie away from zero.
    NearestAway,
    /// To the level at or below.
    Floor,
    /// Up with the probability that makes the mean right: `⌊y + u⌋`, `u` uniform in `[0, 1)`.
    Stochastic { seed: u64 },
}

impl Rounding {
    /// Reads `rounding` and `seed`.
    pub fn of_settings(settings: &Settings) -> Self {
        match settings.choice("rounding") {
            "nearest-away" => Self::NearestAway,
            "floor" => Self::Floor,
            "stochastic" => {
                Self::Stochastic { seed: settings.int("seed").unwrap_or(0).unsigned_abs() }
            }
            _ => Self::NearestEven,
        }
    }

    /// The decisions for a run of weights at `place`: the same for a weight wherever runs start.
    pub fn at(self, place: Place) -> RoundingAt {
        RoundingAt {
            rounding: self,
            stream: match self {
                Self::Stochastic { seed } => {
                    let mut stream = seeded(seed);
                    stream.set_word_pos(place.start as u128);
                    Some(stream)
                }
                _ => None,
            },
        }
    }
}

/// Rounds one value after the other.
pub struct RoundingAt {
    rounding: Rounding,
    stream: Option<ChaCha8Rng>,
}

impl RoundingAt {
    /// The next weight's value, in steps, as a whole number of steps.
    pub fn round(&mut self, y: f32) -> f32 {
        match self.rounding {
            Rounding::NearestEven => y.round_ties_even(),
            Rounding::NearestAway => y.round(),
            Rounding::Floor => y.floor(),
            Rounding::Stochastic { .. } => {
                let below = y.floor();
                let up = self.chance() < y - below;
                below + f32::from(u8::from(up))
            }
        }
    }

    /// The next number of the stream in `[0, 1)`, a multiple of 2⁻²⁴.
    pub fn chance(&mut self) -> f32 {
        let word = self.stream.as_mut().map_or(0, Rng::next_u32);
        (word >> 8) as f32 / (1u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_rounds_as_it_says() {
        let place = Place { group_idx: 0, start: 0 };
        let round = |way: Rounding| [-1.5, -0.5, 0.5, 2.5, 0.9].map(|y| way.at(place).round(y));
        assert_eq!(round(Rounding::NearestEven), [-2.0, 0.0, 0.0, 2.0, 1.0]);
        assert_eq!(round(Rounding::NearestAway), [-2.0, -1.0, 1.0, 3.0, 1.0]);
        assert_eq!(round(Rounding::Floor), [-2.0, -1.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn chance_depends_on_seed_and_place_and_is_right_on_average() {
        let draw = |seed, start: usize, n: usize| -> Vec<f32> {
            let mut at = Rounding::Stochastic { seed }.at(Place { group_idx: 0, start });
            (0..n).map(|_| at.round(0.3)).collect()
        };
        let all = draw(7, 0, 10_000);
        assert_eq!(all[1000..1100], draw(7, 1000, 100));
        assert_ne!(all[..100], draw(8, 0, 100));
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        assert!((mean - 0.3).abs() < 0.02, "{mean}");
    }
}
