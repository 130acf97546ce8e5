//! Elements found by their size or place: ArgMax, ArgMin, TopK, Trilu, and running sums.

use std::cmp::Ordering;

use super::attribute::switch;
use super::dense::{Array, Element, array_of, count_of, elements, into_elements};
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "ArgMax", opsets: (7, 23), build: |ctx| build_arg(ctx, Extreme::Largest) },
    OperatorEntry { op: "ArgMin", opsets: (7, 23), build: |ctx| build_arg(ctx, Extreme::Smallest) },
    OperatorEntry { op: "TopK", opsets: (7, 23), build: build_top_k },
    OperatorEntry { op: "CumSum", opsets: (11, 23), build: build_cum_sum },
    OperatorEntry { op: "Trilu", opsets: (14, 23), build: build_trilu },
];

/// A value that can be ranked; NaN ranks above everything, as in NumPy.
trait Ranked: Element {
    fn rank(a: Self, b: Self) -> Ordering;

    fn is_nan(self) -> bool;
}

impl Ranked for f32 {
    fn rank(a: Self, b: Self) -> Ordering {
        a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    }

    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

impl Ranked for i64 {
    fn rank(a: Self, b: Self) -> Ordering {
        a.cmp(&b)
    }

    fn is_nan(self) -> bool {
        false
    }
}

/// A value as lines along one axis: `outer × len × inner`.
#[derive(Clone, Copy)]
struct Lines {
    len: usize,
    inner: usize,
    n_lines: usize,
}

impl Lines {
    fn new(dims: &[usize], axis: usize) -> Self {
        let inner = count_of(&dims[axis + 1..]);
        Self { len: dims[axis], inner, n_lines: count_of(&dims[..axis]) * inner }
    }

    /// Offset of element `idx` of line `line_idx`.
    fn offset(self, line_idx: usize, idx: usize) -> usize {
        (line_idx / self.inner * self.len + idx) * self.inner + line_idx % self.inner
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extreme {
    Largest,
    Smallest,
}

impl Extreme {
    /// Whether `a` goes before `b`.
    fn order<T: Ranked>(self, a: T, b: T) -> Ordering {
        match self {
            Self::Largest => T::rank(b, a),
            Self::Smallest => T::rank(a, b),
        }
    }
}

/// Index of the largest or smallest element along an axis.
///
/// - Of equals the first, or with `select_last_index` the last. NaN goes before every number.
/// - Source: ONNX ArgMax-1, -11, -12, -13; ArgMin likewise.
#[derive(Debug)]
struct ArgExtreme {
    extreme: Extreme,
    axis: i64,
    keeps_dims: bool,
    takes_last: bool,
}

fn build_arg(ctx: &BuildCtx, extreme: Extreme) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(ArgExtreme {
        extreme,
        axis: ctx.attributes.int_or("axis", 0)?,
        keeps_dims: switch(ctx, "keepdims", 1)?,
        takes_last: ctx.opset >= 12 && switch(ctx, "select_last_index", 0)?,
    }))
}

impl Operator for ArgExtreme {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let axis = resolve_axis(self.axis, value.dims().len())?;
        let lines = Lines::new(value.dims(), axis);
        if lines.len == 0 {
            return Err(OpError::Invalid(format!("axis {axis} of {:?} is empty", value.dims())));
        }
        let found = match &value {
            Value::F32(array) => self.find(&elements(array), lines),
            Value::I64(array) => self.find(&elements(array), lines),
            Value::Bool(_) => {
                return Err(OpError::Invalid("input 0 is bool, expected f32 or i64".to_owned()));
            }
        };
        let mut dims = value.dims().to_vec();
        match self.keeps_dims {
            true => dims[axis] = 1,
            false => {
                dims.remove(axis);
            }
        }
        Ok(vec![Value::I64(array_of(&dims, found)?)])
    }
}

impl ArgExtreme {
    fn find<T: Ranked>(&self, data: &[T], lines: Lines) -> Vec<i64> {
        let at = |line_idx, idx| data[lines.offset(line_idx, idx)];
        (0..lines.n_lines)
            .map(|line_idx| {
                let mut best = 0;
                for idx in 1..lines.len {
                    let (a, b) = (at(line_idx, idx), at(line_idx, best));
                    let order = b.is_nan().cmp(&a.is_nan()).then(self.extreme.order(a, b));
                    if order == Ordering::Less || (order == Ordering::Equal && self.takes_last) {
                        best = idx;
                    }
                }
                best as i64
            })
            .collect()
    }
}

/// The `k` largest or smallest elements along an axis, in order, and their indices.
///
/// - Of equals the one with the lower index first. NaN counts as the largest.
/// - `k` is an attribute before opset 10, input 1 from then on.
/// - Source: ONNX TopK-1, -10, -11. `sorted = 0` allows any order; this is still sorted.
#[derive(Debug)]
struct TopK {
    k: Option<i64>,
    axis: i64,
    extreme: Extreme,
}

fn build_top_k(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let k = match ctx.opset {
        ..10 => Some(Attributes::required("k", ctx.attributes.int("k")?)?),
        _ => None,
    };
    let largest = ctx.opset < 11 || switch(ctx, "largest", 1)?;
    Ok(Box::new(TopK {
        k,
        axis: ctx.attributes.int_or("axis", -1)?,
        extreme: if largest { Extreme::Largest } else { Extreme::Smallest },
    }))
}

impl Operator for TopK {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let wanted = match self.k {
            Some(k) => vec![k],
            None => inputs.take_ints(1)?,
        };
        let axis = resolve_axis(self.axis, value.dims().len())?;
        let len = value.dims()[axis];
        let k = match wanted[..] {
            [k] => usize::try_from(k).ok().filter(|&k| k <= len),
            _ => None,
        };
        let Some(k) = k else {
            return Err(OpError::Invalid(format!(
                "k is {wanted:?}, it must be one number in 0..={len}"
            )));
        };
        match &value {
            Value::F32(array) => self.top(array, axis, k),
            Value::I64(array) => self.top(array, axis, k),
            Value::Bool(_) => {
                Err(OpError::Invalid("input 0 is bool, expected f32 or i64".to_owned()))
            }
        }
    }
}

impl TopK {
    fn top<T: Ranked>(
        &self,
        array: &Array<T>,
        axis: usize,
        k: usize,
    ) -> Result<Vec<Value>, OpError> {
        let data = elements(array);
        let lines = Lines::new(array.shape(), axis);
        let mut dims = array.shape().to_vec();
        dims[axis] = k;
        let out_lines = Lines { len: k, ..lines };
        let mut values = vec![T::default(); count_of(&dims)];
        let mut indices = vec![0i64; count_of(&dims)];
        let mut order: Vec<usize> = Vec::with_capacity(lines.len);
        if k == 0 {
            return Ok(vec![
                T::wrap(array_of(&dims, values)?),
                Value::I64(array_of(&dims, indices)?),
            ]);
        }
        for line_idx in 0..lines.n_lines {
            let at = |idx: usize| data[lines.offset(line_idx, idx)];
            let compare = |a: &usize, b: &usize| self.extreme.order(at(*a), at(*b)).then(a.cmp(b));
            order.clear();
            order.extend(0..lines.len);
            if k < lines.len {
                order.select_nth_unstable_by(k - 1, compare);
                order.truncate(k);
            }
            order.sort_unstable_by(compare);
            for (place, &idx) in order.iter().enumerate() {
                let offset = out_lines.offset(line_idx, place);
                values[offset] = at(idx);
                indices[offset] = idx as i64;
            }
        }
        Ok(vec![T::wrap(array_of(&dims, values)?), Value::I64(array_of(&dims, indices)?)])
    }
}

/// Running sums along the axis in input 1.
///
/// - `exclusive` leaves the element itself out, `reverse` sums from the back. Floats are summed in
///   `f64`, integers wrap around.
/// - Source: ONNX CumSum-11, -14.
#[derive(Debug)]
struct CumSum {
    is_exclusive: bool,
    is_reverse: bool,
}

fn build_cum_sum(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(CumSum {
        is_exclusive: switch(ctx, "exclusive", 0)?,
        is_reverse: switch(ctx, "reverse", 0)?,
    }))
}

impl Operator for CumSum {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let axes = inputs.take_ints(1)?;
        let [axis] = axes[..] else {
            return Err(OpError::Invalid(format!("the axis is {axes:?}, expected one number")));
        };
        let dims = value.dims().to_vec();
        let lines = Lines::new(&dims, resolve_axis(axis, dims.len())?);
        Ok(vec![match value {
            Value::F32(array) => {
                let mut data = into_elements(array);
                self.sum(&mut data, lines, (0.0f64, |sum, x| sum + f64::from(x)), |sum| sum as f32);
                array_of(&dims, data)?.into()
            }
            Value::I64(array) => {
                let mut data = into_elements(array);
                self.sum(&mut data, lines, (0i64, i64::wrapping_add), |sum| sum);
                Value::I64(array_of(&dims, data)?)
            }
            Value::Bool(_) => {
                return Err(OpError::Invalid("input 0 is bool, expected f32 or i64".to_owned()));
            }
        }])
    }
}

impl CumSum {
    /// `accumulate` is the empty sum and how an element joins a sum.
    fn sum<T: Element, A: Copy>(
        &self,
        data: &mut [T],
        lines: Lines,
        accumulate: (A, fn(A, T) -> A),
        round: fn(A) -> T,
    ) {
        let (empty, add) = accumulate;
        for line_idx in 0..lines.n_lines {
            let mut sum = empty;
            for step in 0..lines.len {
                let idx = if self.is_reverse { lines.len - 1 - step } else { step };
                let x = &mut data[lines.offset(line_idx, idx)];
                let next = add(sum, *x);
                *x = round(if self.is_exclusive { sum } else { next });
                sum = next;
            }
        }
    }
}

/// The upper or lower triangle of the last two axes, zero elsewhere; input 1 shifts the diagonal
/// (ONNX Trilu-14).
#[derive(Debug)]
struct Trilu {
    triangle: Triangle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Triangle {
    Upper,
    Lower,
}

fn build_trilu(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let triangle = if switch(ctx, "upper", 1)? { Triangle::Upper } else { Triangle::Lower };
    Ok(Box::new(Trilu { triangle }))
}

impl Operator for Trilu {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let shift = match inputs.take_optional_ints(1)?.as_deref() {
            None => 0,
            Some(&[shift]) => shift,
            Some(other) => {
                return Err(OpError::Invalid(format!("k is {other:?}, expected one number")));
            }
        };
        Ok(vec![each_type!(value, array => Element::wrap(self.triangle_of(array, shift)?))])
    }
}

impl Trilu {
    fn triangle_of<T: Element>(&self, array: Array<T>, shift: i64) -> Result<Array<T>, OpError> {
        let dims = array.shape().to_vec();
        let [.., rows, cols] = dims[..] else {
            return Err(OpError::Invalid(format!("the input has shape {dims:?}, it needs 2 axes")));
        };
        output_count(&dims)?;
        let mut data = into_elements(array);
        for (row_idx, row) in data.chunks_exact_mut(cols.max(1)).enumerate() {
            // Columns before `split` lie below the shifted diagonal.
            let diagonal = ((row_idx % rows.max(1)) as i64).saturating_add(shift);
            let split = match self.triangle {
                Triangle::Upper => diagonal,
                Triangle::Lower => diagonal.saturating_add(1),
            };
            let split = split.clamp(0, cols as i64).unsigned_abs() as usize;
            match self.triangle {
                Triangle::Upper => row[..split].fill(T::default()),
                Triangle::Lower => row[split..].fill(T::default()),
            }
        }
        array_of(&dims, data)
    }
}
