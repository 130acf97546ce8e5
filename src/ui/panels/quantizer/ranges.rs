//! What each way to choose the range would give: a part of the settings.

use egui::{Align2, Sense, Ui, pos2, vec2};

use crate::base::fixed;
use crate::eval::{LayerError, Sqnr};
use crate::quant::{ParamKind, SchemeChoice, SettingValue};
use crate::session::{Gesture, Loaded};
use crate::ui::actions::edit_command;
use crate::ui::panel::PanelCtx;
use crate::ui::range_name::range_name;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::section;

/// Above this many weights a search over all ways takes longer than one would wait.
const MAX_WEIGHTS: usize = 4_000_000;

/// Draws the list; a click takes that way. Nothing for a scheme without a choice of ranges.
pub(super) fn ranges_ui(ui: &mut Ui, ctx: &PanelCtx, choice: &SchemeChoice, n_weights: usize) {
    let Some(ParamKind::Choice { choices, .. }) = choice.param("range").map(|param| &param.kind)
    else {
        return;
    };
    if n_weights > MAX_WEIGHTS {
        return;
    }
    let layer_idx = ctx.session.selection().layer_idx;
    let now = choice.settings().choice("range");
    let rows: Vec<Row> = choices
        .iter()
        // A range by hand is one of many: only the one that is set can be compared.
        .filter(|range| range.key != "manual" || now == "manual")
        .filter_map(|range| {
            let varied = choice.with("range", SettingValue::Choice(range.key)).ok()?;
            let error = ctx.session.compared_error(layer_idx, &varied);
            let label = range_name(choice, range);
            Some(Row { key: range.key, label, help: range.help, error })
        })
        .collect();
    section(ui, "Ways to choose the range", "SQNR, dB");
    let known = rows.iter().filter_map(Row::db);
    let lo = known.clone().fold(f64::INFINITY, f64::min);
    let hi = known.fold(f64::NEG_INFINITY, f64::max);
    for row in &rows {
        if row.ui(ui, row.key == now, (lo, hi)) {
            let edit =
                |choice: &SchemeChoice| choice.with("range", SettingValue::Choice(row.key)).ok();
            ctx.send(edit_command(
                ctx.session,
                &format!("range {}", row.label),
                Gesture::Once,
                edit,
            ));
        }
    }
}

struct Row {
    key: &'static str,
    label: String,
    help: &'static str,
    error: Loaded<LayerError>,
}

impl Row {
    fn db(&self) -> Option<f64> {
        self.error.ready()?.sqnr().db()
    }

    /// Name, place between the worst and the best, number; whether it was clicked.
    fn ui(&self, ui: &mut Ui, is_current: bool, (lo, hi): (f64, f64)) -> bool {
        let theme = Theme::of(ui);
        let size = vec2(ui.available_width(), 22.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let name = format!("Range {}", self.label);
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::Role::Button, true, is_current, &name)
        });
        let painter = ui.painter();
        if is_current || response.hovered() {
            let fill = if is_current { theme.selected } else { theme.hover };
            painter.rect_filled(rect.expand2(vec2(4.0, 0.0)), 3, fill);
        }
        let y = rect.center().y;
        let left = pos2(rect.left(), y);
        painter.text(left, Align2::LEFT_CENTER, &self.label, theme::text(12.0), theme.label);
        let text = match (self.error.ready().map(|error| error.sqnr()), self.error.failure()) {
            (Some(Sqnr::Db(db)), _) => fixed(db, 2),
            (Some(Sqnr::Exact), _) => "exact".to_owned(),
            (Some(_), _) => "n/a".to_owned(),
            (None, Some(_)) => "✕".to_owned(),
            (None, None) => "…".to_owned(),
        };
        let right = pos2(rect.right(), y);
        painter.text(right, Align2::RIGHT_CENTER, text, theme::mono(12.0), theme.text);
        let track = rect.left() + 110.0..=rect.right() - 56.0;
        painter.hline(track.clone(), y, egui::Stroke::new(1.0, theme.line));
        if let Some(db) = self.db() {
            let fraction = ((db - lo) / (hi - lo).max(1e-9)) as f32;
            let x = track.start() + 4.0 + fraction * (track.end() - track.start() - 8.0);
            let colour = if is_current { theme.accent } else { theme.original };
            painter.circle_filled(pos2(x, y), 4.0, colour);
        }
        response.on_hover_text(self.help).clicked()
    }
}
