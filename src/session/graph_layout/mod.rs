//! The network as a drawing: which boxes there are, where they stand and how lines run between
//! them. A pure function of the network; knows neither fonts nor colours.

mod boxes;
mod fold;
mod layered;
mod order;
mod place;
mod rank;
mod segments;
#[cfg(test)]
mod tests;

pub use boxes::BoxKind;
pub use layered::{BoxRect, BoxSize, Layered, lay_out};
pub use segments::{Segment, SegmentEnd};

use self::boxes::{BoxContent, Contents};
use crate::base::{Cancelled, WorkCtx};
use crate::model::{Graph, Network};

/// Whether nodes are drawn that only handle shapes and constants, as exports have many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ShapeArithmetic {
    #[default]
    Hidden,
    Shown,
}

/// One box of the drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphBox {
    pub kind: BoxKind,
    /// The node's name, operators in a row, or the name of a value.
    pub title: String,
    /// Places in the graph's nodes, in order; none for inputs and outputs.
    pub nodes: Vec<usize>,
    pub rect: BoxRect,
}

/// The drawing of a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphLayout {
    /// From top to bottom.
    pub boxes: Vec<GraphBox>,
    /// From top to bottom, by their upper ends.
    pub segments: Vec<Segment>,
    pub width: f32,
    pub height: f32,
    /// Nodes that depend on shapes and constants only, drawn or not.
    pub n_shape_nodes: usize,
    /// The greatest lower end of every [`CHUNK`] segments.
    chunk_bottoms: Vec<f32>,
}

/// Size of a box with a weight.
pub const LAYER_BOX: BoxSize = BoxSize { width: 188.0, height: 46.0 };
/// Height of every other box.
pub const QUIET_HEIGHT: f32 = 22.0;
/// Widths of other boxes: of one letter of 11 points, and the least and the most.
const LETTER_WIDTH: f32 = 6.2;
const QUIET_WIDTHS: std::ops::RangeInclusive<f32> = 48.0..=288.0;
/// Segments passed over together when they are out of sight.
const CHUNK: usize = 64;

impl GraphLayout {
    /// Lays out `graph`, the graph of `network`.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn compute(
        network: &Network,
        graph: &Graph,
        shapes: ShapeArithmetic,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let contents = Contents::new(network, graph, shapes);
        ctx.check()?;
        let sizes: Vec<BoxSize> = contents.boxes.iter().map(size_of).collect();
        let layered = lay_out(&sizes, &contents.edges, ctx)?;
        Ok(Self::assembled(contents, layered))
    }

    fn assembled(contents: Contents, layered: Layered) -> Self {
        let boxes = contents.boxes.into_iter().zip(layered.rects).map(|(content, rect)| {
            let BoxContent { kind, title, nodes } = content;
            GraphBox { kind, title, nodes, rect }
        });
        let size = (layered.width, layered.height);
        Self::sorted(boxes.collect(), layered.segments, size, contents.n_constant)
    }

    /// Boxes and lines in any order; lines name boxes by their place in `boxes`.
    fn sorted(
        boxes: Vec<GraphBox>,
        mut segments: Vec<Segment>,
        (width, height): (f32, f32),
        n_shape_nodes: usize,
    ) -> Self {
        let mut boxes: Vec<(usize, GraphBox)> = boxes.into_iter().enumerate().collect();
        boxes.sort_by(|(_, a), (_, b)| {
            (a.rect.top.total_cmp(&b.rect.top)).then(a.rect.left.total_cmp(&b.rect.left))
        });
        let mut moved_to = vec![0; boxes.len()];
        for (to, &(from, _)) in boxes.iter().enumerate() {
            moved_to[from] = to;
        }
        for segment in &mut segments {
            segment.source = moved_to[segment.source];
            if let SegmentEnd::Box(idx) | SegmentEnd::Over(idx) = &mut segment.end {
                *idx = moved_to[*idx];
            }
        }
        segments.sort_by(|a, b| a.from[1].total_cmp(&b.from[1]));
        let bottom = |chunk: &[Segment]| chunk.iter().map(|s| s.to[1]).fold(0.0, f32::max);
        Self {
            chunk_bottoms: segments.chunks(CHUNK).map(bottom).collect(),
            boxes: boxes.into_iter().map(|(_, graph_box)| graph_box).collect(),
            segments,
            width,
            height,
            n_shape_nodes,
        }
    }

    /// The boxes between two heights, with their numbers, and perhaps a few beside.
    pub fn boxes_between(&self, top: f32, bottom: f32) -> impl Iterator<Item = (usize, &GraphBox)> {
        let first = self.boxes.partition_point(|b| b.rect.top < top - LAYER_BOX.height);
        let end = self.boxes.partition_point(|b| b.rect.top <= bottom);
        self.boxes.iter().enumerate().take(end).skip(first)
    }

    /// The segments between two heights.
    pub fn segments_between(&self, top: f32, bottom: f32) -> impl Iterator<Item = &Segment> {
        let in_sight = move |segment: &&Segment| segment.to[1] >= top && segment.from[1] <= bottom;
        self.segments
            .chunks(CHUNK)
            .zip(&self.chunk_bottoms)
            .filter(move |(_, chunk_bottom)| **chunk_bottom >= top)
            .take_while(move |(chunk, _)| chunk.first().is_some_and(|s| s.from[1] <= bottom))
            .flat_map(|(chunk, _)| chunk)
            .filter(in_sight)
    }

    /// The first box that uses the weight of a layer.
    pub fn box_of_layer(&self, layer_idx: usize) -> Option<&GraphBox> {
        self.boxes.iter().find(|graph_box| graph_box.kind == BoxKind::Layer(layer_idx))
    }
}

fn size_of(content: &BoxContent) -> BoxSize {
    match content.kind {
        BoxKind::Layer(_) => LAYER_BOX,
        _ => {
            let width = content.title.chars().count() as f32 * LETTER_WIDTH + 20.0;
            let width = width.clamp(*QUIET_WIDTHS.start(), *QUIET_WIDTHS.end());
            BoxSize { width: width.round(), height: QUIET_HEIGHT }
        }
    }
}
