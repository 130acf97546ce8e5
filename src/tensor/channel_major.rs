//! A weight with its output channels side by side: what every scale granularity is defined on.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use ndarray::{ArcArray1, Axis, IxDyn};
use serde::{Deserialize, Serialize};

use super::Tensor;
use super::profile::{self, Extent, Profile};
use super::sorted_index::SortedIndex;
use crate::base::{Cancelled, WorkCtx};

/// Weights reordered so that channel `c` is `data[c·channel_len .. (c+1)·channel_len]`, its elements
/// in the row-major order of the remaining dimensions.
#[derive(Clone, Debug)]
pub struct ChannelMajor {
    dims: Vec<usize>,
    axis: usize,
    n_channels: usize,
    /// A tensor whose order is the same is shared, not copied.
    data: ArcArray1<f32>,
    known: Arc<Known>,
}

/// What has been found out about the values: copies share it.
#[derive(Debug, Default)]
struct Known {
    profile: OnceLock<Profile>,
    /// By group size, the last few asked for.
    group_extents: Mutex<Vec<(usize, Arc<[Extent]>)>>,
    /// Large: whoever keeps it decides for how long.
    index: Mutex<Weak<SortedIndex>>,
}

/// Group sizes whose extents are kept.
const N_KEPT_SIZES: usize = 2;

impl ChannelMajor {
    /// `tensor` with `axis` first, copied only where that is another order. A scalar is one channel;
    /// an axis beyond the last is the last; an empty tensor has no channels.
    pub fn new(tensor: &Tensor, axis: usize) -> Self {
        let dims = tensor.shape().to_vec();
        let axis = axis.min(dims.len().saturating_sub(1));
        let n_channels = dims.get(axis).copied().unwrap_or(1).min(tensor.len());
        let before = dims.get(..axis).unwrap_or_default();
        let is_in_order = before.iter().product::<usize>() <= 1 || n_channels <= 1;
        let data = if is_in_order && tensor.is_standard_layout() {
            flat(tensor.clone())
        } else {
            let mut order: Vec<usize> = (0..dims.len()).filter(|&dim| dim != axis).collect();
            order.insert(0, axis);
            tensor.view().permuted_axes(IxDyn(&order)).iter().copied().collect()
        };
        Self { dims, axis, n_channels, data, known: Arc::default() }
    }

    /// The same channels with other values: `data` has as many elements.
    pub fn with_data(&self, data: Vec<f32>) -> Self {
        debug_assert_eq!(data.len(), self.data.len());
        Self { data: ArcArray1::from_vec(data), known: Arc::default(), ..self.clone() }
    }

    /// The same with nothing known of the values yet, for measurements.
    pub fn unmeasured(&self) -> Self {
        Self { known: Arc::default(), ..self.clone() }
    }

    /// The same with zero in place of NaN and infinities.
    pub fn finite(&self) -> Self {
        let finite = |&x: &f32| if x.is_finite() { x } else { 0.0 };
        self.with_data(self.data.iter().map(finite).collect())
    }

    /// Back to the tensor's own order; shares the data where that is the same.
    pub fn to_tensor(&self) -> Tensor {
        if self.flattening().is_identity() {
            let shared = self.data.clone().into_shape_with_order(IxDyn(&self.dims));
            return shared.unwrap_or_else(|_| Tensor::zeros(IxDyn(&self.dims)));
        }
        let mut dims = self.dims.clone();
        let channels = dims.remove(self.axis);
        dims.insert(0, channels);
        let mut order: Vec<usize> = (1..dims.len()).collect();
        order.insert(self.axis, 0);
        match ndarray::ArrayView::from_shape(IxDyn(&dims), self.data()) {
            Ok(view) => view.permuted_axes(IxDyn(&order)).as_standard_layout().into_owned().into(),
            Err(_) => Tensor::zeros(IxDyn(&self.dims)),
        }
    }

    pub fn data(&self) -> &[f32] {
        self.data.as_slice().unwrap_or_default()
    }

    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    pub fn axis(&self) -> Axis {
        Axis(self.axis)
    }

    pub fn n_channels(&self) -> usize {
        self.n_channels
    }

    /// Elements of one channel.
    pub fn channel_len(&self) -> usize {
        self.data.len().checked_div(self.n_channels).unwrap_or(0)
    }

    /// One channel; empty beyond the last.
    pub fn channel(&self, channel_idx: usize) -> &[f32] {
        let len = self.channel_len();
        self.data().get(channel_idx * len..(channel_idx + 1) * len).unwrap_or_default()
    }
}

/// What is computed once and kept. Two threads that ask at the same time both compute it.
impl ChannelMajor {
    /// Signal power, extents and what is no number.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn profile(&self, ctx: &WorkCtx) -> Result<&Profile, Cancelled> {
        if let Some(known) = self.known.profile.get() {
            return Ok(known);
        }
        // Not within `get_or_init`: a thread that waits there may be handed the same work.
        let found = Profile::compute(self.data(), self.channel_len(), ctx)?;
        Ok(self.known.profile.get_or_init(|| found))
    }

    pub(super) fn has_profile(&self) -> bool {
        self.known.profile.get().is_some()
    }

    /// Keeps a profile found elsewhere.
    pub(super) fn keep_profile(&self, found: Profile) {
        let _ = self.known.profile.set(found);
    }

    /// Keeps the extents of groups found elsewhere.
    pub(super) fn keep_group_extents(&self, group_size: usize, found: Arc<[Extent]>) {
        let mut known = self.known.group_extents.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= N_KEPT_SIZES {
            known.remove(0);
        }
        known.push((group_size, found));
    }

    /// Of every run of `group_size` weights within each channel, the last of which may be short.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn group_extents(
        &self,
        group_size: usize,
        ctx: &WorkCtx,
    ) -> Result<Arc<[Extent]>, Cancelled> {
        let lock = || self.known.group_extents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = lock().iter().find(|(size, _)| *size == group_size) {
            return Ok(Arc::clone(known));
        }
        let lens = (self.channel_len(), group_size);
        let found = profile::group_extents(self.data(), lens, ctx)?;
        self.keep_group_extents(group_size, Arc::clone(&found));
        Ok(found)
    }

    /// The values in ascending order, while somebody keeps that.
    pub fn index(&self) -> Option<Arc<SortedIndex>> {
        self.known.index.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Lets all copies know of an index over the same values, which they do not keep.
    pub fn set_index(&self, index: &Arc<SortedIndex>) {
        let mut known = self.known.index.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::downgrade(index);
    }
}

/// A tensor in standard layout as one row.
fn flat(tensor: Tensor) -> ArcArray1<f32> {
    let len = tensor.len();
    tensor.into_shape_with_order(len).unwrap_or_else(|_| ArcArray1::from_vec(Vec::new()))
}

/// Where the elements of a [`ChannelMajor`] lie in the tensor's own row-major order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flattening {
    /// Product of the dimensions before the kept axis.
    outer: usize,
    n_channels: usize,
    /// Product of the dimensions after it.
    inner: usize,
}

impl ChannelMajor {
    pub fn flattening(&self) -> Flattening {
        let before = self.dims.get(..self.axis).unwrap_or_default();
        let after = self.dims.get(self.axis + 1..).unwrap_or_default();
        let product = |dims: &[usize]| dims.iter().product();
        Flattening { outer: product(before), n_channels: self.n_channels, inner: product(after) }
    }
}

impl Flattening {
    /// Of a tensor of these dimensions with that axis kept.
    pub fn of(dims: &[usize], axis: usize) -> Self {
        let before = dims.get(..axis).unwrap_or_default();
        let after = dims.get(axis + 1..).unwrap_or_default();
        let product =
            |dims: &[usize]| dims.iter().fold(1usize, |product, &dim| product.saturating_mul(dim));
        let n_channels = dims.get(axis).copied().unwrap_or(1);
        Self { outer: product(before), n_channels, inner: product(after) }
    }

    /// Whether both orders are the same.
    pub fn is_identity(self) -> bool {
        self.outer <= 1 || self.n_channels <= 1
    }

    /// The place in the tensor of the element `idx`.
    pub fn flat_idx(self, idx: usize) -> usize {
        let inner = self.inner.max(1);
        let (channel_idx, within) =
            (idx / (self.outer * inner).max(1), idx % (self.outer * inner).max(1));
        (within / inner * self.n_channels + channel_idx) * inner + within % inner
    }

    /// From channels side by side to the order of the tensor.
    pub fn to_flat<T: Copy + Default>(self, channels: &[T]) -> Cow<'_, [T]> {
        if self.is_identity() {
            return Cow::Borrowed(channels);
        }
        let mut flat = vec![T::default(); channels.len()];
        for (idx, &value) in channels.iter().enumerate() {
            if let Some(place) = flat.get_mut(self.flat_idx(idx)) {
                *place = value;
            }
        }
        Cow::Owned(flat)
    }

    /// From the order of the tensor to channels side by side.
    pub fn to_channels<T: Copy + Default>(self, flat: &[T]) -> Cow<'_, [T]> {
        if self.is_identity() {
            return Cow::Borrowed(flat);
        }
        let value = |idx| flat.get(self.flat_idx(idx)).copied().unwrap_or_default();
        Cow::Owned((0..flat.len()).map(value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_axis_comes_back() {
        let tensor = Tensor::from_shape_fn(IxDyn(&[2, 3, 4]), |idx| {
            (idx[0] * 100 + idx[1] * 10 + idx[2]) as f32
        });
        for axis in 0..3 {
            let channels = ChannelMajor::new(&tensor, axis);
            assert_eq!(channels.n_channels(), [2, 3, 4][axis], "axis {axis}");
            assert_eq!(channels.to_tensor(), tensor, "axis {axis}");
            let order = channels.flattening();
            let flat = tensor.as_slice().unwrap();
            assert_eq!(&*order.to_flat(channels.data()), flat, "axis {axis}");
            assert_eq!(&*order.to_channels(flat), channels.data(), "axis {axis}");
        }
        let middle = ChannelMajor::new(&tensor, 1);
        assert_eq!(middle.channel(2), [20.0, 21.0, 22.0, 23.0, 120.0, 121.0, 122.0, 123.0]);
        let scalar = ChannelMajor::new(&Tensor::from_elem(IxDyn(&[]), 5.0), 0);
        assert_eq!(scalar.to_tensor()[IxDyn(&[])], 5.0);
        let empty = ChannelMajor::new(&Tensor::zeros(IxDyn(&[0, 3])), 0);
        assert_eq!((empty.channel_len(), empty.to_tensor().shape()), (0, &[0usize, 3][..]));
    }
}
