//! Scale and zero point of every group: a list, or what follows from the extents kept with the
//! weights. The latter takes no memory and no pass of its own, which for small groups would cost as
//! much as the error itself.

use std::sync::Arc;

use super::grid::QuantParams;
use super::range::ValueRange;
use super::schemes::int::Codes;
use super::table::ScaleStore;
use crate::codec::{Part, ScaleRule};
use crate::tensor::Extent;

/// By group.
#[derive(Clone)]
pub enum GroupParams {
    Listed(Arc<[QuantParams]>),
    /// Codes spread over each group's extent.
    OfExtents {
        extents: Arc<[Extent]>,
        codes: Codes,
    },
}

impl GroupParams {
    pub fn len(&self) -> usize {
        match self {
            Self::Listed(params) => params.len(),
            Self::OfExtents { extents, .. } => extents.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of one group; `None` beyond the last.
    #[inline(always)]
    pub fn get(&self, group_idx: usize) -> Option<QuantParams> {
        match self {
            Self::Listed(params) => params.get(group_idx).copied(),
            Self::OfExtents { extents, codes } => {
                let extent = extents.get(group_idx)?;
                Some(codes.params(ValueRange { lo: extent.lo, hi: extent.hi }))
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = QuantParams> {
        (0..self.len()).filter_map(|group_idx| self.get(group_idx))
    }
}

impl FromIterator<QuantParams> for GroupParams {
    fn from_iter<I: IntoIterator<Item = QuantParams>>(params: I) -> Self {
        Self::Listed(params.into_iter().collect())
    }
}

/// A 32-bit float a group, written out when asked for.
pub struct ScalesOf(pub GroupParams);

impl ScaleStore for ScalesOf {
    fn parts(&self) -> Vec<Part> {
        let scales: Vec<f32> = self.0.iter().map(|params| params.scale).collect();
        vec![Part::f32s("scales", &scales)]
    }

    fn n_bits(&self) -> u64 {
        32 * self.0.len() as u64
    }

    fn rule(&self) -> ScaleRule {
        ScaleRule::F32
    }
}
