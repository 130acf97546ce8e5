//! What opens from the strip at the bottom: every job, what memory is in use, what frames cost.

use egui::{Align, Frame, Id, Layout, Popup, PopupCloseBehavior, Rect, RichText, Sense, Ui, vec2};
use egui_material_icons::icons;

use super::frame_times::{FrameTime, FrameTimes, LIMIT_MS, N_FRAMES, Spread};
use super::panel::PanelCtx;
use super::theme::{self, Theme};
use super::widgets::{self, figure_row, icon_button, number, section};
use crate::base::{ClockKind, bytes, counted, fixed};
use crate::session::{Command, JobState, JobStatus, Pace};

const WIDTH: f32 = 440.0;
/// Height of the drawing of frame times.
const SPARK_HEIGHT: f32 = 56.0;
/// Jobs that are listed one by one.
const MAX_LISTED: usize = 8;

/// By which it can be opened from elsewhere.
pub(super) fn popup_id() -> Id {
    Id::unique("jobs and memory")
}

/// The button that opens it, and it while it is open.
pub(super) fn jobs_button_ui(ui: &mut Ui, ctx: &PanelCtx, frames: &FrameTimes) {
    let response = icon_button(ui, icons::ICON_MONITORING, "Jobs, memory and frame times");
    Popup::from_toggle_button_response(&response)
        .id(popup_id())
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .frame(Frame::popup(ui.style()).inner_margin(theme::PANEL_MARGIN))
        .width(WIDTH)
        .accessible_name("Jobs")
        .show(|ui| {
            ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 48.0));
            ui.spacing_mut().item_spacing.y = 4.0;
            jobs_ui(ui, ctx);
            ui.add_space(8.0);
            memory_ui(ui, ctx);
            ui.add_space(8.0);
            frames_ui(ui, frames);
            // What is shown changes by itself.
            ui.ctx().request_repaint_after_secs(0.5);
        });
}

fn jobs_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let jobs = ctx.session.jobs();
    let (waiting, listed): (Vec<JobStatus>, Vec<JobStatus>) =
        jobs.into_iter().partition(|job| job.state == JobState::Waiting && !job.is_rest());
    let right = match waiting.len() {
        0 => String::new(),
        n_waiting => format!("{n_waiting} waiting"),
    };
    section(ui, "Jobs", &right);
    if listed.is_empty() && waiting.is_empty() {
        ui.label(RichText::new("Nothing is being computed.").color(theme.hint));
    }
    for job in listed.iter().take(MAX_LISTED) {
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), theme::CONTROL_HEIGHT),
            Layout::right_to_left(Align::Center),
            |ui| {
                stop_button_ui(ui, ctx, job);
                job_progress_ui(ui, job);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let text = RichText::new(&job.label).color(theme.text);
                    ui.add(egui::Label::new(text).truncate());
                });
            },
        );
    }
    let n_more = listed.len().saturating_sub(MAX_LISTED);
    if n_more > 0 {
        ui.label(RichText::new(format!("{n_more} more are running")).color(theme.hint));
    }
    if !waiting.is_empty() {
        let text = RichText::new(waiting_text(&waiting)).color(theme.hint);
        ui.add(egui::Label::new(text).wrap());
    }
}

/// Kinds of jobs that wait, with their number.
fn waiting_text(waiting: &[JobStatus]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for job in waiting {
        match kinds.iter_mut().find(|(label, _)| *label == job.label) {
            Some((_, n_jobs)) => *n_jobs += 1,
            None => kinds.push((&job.label, 1)),
        }
    }
    let words: Vec<String> = kinds
        .iter()
        .map(|(label, n_jobs)| match n_jobs {
            1 => (*label).to_owned(),
            _ => format!("{label} × {n_jobs}"),
        })
        .collect();
    format!("Waiting: {}", words.join(", "))
}

/// How far a job is, as a bar and a number.
pub(super) fn job_progress_ui(ui: &mut Ui, job: &JobStatus) {
    let theme = Theme::of(ui);
    let text = match (job.state, job.progress.total) {
        (JobState::Running, 0) => return,
        (JobState::Waiting, 0) => "waiting".to_owned(),
        (JobState::Paused, 0) => "paused".to_owned(),
        _ => progress_text(job),
    };
    let bar = |ui: &mut Ui| {
        let colour = if job.state == JobState::Paused { theme.hint } else { theme.accent };
        widgets::bar(ui, vec2(96.0, 4.0), job.progress.fraction(), colour);
    };
    let has_bar = job.progress.total > 0;
    let is_reversed = ui.layout().main_dir() == egui::Direction::RightToLeft;
    if has_bar && !is_reversed {
        bar(ui);
    }
    number(ui, &text, 11.0, theme.label);
    if has_bar && is_reversed {
        bar(ui);
    }
}

/// How far a job is, and what holds it.
fn progress_text(job: &JobStatus) -> String {
    let progress = format!("{} / {}", job.progress.done, job.progress.total);
    match job.state {
        JobState::Paused => format!("{progress}, paused"),
        _ => progress,
    }
}

/// Cancels a job; the rest of the layers is held and let go on instead.
pub(super) fn stop_button_ui(ui: &mut Ui, ctx: &PanelCtx, job: &JobStatus) {
    let (icon, verb, command) = match (job.is_rest(), job.state) {
        (true, JobState::Paused) => {
            (icons::ICON_PLAY_ARROW, "Go on with", Command::SetPace(Pace::Running))
        }
        (true, _) => (icons::ICON_PAUSE, "Pause", Command::SetPace(Pace::Paused)),
        (false, _) => (icons::ICON_CLOSE, "Cancel", Command::CancelJob(job.id)),
    };
    let button = ui.add(egui::Button::new(icon.rich_text().size(13.0)).frame(false));
    let name = format!("{verb} {}", if job.is_rest() { "measuring layers" } else { &job.label });
    widgets::name_it(&button, &name);
    if button.on_hover_text(&name).clicked() {
        ctx.send(command);
    }
}

fn memory_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let memory = ctx.session.memory();
    section(ui, "Memory", "");
    let resident = memory.anonymous_bytes.map_or_else(|| "not told".to_owned(), bytes);
    let help = "Memory of this program that no file stands behind; weights that are read where they lie in a mapped file do not count";
    figure_row(ui, "In use, without mapped files", &resident, help);
    let kept = format!("{} of {}", bytes(memory.answer_bytes), bytes(memory.answer_budget));
    let help = "Errors of layers with their scales and channels, kept to be shown again at once; beyond the limit those that nothing shows are let go";
    figure_row(ui, "Kept answers about layers", &kept, help);
    let weights = memory.weights;
    let kept = format!("{} of {}", bytes(weights.total()), bytes(weights.budget));
    let help = format!(
        "Weights as they are read {}, scales and errors {}, reconstructed weights {}, sorted weights {}: the least recently used are let go, and all when the machine runs short of memory",
        bytes(weights.weights),
        bytes(weights.fits),
        bytes(weights.reconstructions),
        bytes(weights.indexes)
    );
    figure_row(ui, "Kept weights", &kept, &help);
    let help = "Values in the middle of the network, kept so that an edit of a layer runs only what comes after it";
    figure_row(ui, "Kept activations", &bytes(memory.activation_bytes), help);
    activation_budget_ui(ui, ctx, memory.activation_budget);
}

/// Bytes of a megabyte, as the field counts.
const MEGABYTE: u64 = 1_000_000;

fn activation_budget_ui(ui: &mut Ui, ctx: &PanelCtx, budget: u64) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Activations at most").color(theme.label));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut megabytes = budget / MEGABYTE;
            let field = egui::DragValue::new(&mut megabytes)
                .range(0..=MAX_ACTIVATION_MB)
                .speed(16.0)
                .suffix(" MB");
            let response = ui.add(field);
            widgets::name_it(&response, "Activations at most, in MB");
            let help = "From the next measurement of accuracy on. More lets more layers be edited without running the ones before again; 0 keeps none";
            if response.on_hover_text(help).changed() {
                ctx.send(Command::SetActivationBudget(megabytes * MEGABYTE));
            }
        });
    });
}

/// More than any machine has.
const MAX_ACTIVATION_MB: u64 = 1 << 20;

fn frames_ui(ui: &mut Ui, frames: &FrameTimes) {
    let theme = Theme::of(ui);
    let n_frames = frames.frames().len();
    section(ui, "Frame times, ms", &format!("last {}", counted(n_frames, "frame")));
    let whole = Spread::of(frames.frames().map(|frame| frame.whole_ms));
    let own = Spread::of(frames.frames().map(|frame| frame.own_ms));
    egui::Grid::new("frame times").num_columns(4).spacing(vec2(18.0, 4.0)).show(ui, |ui| {
        ui.label("");
        for name in ["median", "99 %", "max"] {
            right_ui(ui, |ui| {
                ui.label(RichText::new(name).color(theme.label));
            });
        }
        ui.end_row();
        let rows = [
            ("Answers and panels", own, "Taking answers in, laying out and drawing the panels"),
            ("With triangles and painting", whole, "From the beginning of a frame to the next"),
        ];
        for (name, spread, help) in rows {
            ui.label(RichText::new(name).color(theme.label)).on_hover_text(help);
            let colour = if spread.p99 > LIMIT_MS { theme.bad } else { theme.text };
            let times =
                [(spread.median, theme.text), (spread.p99, colour), (spread.max, theme.text)];
            for (ms, colour) in times {
                right_ui(ui, |ui| {
                    number(ui, &fixed(f64::from(ms), 1), 12.0, colour);
                });
            }
            ui.end_row();
        }
    });
    spark_ui(ui, frames, (own, whole));
    let text = format!(
        "In {}. At most {LIMIT_MS} ms at the 99th percentile keep the window fluent.",
        ClockKind::OURS.name()
    );
    ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).wrap());
}

fn right_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(vec2(48.0, 16.0), Layout::right_to_left(Align::Center), content);
}

/// The frames from left to right: all of a frame quiet, our part strong, and the limit as a line.
/// Where frames share a pixel the slowest is drawn.
fn spark_ui(ui: &mut Ui, frames: &FrameTimes, (own, whole): (Spread, Spread)) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), SPARK_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2, theme.background);
    let top_ms = (1.25 * LIMIT_MS).max(whole.p99 * 1.1);
    let height = |ms: f32| rect.height() * (ms / top_ms).min(1.0);
    let step = rect.width() / N_FRAMES as f32;
    let bar = |x: f32, ms: f32, colour: egui::Color32| {
        let corner = egui::pos2(x, rect.bottom() - height(ms));
        let place = Rect::from_min_max(corner, egui::pos2(x + 1.0, rect.bottom()));
        painter.rect_filled(place, 0, colour);
    };
    let first = N_FRAMES - frames.frames().len().min(N_FRAMES);
    for (pixel, slowest) in slowest_by_pixel(frames.frames(), first, step) {
        let x = rect.left() + pixel as f32;
        bar(x, slowest.whole_ms, theme.track);
        let colour = if slowest.own_ms > LIMIT_MS { theme.bad } else { theme.accent };
        bar(x, slowest.own_ms, colour);
    }
    let y = rect.bottom() - height(LIMIT_MS);
    painter.hline(rect.x_range(), y, egui::Stroke::new(1.0, theme.line_strong));
    let place = egui::pos2(rect.left() + 4.0, y - 1.0);
    let text = format!("{LIMIT_MS} ms");
    painter.text(place, egui::Align2::LEFT_BOTTOM, text, theme::mono(11.0), theme.hint);
    let text = format!(
        "Frame times: answers and panels {} ms at the 99th percentile, all {} ms, limit {LIMIT_MS} ms",
        fixed(f64::from(own.p99), 1),
        fixed(f64::from(whole.p99), 1)
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &text));
}

fn slowest_by_pixel<'a>(
    frames: impl Iterator<Item = &'a FrameTime>,
    first: usize,
    step: f32,
) -> Vec<(usize, FrameTime)> {
    let mut pixels: Vec<(usize, FrameTime)> = Vec::new();
    for (frame_idx, frame) in frames.enumerate() {
        let pixel = ((first + frame_idx) as f32 * step) as usize;
        match pixels.last_mut() {
            Some((at, slowest)) if *at == pixel => {
                slowest.own_ms = slowest.own_ms.max(frame.own_ms);
                slowest.whole_ms = slowest.whole_ms.max(frame.whole_ms);
            }
            _ => pixels.push((pixel, *frame)),
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Progress;

    #[test]
    fn what_waits_is_counted_by_kind() {
        let job = |id, label: &str| JobStatus {
            id,
            label: label.to_owned(),
            progress: Progress::default(),
            state: JobState::Waiting,
        };
        let waiting = [job(1, "Weight error"), job(2, "Heat map"), job(3, "Weight error")];
        assert_eq!(waiting_text(&waiting), "Waiting: Weight error × 2, Heat map");
    }

    #[test]
    fn the_slowest_frame_of_a_pixel_is_drawn() {
        let frame = |own_ms| FrameTime { own_ms, whole_ms: 2.0 * own_ms };
        let frames = [frame(1.0), frame(3.0), frame(2.0)];
        let pixels = slowest_by_pixel(frames.iter(), 0, 0.5);
        assert_eq!(pixels, [(0, frame(3.0)), (1, frame(2.0))]);
    }
}
