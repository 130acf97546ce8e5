//! Ground floor: ordered parallel sums, cancellation and progress, seeded random numbers, numbers
//! as text. Knows nothing of tensors.

mod number;
mod random;
pub mod reduce;
mod work;

pub use number::{
    MINUS, THIN_SPACE, bytes, counted, fixed, percent, shortened, significant, thousands,
};
pub use random::{SEED, seeded};
pub use work::{Cancelled, Progress, WorkCtx};
