//! What a box is coloured by: its number, its colour, and the legend of both.

use egui::{
    Align2, Color32, CornerRadius, Painter, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};

use crate::base::{bytes, fixed};
use crate::eval::LayerFigures;
use crate::session::Loaded;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Bits,
    Sqnr,
    Size,
}

/// Name, tooltip.
pub(super) const MEASURES: [(Measure, &str, &str); 3] = [
    (Measure::Bits, "Bits", "Colour by the bits of one code: the fewer, the stronger"),
    (
        Measure::Sqnr,
        "SQNR",
        "Colour by the signal-to-quantization-noise ratio, 10·log₁₀(Σx² / Σ(x−x̂)²): the lower, the stronger",
    ),
    (
        Measure::Size,
        "Size",
        "Colour by the share of the stored model, scales and zero points included: the larger, the stronger",
    ),
];

/// A ratio at which nothing is left of the colour.
const FULL_DB: f64 = 48.0;

/// What a box shows of one layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    /// With its unit; the name of the case where it is no number.
    pub text: String,
    /// 0 faint, 1 strong; `None` where there is nothing to measure.
    pub strength: Option<f32>,
    pub state: ReadingState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadingState {
    Current,
    /// Of the settings before, or not there yet.
    Stale,
    Failed,
}

impl Measure {
    /// The reading of a layer; `stored_bytes` is the size of the whole model.
    pub fn read(self, ctx: &PanelCtx, layer_idx: usize, stored_bytes: Option<u64>) -> Reading {
        if self == Self::Bits {
            return bits_of(ctx, layer_idx);
        }
        let error = ctx.session.layer_figures_in_time(layer_idx);
        let state = match &error {
            Loaded::Failed(_) => ReadingState::Failed,
            loaded if loaded.is_stale() => ReadingState::Stale,
            _ => ReadingState::Current,
        };
        let (text, strength) = match error.shown() {
            _ if state == ReadingState::Failed => ("✕ failed".to_owned(), None),
            None => ("…".to_owned(), None),
            Some(error) if self == Self::Sqnr => sqnr_of(error),
            Some(error) => size_of(error, stored_bytes),
        };
        Reading { text, strength, state }
    }

    /// The hue of this measure.
    fn hue(self, theme: &Theme) -> Color32 {
        match self {
            Self::Bits => theme.quantized,
            Self::Sqnr => theme.bad,
            Self::Size => theme.accent,
        }
    }

    /// The colour of a reading.
    pub fn colour(self, strength: Option<f32>, theme: &Theme) -> Color32 {
        match strength {
            None => theme.line_strong,
            Some(strength) => {
                let faint = theme.raised.lerp_to_gamma(self.hue(theme), 0.18);
                faint.lerp_to_gamma(self.hue(theme), strength.clamp(0.0, 1.0))
            }
        }
    }

    /// Title and the ticks of the legend: where, from faint 0 to strong 1, and what.
    fn legend(self) -> (&'static str, Vec<(f32, String)>) {
        match self {
            Self::Bits => {
                let tick = |bits: i64| (bits_strength(bits), bits.to_string());
                ("Bits of one code", [16, 8, 4, 2].map(tick).to_vec())
            }
            Self::Sqnr => {
                let tick = |db: f64| (db_strength(db), fixed(db, 0));
                ("SQNR, dB", [48.0, 36.0, 24.0, 12.0, 0.0].map(tick).to_vec())
            }
            Self::Size => {
                let tick = |percent: f64| (share_strength(percent / 100.0), fixed(percent, 0));
                ("Share of the stored model, %", [0.0, 4.0, 25.0, 100.0].map(tick).to_vec())
            }
        }
    }
}

/// Bits from 16 to 2, evenly by their logarithm.
fn bits_strength(bits: i64) -> f32 {
    (1.0 - ((bits.max(1) as f64) / 2.0).log2() / 3.0) as f32
}

fn db_strength(db: f64) -> f32 {
    (1.0 - db / FULL_DB) as f32
}

/// By the root: most layers have a small share.
fn share_strength(share: f64) -> f32 {
    share.max(0.0).sqrt() as f32
}

fn bits_of(ctx: &PanelCtx, layer_idx: usize) -> Reading {
    let choice = ctx.session.choice(layer_idx);
    let (text, strength) = match choice.code_bits().filter(|_| !choice.keeps_float()) {
        Some(bits) => (format!("{bits} bits"), Some(bits_strength(bits))),
        None => (choice.scheme().id().to_owned(), None),
    };
    Reading { text, strength, state: ReadingState::Current }
}

fn sqnr_of(error: &LayerFigures) -> (String, Option<f32>) {
    if error.keeps_float {
        return ("float".to_owned(), None);
    }
    let sqnr = error.sqnr();
    match sqnr.db() {
        Some(db) => (format!("{} dB", fixed(db, 1)), Some(db_strength(db))),
        None => (sqnr.case().unwrap_or_default().to_owned(), None),
    }
}

fn size_of(error: &LayerFigures, stored_bytes: Option<u64>) -> (String, Option<f32>) {
    let own = error.stored_bytes();
    let share = stored_bytes.map(|all| share_strength(own as f64 / all.max(1) as f64));
    (bytes(own), share)
}

const LEGEND_SIZE: Vec2 = vec2(184.0, 52.0);
/// From the edges of the canvas.
const LEGEND_MARGIN: f32 = 12.0;
/// The button that the legend becomes where it would cover much of the drawing.
const BUTTON_SIZE: Vec2 = vec2(64.0, theme::CONTROL_HEIGHT);
const LEAST_CANVAS: Vec2 = vec2(300.0, 200.0);

fn is_folded(canvas: Rect) -> bool {
    canvas.width() < LEAST_CANVAS.x || canvas.height() < LEAST_CANVAS.y
}

/// Where the legend lies: in the lower left corner of a place in a panel of a size.
pub(super) fn legend_rect(panel: Rect, place: Rect) -> Rect {
    let size = if is_folded(panel) { BUTTON_SIZE } else { LEGEND_SIZE };
    let margin = vec2(LEGEND_MARGIN, LEGEND_MARGIN.min((place.height() - size.y) / 2.0));
    let corner = place.left_bottom() + vec2(margin.x, -margin.y - size.y);
    Rect::from_min_size(corner, size)
}

/// The legend, or a button that opens it.
pub(super) fn legend_ui(ui: &mut Ui, (panel, place): (Rect, Rect), measure: Measure) {
    let rect = legend_rect(panel, place);
    if is_folded(panel) {
        let mut corner = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        let button = egui::Button::new("Legend").min_size(BUTTON_SIZE);
        egui::containers::menu::MenuButton::from_button(button).ui(&mut corner, |ui| {
            let (rect, _) = ui.allocate_exact_size(LEGEND_SIZE, Sense::hover());
            draw_legend(ui, rect, measure);
        });
        return;
    }
    let theme = Theme::of(ui);
    let stroke = Stroke::new(1.0, theme.line);
    ui.painter().rect(rect, 6, theme.panel, stroke, StrokeKind::Inside);
    draw_legend(ui, rect, measure);
}

fn draw_legend(ui: &Ui, frame: Rect, measure: Measure) {
    let theme = Theme::of(ui);
    let painter: &Painter = ui.painter();
    let size = frame.size();
    let (title, ticks) = measure.legend();
    let response = ui.interact(frame, ui.scope_id().with("legend"), Sense::hover());
    response.widget_info(|| {
        let text = format!("Colours: {title}, the stronger the further right");
        WidgetInfo::labeled(egui::Role::Label, true, text)
    });
    let font = theme::text(11.0);
    painter.text(frame.min + vec2(12.0, 6.0), Align2::LEFT_TOP, title, font, theme.label);
    let bar = Rect::from_min_size(frame.min + vec2(12.0, 23.0), vec2(size.x - 24.0, 8.0));
    const N_STEPS: usize = 40;
    for step in 0..N_STEPS {
        let at = |n: usize| bar.left() + bar.width() * n as f32 / N_STEPS as f32;
        let part = Rect::from_min_max(pos2(at(step), bar.top()), pos2(at(step + 1), bar.bottom()));
        let colour = measure.colour(Some((step as f32 + 0.5) / N_STEPS as f32), theme);
        painter.rect_filled(part, CornerRadius::ZERO, colour);
    }
    let n_ticks = ticks.len();
    for (tick_idx, (strength, text)) in ticks.into_iter().enumerate() {
        let x = bar.left() + bar.width() * strength;
        let align = match tick_idx {
            0 => Align2::LEFT_TOP,
            idx if idx + 1 == n_ticks => Align2::RIGHT_TOP,
            _ => Align2::CENTER_TOP,
        };
        let place = pos2(x, bar.bottom() + 3.0);
        painter.text(place, align, text, theme::mono(11.0), theme.hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_bits_and_less_ratio_are_stronger() {
        assert_eq!(
            [16, 8, 4, 2].map(|bits| (bits_strength(bits) * 3.0).round()),
            [0.0, 1.0, 2.0, 3.0]
        );
        assert_eq!([48.0, 24.0, 0.0].map(db_strength), [0.0, 0.5, 1.0]);
        assert_eq!([0.0, 0.25, 1.0].map(share_strength), [0.0, 0.5, 1.0]);
        for measure in [Measure::Bits, Measure::Sqnr, Measure::Size] {
            let (_, ticks) = measure.legend();
            assert!(ticks.is_sorted_by(|a, b| a.0 < b.0), "{measure:?} goes from faint to strong");
            assert_eq!((ticks[0].0, ticks[ticks.len() - 1].0), (0.0, 1.0), "{measure:?}");
        }
    }
}
