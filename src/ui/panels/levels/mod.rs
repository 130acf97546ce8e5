//! The levels of a layer as a number line and as a table: code, bits, value, use.

mod detail;
mod line;
mod list;

use std::sync::Arc;

use egui::{DragValue, Rect, RichText, Ui, UiBuilder, vec2};
use egui_material_icons::icons;

use crate::base::{fixed, percent, significant, thousands};
use crate::quant::Grid;
use crate::session::{LevelAxis, LevelsPicture};
use crate::ui::chart::Spread;
use crate::ui::layer_view::{Words, answer_ui, stays_float_ui, tool_row_ui};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::segments::segments_ui;
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{icon_button, name_it};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "levels",
    title: "Levels",
    place: Place::Centre,
    create: || Box::new(LevelsPanel::new()),
};

struct LevelsPanel {
    spread: Spread,
    /// All groups if `None`.
    group_idx: Option<usize>,
    /// What group and view are about: layer and selected channel.
    about: (usize, Option<usize>),
    /// The part of the axis in view; all of it if `None`.
    view: Option<(f64, f64)>,
    /// The code that stays shown when the pointer leaves.
    pinned: Option<i32>,
    /// Whether the table shall show the pinned code's row.
    scrolls: bool,
}

const WORDS: Words =
    Words { pending: "Counting the levels", failed: "The levels of this layer cannot be counted" };

impl Panel for LevelsPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(layer) = ctx.layer() else {
            let hint = "The values the selected layer's codes stand for are drawn here, with how many weights became each.";
            return state_view::no_layer_ui(ui, ctx.session, hint);
        };
        self.follow(ctx);
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        let loaded = (!choice.keeps_float()).then(|| ctx.session.levels(self.group_idx));
        let n_groups = loaded.as_ref().and_then(|loaded| Some(loaded.shown()?.n_groups));
        tool_row_ui(ui, ctx, layer, 760.0, |ui| {
            self.spread_ui(ui);
            if let Some(n_groups) = n_groups.filter(|n| *n > 1) {
                ui.add_space(8.0);
                self.group_ui(ui, n_groups);
            }
        });
        let Some(loaded) = loaded else { return stays_float_ui(ui, "levels") };
        answer_ui(ui, &loaded, &WORDS, |ui, picture| self.picture_ui(ui, picture));
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        if choice.keeps_float() {
            return None;
        }
        Some(list::csv(ctx.session.levels(self.group_idx).ready()?))
    }
}

impl LevelsPanel {
    fn new() -> Self {
        Self {
            spread: Spread::Linear,
            group_idx: None,
            about: (usize::MAX, None),
            view: None,
            pinned: None,
            scrolls: true,
        }
    }

    /// Another layer starts with all of it; a channel that is selected shows its first group.
    fn follow(&mut self, ctx: &PanelCtx) {
        let selection = ctx.session.selection();
        let about = (selection.layer_idx, selection.channel_idx);
        if self.about == about {
            return;
        }
        if self.about.0 != about.0 {
            (self.group_idx, self.view, self.pinned) = (None, None, None);
            self.scrolls = true;
            self.about = (about.0, None);
        }
        let Some(channel_idx) = about.1 else {
            self.about = about;
            return;
        };
        // Which groups are the channel's is known with the layer's error.
        if let Some(error) = ctx.session.layer_error(about.0).shown() {
            let groups = error.fitted.layout().groups_of_channel(channel_idx);
            self.group_idx = Some(groups.start);
            self.about = about;
        }
    }

    fn spread_ui(&mut self, ui: &mut Ui) {
        let options = [
            (Spread::Linear, "Lin", "Counts on a linear scale"),
            (Spread::Log, "Log", "Counts on a logarithmic scale: shows what is seldom used"),
        ];
        segments_ui(ui, &mut self.spread, &options);
    }

    /// All groups or one, from right to left.
    fn group_ui(&mut self, ui: &mut Ui, n_groups: usize) {
        ui.spacing_mut().item_spacing.x = 4.0;
        if let Some(group_idx) = &mut self.group_idx {
            let last = n_groups - 1;
            let right = icon_button(ui, icons::ICON_CHEVRON_RIGHT, "Next group");
            if right.clicked() {
                *group_idx = (*group_idx + 1).min(last);
            }
            let field = ui.add(DragValue::new(group_idx).range(0..=last).speed(0.2));
            name_it(&field, "Group");
            field.on_hover_text(format!(
                "Which of the {} groups, counted from 0",
                thousands(n_groups)
            ));
            let left = icon_button(ui, icons::ICON_CHEVRON_LEFT, "Previous group");
            if left.clicked() {
                *group_idx = group_idx.saturating_sub(1);
            }
        }
        let mut is_one = self.group_idx.is_some();
        let options = [
            (false, "All groups", "Every weight, on the axis before the groups' scales"),
            (true, "One group", "The weights that share one scale, on the scale of the weights"),
        ];
        let before = is_one;
        segments_ui(ui, &mut is_one, &options);
        if is_one != before {
            self.group_idx = is_one.then_some(0);
            self.view = None;
        }
    }

    fn picture_ui(&mut self, ui: &mut Ui, picture: &Arc<LevelsPicture>) {
        if picture.levels.is_empty() {
            let hint = "This scheme has no codes that stand for one weight each, or the layer has no weights.";
            return state_view::empty_ui(ui, "No levels", hint);
        }
        figures_ui(ui, picture);
        let is_wide = ui.available_width() >= 720.0;
        let least = if is_wide { 380.0 } else { 340.0 + detail::LEAST_HEIGHT };
        let size = vec2(ui.available_width(), ui.available_height().max(least));
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let (room, _) = ui.allocate_exact_size(size, egui::Sense::hover());
            self.parts_ui(ui, picture, (room, is_wide));
        });
    }

    /// The number line, below it the table and one level.
    fn parts_ui(
        &mut self,
        ui: &mut Ui,
        picture: &Arc<LevelsPicture>,
        (room, is_wide): (Rect, bool),
    ) {
        let (line, list, beside) = if is_wide { wide(room, picture) } else { narrow(room) };
        let hovered = self.line_ui(ui, picture, line);
        let list = list.with_min_x(list.left() + theme::PANEL_MARGIN);
        let shown = hovered.or_else(|| self.pinned_idx(picture)).or_else(|| most_used(picture));
        let mut child = |name: &str, rect: Rect, content: &mut dyn FnMut(&mut Ui)| {
            let mut child = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect));
            child.set_clip_rect(rect.intersect(child.clip_rect()));
            content(&mut child);
        };
        if list.height() > 40.0 {
            child("level list", list, &mut |ui| self.list_ui(ui, picture, shown));
        }
        child("level detail", beside.shrink2(vec2(theme::PANEL_MARGIN, 4.0)), &mut |ui| {
            if let Some(idx) = shown {
                detail::detail_ui(ui, picture, idx);
            }
        });
    }

    fn pinned_idx(&self, picture: &LevelsPicture) -> Option<usize> {
        let code = self.pinned?;
        picture.levels.iter().position(|level| level.code == code)
    }
}

/// Where line, table and detail stand: the line has what the others leave.
fn wide(room: Rect, picture: &LevelsPicture) -> (Rect, Rect, Rect) {
    let beside = room.width() - detail::WIDTH - theme::PANEL_MARGIN;
    let n_blocks = (beside / list::WIDTH).floor().max(1.0);
    let width = (n_blocks * list::WIDTH).min(beside.max(room.width() * 0.56));
    let wanted = list::height(picture.levels.len(), width).max(detail::HEIGHT_BESIDE);
    let height = wanted.min(room.height() * 0.48);
    let (line, below) = room.split_top_bottom_at_y(room.bottom() - height);
    let x = below.left() + theme::PANEL_MARGIN + width;
    let (list, beside) = below.split_left_right_at_x(x);
    (line, list, beside)
}

/// The same, one below the other.
fn narrow(room: Rect) -> (Rect, Rect, Rect) {
    let (line, below) = room.split_top_bottom_at_fraction(0.36);
    let (beside, list) = below.split_top_bottom_at_y(below.top() + detail::LEAST_HEIGHT);
    (line, list, beside)
}

fn most_used(picture: &LevelsPicture) -> Option<usize> {
    let levels = picture.levels.iter().enumerate();
    levels.max_by_key(|(_, level)| level.count).map(|(idx, _)| idx)
}

/// Name, value and explanation of what is known of the levels and the group.
fn figures(picture: &LevelsPicture) -> Vec<(&'static str, String, &'static str)> {
    let (n_used, n_levels) = (picture.n_used(), picture.levels.len());
    let mut figures = vec![
        (
            "codes used",
            format!(
                "{} of {} ({})",
                thousands(n_used),
                thousands(n_levels),
                percent(n_used as f64 / n_levels.max(1) as f64, 1)
            ),
            "Codes that at least one weight became; where a format has a negative zero, it is a code of its own",
        ),
        (
            "entropy",
            format!("{} bits", fixed(picture.entropy_bits, 2)),
            "−Σ p·log₂ p over the shares p of the codes: the bits a code would take under an ideal entropy coder",
        ),
        ("weights", thousands(picture.count), "Weights counted"),
    ];
    let scale = |scale: f32| significant(f64::from(scale), 5);
    match &picture.grid {
        Some(Grid::Uniform { params, .. }) => {
            figures.push(("scale", scale(params.scale), "The step between two levels"));
            let zero_point = fixed(f64::from(params.zero_point), 0);
            figures.push(("zero point", zero_point, "The code that stands for 0"));
        }
        Some(Grid::Table { scale: factor, offset, .. }) if picture.has_scale => {
            figures.push((
                "scale",
                scale(*factor),
                "What the values of the table are multiplied by",
            ));
            if *offset != 0.0 {
                figures.push(("offset", scale(*offset), "What is added after the scale"));
            }
        }
        _ => {}
    }
    if let Some(channel_idx) = picture.channel_idx {
        figures.push(("channel", channel_idx.to_string(), "The channel the group lies in"));
    }
    figures
}

/// How many levels are used and what is known of the group, in lines.
fn figures_ui(ui: &mut Ui, picture: &LevelsPicture) {
    let theme = Theme::of(ui);
    let note = match (picture.axis, picture.group_idx) {
        (LevelAxis::Codes, None) => {
            "Groups differ in what a code stands for: choose one group to see values"
        }
        (LevelAxis::Codes, Some(_)) => "No one grid holds these values",
        _ => "",
    };
    let margin = egui::Margin { left: theme::PANEL_MARGIN as i8, ..egui::Margin::ZERO };
    egui::Frame::new().inner_margin(margin).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            for (name, value, help) in figures(picture) {
                let text = RichText::new(value).font(theme::mono(12.0)).color(theme.text);
                ui.label(text).on_hover_text(help);
                ui.label(RichText::new(name).color(theme.label)).on_hover_text(help);
                ui.add_space(10.0);
            }
            if !note.is_empty() {
                ui.label(RichText::new(note).color(theme.hint));
            }
        });
    });
}
