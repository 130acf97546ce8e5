//! What a way to choose a range is called, with the number that is set for it.

use crate::quant::{ChoiceSpec, SchemeChoice};

/// `Percentile 99.99`, `Mean ± 3σ`; the others as they are called in the settings.
pub fn range_name(choice: &SchemeChoice, way: &ChoiceSpec) -> String {
    let set = |key: &str| choice.settings().get(key).map(|value| value.to_string());
    match way.key {
        "percentile" => set("percentile").map(|percent| format!("{} {percent}", way.label)),
        "sigma" => set("sigmas").map(|sigmas| format!("Mean ± {sigmas}σ")),
        "mse" => set("norm").filter(|p| p != "2").map(|p| format!("{}, p = {p}", way.label)),
        _ => None,
    }
    .unwrap_or_else(|| way.label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::ParamKind;

    #[test]
    fn what_is_set_is_said() {
        for (spec, key, wanted) in [
            ("int", "percentile", "Percentile 99.99"),
            ("int:range=sigma,sigmas=2.5", "sigma", "Mean ± 2.5σ"),
            ("int", "sigma", "Mean ± 3σ"),
            ("int", "mse", "MSE-optimal"),
            ("int:range=mse,norm=3", "mse", "MSE-optimal, p = 3"),
            ("int", "min-max", "Min-max"),
        ] {
            let choice: SchemeChoice = spec.parse().unwrap();
            let Some(ParamKind::Choice { choices, .. }) = choice.param("range").map(|p| &p.kind)
            else {
                panic!("{spec} has ranges");
            };
            let way = choices.iter().find(|way| way.key == key).unwrap();
            assert_eq!(range_name(&choice, way), wanted, "{spec}");
        }
    }
}
