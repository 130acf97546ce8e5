//! What a mix is asked for: the limits, the candidates, the samples they are measured on.

use egui::{Button, Checkbox, ComboBox, DragValue, RichText, Ui, vec2};

use crate::eval::Metric;
use crate::quant::{ParamKind, SchemeChoice};
use crate::session::{Command, Loaded, ProposalSettings, Proposed, SearchSource, SenseSettings};
use crate::ui::layer_title::{choice_words, scheme_words};
use crate::ui::panel::PanelCtx;
use crate::ui::scheme_picker::SchemePicker;
use crate::ui::segments::Segments;
use crate::ui::settings_editor::form_row;
use crate::ui::theme::Theme;
use crate::ui::widgets::{combo_icon, name_it, primary_button};

use super::limit::{Limit, Limits, words};
use super::now::limit_field_ui;

/// Widths that are offered, as far as the scheme has them.
const WIDTHS: [i64; 6] = [2, 3, 4, 5, 6, 8];

const SOURCES: [(SearchSource, &str, &str); 4] = [
    (
        SearchSource::Best,
        "Best there is",
        "The calibration set, else the train set, else half of the set that judges",
    ),
    (SearchSource::Calibration, "Calibration set", "The calibration set beside the model"),
    (SearchSource::Train, "Train set", "The train set beside the model"),
    (
        SearchSource::HalfOfShown,
        "Half of the shown set",
        "A class-balanced half of the set that accuracy is measured on; the other half judges",
    ),
];

const COUNTS: [(Option<usize>, &str, &str); 5] = [
    (Some(100), "100", "Quick, and rough"),
    (Some(250), "250", "Search samples that every mix is run on"),
    (Some(500), "500", "Search samples that every mix is run on"),
    (Some(1000), "1000", "Search samples that every mix is run on"),
    (None, "All", "All search samples there are"),
];

/// The form; the button sends it off.
pub(super) fn ask_ui(ui: &mut Ui, ctx: &PanelCtx, limits: &mut Limits, metric: Option<Metric>) {
    limits_ui(ui, ctx, limits, metric);
    let sense = ctx.session.sense_settings();
    let mut changed = None;
    form_row(ui, "Widths", "Bits that a layer may get", |ui| {
        changed = widths_ui(ui, sense);
    });
    form_row(ui, "Scheme", "What the candidates are, at each of the widths", |ui| {
        changed = scheme_ui(ui, ctx, sense).or(changed.take());
    });
    form_row(ui, "Samples", "What candidates and mixes are measured on; they never judge", |ui| {
        changed = source_ui(ui, sense).or(changed.take());
    });
    form_row(ui, "Number", "Samples that every candidate and mix is run on", |ui| {
        let counts = Segments::new(&COUNTS).named("Search samples").filling();
        if let Some(limit) = counts.show(ui, Some(sense.limit)) {
            changed = Some(SenseSettings { limit, ..sense.clone() });
        }
    });
    if let Some(settings) = changed {
        ctx.send(Command::SetSense(Box::new(settings)));
    }
    ui.add_space(6.0);
    propose_ui(ui, ctx, limits);
}

/// What is asked for by the budget above, and whether the other limit counts as well.
fn limits_ui(ui: &mut Ui, ctx: &PanelCtx, limits: &mut Limits, metric: Option<Metric>) {
    let theme = Theme::of(ui);
    let asked = words(&limits.proposal(ctx.session.critical_class()), metric);
    let asked = if asked.is_empty() { "nothing yet".to_owned() } else { asked };
    form_row(ui, "Asked for", "From the budget above", |ui| {
        let text = egui::Label::new(RichText::new(&asked).color(theme.text)).truncate();
        ui.add(text).on_hover_text(format!("{asked}. An accuracy counts on the search samples"));
    });
    let (other, name) = match (limits.limit, metric) {
        (Limit::Accuracy, _) => (Limit::Size, "and at most"),
        (_, Some(Metric::Perplexity)) => (Limit::Accuracy, "and perplexity at most"),
        _ => (Limit::Accuracy, "and accuracy at least"),
    };
    ui.horizontal(|ui| {
        let response = ui.add(Checkbox::new(&mut limits.is_both, name));
        name_it(&response, "Both a size and an accuracy");
        response.on_hover_text(
            "With both, the smallest mix that reaches the accuracy within the size; with a size alone, the mix nearest to float",
        );
        if limits.is_both {
            limit_field_ui(ui, limits, (other, metric), "The other limit");
        }
    });
    if let Some(class) = ctx.session.critical_class()
        && let Some(recall) = &mut limits.recall
    {
        ui.horizontal(|ui| {
            let response = ui.add(Checkbox::new(
                &mut limits.keeps_recall,
                format!("and recall of {class} at least"),
            ));
            name_it(&response, "A floor on the critical class");
            response.on_hover_text(
                "The share of that class's search samples which the mix has to get right",
            );
            if limits.keeps_recall {
                let mut shown = *recall * 100.0;
                let drag = DragValue::new(&mut shown).speed(0.05).range(0.0..=100.0);
                let response = ui.add(drag.fixed_decimals(1).suffix(" %"));
                name_it(&response, "Recall of the critical class");
                if response.changed() {
                    *recall = shown / 100.0;
                }
            }
        });
    }
}

fn bits_range(choice: &SchemeChoice) -> Option<(i64, i64)> {
    match choice.param("bits").map(|param| &param.kind) {
        Some(&ParamKind::Int { min, max, .. }) => Some((min, max)),
        _ => None,
    }
}

/// A button a width; the last one that is chosen stays.
fn widths_ui(ui: &mut Ui, sense: &SenseSettings) -> Option<SenseSettings> {
    let (min, max) = bits_range(&sense.scheme)?;
    let mut changed = None;
    ui.spacing_mut().item_spacing.x = 3.0;
    let width = ((ui.available_width() - 15.0) / 6.0).clamp(20.0, 40.0);
    for bits in WIDTHS.into_iter().filter(|bits| (min..=max).contains(bits)) {
        let is_chosen = sense.bits.contains(&bits);
        let is_last = is_chosen && sense.bits.len() == 1;
        let button = Button::new(bits.to_string()).selected(is_chosen).min_size(vec2(width, 24.0));
        let response = ui.add(button);
        name_it(&response, &format!("Width {bits} bits"));
        let help = match (is_last, is_chosen) {
            (true, _) => "One width at least has to stay".to_owned(),
            (_, true) => format!("Layers may get {bits} bits; a click takes that away"),
            _ => format!("A click lets layers get {bits} bits"),
        };
        if response.on_hover_text(help).clicked() && !is_last {
            let mut widths: Vec<i64> = sense.bits.clone();
            match is_chosen {
                true => widths.retain(|width| *width != bits),
                false => widths.push(bits),
            }
            widths.sort_unstable();
            changed = Some(SenseSettings { bits: widths, ..sense.clone() });
        }
    }
    changed
}

fn scheme_ui(ui: &mut Ui, ctx: &PanelCtx, sense: &SenseSettings) -> Option<SenseSettings> {
    let shown = ctx.session.choice(ctx.session.selection().layer_idx);
    let mut taken = None;
    let width = (ui.available_width() - 82.0).max(60.0);
    let scheme = sense.scheme.scheme();
    let name = "Scheme of the candidates";
    let text = &scheme_words(&sense.scheme);
    let picker = SchemePicker { name, text, current: Some(scheme), width };
    if let Some(scheme) = picker.ui(ui) {
        taken = Some(sense.scheme.switched_to(scheme));
    }
    let has_bits = bits_range(&shown).is_some();
    let response = ui.add_enabled(has_bits, Button::new("As shown"));
    name_it(&response, "Scheme as the layer shown");
    let help = format!(
        "Takes scheme and settings of the layer shown, but for its bits: {}",
        choice_words(&shown)
    );
    let response = response
        .on_hover_text(help)
        .on_disabled_hover_text("The layer shown has a scheme without bits to choose");
    if response.clicked() {
        taken = Some(shown);
    }
    with_scheme(sense, taken?)
}

/// With the widths that the scheme has; one without widths is left to the session to refuse.
fn with_scheme(sense: &SenseSettings, scheme: SchemeChoice) -> Option<SenseSettings> {
    let mut bits = sense.bits.clone();
    if let Some((min, max)) = bits_range(&scheme) {
        bits.retain(|bits| (min..=max).contains(bits));
        if bits.is_empty() {
            bits.push(scheme.bits().unwrap_or(min));
        }
    }
    Some(SenseSettings { scheme, bits, ..sense.clone() })
}

fn source_ui(ui: &mut Ui, sense: &SenseSettings) -> Option<SenseSettings> {
    let mut source = sense.source;
    let name = |source: SearchSource| {
        SOURCES.iter().find(|(of, ..)| *of == source).map_or("", |(_, name, _)| *name)
    };
    let combo = ComboBox::from_id_salt("search samples")
        .icon(combo_icon)
        .width(ui.available_width())
        .selected_text(name(source));
    let combo = combo.show_ui(ui, |ui| {
        for (option, name, help) in SOURCES {
            ui.selectable_value(&mut source, option, name).on_hover_text(help);
        }
    });
    name_it(&combo.response, "Source of search samples");
    (source != sense.source).then(|| SenseSettings { source, ..sense.clone() })
}

fn propose_ui(ui: &mut Ui, ctx: &PanelCtx, limits: &Limits) {
    let settings = limits.proposal(ctx.session.critical_class());
    let why_not = if settings == ProposalSettings::default() {
        Some("Neither a size nor an accuracy is known yet")
    } else if ctx.session.network().is_some_and(|network| network.graph.is_none()) {
        Some("The file has no graph, so no mix can be run")
    } else {
        None
    };
    let loaded = ctx.session.proposal();
    let is_running = matches!(loaded, Some(Loaded::Pending { .. }));
    ui.horizontal(|ui| {
        let is_enabled = why_not.is_none() && !is_running;
        let response = ui.add_enabled_ui(is_enabled, |ui| primary_button(ui, "Propose")).inner;
        let response = response
            .on_hover_text("Measures what every layer costs, finds the mix by real runs, and judges it on samples that had no part in it")
            .on_disabled_hover_text(why_not.unwrap_or("It is being searched"));
        if response.clicked() {
            if failed(loaded.as_ref()) {
                ctx.send(Command::Retry);
            }
            ctx.send(Command::Propose(Some(settings)));
        }
        if loaded.is_some() && !is_running && ui.button("Clear").on_hover_text("Lets go of the mix").clicked() {
            ctx.send(Command::Propose(None));
        }
    });
}

fn failed(loaded: Option<&Loaded<Proposed>>) -> bool {
    loaded.is_some_and(|loaded| loaded.failure().is_some())
}
