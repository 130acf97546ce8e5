//! The operators of `exec::ops`: against reference results, against malformed nodes, against chance.
#![allow(clippy::unwrap_used, clippy::panic, clippy::too_many_lines)]

mod cases;
mod hostile;
mod random;
mod reference;
