//! Where each output position of a resized axis reads, and with which weights.

use super::attribute::choice;
use crate::exec::operator::{BuildCtx, OpError};

/// How an output position becomes an input position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    TfHalfPixelForNearest,
    TfCropAndResize,
}

impl Coordinates {
    /// Reads `coordinate_transformation_mode`.
    ///
    /// # Errors
    /// A word the opset does not know.
    pub fn read(ctx: &BuildCtx) -> Result<Self, OpError> {
        let always = [
            ("half_pixel", Self::HalfPixel),
            ("pytorch_half_pixel", Self::PytorchHalfPixel),
            ("align_corners", Self::AlignCorners),
            ("asymmetric", Self::Asymmetric),
            ("tf_crop_and_resize", Self::TfCropAndResize),
        ];
        let mut known = always.to_vec();
        if ctx.opset < 13 {
            known.push(("tf_half_pixel_for_nn", Self::TfHalfPixelForNearest));
        }
        if ctx.opset >= 19 {
            known.push(("half_pixel_symmetric", Self::HalfPixelSymmetric));
        }
        choice(ctx, "coordinate_transformation_mode", &known, Self::HalfPixel)
    }
}

/// Which of two neighbours is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
    /// Before opset 11: up when shrinking, down when enlarging.
    Simple,
}

/// The weights around a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kernel {
    Nearest(Nearest),
    Linear,
    /// Keys' cubic convolution with parameter `a`.
    Cubic {
        a: f32,
    },
}

/// One element read, and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tap {
    pub position: usize,
    pub weight: f32,
}

/// What every output position along one axis reads.
#[derive(Debug)]
pub(super) struct AxisGrid {
    pub taps: Vec<Vec<Tap>>,
    /// Whether the input position lies outside the axis.
    pub is_outside: Vec<bool>,
}

impl AxisGrid {
    /// Whether every output is the input element of the same position.
    pub fn is_identity(&self, len: usize) -> bool {
        self.taps.len() == len
            && self.taps.iter().enumerate().all(|(position, taps)| {
                matches!(taps[..], [tap] if tap == Tap { position, weight: 1.0 })
            })
    }
}

/// How the grid of an axis is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct GridRule {
    pub kernel: Kernel,
    pub coordinates: Coordinates,
    pub excludes_outside: bool,
    pub shrinking: Shrinking,
}

/// What a kernel does where the axis shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shrinking {
    /// It reads as many elements as ever.
    Plain,
    /// It is stretched by `1/scale`, so that no element is passed over.
    Antialiased,
}

impl GridRule {
    /// The grid of an axis of `len` > 0 elements resized to `out_len`; `region` is the part that
    /// `tf_crop_and_resize` takes.
    pub fn grid(&self, len: usize, out_len: usize, scale: f32, region: (f32, f32)) -> AxisGrid {
        let axis = Axis { len: len as f32, out_len: out_len as f32, scale, region };
        let last = len - 1;
        let mut grid =
            AxisGrid { taps: Vec::with_capacity(out_len), is_outside: Vec::with_capacity(out_len) };
        let unchanged =
            scale == 1.0 && len == out_len && self.coordinates != Coordinates::TfCropAndResize;
        for position in 0..out_len {
            if unchanged {
                grid.taps.push(vec![Tap { position, weight: 1.0 }]);
                grid.is_outside.push(false);
                continue;
            }
            let at = self.coordinates.input_position(position as f32, &axis);
            grid.is_outside.push(at < 0.0 || at > last as f32);
            grid.taps.push(self.taps(at, last, scale));
        }
        grid
    }

    fn taps(&self, at: f32, last: usize, scale: f32) -> Vec<Tap> {
        let stretch = match self.shrinking {
            Shrinking::Antialiased if scale < 1.0 => scale,
            _ => 1.0,
        };
        let (first, weights) = match self.kernel {
            Kernel::Nearest(nearest) => (nearest.pick(at, scale), vec![1.0]),
            kernel if stretch < 1.0 => kernel.stretched(at, stretch),
            Kernel::Linear => {
                let ratio = at - at.floor();
                (at.floor(), vec![1.0 - ratio, ratio])
            }
            Kernel::Cubic { a } => (at.floor() - 1.0, cubic_weights(at - at.floor(), a).to_vec()),
        };
        let place = |step: usize| first + step as f32;
        let is_inside = |step: usize| place(step) >= 0.0 && place(step) <= last as f32;
        let excludes = self.excludes_outside && matches!(self.kernel, Kernel::Cubic { .. });
        let counts = |step: usize| !excludes || is_inside(step);
        let total: f32 = weights
            .iter()
            .enumerate()
            .filter(|(step, _)| counts(*step))
            .map(|(_, weight)| weight)
            .sum();
        let mut taps: Vec<Tap> = Vec::with_capacity(weights.len());
        for (step, &weight) in weights.iter().enumerate().filter(|(step, _)| counts(*step)) {
            // A cast saturates, so the position is inside whatever the coordinate was.
            let position = (place(step).max(0.0) as usize).min(last);
            let weight = if excludes { weight / total } else { weight };
            match taps.last_mut() {
                Some(tap) if tap.position == position => tap.weight += weight,
                _ => taps.push(Tap { position, weight }),
            }
        }
        // A weight of exactly zero must not turn an infinite element into NaN.
        taps.retain(|tap| tap.weight != 0.0);
        if taps.is_empty() {
            taps.push(Tap { position: (at.max(0.0) as usize).min(last), weight: 0.0 });
        }
        taps
    }
}

/// Lengths before and after, as the formulas of the coordinates need them.
struct Axis {
    len: f32,
    out_len: f32,
    scale: f32,
    region: (f32, f32),
}

impl Coordinates {
    /// The input position of output position `x` (ONNX Resize-19, in `f32` as ONNX Runtime).
    fn input_position(self, x: f32, axis: &Axis) -> f32 {
        let Axis { len, out_len, scale, region: (start, end) } = *axis;
        match self {
            Self::HalfPixel => (x + 0.5) / scale - 0.5,
            Self::HalfPixelSymmetric => {
                let adjustment = out_len / (scale * len);
                let center = len / 2.0;
                center * (1.0 - adjustment) + (x + 0.5) / scale - 0.5
            }
            Self::PytorchHalfPixel if out_len > 1.0 => (x + 0.5) / scale - 0.5,
            Self::PytorchHalfPixel => 0.0,
            Self::AlignCorners if out_len == 1.0 => 0.0,
            Self::AlignCorners => x * (len - 1.0) / (out_len - 1.0),
            Self::Asymmetric => x / scale,
            Self::TfHalfPixelForNearest => (x + 0.5) / scale,
            Self::TfCropAndResize if out_len > 1.0 => {
                start * (len - 1.0) + x * (end - start) * (len - 1.0) / (out_len - 1.0)
            }
            Self::TfCropAndResize => 0.5 * (start + end) * (len - 1.0),
        }
    }
}

impl Kernel {
    /// First position and weights of the kernel stretched by `1/scale` around `at`, weights scaled
    /// to sum 1 (ONNX Resize-18, `antialias`).
    fn stretched(self, at: f32, scale: f32) -> (f32, Vec<f32>) {
        let reach = if self == Self::Linear { 1.0 } else { 2.0 };
        let steps_before = (reach / scale).ceil() - 1.0;
        let n_steps = 2 * (steps_before as usize + 1);
        let ratio = at - at.floor();
        let weight = |step: usize| {
            let x = ((step as f32 - steps_before - ratio) * scale).abs();
            match self {
                Self::Cubic { a } => cubic_weight(x, a),
                _ => (1.0 - x).max(0.0),
            }
        };
        let weights: Vec<f32> = (0..n_steps).map(weight).collect();
        let total: f32 = weights.iter().sum();
        (at.floor() - steps_before, weights.iter().map(|weight| weight / total).collect())
    }
}

impl Nearest {
    fn pick(self, at: f32, scale: f32) -> f32 {
        match self {
            Self::RoundPreferFloor => (at - 0.5).ceil(),
            Self::RoundPreferCeil => (at + 0.5).floor(),
            Self::Floor => at.floor(),
            Self::Ceil => at.ceil(),
            Self::Simple if scale < 1.0 => at.ceil(),
            Self::Simple => at.floor(),
        }
    }
}

/// Weights of the four elements around a position `ratio` behind the second (R. Keys, "Cubic
/// convolution interpolation for digital image processing", 1981).
fn cubic_weights(ratio: f32, a: f32) -> [f32; 4] {
    [ratio + 1.0, ratio, 1.0 - ratio, 2.0 - ratio].map(|x| cubic_weight(x, a))
}

/// The cubic kernel at distance `x` ≥ 0.
fn cubic_weight(x: f32, a: f32) -> f32 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubic_weights_sum_to_one_and_reproduce_elements() {
        assert_eq!(cubic_weights(0.0, -0.75), [0.0, 1.0, 0.0, 0.0]);
        for step in 0..10 {
            let sum: f32 = cubic_weights(step as f32 / 10.0, -0.5).iter().sum();
            assert!((sum - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn ties_of_nearest() {
        let picks = |nearest: Nearest| [0.5, 1.5, -0.5, 0.4].map(|at| nearest.pick(at, 2.0));
        assert_eq!(picks(Nearest::RoundPreferFloor), [0.0, 1.0, -1.0, 0.0]);
        assert_eq!(picks(Nearest::RoundPreferCeil), [1.0, 2.0, 0.0, 0.0]);
        assert_eq!(picks(Nearest::Ceil), [1.0, 2.0, 0.0, 1.0]);
        assert_eq!(Nearest::Simple.pick(0.4, 0.5), 1.0);
    }

    #[test]
    fn positions_stay_inside_whatever_the_region() {
        for coordinates in
            [Coordinates::TfCropAndResize, Coordinates::HalfPixel, Coordinates::Asymmetric]
        {
            for kernel in
                [Kernel::Linear, Kernel::Cubic { a: -0.75 }, Kernel::Nearest(Nearest::Ceil)]
            {
                for excludes_outside in [false, true] {
                    let shrinking = Shrinking::Antialiased;
                    let rule = GridRule { kernel, coordinates, excludes_outside, shrinking };
                    for region in [(0.0, 1.0), (-1e30, 1e30), (f32::NAN, f32::INFINITY)] {
                        for scale in [0.3, 1.0, 2.5, 1e-3] {
                            let grid = rule.grid(3, 7, scale, region);
                            assert!(grid.taps.iter().flatten().all(|tap| tap.position < 3));
                            assert!(grid.taps.iter().all(|taps| !taps.is_empty()));
                        }
                    }
                }
            }
        }
    }
}
