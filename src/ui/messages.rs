//! What was reported: shortly on the screen, and kept in a list with every detail.

use std::time::{Duration, Instant};

use egui::{Align2, Area, Frame, Layout, Order, RichText, ScrollArea, Stroke, Ui, vec2};
use egui_material_icons::icons;

use super::theme::{self, Theme};
use super::widgets::icon_button;
use crate::session::{Notice, NoticeKind};

/// Longest text of a message that comes and goes by itself.
const MAX_TOAST_CHARS: usize = 280;
/// The most messages that are kept.
const MAX_KEPT: usize = 200;
/// The most that are shown at once over the panels.
const MAX_TOASTS: usize = 3;
const TOAST_WIDTH: f32 = 380.0;
const MARGIN: f32 = 12.0;

/// The messages of this session.
#[derive(Default)]
pub(super) struct Messages {
    toasts: Vec<Toast>,
    /// When they were drawn last.
    drawn: Option<Instant>,
    n_toasts_ever: u64,
    kept: Vec<Notice>,
    is_open: bool,
    /// Failures and warnings since the list was looked at.
    n_unseen: usize,
}

/// A message over the panels, for some seconds.
struct Toast {
    number: u64,
    notice: Notice,
    secs_left: f32,
    shows_details: bool,
}

impl Messages {
    /// Shows a notice and keeps it.
    pub fn add(&mut self, notice: Notice) {
        self.n_toasts_ever += 1;
        self.toasts.push(Toast {
            number: self.n_toasts_ever,
            secs_left: seconds_of(notice.kind),
            notice: notice.clone(),
            shows_details: false,
        });
        let n_over = self.toasts.len().saturating_sub(MAX_TOASTS);
        self.toasts.drain(..n_over);
        self.n_unseen += usize::from(notice.kind != NoticeKind::Done);
        self.add_told(notice);
    }

    /// Keeps a notice that is told elsewhere.
    pub fn add_told(&mut self, notice: Notice) {
        if self.kept.len() == MAX_KEPT {
            self.kept.remove(0);
        }
        self.kept.push(notice);
    }

    /// The newest failure.
    pub fn last_failure(&self) -> Option<&str> {
        let failed = |notice: &&Notice| notice.kind == NoticeKind::Failed;
        self.kept.iter().rev().find(failed).map(|notice| notice.text.as_str())
    }

    /// Failures and warnings nobody has looked at in the list.
    pub fn n_unseen(&self) -> usize {
        self.n_unseen
    }

    pub fn open(&mut self) {
        self.is_open = true;
        self.toasts.clear();
    }

    pub fn close(&mut self) {
        self.is_open = false;
    }

    /// Draws what comes and goes, and the list while it is open.
    pub fn ui(&mut self, ui: &Ui) {
        self.toasts_ui(ui);
        if !self.is_open {
            return;
        }
        self.n_unseen = 0;
        let id = egui::Id::unique("messages");
        let modal = egui::Modal::new(id).show(ui.ctx(), |ui| {
            let room = ui.ctx().content_rect().size();
            ui.set_width(560.0_f32.min(room.x - 64.0));
            let theme = Theme::of(ui);
            ui.label(RichText::new("Messages").font(theme::title(14.0)).color(theme.text));
            ui.add_space(8.0);
            if self.kept.is_empty() {
                ui.label(RichText::new("Nothing was reported so far.").color(theme.hint));
            }
            let list = ScrollArea::vertical().max_height(list_height(room.y));
            list.show(ui, |ui| {
                for notice in self.kept.iter().rev() {
                    notice_ui(ui, notice);
                }
            });
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                let close = ui.button("Close").clicked();
                if !self.kept.is_empty() && ui.button("Copy all").clicked() {
                    let lines: Vec<String> = self.kept.iter().map(whole_text).collect();
                    ui.ctx().copy_text(lines.join("\n"));
                }
                close
            })
            .inner
        });
        if modal.inner || modal.should_close() {
            self.is_open = false;
        }
    }

    /// Bottom right above the strip of jobs. They lie under menus and dialogs, whatever comes first.
    fn toasts_ui(&mut self, ui: &Ui) {
        if self.toasts.is_empty() {
            return;
        }
        let area = Area::new(egui::Id::unique("toasts"))
            .order(Order::Middle)
            .anchor(Align2::RIGHT_BOTTOM, -vec2(MARGIN, theme::BAR_HEIGHT + MARGIN));
        let shown = area.show(ui.ctx(), |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            ui.set_max_width(TOAST_WIDTH);
            self.toasts.retain_mut(|toast| toast_ui(ui, toast));
        });
        let is_read = shown.response.contains_pointer();
        let now = Instant::now();
        let since = self.drawn.replace(now).map_or(Duration::ZERO, |drawn| now - drawn);
        let elapsed = since.as_secs_f32().min(0.5);
        self.toasts.retain_mut(|toast| {
            if !is_read && !toast.shows_details {
                toast.secs_left -= elapsed;
            }
            toast.secs_left > 0.0
        });
        ui.ctx().request_repaint_after_secs(0.25);
    }
}

/// Height of a list within a dialog, which leaves room for its title and its buttons.
pub(super) fn list_height(screen_height: f32) -> f32 {
    (screen_height - 170.0).clamp(60.0, 480.0)
}

fn seconds_of(kind: NoticeKind) -> f32 {
    match kind {
        NoticeKind::Done => 4.0,
        NoticeKind::Warning => 12.0,
        NoticeKind::Failed => 16.0,
    }
}

fn sign_of(kind: NoticeKind, theme: &Theme) -> (&'static str, egui::Color32) {
    match kind {
        NoticeKind::Done => ("✓", theme.rounding),
        NoticeKind::Warning => ("!", theme.quantized),
        NoticeKind::Failed => ("✕", theme.bad),
    }
}

/// Draws one that comes and goes; whether it stays.
fn toast_ui(ui: &mut Ui, toast: &mut Toast) -> bool {
    let theme = Theme::of(ui);
    let (sign, colour) = sign_of(toast.notice.kind, theme);
    let text = &toast.notice.text;
    let cut = text.char_indices().nth(MAX_TOAST_CHARS).map(|(end, _)| &text[..end]);
    let has_details = cut.is_some() || toast.notice.details.is_some();
    let frame = Frame::new()
        .fill(theme.raised)
        .stroke(Stroke::new(1.0, theme.line_strong))
        .corner_radius(6)
        .inner_margin(egui::Margin { left: 14, right: 6, top: 8, bottom: 8 });
    let mut stays = true;
    let shown = frame.show(ui, |ui| {
        ui.push_id(toast.number, |ui| {
            ui.set_width(TOAST_WIDTH - 24.0);
            ui.with_layout(Layout::right_to_left(egui::Align::Min), |ui| {
                stays = !icon_button(ui, icons::ICON_CLOSE, "Close message").clicked();
                ui.with_layout(Layout::left_to_right(egui::Align::Min), |ui| {
                    ui.add_space(2.0);
                    ui.label(RichText::new(sign).font(theme::title(12.0)).color(colour));
                    ui.vertical(|ui| {
                        let shown = match cut.filter(|_| !toast.shows_details) {
                            Some(cut) => format!("{cut}…"),
                            None => text.clone(),
                        };
                        ui.add(egui::Label::new(RichText::new(shown).color(theme.text)).wrap());
                        if has_details {
                            let details = toast.notice.details.as_deref();
                            details_ui(ui, details, &mut toast.shows_details);
                        }
                    });
                });
            });
        });
    });
    let edge = shown.response.rect;
    let mark = egui::Rect::from_min_size(edge.min, vec2(4.0, edge.height()));
    let corners = egui::CornerRadius { nw: 6, sw: 6, ne: 0, se: 0 };
    ui.painter().rect_filled(mark.shrink2(vec2(0.0, 1.0)), corners, colour);
    stays
}

/// A button that opens what only some want to know.
fn details_ui(ui: &mut Ui, details: Option<&str>, is_open: &mut bool) {
    let theme = Theme::of(ui);
    let name = if *is_open { "Hide details" } else { "Details" };
    let link = egui::Button::new(RichText::new(name).color(theme.accent)).frame(false);
    if ui.add(link).clicked() {
        *is_open = !*is_open;
    }
    if let Some(details) = details.filter(|_| *is_open) {
        let text = RichText::new(details).font(theme::mono(11.0)).color(theme.label);
        ui.add(egui::Label::new(text).wrap().selectable(true));
    }
}

/// What went wrong, within a dialog: the line, and details behind a click.
pub(super) fn failure_ui(ui: &mut Ui, notice: &Notice, shows_details: &mut bool) {
    let theme = Theme::of(ui);
    let (sign, colour) = sign_of(notice.kind, theme);
    let frame = Frame::new()
        .fill(theme.background)
        .stroke(Stroke::new(1.0, theme.line))
        .corner_radius(4)
        .inner_margin(egui::Margin { left: 14, right: 8, top: 8, bottom: 8 });
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(sign).font(theme::title(12.0)).color(colour));
            ui.vertical(|ui| {
                let text = RichText::new(&notice.text).color(theme.text);
                ui.add(egui::Label::new(text).wrap().selectable(true));
                if notice.details.is_some() {
                    details_ui(ui, notice.details.as_deref(), shows_details);
                }
            });
        });
    });
    let edge = shown.response.rect;
    let mark = egui::Rect::from_min_size(edge.min, vec2(3.0, edge.height()));
    ui.painter().rect_filled(mark, 0, colour);
}

fn whole_text(notice: &Notice) -> String {
    match &notice.details {
        Some(details) => format!("{}\n  {}", notice.text, details.replace('\n', "\n  ")),
        None => notice.text.clone(),
    }
}

fn notice_ui(ui: &mut Ui, notice: &Notice) {
    let theme = Theme::of(ui);
    let (sign, colour) = sign_of(notice.kind, theme);
    ui.horizontal_top(|ui| {
        ui.label(RichText::new(sign).font(theme::title(12.0)).color(colour));
        ui.vertical(|ui| {
            let text = RichText::new(&notice.text).color(theme.text);
            ui.add(egui::Label::new(text).wrap().selectable(true));
            if let Some(details) = &notice.details {
                let text = RichText::new(details).font(theme::mono(11.0)).color(theme.label);
                ui.add(egui::Label::new(text).wrap().selectable(true));
            }
        });
    });
    ui.separator();
}
