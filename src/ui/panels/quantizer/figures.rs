//! What the settings do to the layer, in figures.

use egui::{RichText, Ui};

use crate::base::{bytes, fixed, percent, scientific, significant, thousands};
use crate::eval::{LayerError, Sqnr};
use crate::quant::Grid;
use crate::session::LayerPicture;
use crate::ui::fold::fold_ui;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{figure_row, number, split_bar};

const CLIPPED_HELP: &str = "Weights beyond the last level + half a step.\nround(x/scale) + zero point < qmin or > qmax, before the clamp\nsaturate in ONNX QuantizeLinear";

/// The ratio, its parts and the size; the smaller figures below, where they are unfolded.
pub(super) fn figures_ui(
    ui: &mut Ui,
    (error, picture): (&LayerError, Option<&LayerPicture>),
    is_unfolded: &mut bool,
) {
    // Denser than controls, which are to be hit.
    ui.spacing_mut().interact_size.y = 18.0;
    ui.spacing_mut().item_spacing.y = 2.0;
    let of_channel = picture.and_then(|picture| picture.channel_idx);
    let stats = of_channel.and_then(|idx| error.channels.get(idx)).unwrap_or(&error.total);
    headline_ui(ui, if of_channel.is_some() { stats.sqnr() } else { error.sqnr() });
    figure_row(
        ui,
        "MSE",
        &scientific(stats.mse(), 4),
        "Mean squared error over the weights.\nΣ(x − x̂)²/n\nNagel et al. 2021, arXiv:2106.08295, §3.1",
    );
    if stats.mse() > 0.0 {
        parts_ui(ui, stats.rounding_mse() / stats.mse());
    }
    let share = percent(stats.clipped_fraction(), 2);
    let clipped = format!("{} · {share}", thousands(stats.n_clipped));
    figure_row(ui, "Clipped weights", &clipped, CLIPPED_HELP);
    if error.n_non_finite > 0 {
        let count = thousands(error.n_non_finite);
        figure_row(
            ui,
            "NaN, infinite",
            &count,
            "Weights that are not finite; they count as zero.\nx = NaN or |x| = ∞\nIEEE 754-2019, clause 6",
        );
    }
    size_figures_ui(ui, error);
    if let Some(note) = error.fitted.storage_note() {
        note_ui(ui, &note);
    }
    fold_ui(ui, ("More figures", "error, codes, entropy"), is_unfolded);
    if !*is_unfolded {
        return;
    }
    figure_row(
        ui,
        "Largest error",
        &significant(stats.max_abs_error, 3),
        "The largest distance of a weight from its value: scale/2 at most where nothing is clipped.\nmax |x − x̂|\nONNX QuantizeLinear rounds to nearest",
    );
    if let Some(cosine) = stats.cosine() {
        figure_row(
            ui,
            "Cosine",
            &fixed(cosine, 5),
            "Cosine similarity: 1 where weights and values have the same direction.\nΣx·x̂ / √(Σx² · Σx̂²)\nscipy.spatial.distance.cosine is 1 minus this",
        );
    }
    if let Some(picture) = picture {
        picture_figures_ui(ui, picture);
    }
    for (name, text) in error.fitted.facts() {
        figure_row(ui, name, &text, "What fitting the levels to these weights found.");
    }
}

/// What stands against storing the layer so, under a mark that it does.
pub(super) fn note_ui(ui: &mut Ui, note: &str) {
    let theme = Theme::of(ui);
    ui.horizontal_top(|ui| {
        let icon = egui_material_icons::icons::ICON_INFO.rich_text().size(14.0);
        ui.label(icon.color(theme.accent));
        let text = RichText::new(note).font(theme::text(12.0)).color(theme.label);
        ui.add(egui::Label::new(text).wrap());
    });
}

fn headline_ui(ui: &mut Ui, sqnr: Sqnr) {
    let theme = Theme::of(ui);
    let row = ui.horizontal(|ui| match sqnr {
        Sqnr::Db(db) => {
            number(ui, &fixed(db, 2), 22.0, theme.text);
            ui.label(RichText::new("dB SQNR").color(theme.label));
        }
        other => {
            let text = RichText::new(case_name(other)).font(theme::title(14.0));
            ui.label(text.color(theme.text));
        }
    });
    let help = "Signal-to-quantization-noise ratio, sums over the weights; one bit more is about 6 dB.\n10·log₁₀(Σx² / Σ(x − x̂)²) dB\nGray & Neuhoff 1998, Quantization, IEEE Trans. Inf. Theory 44(6)";
    row.response.on_hover_text(help);
}

/// Rounding against clipping error, as a bar and in words.
fn parts_ui(ui: &mut Ui, rounding: f64) {
    let theme = Theme::of(ui);
    split_bar(ui, rounding as f32, theme.rounding, theme.clipping);
    let row = ui.horizontal(|ui| {
        ui.label(RichText::new(format!("rounding {}", percent(rounding, 0))).color(theme.label));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let clipping = format!("clipping {}", percent(1.0 - rounding, 0));
            ui.label(RichText::new(clipping).color(theme.label));
        });
    });
    let help = "The squared error of weights that are not clipped, and of those that are.\nΣ(x − x̂)²/n over each; the two sum to the MSE\nClipping and rounding error: Nagel et al. 2021, arXiv:2106.08295, §2.2";
    row.response.on_hover_text(help);
}

fn case_name(sqnr: Sqnr) -> &'static str {
    match sqnr {
        Sqnr::Exact => "Exact: no error",
        Sqnr::NoSignal => "No signal: all weights are 0",
        Sqnr::NonFinite => "NaN or infinite weights",
        Sqnr::Db(_) => "",
    }
}

fn picture_figures_ui(ui: &mut Ui, picture: &LayerPicture) {
    match &picture.grid {
        Some(Grid::Uniform { params, .. }) => {
            let text =
                format!("{}, {}", significant(f64::from(params.scale), 4), params.zero_point);
            figure_row(
                ui,
                "Scale, zero point",
                &text,
                "The step between levels, and the code of 0.\nx̂ = scale · (code − zero point)\nJacob et al. 2018, arXiv:1712.05877, eq. 1",
            );
        }
        Some(Grid::Table { scale, levels, .. }) => {
            // Levels of their own have none.
            if *scale != 1.0 {
                let text = significant(f64::from(*scale), 4);
                let help = "What levels are multiplied by.\nx̂ = scale · level";
                figure_row(ui, "Scale", &text, help);
            }
            let help = "Values a weight can take, before the scale.";
            figure_row(ui, "Levels", &thousands(levels.len()), help);
        }
        Some(Grid::Continuous) => {}
        None => {
            let text = thousands(picture.n_groups);
            figure_row(
                ui,
                "Scales",
                &text,
                "Groups of weights, each with a scale of its own.\nchannels · ⌈length/group size⌉ scales\nONNX QuantizeLinear, per axis or blocked",
            );
        }
    }
    if let Some(usage) = &picture.usage {
        let n_codes = usage.counts.len();
        let text = format!("{} of {}", thousands(usage.n_used()), thousands(n_codes));
        figure_row(
            ui,
            "Codes in use",
            &text,
            "Codes that occur at least once, of all there are.\n|{code(x)}| of qmax − qmin + 1\nThe grid of integers: Nagel et al. 2021, arXiv:2106.08295, §2.2",
        );
        let text = format!(
            "{} of {} bits",
            fixed(usage.entropy_bits(), 2),
            fixed((n_codes as f64).log2(), 2)
        );
        figure_row(
            ui,
            "Code entropy",
            &text,
            "Bits that a code would take under ideal entropy coding, p being the share of each code.\n−Σ p·log₂ p\nShannon 1948, §6",
        );
    }
}

fn size_figures_ui(ui: &mut Ui, error: &LayerError) {
    if let Some(bits) = error.bits_per_weight() {
        let help = "Stored bits over weights, with everything needed to decode them.\n(n·b + scales·32 + zero points·b)/n\nScales are stored as 32-bit floats, IEEE 754 binary32";
        figure_row(ui, "Bits per weight", &fixed(bits, 3), help);
        let float_bytes = error.total.count as u64 * 4;
        let text = format!("{} → {}", bytes(float_bytes), bytes(error.stored_bytes()));
        figure_row(
            ui,
            "Stored size",
            &text,
            "As 32-bit floats, and quantized with all that decoding needs.\n4·n bytes → ⌈bits/8⌉ bytes\nDecimal units: 1 kB = 1000 bytes (IEC 80000-13)",
        );
    }
}
