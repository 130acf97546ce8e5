//! Which rows the list shows, and in what order.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::eval::{LayerFigures, Sqnr};
use crate::model::Layer;
use crate::session::{Loaded, Session};

/// A layer as the list shows it.
pub(super) struct LayerRow<'a> {
    pub idx: usize,
    pub layer: &'a Layer,
    pub error: Loaded<LayerFigures>,
    /// Of all weights.
    pub share: f64,
}

/// A line of the list.
pub(super) enum Line {
    /// A block of the network, with the layers in it and their share.
    Block { name: String, n_layers: usize, share: f64, is_folded: bool },
    /// Place in the rows.
    Layer(usize),
}

/// What the list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SortKey {
    Name,
    Op,
    Shape,
    Weights,
    Scheme,
    Bits,
    Sqnr,
    Share,
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Direction {
    Up,
    Down,
}

/// The order of the list; that of the network if `None`.
pub(super) type Order = Option<(SortKey, Direction)>;

/// The next order when a column's name is clicked: largest first, smallest first, the network's.
pub(super) fn next_order(order: Order, key: SortKey) -> Order {
    let first = match key {
        SortKey::Name | SortKey::Op | SortKey::Scheme | SortKey::Sqnr => Direction::Up,
        _ => Direction::Down,
    };
    let second = if first == Direction::Up { Direction::Down } else { Direction::Up };
    match order {
        Some((now, direction)) if now == key && direction == first => Some((key, second)),
        Some((now, _)) if now == key => None,
        _ => Some((key, first)),
    }
}

/// The rows that match the filter, ordered; while an order is held, in that one.
pub(super) fn rows<'a>(
    session: &'a Session,
    layers: &'a [Layer],
    filter: &str,
    order: Order,
    held: Option<&[usize]>,
) -> Vec<LayerRow<'a>> {
    let total: usize = layers.iter().map(Layer::count).sum();
    let mut rows: Vec<LayerRow> = layers
        .iter()
        .enumerate()
        .filter(|(idx, layer)| matches_filter(session, *idx, layer, filter))
        .map(|(idx, layer)| LayerRow {
            idx,
            layer,
            error: session.layer_figures_in_time(idx),
            share: layer.count() as f64 / total.max(1) as f64,
        })
        .collect();
    if let Some(held) = held {
        let places: HashMap<usize, usize> =
            held.iter().enumerate().map(|(place, &idx)| (idx, place)).collect();
        rows.sort_by_key(|row| places.get(&row.idx).copied().unwrap_or(usize::MAX));
    } else if let Some((key, direction)) = order {
        rows.sort_by(|a, b| compare(session, key, a, b));
        if direction == Direction::Down {
            rows.reverse();
        }
    }
    rows
}

fn compare(session: &Session, key: SortKey, a: &LayerRow, b: &LayerRow) -> std::cmp::Ordering {
    let bits = |row: &LayerRow| session.choice(row.idx).bits().unwrap_or(32);
    match key {
        SortKey::Name => a.layer.name.cmp(&b.layer.name),
        SortKey::Op => a.layer.op.cmp(&b.layer.op),
        SortKey::Shape => a.layer.dims.cmp(&b.layer.dims),
        SortKey::Weights | SortKey::Share => a.layer.count().cmp(&b.layer.count()),
        SortKey::Scheme => {
            session.choice(a.idx).to_string().cmp(&session.choice(b.idx).to_string())
        }
        SortKey::Bits => bits(a).cmp(&bits(b)),
        SortKey::Sqnr => sqnr_of(a).total_cmp(&sqnr_of(b)),
    }
}

/// A number to order by: what cannot be measured comes first, what has no error last.
fn sqnr_of(row: &LayerRow) -> f64 {
    match row.error.shown().map(|error| error.sqnr()) {
        Some(Sqnr::Db(db)) => db,
        Some(Sqnr::Exact) => f64::INFINITY,
        _ => f64::NEG_INFINITY,
    }
}

/// Every word of the filter is in the name, the operator, the tensor's name or the specification.
fn matches_filter(session: &Session, idx: usize, layer: &Layer, filter: &str) -> bool {
    if filter.trim().is_empty() {
        return true;
    }
    let choice = session.choice(idx);
    let bits = choice.bits().map_or_else(|| "float".to_owned(), |bits| format!("{bits} bits"));
    let text = format!("{} {} {} {choice} {bits}", layer.name, layer.op, layer.weight);
    let text = text.to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// The block a layer belongs to by its name: up to the first number between dots or slashes, else
/// up to the last dot; empty for a name of one part.
///
/// `encoder.layers.3.attn.q` is in `encoder.layers.3`, `block1.dw` in `block1`.
pub(super) fn block_of(name: &str) -> &str {
    let mut end = 0;
    for part in name.split_inclusive(['.', '/']) {
        let is_number = part.trim_end_matches(['.', '/']).parse::<u32>().is_ok();
        let part_end = end + part.len();
        if is_number && part_end < name.len() {
            return &name[..part_end - 1];
        }
        end = part_end;
    }
    name.rfind(['.', '/']).map_or("", |at| &name[..at])
}

/// The rows as lines, under their blocks if `folded` is given: those of the named blocks are left
/// out.
pub(super) fn lines(rows: &[LayerRow], folded: Option<&[String]>) -> Vec<Line> {
    let Some(folded) = folded else {
        return (0..rows.len()).map(Line::Layer).collect();
    };
    let mut blocks: Vec<(&str, Vec<usize>)> = Vec::new();
    for (row_idx, row) in rows.iter().enumerate() {
        let name = block_of(&row.layer.name);
        match blocks.iter_mut().rev().take(64).find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(row_idx),
            None => blocks.push((name, vec![row_idx])),
        }
    }
    let mut lines = Vec::new();
    for (name, members) in blocks {
        let is_folded = folded.iter().any(|known| known == name);
        if !name.is_empty() {
            lines.push(Line::Block {
                name: name.to_owned(),
                n_layers: members.len(),
                share: members.iter().map(|&row_idx| rows[row_idx].share).sum(),
                is_folded,
            });
        }
        if !is_folded {
            lines.extend(members.into_iter().map(Line::Layer));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_block() {
        for (name, block) in [
            ("encoder.layers.3.attn.q", "encoder.layers.3"),
            ("encoder.layers.31", "encoder.layers"),
            ("block1.dw", "block1"),
            ("/model/layer.0/conv", "/model/layer.0"),
            ("fc", ""),
            ("", ""),
        ] {
            assert_eq!(block_of(name), block, "{name}");
        }
    }

    #[test]
    fn a_column_is_ordered_both_ways_and_not_at_all() {
        let once = next_order(None, SortKey::Share);
        assert_eq!(once, Some((SortKey::Share, Direction::Down)));
        let twice = next_order(once, SortKey::Share);
        assert_eq!(twice, Some((SortKey::Share, Direction::Up)));
        assert_eq!(next_order(twice, SortKey::Share), None);
        assert_eq!(next_order(twice, SortKey::Sqnr), Some((SortKey::Sqnr, Direction::Up)));
    }
}
