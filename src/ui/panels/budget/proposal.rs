//! The mix that was proposed: what it is worth, where it came from, and the button that uses it.

use egui::{RichText, Sense, Ui, vec2};
use egui_material_icons::icons;

use crate::base::{bytes, counted, fixed, significant, thousands};
use crate::eval::{Estimate, SamplePart, Trial};
use crate::quant::SchemeChoice;
use crate::session::{Command, Loaded, Proposed, Session};
use crate::ui::accuracy_text::MetricText;
use crate::ui::panel::PanelCtx;
use crate::ui::state_view::copy_button_ui;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{bar, number, primary_button, section};

use super::limit::words;
use super::now::row_ui;
use super::steps::steps_ui;

/// How the job is called in the list of jobs.
const JOB: &str = "Proposing a mix";
/// Locked layers that are named one by one.
const MAX_NAMED: usize = 4;

/// What has become of the mix that was asked for.
pub(super) fn proposal_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let Some(loaded) = ctx.session.proposal() else { return };
    ui.add_space(10.0);
    match &loaded {
        Loaded::Failed(reason) => failed_ui(ui, reason),
        Loaded::Pending { .. } => {
            pending_ui(ui, ctx);
            if let Some(previous) = loaded.shown() {
                ui.add_space(8.0);
                ui.set_opacity(0.5);
                ready_ui(ui, ctx, previous);
            }
        }
        Loaded::Ready(proposed) => ready_ui(ui, ctx, proposed),
    }
}

fn pending_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let jobs = ctx.session.jobs();
    let job = jobs.iter().find(|job| job.label == JOB);
    let progress = job.map(|job| job.progress).unwrap_or_default();
    let text = match progress.total {
        0 => "Searching for a mix…".to_owned(),
        _ => format!(
            "Searching for a mix; the step going on is at {} of {}",
            thousands(progress.done as usize),
            thousands(progress.total as usize)
        ),
    };
    ui.add(egui::Label::new(RichText::new(text).color(theme.accent)).wrap());
    let size = vec2(ui.available_width(), 6.0);
    bar(ui, size, progress.fraction(), theme.accent);
    ui.add_space(4.0);
    if let Some(job) = job
        && ui.button("Cancel").on_hover_text("Stops the search; the recipe stays").clicked()
    {
        ctx.send(Command::CancelJob(job.id));
    }
}

/// Why there is no mix: an impossible wish with the nearest that is possible.
fn failed_ui(ui: &mut Ui, reason: &str) {
    let theme = Theme::of(ui);
    let is_stopped = reason.starts_with("cancelled");
    let (title, ink) = match is_stopped {
        true => ("The search was cancelled", theme.text),
        false => ("✕ There is no such mix", theme.bad),
    };
    let frame = egui::Frame::new()
        .fill(theme.background)
        .stroke(egui::Stroke::new(1.0, theme.line))
        .inner_margin(egui::Margin { left: 12, right: 10, top: 10, bottom: 10 });
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(title).font(theme::title(12.0)).color(ink));
        let text = match is_stopped {
            true => "It was stopped before a mix was found; the recipe stays as it is.",
            false => reason,
        };
        ui.add(egui::Label::new(RichText::new(text).color(theme.text)).wrap());
        if !is_stopped {
            ui.add_space(4.0);
            copy_button_ui(ui, reason);
        }
    });
    let edge = shown.response.rect;
    let colour = if is_stopped { theme.line_strong } else { theme.bad };
    ui.painter().rect_filled(edge.with_max_x(edge.left() + 3.0), 0, colour);
}

fn ready_ui(ui: &mut Ui, ctx: &PanelCtx, proposed: &Proposed) {
    let theme = Theme::of(ui);
    let metric = proposed.metric;
    section(ui, "The mix", &words(&proposed.settings, Some(metric)));
    let text = MetricText::up_to(metric, proposed.proposal.trial.value.ci95.1);
    ui.spacing_mut().item_spacing.y = 0.0;
    worth_ui(ui, proposed, text);
    judged_ui(ui, proposed, text);
    ui.add_space(6.0);
    steps_ui(ui, proposed, text);
    ui.add_space(6.0);
    for note in notes(proposed) {
        ui.add(egui::Label::new(RichText::new(note).color(theme.label)).wrap());
        ui.add_space(3.0);
    }
    locked_ui(ui, ctx, proposed);
    ui.add_space(6.0);
    use_ui(ui, ctx, proposed);
}

/// `8`, `float`; of a candidate that is no plain number of bits its specification.
pub(super) fn candidate_text(proposed: &Proposed, choice: Option<usize>) -> String {
    match choice.and_then(|idx| proposed.candidates.get(idx)) {
        Some(choice) => choice.bits().map_or_else(|| choice.to_string(), |bits| bits.to_string()),
        None => "float".to_owned(),
    }
}

/// The single candidate that it is compared with: `int 5`.
pub(super) fn uniform_name(proposed: &Proposed) -> Option<String> {
    let uniform = proposed.proposal.uniform.as_ref()?;
    let choice = proposed.candidates.get(uniform.candidate_idx)?;
    let bits = choice.bits().map_or_else(String::new, |bits| format!(" {bits}"));
    Some(format!("{}{bits}", choice.scheme().id()))
}

/// Mix and uniform model side by side, on the search samples.
fn worth_ui(ui: &mut Ui, proposed: &Proposed, text: MetricText) {
    let theme = Theme::of(ui);
    let proposal = &proposed.proposal;
    let uniform = proposal.uniform.as_ref();
    let uniform_trial = uniform.map(|uniform| &uniform.trial);
    let name = uniform_name(proposed).unwrap_or_default();
    let heading = match uniform {
        Some(uniform) if !uniform.fits => format!("{name}, larger"),
        Some(_) => format!("{name} everywhere"),
        None => String::new(),
    };
    let cells = [("this mix", theme.text), (heading.as_str(), theme.label)];
    pair_ui(ui, ("", ""), cells, &theme::text(11.0));
    let row = |ui: &mut Ui, name: (&str, &str), of: &dyn Fn(&Trial) -> String| {
        let other = uniform_trial.map_or_else(String::new, of);
        let own = of(&proposal.trial);
        let cells = [(own.as_str(), theme.text), (other.as_str(), theme.label)];
        pair_ui(ui, name, cells, &theme::mono(11.5));
    };
    row(ui, ("Size", "The whole model as stored"), &|trial| bytes(trial.size.quantized_bytes));
    row(ui, ("Bits per weight", "Over the quantized layers, scales included"), &|trial| {
        trial.size.bits_per_weight.map_or_else(|| "–".to_owned(), |bits| fixed(bits, 2))
    });
    row(
        ui,
        (
            "Mean KL, nats",
            "Mean divergence from the float model on the search samples, nats a prediction: what the search makes least",
        ),
        &|trial| significant(trial.kl_mean, 3),
    );
    let name = format!("{}, search", metric_short(text));
    let help = format!(
        "On {} search samples of {}; the choice was made with them",
        thousands(proposal.trial.n_samples),
        proposed.told
    );
    row(ui, (&name, &help), &|trial| text.value(trial.value.value));
}

fn metric_short(text: MetricText) -> &'static str {
    match text.metric {
        crate::eval::Metric::Top1 => "Top-1",
        crate::eval::Metric::Perplexity => "Perplexity",
        crate::eval::Metric::Agreement => "Same as float",
    }
}

/// A name and two texts in columns of their own, with their inks.
fn pair_ui(
    ui: &mut Ui,
    (name, help): (&str, &str),
    cells: [(&str, egui::Color32); 2],
    font: &egui::FontId,
) {
    row_ui(ui, name, help, |ui| {
        let width = (ui.available_width() * 0.32).max(64.0);
        for (text, ink) in cells.into_iter().rev() {
            let (rect, _) = ui.allocate_exact_size(vec2(width, 20.0), Sense::hover());
            let layout = egui::Layout::right_to_left(egui::Align::Center);
            let mut cell = ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(layout));
            let text = RichText::new(text).font(font.clone()).color(ink);
            cell.add(egui::Label::new(text).truncate());
        }
    });
}

/// The same on samples that had no part in the choice.
fn judged_ui(ui: &mut Ui, proposed: &Proposed, text: MetricText) {
    let theme = Theme::of(ui);
    let metric = proposed.metric;
    let Some(judged) = &proposed.judged else {
        let note = "There are no samples to judge it with that had no part in the choice.";
        ui.add(egui::Label::new(RichText::new(note).color(theme.hint)).wrap());
        return;
    };
    let other = judged.against_uniform.as_ref();
    let of_other = other.and_then(|tally| tally.value_before(metric));
    let value = |estimate: Estimate| text.value(estimate.value);
    let own = judged.against_float.value(metric);
    let name = format!("{}, judged", metric_short(text));
    let on = judged_on(judged.part, &judged.set, judged.against_float.n_rows);
    let texts = (value(own), of_other.map_or_else(|| "–".to_owned(), value));
    let cells = [(texts.0.as_str(), theme.text), (texts.1.as_str(), theme.label)];
    pair_ui(ui, (&name, &on), cells, &theme::mono(11.5));
    let reach = (text.reach(own), of_other.map_or_else(String::new, |other| text.reach(other)));
    let cells = [(reach.0.as_str(), theme.hint), (reach.1.as_str(), theme.hint)];
    pair_ui(ui, ("95 % interval", &on), cells, &theme::mono(11.0));
    let unit = text.difference_unit();
    let mut difference = |name: &str, change: Estimate| {
        let range = format!("{}{unit}", text.signed_range(change.ci95));
        let signed = format!("{}{unit}", text.signed(change.value));
        row_ui(ui, name, &format!("{name}, paired, on {on}"), |ui| {
            number(ui, &signed, 12.0, theme.text);
            number(ui, &range, 11.0, theme.hint).on_hover_text("95 % interval");
        });
    };
    if let Some(tally) = other {
        let name = uniform_name(proposed).unwrap_or_default();
        difference(&format!("Against {name}"), tally.change(metric));
    }
    difference("Against float", judged.against_float.change(metric));
    let told = format!(
        "Chosen with {} of {}. Judged on {on}, which had no part in the choice.",
        counted(proposed.proposal.trial.n_samples, "sample"),
        proposed.told
    );
    ui.add_space(4.0);
    ui.add(egui::Label::new(RichText::new(told).color(theme.label)).wrap());
}

fn judged_on(part: SamplePart, set: &str, n_rows: usize) -> String {
    let part = if part == SamplePart::JudgingHalf { "the other half of " } else { "" };
    format!("{} of {part}{set}", counted(n_rows, "sample"))
}

/// How it was found.
fn notes(proposed: &Proposed) -> Vec<String> {
    let proposal = &proposed.proposal;
    let mut notes = Vec::new();
    if proposal.first.chosen != proposal.trial.chosen {
        notes.push(format!(
            "The first choice, by sums of single layers alone, had mean KL {}; runs of mixes near by led on from it.",
            significant(proposal.first.kl_mean, 3)
        ));
    }
    if !proposal.is_exact {
        let text =
            "So many layers that the first choice is near the best sum, not surely the best.";
        notes.push(text.to_owned());
    }
    let mixes = if proposal.n_trials == 1 { "mix was" } else { "mixes were" };
    notes.push(format!("{} {mixes} run.", thousands(proposal.n_trials)));
    notes
}

fn locked_layers<'a>(session: &Session, proposed: &'a Proposed) -> Vec<&'a str> {
    let locked = &session.plan().locked;
    proposed.layers.iter().map(String::as_str).filter(|name| locked.contains(*name)).collect()
}

/// Layers that stay whatever is proposed for them.
fn locked_ui(ui: &mut Ui, ctx: &PanelCtx, proposed: &Proposed) {
    let locked = locked_layers(ctx.session, proposed);
    if locked.is_empty() {
        return;
    }
    let theme = Theme::of(ui);
    let named = locked.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = match locked.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        n_more => format!(" and {n_more} more"),
    };
    let verb = if locked.len() == 1 { "is locked and stays" } else { "are locked and stay" };
    let text =
        format!("{named}{more} {verb} as set; what is used then differs from what was judged.");
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.label(icons::ICON_LOCK.rich_text().size(14.0).color(theme.label));
        ui.add(egui::Label::new(RichText::new(text).color(theme.text)).wrap());
    });
}

/// How the mix stands to the recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Possible,
    Present,
    AllLocked,
}

fn use_of(session: &Session, proposed: &Proposed) -> Use {
    let plan = session.plan();
    let float = SchemeChoice::float();
    let mut n_free = 0;
    let pairs = proposed.layers.iter().zip(&proposed.proposal.chosen);
    let mut differs = false;
    for (name, chosen) in pairs.filter(|(name, _)| !plan.locked.contains(*name)) {
        n_free += 1;
        let wanted = chosen.and_then(|idx| proposed.candidates.get(idx)).unwrap_or(&float);
        differs |= plan.recipe.get(name).unwrap_or(&float) != wanted;
    }
    match (n_free, differs) {
        (0, _) => Use::AllLocked,
        (_, true) => Use::Possible,
        (_, false) => Use::Present,
    }
}

fn use_ui(ui: &mut Ui, ctx: &PanelCtx, proposed: &Proposed) {
    let state = use_of(ctx.session, proposed);
    let response = ui
        .add_enabled_ui(state == Use::Possible, |ui| primary_button(ui, "Use this mix"))
        .inner
        .on_hover_text("Sets every layer that is not locked, as one step of the history")
        .on_disabled_hover_text(match state {
            Use::AllLocked => "Every layer is locked",
            _ => "The recipe is this mix",
        });
    if response.clicked() {
        ctx.send(Command::UseProposal);
    }
    if state == Use::Present {
        let theme = Theme::of(ui);
        ui.label(RichText::new("✓ in use").color(theme.rounding));
    }
}
