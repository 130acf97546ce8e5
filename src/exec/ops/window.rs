//! Geometry of a window that slides over an input: kernel, stride, dilation, padding and the number
//! of outputs along each axis. Shared by convolution and pooling.

use std::ops::Range;

use super::attribute::{choice, non_negative_list, positive_list, switch};
use crate::exec::operator::{BuildCtx, OpError};

/// How the padding is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// As the attribute `pads` says.
    Explicit,
    /// As many outputs as `ceil(input / stride)`; an odd pad goes to the end.
    SameUpper,
    /// The same; an odd pad goes to the beginning.
    SameLower,
    /// None.
    Valid,
}

/// How a window that fits only in part counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastWindow {
    /// Only whole windows give an output.
    Whole,
    /// A last, partial window gives one too, if it starts inside the input or its left padding.
    Partial,
}

/// The attributes that describe a window, per spatial axis.
#[derive(Clone, Debug)]
pub(super) struct WindowAttributes {
    pub kernel: Option<Vec<usize>>,
    pub strides: Option<Vec<usize>>,
    pub dilations: Option<Vec<usize>>,
    /// Begins of all axes, then ends of all axes.
    pub pads: Option<Vec<usize>>,
    pub auto_pad: AutoPad,
    pub last_window: LastWindow,
}

impl WindowAttributes {
    /// Reads `kernel_shape`, `strides`, `dilations`, `pads`, `auto_pad` and `ceil_mode`.
    ///
    /// # Errors
    /// A stride, dilation or kernel below 1, a negative pad, an unknown `auto_pad`.
    pub fn read(ctx: &BuildCtx) -> Result<Self, OpError> {
        let auto_pad = choice(
            ctx,
            "auto_pad",
            &[
                ("NOTSET", AutoPad::Explicit),
                ("SAME_UPPER", AutoPad::SameUpper),
                ("SAME_LOWER", AutoPad::SameLower),
                ("VALID", AutoPad::Valid),
                ("", AutoPad::Explicit),
            ],
            AutoPad::Explicit,
        )?;
        Ok(Self {
            kernel: positive_list(ctx, "kernel_shape")?,
            strides: positive_list(ctx, "strides")?,
            dilations: positive_list(ctx, "dilations")?,
            pads: non_negative_list(ctx, "pads")?,
            auto_pad,
            last_window: match switch(ctx, "ceil_mode", 0)? {
                true => LastWindow::Partial,
                false => LastWindow::Whole,
            },
        })
    }

    /// Lays the window over spatial dimensions `input` with the kernel `kernel`.
    ///
    /// # Errors
    /// Attribute lists of another length, a kernel that exceeds the padded input.
    pub fn over(&self, input: &[usize], kernel: &[usize]) -> Result<Vec<WindowAxis>, OpError> {
        let n_axes = input.len();
        if input.contains(&0) {
            return Err(OpError::Invalid(format!("the input's spatial shape {input:?} is empty")));
        }
        check_len("kernel_shape", kernel.len(), n_axes)?;
        let strides = or_ones("strides", self.strides.as_deref(), n_axes)?;
        let dilations = or_ones("dilations", self.dilations.as_deref(), n_axes)?;
        let pads = match (&self.pads, self.auto_pad) {
            (Some(pads), AutoPad::Explicit) => pads.clone(),
            _ => vec![0; 2 * n_axes],
        };
        check_len("pads", pads.len(), 2 * n_axes)?;
        let (begins, ends) = pads.split_at(n_axes);
        let mut axes = Vec::with_capacity(n_axes);
        for (axis_idx, (&input, &kernel)) in input.iter().zip(kernel).enumerate() {
            let at = |list: &[usize]| list.get(axis_idx).copied().unwrap_or(0);
            let axis = WindowAxis {
                input,
                kernel,
                stride: at(&strides).max(1),
                dilation: at(&dilations).max(1),
                pad_begin: at(begins),
                pad_end: at(ends),
                output: 0,
            };
            axes.push(axis.fitted(self.auto_pad, self.last_window)?);
        }
        Ok(axes)
    }
}

fn or_ones(name: &str, list: Option<&[usize]>, n_axes: usize) -> Result<Vec<usize>, OpError> {
    let list = list.map_or_else(|| vec![1; n_axes], <[usize]>::to_vec);
    check_len(name, list.len(), n_axes)?;
    Ok(list)
}

fn check_len(name: &str, found: usize, expected: usize) -> Result<(), OpError> {
    if found == expected {
        return Ok(());
    }
    Err(OpError::Invalid(format!(
        "attribute {name:?} has {found} entries, the input's shape asks for {expected}"
    )))
}

/// A window along one axis. Output `o` at kernel position `k` reads input
/// `o·stride + k·dilation − pad_begin`, or padding where that lies outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowAxis {
    pub input: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub pad_begin: usize,
    pub pad_end: usize,
    pub output: usize,
}

impl WindowAxis {
    /// An axis of length 1 with a window of length 1, to fill up ranks.
    pub const UNIT: Self =
        Self { input: 1, kernel: 1, stride: 1, dilation: 1, pad_begin: 0, pad_end: 0, output: 1 };

    /// Positions the dilated kernel spans.
    ///
    /// # Errors
    /// [`OpError::Invalid`] on overflow.
    pub fn span(&self) -> Result<usize, OpError> {
        (self.kernel.saturating_sub(1))
            .checked_mul(self.dilation)
            .and_then(|reach| reach.checked_add(1))
            .filter(|&span| span <= MAX_SPAN)
            .ok_or_else(|| {
                OpError::Invalid(format!(
                    "a kernel of {} with dilation {} spans more than {MAX_SPAN} positions",
                    self.kernel, self.dilation
                ))
            })
    }

    /// Finds padding and output count (ONNX Conv-11 and MaxPool-12, `auto_pad` and `ceil_mode`).
    fn fitted(mut self, auto_pad: AutoPad, last_window: LastWindow) -> Result<Self, OpError> {
        let span = self.span()?;
        if matches!(auto_pad, AutoPad::SameUpper | AutoPad::SameLower) {
            return self.fitted_same(auto_pad, span);
        }
        let padded = self
            .input
            .checked_add(self.pad_begin)
            .and_then(|sum| sum.checked_add(self.pad_end))
            .filter(|&padded| padded <= MAX_SPAN)
            .ok_or_else(|| {
                OpError::Invalid(format!(
                    "an axis of {} padded by {} and {} is longer than {MAX_SPAN}",
                    self.input, self.pad_begin, self.pad_end
                ))
            })?;
        let Some(room) = padded.checked_sub(span) else {
            return Err(OpError::Invalid(format!(
                "the kernel spans {span} positions, more than the padded input's {padded}"
            )));
        };
        self.output = match last_window {
            LastWindow::Whole => room / self.stride + 1,
            LastWindow::Partial => room.div_ceil(self.stride) + 1,
        };
        if (self.output - 1).saturating_mul(self.stride) >= self.input + self.pad_begin
            && last_window == LastWindow::Partial
        {
            self.output -= 1;
        }
        Ok(self)
    }

    fn fitted_same(mut self, auto_pad: AutoPad, span: usize) -> Result<Self, OpError> {
        self.output = self.input.div_ceil(self.stride);
        let reach = self.output.saturating_sub(1).saturating_mul(self.stride).saturating_add(span);
        let total = reach.saturating_sub(self.input);
        let half = total / 2;
        (self.pad_begin, self.pad_end) = match auto_pad {
            AutoPad::SameLower => (total - half, half),
            _ => (half, total - half),
        };
        Ok(self)
    }

    /// Outputs whose read at kernel position `kernel_idx` lies inside the input, not in padding.
    pub fn outputs_inside(&self, kernel_idx: usize) -> Range<usize> {
        let shift = kernel_idx * self.dilation;
        let first = self.pad_begin.saturating_sub(shift).div_ceil(self.stride);
        let past = match (self.input + self.pad_begin).checked_sub(shift + 1) {
            Some(last_offset) => (last_offset / self.stride + 1).min(self.output),
            None => 0,
        };
        first.min(past)..past
    }

    /// Kernel positions at which output `output_idx` reads inside the input.
    pub fn kernel_inside(&self, output_idx: usize) -> Range<usize> {
        let start = output_idx * self.stride;
        let first = self.pad_begin.saturating_sub(start).div_ceil(self.dilation);
        let past = match (self.input + self.pad_begin).checked_sub(start + 1) {
            Some(last_offset) => (last_offset / self.dilation + 1).min(self.kernel),
            None => 0,
        };
        first.min(past)..past
    }

    /// Input position output `output_idx` reads at `kernel_idx`; only for
    /// [`outputs_inside`](Self::outputs_inside).
    pub fn input_of(&self, output_idx: usize, kernel_idx: usize) -> usize {
        output_idx * self.stride + kernel_idx * self.dilation - self.pad_begin
    }

    /// Whether the window is a plain one-to-one map: kernel 1, stride 1, no padding.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.pad_begin == 0 && self.pad_end == 0
    }
}

/// Longest padded axis and longest kernel span.
const MAX_SPAN: usize = 1 << 32;

/// Up to three axes, filled up with unit axes in front.
///
/// # Errors
/// [`OpError::Unsupported`] for more than three.
pub(super) fn three_axes(axes: &[WindowAxis]) -> Result<[WindowAxis; 3], OpError> {
    match *axes {
        [width] => Ok([WindowAxis::UNIT, WindowAxis::UNIT, width]),
        [height, width] => Ok([WindowAxis::UNIT, height, width]),
        [depth, height, width] => Ok([depth, height, width]),
        _ => Err(OpError::Unsupported(format!("a window over {} spatial axes", axes.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(input: usize, kernel: usize, stride: usize) -> WindowAxis {
        WindowAxis { input, kernel, stride, ..WindowAxis::UNIT }
    }

    #[test]
    fn output_counts() {
        let explicit =
            |axis: WindowAxis, last| axis.fitted(AutoPad::Explicit, last).map(|a| a.output);
        assert_eq!(explicit(axis(5, 3, 1), LastWindow::Whole), Ok(3));
        assert_eq!(explicit(axis(6, 3, 2), LastWindow::Whole), Ok(2));
        assert_eq!(explicit(axis(6, 3, 2), LastWindow::Partial), Ok(3));
        // The third window would start at 4 = input + pad_begin: dropped.
        let padded = WindowAxis { pad_end: 1, ..axis(4, 1, 2) };
        assert_eq!(explicit(padded, LastWindow::Partial), Ok(2));
        assert!(explicit(axis(2, 3, 1), LastWindow::Whole).is_err());
        let same = |input, kernel, stride, auto_pad| {
            let fitted = axis(input, kernel, stride).fitted(auto_pad, LastWindow::Whole).unwrap();
            (fitted.output, fitted.pad_begin, fitted.pad_end)
        };
        assert_eq!(same(5, 2, 1, AutoPad::SameUpper), (5, 0, 1));
        assert_eq!(same(5, 2, 1, AutoPad::SameLower), (5, 1, 0));
        assert_eq!(same(5, 1, 3, AutoPad::SameUpper), (2, 0, 0));
    }

    #[test]
    fn outputs_inside_agree_with_counting() {
        for input in 1..7 {
            for (kernel, stride, dilation, pad) in
                [(3, 1, 1, 1), (3, 2, 1, 2), (2, 3, 2, 0), (3, 1, 3, 4), (1, 2, 1, 0), (4, 1, 1, 5)]
            {
                let plain = WindowAxis {
                    dilation,
                    pad_begin: pad,
                    pad_end: pad,
                    ..axis(input, kernel, stride)
                };
                let Ok(axis) = plain.fitted(AutoPad::Explicit, LastWindow::Whole) else { continue };
                for kernel_idx in 0..kernel {
                    let counted: Vec<usize> = (0..axis.output)
                        .filter(|o| {
                            let at = (o * stride + kernel_idx * dilation) as i64 - pad as i64;
                            (0..input as i64).contains(&at)
                        })
                        .collect();
                    let found: Vec<usize> = axis.outputs_inside(kernel_idx).collect();
                    assert_eq!(found, counted, "{axis:?} at {kernel_idx}");
                    for output_idx in 0..axis.output {
                        let inside = axis.kernel_inside(output_idx).contains(&kernel_idx);
                        assert_eq!(
                            inside,
                            counted.contains(&output_idx),
                            "{axis:?} at {kernel_idx}"
                        );
                    }
                }
            }
        }
    }
}
