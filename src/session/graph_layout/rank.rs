//! Which rank each box stands in: as high as its longest way from a source allows, and then as near
//! to what it feeds as shortens the edges.

/// The rank of every box, from 0, and the edges that are kept: known ends, each once, no cycle.
///
/// Every edge kept goes to a greater rank.
pub(super) fn ranks_of(
    n_boxes: usize,
    edges: &[(usize, usize)],
) -> (Vec<usize>, Vec<(usize, usize)>) {
    let mut edges: Vec<(usize, usize)> = edges
        .iter()
        .copied()
        .filter(|&(from, to)| from < n_boxes && to < n_boxes && from != to)
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let order = topological_order(n_boxes, &edges);
    let mut place = vec![0; n_boxes];
    for (position, &idx) in order.iter().enumerate() {
        place[idx] = position;
    }
    edges.retain(|&(from, to)| place[from] < place[to]);
    let neighbours = Neighbours::new(n_boxes, &edges);
    let mut ranks = vec![0; n_boxes];
    for &idx in &order {
        let above = neighbours.above[idx].iter().map(|&from| ranks[from] + 1);
        ranks[idx] = above.max().unwrap_or(0);
    }
    pull_down(&order, &neighbours, &mut ranks);
    let first = ranks.iter().copied().min().unwrap_or(0);
    ranks.iter_mut().for_each(|rank| *rank -= first);
    (ranks, edges)
}

struct Neighbours {
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Neighbours {
    fn new(n_boxes: usize, edges: &[(usize, usize)]) -> Self {
        let mut found = Self { above: vec![Vec::new(); n_boxes], below: vec![Vec::new(); n_boxes] };
        for &(from, to) in edges {
            found.below[from].push(to);
            found.above[to].push(from);
        }
        found
    }
}

/// Kahn's order, the smallest number first among those that are free; boxes on a cycle come last,
/// in the order of their numbers.
fn topological_order(n_boxes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let neighbours = Neighbours::new(n_boxes, edges);
    let mut n_waiting: Vec<usize> = neighbours.above.iter().map(Vec::len).collect();
    let mut free: std::collections::BTreeSet<usize> =
        (0..n_boxes).filter(|&idx| n_waiting[idx] == 0).collect();
    let mut order = Vec::with_capacity(n_boxes);
    while let Some(idx) = free.pop_first() {
        order.push(idx);
        for &to in &neighbours.below[idx] {
            n_waiting[to] -= 1;
            if n_waiting[to] == 0 {
                free.insert(to);
            }
        }
    }
    order.extend((0..n_boxes).filter(|&idx| n_waiting[idx] > 0));
    order
}

/// Moves down what that makes no edge longer in sum: boxes with more edges out than in, and trees
/// that hang from sources of their own.
fn pull_down(order: &[usize], neighbours: &Neighbours, ranks: &mut [usize]) {
    let mut floats = vec![false; ranks.len()];
    for &idx in order {
        let above = &neighbours.above[idx];
        floats[idx] = above.iter().all(|&from| floats[from] && neighbours.below[from].len() == 1);
    }
    for &idx in order.iter().rev() {
        let below = &neighbours.below[idx];
        if below.len() > neighbours.above[idx].len() || floats[idx] {
            let room = below.iter().map(|&to| ranks[to] - 1).min();
            ranks[idx] = room.unwrap_or(ranks[idx]).max(ranks[idx]);
        }
    }
}
