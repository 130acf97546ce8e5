//! The recall of the class that counts, above everything else, and whether a loss is ruled out.

use egui::{Align, Layout, Rect, RichText, Ui, vec2};
use egui_material_icons::icons;

use super::{Content, region};
use crate::base::{MINUS, fixed, interval, percent, thousands};
use crate::eval::{Estimate, Recall, TOLERATED_LOSS};
use crate::session::{Command, CriticalChoice};
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

const TITLE_HEIGHT: f32 = 26.0;
const FIGURES_HEIGHT: f32 = 24.0;
const VERDICT_HEIGHT: f32 = 22.0;
const MARGIN: f32 = 8.0;
/// Below this the figures stand one under the other.
const WIDE: f32 = 560.0;

const HELP: &str = "Recall of the critical class: its right answers over its samples, with Wilson's 95 % interval. The difference is paired, with Newcombe's interval";

/// The recall there is to show; `None` where no class is critical or the set has none of it.
fn critical<'a>(content: &Content<'a>) -> Option<(&'a str, &'a Recall)> {
    let name = content.ctx.session.critical_class()?;
    Some((name, content.accuracy.class_recall(name)?))
}

/// Height that it takes; 0 where no class is critical.
pub fn height(content: &Content, width: f32) -> f32 {
    if critical(content).is_none() {
        return 0.0;
    }
    let n_lines = if width >= WIDE { 1.0 } else { 3.0 };
    let verdict = if content.accuracy.comparison.is_none() {
        0.0
    } else if width >= WIDE {
        VERDICT_HEIGHT
    } else {
        2.0 * VERDICT_HEIGHT
    };
    2.0 * MARGIN + TITLE_HEIGHT + n_lines * FIGURES_HEIGHT + verdict
}

/// Title, both recalls, their difference, and what can be ruled out.
pub fn critical_ui(ui: &mut Ui, content: &Content) {
    let Some((name, recall)) = critical(content) else { return };
    let theme = Theme::of(ui);
    let is_compared = content.accuracy.comparison.is_some();
    let is_bad = is_compared && recall.may_lose_more_than(TOLERATED_LOSS);
    let area = ui.max_rect();
    let mark = Rect::from_min_size(area.min, vec2(3.0, area.height()));
    ui.painter().rect_filled(mark, 0, if is_bad { theme.bad } else { theme.rounding });
    let room = area.shrink2(vec2(theme::PANEL_MARGIN, MARGIN));
    region(ui, room, "critical", |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        title_ui(ui, content, (name, recall));
        figures_ui(ui, recall, is_compared);
        if is_compared {
            verdict_ui(ui, (name, recall), is_bad);
        }
    });
}

fn title_ui(ui: &mut Ui, content: &Content, (name, recall): (&str, &Recall)) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), TITLE_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        choice_ui(ui, content.ctx);
        ui.add_space(4.0);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let title = RichText::new(format!("Recall of {name}")).font(theme::title(13.0));
            ui.label(title.color(theme.text)).on_hover_text(HELP);
            let missed = |hits: usize| thousands(recall.n.saturating_sub(hits));
            let counts = match content.accuracy.comparison {
                Some(_) => format!(
                    "{} → {} of {} missed",
                    missed(recall.float_hits),
                    missed(recall.quantized_hits),
                    thousands(recall.n)
                ),
                None => {
                    format!("{} of {} missed", missed(recall.float_hits), thousands(recall.n))
                }
            };
            let counts = RichText::new(counts).color(theme.label);
            ui.add(egui::Label::new(counts).truncate())
                .on_hover_text("Samples of the class that get another answer, before and after");
        });
    });
}

fn figures_ui(ui: &mut Ui, recall: &Recall, is_compared: bool) {
    let theme = Theme::of(ui);
    let shown = |estimate: Estimate| (percent(estimate.value, 1), ends_text(estimate.ci95));
    let mut figures = vec![("● Float", theme.original, shown(recall.float), theme.text)];
    if is_compared {
        let value = format!("{} pt", signed(recall.difference.value));
        let (lo, hi) = recall.difference.ci95;
        let ends = interval(&signed(lo), &signed(hi));
        figures.push(("■ Quantized", theme.quantized, shown(recall.quantized), theme.quantized));
        figures.push(("Difference", theme.label, (value, ends), theme.text));
    }
    let width = ui.available_width();
    let n_columns = if width + 2.0 * theme::PANEL_MARGIN >= WIDE { figures.len() } else { 1 };
    for line in figures.chunks(n_columns) {
        let size = vec2(width, FIGURES_HEIGHT);
        ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
            ui.spacing_mut().item_spacing.x = 6.0;
            for (name, mark, (value, ends), ink) in line {
                let left = ui.cursor().left();
                ui.label(RichText::new(*name).color(*mark)).on_hover_text(HELP);
                number(ui, value, 16.0, *ink);
                number(ui, ends, 11.0, theme.hint).on_hover_text("95 % interval");
                ui.add_space((left + width / n_columns as f32 - ui.cursor().left()).max(12.0));
            }
        });
    }
}

fn verdict_ui(ui: &mut Ui, (name, recall): (&str, &Recall), is_bad: bool) {
    let theme = Theme::of(ui);
    let worst = -100.0 * recall.difference.ci95.0;
    let (sign, text, ink) = if is_bad {
        let text = format!(
            "A loss of up to {} points of recall cannot be ruled out on {} samples of {name}",
            fixed(worst, 1),
            thousands(recall.n)
        );
        (icons::ICON_WARNING, text, theme.bad)
    } else {
        let text = "A loss of more than 1 point of recall is ruled out, with 95 % confidence";
        (icons::ICON_CHECK, text.to_owned(), theme.rounding)
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.set_min_height(VERDICT_HEIGHT);
        ui.label(sign.rich_text().size(15.0).color(ink));
        ui.add(egui::Label::new(RichText::new(&text).color(ink)).wrap()).on_hover_text(
            "From the lower end of the difference's interval; more samples make it narrower",
        );
    });
}

/// Which class counts: as the card says, none, or another.
pub fn choice_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let menu = ui.menu_button("Critical class", |ui| choices_ui(ui, ctx));
    menu.response.on_hover_text("The class whose missed samples are the figure that counts");
}

fn choices_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let chosen = ctx.session.critical_class();
    let classes = ctx.session.samples().and_then(|samples| samples.classes.as_deref());
    egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        if ui.selectable_label(chosen.is_none(), "None").clicked() {
            ctx.send(Command::SetCritical(CriticalChoice::Nothing));
            ui.close();
        }
        for class in classes.unwrap_or_default() {
            if ui.selectable_label(chosen == Some(class.as_str()), class).clicked() {
                ctx.send(Command::SetCritical(CriticalChoice::Class(class.clone())));
                ui.close();
            }
        }
    });
}

fn ends_text((lo, hi): (f64, f64)) -> String {
    interval(&fixed(100.0 * lo, 1), &fixed(100.0 * hi, 1))
}

/// In points, with a sign.
fn signed(share: f64) -> String {
    let text = fixed(100.0 * share, 1);
    let is_plain = text.starts_with(MINUS) || text == "0.0";
    if is_plain { text } else { format!("+{text}") }
}
