//! The recipes measured on the present samples: what is drawn and listed of each, and in what order.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::eval::{Estimate, Metric};
use crate::session::{Origin, Session, Tried, TriedFigures};
use crate::ui::labels;

/// What size is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SizeBy {
    #[default]
    Bytes,
    BitsPerWeight,
}

/// What worth is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WorthBy {
    #[default]
    Metric,
    /// Recall of the critical class, where there is one.
    Critical,
}

/// Which recipes are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Filter {
    #[default]
    All,
    Front,
    Pinned,
}

/// What the list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SortKey {
    Name,
    Size,
    Bits,
    Metric,
    Critical,
    Origin,
    When,
    Pinned,
}

/// Key, and whether the largest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub key: SortKey,
    pub largest_first: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { key: SortKey::When, largest_first: true }
    }
}

impl Order {
    /// After a click on the head of a column.
    pub fn clicked(self, key: SortKey) -> Self {
        let first = !matches!(key, SortKey::Name | SortKey::Size | SortKey::Bits | SortKey::Origin);
        let largest_first = if self.key == key { !self.largest_first } else { first };
        Self { key, largest_first }
    }
}

/// A recipe with what it is worth.
pub(super) struct Recipe<'a> {
    pub tried: &'a Tried,
    pub figures: &'a TriedFigures,
    /// Of the class that is critical now.
    pub critical: Option<Estimate>,
    /// On the axis of sizes.
    pub x: f64,
    /// On that of worth.
    pub y: Option<Estimate>,
    /// Whether none is smaller and better.
    pub is_front: bool,
}

/// All of them.
pub(super) struct Recipes<'a> {
    /// In the order they were first measured.
    pub list: Vec<Recipe<'a>>,
    pub metric: Metric,
    /// How many more were measured on other samples.
    pub n_elsewhere: usize,
    pub present_id: u64,
}

/// Names that were made from recipes, which never change: a recipe of many layers takes a while.
#[derive(Default)]
pub(super) struct Labels {
    made: RefCell<HashMap<u64, String>>,
}

impl Labels {
    pub fn of(&self, tried: &Tried) -> String {
        if let Some(name) = &tried.name {
            return name.clone();
        }
        let mut made = self.made.borrow_mut();
        made.entry(tried.id).or_insert_with(|| tried.label()).clone()
    }

    /// The same in the plot, where there is little room.
    pub fn short(&self, tried: &Tried) -> String {
        let label = self.of(tried);
        match label.strip_suffix(" everywhere") {
            Some(short) if tried.name.is_none() => short.to_owned(),
            _ => label,
        }
    }
}

impl<'a> Recipes<'a> {
    pub fn new(session: &'a Session, size_by: SizeBy, worth_by: WorthBy) -> Self {
        let class = session.critical_class();
        let recipe = |tried: &'a Tried| {
            let figures = session.tried_figures(tried)?;
            let critical = figures.critical.as_ref();
            let critical = critical.filter(|(of, _)| Some(of.as_str()) == class);
            let critical = critical.map(|(_, recall)| *recall);
            let y = match worth_by {
                WorthBy::Metric => Some(figures.accuracy.estimate),
                WorthBy::Critical => critical,
            };
            let y = y.filter(|estimate| estimate.value.is_finite());
            let x = size_of(&tried.size, size_by);
            Some(Recipe { tried, figures, critical, x, y, is_front: false })
        };
        let all = session.tried();
        let mut list: Vec<Recipe> = all.iter().filter_map(|tried| recipe(tried)).collect();
        let metric = list.last().map_or(Metric::Top1, |recipe| recipe.figures.accuracy.metric);
        let goodness = goodness(metric, worth_by);
        let points: Vec<[f64; 2]> = list
            .iter()
            .map(|recipe| {
                let worth = recipe.y.map_or(f64::NEG_INFINITY, |y| goodness * y.value);
                [recipe.x, worth]
            })
            .collect();
        for idx in labels::front(&points) {
            list[idx].is_front = true;
        }
        let n_elsewhere = all.len() - list.len();
        Self { list, metric, n_elsewhere, present_id: session.present_id() }
    }

    pub fn get(&self, id: u64) -> Option<&Recipe<'a>> {
        self.list.iter().find(|recipe| recipe.tried.id == id)
    }

    pub fn is_present(&self, recipe: &Recipe) -> bool {
        recipe.tried.id == self.present_id
    }

    /// Places in the list, filtered and ordered.
    pub fn rows(&self, filter: Filter, order: Order, labels: &Labels) -> Vec<usize> {
        let is_listed = |recipe: &Recipe| match filter {
            Filter::All => true,
            Filter::Front => recipe.is_front,
            Filter::Pinned => recipe.tried.is_pinned,
        };
        let listed = self.list.iter().enumerate().filter(|(_, recipe)| is_listed(recipe));
        let mut rows: Vec<usize> = listed.map(|(idx, _)| idx).collect();
        if order.key == SortKey::Name {
            rows.sort_by_cached_key(|&idx| labels.of(self.list[idx].tried).to_lowercase());
            if order.largest_first {
                rows.reverse();
            }
            return rows;
        }
        rows.sort_by(|&a, &b| {
            let (a, b) = (&self.list[a], &self.list[b]);
            let ascending = compare(a, b, order.key);
            if order.largest_first { ascending.reverse() } else { ascending }
        });
        rows
    }
}

/// 1 where more is better, else −1.
pub(super) fn goodness(metric: Metric, worth_by: WorthBy) -> f64 {
    let less_is_better = metric == Metric::Perplexity && worth_by == WorthBy::Metric;
    if less_is_better { -1.0 } else { 1.0 }
}

/// Where nothing is quantized the weights have the bits they are stored with.
pub(super) fn size_of(size: &crate::eval::ModelSize, size_by: SizeBy) -> f64 {
    match size_by {
        SizeBy::Bytes => size.quantized_bytes as f64,
        SizeBy::BitsPerWeight => {
            size.bits_per_weight.or(size.stored_bits_per_weight).unwrap_or(0.0)
        }
    }
}

fn compare(a: &Recipe, b: &Recipe, key: SortKey) -> Ordering {
    let critical = |recipe: &Recipe| recipe.critical.map_or(f64::NEG_INFINITY, |e| e.value);
    let bits = |recipe: &Recipe| size_of(&recipe.tried.size, SizeBy::BitsPerWeight);
    match key {
        SortKey::Name => Ordering::Equal,
        SortKey::Size => a.tried.size.quantized_bytes.cmp(&b.tried.size.quantized_bytes),
        SortKey::Bits => bits(a).total_cmp(&bits(b)),
        SortKey::Metric => {
            let value = |recipe: &Recipe| recipe.figures.accuracy.estimate.value;
            value(a).total_cmp(&value(b))
        }
        SortKey::Critical => critical(a).total_cmp(&critical(b)),
        SortKey::Origin => origin_name(a.tried.origin).cmp(origin_name(b.tried.origin)),
        SortKey::When => a.tried.when.cmp(&b.tried.when),
        SortKey::Pinned => a.tried.is_pinned.cmp(&b.tried.is_pinned),
    }
}

pub(super) fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Uniform => "uniform",
        Origin::ByHand => "by hand",
        Origin::Proposed => "proposed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_click_turns_the_order() {
        let order = Order::default().clicked(SortKey::Size);
        assert_eq!(order, Order { key: SortKey::Size, largest_first: false });
        assert!(order.clicked(SortKey::Size).largest_first);
        assert!(order.clicked(SortKey::Metric).largest_first, "the best first");
    }

    #[test]
    fn less_perplexity_is_better() {
        assert_eq!(goodness(Metric::Perplexity, WorthBy::Metric), -1.0);
        assert_eq!(goodness(Metric::Perplexity, WorthBy::Critical), 1.0);
        assert_eq!(goodness(Metric::Top1, WorthBy::Metric), 1.0);
    }
}
