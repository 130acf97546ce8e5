//! Weights that a file stores as integers with scales, read as the numbers they stand for.

use std::collections::{BTreeMap, HashMap, HashSet};

use ndarray::{ArcArray, ArrayView, Axis, IxDyn};

use super::graph::{Graph, Node};
use super::links::Links;
use super::store::{StoreError, TensorStore};
use crate::tensor::{Tensor, Value};

/// Replaces every `DequantizeLinear` over tensors of the file by its result, under the name of the
/// integer tensor, so that the weight is a layer like any other.
///
/// - `w = (q − zero_point) · scale`, the product rounded once to `f32`; one scale for the tensor,
///   one for each slice along `axis`, or one for each block of `block_size` along it.
/// - A constant Reshape that alone reads the result, and a Transpose after it, are done as well:
///   codes in blocks are stored as matrices.
/// - A node that does not fit stays: a tensor that somebody else reads too, attributes the operator
///   does not take.
///
/// # Errors
/// A tensor that cannot be read.
pub(super) fn dequantize_weights(
    graph: &Graph,
    store: &TensorStore,
) -> Result<(Graph, BTreeMap<String, Tensor>), StoreError> {
    let links = Links::new(graph);
    let mut replaced = BTreeMap::new();
    let mut renamed: HashMap<&str, &str> = HashMap::new();
    let mut dropped: HashSet<usize> = HashSet::new();
    for (node_idx, node) in graph.nodes.iter().enumerate() {
        let (Some(weight), Some(output)) = (node.inputs.first(), node.outputs.first()) else {
            continue;
        };
        let is_alone = links.n_readers(weight) == 1
            && !graph.outputs.contains(output)
            && !graph.outputs.contains(weight);
        if node.op != "DequantizeLinear" || !is_alone {
            continue;
        }
        if let Some(mut values) = dequantized(node, graph.opset, store)? {
            let mut end = output;
            dropped.insert(node_idx);
            for op in ["Reshape", "Transpose"] {
                let next = sole_reader(end, op, &links, graph);
                let Some((next_idx, next, next_end)) = next else { break };
                let Some(shaped) = reshaped(&values, next, store)? else { break };
                (values, end) = (shaped, next_end);
                dropped.insert(next_idx);
            }
            replaced.insert(weight.clone(), values);
            renamed.insert(end, weight);
        }
    }
    let with_names = |node: &Node| {
        let mut node = node.clone();
        for input in &mut node.inputs {
            if let Some(&name) = renamed.get(input.as_str()) {
                name.clone_into(input);
            }
        }
        node
    };
    let kept = graph.nodes.iter().enumerate().filter(|(idx, _)| !dropped.contains(idx));
    let nodes = kept.map(|(_, node)| with_names(node)).collect();
    Ok((Graph { nodes, ..graph.clone() }, replaced))
}

/// The node of that operator that alone reads a value, as its first input, with its place and output.
fn sole_reader<'a>(
    value: &str,
    op: &str,
    links: &Links<'a>,
    graph: &Graph,
) -> Option<(usize, &'a Node, &'a String)> {
    let reader = links.readers(value).next()?;
    let output = reader.outputs.first()?;
    let is_alone = links.n_readers(value) == 1 && !graph.outputs.contains(output);
    let fits = reader.op == op && reader.inputs.first().is_some_and(|input| input == value);
    (is_alone && fits).then_some((links.producer_idx(output)?, reader, output))
}

/// What a Reshape to a shape of the file, or a Transpose, makes of the values; `None` where it does
/// not fit.
fn reshaped(
    values: &Tensor,
    node: &Node,
    store: &TensorStore,
) -> Result<Option<Tensor>, StoreError> {
    if node.op == "Transpose" {
        let Ok(Some(order)) = node.attributes.ints("perm") else { return Ok(None) };
        let order: Vec<usize> = order.iter().filter_map(|&at| at.try_into().ok()).collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..values.ndim()) {
            return Ok(None);
        }
        let turned = values.view().permuted_axes(IxDyn(&order));
        return Ok(Some(turned.as_standard_layout().into_owned().into_shared()));
    }
    let shape = node.inputs.get(1).filter(|name| store.info(name).is_some());
    let Some(Value::I64(shape)) = shape.map(|name| store.value(name)).transpose()? else {
        return Ok(None);
    };
    // 0 and −1 have meanings of their own, which files of codes have no use for.
    let dims: Option<Vec<usize>> =
        shape.iter().map(|&dim| usize::try_from(dim).ok().filter(|&dim| dim > 0)).collect();
    Ok(dims.and_then(|dims| values.clone().into_shape_with_order(IxDyn(&dims)).ok()))
}

/// What the node makes; `None` if it is not of the plain kind.
fn dequantized(node: &Node, opset: u32, store: &TensorStore) -> Result<Option<Tensor>, StoreError> {
    let (Some(weight), Some(scale)) = (node.inputs.first(), node.inputs.get(1)) else {
        return Ok(None);
    };
    let zero = node.inputs.get(2).filter(|name| !name.is_empty());
    let attributes = &node.attributes;
    let is_plain = matches!(attributes.int_or("output_dtype", 0), Ok(0 | 1));
    let block_len = match attributes.int_or("block_size", 0).map(usize::try_from) {
        Ok(Ok(0)) => None,
        Ok(Ok(len)) if opset >= 21 => Some(len),
        _ => return Ok(None),
    };
    let names = [Some(weight), Some(scale), zero];
    let all_there = names.into_iter().flatten().all(|name| store.info(name).is_some());
    let (Ok(axis), true) = (attributes.int_or("axis", 1), is_plain && all_there) else {
        return Ok(None);
    };
    let (Value::I64(codes), Value::F32(scales)) = (store.value(weight)?, store.value(scale)?)
    else {
        return Ok(None);
    };
    let zeros = match zero.map(|name| store.value(name)).transpose()? {
        None => vec![0; scales.len()],
        Some(Value::I64(zeros)) if zeros.shape() == scales.shape() => {
            zeros.iter().copied().collect()
        }
        Some(_) => return Ok(None),
    };
    let axis = if opset >= 13 { axis } else { 0 };
    let axis = if axis < 0 { axis + codes.ndim() as i64 } else { axis };
    let axis = usize::try_from(axis).ok().filter(|&axis| axis < codes.ndim());
    let value = |code: i64, at: usize, scale: f32| {
        (i128::from(code) - i128::from(zeros[at])) as f32 * scale
    };
    if let Some(block_len) = block_len {
        return Ok(axis.and_then(|axis| blocks(&codes, (&scales, &zeros), (axis, block_len))));
    }
    let scales: Vec<f32> = match (scales.ndim(), axis) {
        (0, _) => scales.iter().copied().collect(),
        (1, _) if scales.len() == 1 => scales.iter().copied().collect(),
        (1, Some(axis)) if scales.len() == codes.shape()[axis] => scales.iter().copied().collect(),
        _ => return Ok(None),
    };
    let mut out = codes.map(|_| 0.0f32);
    if let &[scale] = scales.as_slice() {
        out.zip_mut_with(&codes, |out, &code| *out = value(code, 0, scale));
    } else if let Some(axis) = axis {
        let axis = Axis(axis);
        let slices = out.axis_iter_mut(axis).zip(codes.axis_iter(axis)).zip(&scales).enumerate();
        for (at, ((mut out, codes), &scale)) in slices {
            out.zip_mut_with(&codes, |out, &code| *out = value(code, at, scale));
        }
    }
    Ok(Some(out.into_shared()))
}

/// With a scale for each block along `axis`; `None` where the scales do not fit.
fn blocks(
    codes: &ArcArray<i64, IxDyn>,
    (scales, zeros): (&Tensor, &[i64]),
    (axis, block_len): (usize, usize),
) -> Option<Tensor> {
    let len = *codes.shape().get(axis)?;
    let mut wanted = codes.shape().to_vec();
    *wanted.get_mut(axis)? = len.div_ceil(block_len);
    let zeros = ArrayView::from_shape(scales.raw_dim(), zeros).ok()?;
    if scales.shape() != wanted {
        return None;
    }
    let mut out = codes.map(|_| 0.0f32);
    let axis = Axis(axis);
    for (at, mut slice) in out.axis_iter_mut(axis).enumerate() {
        let block_idx = at / block_len;
        let rules = (scales.index_axis(axis, block_idx), zeros.index_axis(axis, block_idx));
        ndarray::Zip::from(&mut slice)
            .and(codes.index_axis(axis, at))
            .and(rules.0)
            .and(rules.1)
            .for_each(|out, &code, &scale, &zero| {
                *out = (i128::from(code) - i128::from(zero)) as f32 * scale;
            });
    }
    Some(out.into_shared())
}
