//! Resize and its forerunner Upsample: interpolation along each axis in turn.

use super::attribute::{choice, switch};
use super::dense::{array_of, count_of, elements};
use super::resize_grid::{AxisGrid, Coordinates, GridRule, Kernel, Nearest, Shrinking, Tap};
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::model::Attributes;
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Resize", opsets: (10, 23), build: build_resize },
    OperatorEntry { op: "Upsample", opsets: (7, 9), build: build_upsample },
];

/// Interpolates to `floor(scale · dim)` or to given sizes.
///
/// - Output position `o` reads around the input position that `coordinate_transformation_mode` gives,
///   with the weights of `mode`: the nearest element, two (linear) or four (cubic). Positions
///   outside repeat the edge, or count nothing with `exclude_outside`, or give
///   `extrapolation_value` with `tf_crop_and_resize`.
/// - Opset 10 and Upsample: position `o / scale`; nearest takes the element before it when
///   enlarging, the one after it when shrinking (as ONNX Runtime).
/// - Positions are computed in `f32`, as in ONNX Runtime, so that nearest agrees at ties.
/// - Source: ONNX Resize-10, -11, -13, -18, -19; Upsample-7, -9.
#[derive(Debug)]
struct Resize {
    rule: GridRule,
    axes: Option<Vec<i64>>,
    extrapolation: f32,
    policy: Policy,
    sizes_from: SizesFrom,
}

/// Where scales and sizes are given.
#[derive(Clone, Debug, PartialEq)]
enum SizesFrom {
    Scales(Vec<f32>),
    /// Input 1 holds the scales.
    ScalesInput,
    /// Inputs 1 to 3 hold region, scales and sizes.
    Inputs,
}

/// What sizes mean where the scales differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Stretch,
    NotLarger,
    NotSmaller,
}

fn read_kernel(
    ctx: &BuildCtx,
    known: &[(&str, Kernel)],
    nearest: Nearest,
) -> Result<Kernel, OpError> {
    match choice(ctx, "mode", known, Kernel::Nearest(nearest))? {
        Kernel::Nearest(_) => Ok(Kernel::Nearest(nearest)),
        other => Ok(other),
    }
}

const MODES: [(&str, Kernel); 3] = [
    ("nearest", Kernel::Nearest(Nearest::Simple)),
    ("linear", Kernel::Linear),
    ("cubic", Kernel::Cubic { a: -0.75 }),
];

fn build_upsample(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let sizes_from = match ctx.opset {
        ..9 => {
            let scales = Attributes::required("scales", ctx.attributes.floats("scales")?)?;
            SizesFrom::Scales(scales)
        }
        _ => SizesFrom::ScalesInput,
    };
    simple_resize(ctx, sizes_from)
}

/// Upsample and Resize-10, which have no attribute but `mode`.
fn simple_resize(ctx: &BuildCtx, sizes_from: SizesFrom) -> Result<Box<dyn Operator>, OpError> {
    let modes = [MODES[0], MODES[1], ("bilinear", Kernel::Linear), ("trilinear", Kernel::Linear)];
    let rule = GridRule {
        kernel: read_kernel(ctx, &modes, Nearest::Simple)?,
        coordinates: Coordinates::Asymmetric,
        excludes_outside: false,
        shrinking: Shrinking::Plain,
    };
    Ok(Box::new(Resize {
        rule,
        axes: None,
        extrapolation: 0.0,
        policy: Policy::Stretch,
        sizes_from,
    }))
}

fn build_resize(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    if ctx.opset < 11 {
        return simple_resize(ctx, SizesFrom::ScalesInput);
    }
    let nearest = choice(
        ctx,
        "nearest_mode",
        &[
            ("round_prefer_floor", Nearest::RoundPreferFloor),
            ("round_prefer_ceil", Nearest::RoundPreferCeil),
            ("floor", Nearest::Floor),
            ("ceil", Nearest::Ceil),
        ],
        Nearest::RoundPreferFloor,
    )?;
    let mut kernel = read_kernel(ctx, &MODES, nearest)?;
    if let Kernel::Cubic { a } = &mut kernel {
        *a = ctx.attributes.float_or("cubic_coeff_a", *a)?;
    }
    let policies = [
        ("stretch", Policy::Stretch),
        ("not_larger", Policy::NotLarger),
        ("not_smaller", Policy::NotSmaller),
    ];
    let rule = GridRule {
        kernel,
        coordinates: Coordinates::read(ctx)?,
        excludes_outside: switch(ctx, "exclude_outside", 0)?,
        shrinking: match ctx.opset >= 18 && switch(ctx, "antialias", 0)? {
            true => Shrinking::Antialiased,
            false => Shrinking::Plain,
        },
    };
    Ok(Box::new(Resize {
        rule,
        axes: if ctx.opset >= 18 { ctx.attributes.ints("axes")? } else { None },
        extrapolation: ctx.attributes.float_or("extrapolation_value", 0.0)?,
        policy: choice(ctx, "keep_aspect_ratio_policy", &policies, Policy::Stretch)?,
        sizes_from: SizesFrom::Inputs,
    }))
}

/// One axis as it is to be resized.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    scale: f32,
    len: usize,
    /// Start and end of the region, as a part of the axis.
    region: (f32, f32),
}

impl Operator for Resize {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let wanted = self.wanted(&dims, inputs)?;
        let out_dims: Vec<usize> = wanted.iter().map(|wanted| wanted.len).collect();
        let count = output_count(&out_dims)?;
        if count == 0 || tensor.is_empty() {
            return match count {
                0 => Ok(vec![array_of(&out_dims, Vec::new())?.into()]),
                _ => Err(OpError::Invalid(format!(
                    "an empty value {dims:?} cannot become {out_dims:?}"
                ))),
            };
        }
        check_lengths(&wanted)?;
        let grids: Vec<AxisGrid> = wanted
            .iter()
            .zip(&dims)
            .map(|(wanted, &len)| self.rule.grid(len, wanted.len, wanted.scale, wanted.region))
            .collect();
        let mut data = interpolated(&tensor, &grids)?;
        if self.rule.coordinates == Coordinates::TfCropAndResize {
            extrapolate(&mut data, &grids, self.extrapolation);
        }
        Ok(vec![array_of(&out_dims, data)?.into()])
    }
}

/// Longest axis and strongest shrinking that is resized; the grid of an axis takes memory too.
const MAX_LEN: usize = 1 << 24;

fn check_lengths(wanted: &[Wanted]) -> Result<(), OpError> {
    let too_far = |wanted: &&Wanted| wanted.len > MAX_LEN || wanted.scale < 1.0 / MAX_LEN as f32;
    match wanted.iter().find(too_far) {
        None => Ok(()),
        Some(Wanted { scale, len, .. }) => Err(OpError::Unsupported(format!(
            "an axis resized by {scale} to {len} (limits are 1/{MAX_LEN} and {MAX_LEN})"
        ))),
    }
}

/// Resizes axis by axis, the last first; axes whose grid is the identity are passed over.
fn interpolated(tensor: &Tensor, grids: &[AxisGrid]) -> Result<Vec<f32>, OpError> {
    let mut dims = tensor.shape().to_vec();
    let mut data = elements(tensor).into_owned();
    for (axis, grid) in grids.iter().enumerate().rev() {
        if grid.is_identity(dims[axis]) {
            continue;
        }
        let (len, inner) = (dims[axis], count_of(&dims[axis + 1..]));
        dims[axis] = grid.taps.len();
        let mut out = vec![0.0; output_count(&dims)?];
        let blocks = data.chunks_exact(len * inner).zip(out.chunks_exact_mut(dims[axis] * inner));
        for (block, out) in blocks {
            for (taps, row) in grid.taps.iter().zip(out.chunks_exact_mut(inner)) {
                add_taps(taps, block, row);
            }
        }
        data = out;
    }
    Ok(data)
}

/// Writes the weighted sum of the rows of `block` that `taps` name.
fn add_taps(taps: &[Tap], block: &[f32], row: &mut [f32]) {
    let inner = row.len();
    for (tap_idx, tap) in taps.iter().enumerate() {
        let source = &block[tap.position * inner..(tap.position + 1) * inner];
        match (tap_idx, tap.weight) {
            // A lone element is passed on as it is, infinite or not.
            (0, 1.0) => row.copy_from_slice(source),
            (0, weight) => row.iter_mut().zip(source).for_each(|(y, x)| *y = weight * x),
            (_, weight) => row.iter_mut().zip(source).for_each(|(y, x)| *y += weight * x),
        }
    }
}

/// Overwrites every element one of whose positions lies outside the input.
fn extrapolate(data: &mut [f32], grids: &[AxisGrid], extrapolation: f32) {
    let mut inner = 1;
    for grid in grids.iter().rev() {
        for (row_idx, row) in data.chunks_exact_mut(inner).enumerate() {
            if grid.is_outside[row_idx % grid.is_outside.len()] {
                row.fill(extrapolation);
            }
        }
        inner *= grid.is_outside.len();
    }
}

impl Resize {
    /// What becomes of every axis.
    fn wanted(&self, dims: &[usize], inputs: &mut Inputs) -> Result<Vec<Wanted>, OpError> {
        let mut wanted: Vec<Wanted> =
            dims.iter().map(|&len| Wanted { scale: 1.0, len, region: (0.0, 1.0) }).collect();
        let axes = match &self.axes {
            None => (0..dims.len()).collect(),
            Some(axes) => axes
                .iter()
                .map(|&axis| resolve_axis(axis, dims.len()))
                .collect::<Result<Vec<usize>, OpError>>()?,
        };
        let given = self.given(inputs)?;
        if let Some(region) = given.region.filter(|region| !region.is_empty()) {
            check_len("the region", region.len(), 2 * axes.len())?;
            let (starts, ends) = region.split_at(axes.len());
            for ((&axis, &start), &end) in axes.iter().zip(starts).zip(ends) {
                wanted[axis].region = (start, end);
            }
        }
        match (given.scales, given.sizes) {
            (Some(scales), None) => {
                check_len("scales", scales.len(), axes.len())?;
                for (&axis, &scale) in axes.iter().zip(&scales) {
                    wanted[axis] = wanted[axis].scaled(scale)?;
                }
            }
            (None, Some(sizes)) => {
                check_len("sizes", sizes.len(), axes.len())?;
                self.fit_sizes(&mut wanted, &axes, &sizes)?;
            }
            _ => {
                return Err(OpError::Invalid(
                    "either scales or sizes must be given, not both".to_owned(),
                ));
            }
        }
        Ok(wanted)
    }

    fn given(&self, inputs: &mut Inputs) -> Result<Given, OpError> {
        let mut floats = |idx| -> Result<Option<Vec<f32>>, OpError> {
            let tensor = inputs.take_optional_f32(idx)?;
            Ok(tensor.map(|tensor| elements(&tensor).into_owned()))
        };
        Ok(match &self.sizes_from {
            SizesFrom::Scales(scales) => {
                Given { region: None, scales: Some(scales.clone()), sizes: None }
            }
            SizesFrom::ScalesInput => Given { region: None, scales: floats(1)?, sizes: None },
            SizesFrom::Inputs => {
                let (region, scales) = (floats(1)?, floats(2)?);
                let sizes = inputs.take_optional_ints(3)?;
                // Before opset 13 an unused list is empty instead of absent.
                Given {
                    region,
                    scales: scales.filter(|scales| !scales.is_empty()),
                    sizes: sizes.filter(|sizes| !sizes.is_empty()),
                }
            }
        })
    }

    /// Sets the sizes, or by the aspect-ratio policy one scale for all listed axes.
    fn fit_sizes(
        &self,
        wanted: &mut [Wanted],
        axes: &[usize],
        sizes: &[i64],
    ) -> Result<(), OpError> {
        let mut scales = Vec::with_capacity(sizes.len());
        for (&axis, &size) in axes.iter().zip(sizes) {
            let target = &mut wanted[axis];
            let len = usize::try_from(size).map_err(|_| {
                OpError::Invalid(format!("sizes are {sizes:?}, they must be at least 0"))
            })?;
            let scale = if target.len == 0 { 1.0 } else { len as f32 / target.len as f32 };
            scales.push(scale);
            if self.policy == Policy::Stretch {
                (target.scale, target.len) = (scale, len);
            }
        }
        let common = match self.policy {
            Policy::Stretch => return Ok(()),
            Policy::NotLarger => scales.iter().copied().fold(f32::INFINITY, f32::min),
            Policy::NotSmaller => scales.iter().copied().fold(0.0, f32::max),
        };
        for &axis in axes {
            let target = &mut wanted[axis];
            // Halves go up.
            let len = (common * target.len as f32 + 0.5).floor() as usize;
            (target.scale, target.len) = (common, len);
        }
        Ok(())
    }
}

struct Given {
    region: Option<Vec<f32>>,
    scales: Option<Vec<f32>>,
    sizes: Option<Vec<i64>>,
}

impl Wanted {
    fn scaled(self, scale: f32) -> Result<Self, OpError> {
        if !scale.is_finite() || scale <= 0.0 {
            return Err(OpError::Invalid(format!("a scale is {scale}, it must be above 0")));
        }
        // A product beyond any output's size saturates and is refused later.
        Ok(Self { scale, len: (scale * self.len as f32).floor() as usize, ..self })
    }
}

fn check_len(what: &str, found: usize, expected: usize) -> Result<(), OpError> {
    match found == expected {
        true => Ok(()),
        false => Err(OpError::Invalid(format!("{what} has {found} entries, expected {expected}"))),
    }
}
