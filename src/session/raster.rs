//! A layer's weights, errors or codes as a picture: which weight every pixel shows and how strong
//! its colour is. Large sheets are shown by blocks, each by its largest magnitude.

use std::sync::{Arc, Mutex};

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::sheet::{Arrangement, CellRegion, Sheet};
use super::state::Session;
use super::workshop::{QueryError, Workshop, lock};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::eval::{codes_of, kept_axis};
use crate::quant::{CodeRange, SchemeChoice};
use crate::tensor::Tensor;

/// The most pixels of a picture, and on a side: what a graphics card takes within one frame.
const MAX_PIXELS: usize = 1 << 20;
const MAX_SIDE: usize = 2048;

/// What the colours stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// The weight `x`.
    Value,
    /// `x − x̂`.
    Error,
    /// The whole number that stands for the weight.
    Code,
}

/// What is to be shown of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RasterView {
    pub shown: Shown,
    pub arrangement: Arrangement,
    /// A part of the sheet in more detail; all of it if `None`.
    pub region: Option<CellRegion>,
    /// Cells a pixel stands for at least, down and across; more where the picture would be too
    /// large.
    pub block: (usize, usize),
}

/// A layer's weights and what they become, in the tensor's own order.
#[derive(Debug)]
pub struct RasterSource {
    weights: Tensor,
    quantized: Option<Tensor>,
    codes: Option<Tensor>,
    pub code_range: Option<CodeRange>,
    value_limit: Limit,
    error_limit: Limit,
    n_non_finite: usize,
}

/// The magnitude at the end of the colour scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub magnitude: f32,
    /// Weights beyond it, at most 0.1 %, which have the colour of the end.
    pub n_beyond: usize,
}

/// The picture of a region of a sheet.
#[derive(Clone, Debug)]
pub struct Raster {
    pub layer_idx: usize,
    pub view: RasterView,
    pub sheet: Sheet,
    pub region: CellRegion,
    /// Cells a pixel stands for, down and across.
    pub block: (usize, usize),
    /// Pixels across and down.
    pub size: [usize; 2],
    /// For each pixel the place on the colour scale, 0 to 255; for signed numbers 128 is zero.
    pub shades: Vec<u8>,
    /// What each pixel stands for.
    pub kinds: Vec<PixelKind>,
    /// For each pixel the element it shows: the largest magnitude of its block.
    elements: Vec<u32>,
    pub source: Arc<RasterSource>,
}

/// What a pixel stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelKind {
    Number,
    /// NaN or infinite.
    NotFinite,
    /// Nothing: after the last tile.
    Gap,
}

/// No element: a gap after the last tile.
const GAP: u32 = u32::MAX;

/// What is known of one weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightFigures {
    pub weight: f32,
    pub quantized: Option<f32>,
    pub code: Option<i32>,
}

impl RasterSource {
    /// The figures of one element.
    pub fn figures(&self, element: usize) -> Option<WeightFigures> {
        let of = |tensor: &Tensor| tensor.as_slice().and_then(|data| data.get(element)).copied();
        Some(WeightFigures {
            weight: of(&self.weights)?,
            quantized: self.quantized.as_ref().and_then(of),
            code: self.codes.as_ref().and_then(of).map(|code| code as i32),
        })
    }

    /// What is shown of an element.
    pub fn shown(&self, shown: Shown, element: usize) -> Option<f32> {
        let figures = self.figures(element)?;
        match shown {
            Shown::Value => Some(figures.weight),
            Shown::Error => Some(figures.weight - figures.quantized.unwrap_or(figures.weight)),
            Shown::Code => figures.code.map(|code| code as f32),
        }
    }

    /// Ends of the colour scale, and the weights that lie beyond.
    pub fn scale(&self, shown: Shown) -> (f32, f32, usize) {
        let symmetric = |limit: Limit| (-limit.magnitude, limit.magnitude, limit.n_beyond);
        match (shown, self.code_range) {
            (Shown::Value, _) => symmetric(self.value_limit),
            (Shown::Error, _) => symmetric(self.error_limit),
            (Shown::Code, Some(range)) => (range.qmin as f32, range.qmax as f32, 0),
            (Shown::Code, None) => (0.0, 1.0, 0),
        }
    }

    /// Whether the layer is quantized at all.
    pub fn is_quantized(&self) -> bool {
        self.quantized.is_some()
    }
}

/// The magnitude that 99.9 % of the finite numbers do not exceed, to within 1 % and never below
/// it; the greatest where that is zero, 1 where all are. `number(i)` for `i` below `len`.
///
/// By counting the upper halves of the bit patterns, which are in the order of the magnitudes.
fn limit_of(
    len: usize,
    number: impl Fn(usize) -> f32 + Sync,
    ctx: &WorkCtx,
) -> Result<Limit, Cancelled> {
    const N_PARTS: usize = 16;
    const N_BUCKETS: usize = 1 << 15;
    let bucket = |x: f32| (x.abs().to_bits() >> 16) as usize;
    let parts = reduce::map_indices(N_PARTS, ctx, |part_idx| {
        let mut counts = vec![0usize; N_BUCKETS];
        let mut greatest = 0f32;
        for idx in part_idx * len / N_PARTS..(part_idx + 1) * len / N_PARTS {
            let x = number(idx);
            if let Some(count) = counts.get_mut(bucket(x)).filter(|_| x.is_finite()) {
                *count += 1;
                greatest = greatest.max(x.abs());
            }
        }
        Ok::<_, Cancelled>((counts, greatest))
    })?;
    let greatest = parts.iter().map(|(_, greatest)| *greatest).fold(0.0, f32::max);
    let n_finite: usize = parts.iter().flat_map(|(counts, _)| counts).sum();
    let n_allowed = n_finite / 1000;
    let mut n_beyond = 0;
    for bucket_idx in (0..N_BUCKETS).rev() {
        let count: usize = parts.iter().filter_map(|(counts, _)| counts.get(bucket_idx)).sum();
        if n_beyond + count <= n_allowed {
            n_beyond += count;
            continue;
        }
        let edge = f32::from_bits(((bucket_idx as u32 + 1) << 16) - 1);
        // Zeros and what vanishes beside the rest would make an empty scale.
        if bucket_idx == 0 || edge >= greatest {
            break;
        }
        return Ok(Limit { magnitude: edge, n_beyond });
    }
    Ok(Limit { magnitude: if greatest > 0.0 { greatest } else { 1.0 }, n_beyond: 0 })
}

/// Cells a pixel stands for, down and across: one where they fit.
pub fn pixel_blocks(n_rows: usize, n_columns: usize) -> (usize, usize) {
    let fitting = |n: usize| n.div_ceil(MAX_SIDE).max(1).next_power_of_two();
    let mut block = (fitting(n_rows), fitting(n_columns));
    loop {
        let size = (n_rows.div_ceil(block.0), n_columns.div_ceil(block.1));
        if size.0 * size.1 <= MAX_PIXELS {
            return block;
        }
        if size.0 >= size.1 { block.0 *= 2 } else { block.1 *= 2 }
    }
}

impl Raster {
    fn compute(
        layer_idx: usize,
        view: &RasterView,
        sheet: Sheet,
        source: Arc<RasterSource>,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let region = view.region.map_or(sheet.region(), |wanted| clipped(wanted, &sheet));
        let least = pixel_blocks(region.n_rows, region.n_columns);
        let block = (least.0.max(view.block.0), least.1.max(view.block.1));
        let size = [region.n_columns.div_ceil(block.1), region.n_rows.div_ceil(block.0)];
        let (lo, hi, _) = source.scale(view.shown);
        let lines = reduce::map_indices(size[1], ctx, |line_idx| {
            let rows = span(region.row + line_idx * block.0, block.0, region.row + region.n_rows);
            let mut elements = Vec::with_capacity(size[0]);
            let mut shades = Vec::with_capacity(size[0]);
            let mut kinds = Vec::with_capacity(size[0]);
            for pixel_idx in 0..size[0] {
                let start = region.column + pixel_idx * block.1;
                let columns = span(start, block.1, region.column + region.n_columns);
                let cells = rows.clone().flat_map(|r| columns.clone().map(move |c| (r, c)));
                let found = cells.filter_map(|(row, column)| {
                    let element = sheet.element(row, column)?;
                    Some((element, source.shown(view.shown, element)?))
                });
                // NaN counts as larger than any number, so that it is seen.
                let largest = found.reduce(|best, next| {
                    let is_larger = next.1.abs().total_cmp(&best.1.abs()).is_gt();
                    if is_larger { next } else { best }
                });
                elements.push(largest.map_or(GAP, |(e, _)| u32::try_from(e).unwrap_or(GAP)));
                let fraction = largest.map_or(0.0, |(_, number)| (number - lo) / (hi - lo));
                shades.push((fraction * 255.0).round() as u8);
                kinds.push(match largest {
                    None => PixelKind::Gap,
                    Some((_, number)) if number.is_finite() => PixelKind::Number,
                    Some(_) => PixelKind::NotFinite,
                });
            }
            Ok::<_, Cancelled>((elements, (shades, kinds)))
        })?;
        let (elements, rest): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
        let (shades, kinds): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
        let (elements, shades, kinds) = (elements.concat(), shades.concat(), kinds.concat());
        let view = view.clone();
        Ok(Self { layer_idx, view, sheet, region, block, size, shades, kinds, elements, source })
    }

    /// The element that a pixel shows; `None` in a gap.
    pub fn element_at(&self, pixel_idx: usize) -> Option<usize> {
        self.elements.get(pixel_idx).copied().filter(|&e| e != GAP).map(|e| e as usize)
    }

    /// The pixel that shows a cell.
    pub fn pixel_of(&self, row: usize, column: usize) -> Option<usize> {
        let down = row.checked_sub(self.region.row)? / self.block.0;
        let across = column.checked_sub(self.region.column)? / self.block.1;
        (across < self.size[0] && down < self.size[1]).then(|| down * self.size[0] + across)
    }

    /// Whether some weight is NaN or infinite.
    pub fn has_non_finite(&self) -> bool {
        self.source.n_non_finite > 0
    }

    /// Whether this is a part of the same picture as `whole`.
    pub fn belongs_to(&self, whole: &Self) -> bool {
        Arc::ptr_eq(&self.source, &whole.source)
            && self.view.shown == whole.view.shown
            && self.view.arrangement == whole.view.arrangement
    }

    /// Whether a pixel stands for one weight.
    pub fn is_exact(&self) -> bool {
        self.block == (1, 1)
    }
}

fn span(start: usize, len: usize, end: usize) -> std::ops::Range<usize> {
    start..(start + len).min(end)
}

/// The part of a region that lies on the sheet.
fn clipped(wanted: CellRegion, sheet: &Sheet) -> CellRegion {
    let row = wanted.row.min(sheet.n_rows());
    let column = wanted.column.min(sheet.n_columns());
    CellRegion {
        row,
        column,
        n_rows: wanted.n_rows.min(sheet.n_rows() - row),
        n_columns: wanted.n_columns.min(sheet.n_columns() - column),
    }
}

/// The layer shown last: another part of it is a matter of pixels.
pub(super) type KeptSource = Mutex<Option<((usize, String), Arc<RasterSource>)>>;

impl Workshop {
    pub(super) fn raster(
        &self,
        layer_idx: usize,
        spec: &str,
        view: &RasterView,
        ctx: &WorkCtx,
    ) -> Result<Raster, QueryError> {
        let choice: SchemeChoice = spec.parse()?;
        let layer = self.network.layers.get(layer_idx).ok_or(QueryError::NoLayer(layer_idx))?;
        let source = self.source(layer_idx, &choice, view.shown, ctx)?;
        let sheet = Sheet::new(&layer.dims, kept_axis(layer, &choice), &view.arrangement);
        Ok(Raster::compute(layer_idx, view, sheet, source, ctx)?)
    }

    fn source(
        &self,
        layer_idx: usize,
        choice: &SchemeChoice,
        shown: Shown,
        ctx: &WorkCtx,
    ) -> Result<Arc<RasterSource>, QueryError> {
        let key = (layer_idx, choice.to_string());
        let kept = |key: &(usize, String)| match &*lock(&self.raster_source) {
            Some((kept_key, source)) if kept_key == key => Some(Arc::clone(source)),
            _ => None,
        };
        if let Some(source) = kept(&key) {
            return Ok(source);
        }
        let weights = self.weights(layer_idx, choice)?;
        let tensor = weights.to_tensor();
        let (quantized, codes, code_range) = match self.layer(layer_idx, &key.1, ctx) {
            // The weights themselves can be seen even if the scheme refuses them.
            Err(QueryError::Recipe(_)) if shown == Shown::Value => {
                let key = (layer_idx, format!("{choice}, refused"));
                if let Some(source) = kept(&key) {
                    return Ok(source);
                }
                let source = Arc::new(RasterSource::new(&tensor, (None, None), None, ctx)?);
                *lock(&self.raster_source) = Some((key, Arc::clone(&source)));
                return Ok(source);
            }
            Err(error) => return Err(error),
            Ok(done) => {
                let codes = match &done.weights {
                    Some(_) => codes_of(&weights, &*done.error.fitted, ctx)?,
                    None => None,
                };
                // Codes have at most 24 bits, which a float holds exactly.
                let codes = codes.map(|codes| {
                    let codes = codes.into_iter().map(|code| code as f32).collect();
                    weights.with_data(codes).to_tensor()
                });
                let code_range = done.error.fitted.code_range().filter(|_| codes.is_some());
                (done.weights.clone(), codes, code_range)
            }
        };
        let source = Arc::new(RasterSource::new(&tensor, (quantized, codes), code_range, ctx)?);
        *lock(&self.raster_source) = Some((key, Arc::clone(&source)));
        Ok(source)
    }
}

impl RasterSource {
    fn new(
        weights: &Tensor,
        (quantized, codes): (Option<Tensor>, Option<Tensor>),
        code_range: Option<CodeRange>,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let in_order = |tensor: &Tensor| match tensor.is_standard_layout() {
            true => tensor.clone(),
            false => tensor.as_standard_layout().into_owned().into_shared(),
        };
        let weights = in_order(weights);
        let quantized = quantized.as_ref().map(in_order);
        let values = weights.as_slice().unwrap_or_default();
        let value_limit = limit_of(values.len(), |idx| values[idx], ctx)?;
        let error_limit = match quantized.as_ref().and_then(|tensor| tensor.as_slice()) {
            None => Limit { magnitude: 1.0, n_beyond: 0 },
            Some(quantized) => {
                let len = values.len().min(quantized.len());
                limit_of(len, |idx| values[idx] - quantized[idx], ctx)?
            }
        };
        let codes = codes.as_ref().map(in_order);
        let n_non_finite = values.iter().filter(|x| !x.is_finite()).count();
        Ok(Self { weights, quantized, codes, code_range, value_limit, error_limit, n_non_finite })
    }
}

impl Session {
    /// A picture of the selected layer.
    pub fn raster(&self, view: RasterView) -> Loaded<Raster> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.spec(layer_idx);
        let query = Query::Raster { network: self.network_id, layer_idx, spec, view };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Raster(raster) => Some(raster),
            _ => None,
        });
        loaded.without_previous_unless(|raster| raster.layer_idx == layer_idx)
    }
}

#[cfg(test)]
#[path = "raster_tests.rs"]
mod tests;
