//! Laws that every scheme of the table keeps, at every setting that it declares.
#![allow(clippy::unwrap_used)]

use ndarray::IxDyn;
use quantscope::base::WorkCtx;
use quantscope::eval::{LayerError, fake_quantize, layer_error};
use quantscope::quant::schemes::SCHEMES;
use quantscope::quant::{
    Grid, ParamKind, ParamSpec, QuantError, SchemeChoice, SettingValue, WeightShape,
};
use quantscope::tensor::{ChannelMajor, Tensor};

/// Weights with ties, outliers, zeros and an all-zero channel.
fn weights() -> ChannelMajor {
    let tensor = Tensor::from_shape_fn(IxDyn(&[5, 40]), |idx| match (idx[0], idx[1]) {
        (1, _) => 0.0,
        (2, column) => column as f32 * 0.25 + 0.125,
        (3, 7) => 40.0,
        (row, column) => (((row * 40 + column) * 7919) % 1009) as f32 * 0.003 - 1.5,
    });
    ChannelMajor::new(&tensor, 0)
}

/// Every setting of a scheme at its ends and choices, one at a time, and each of them with every
/// granularity.
fn choices() -> Vec<SchemeChoice> {
    let mut choices = Vec::new();
    for &scheme in SCHEMES {
        let base = SchemeChoice::new(scheme);
        let granularities = match base.param("granularity").map(|param| &param.kind) {
            Some(ParamKind::Choice { choices, .. }) => choices
                .iter()
                .map(|c| base.with("granularity", SettingValue::Choice(c.key)).unwrap())
                .collect(),
            _ => vec![base],
        };
        for base in granularities {
            for param in scheme.settings() {
                let values: Vec<SettingValue> = match &param.kind {
                    ParamKind::Int { min, max, .. } => {
                        [*min, 3.clamp(*min, *max), *max].map(SettingValue::Int).into()
                    }
                    ParamKind::AutoInt { min, .. } => vec![SettingValue::Int(*min)],
                    ParamKind::Float { min, max, .. } => {
                        [*min, *max].map(SettingValue::Float).into()
                    }
                    ParamKind::AutoFloat { .. } => Vec::new(),
                    ParamKind::Choice { choices, .. } => {
                        choices.iter().map(|choice| SettingValue::Choice(choice.key)).collect()
                    }
                };
                let base = relevant(&base, param);
                choices
                    .extend(values.into_iter().map(|value| base.with(param.key, value).unwrap()));
            }
            choices.push(base);
        }
    }
    // Codebooks of more levels than weights are refused.
    // Rotated runs that do not divide a channel are too.
    choices.retain(|choice| {
        let refused = choice.fit(&weights(), &WorkCtx::new()).err();
        !matches!(refused, Some(QuantError::CodebookTooLarge { .. } | QuantError::Setting(_)))
    });
    choices
}

/// The choice changed so that the setting has an effect.
fn relevant(base: &SchemeChoice, param: &ParamSpec) -> SchemeChoice {
    param.relevant.iter().fold(base.clone(), |choice, condition| {
        if condition.any_of.contains(&choice.settings().choice(condition.key)) {
            return choice;
        }
        choice.with(condition.key, SettingValue::Choice(condition.any_of[0])).unwrap()
    })
}

fn fitted(choice: &SchemeChoice) -> (LayerError, Vec<f32>) {
    let ctx = WorkCtx::new();
    let error = layer_error(&weights(), choice, &ctx).unwrap();
    let values = fake_quantize(&weights(), &*error.fitted, &ctx).unwrap();
    (error, values)
}

#[test]
fn decoded_values_lie_on_the_grid() {
    for choice in choices() {
        let (error, values) = fitted(&choice);
        let layout = error.fitted.layout();
        for group_idx in 0..layout.n_groups() {
            let grid = error.fitted.grid(group_idx);
            let levels: Vec<u32> =
                grid.levels().iter().map(|level| (level.value + 0.0).to_bits()).collect();
            if matches!(grid, Grid::Continuous) {
                continue;
            }
            let is_masked = choice.settings().choice("mask") != "none";
            for value in &values[layout.range(group_idx)] {
                assert!(
                    (is_masked && *value == 0.0) || levels.contains(&(value + 0.0).to_bits()),
                    "{choice}: {value}"
                );
            }
        }
    }
}

#[test]
fn the_size_is_foreseen_where_it_does_not_depend_on_the_weights() {
    let shape = WeightShape { n_channels: 5, channel_len: 40 };
    let mut foreseen = std::collections::BTreeSet::new();
    for choice in choices() {
        if let Some(bits) = choice.planned_bits(shape) {
            let error = layer_error(&weights(), &choice, &WorkCtx::new()).unwrap();
            assert_eq!(bits, error.fitted.storage_bits(), "{choice}");
            foreseen.insert(choice.scheme().id());
        }
    }
    for id in ["int", "int-pow2", "mxfp4", "nvfp4", "q4_k", "bf16"] {
        assert!(foreseen.contains(id), "{id} is among {foreseen:?}");
    }
}

/// Whether a weight goes to the nearest level of its group.
fn is_nearest(choice: &SchemeChoice) -> bool {
    let settings = choice.settings();
    !matches!(settings.choice("rounding"), "floor" | "stochastic")
        && settings.choice("mask") != "smallest"
}

/// Encoding a decoded tensor with the same parameters gives the same codes, unless chance or the
/// last bit of a quotient decides.
#[test]
fn quantizing_again_changes_nothing() {
    for choice in choices().into_iter().filter(is_nearest) {
        // DoReFa bends by tanh each time.
        if choice.scheme().id() == "dorefa" {
            continue;
        }
        let (error, values) = fitted(&choice);
        let again = weights().with_data(values.clone());
        let again = fake_quantize(&again, &*error.fitted, &WorkCtx::new()).unwrap();
        assert_eq!(again, values, "{choice}");
    }
}

#[test]
fn inside_the_range_the_error_is_half_a_step() {
    for choice in choices().into_iter().filter(is_nearest) {
        let (error, values) = fitted(&choice);
        let layout = error.fitted.layout();
        for (idx, (&x, &value)) in weights().data().iter().zip(&values).enumerate() {
            let grid = error.fitted.grid(layout.group_of(idx));
            let Grid::Uniform { params, .. } = grid else { continue };
            let (lo, hi) = grid.bounds().unwrap();
            if x >= lo && x <= hi {
                let limit = params.scale * 0.5 * (1.0 + 1e-5) + f32::EPSILON * x.abs();
                assert!((x - value).abs() <= limit, "{choice}: {x} became {value}");
            }
        }
    }
}

#[test]
fn zero_stays_zero() {
    for choice in choices() {
        let (error, values) = fitted(&choice);
        let layout = error.fitted.layout();
        let may_lack_zero: Vec<bool> = (0..layout.n_groups())
            .map(|idx| match error.fitted.grid(idx) {
                // Rotated weights have no grid.
                Grid::Continuous => choice.settings().choice("rotation") == "hadamard",
                grid => grid.levels().iter().all(|level| level.value != 0.0),
            })
            .collect();
        for (idx, (&x, &value)) in weights().data().iter().zip(&values).enumerate() {
            // Zero is not among the levels of codebooks and signs, of a group with a minimum, of IQ4_NL.
            if x == 0.0 && !may_lack_zero[layout.group_of(idx)] {
                assert!(value == 0.0, "{choice}: 0 became {value}");
            }
        }
    }
}

#[test]
fn stored_bits_are_those_of_the_encoding() {
    for choice in choices() {
        let (error, values) = fitted(&choice);
        let Some(encoded) = error.fitted.encode(&weights()) else { continue };
        assert_eq!(error.fitted.storage_bits(), encoded.n_bits(), "{choice}");
        let whole = error.stored_bytes() as usize;
        assert!((whole..whole + 3).contains(&encoded.n_bytes()), "{choice}: padding");
        assert_eq!(error.fitted.decode(&encoded), values, "{choice}");
    }
}
