//! A long drawing cut into columns that stand beside each other, as text is set: for a room that is
//! wider than the drawing.

use super::{BoxRect, GraphBox, GraphLayout, Segment, SegmentEnd};

/// Space between two columns, without the lines that pass there.
const COLUMN_GAP: f32 = 40.0;
/// Space over and under a column, without the lines that pass there.
const END_GAP: f32 = 10.0;
/// Between two lines beside each other.
const LANE: f32 = 7.0;
/// A cut may lie this share of a column's height off its place, to cross fewer lines.
const REACH: f32 = 0.3;

impl GraphLayout {
    /// The same drawing in at most `n_columns` columns of about the same height, read downward and
    /// then to the right. Cut between boxes where few lines pass; these lead on from the foot of a
    /// column to the head of the next.
    pub fn folded(self, n_columns: usize) -> Self {
        let cuts = cuts(&self, n_columns);
        if cuts.is_empty() {
            return self;
        }
        let columns = Columns::new(&self, cuts);
        let boxes = self
            .boxes
            .into_iter()
            .map(|graph_box| GraphBox { rect: columns.moved(graph_box.rect), ..graph_box });
        let mut segments = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            columns.add(segment, &mut segments);
        }
        columns.connect(&mut segments);
        let size = (columns.width, columns.height);
        Self::sorted(boxes.collect(), segments, size, self.n_shape_nodes)
    }
}

/// Heights between boxes at which to cut, ascending, fewer than `n_columns`.
fn cuts(layout: &GraphLayout, n_columns: usize) -> Vec<f32> {
    let mut gaps = Vec::new();
    let mut bottom = f32::INFINITY;
    for graph_box in &layout.boxes {
        if graph_box.rect.top > bottom + 1.0 {
            gaps.push((bottom + graph_box.rect.top) / 2.0);
        }
        let own = graph_box.rect.bottom();
        bottom = if bottom.is_finite() { bottom.max(own) } else { own };
    }
    let n_passing = n_passing(layout, &gaps);
    let height = layout.height / n_columns.max(1) as f32;
    let mut cuts: Vec<f32> = Vec::new();
    for nth in 1..n_columns {
        let wanted = height * nth as f32;
        let last = cuts.last().copied().unwrap_or(0.0);
        let near = gaps.iter().zip(&n_passing).filter(|&(&gap, _)| {
            gap > last + height * REACH && (gap - wanted).abs() <= height * REACH
        });
        let best = near.min_by(|a, b| {
            let off = |gap: f32| (gap - wanted).abs();
            a.1.cmp(b.1).then(off(*a.0).total_cmp(&off(*b.0)))
        });
        cuts.extend(best.map(|(&gap, _)| gap));
    }
    cuts
}

/// How many lines pass each of some ascending heights.
fn n_passing(layout: &GraphLayout, heights: &[f32]) -> Vec<i32> {
    let mut changes = vec![0i32; heights.len() + 1];
    for segment in &layout.segments {
        let first = heights.partition_point(|&height| height <= segment.from[1]);
        let end = heights.partition_point(|&height| height < segment.to[1]);
        if first < end {
            changes[first] += 1;
            changes[end] -= 1;
        }
    }
    let mut n = 0;
    changes
        .iter()
        .take(heights.len())
        .map(|change| {
            n += change;
            n
        })
        .collect()
}

/// A line that leaves a column at its foot.
#[derive(Clone, Copy)]
struct Passing {
    source: usize,
    x: f32,
}

/// Where the columns stand.
struct Columns {
    cuts: Vec<f32>,
    /// How far each is moved to the right.
    shifts: Vec<f32>,
    /// Right ends after the move.
    rights: Vec<f32>,
    /// What passes from each to the next, from right to left.
    passing: Vec<Vec<Passing>>,
    /// Room over the columns.
    head: f32,
    width: f32,
    height: f32,
}

impl Columns {
    fn new(layout: &GraphLayout, cuts: Vec<f32>) -> Self {
        let n_columns = cuts.len() + 1;
        let mut passing = vec![Vec::new(); cuts.len()];
        let mut ends = vec![(f32::INFINITY, f32::NEG_INFINITY); n_columns];
        let mut widen = |column: usize, lo: f32, hi: f32| {
            if let Some(end) = ends.get_mut(column) {
                *end = (end.0.min(lo), end.1.max(hi));
            }
        };
        for graph_box in &layout.boxes {
            let rect = graph_box.rect;
            widen(column_of(&cuts, rect.top), rect.left, rect.right());
        }
        for segment in &layout.segments {
            let (first, last) = span_of(&cuts, segment);
            for column in first..=last {
                widen(
                    column,
                    segment.from[0].min(segment.to[0]),
                    segment.from[0].max(segment.to[0]),
                );
            }
            for (cut, passing) in cuts.iter().zip(&mut passing).take(last).skip(first) {
                passing.push(Passing { source: segment.source, x: x_at(segment, *cut) });
            }
        }
        for passing in &mut passing {
            passing.sort_by(|a: &Passing, b| b.x.total_cmp(&a.x).then(a.source.cmp(&b.source)));
            passing.dedup_by(|a, b| a.source == b.source && (a.x - b.x).abs() < 0.5);
        }
        let n_lanes = passing.iter().map(Vec::len).max().unwrap_or(0);
        let lanes = LANE * n_lanes as f32;
        let (mut shifts, mut rights, mut left) = (Vec::new(), Vec::new(), 0.0);
        for (lo, hi) in ends {
            let (lo, hi) = if lo <= hi { (lo, hi) } else { (0.0, 0.0) };
            shifts.push(left - lo);
            rights.push(left + hi - lo);
            left += hi - lo + COLUMN_GAP + lanes;
        }
        let head = END_GAP + lanes;
        let starts = std::iter::once(&0.0).chain(&cuts);
        let heights = starts.zip(cuts.iter().chain([&layout.height])).map(|(a, b)| b - a);
        let height = heights.fold(0.0, f32::max) + 2.0 * head;
        let width = left - COLUMN_GAP - lanes;
        Self { cuts, shifts, rights, passing, head, width, height }
    }

    fn start(&self, column: usize) -> f32 {
        column.checked_sub(1).and_then(|idx| self.cuts.get(idx)).copied().unwrap_or(0.0)
    }

    fn point(&self, column: usize, [x, y]: [f32; 2]) -> [f32; 2] {
        let shift = self.shifts.get(column).copied().unwrap_or(0.0);
        [x + shift, y - self.start(column) + self.head]
    }

    fn moved(&self, rect: BoxRect) -> BoxRect {
        let column = column_of(&self.cuts, rect.top);
        let [left, top] = self.point(column, [rect.left, rect.top]);
        BoxRect { left, top, ..rect }
    }

    /// A line, in as many pieces as it passes columns.
    fn add(&self, segment: &Segment, into: &mut Vec<Segment>) {
        let (first, last) = span_of(&self.cuts, segment);
        let mut from = segment.from;
        for column in first..=last {
            let cut = self.cuts.get(column).filter(|_| column < last);
            let to = cut.map_or(segment.to, |&cut| [x_at(segment, cut), cut]);
            let end = if column == last { segment.end } else { SegmentEnd::Bend };
            into.push(Segment {
                from: self.point(column, from),
                to: self.point(column, to),
                source: segment.source,
                end,
            });
            from = to;
        }
    }

    /// The lines from the foot of each column to the head of the next.
    fn connect(&self, into: &mut Vec<Segment>) {
        for (column, (passing, &cut)) in self.passing.iter().zip(&self.cuts).enumerate() {
            let right = self.rights.get(column).copied().unwrap_or(0.0);
            for (lane, &Passing { source, x }) in passing.iter().enumerate() {
                let off = LANE * (lane as f32 + 1.0);
                let foot = self.point(column, [x, cut]);
                let head = self.point(column + 1, [x, cut]);
                let (low, high) = (foot[1] + off, head[1] - off);
                let between = right + COLUMN_GAP / 2.0 + off - LANE;
                let mut piece = |from: [f32; 2], to: [f32; 2]| {
                    into.push(Segment { from, to, source, end: SegmentEnd::Bend });
                };
                piece(foot, [foot[0], low]);
                piece([foot[0], low], [between, low]);
                piece([between, high], [between, low]);
                piece([between, high], [head[0], high]);
                piece([head[0], high], head);
            }
        }
    }
}

fn column_of(cuts: &[f32], y: f32) -> usize {
    cuts.partition_point(|&cut| cut <= y)
}

/// The columns a line runs through.
fn span_of(cuts: &[f32], segment: &Segment) -> (usize, usize) {
    let last = cuts.partition_point(|&cut| cut < segment.to[1]);
    (column_of(cuts, segment.from[1]).min(last), last)
}

/// Where a line passes a height, as if it were straight.
fn x_at(segment: &Segment, y: f32) -> f32 {
    let [from, to] = [segment.from, segment.to];
    let fraction = ((y - from[1]) / (to[1] - from[1]).max(1e-3)).clamp(0.0, 1.0);
    from[0] + fraction * (to[0] - from[0])
}

#[cfg(test)]
mod tests {
    use super::super::BoxKind;
    use super::*;

    /// Boxes under each other, and a line past all of them.
    fn chain(n_boxes: usize) -> GraphLayout {
        let rect =
            |idx: usize| BoxRect { left: 0.0, top: 70.0 * idx as f32, width: 100.0, height: 40.0 };
        let boxes: Vec<GraphBox> = (0..n_boxes)
            .map(|idx| GraphBox {
                kind: BoxKind::Layer(idx),
                title: idx.to_string(),
                nodes: vec![idx],
                rect: rect(idx),
            })
            .collect();
        let mut segments: Vec<Segment> = (1..n_boxes)
            .map(|idx| Segment {
                from: [50.0, rect(idx - 1).bottom()],
                to: [50.0, rect(idx).top],
                source: idx - 1,
                end: SegmentEnd::Box(idx),
            })
            .collect();
        let last = rect(n_boxes - 1);
        segments.push(Segment {
            from: [120.0, 40.0],
            to: [120.0, last.top],
            source: 0,
            end: SegmentEnd::Bend,
        });
        GraphLayout::sorted(boxes, segments, (120.0, last.bottom()), 0)
    }

    #[test]
    fn columns_hold_every_box_and_none_overlap() {
        for (n_boxes, n_columns) in [(1, 3), (2, 2), (12, 3), (50, 7), (9, 1)] {
            let plain = chain(n_boxes);
            let folded = plain.clone().folded(n_columns);
            assert_eq!(folded.boxes.len(), n_boxes);
            if n_boxes > 2 * n_columns && n_columns > 1 {
                assert!(folded.height < plain.height / (n_columns as f32 - 1.0) + 80.0);
                assert!(folded.width > plain.width * n_columns as f32);
            }
            for (idx, a) in folded.boxes.iter().enumerate() {
                let (a, rest) = (a.rect, &folded.boxes[idx + 1..]);
                assert!(a.left >= 0.0 && a.right() <= folded.width && a.bottom() <= folded.height);
                let apart = |b: BoxRect| {
                    a.right() <= b.left
                        || b.right() <= a.left
                        || a.bottom() <= b.top
                        || b.bottom() <= a.top
                };
                assert!(rest.iter().all(|b| apart(b.rect)), "{n_boxes} in {n_columns}");
            }
        }
    }

    /// From one box to the next along pieces that touch.
    #[test]
    fn lines_lead_on_from_column_to_column() {
        let folded = chain(12).folded(3);
        let n_arrows = folded
            .segments
            .iter()
            .filter(|segment| match segment.end {
                SegmentEnd::Box(to) => {
                    let rect = folded.boxes[to].rect;
                    (segment.to[1] - rect.top).abs() < 0.1
                        && (segment.to[0] - rect.centre_x()).abs() < 0.1
                }
                _ => false,
            })
            .count();
        assert_eq!(n_arrows, 11, "each arrow ends on its box");
        for segment in &folded.segments {
            assert!(segment.from[1] <= segment.to[1], "from top to bottom");
            let inside = |[x, y]: [f32; 2]| {
                (-0.1..=folded.width + 0.1).contains(&x) && (0.0..=folded.height).contains(&y)
            };
            assert!(inside(segment.from) && inside(segment.to), "{segment:?}");
        }
        assert!(folded.segments.is_sorted_by(|a, b| a.from[1] <= b.from[1]));
    }
}
