//! The lines of a drawn graph: smooth from rank to rank, straight past a rank.

use super::layered::{BoxRect, Levels, Rows};

/// What a line leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentEnd {
    /// A box: the line ends in an arrow.
    Box(usize),
    /// A place straight over a box, to which it goes on.
    Over(usize),
    /// It goes on.
    Bend,
}

/// A piece of a line, from top to bottom: straight where both ends have the same `x`, else a curve
/// that leaves and arrives vertically.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    pub from: [f32; 2],
    pub to: [f32; 2],
    /// The box whose output it carries.
    pub source: usize,
    pub end: SegmentEnd,
}

/// Space between two lines that arrive at one box.
const PORT_STEP: f32 = 14.0;
/// Closer than this, two positions count as one.
const SAME: f32 = 0.5;

pub(super) fn segments_of(
    levels: &Levels,
    rects: &[BoxRect],
    rows: &Rows,
    centres: &[f32],
) -> Vec<Segment> {
    let rank_of = ranks(levels);
    let ports = Ports { levels, rects, centres };
    let mut segments = Vec::new();
    for source in 0..levels.n_boxes {
        let Some(rect) = rects.get(source) else { continue };
        let start = [rect.centre_x(), rect.bottom()];
        let below_rank = [rect.centre_x(), rows.bottoms[rank_of[source]]];
        if !levels.below[source].is_empty() && below_rank[1] - start[1] > SAME {
            segments.push(Segment { from: start, to: below_rank, source, end: SegmentEnd::Bend });
        }
        // What is to be drawn on: the start of a line, and the level it leaves.
        let mut pending = vec![(below_rank, source)];
        while let Some((start, idx)) = pending.pop() {
            for &to in &levels.below[idx] {
                if levels.is_bend(to) {
                    let x = centres[to];
                    let (top, bottom) = (rows.tops[rank_of[to]], rows.bottoms[rank_of[to]]);
                    let ends = [(start, [x, top]), ([x, top], [x, bottom])];
                    for (from, to) in ends {
                        segments.push(Segment { from, to, source, end: SegmentEnd::Bend });
                    }
                    pending.push(([x, bottom], to));
                } else if let Some(target) = rects.get(to) {
                    // Above a low box in a high rank the line runs straight down.
                    let (x, top) = (ports.x(idx, to), rows.tops[rank_of[to]]);
                    let end = SegmentEnd::Box(to);
                    if target.top - top > SAME {
                        let over = SegmentEnd::Over(to);
                        segments.push(Segment { from: start, to: [x, top], source, end: over });
                        segments.push(Segment { from: [x, top], to: [x, target.top], source, end });
                    } else {
                        segments.push(Segment { from: start, to: [x, target.top], source, end });
                    }
                }
            }
        }
    }
    join_straight(segments)
}

fn ranks(levels: &Levels) -> Vec<usize> {
    let mut found = vec![0; levels.len()];
    for (rank, members) in levels.ranks.iter().enumerate() {
        members.iter().for_each(|&idx| found[idx] = rank);
    }
    found
}

/// Straight pieces that follow each other become one.
fn join_straight(segments: Vec<Segment>) -> Vec<Segment> {
    let is_straight = |segment: &Segment| (segment.from[0] - segment.to[0]).abs() < SAME;
    let mut joined: Vec<Segment> = Vec::with_capacity(segments.len());
    for segment in segments {
        match joined.last_mut() {
            Some(last)
                if last.to == segment.from
                    && last.source == segment.source
                    && !matches!(last.end, SegmentEnd::Box(_))
                    && is_straight(last)
                    && is_straight(&segment) =>
            {
                last.to = segment.to;
                last.end = segment.end;
            }
            _ => joined.push(segment),
        }
    }
    joined.sort_by(|a, b| a.from[1].total_cmp(&b.from[1]));
    joined
}

/// Where lines arrive on the upper edge of a box: one from straight above in the middle, the others
/// on the side they come from.
struct Ports<'a> {
    levels: &'a Levels,
    rects: &'a [BoxRect],
    centres: &'a [f32],
}

impl Ports<'_> {
    fn x(&self, from: usize, to: usize) -> f32 {
        let (Some(rect), Some(&own)) = (self.rects.get(to), self.centres.get(from)) else {
            return 0.0;
        };
        let centre = rect.centre_x();
        let others: Vec<f32> = self.levels.above[to]
            .iter()
            .filter_map(|&idx| self.centres.get(idx).copied())
            .collect();
        if others.len() < 2 || (own - centre).abs() < SAME {
            return centre;
        }
        let is_left = own < centre;
        let same_side =
            || others.iter().filter(|&&x| (x < centre) == is_left && (x - centre).abs() >= SAME);
        let n_same = same_side().count();
        let n_nearer = same_side().filter(|&&x| (x - centre).abs() < (own - centre).abs()).count();
        let step = PORT_STEP.min(rect.width / 2.0 / (n_same as f32 + 1.0));
        let offset = step * (n_nearer as f32 + 1.0);
        if is_left { centre - offset } else { centre + offset }
    }
}
