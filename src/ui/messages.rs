//! What was reported: shortly on the screen, and kept in a list with every detail.

use std::time::Duration;

use egui::{RichText, ScrollArea, Ui, vec2};

use super::theme::{self, Theme};
use crate::session::{Notice, NoticeKind};

/// Longest text of a message that comes and goes by itself.
const MAX_TOAST_CHARS: usize = 280;
/// The most messages that are kept.
const MAX_KEPT: usize = 200;

/// The messages of this session.
pub(super) struct Messages {
    toasts: egui_notify::Toasts,
    kept: Vec<Notice>,
    is_open: bool,
    n_seen: usize,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            // Below the strips at the top, the offer to go on among them.
            toasts: egui_notify::Toasts::default().with_margin(vec2(12.0, 150.0)),
            kept: Vec::new(),
            is_open: false,
            n_seen: 0,
        }
    }
}

impl Messages {
    /// Shows a notice and keeps it.
    pub fn add(&mut self, notice: Notice, theme: &Theme) {
        // Signs that the embedded fonts have, unlike those of the crate.
        let (sign, colour, secs) = sign_of(notice.kind, theme);
        let shown = match notice.text.char_indices().nth(MAX_TOAST_CHARS) {
            Some((end, _)) => format!("{}… (View › Messages)", &notice.text[..end]),
            None => notice.text.clone(),
        };
        self.toasts
            .custom(shown, sign.to_owned(), colour)
            .duration(Some(Duration::from_secs(secs)))
            .closable(false);
        if self.kept.len() == MAX_KEPT {
            self.kept.remove(0);
            self.n_seen = self.n_seen.saturating_sub(1);
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
        let unseen = self.kept.iter().skip(self.n_seen);
        unseen.filter(|notice| notice.kind != NoticeKind::Done).count()
    }

    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Draws what comes and goes, and the list while it is open.
    pub fn ui(&mut self, ui: &Ui) {
        self.toasts.show(ui.ctx());
        if !self.is_open {
            return;
        }
        self.n_seen = self.kept.len();
        let id = egui::Id::unique("messages");
        let modal = egui::Modal::new(id).show(ui.ctx(), |ui| {
            ui.set_width(560.0);
            let theme = Theme::of(ui);
            ui.label(RichText::new("Messages").font(theme::title(14.0)).color(theme.text));
            ui.add_space(8.0);
            if self.kept.is_empty() {
                ui.label(RichText::new("Nothing was reported so far.").color(theme.hint));
            }
            ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
                for notice in self.kept.iter().rev() {
                    notice_ui(ui, notice);
                }
            });
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                let close = ui.button("Close").clicked();
                if !self.kept.is_empty() && ui.button("Copy all").clicked() {
                    let lines: Vec<&str> =
                        self.kept.iter().map(|notice| notice.text.as_str()).collect();
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
}

fn sign_of(kind: NoticeKind, theme: &Theme) -> (&'static str, egui::Color32, u64) {
    match kind {
        NoticeKind::Done => ("✓", theme.rounding, 4),
        NoticeKind::Warning => ("!", theme.quantized, 12),
        NoticeKind::Failed => ("✕", theme.bad, 16),
    }
}

fn notice_ui(ui: &mut Ui, notice: &Notice) {
    let theme = Theme::of(ui);
    let (sign, colour, _) = sign_of(notice.kind, theme);
    ui.horizontal_top(|ui| {
        ui.label(RichText::new(sign).font(theme::title(12.0)).color(colour));
        let text = RichText::new(&notice.text).color(theme.text);
        ui.add(egui::Label::new(text).wrap().selectable(true));
    });
    ui.separator();
}
