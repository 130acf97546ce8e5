//! Accuracy in detail: both models on the same samples, by class, by confidence, and the samples
//! whose answer changed.

mod axes;
mod confusion;
mod critical;
mod csv;
mod failure;
mod headline;
mod paired;
mod parts;
mod recall;
mod reliability;
mod states;
mod strip;

use egui::{Rect, RichText, ScrollArea, Sense, Ui, vec2};

use crate::base::thousands;
use crate::eval::Accuracy;
use crate::session::Loaded;
use crate::ui::accuracy_text::Measured;
use crate::ui::class_names::{self as names, Names};
use crate::ui::flip_gallery::{Changes, Filter, Gallery, OF_QUANTIZING};
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::region;
use confusion::Counts;
use headline::HeadFigure;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "accuracy",
    title: "Accuracy",
    place: Place::Centre,
    create: || Box::new(AccuracyPanel::default()),
};

/// What the middle of the panel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Classes,
    Calibration,
    /// The changed samples, where there is no room for them beside the rest.
    Samples,
}

#[derive(Default)]
struct AccuracyPanel {
    view: View,
    head: HeadFigure,
    counts: Counts,
    filter: Filter,
    gallery: Gallery,
    copied_at: Option<f64>,
}

/// How much is shown, by the height there is: the tables and diagrams go before the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Everything.
    Roomy,
    /// The headline in figures alone.
    Low,
    /// Without the smaller figures and the sentence as well.
    Lowest,
}

impl Fit {
    const ALL: [Self; 3] = [Self::Roomy, Self::Low, Self::Lowest];

    /// Heights of the strip of figures and of the sentence at the foot.
    fn margins(self, ui: &Ui, width: f32, content: &Content) -> (f32, f32) {
        match self {
            Self::Lowest => (0.0, 0.0),
            _ => (STRIP_HEIGHT, strip::foot_height(ui, width, content)),
        }
    }

    fn least_charts_height(self) -> f32 {
        match self {
            Self::Roomy => LEAST_CHARTS_HEIGHT,
            Self::Low => 200.0,
            Self::Lowest => 150.0,
        }
    }
}

const TOOL_HEIGHT: f32 = 40.0;
/// Room that the name of the sample set needs.
const SET_WIDTH: f32 = 150.0;
const STRIP_HEIGHT: f32 = 46.0;
/// Least height of the tables and diagrams.
const LEAST_CHARTS_HEIGHT: f32 = 280.0;
/// From this width on, the changed samples stand beside the rest.
const WIDE: f32 = 900.0;

impl Panel for AccuracyPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let accuracy = ctx.session.accuracy();
        if states::missing_ui(ui, ctx, &accuracy) {
            return;
        }
        let (Some(shown), Some(samples)) = (accuracy.shown(), ctx.session.samples()) else {
            return;
        };
        let vocabulary =
            ctx.session.network().and_then(|network| network.model.card.vocabulary.as_deref());
        let names = Names { samples, vocabulary };
        self.filter = self.filter.fitted(&shown.answers);
        self.head = self.head.fitted(shown);
        let room = ui.available_rect_before_wrap();
        let is_wide = room.width() >= WIDE;
        if is_wide && self.view == View::Samples {
            self.view = View::Classes;
        }
        let (tools, body) = room.split_top_bottom_at_y(room.top() + TOOL_HEIGHT);
        region(ui, tools, "tools", |ui| self.tools_ui(ui, (&accuracy, ctx), &names, is_wide));
        states::progress_ui(ui, tools, &accuracy);
        let fade = if accuracy.is_stale() { 0.5 } else { 1.0 };
        let measured = Measured::of(&accuracy);
        let content = Content { accuracy: shown, measured, names: &names, ctx };
        ui.painter().hline(body.x_range(), body.top(), egui::Stroke::new(1.0, Theme::of(ui).line));
        let mut middle = body;
        if is_wide {
            let gallery = body.with_min_x(body.right() - gallery_width(body.width()));
            middle = body.with_max_x(gallery.left());
            let line = egui::Stroke::new(1.0, Theme::of(ui).line);
            ui.painter().vline(gallery.left(), gallery.y_range(), line);
            region(ui, gallery, "gallery", |ui| {
                ui.set_opacity(fade);
                self.gallery.ui(ui, &content.changes(), &mut self.filter);
            });
        }
        region(ui, middle, "body", |ui| {
            ui.set_opacity(fade);
            // Where even the tables alone have no room, it is scrolled.
            ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
            ScrollArea::vertical().id_salt("accuracy").auto_shrink(false).show(ui, |ui| {
                scroll_to_focus(ui);
                let width = ui.available_width();
                let (fit, height) = self.fit(ui, &content, vec2(width, middle.height()));
                let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
                region(ui, rect, "content", |ui| self.body_ui(ui, &content, (fit, is_wide)));
            });
        });
    }
}

/// What the parts of the panel show.
struct Content<'a> {
    accuracy: &'a Accuracy,
    measured: Measured,
    names: &'a Names<'a>,
    ctx: &'a PanelCtx<'a>,
}

impl Content<'_> {
    fn changes(&self) -> Changes<'_> {
        Changes {
            answers: &self.accuracy.answers,
            flips: self.accuracy.breakdown.flips,
            names: self.names,
            session: self.ctx.session,
            words: &OF_QUANTIZING,
        }
    }
}

impl AccuracyPanel {
    /// The sample set, what is shown of it, and the tables as text.
    fn tools_ui(
        &mut self,
        ui: &mut Ui,
        (accuracy, ctx): (&Loaded<Accuracy>, &PanelCtx),
        names: &Names,
        is_wide: bool,
    ) {
        let theme = Theme::of(ui);
        let Some(shown) = accuracy.shown() else { return };
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            self.more_ui(ui, (shown, names), ctx);
            ui.add_space(4.0);
            self.view_switch_ui(ui, shown, is_wide);
            ui.add_space(4.0);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add_space(theme::PANEL_MARGIN);
                let title = RichText::new(&names.samples.name).font(theme::title(13.0));
                // In little room the line below says it.
                let has_room = ui.available_width() >= SET_WIDTH;
                if has_room {
                    ui.add(egui::Label::new(title.color(theme.text)).truncate())
                        .on_hover_text("The sample set that judges");
                }
                let (text, colour) = match Measured::of(accuracy).running_text() {
                    Some(text) => (text, theme.accent),
                    None => (set_text(shown), theme.label),
                };
                if has_room || accuracy.ready().is_none() {
                    ui.add(egui::Label::new(RichText::new(&text).color(colour)).truncate())
                        .on_hover_text(&text);
                }
            });
        });
    }

    /// The tables as text, and which class is critical.
    fn more_ui(&mut self, ui: &mut Ui, (shown, names): (&Accuracy, &Names), ctx: &PanelCtx) {
        csv::menu_ui(ui, shown, names, &mut self.copied_at);
        let can_choose = shown.answers.has_targets() && !shown.classes.is_empty();
        if can_choose && ctx.session.critical_class().is_none() {
            ui.add_space(4.0);
            critical::choice_ui(ui, ctx);
        }
    }

    fn view_switch_ui(&mut self, ui: &mut Ui, accuracy: &Accuracy, is_wide: bool) {
        let by_class = match accuracy.answers.is_classification() {
            true => ("Classes", "Confusion and recall, class by class"),
            false => ("Tokens", "The tokens whose prediction changes most"),
        };
        let mut options = vec![(View::Classes, by_class.0, by_class.1)];
        if accuracy.breakdown.float_reliability.is_some() {
            let help = "Whether the models are as sure as they are right";
            options.push((View::Calibration, "Calibration", help));
        } else if self.view == View::Calibration {
            self.view = View::Classes;
        }
        if !is_wide {
            options.push((View::Samples, "Changed", "The samples whose answer changed"));
        }
        if options.len() > 1 {
            parts::switch_ui(ui, &mut self.view, &options);
        }
    }

    fn body_ui(&mut self, ui: &mut Ui, content: &Content, (fit, is_wide): (Fit, bool)) {
        let theme = Theme::of(ui);
        let middle = ui.max_rect();
        let line = egui::Stroke::new(1.0, theme.line);
        let critical_height = critical::height(content, middle.width());
        let (first, middle) = middle.split_top_bottom_at_y(middle.top() + critical_height);
        if critical_height > 0.0 {
            region(ui, first, "critical band", |ui| critical::critical_ui(ui, content));
            ui.painter().hline(first.x_range(), first.bottom(), line);
        }
        let headline_height = headline::height(middle.width(), fit);
        let (headline, rest) = middle.split_top_bottom_at_y(middle.top() + headline_height);
        let (strip_height, foot_height) = fit.margins(ui, middle.width(), content);
        let (strip, rest) = rest.split_top_bottom_at_y(rest.top() + strip_height);
        let (charts, foot) = rest.split_top_bottom_at_y(rest.bottom() - foot_height);
        region(ui, headline, "headline", |ui| {
            headline::headline_ui(ui, content, (&mut self.head, fit));
        });
        ui.painter().hline(strip.x_range(), strip.top(), line);
        if strip_height > 0.0 {
            ui.painter().hline(strip.x_range(), strip.bottom(), line);
            region(ui, strip, "figures", |ui| strip::strip_ui(ui, content, self.head));
        }
        let before = self.filter;
        match self.view {
            View::Samples => {
                let whole = Rect::from_min_max(charts.min, foot.max);
                region(ui, whole, "gallery", |ui| {
                    self.gallery.ui(ui, &content.changes(), &mut self.filter);
                });
                return;
            }
            View::Calibration => {
                region(ui, charts, "calibration", |ui| reliability::reliability_ui(ui, content));
            }
            View::Classes => {
                region(ui, charts, "classes", |ui| self.classes_ui(ui, content));
            }
        }
        if foot_height > 0.0 {
            region(ui, foot, "foot", |ui| strip::foot_ui(ui, content));
        }
        // Without room beside it, what was chosen is shown in place of the table.
        if !is_wide && self.filter != before && self.filter.class.or(self.filter.answer).is_some() {
            self.view = View::Samples;
        }
    }

    /// The most that fits, and the height it is drawn in; everything, scrolled, where nothing does.
    fn fit(&self, ui: &Ui, content: &Content, room: egui::Vec2) -> (Fit, f32) {
        let least = |fit| self.least_height(ui, content, (fit, room.x));
        let fitting = Fit::ALL.into_iter().find(|fit| least(*fit) <= room.y);
        match fitting {
            Some(fit) => (fit, room.y),
            None => (Fit::Roomy, least(Fit::Roomy)),
        }
    }

    /// In less height rows would lie on each other.
    fn least_height(&self, ui: &Ui, content: &Content, (fit, width): (Fit, f32)) -> f32 {
        let (strip, foot) = fit.margins(ui, width, content);
        let charts = match self.view {
            View::Classes if recall::is_stacked(width, content) => 2.0 * fit.least_charts_height(),
            View::Calibration => reliability::least_height(width),
            View::Samples => LEAST_CHARTS_HEIGHT,
            View::Classes => fit.least_charts_height(),
        };
        let critical = critical::height(content, width);
        critical + headline::height(width, fit) + strip + foot + charts
    }

    /// Confusion beside recall, on the same rows.
    fn classes_ui(&mut self, ui: &mut Ui, content: &Content) {
        let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, 8.0));
        let Some(table) = &content.accuracy.breakdown.confusion else {
            recall::tokens_ui(ui, room, content, &mut self.filter);
            return;
        };
        let is_stacked = recall::is_stacked(ui.max_rect().width(), content);
        let (matrix, rest) = if is_stacked {
            room.split_top_bottom_at_fraction(0.5)
        } else {
            let recalls = (room.width() * recall::SHARE).min(recall::MAX_WIDTH);
            room.split_left_right_at_x(room.right() - recalls)
        };
        let grid = confusion::Grid::new(ui, matrix, table, content.names);
        let matrix =
            if is_stacked { matrix } else { matrix.with_max_x(grid.right().min(matrix.right())) };
        region(ui, matrix, "confusion", |ui| {
            confusion::confusion_ui(
                ui,
                &grid,
                (table, content.names),
                (&mut self.counts, &mut self.filter),
            );
        });
        let (rest, rows) = if is_stacked {
            (rest.with_min_y(rest.top() + 8.0), None)
        } else {
            let left = matrix.right() + 16.0;
            let right = rest.right().min(left + recall::MAX_WIDTH);
            (Rect::from_x_y_ranges(left..=right, rest.y_range()), Some(grid.rows()))
        };
        region(ui, rest, "recall", |ui| {
            recall::classes_ui(ui, (rows, table), content, &mut self.filter);
        });
    }
}

fn gallery_width(width: f32) -> f32 {
    (width * 0.34).clamp(320.0, 760.0).round()
}

fn set_text(accuracy: &Accuracy) -> String {
    match accuracy.n_tokens {
        Some(n_tokens) => {
            format!("{} rows, {} tokens", thousands(accuracy.n_samples), thousands(n_tokens))
        }
        None => {
            let n_classes = thousands(accuracy.answers.n_classes);
            let labels = if accuracy.answers.has_targets() { "" } else { ", no labels" };
            format!("{} samples, {n_classes} classes{labels}", thousands(accuracy.n_samples))
        }
    }
}
