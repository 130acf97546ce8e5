//! What a recipe may take, what it takes and is worth, and mixes of bit widths proposed for it.

mod ask;
mod limit;
mod now;
mod proposal;
mod steps;

use egui::{Frame, Margin, ScrollArea, Ui};

use crate::session::Loaded;
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme;
use crate::ui::widgets::{centred_ui, section};

use limit::Limits;
use now::Present;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "budget",
    title: "Budget",
    place: Place::Right,
    create: || Box::new(BudgetPanel::default()),
};

#[derive(Default)]
struct BudgetPanel {
    limits: Limits,
}

/// Wider, and figures stand too far from their names.
const MAX_WIDTH: f32 = 560.0;

impl Panel for BudgetPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            let hint = "What a recipe may take, and mixes that keep to it, will stand here.";
            return state_view::no_model_ui(ui, ctx.session, hint);
        };
        if network.layers.is_empty() {
            return state_view::no_layer_ui(ui, ctx.session, "");
        }
        let present = Present::of(ctx.session);
        self.limits.settle(ctx.session, network, present.accuracy.ready().map(|ready| &**ready));
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            scroll_to_focus(ui);
            centred_ui(ui, MAX_WIDTH, |ui| {
                let margin = Margin::from(theme::PANEL_MARGIN);
                Frame::new().inner_margin(margin).show(ui, |ui| {
                    now::budget_ui(ui, &present, &mut self.limits);
                    ui.add_space(8.0);
                    ui.scope(|ui| now::figures_ui(ui, ctx, &present));
                    ui.add_space(8.0);
                    ui.separator();
                    section(ui, "Propose a mix", "");
                    ask::ask_ui(ui, ctx, &mut self.limits, present.metric());
                    ui.scope(|ui| proposal::proposal_ui(ui, ctx));
                });
            });
        });
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let network = ctx.session.network()?;
        let proposal = ctx.session.proposal();
        let proposed = proposal.as_ref().and_then(Loaded::ready);
        let mut table =
            Table::new(&["layer", "weights", "setting", "stored_bytes", "locked", "proposed"]);
        for (idx, layer) in network.layers.iter().enumerate() {
            let figures = ctx.session.layer_figures_in_time(idx);
            let stored = figures.ready().map(|figures| figures.stored_bytes().to_string());
            let row = proposed.and_then(|proposed| {
                let row = proposed.layers.iter().position(|name| *name == layer.name)?;
                let chosen = proposed.proposal.chosen.get(row).copied().flatten();
                let choice = chosen.and_then(|idx| proposed.candidates.get(idx));
                Some(choice.map_or_else(|| "float".to_owned(), ToString::to_string))
            });
            table.rows.push(vec![
                layer.name.clone(),
                layer.count().to_string(),
                ctx.session.choice(idx).to_string(),
                stored.unwrap_or_default(),
                ctx.session.is_locked(idx).to_string(),
                row.unwrap_or_default(),
            ]);
        }
        Some(table)
    }

    fn view_text(&self) -> Option<String> {
        serde_json::to_string(&self.limits).ok()
    }

    fn restore_view(&mut self, text: &str) {
        if let Ok(limits) = serde_json::from_str(text) {
            self.limits = limits;
        }
    }
}
