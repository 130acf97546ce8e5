//! Which channel the curve is of.

use egui::{DragValue, RichText, Ui};
use egui_material_icons::icons;

use crate::base::thousands;
use crate::eval::LayerError;
use crate::session::Command;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::Theme;
use crate::ui::widgets::{icon_button, name_it};

/// All channels or one, from right to left; nothing for a layer with one channel.
pub(super) fn chooser_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let selection = ctx.session.selection();
    let error = ctx.session.layer_error(selection.layer_idx);
    let whole = error.shown_if(LayerError::has_channels);
    let n_channels = whole.map_or(0, |error| error.channels.len());
    if n_channels < 2 {
        return;
    }
    ui.spacing_mut().item_spacing.x = 4.0;
    // 0 stands for the whole tensor, so that one drag reaches everything.
    let now = selection.channel_idx.map_or(0, |idx| idx + 1).min(n_channels);
    let mut position = now;
    if icon_button(ui, icons::ICON_CHEVRON_RIGHT, "Next channel").clicked() {
        position = (now + 1).min(n_channels);
    }
    let field = DragValue::new(&mut position)
        .range(0..=n_channels)
        .speed(0.1)
        .custom_formatter(move |n, _| match n < 1.0 {
            true => format!("all {}", thousands(n_channels)),
            false => format!("{:.0}", n - 1.0),
        })
        .custom_parser(|text| match text.trim() {
            text if text.starts_with("all") => Some(0.0),
            text => text.parse::<f64>().ok().map(|n| n + 1.0),
        });
    let field = ui.add(field);
    name_it(&field, "Channel");
    field.on_hover_text("The curve of all channels as one, or of one channel");
    if icon_button(ui, icons::ICON_CHEVRON_LEFT, "Previous channel").clicked() {
        position = now.saturating_sub(1);
    }
    ui.label(RichText::new("Channel").color(Theme::of(ui).label));
    if position != now {
        ctx.send(Command::SelectChannel(position.checked_sub(1)));
    }
}
