//! Einsum: a sum of products over named axes, done as a chain of batched matrix products.

use std::collections::BTreeMap;

use super::dense::{array_of, count_of, elements, reshaped};
use super::linear::matmul;
use super::rearrange::transposed;
use super::strided::{StridedAxis, gather_strided, row_major_strides};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry};
use crate::model::Attributes;
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] =
    &[OperatorEntry { op: "Einsum", opsets: (12, 23), build: build_einsum }];

/// The sum of products that `equation` names, such as `bij,bjk->bik`.
///
/// - Letters name axes; a letter twice in one term takes the diagonal; letters missing behind `->`
///   are summed over; without `->` the letters that occur once stay, in alphabetical order. `...`
///   stands for further axes, aligned at the last and broadcast.
/// - Any number of operands, joined from the left. Floats only; sums as in MatMul.
/// - Source: ONNX Einsum-12.
#[derive(Debug)]
struct Einsum {
    equation: String,
    terms: Vec<Vec<Label>>,
    output: Option<Vec<Label>>,
}

/// The name of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// The axis so many places from the end of those `...` stands for.
    Ellipsis(usize),
    Letter(char),
}

/// Stands for `...` until the number of its axes is known.
const ELLIPSIS: Label = Label::Ellipsis(usize::MAX);

fn build_einsum(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let equation = Attributes::required("equation", ctx.attributes.string("equation")?)?.to_owned();
    let refused = || {
        OpError::Invalid(format!(
            "attribute \"equation\" is {equation:?}, expected letters and \"...\" for each of {} inputs",
            ctx.n_inputs
        ))
    };
    let compact: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (terms, output) = match compact.split_once("->") {
        Some((terms, output)) => (terms, Some(output)),
        None => (&compact[..], None),
    };
    let terms: Option<Vec<_>> = terms.split(',').map(parse_term).collect();
    let terms = terms.filter(|terms| terms.len() == ctx.n_inputs).ok_or_else(refused)?;
    let output = match output {
        Some(output) => {
            Some(parse_term(output).filter(|term| is_unique(term)).ok_or_else(refused)?)
        }
        None => None,
    };
    let known = |label: &Label| *label == ELLIPSIS || terms.iter().any(|term| term.contains(label));
    if output.as_ref().is_some_and(|output| !output.iter().all(known)) {
        return Err(refused());
    }
    Ok(Box::new(Einsum { equation, terms, output }))
}

fn parse_term(text: &str) -> Option<Vec<Label>> {
    let mut labels = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            if labels.contains(&ELLIPSIS) {
                return None;
            }
            labels.push(ELLIPSIS);
            rest = after;
        } else {
            labels.push(first.is_ascii_alphabetic().then_some(Label::Letter(first))?);
            rest = &rest[1..];
        }
    }
    Some(labels)
}

fn is_unique(term: &[Label]) -> bool {
    term.iter().enumerate().all(|(idx, label)| !term[..idx].contains(label))
}

/// A tensor and the names of its axes.
struct Named {
    tensor: Tensor,
    labels: Vec<Label>,
}

impl Operator for Einsum {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let mut operands = Vec::with_capacity(self.terms.len());
        let mut ellipsis_len = 0;
        for (idx, term) in self.terms.iter().enumerate() {
            let tensor = inputs.take_f32(idx)?;
            let labels = self.expanded(term, tensor.ndim())?;
            ellipsis_len =
                ellipsis_len.max(labels.iter().filter(|l| matches!(l, Label::Ellipsis(_))).count());
            operands.push(Named { tensor, labels });
        }
        let lens = axis_lens(&operands)?;
        let output = self.output_labels(&operands, ellipsis_len);
        let mut operands = operands.into_iter().map(|operand| operand.diagonal(&lens));
        let mut result =
            operands.next().unwrap_or_else(|| Err(OpError::Invalid("no inputs".to_owned())))?;
        let mut rest: Vec<Named> = operands.collect::<Result<_, _>>()?;
        rest.reverse();
        while let Some(next) = rest.pop() {
            let is_wanted = |label: &Label| {
                output.contains(label) || rest.iter().any(|later| later.labels.contains(label))
            };
            result = contract(result, next, &lens, is_wanted)?;
        }
        Ok(vec![result.arranged(&output, &lens)?.into()])
    }
}

impl Einsum {
    /// The labels of one term with `...` replaced by as many axes as the operand has left.
    fn expanded(&self, term: &[Label], rank: usize) -> Result<Vec<Label>, OpError> {
        let n_letters = term.iter().filter(|label| **label != ELLIPSIS).count();
        let n_free = rank.checked_sub(n_letters).filter(|&n| n == 0 || term.contains(&ELLIPSIS));
        let n_free = n_free.ok_or_else(|| {
            OpError::Invalid(format!(
                "attribute \"equation\" is {:?}, an input has {rank} axes where it names {n_letters}",
                self.equation
            ))
        })?;
        Ok(with_ellipsis(term, n_free))
    }

    /// The labels of the result.
    fn output_labels(&self, operands: &[Named], ellipsis_len: usize) -> Vec<Label> {
        if let Some(output) = &self.output {
            return with_ellipsis(output, ellipsis_len);
        }
        let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
        for label in operands.iter().flat_map(|operand| &operand.labels) {
            *counts.entry(*label).or_default() += 1;
        }
        let letters =
            counts.into_iter().filter(|(label, n)| *n == 1 && matches!(label, Label::Letter(_)));
        let ellipsis = (0..ellipsis_len).rev().map(Label::Ellipsis);
        ellipsis.chain(letters.map(|(label, _)| label)).collect()
    }
}

fn with_ellipsis(term: &[Label], n_free: usize) -> Vec<Label> {
    let expand = |label: &Label| match *label == ELLIPSIS {
        true => (0..n_free).rev().map(Label::Ellipsis).collect(),
        false => vec![*label],
    };
    term.iter().flat_map(expand).collect()
}

type AxisLens = BTreeMap<Label, usize>;

/// The length of every named axis; an axis of length 1 broadcasts.
fn axis_lens(operands: &[Named]) -> Result<AxisLens, OpError> {
    let mut lens = AxisLens::new();
    for operand in operands {
        for (&label, &len) in operand.labels.iter().zip(operand.tensor.shape()) {
            let known = lens.entry(label).or_insert(len);
            if *known == 1 {
                *known = len;
            }
            if len != *known && len != 1 {
                return Err(OpError::Invalid(format!(
                    "axis {label:?} has length {len} and {known}"
                )));
            }
        }
    }
    Ok(lens)
}

fn len_of(lens: &AxisLens, label: Label) -> usize {
    lens.get(&label).copied().unwrap_or(1)
}

impl Named {
    /// Every label once, broadcast axes at full length.
    fn diagonal(self, lens: &AxisLens) -> Result<Self, OpError> {
        let mut labels: Vec<Label> = Vec::new();
        let mut axes: Vec<StridedAxis> = Vec::new();
        let shape = self.tensor.shape();
        for ((&label, &len), stride) in self.labels.iter().zip(shape).zip(row_major_strides(shape))
        {
            let stride = if len == 1 { 0 } else { stride };
            match labels.iter().position(|known| *known == label) {
                Some(idx) => axes[idx].stride += stride,
                None => {
                    labels.push(label);
                    axes.push(StridedAxis { len: len_of(lens, label), stride });
                }
            }
        }
        let dims: Vec<usize> = axes.iter().map(|axis| axis.len).collect();
        let data = gather_strided(&elements(&self.tensor), 0, &axes)?;
        Ok(Self { tensor: array_of(&dims, data)?, labels })
    }

    /// The axes in the order of `groups`, each group joined into one axis; every label of the
    /// tensor is in one group.
    fn grouped(&self, groups: [&[Label]; 3], lens: &AxisLens) -> Result<Tensor, OpError> {
        let order: Vec<usize> = groups
            .iter()
            .flat_map(|group| group.iter())
            .filter_map(|label| self.labels.iter().position(|own| own == label))
            .collect();
        let dims = groups.map(|group| group.iter().map(|&label| len_of(lens, label)).product());
        reshaped(transposed(&self.tensor, &order)?, &dims)
    }

    /// Summed over the labels that `output` lacks, in its order.
    fn arranged(self, output: &[Label], lens: &AxisLens) -> Result<Tensor, OpError> {
        let summed: Vec<Label> =
            self.labels.iter().copied().filter(|label| !output.contains(label)).collect();
        let kept: Vec<Label> =
            output.iter().copied().filter(|label| self.labels.contains(label)).collect();
        let dims: Vec<usize> = kept.iter().map(|&label| len_of(lens, label)).collect();
        let matrix = self.grouped([&kept, &summed, &[]], lens)?;
        let kept_tensor = if summed.is_empty() {
            matrix
        } else {
            let row_len = matrix.shape()[1];
            let data = elements(&matrix);
            let sums = match row_len {
                0 => vec![0.0; count_of(&dims)],
                _ => data
                    .chunks_exact(row_len)
                    .map(|row| super::reduce::sum_f64(row) as f32)
                    .collect(),
            };
            array_of(&dims, sums)?
        };
        // Labels only the output has come from an ellipsis nobody filled: length 1.
        let full: Vec<usize> = output.iter().map(|&label| len_of(lens, label)).collect();
        reshaped(kept_tensor, &full)
    }
}

/// The product of two operands, summed over the labels nobody wants any more.
fn contract(
    left: Named,
    right: Named,
    lens: &AxisLens,
    is_wanted: impl Fn(&Label) -> bool,
) -> Result<Named, OpError> {
    let (left, right) = (
        left.without_private(&right, lens, &is_wanted)?,
        right.without_private(&left, lens, &is_wanted)?,
    );
    let in_both = |label: &&Label| right.labels.contains(label);
    let shared: Vec<Label> = left.labels.iter().filter(in_both).copied().collect();
    let (batch, summed): (Vec<Label>, Vec<Label>) =
        shared.iter().partition(|label| is_wanted(label));
    let only = |own: &Named| -> Vec<Label> {
        own.labels.iter().copied().filter(|label| !shared.contains(label)).collect()
    };
    let (rows, cols) = (only(&left), only(&right));
    let product = matmul(
        left.grouped([&batch, &rows, &summed], lens)?,
        right.grouped([&batch, &summed, &cols], lens)?,
    )?;
    let labels = [batch, rows, cols].concat();
    let dims: Vec<usize> = labels.iter().map(|&label| len_of(lens, label)).collect();
    Ok(Named { tensor: reshaped(product, &dims)?, labels })
}

impl Named {
    /// Summed over the labels that neither `other` nor anybody later has.
    fn without_private(
        &self,
        other: &Self,
        lens: &AxisLens,
        is_wanted: impl Fn(&Label) -> bool,
    ) -> Result<Self, OpError> {
        let kept: Vec<Label> = self
            .labels
            .iter()
            .copied()
            .filter(|label| other.labels.contains(label) || is_wanted(label))
            .collect();
        let copy = Self { tensor: self.tensor.clone(), labels: self.labels.clone() };
        Ok(Self { tensor: copy.arranged(&kept, lens)?, labels: kept })
    }
}
