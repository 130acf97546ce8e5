//! Buffers of values that are gone, kept by each thread to be written again: fresh memory of this
//! size comes from the system page by page, at a cost close to that of computing what goes in.

use std::cell::RefCell;

use crate::tensor::Tensor;

/// Shorter buffers come from the allocator fast enough.
const MIN_LEN: usize = 4096;

/// The most bytes one thread keeps.
const MAX_BYTES: usize = 64 << 20;

thread_local! {
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of `len` elements of any content, all of which the caller writes.
pub fn take(len: usize) -> Vec<f32> {
    FREE.with_borrow_mut(|free| {
        let fits = |buffer: &Vec<f32>| (len..=2 * len).contains(&buffer.capacity());
        let fitting = free.iter().enumerate().filter(|(_, buffer)| fits(buffer));
        let best = fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(idx, _)| idx);
        let mut buffer = best.map(|idx| free.swap_remove(idx)).unwrap_or_default();
        buffer.resize(len, 0.0);
        buffer
    })
}

/// Keeps the buffer of a tensor that nobody else holds.
pub fn give(tensor: Tensor) {
    if tensor.len() < MIN_LEN {
        return;
    }
    if let Ok(owned) = tensor.try_into_owned_nocopy() {
        give_buffer(owned.into_raw_vec_and_offset().0);
    }
}

/// Keeps a buffer, the oldest giving way.
pub fn give_buffer(buffer: Vec<f32>) {
    let n_bytes = |buffer: &Vec<f32>| buffer.capacity() * size_of::<f32>();
    if buffer.capacity() < MIN_LEN || n_bytes(&buffer) > MAX_BYTES {
        return;
    }
    FREE.with_borrow_mut(|free| {
        free.push(buffer);
        while free.iter().map(n_bytes).sum::<usize>() > MAX_BYTES {
            free.remove(0);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    #[test]
    fn an_unshared_buffer_comes_back_and_a_shared_one_does_not() {
        let tensor = Tensor::from_shape_vec(IxDyn(&[5000]), take(5000)).unwrap();
        let address = tensor.as_ptr();
        give(tensor);
        assert!(take(10_001).as_ptr() != address, "too small");
        let again = take(4800);
        assert_eq!((again.as_ptr(), again.len()), (address, 4800));
        let tensor = Tensor::from_shape_vec(IxDyn(&[4800]), again).unwrap();
        let held = tensor.clone();
        give(tensor);
        assert!(take(4800).as_ptr() != address);
        assert_eq!(held.len(), 4800);
    }
}
