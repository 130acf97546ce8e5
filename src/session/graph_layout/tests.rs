use super::layered::{Levels, levels_of};
use super::order::crossings;
use super::rank::ranks_of;
use super::*;
use crate::base::seeded;
use rand::RngExt;

const SIZE: BoxSize = BoxSize { width: 80.0, height: 20.0 };

/// Random graphs without cycles: boxes, edges from a smaller to a greater number.
fn random_graphs() -> Vec<(usize, Vec<(usize, usize)>)> {
    let mut random = seeded(7);
    (0..60)
        .map(|nth| {
            let n_boxes = 2 + nth * 3 % 67;
            let n_edges = n_boxes + random.random_range(0..n_boxes * 2);
            let edges = (0..n_edges)
                .map(|_| {
                    let from = random.random_range(0..n_boxes - 1);
                    // Most edges are short, as in networks.
                    let reach = if random.random_range(0..8) == 0 { n_boxes } else { 6 };
                    (from, random.random_range(from + 1..n_boxes.min(from + 1 + reach)))
                })
                .collect();
            (n_boxes, edges)
        })
        .collect()
}

fn sizes(n: usize) -> Vec<BoxSize> {
    (0..n)
        .map(|idx| BoxSize {
            width: 40.0 + (idx * 37 % 150) as f32,
            height: 18.0 + (idx * 7 % 30) as f32,
        })
        .collect()
}

fn laid_out(n: usize, edges: &[(usize, usize)]) -> Layered {
    lay_out(&sizes(n), edges, &WorkCtx::new()).unwrap()
}

#[test]
fn edges_go_down_and_boxes_do_not_overlap() {
    for (nth, (n, edges)) in random_graphs().into_iter().enumerate() {
        let layered = laid_out(n, &edges);
        for &(from, to) in &edges {
            let (from, to) = (layered.rects[from], layered.rects[to]);
            assert!(to.top >= from.bottom() + 20.0, "graph {nth}: {from:?} to {to:?}");
        }
        for (idx, a) in layered.rects.iter().enumerate() {
            assert!(a.left >= -0.01 && a.right() <= layered.width + 0.01, "graph {nth}: {a:?}");
            for b in &layered.rects[idx + 1..] {
                let apart = a.right() + 5.0 <= b.left || b.right() + 5.0 <= a.left;
                let above = a.bottom() <= b.top || b.bottom() <= a.top;
                assert!(apart || above, "graph {nth}: {a:?} lies on {b:?}");
            }
        }
    }
}

#[test]
fn passing_lines_go_around_boxes() {
    for (nth, (n, edges)) in random_graphs().into_iter().enumerate() {
        let layered = laid_out(n, &edges);
        for segment in &layered.segments {
            let ([x0, y0], [x1, y1]) = (segment.from, segment.to);
            assert!(y1 >= y0, "graph {nth}: {segment:?}");
            for rect in &layered.rects {
                let beside = x0.max(x1) < rect.left || x0.min(x1) > rect.right();
                // Boxes of almost the same height may stand half a point apart.
                let apart = y1 <= rect.top + 0.51 || y0 >= rect.bottom() - 0.51;
                assert!(beside || apart, "graph {nth}: {segment:?} goes through {rect:?}");
            }
        }
    }
}

#[test]
fn every_edge_is_drawn_to_its_end() {
    for (nth, (n, edges)) in random_graphs().into_iter().enumerate() {
        let layered = laid_out(n, &edges);
        let mut wanted = edges.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found: Vec<(usize, usize)> = layered
            .segments
            .iter()
            .filter_map(|segment| match segment.end {
                SegmentEnd::Box(to) => Some((segment.source, to)),
                _ => None,
            })
            .collect();
        found.sort_unstable();
        assert_eq!(found, wanted, "graph {nth}");
    }
}

#[test]
fn the_same_graph_gives_the_same_places() {
    for (n, edges) in random_graphs() {
        let mut turned = edges.clone();
        turned.reverse();
        assert_eq!(laid_out(n, &edges), laid_out(n, &turned));
    }
}

/// Pairs of edges between neighbouring ranks that cross, by definition.
fn naive_crossings(levels: &Levels) -> usize {
    let positions = levels.positions();
    let mut total = 0;
    for upper in &levels.ranks {
        let edges: Vec<(usize, usize)> = upper
            .iter()
            .flat_map(|&from| levels.below[from].iter().map(move |&to| (from, to)))
            .map(|(from, to)| (positions[from], positions[to]))
            .collect();
        for (idx, a) in edges.iter().enumerate() {
            let crosses =
                |b: &&(usize, usize)| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1);
            total += edges[idx + 1..].iter().filter(crosses).count();
        }
    }
    total
}

#[test]
fn ordering_removes_crossings() {
    let (mut before, mut after) = (0, 0);
    for (nth, (n, edges)) in random_graphs().into_iter().enumerate() {
        let (ranks, kept) = ranks_of(n, &edges);
        let levels = levels_of(&ranks, &kept);
        let naive = crossings(&levels);
        assert_eq!(naive, naive_crossings(&levels), "graph {nth}: counted");
        let layered = laid_out(n, &edges);
        assert!(layered.n_crossings <= naive, "graph {nth}");
        before += naive;
        after += layered.n_crossings;
    }
    assert!(after * 2 < before, "{before} crossings became {after}");
}

#[test]
fn a_chain_is_a_straight_line_and_its_skips_run_beside_it() {
    // Blocks of three with a connection around each.
    let n = 31;
    let mut edges: Vec<(usize, usize)> = (0..n - 1).map(|idx| (idx, idx + 1)).collect();
    edges.extend((0..10).map(|block| (block * 3, block * 3 + 3)));
    let sizes = vec![SIZE; n];
    let layered = lay_out(&sizes, &edges, &WorkCtx::new()).unwrap();
    assert_eq!(layered.n_crossings, 0);
    let x = layered.rects[0].centre_x();
    for rect in &layered.rects {
        assert!((rect.centre_x() - x).abs() < 0.01, "{rect:?} leaves the line at {x}");
    }
    let sides: Vec<bool> = layered
        .segments
        .iter()
        .filter(|s| s.end == SegmentEnd::Bend && s.from[0] == s.to[0])
        .map(|s| s.from[0] > x)
        .collect();
    assert_eq!(sides, vec![true; 10], "every skip on the same side");
}

#[test]
fn odd_graphs_are_drawn_too() {
    let ctx = WorkCtx::new();
    assert_eq!(lay_out(&[], &[], &ctx).unwrap(), Layered::default());
    let one = lay_out(&[SIZE], &[(0, 0), (0, 5), (7, 0)], &ctx).unwrap();
    assert_eq!((one.rects.len(), one.segments.len()), (1, 0));
    let cycle = lay_out(&[SIZE; 3], &[(0, 1), (1, 2), (2, 0)], &ctx).unwrap();
    assert_eq!(cycle.rects.len(), 3);
    ctx.cancel();
    assert_eq!(lay_out(&[SIZE; 3], &[(0, 1)], &ctx), Err(Cancelled));
}
