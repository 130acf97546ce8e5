//! The levels of a scheme on a layer, and how often each is used.

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::WorkCtx;
use crate::eval::{CodeUsage, RecipeEvalError, channels_for};
use crate::quant::{CodeFormat, Grid, Level};

/// The levels of one group, or of all groups in units of their scales.
#[derive(Clone, Debug)]
pub struct LevelsPicture {
    pub layer_idx: usize,
    pub n_groups: usize,
    /// The group shown; `None` for all of them.
    pub group_idx: Option<usize>,
    /// The channel that group lies in.
    pub channel_idx: Option<usize>,
    /// Weights counted.
    pub count: usize,
    /// What levels are multiplied by; `None` where the groups shown have scales of their own.
    pub scale: Option<f32>,
    /// Whether values are those of the weights; otherwise they are in units of each group's scale.
    pub is_scaled: bool,
    /// Ascending by value.
    pub levels: Vec<UsedLevel>,
    pub format: Option<CodeFormat>,
}

/// A level with the weights that became it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsedLevel {
    pub code: i32,
    pub value: f32,
    pub count: u64,
}

impl LevelsPicture {
    /// Levels at least one weight became.
    pub fn n_used(&self) -> usize {
        self.levels.iter().filter(|level| level.count > 0).count()
    }
}

impl Workshop {
    pub(super) fn levels(
        &self,
        layer_idx: usize,
        spec: &str,
        group_idx: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<LevelsPicture, QueryError> {
        let done = self.layer(layer_idx, spec, ctx)?;
        let layer = self.network.layers.get(layer_idx).ok_or(QueryError::NoLayer(layer_idx))?;
        let tensor = self.network.tensor(&layer.weight).map_err(RecipeEvalError::from)?;
        let weights = channels_for(layer, &done.choice, &tensor);
        let fitted = &*done.error.fitted;
        let layout = fitted.layout();
        let n_groups = layout.n_groups();
        // One group is all of them, with its own values.
        let group_idx = match n_groups {
            0 => None,
            1 => Some(0),
            n => group_idx.map(|idx| idx.min(n - 1)),
        };
        let range = match group_idx {
            Some(idx) => layout.range(idx),
            None => 0..weights.data().len(),
        };
        let grid = match (group_idx, n_groups) {
            (_, 0) => Grid::Continuous,
            (idx, _) => fitted.grid(idx.unwrap_or(0)),
        };
        let levels = match group_idx {
            Some(_) => grid.levels(),
            None => unscaled(&grid),
        };
        let usage = CodeUsage::count(&weights, fitted, range.clone());
        let count_of = |level: &Level| {
            let usage = usage.as_ref()?;
            let slot = usize::try_from(level.code - usage.first_code).ok()?;
            usage.counts.get(slot).copied()
        };
        let used = |level: Level| UsedLevel {
            code: level.code,
            value: level.value,
            count: count_of(&level).unwrap_or(0),
        };
        let channel_len = weights.channel_len().max(1);
        Ok(LevelsPicture {
            layer_idx,
            n_groups,
            group_idx,
            channel_idx: group_idx.filter(|_| n_groups > 1).map(|_| range.start / channel_len),
            count: range.len(),
            scale: group_idx.and_then(|_| grid.scale()),
            is_scaled: group_idx.is_some(),
            levels: levels.into_iter().map(used).collect(),
            format: done.choice.scheme().code_format(done.choice.settings()),
        })
    }
}

/// The levels every group scales: what the codes stand for before the scale.
fn unscaled(grid: &Grid) -> Vec<Level> {
    match grid {
        Grid::Continuous => Vec::new(),
        Grid::Uniform { params, range } => (range.qmin..=range.qmax)
            .map(|code| Level { code, value: (code - params.zero_point) as f32 })
            .collect(),
        Grid::Table { levels, .. } => levels.to_vec(),
    }
}

impl Session {
    /// The levels of a group of the selected layer, or of all groups.
    pub fn levels(&self, group_idx: Option<usize>) -> Loaded<LevelsPicture> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.choice(layer_idx).to_string();
        let query = Query::Levels { network: self.network_id, layer_idx, spec, group_idx };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Levels(levels) => Some(levels),
            _ => None,
        });
        loaded.without_previous_unless(|levels| levels.layer_idx == layer_idx)
    }
}
