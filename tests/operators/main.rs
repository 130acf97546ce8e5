//! The operators of `exec::ops`: against reference results, against malformed nodes, against chance.

mod cases;
mod hostile;
mod random;
mod reference;
