//! `quantscope schemes`: the table of schemes.

use serde_json::{Value as Json, json};

use super::exit::CliError;
use super::options::SchemesOptions;
use super::{print_json, print_out};
use crate::quant::schemes::SCHEMES;
use crate::quant::{ParamKind, ParamSpec, SettingValue};

pub(super) fn run(options: &SchemesOptions) -> Result<(), CliError> {
    if options.json {
        print_json(&Json::Array(
            SCHEMES
                .iter()
                .map(|scheme| {
                    json!({
                        "id": scheme.id(),
                        "name": scheme.name(),
                        "family": scheme.family().name(),
                        "summary": scheme.summary(),
                        "settings": scheme.settings().map(setting_json).collect::<Vec<_>>(),
                        "source": scheme.source(),
                    })
                })
                .collect(),
        ));
        return Ok(());
    }
    let mut text = String::new();
    for scheme in SCHEMES {
        text.push_str(&format!("{}  {}\n", scheme.id(), scheme.summary()));
        for param in scheme.settings() {
            let default = param.default_value();
            text.push_str(&format!("    {} = {default}  ({})\n", param.key, param.expected()));
        }
    }
    print_out(&text);
    Ok(())
}

fn setting_json(param: &ParamSpec) -> Json {
    let (kind, min, max, choices) = match &param.kind {
        ParamKind::Int { min, max, .. } => ("int", json!(min), json!(max), Json::Null),
        ParamKind::AutoInt { min, max } => ("int", json!(min), json!(max), json!(["auto"])),
        ParamKind::Float { min, max, .. } => ("float", json!(min), json!(max), Json::Null),
        ParamKind::AutoFloat { min, max } => ("float", json!(min), json!(max), json!(["auto"])),
        ParamKind::Choice { choices, .. } => {
            let keys: Vec<&str> = choices.iter().map(|choice| choice.key).collect();
            ("choice", Json::Null, Json::Null, json!(keys))
        }
    };
    let default = match param.default_value() {
        SettingValue::Int(int) => json!(int),
        SettingValue::Float(float) => json!(float),
        other => json!(other.to_string()),
    };
    json!({
        "key": param.key, "kind": kind, "default": default, "min": min, "max": max,
        "choices": choices, "help": param.help,
    })
}
