//! One or two bits, and what is trained for them. What the schemes share is declared here.

pub mod binary;
pub mod dorefa;
pub mod ternary;

/// `Σf(x)/n` in lanes that are joined in order; 0 for no weights.
fn mean_of(group: &[f32], of: impl Fn(f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0f64; LANES];
    let (chunks, rest) = group.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += of(f64::from(x));
        }
    }
    let rest: f64 = rest.iter().map(|&x| of(f64::from(x))).sum();
    (lanes.iter().sum::<f64>() + rest) / group.len().max(1) as f64
}
