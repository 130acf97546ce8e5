//! A button that gives the selected layers a scheme which has what a panel shows.

use egui::Ui;

use super::actions::edit;
use super::panel::PanelCtx;
use crate::quant::SchemeChoice;

/// A button called `name` that uses the scheme of that specification; what becomes of weights that
/// are not finite stays as it is.
pub fn use_scheme_ui(ui: &mut Ui, ctx: &PanelCtx, (name, spec): (&str, &str)) {
    let help = "For the selected layers; undone with Edit › Undo";
    if !ui.button(name).on_hover_text(help).clicked() {
        return;
    }
    edit(ctx, name, |before| {
        let choice: SchemeChoice = spec.parse().ok()?;
        let kept = before.settings().get("non-finite");
        let kept = kept.and_then(|value| choice.with("non-finite", value).ok());
        Some(kept.unwrap_or(choice))
    });
}
