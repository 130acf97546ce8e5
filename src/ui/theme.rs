//! Colours, sizes and type: the only place that names any.

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, vec2};

use super::fonts;

/// Height of the menu, tab and job bars.
pub const BAR_HEIGHT: f32 = 32.0;
pub const HEADER_HEIGHT: f32 = 60.0;
pub const TOOL_ROW_HEIGHT: f32 = 40.0;
pub const TABLE_ROW_HEIGHT: f32 = 28.0;
pub const CONTROL_HEIGHT: f32 = 24.0;
pub const FORM_ROW_HEIGHT: f32 = 32.0;
/// Space between a panel's edge and its content.
pub const PANEL_MARGIN: f32 = 12.0;

/// The colours of one theme, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theme {
    /// Plots and fields.
    pub background: Color32,
    pub panel: Color32,
    /// Buttons, popups.
    pub raised: Color32,
    /// What a bar fills.
    pub track: Color32,
    pub hover: Color32,
    pub selected: Color32,
    pub grid: Color32,
    /// Separators.
    pub line: Color32,
    /// Borders of controls, levels.
    pub line_strong: Color32,
    pub text: Color32,
    pub label: Color32,
    pub hint: Color32,
    /// What you act on.
    pub accent: Color32,
    /// Original, float.
    pub original: Color32,
    pub quantized: Color32,
    /// Rounding error; fixed samples.
    pub rounding: Color32,
    /// Clipping error.
    pub clipping: Color32,
    /// Broken, failed, poor.
    pub bad: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

pub const DARK: Theme = Theme {
    background: rgb(0x0010_1317),
    panel: rgb(0x0017_1b20),
    raised: rgb(0x001f_252c),
    track: rgb(0x002b_333c),
    hover: rgb(0x0029_313a),
    selected: rgb(0x001b_3450),
    grid: rgb(0x0023_2a32),
    line: rgb(0x002b_333c),
    line_strong: rgb(0x0046_525f),
    text: rgb(0x00e4_e9ee),
    label: rgb(0x00a9_b4bf),
    hint: rgb(0x0080_8c98),
    accent: rgb(0x005a_a9f8),
    original: rgb(0x00a7_b0ba),
    quantized: rgb(0x00f0_b020),
    rounding: rgb(0x0022_d69a),
    clipping: rgb(0x00db_4cc6),
    bad: rgb(0x00ed_6335),
};

pub const LIGHT: Theme = Theme {
    background: rgb(0x00ff_ffff),
    panel: rgb(0x00f6_f7f9),
    raised: rgb(0x00e9_edf1),
    track: rgb(0x00c8_d0d8),
    hover: rgb(0x00dd_e3e9),
    selected: rgb(0x00d2_e5fa),
    grid: rgb(0x00d9_dfe5),
    line: rgb(0x00d7_dde3),
    line_strong: rgb(0x00a9_b4bf),
    text: rgb(0x001a_2026),
    label: rgb(0x004a_5661),
    hint: rgb(0x0060_6b76),
    accent: rgb(0x000b_66c3),
    original: rgb(0x007a_8187),
    quantized: rgb(0x00a6_5f04),
    rounding: rgb(0x0000_7f50),
    clipping: rgb(0x0080_2378),
    bad: rgb(0x008a_1a12),
};

impl Theme {
    /// The theme `ui` is drawn in.
    pub fn of(ui: &egui::Ui) -> &'static Self {
        Self::of_mode(ui.visuals().dark_mode)
    }

    /// Which of the two it is.
    pub fn mode(&self) -> egui::Theme {
        if *self == DARK { egui::Theme::Dark } else { egui::Theme::Light }
    }

    fn of_mode(dark_mode: bool) -> &'static Self {
        if dark_mode { &DARK } else { &LIGHT }
    }

    fn visuals(&self, mut visuals: egui::Visuals) -> egui::Visuals {
        visuals.panel_fill = self.panel;
        visuals.window_fill = self.raised;
        visuals.window_stroke = Stroke::new(1.0, self.line);
        visuals.extreme_bg_color = self.background;
        visuals.text_edit_bg_color = Some(self.background);
        visuals.faint_bg_color = self.raised;
        visuals.code_bg_color = self.background;
        visuals.hyperlink_color = self.accent;
        visuals.warn_fg_color = self.quantized;
        visuals.error_fg_color = self.bad;
        visuals.weak_text_color = Some(self.hint);
        visuals.window_corner_radius = CornerRadius::same(6);
        visuals.menu_corner_radius = CornerRadius::same(6);
        visuals.selection.bg_fill = self.selected;
        visuals.selection.stroke = Stroke::new(1.0, self.accent);
        visuals.slider_trailing_fill = true;
        visuals.striped = false;
        let widgets = &mut visuals.widgets;
        for widget in [
            &mut widgets.noninteractive,
            &mut widgets.inactive,
            &mut widgets.hovered,
            &mut widgets.active,
            &mut widgets.open,
        ] {
            widget.corner_radius = CornerRadius::same(4);
            widget.expansion = 0.0;
        }
        widgets.noninteractive.bg_fill = self.panel;
        widgets.noninteractive.bg_stroke = Stroke::new(1.0, self.line);
        widgets.noninteractive.fg_stroke = Stroke::new(1.0, self.label);
        for (widget, fill, border, ink) in [
            (&mut widgets.inactive, self.raised, self.line_strong, self.text),
            (&mut widgets.hovered, self.hover, self.hint, self.text),
            (&mut widgets.active, self.selected, self.accent, self.text),
            (&mut widgets.open, self.hover, self.accent, self.text),
        ] {
            widget.bg_fill = fill;
            widget.weak_bg_fill = fill;
            widget.bg_stroke = Stroke::new(1.0, border);
            widget.fg_stroke = Stroke::new(1.0, ink);
        }
        visuals
    }
}

/// The colours of a theme.
pub fn of(theme: egui::Theme) -> &'static Theme {
    Theme::of_mode(theme == egui::Theme::Dark)
}

/// Gives a context the fonts and both themes' styles.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts::definitions());
    for (theme, base, colours) in [
        (egui::Theme::Dark, egui::Visuals::dark(), &DARK),
        (egui::Theme::Light, egui::Visuals::light(), &LIGHT),
    ] {
        ctx.style_mut_of(theme, |style| {
            style.visuals = colours.visuals(base);
            style.text_styles = [
                (TextStyle::Heading, FontId::new(14.0, fonts::semibold())),
                (TextStyle::Body, FontId::new(12.0, FontFamily::Proportional)),
                (TextStyle::Button, FontId::new(12.0, FontFamily::Proportional)),
                (TextStyle::Small, FontId::new(11.0, FontFamily::Proportional)),
                (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
            ]
            .into();
            style.drag_value_text_style = TextStyle::Monospace;
            style.interaction.selectable_labels = false;
            style.interaction.tooltip_delay = 0.4;
            style.animation_time = 0.06;
            style.spacing.item_spacing = vec2(8.0, 4.0);
            style.spacing.button_padding = vec2(8.0, 3.0);
            style.spacing.interact_size = vec2(24.0, CONTROL_HEIGHT);
            style.spacing.menu_margin = Margin::same(6);
            style.spacing.slider_width = 80.0;
            style.spacing.combo_width = 120.0;
            style.spacing.tooltip_width = 340.0;
        });
    }
}

/// Sliders in `ui` look like what is acted on: a narrow handle with the accent around it, and the
/// accent up to it.
pub fn slider_look(ui: &mut egui::Ui) {
    let accent = Theme::of(ui).accent;
    ui.spacing_mut().slider_rail_height = 6.0;
    let visuals = ui.visuals_mut();
    visuals.handle_shape = egui::style::HandleShape::Rect { aspect_ratio: 0.5 };
    visuals.selection.bg_fill = accent;
    let widgets = &mut visuals.widgets;
    for widget in [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active] {
        widget.fg_stroke = Stroke::new(1.5, accent);
    }
}

/// Mono of a size: for every number.
pub fn mono(size: f32) -> FontId {
    FontId::new(size, FontFamily::Monospace)
}

/// Semibold of a size: for titles.
pub fn title(size: f32) -> FontId {
    FontId::new(size, fonts::semibold())
}

/// Plain text of a size.
pub fn text(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}
