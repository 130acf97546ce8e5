//! Where along its rank each box stands: four alignments with what is above or below, leaning left
//! or right, packed and averaged (Brandes, Köpf 2001).
//!
//! Three things differ from the paper: the line from box to box is kept straight before one that
//! only passes by, so that a skip connection runs beside its block; blocks are packed by longest
//! ways, there and back, as dagre does; and widths are those of boxes.

use std::collections::HashSet;

use super::layered::Levels;
use crate::base::{Cancelled, WorkCtx};

/// Between two boxes, and beside a passing line.
const BOX_GAP: f32 = 24.0;
const BEND_GAP: f32 = 10.0;

/// The centre of every box and bend; the leftmost box's edge is at 0.
///
/// Neighbours within a rank keep their order and do not overlap: each alignment keeps the
/// distances, and so does the mean of the middle two of four.
///
/// # Errors
/// [`Cancelled`].
pub(super) fn place_levels(
    levels: &Levels,
    widths: &[f32],
    ctx: &WorkCtx,
) -> Result<Vec<f32>, Cancelled> {
    let marked = conflicts(levels);
    let ways = Ways::new(levels);
    let mut found: Vec<Vec<f32>> = Vec::with_capacity(4);
    for side in [Side::Above, Side::Below] {
        for lean in [Lean::Left, Lean::Right] {
            ctx.check()?;
            let view = View::new(levels, side, lean);
            let blocks = view.aligned(&ways, &marked);
            let mut centres = view.packed(levels, widths, &blocks);
            if lean == Lean::Right {
                centres.iter_mut().for_each(|x| *x = -*x);
            }
            found.push(centres);
        }
    }
    let mut centres = averaged(found, widths);
    let left = centres.iter().zip(widths).map(|(x, width)| x - width / 2.0);
    let left = left.fold(f32::INFINITY, f32::min);
    centres.iter_mut().for_each(|x| *x -= left);
    Ok(centres)
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Above,
    Below,
}

#[derive(Clone, Copy, PartialEq)]
enum Lean {
    Left,
    Right,
}

/// How long the ways are that an edge lies on: they decide which edges are straight.
struct Ways<'a> {
    levels: &'a Levels,
    /// The most boxes on a way from the top to here, and from here to the bottom.
    above: Vec<usize>,
    below: Vec<usize>,
}

impl<'a> Ways<'a> {
    fn new(levels: &'a Levels) -> Self {
        let longest = |order: &mut dyn Iterator<Item = usize>, from: &[Vec<usize>]| {
            let mut found = vec![0; levels.len()];
            for idx in order {
                let before = from[idx].iter().map(|&other| found[other]).max().unwrap_or(0);
                found[idx] = before + usize::from(!levels.is_bend(idx));
            }
            found
        };
        let down = || levels.ranks.iter().flatten().copied();
        let up = levels.ranks.iter().rev().flatten().copied();
        let above = longest(&mut down(), &levels.above);
        let below = longest(&mut up.into_iter(), &levels.below);
        Self { levels, above, below }
    }

    /// How much the edge wants to be straight: a passing line most; then box to box, first along the
    /// longest way, so that a short branch does not push the trunk aside; then what leads to or from
    /// a passing line.
    fn strength(&self, upper: usize, lower: usize) -> u8 {
        match (self.levels.is_bend(upper), self.levels.is_bend(lower)) {
            (true, true) => 4,
            (false, false) => {
                let most = |among: &[usize], ways: &[usize]| {
                    among.iter().map(|&idx| ways[idx]).max().unwrap_or(0)
                };
                let is_trunk = self.below[lower] == most(&self.levels.below[upper], &self.below)
                    && self.above[upper] == most(&self.levels.above[lower], &self.above);
                if is_trunk { 3 } else { 2 }
            }
            _ => 1,
        }
    }
}

/// Edges that cross a passing line, which stays straight instead.
fn conflicts(levels: &Levels) -> HashSet<(usize, usize)> {
    let positions = levels.positions();
    let mut marked = HashSet::new();
    for (upper, lower) in levels.ranks.iter().zip(levels.ranks.iter().skip(1)) {
        let (mut left, mut scanned) = (0, 0);
        for (place, &idx) in lower.iter().enumerate() {
            let inner = levels.above[idx]
                .iter()
                .find(|&&from| levels.is_bend(idx) && levels.is_bend(from))
                .map(|&from| positions[from]);
            if inner.is_none() && place + 1 < lower.len() {
                continue;
            }
            let right = inner.unwrap_or(upper.len());
            for &to in &lower[scanned..=place] {
                for &from in &levels.above[to] {
                    if positions[from] < left || positions[from] > right {
                        marked.insert((from, to));
                    }
                }
            }
            scanned = place + 1;
            left = right;
        }
    }
    marked
}

/// The levels as one of the four alignments sees them: turned over, mirrored, or both.
struct View {
    ranks: Vec<Vec<usize>>,
    positions: Vec<usize>,
    side: Side,
}

/// What stands in one vertical line: the block of each, named by its first.
struct Blocks {
    roots: Vec<usize>,
}

impl View {
    fn new(levels: &Levels, side: Side, lean: Lean) -> Self {
        let mut ranks = levels.ranks.clone();
        if side == Side::Below {
            ranks.reverse();
        }
        if lean == Lean::Right {
            ranks.iter_mut().for_each(|rank| rank.reverse());
        }
        let mut positions = vec![0; levels.len()];
        for rank in &ranks {
            for (position, &idx) in rank.iter().enumerate() {
                positions[idx] = position;
            }
        }
        Self { ranks, positions, side }
    }

    /// The neighbours in the rank before that are worth a straight line, from left to right.
    fn candidates(&self, ways: &Ways, idx: usize) -> Vec<usize> {
        let (before, after) = match self.side {
            Side::Above => (&ways.levels.above, &ways.levels.below),
            Side::Below => (&ways.levels.below, &ways.levels.above),
        };
        let strength = |earlier: usize, later: usize| match self.side {
            Side::Above => ways.strength(earlier, later),
            Side::Below => ways.strength(later, earlier),
        };
        let strongest_after =
            |of: usize| after[of].iter().map(|&other| strength(of, other)).max().unwrap_or(0);
        let wanted = before[idx].iter().map(|&other| strength(other, idx)).max().unwrap_or(0);
        let mut found: Vec<usize> = before[idx]
            .iter()
            .copied()
            .filter(|&other| {
                let own = strength(other, idx);
                own == wanted && own == strongest_after(other)
            })
            .collect();
        found.sort_by_key(|&other| self.positions[other]);
        found
    }

    fn aligned(&self, ways: &Ways, marked: &HashSet<(usize, usize)>) -> Blocks {
        let mut roots: Vec<usize> = (0..ways.levels.len()).collect();
        for rank in self.ranks.iter().skip(1) {
            // The first place in the rank before that is still free to the right.
            let mut free = 0;
            for &idx in rank {
                let found = self.candidates(ways, idx);
                let Some(last) = found.len().checked_sub(1) else { continue };
                for &other in &found[last / 2..=last.div_ceil(2)] {
                    let edge = match self.side {
                        Side::Above => (other, idx),
                        Side::Below => (idx, other),
                    };
                    if self.positions[other] >= free && !marked.contains(&edge) {
                        roots[idx] = roots[other];
                        free = self.positions[other] + 1;
                        break;
                    }
                }
            }
        }
        Blocks { roots }
    }

    /// Packs the blocks: each as far left as those before it allow, then as near to the next on
    /// its right as it gets.
    fn packed(&self, levels: &Levels, widths: &[f32], blocks: &Blocks) -> Vec<f32> {
        let n = levels.len();
        let mut after: Vec<Vec<(usize, f32)>> = vec![Vec::new(); n];
        let mut n_waiting = vec![0usize; n];
        for rank in &self.ranks {
            for (&left, &right) in rank.iter().zip(rank.iter().skip(1)) {
                let gap =
                    if levels.is_bend(left) || levels.is_bend(right) { BEND_GAP } else { BOX_GAP };
                let distance = (widths[left] + widths[right]) / 2.0 + gap;
                after[blocks.roots[left]].push((blocks.roots[right], distance));
                n_waiting[blocks.roots[right]] += 1;
            }
        }
        let mut order: Vec<usize> =
            (0..n).filter(|&idx| blocks.roots[idx] == idx && n_waiting[idx] == 0).collect();
        let mut centres = vec![0.0f32; n];
        let mut next = 0;
        while let Some(&idx) = order.get(next) {
            next += 1;
            for &(right, distance) in &after[idx] {
                centres[right] = centres[right].max(centres[idx] + distance);
                n_waiting[right] -= 1;
                if n_waiting[right] == 0 {
                    order.push(right);
                }
            }
        }
        for &idx in order.iter().rev() {
            let room = after[idx].iter().map(|&(right, distance)| centres[right] - distance);
            let room = room.fold(f32::INFINITY, f32::min);
            if room.is_finite() {
                centres[idx] = centres[idx].max(room);
            }
        }
        blocks.roots.iter().map(|&root| centres[root]).collect()
    }
}

/// Four placements moved over the narrowest, and of each box the mean of the middle two.
fn averaged(mut found: Vec<Vec<f32>>, widths: &[f32]) -> Vec<f32> {
    let ends = |centres: &[f32]| {
        let each = || centres.iter().zip(widths);
        let lo = each().map(|(x, width)| x - width / 2.0).fold(f32::INFINITY, f32::min);
        let hi = each().map(|(x, width)| x + width / 2.0).fold(f32::NEG_INFINITY, f32::max);
        (lo, hi)
    };
    let bounds: Vec<(f32, f32)> = found.iter().map(|centres| ends(centres)).collect();
    let narrowest = bounds.iter().copied().min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    let (lo, hi) = narrowest.unwrap_or((0.0, 0.0));
    for (idx, centres) in found.iter_mut().enumerate() {
        // Those that lean left stand first of each pair.
        let shift = if idx % 2 == 0 { lo - bounds[idx].0 } else { hi - bounds[idx].1 };
        centres.iter_mut().for_each(|x| *x += shift);
    }
    (0..widths.len())
        .map(|idx| {
            let mut four: Vec<f32> = found.iter().map(|centres| centres[idx]).collect();
            four.sort_by(f32::total_cmp);
            (four[1] + four[2]) / 2.0
        })
        .collect()
}
