//! The strip at the bottom: what is being computed, and a way to stop it.

use egui::{RichText, Ui};

use super::frame_times::FrameTimes;
use super::jobs_panel::{job_progress_ui, jobs_button_ui, stop_button_ui};
use super::panel::{PanelCtx, UiCommand};
use super::theme::{self, Theme};
use super::widgets;
use crate::base::counted;
use crate::eval::Task;

/// Draws the jobs with progress; the many short ones as a count.
pub fn jobs_bar_ui(ui: &mut Ui, ctx: &PanelCtx, (n_unseen, frames): (usize, &FrameTimes)) {
    let theme = Theme::of(ui);
    let jobs = ctx.session.jobs();
    ui.horizontal_centered(|ui| {
        ui.add_space(theme::PANEL_MARGIN - 4.0);
        jobs_button_ui(ui, ctx, frames);
        let (long, short): (Vec<_>, Vec<_>) =
            jobs.iter().partition(|job| job.progress.total > 0 || job.label.starts_with("Opening"));
        if jobs.is_empty() {
            ui.label(RichText::new("Ready").color(theme.hint));
        }
        for job in long.iter().take(3) {
            ui.label(RichText::new(&job.label).color(theme.text));
            job_progress_ui(ui, job);
            stop_button_ui(ui, ctx, job);
            ui.add_space(8.0);
        }
        if !short.is_empty() {
            let text = counted(short.len(), "short job");
            ui.label(RichText::new(text).color(theme.hint));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            messages_button_ui(ui, ctx, n_unseen);
            if let Some(samples) = ctx.session.samples() {
                let is_language = samples.task == Task::LanguageModel;
                let what = if is_language { "row" } else { "sample" };
                let text = format!("{}: {}", samples.name, counted(samples.len(), what));
                ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).truncate());
            }
        });
    });
}

/// Opens the list of messages; failures nobody has looked at are counted.
fn messages_button_ui(ui: &mut Ui, ctx: &PanelCtx, n_unseen: usize) {
    let icon = egui_material_icons::icons::ICON_NOTIFICATIONS;
    if widgets::icon_button(ui, icon, "Messages").clicked() {
        ctx.ask(UiCommand::ShowMessages);
    }
    if n_unseen > 0 {
        let text =
            if n_unseen == 1 { "1 message".to_owned() } else { format!("{n_unseen} messages") };
        let text = RichText::new(text).color(Theme::of(ui).bad);
        if ui.add(egui::Button::new(text).frame(false)).clicked() {
            ctx.ask(UiCommand::ShowMessages);
        }
    }
    ui.add_space(8.0);
}
