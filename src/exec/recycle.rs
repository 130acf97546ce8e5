//! Buffers of values that are gone, kept by each thread to be written again: fresh memory of this
//! size comes from the system page by page, at a cost close to that of computing what goes in.
//! Their elements start at a cache line, so that no vector lies across two.

use std::cell::RefCell;

use ndarray::IxDyn;

use crate::tensor::Tensor;

/// Elements of a cache line.
const LINE: usize = 16;

/// Elements to write, starting at a cache line.
pub struct Buffer {
    data: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data[self.start..self.start + self.len]
    }

    pub fn as_slice(&self) -> &[f32] {
        &self.data[self.start..self.start + self.len]
    }

    /// The elements as an array in row-major order, without a copy; `None` where their number is
    /// not the shape's.
    pub fn into_tensor(self, dims: &[usize]) -> Option<Tensor> {
        let Self { data, start, len } = self;
        let whole = ndarray::ArcArray1::from_vec(data);
        let part = whole.slice_move(ndarray::s![start..start + len]);
        part.into_dyn().into_shape_with_order(IxDyn(dims)).ok()
    }
}

/// Shorter buffers come from the allocator fast enough.
const MIN_LEN: usize = 4096;

/// The most bytes one thread keeps.
const MAX_BYTES: usize = 64 << 20;

thread_local! {
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of `len` elements of any content, all of which the caller writes.
pub fn take(len: usize) -> Buffer {
    let needed = len + LINE;
    FREE.with_borrow_mut(|free| {
        let fits = |buffer: &Vec<f32>| (needed..=2 * needed).contains(&buffer.capacity());
        let fitting = free.iter().enumerate().filter(|(_, buffer)| fits(buffer));
        let best = fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(idx, _)| idx);
        let mut data = best.map(|idx| free.swap_remove(idx)).unwrap_or_default();
        data.resize(needed, 0.0);
        let start = data.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Buffer { data, start, len }
    })
}

/// Keeps the buffer of a tensor that nobody else holds.
pub fn give(tensor: Tensor) {
    if tensor.len() < MIN_LEN {
        return;
    }
    if let Ok(owned) = tensor.try_into_owned_nocopy() {
        keep(owned.into_raw_vec_and_offset().0);
    }
}

/// Keeps a buffer that became no tensor.
pub fn give_buffer(buffer: Buffer) {
    keep(buffer.data);
}

/// The oldest buffers give way.
fn keep(buffer: Vec<f32>) {
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

    #[test]
    fn an_unshared_buffer_comes_back_and_a_shared_one_does_not() {
        let mut buffer = take(5000);
        buffer.as_mut_slice().fill(1.0);
        let address = buffer.data.as_ptr();
        let tensor = buffer.into_tensor(&[50, 100]).unwrap();
        assert_eq!(tensor.as_ptr().align_offset(64), 0);
        assert!(tensor.iter().all(|&x| x == 1.0));
        give(tensor);
        assert!(take(10_100).data.as_ptr() != address, "too small");
        let again = take(4800);
        assert_eq!((again.data.as_ptr(), again.as_slice().len()), (address, 4800));
        let tensor = again.into_tensor(&[4800]).unwrap();
        let held = tensor.clone();
        give(tensor);
        assert!(take(4800).data.as_ptr() != address);
        assert_eq!(held.len(), 4800);
    }
}
