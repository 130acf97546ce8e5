//! Error against the clip threshold, and where each way to choose a range puts it.

mod channel;
mod list;
mod plot;

use egui::{RichText, ScrollArea, Ui, vec2};
use egui_material_icons::icons::ICON_TUNE;

use crate::base::significant;
use crate::quant::{ChoiceSpec, ParamSpec, SchemeChoice, SettingValue};
use crate::session::{Estimates, EstimatorChoice, Gesture, Loaded};
use crate::ui::actions::{edit, edit_command};
use crate::ui::chart::Spread;
use crate::ui::clip_range::{ClipEdit, Ends, ends_by_hand};
use crate::ui::layer_remedy::use_scheme_ui;
use crate::ui::layer_view::{Words, answer_ui, stays_float_ui, tool_row_ui};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::segments::segments_ui;
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "estimators",
    title: "Estimators",
    place: Place::Centre,
    create: || Box::new(EstimatorsPanel { spread: Spread::Log, held: None }),
};

struct EstimatorsPanel {
    spread: Spread,
    held: Option<Held>,
}

/// A threshold that is being dragged; it is sent when the last one has been answered.
#[derive(Clone, Copy, Debug)]
struct Held {
    threshold: f64,
    gesture: Gesture,
    is_sent: bool,
}

/// What is drawn, and what is in use.
struct Shown<'a> {
    estimates: &'a Estimates,
    choice: &'a SchemeChoice,
    /// The place of the choice with the smallest error.
    best: Option<usize>,
    /// The threshold by hand, if the range is chosen so.
    by_hand: Option<f64>,
}

const WORDS: Words = Words {
    pending: "Trying the range estimators",
    failed: "The ranges of this layer cannot be compared",
};

/// From this width on the table stands beside the curve.
const MIN_WIDTH_FOR_BOTH: f32 = 1500.0;
/// With less room the panel scrolls.
const LEAST_PLOT_HEIGHT: f32 = 260.0;

impl Panel for EstimatorsPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(layer) = ctx.layer() else {
            let hint = "The error of the selected layer against its clip threshold is drawn here, with what every range estimator chooses.";
            return state_view::no_layer_ui(ui, ctx.session, hint);
        };
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        let range = choice.param("range").filter(|param| choice.settings().is_relevant(param));
        tool_row_ui(ui, ctx, layer, 620.0, |ui| {
            if range.is_some() {
                self.spread_ui(ui);
                ui.add_space(8.0);
                channel::chooser_ui(ui, ctx);
            }
        });
        if choice.keeps_float() {
            return stays_float_ui(ui, "range");
        }
        let Some(param) = choice.param("range") else { return no_range_ui(ui, ctx, &choice) };
        if !choice.settings().is_relevant(param) {
            return range_without_effect_ui(ui, ctx, &choice, param);
        }
        let loaded = ctx.session.estimates();
        answer_ui(ui, &loaded, &WORDS, |ui, estimates| {
            if estimates.curve.is_empty() {
                let hint = "Every weight is zero: no range is better than another.";
                return state_view::empty_ui(ui, "Nothing to clip", hint);
            }
            self.shown_ui(ui, ctx, &Shown::new(estimates, &choice));
        });
        self.send_held(ui, ctx);
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        choice.param("range").filter(|param| choice.settings().is_relevant(param))?;
        Some(list::csv(ctx.session.estimates().ready()?))
    }
}

impl<'a> Shown<'a> {
    fn new(estimates: &'a Estimates, choice: &'a SchemeChoice) -> Self {
        let found = Ends { lo: estimates.lo, hi: estimates.hi };
        let by_hand = ends_by_hand(choice, Some(found)).map(|ends| ends.hi.max(-ends.lo));
        let choices = estimates.choices.iter().enumerate();
        let best = choices.min_by(|a, b| a.1.mse.total_cmp(&b.1.mse)).map(|(idx, _)| idx);
        Self { estimates, choice, best, by_hand }
    }

    fn is_used(&self, way: &ChoiceSpec) -> bool {
        self.choice.settings().choice("range") == way.key
    }

    /// Whether the layer has a range for each channel or group while one is shown for all.
    fn is_for_all(&self) -> bool {
        let granularity = self.choice.settings().choice("granularity");
        matches!(granularity, "per-channel" | "per-group") && self.estimates.channel_idx.is_none()
    }

    /// What is said beside the one in use, and what it means.
    fn used_text(&self) -> (&'static str, &'static str) {
        match (self.is_for_all(), self.choice.settings().choice("granularity")) {
            (true, "per-channel") => (
                "in use per channel",
                "The layer has a range for each channel; the figures of this row are of one range for the whole tensor",
            ),
            (true, _) => (
                "in use per group",
                "The layer has a range for each group; the figures of this row are of one range for the whole tensor",
            ),
            _ => ("in use", "How the range of this layer is chosen now"),
        }
    }

    /// Whether a way other than min-max ends where the weights do.
    fn is_cut(&self, choice: &EstimatorChoice) -> bool {
        let can_be_cut = choice.way.key == "sigma" || choice.way.key.starts_with("aciq");
        can_be_cut && choice.threshold >= self.estimates.absmax * (1.0 - 1e-6)
    }

    /// In the order of the error, the one that came first where it is the same.
    fn choice_at(&self, idx: usize) -> Option<&'a EstimatorChoice> {
        self.estimates.choices.get(idx)
    }
}

impl EstimatorsPanel {
    fn spread_ui(&mut self, ui: &mut Ui) {
        let options = [
            (Spread::Linear, "Lin", "The error on a linear scale"),
            (Spread::Log, "Log", "The error on a logarithmic scale: shows the valley"),
        ];
        segments_ui(ui, &mut self.spread, &options);
    }

    /// Caption, curve, and the table below it.
    fn shown_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, shown: &Shown) {
        caption_ui(ui, shown);
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        let (table, width) = (list::height(shown), ui.available_width());
        let held = self.held.map(|held| held.threshold);
        if width >= MIN_WIDTH_FOR_BOTH {
            let room = ui.available_rect_before_wrap();
            let (left, right) = room.split_left_right_at_x(room.right() - list::WIDTH);
            let mut child = ui.new_child(egui::UiBuilder::new().id_salt("curve").max_rect(left));
            if let Some(act) = plot::plot_ui(&mut child, shown, (left.size(), self.spread), held) {
                self.carry_out(ctx, act);
            }
            let mut child = ui.new_child(egui::UiBuilder::new().id_salt("list").max_rect(right));
            let list = ScrollArea::vertical().auto_shrink(false);
            if let Some(way) = list.show(&mut child, |ui| list::list_ui(ui, shown)).inner {
                use_way(ctx, way);
            }
            ui.advance_cursor_after_rect(room);
            return;
        }
        let plot = vec2(width, (ui.available_height() - table - 8.0).max(LEAST_PLOT_HEIGHT));
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            if let Some(act) = plot::plot_ui(ui, shown, (plot, self.spread), held) {
                self.carry_out(ctx, act);
            }
            if let Some(way) = list::list_ui(ui, shown) {
                use_way(ctx, way);
            }
        });
    }

    fn carry_out(&mut self, ctx: &PanelCtx, act: plot::Act) {
        match act {
            plot::Act::Use(way) => use_way(ctx, way),
            plot::Act::Clip(threshold, gesture) => {
                self.held = Some(Held { threshold, gesture, is_sent: false });
            }
        }
    }

    /// Sends what was dragged to when the layer has been computed, and at the end of the drag.
    fn send_held(&mut self, ui: &Ui, ctx: &PanelCtx) {
        let Some(held) = &mut self.held else { return };
        let is_down = ui.input(|input| input.pointer.primary_down());
        let error = ctx.session.layer_error(ctx.session.selection().layer_idx);
        if !held.is_sent && (!is_down || !matches!(error, Loaded::Pending { .. })) {
            held.is_sent = true;
            let threshold = held.threshold;
            let clip = |choice: &SchemeChoice| {
                ClipEdit { lo: Some(-threshold), hi: Some(threshold) }.apply(choice)
            };
            ctx.send(edit_command(ctx.session, "range by hand", held.gesture, clip));
        }
        if !is_down {
            self.held = None;
        }
    }
}

fn use_way(ctx: &PanelCtx, way: &'static ChoiceSpec) {
    let value = SettingValue::Choice(way.key);
    edit(ctx, &format!("Range {}", way.key), |choice| choice.with("range", value).ok());
}

/// What the curve is of.
fn caption_ui(ui: &mut Ui, shown: &Shown) {
    let theme = Theme::of(ui);
    let estimates = shown.estimates;
    let of = match estimates.channel_idx {
        Some(channel_idx) => format!("Channel {channel_idx} with one range"),
        None => "As one range for the whole tensor".to_owned(),
    };
    let granularity = shown.choice.settings().choice("granularity");
    let note = match (granularity, estimates.channel_idx) {
        ("per-channel" | "per-group", None) => {
            ", though the layer has one for each channel or group: choose a channel above to see its own"
        }
        ("per-group", Some(_)) => ", though the layer has one for each group",
        ("per-tensor", Some(_)) => ", though the layer has one for all channels",
        _ => "",
    };
    ui.horizontal(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let absmax = significant(estimates.absmax, 4);
        let ends = match shown.choice.settings().choice("symmetry") {
            "asymmetric" => {
                " Some estimators choose both ends apart: their points may lie beside the curve."
            }
            _ => "",
        };
        let text = format!("{of}{note}. Largest |weight| {absmax}.{ends}");
        ui.add(egui::Label::new(RichText::new(text.as_str()).color(theme.label)).truncate())
            .on_hover_text(text);
    });
}

/// A scheme that chooses no range at all.
fn no_range_ui(ui: &mut Ui, ctx: &PanelCtx, choice: &SchemeChoice) {
    let title = format!("{} has no range to choose", choice.scheme().name());
    let hint = "Its levels follow from the format or the weights. Integer and the minifloats have a range.";
    state_view::empty_with_ui(ui, ICON_TUNE, (&title, hint), |ui| {
        use_scheme_ui(ui, ctx, ("Use Integer", "int"));
    });
}

/// A range that counts only with other settings: which, and a button that makes them so.
fn range_without_effect_ui(ui: &mut Ui, ctx: &PanelCtx, choice: &SchemeChoice, range: &ParamSpec) {
    let title = format!("{} has no range as it is set", choice.scheme().name());
    let hint = "Its values are rounded as they are. With a scale, the range says what the largest value stands for.";
    state_view::empty_with_ui(ui, ICON_TUNE, (&title, hint), |ui| {
        for condition in range.relevant {
            let Some(param) = choice.param(condition.key) else { continue };
            let Some(Ok(value)) = condition.any_of.first().map(|text| param.parse(text)) else {
                continue;
            };
            let name = format!("Set {} to {value}", param.label.to_lowercase());
            if ui.button(name).on_hover_text(param.help).clicked() {
                edit(ctx, param.label, |choice| choice.with(param.key, value).ok());
            }
        }
    });
}
