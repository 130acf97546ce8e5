//! What stands below the bars: names, and a few figures of every layer, each line with its name and
//! unit at the left.

use egui::{Align2, Color32, Rangef, Rect, RichText, Ui, pos2, vec2};
use egui_material_icons::icons;

use crate::base::fixed;
use crate::eval::{Metric, Sqnr};
use crate::model::Layer;
use crate::session::{Loaded, Session};
use crate::ui::alone::Alone;
use crate::ui::panel::PanelCtx;
use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;

pub(super) const ROW_HEIGHT: f32 = 16.0;
/// Of the names of the rows, at the left.
pub(super) const GUTTER: f32 = 58.0;
/// Bars lower than this tell little: figures yield to them.
const LEAST_PLOT: f32 = 90.0;

/// A line of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Name,
    Share,
    Alone,
    Sqnr,
}

impl Row {
    const ALL: [Self; 4] = [Self::Name, Self::Share, Self::Alone, Self::Sqnr];

    /// As many as leave the bars their height.
    pub fn fitting(height: f32) -> &'static [Self] {
        let n_rows = ((height - LEAST_PLOT) / ROW_HEIGHT).floor().clamp(1.0, 4.0) as usize;
        &Self::ALL[..n_rows.min(4)]
    }

    fn title(self, alone: &Alone) -> &'static str {
        let metric = alone.text().map(|text| text.metric);
        match self {
            Self::Name => "",
            Self::Share => "share %",
            Self::Alone if metric == Some(Metric::Perplexity) => "alone",
            Self::Alone if metric.is_none() => "alone",
            Self::Alone => "alone pt",
            Self::Sqnr => "SQNR dB",
        }
    }

    fn help(self, alone: &Alone) -> String {
        match self {
            Self::Name => "Layers in the order of the network".to_owned(),
            Self::Share => "Share of all weights of the model's layers, in percent".to_owned(),
            Self::Alone => {
                let on = alone.told().map_or_else(String::new, |told| format!(", on {told}"));
                format!("Change of the metric when this layer alone is quantized as it is now{on}")
            }
            Self::Sqnr => "Signal-to-quantization-noise ratio of the layer's weights, in dB: 10·log₁₀(Σx² / Σ(x−x̂)²)".to_owned(),
        }
    }
}

/// The names of the rows.
pub(super) fn gutter_ui(ui: &mut Ui, ctx: &PanelCtx, alone: &Alone, rows: (&[Row], Rect)) {
    let theme = Theme::of(ui);
    let (rows, area) = rows;
    for (nth, row) in rows.iter().enumerate() {
        let top = area.top() + nth as f32 * ROW_HEIGHT;
        let rect = Rect::from_min_size(pos2(area.left(), top), vec2(area.width(), ROW_HEIGHT));
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        let mut line = ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(layout));
        line.spacing_mut().item_spacing.x = 2.0;
        line.spacing_mut().interact_size.y = ROW_HEIGHT;
        let text = RichText::new(row.title(alone)).font(theme::text(11.0)).color(theme.label);
        line.add(egui::Label::new(text).extend()).on_hover_text(row.help(alone));
        if *row == Row::Alone && alone.is_not_asked() && can_be_measured(ctx.session) {
            measure_ui(&mut line, ctx);
        }
    }
}

fn can_be_measured(session: &Session) -> bool {
    session.network().is_some_and(|network| network.graph.is_some())
}

fn measure_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    ui.spacing_mut().button_padding = vec2(0.0, 0.0);
    let icon = icons::ICON_PLAY_ARROW.rich_text().size(14.0).color(theme.accent);
    let response = ui.add(egui::Button::new(icon).frame(false));
    name_it(&response, "Measure each layer alone");
    let help = "Runs the model once for every layer and width, on samples that do not judge; it goes on in the background";
    if response.on_hover_text(help).clicked() {
        // Asking begins it.
        drop(ctx.session.sensitivity());
    }
}

/// The figures of one layer, as they stand below its bar.
pub(super) struct Texts {
    pub name: String,
    pub share: String,
    pub alone: String,
    /// What the change alone is, or why it is not known.
    pub alone_help: String,
    pub sqnr: String,
}

impl Texts {
    pub fn of(session: &Session, alone: &Alone, (idx, layer): (usize, &Layer), share: f64) -> Self {
        let (alone_text, alone_help) =
            match (alone.figure(&layer.name, &session.choice(idx)), alone.text()) {
                (Ok(figure), Some(text)) => {
                    let unit = text.difference_unit();
                    let range = text.signed_range(figure.change.ci95);
                    let told = alone.told().unwrap_or_default();
                    let help = format!(
                        "Alone: {}{unit}, 95 % interval {range}{unit}, on {told}",
                        text.signed(figure.change.value)
                    );
                    (text.signed(figure.change.value), help)
                }
                (Err(reason), _) => ("–".to_owned(), format!("Alone: {reason}")),
                (Ok(_), None) => ("–".to_owned(), String::new()),
            };
        Self {
            name: layer.name.clone(),
            share: fixed(100.0 * share, 1),
            alone: alone_text,
            alone_help,
            sqnr: sqnr_text(session, idx),
        }
    }

    fn of_row(&self, row: Row) -> &str {
        match row {
            Row::Name => &self.name,
            Row::Share => &self.share,
            Row::Alone => &self.alone,
            Row::Sqnr => &self.sqnr,
        }
    }
}

fn sqnr_text(session: &Session, idx: usize) -> String {
    match session.layer_figures(idx) {
        Loaded::Failed(_) => "✕".to_owned(),
        loaded => loaded.shown().map_or_else(
            || "…".to_owned(),
            |figures| match figures.sqnr() {
                Sqnr::Db(db) => fixed(db, 1),
                other => other.case().unwrap_or("–").to_owned(),
            },
        ),
    }
}

/// Draws them, in the middle of the column.
pub(super) fn texts_ui(
    ui: &Ui,
    (texts, before): (&Texts, Option<&str>),
    rows: &[Row],
    (column, top): (Rangef, f32),
    ink: Color32,
) {
    let theme = Theme::of(ui);
    let painter = ui.painter();
    for (nth, row) in rows.iter().enumerate() {
        let text = texts.of_row(*row);
        let ink = if *row == Row::Name { ink } else { theme.label };
        let font = theme::mono(11.0);
        let galley = match row {
            Row::Name => name_galley(ui, (text, before), column.span(), ink),
            _ => fitted(painter, text, (font, ink), column.span()),
        };
        let place = pos2(column.center(), top + (nth as f32 + 0.5) * ROW_HEIGHT);
        let rect = Align2::CENTER_CENTER.anchor_size(place, galley.size());
        painter.galley(rect.min, galley, ink);
    }
}

/// The whole name where it has room, else what tells it from the layer before.
fn name_galley(
    ui: &Ui,
    (name, before): (&str, Option<&str>),
    room: f32,
    ink: Color32,
) -> std::sync::Arc<egui::Galley> {
    let font = theme::mono(11.0);
    let whole = ui.painter().layout_no_wrap(name.to_owned(), font.clone(), ink);
    if whole.size().x <= room {
        return whole;
    }
    let own = before.map_or(name, |before| own_part(name, before));
    fitted(ui.painter(), own, (font, ink), room)
}

/// What follows what both names begin with, from a separator on.
fn own_part<'a>(name: &'a str, before: &str) -> &'a str {
    let pairs = name.char_indices().zip(before.chars());
    let common = pairs.take_while(|((_, own), other)| own == other).last();
    let common = common.map_or(0, |((at, letter), _)| at + letter.len_utf8());
    let is_separator = |letter: char| matches!(letter, '.' | '/' | '_');
    let start = name
        .char_indices()
        .rfind(|(at, letter)| *at <= common && is_separator(*letter))
        .map(|(at, _)| at);
    match start {
        Some(start) if start + 1 < name.len() => &name[start..],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_tells_them_apart() {
        for (name, before, own) in [
            ("conv2d_1", "conv2d", "_1"),
            ("conv2d_2", "conv2d_1", "_2"),
            ("dense", "conv2d_8", "dense"),
            ("layers.3.attention.query", "layers.3.attention.key", ".query"),
            ("layers.4.key", "layers.3.value", ".4.key"),
            ("été.a", "été.b", ".a"),
            ("same", "same", "same"),
            ("", "conv", ""),
        ] {
            assert_eq!(own_part(name, before), own, "{name} after {before}");
        }
    }

    #[test]
    fn figures_yield_to_bars() {
        for (height, n_rows) in [(40.0, 1), (110.0, 1), (124.0, 2), (400.0, 4)] {
            assert_eq!(Row::fitting(height).len(), n_rows, "{height}");
        }
    }
}
