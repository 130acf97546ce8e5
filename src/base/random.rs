//! Random numbers that are the same on every machine and in every version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The seed of everything random that a person did not seed otherwise.
pub const SEED: u64 = 0x005e_ed0f_0ca1;

/// A generator whose stream depends on `seed` alone.
pub fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}
