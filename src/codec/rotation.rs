//! The orthonormal Hadamard rotation, which undoes itself: weights may be stored rotated.

/// Multiplies by the orthonormal Hadamard matrix in Sylvester's order; the length is a power of two.
pub fn hadamard(run: &mut [f32]) {
    let n = run.len();
    let mut half = 1;
    while half < n {
        for block in run.chunks_exact_mut(2 * half) {
            let (left, right) = block.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let norm = (n as f32).sqrt();
    run.iter_mut().for_each(|x| *x /= norm);
}

/// [`hadamard`] of every run of `size` values, a power of two that divides their number.
pub fn rotate_runs(values: &mut [f32], size: usize) {
    values.chunks_exact_mut(size.max(1)).for_each(hadamard);
}
