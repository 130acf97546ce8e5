//! Quantization schemes: what one is, the table of them, their settings, and recipes made of them.
//! Works on weights with their channels side by side; knows no graph.

mod choice;
pub mod codebook;
mod grid;
mod group;
mod group_params;
pub mod kernel;
pub mod power;
pub mod range;
mod recipe;
pub mod rounding;
mod rule;
mod scheme;
pub mod schemes;
mod settings;
pub mod shifted;
pub mod stored;
pub mod table;
pub mod transform;
pub mod whole_blocks;

pub use choice::{SchemeChoice, SpecError};
pub use grid::{CodeRange, Grid, Level, QuantParams};
pub use group::{Granularity, GroupLayout};
pub use group_params::{GroupParams, ScalesOf};
pub use recipe::{Recipe, RecipeError};
pub use rule::{Pattern, Rule, RuleError, RuleJson, RuleMatches, Rules};
pub use scheme::{
    CodeFormat, Family, FittedQuantizer, Place, QuantError, QuantScheme, Run, WeightShape,
    all_codes, for_each_run, quantize_all,
};
pub use settings::{
    ChoiceSpec, Condition, ParamKind, ParamSpec, Prominence, SettingError, SettingValue, Settings,
};
