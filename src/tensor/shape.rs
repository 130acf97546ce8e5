//! Shapes whose element count is known to fit memory arithmetic.

/// The most elements one tensor may have; above it nothing could be shown or computed on a
/// desktop machine, and a file that says so is lying.
pub const MAX_ELEMENTS: usize = 1 << 40;

/// Why a list of dimensions is not a shape.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShapeError {
    #[error("shape {dims:?} has more elements than can be addressed (limit 2^40)")]
    TooLarge { dims: Vec<u64> },
}

/// Dimensions of a tensor, outermost first; `[]` is a scalar with one element.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Shape {
    dims: Vec<usize>,
    count: usize,
}

impl Shape {
    /// Checks that the product of `dims` neither overflows nor exceeds 2^40 elements.
    ///
    /// # Errors
    /// [`ShapeError::TooLarge`]. A zero dimension makes an empty shape, whatever the others are.
    pub fn new(dims: &[u64]) -> Result<Self, ShapeError> {
        let too_large = || ShapeError::TooLarge { dims: dims.to_vec() };
        let narrow: Vec<usize> = dims
            .iter()
            .map(|&dim| usize::try_from(dim).map_err(|_| too_large()))
            .collect::<Result<_, _>>()?;
        let count = narrow
            .iter()
            .filter(|&&dim| dim != 0)
            .try_fold(1usize, |product, &dim| product.checked_mul(dim))
            .filter(|&product| product <= MAX_ELEMENTS)
            .ok_or_else(too_large)?;
        let count = if narrow.contains(&0) { 0 } else { count };
        Ok(Self { dims: narrow, count })
    }

    /// The shape of an array that exists already, so its count is known to fit.
    pub fn of_array(dims: &[usize]) -> Self {
        Self { dims: dims.to_vec(), count: dims.iter().product() }
    }

    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl std::fmt::Display for Shape {
    /// `64×32×3×3`; a scalar shows as `scalar`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.dims.is_empty() {
            return f.write_str("scalar");
        }
        for (dim_idx, dim) in self.dims.iter().enumerate() {
            if dim_idx > 0 {
                f.write_str("×")?;
            }
            write!(f, "{dim}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_is_an_error_and_zero_is_empty() {
        assert!(Shape::new(&[u64::MAX, 2]).is_err(), "product overflows");
        assert!(Shape::new(&[1 << 21, 1 << 20]).is_err(), "over the limit");
        assert!(Shape::new(&[0, u64::MAX, u64::MAX]).is_err(), "zero does not hide a lie");
        assert_eq!(Shape::new(&[3, 0, 5]).map(|shape| shape.count()), Ok(0));
        assert_eq!(Shape::new(&[]).map(|shape| shape.count()), Ok(1));
        assert_eq!(Shape::new(&[64, 3]).map(|shape| shape.to_string()), Ok("64×3".to_owned()));
    }
}
