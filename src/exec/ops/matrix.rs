//! Products of `f32` matrices (`rten-gemm`), the same bits whatever the number of threads.

use rten_gemm::{BiasVector, GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::Matrix;

use crate::exec::operator::OpError;

/// How the slice of a matrix is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    RowMajor,
    /// The slice holds the transposed matrix row-major.
    Transposed,
}

/// A matrix of `rows × cols` over a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct MatrixRef<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub cols: usize,
    pub reading: Reading,
    /// Distance between the rows the slice holds.
    pub row_len: usize,
}

impl<'a> MatrixRef<'a> {
    pub fn row_major(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, reading: Reading::RowMajor, row_len: cols }
    }

    /// `data` holds the `cols × rows` matrix whose transpose this is.
    pub fn transposed(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, reading: Reading::Transposed, row_len: rows }
    }

    fn view(&self, first_col: usize, n_cols: usize) -> Result<Matrix<'a>, OpError> {
        let strides = match self.reading {
            Reading::RowMajor => [self.row_len, 1],
            Reading::Transposed => [1, self.row_len],
        };
        let data = self.data.get(first_col * strides[1]..).unwrap_or_default();
        Matrix::from_slice_with_strides([self.rows, n_cols], data, strides).map_err(|error| {
            OpError::Invalid(format!(
                "{} elements are no {}×{} matrix: {error:?}",
                self.data.len(),
                self.rows,
                self.cols
            ))
        })
    }
}

/// What is added to every product.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bias<'a> {
    None,
    /// One number a row of the output.
    PerRow(&'a [f32]),
    /// One number a column of the output.
    PerColumn(&'a [f32]),
}

/// The product `alpha · left · right + bias`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product<'a> {
    pub alpha: f32,
    pub left: MatrixRef<'a>,
    pub right: MatrixRef<'a>,
    pub bias: Bias<'a>,
}

/// Columns of one call for a single row. `rten-gemm` cuts a longer row into one piece a thread and
/// rounds differently at the pieces' ends; a piece this long is never cut.
const ROW_PIECE: usize = 128;

thread_local! {
    // The executor holds the kernel chosen for this processor; it cannot be sent to another thread.
    static EXECUTOR: GemmExecutor<f32, f32, f32> = GemmExecutor::new();
}

/// A right factor in the order in which the product reads it.
pub(super) struct PackedRight(PackedBMatrix<f32>);

impl PackedRight {
    /// # Errors
    /// Sizes that do not go together.
    pub fn new(right: MatrixRef) -> Result<Self, OpError> {
        let view = right.view(0, right.cols)?;
        Ok(Self(EXECUTOR.with(|executor| executor.prepack_b(view))))
    }

    /// Whether it stands for such a matrix, multiplied from the left by one of `left_rows` rows.
    fn serves(&self, left_rows: usize, right: &MatrixRef) -> bool {
        left_rows > 1 && (self.0.rows(), self.0.cols()) == (right.rows, right.cols)
    }
}

impl Product<'_> {
    /// Writes the product row-major; `out` holds exactly as many elements.
    ///
    /// `packed` is the right factor made ready, if it was; the bits are the same.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn write(self, packed: Option<&PackedRight>, out: &mut [f32]) -> Result<(), OpError> {
        EXECUTOR.with(|executor| self.write_with(executor, packed, out))
    }

    fn write_with(
        self,
        executor: &GemmExecutor<f32, f32, f32>,
        packed: Option<&PackedRight>,
        out: &mut [f32],
    ) -> Result<(), OpError> {
        let Self { alpha, left, right, bias } = self;
        let a = GemmInputA::Unpacked(left.view(0, left.cols)?);
        let piece = if left.rows == 1 { ROW_PIECE } else { right.cols.max(1) };
        let mut first_col = 0;
        while first_col < right.cols {
            let n_cols = piece.min(right.cols - first_col);
            let bias = match bias {
                Bias::None => None,
                Bias::PerRow(bias) => Some(BiasVector::Column(bias)),
                Bias::PerColumn(bias) => Some(BiasVector::Row(
                    bias.get(first_col..first_col + n_cols).unwrap_or_default(),
                )),
            };
            // A piece narrower than the matrix is a part of its only row.
            let part = out.get_mut(first_col..).and_then(|out| out.get_mut(..left.rows * n_cols));
            let options = GemmOptions { alpha, bias, ..GemmOptions::default() };
            let b = match packed.filter(|packed| packed.serves(left.rows, &right)) {
                Some(packed) => GemmInputB::Packed(&packed.0),
                None => GemmInputB::Unpacked(right.view(first_col, n_cols)?),
            };
            executor
                .gemm(part.unwrap_or_default(), a, b, options)
                .map_err(|error| OpError::Invalid(format!("matrix product: {error}")))?;
            first_col += n_cols;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(left: MatrixRef, right: MatrixRef) -> Vec<f64> {
        let at = |m: &MatrixRef, row: usize, col: usize| match m.reading {
            Reading::RowMajor => f64::from(m.data[row * m.cols + col]),
            Reading::Transposed => f64::from(m.data[col * m.rows + row]),
        };
        let mut out = Vec::new();
        for row in 0..left.rows {
            for col in 0..right.cols {
                out.push((0..left.cols).map(|k| at(&left, row, k) * at(&right, k, col)).sum());
            }
        }
        out
    }

    fn read(data: &[f32], rows: usize, cols: usize, reading: Reading) -> MatrixRef<'_> {
        match reading {
            Reading::RowMajor => MatrixRef::row_major(data, rows, cols),
            Reading::Transposed => MatrixRef::transposed(data, rows, cols),
        }
    }

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + 11) % 29) as f32 / 7.0 - 2.0).collect()
    }

    #[test]
    fn agrees_with_the_reference_in_both_readings() {
        for (rows, depth, cols) in [(1, 5, 300), (3, 4, 5), (17, 33, 70), (2, 1, 1), (1, 1, 129)] {
            for reading in [Reading::RowMajor, Reading::Transposed] {
                let (a, b) = (numbers(rows * depth), numbers(depth * cols));
                let left = read(&a, rows, depth, reading);
                let right = read(&b, depth, cols, reading);
                let bias = numbers(cols);
                let mut out = vec![f32::NAN; rows * cols];
                let bias_ref = Bias::PerColumn(&bias);
                let product = Product { alpha: 2.0, left, right, bias: bias_ref };
                product.write(None, &mut out).unwrap();
                let packed = PackedRight::new(right).unwrap();
                let mut again = vec![f32::NAN; rows * cols];
                product.write(Some(&packed), &mut again).unwrap();
                assert_eq!(out, again, "{rows}×{depth}×{cols}");
                for (idx, want) in reference(left, right).iter().enumerate() {
                    let want = 2.0 * want + f64::from(bias[idx % cols]);
                    assert!(
                        (f64::from(out[idx]) - want).abs() < 1e-4,
                        "{rows}×{depth}×{cols} at {idx}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_row_is_the_same_for_every_thread_count() {
        let (depth, cols) = (77, 1003);
        let (a, b) = (numbers(depth), numbers(depth * cols));
        let run = |n_threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let mut out = vec![0.0; cols];
            pool.install(|| {
                let product = Product {
                    alpha: 1.0,
                    left: MatrixRef::row_major(&a, 1, depth),
                    right: MatrixRef::row_major(&b, depth, cols),
                    bias: Bias::None,
                };
                product.write(None, &mut out).unwrap();
            });
            out
        };
        let alone = run(1);
        for n_threads in [2, 3, 7] {
            assert_eq!(run(n_threads), alone, "{n_threads} threads");
        }
    }
}
