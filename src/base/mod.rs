//! Ground floor: ordered parallel sums, cancellation and progress, seeded random numbers, numbers,
//! moments and the system's errors as text. Knows nothing of tensors.

mod date;
mod io_words;
mod number;
mod random;
pub mod reduce;
pub mod simd;
mod thread_clock;
mod whole_file;
mod work;

pub use date::utc;
pub use io_words::{details_of, unreadable, unwritable};
pub use number::{
    MINUS, THIN_SPACE, bytes, counted, fixed, interval, percent, scientific, shortened,
    significant, superscript, thousands,
};
pub use random::{SEED, seeded};
pub use thread_clock::{ClockKind, ThreadClock};
pub use whole_file::write_whole;
pub use work::{Cancelled, Gate, Progress, UrgentWork, WorkCtx};
