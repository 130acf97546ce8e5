//! What samples are made for: a model's input, its classes, and the set it comes with.

use std::sync::Arc;

use crate::eval::SampleSet;
use crate::model::ResolvedInput;

/// The model's side of an import.
#[derive(Clone, Debug)]
pub struct ImportTarget {
    pub input: ResolvedInput,
    /// Names of the model's classes, where they are known.
    pub classes: Option<Vec<String>>,
    /// The set that is in use; how its values are scaled is a hint.
    pub example: Option<Arc<SampleSet>>,
}

/// What one sample of a graph's input looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputForm {
    Picture {
        n_channels: usize,
        size: Sides,
        order: ChannelOrder,
    },
    /// Numbers of any other shape.
    Numbers,
}

/// Height and width; `None` where the graph leaves them free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    pub height: Option<usize>,
    pub width: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    First,
    Last,
}

impl ImportTarget {
    /// Whether a sample can be seen as a picture of one or three channels. A row of as many numbers
    /// as a square has pixels can.
    pub fn form(&self) -> InputForm {
        let picture = |n_channels, height, width, order| InputForm::Picture {
            n_channels,
            size: Sides { height, width },
            order,
        };
        let is_colour = |n: usize| n == 1 || n == 3;
        match *self.input.sample_dims.as_slice() {
            [Some(n), height, width] if is_colour(n) => {
                picture(n, height, width, ChannelOrder::First)
            }
            [height, width, Some(n)] if is_colour(n) => {
                picture(n, height, width, ChannelOrder::Last)
            }
            [None, height, width] => picture(3, height, width, ChannelOrder::First),
            [height, width] => picture(1, height, width, ChannelOrder::First),
            [Some(n)] => match (square_side(n), square_side(n / 3)) {
                (Some(side), _) => picture(1, Some(side), Some(side), ChannelOrder::First),
                (None, Some(side)) if n % 3 == 0 => {
                    picture(3, Some(side), Some(side), ChannelOrder::First)
                }
                _ => InputForm::Numbers,
            },
            _ => InputForm::Numbers,
        }
    }

    /// The dimensions of one sample, as a message shows them.
    pub fn dims_text(&self) -> String {
        let dims: Vec<String> = self
            .input
            .sample_dims
            .iter()
            .map(|dim| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string()))
            .collect();
        dims.join("×")
    }

    /// Numbers in one sample; `None` where a dimension is free.
    pub fn n_values(&self) -> Option<usize> {
        self.input.sample_dims.iter().try_fold(1usize, |n, dim| n.checked_mul((*dim)?))
    }
}

/// The side of a square with `n` pixels, from 4 × 4 up: fewer are features, not a picture.
fn square_side(n: usize) -> Option<usize> {
    let side = n.isqrt();
    (side >= 4 && side * side == n).then_some(side)
}
