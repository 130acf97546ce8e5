//! Layered drawing of a directed graph without cycles (Sugiyama, Tagawa, Toda 1981): ranks, few
//! crossings, straight lines. Boxes of given sizes in, places out; knows no network. The same input
//! gives the same places.

use super::order::order_ranks;
use super::place::place_levels;
use super::rank::ranks_of;
use super::segments::{Segment, segments_of};
use crate::base::{Cancelled, WorkCtx};

/// Width and height of a box, in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxSize {
    pub width: f32,
    pub height: f32,
}

/// Where a box lies; `y` grows downward.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoxRect {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
}

impl BoxRect {
    pub fn centre_x(&self) -> f32 {
        self.left + self.width / 2.0
    }

    pub fn bottom(&self) -> f32 {
        self.top + self.height
    }

    pub fn right(&self) -> f32 {
        self.left + self.width
    }
}

/// A drawn graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layered {
    /// In the order of the boxes given.
    pub rects: Vec<BoxRect>,
    /// The lines between them; lines from one box to several share their way.
    pub segments: Vec<Segment>,
    pub width: f32,
    pub height: f32,
    /// Lines that cross another between two ranks.
    pub n_crossings: usize,
}

/// A graph whose edges go from a rank to the next: boxes, and *bends* where a longer edge passes a
/// rank. Bends are numbered after the boxes; edges from one box share them.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub n_boxes: usize,
    /// From left to right.
    pub ranks: Vec<Vec<usize>>,
    pub above: Vec<Vec<usize>>,
    pub below: Vec<Vec<usize>>,
}

impl Levels {
    pub fn is_bend(&self, idx: usize) -> bool {
        idx >= self.n_boxes
    }

    pub fn len(&self) -> usize {
        self.above.len()
    }

    /// Place of every box and bend within its rank.
    pub fn positions(&self) -> Vec<usize> {
        let mut positions = vec![0; self.len()];
        for rank in &self.ranks {
            for (position, &idx) in rank.iter().enumerate() {
                positions[idx] = position;
            }
        }
        positions
    }
}

/// Lays out boxes under each other so that every edge goes down.
///
/// `edges` are pairs of box numbers, from and to. An edge that names no box, or closes a cycle, is
/// left out.
///
/// # Errors
/// [`Cancelled`].
pub fn lay_out(
    sizes: &[BoxSize],
    edges: &[(usize, usize)],
    ctx: &WorkCtx,
) -> Result<Layered, Cancelled> {
    if sizes.is_empty() {
        return Ok(Layered::default());
    }
    let (ranks, edges) = ranks_of(sizes.len(), edges);
    ctx.check()?;
    let mut levels = levels_of(&ranks, &edges);
    let n_crossings = order_ranks(&mut levels, ctx)?;
    let widths: Vec<f32> =
        (0..levels.len()).map(|idx| sizes.get(idx).map_or(BEND_WIDTH, |size| size.width)).collect();
    let centres = place_levels(&levels, &widths, ctx)?;
    let rows = Rows::new(&levels, sizes, &centres);
    let rects = rows.rects(sizes, &centres, &ranks);
    let segments = segments_of(&levels, &rects, &rows, &centres);
    let edges = rects.iter().map(BoxRect::right).chain(centres.iter().copied());
    let width = edges.fold(0.0, f32::max);
    Ok(Layered { segments, width, height: rows.height(), n_crossings, rects })
}

/// Room that a passing line takes.
const BEND_WIDTH: f32 = 10.0;
/// Between the ranks, where lines run straight down; the flatter they run, the more.
const RANK_GAP: f32 = 26.0;
const MAX_RANK_GAP: f32 = 64.0;

/// Top and bottom of every rank.
pub(super) struct Rows {
    pub tops: Vec<f32>,
    pub bottoms: Vec<f32>,
}

impl Rows {
    fn new(levels: &Levels, sizes: &[BoxSize], centres: &[f32]) -> Self {
        let (mut tops, mut bottoms) = (Vec::new(), Vec::new());
        let mut y = 0.0;
        for rank in &levels.ranks {
            let heights = rank.iter().filter_map(|&idx| sizes.get(idx)).map(|size| size.height);
            tops.push(y);
            y += heights.fold(0.0, f32::max);
            bottoms.push(y);
            let widest = rank
                .iter()
                .flat_map(|&from| levels.below[from].iter().map(move |&to| (from, to)))
                .map(|(from, to)| (centres[from] - centres[to]).abs())
                .fold(0.0, f32::max);
            y += (RANK_GAP + widest * 0.06).min(MAX_RANK_GAP);
        }
        Self { tops, bottoms }
    }

    fn height(&self) -> f32 {
        self.bottoms.last().copied().unwrap_or(0.0)
    }

    /// Boxes stand in the middle of their rank's height.
    fn rects(&self, sizes: &[BoxSize], centres: &[f32], ranks: &[usize]) -> Vec<BoxRect> {
        let place = |(idx, size): (usize, &BoxSize)| {
            let rank = ranks[idx];
            let middle = (self.tops[rank] + self.bottoms[rank]) / 2.0;
            BoxRect {
                left: centres[idx] - size.width / 2.0,
                top: middle - size.height / 2.0,
                width: size.width,
                height: size.height,
            }
        };
        sizes.iter().enumerate().map(place).collect()
    }
}

/// Splits edges over several ranks with bends, one a rank for all edges from the same box.
pub(super) fn levels_of(ranks: &[usize], edges: &[(usize, usize)]) -> Levels {
    let n_boxes = ranks.len();
    let n_ranks = ranks.iter().max().map_or(0, |rank| rank + 1);
    let mut levels = Levels {
        n_boxes,
        ranks: vec![Vec::new(); n_ranks],
        above: vec![Vec::new(); n_boxes],
        below: vec![Vec::new(); n_boxes],
    };
    for (idx, &rank) in ranks.iter().enumerate() {
        levels.ranks[rank].push(idx);
    }
    let mut targets: Vec<Vec<usize>> = vec![Vec::new(); n_boxes];
    for &(from, to) in edges {
        targets[from].push(to);
    }
    for (from, targets) in targets.iter_mut().enumerate() {
        targets.sort_by_key(|&to| (ranks[to], to));
        let mut end = from;
        let mut end_rank = ranks[from];
        for &to in targets.iter() {
            while end_rank + 1 < ranks[to] {
                let bend = levels.len();
                levels.above.push(vec![end]);
                levels.below.push(Vec::new());
                levels.below[end].push(bend);
                end_rank += 1;
                levels.ranks[end_rank].push(bend);
                end = bend;
            }
            levels.below[end].push(to);
            levels.above[to].push(end);
        }
    }
    levels
}
