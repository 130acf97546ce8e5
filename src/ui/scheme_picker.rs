//! The choice of a scheme: a button that opens a list by family, found by typing or by arrows.

use egui::text::LayoutJob;
use egui::{
    Align2, Button, Frame, Key, Modifiers, Popup, PopupCloseBehavior, Rect, Response, RichText,
    ScrollArea, Sense, Ui, Vec2, WidgetInfo, accesskit, pos2, vec2,
};
use egui_material_icons::icons;

use super::theme::{self, Theme};
use super::widgets::{combo_icon, icon_at, name_it};
use crate::base::{fixed, interval};
use crate::quant::schemes::SCHEMES;
use crate::quant::{Family, QuantScheme};

type Scheme = &'static dyn QuantScheme;

/// A button that shows a scheme and opens the list of all.
pub struct SchemePicker<'a> {
    /// Name for screen readers.
    pub name: &'a str,
    /// What stands on the button.
    pub text: &'a str,
    /// `None` where the selected layers have different ones.
    pub current: Option<Scheme>,
    pub width: f32,
}

/// What was typed into the open list, and what Enter takes.
#[derive(Clone, Default)]
struct Search {
    text: String,
    /// Place among the schemes that match.
    chosen: usize,
}

const LIST_WIDTH: f32 = 400.0;
const MAX_LIST_HEIGHT: f32 = 460.0;
const LINE_HEIGHT: f32 = 40.0;
const HEADING_HEIGHT: f32 = 24.0;
/// Lines that Page Up and Page Down go.
const PAGE: usize = 8;

impl SchemePicker<'_> {
    /// Draws the button, and the list while it is open; the scheme that was taken, if another.
    pub fn ui(self, ui: &mut Ui) -> Option<Scheme> {
        // The room of the arrow, which is drawn as on every list.
        let room = RichText::new("   ").font(theme::mono(12.0));
        let button = Button::new(self.text).truncate().right_text(room);
        let response = ui.add_sized([self.width, theme::CONTROL_HEIGHT], button);
        let arrow = Rect::from_center_size(
            response.rect.right_center() - vec2(14.0, 0.0),
            Vec2::splat(14.0),
        );
        combo_icon(ui, arrow, ui.style().interact(&response), false);
        let popup = Popup::from_toggle_button_response(&response);
        let popup_id = popup.get_id();
        response.ctx.accesskit_node_builder(response.id, |node| {
            node.set_role(accesskit::Role::ComboBox);
            node.set_label(self.name);
            node.set_value(self.text);
        });
        let was_open = ui.data(|data| data.get_temp::<Search>(popup_id)).is_some();
        let room = ui.ctx().content_rect().size();
        let shown = popup
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .frame(Frame::popup(ui.style()).inner_margin(8))
            .width(LIST_WIDTH.min(room.x - 40.0))
            .accessible_name("Schemes")
            .show(|ui| {
                ui.set_width(LIST_WIDTH.min(room.x - 40.0));
                let kept = ui.data(|data| data.get_temp::<Search>(popup_id));
                let mut search = kept.unwrap_or_else(|| Search::at(self.current));
                let taken = list_ui(ui, &mut search, self.current);
                ui.data_mut(|data| data.insert_temp(popup_id, search));
                if taken.is_some() {
                    ui.close();
                }
                taken
            });
        let taken = shown.and_then(|shown| shown.inner);
        if was_open && !Popup::is_id_open(ui.ctx(), popup_id) {
            ui.data_mut(|data| data.remove::<Search>(popup_id));
            // The keyboard goes on from where it was.
            response.request_focus();
        }
        taken.filter(|taken| self.current.is_none_or(|current| current.id() != taken.id()))
    }
}

impl Search {
    /// Nothing typed yet, at the scheme that is set.
    fn at(current: Option<Scheme>) -> Self {
        let place = found("").iter().position(|s| current.is_some_and(|c| c.id() == s.id()));
        Self { text: String::new(), chosen: place.unwrap_or(0) }
    }
}

/// The schemes that match, family by family.
fn found(search: &str) -> Vec<Scheme> {
    let search = search.to_lowercase();
    let matches = |scheme: &Scheme| {
        let text = format!(
            "{} {} {} {} {} {}",
            scheme.id(),
            scheme.name(),
            scheme.family().name(),
            scheme.summary(),
            scheme.source(),
            bits_text(*scheme)
        )
        .to_lowercase();
        search.split_whitespace().all(|word| text.contains(word))
    };
    let of_family = |family| SCHEMES.iter().copied().filter(move |s| s.family() == family);
    Family::ALL.into_iter().flat_map(of_family).filter(matches).collect()
}

/// The match that is most likely meant: its name begins as what was typed.
fn likeliest(schemes: &[Scheme], search: &str) -> usize {
    let search = search.trim().to_lowercase();
    let begins = |scheme: &Scheme| {
        scheme.id().starts_with(&search) || scheme.name().to_lowercase().starts_with(&search)
    };
    let is_it = |scheme: &Scheme| scheme.id() == search;
    let exact = schemes.iter().position(is_it);
    exact.or_else(|| schemes.iter().position(begins)).unwrap_or(0)
}

/// `4 bits`, `2–16 bits`; empty where it depends on the settings.
fn bits_text(scheme: Scheme) -> String {
    let text = |bits: f64| {
        let decimals = (0..3).find(|d| (bits * 10f64.powi(*d)).fract().abs() < 1e-9).unwrap_or(3);
        fixed(bits, decimals as usize)
    };
    match scheme.bits_per_weight() {
        None => String::new(),
        Some((least, most)) if least == most => format!("{} bits", text(least)),
        Some((least, most)) => format!("{} bits", interval(&text(least), &text(most))),
    }
}

/// The sentence without its formula, which the tooltip has.
fn description(scheme: Scheme) -> &'static str {
    let summary = scheme.summary();
    summary.split_once(": ").map_or(summary, |(sentence, _)| sentence).trim_end_matches('.')
}

fn list_ui(ui: &mut Ui, search: &mut Search, current: Option<Scheme>) -> Option<Scheme> {
    let moved = moved_by_keys(ui);
    let field = egui::TextEdit::singleline(&mut search.text)
        .hint_text("Find a scheme, a family or “4 bits”")
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    name_it(&response, "Search schemes");
    let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if !response.has_focus() && !ui.input(|input| input.key_pressed(Key::Escape)) {
        response.request_focus();
    }
    let schemes = found(&search.text);
    if response.changed() {
        search.chosen = likeliest(&schemes, &search.text);
    }
    let last = schemes.len().saturating_sub(1);
    search.chosen = search.chosen.min(last).saturating_add_signed(moved).min(last);
    let is_new = ui.is_sizing_pass();
    let is_moved = moved != 0 || is_new || response.changed();
    ui.add_space(4.0);
    if schemes.is_empty() {
        let text = format!("No scheme matches “{}”", search.text);
        ui.label(RichText::new(text).color(Theme::of(ui).hint));
        return None;
    }
    let height = (ui.ctx().content_rect().height() - 120.0).clamp(80.0, MAX_LIST_HEIGHT);
    let mut taken = is_entered.then(|| schemes.get(search.chosen).copied()).flatten();
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut family = None;
        for (place, &scheme) in schemes.iter().enumerate() {
            if family != Some(scheme.family()) {
                family = Some(scheme.family());
                heading_ui(ui, scheme.family());
            }
            let is_current = current.is_some_and(|current| current.id() == scheme.id());
            let response = line_ui(ui, scheme, (place == search.chosen, is_current));
            if place == search.chosen && is_moved {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                taken = Some(scheme);
            }
        }
    });
    taken
}

/// How many lines the keys pressed go.
fn moved_by_keys(ui: &mut Ui) -> isize {
    let page = PAGE as isize;
    let keys =
        [(Key::ArrowDown, 1), (Key::ArrowUp, -1), (Key::PageDown, page), (Key::PageUp, -page)];
    let count = |key| ui.input_mut(|i| i.count_and_consume_key(Modifiers::NONE, key)) as isize;
    keys.into_iter().map(|(key, n_lines)| count(key) * n_lines).sum()
}

fn heading_ui(ui: &mut Ui, family: Family) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), HEADING_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let place = rect.left_bottom() + vec2(8.0, -5.0);
    let font = theme::title(11.0);
    ui.painter().text(place, Align2::LEFT_BOTTOM, family.name(), font, theme.hint);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, family.name()));
    response.on_hover_text(family.help());
}

/// Name and bits over the description.
fn line_ui(ui: &mut Ui, scheme: Scheme, (is_chosen, is_current): (bool, bool)) -> Response {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), LINE_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK);
    response
        .widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_current, scheme.name()));
    if is_chosen || response.hovered() {
        let fill = if is_chosen { theme.selected } else { theme.hover };
        ui.painter().rect_filled(rect, 4, fill);
    }
    if is_current {
        let place = rect.left_top() + vec2(14.0, 12.0);
        icon_at(ui, place, icons::ICON_CHECK.rich_text().color(theme.accent));
    }
    let left = rect.left() + 28.0;
    let right = rect.right() - 10.0;
    let top = rect.top() + 12.0;
    let painter = ui.painter();
    let bits = painter.layout_no_wrap(bits_text(scheme), theme::mono(11.0), theme.label);
    let room = right - left - bits.size().x - 12.0;
    painter.galley(pos2(right - bits.size().x, top - bits.size().y / 2.0), bits, theme.label);
    let line = |text: &str, (font, ink), (y, width): (f32, f32)| {
        let mut job = LayoutJob::simple_singleline(text.to_owned(), font, ink);
        job.wrap = egui::text::TextWrapping::truncate_at_width(width);
        let galley = painter.layout_job(job);
        painter.galley(pos2(left, y - galley.size().y / 2.0), galley, ink);
    };
    line(scheme.name(), (theme::text(12.0), theme.text), (top, room));
    line(description(scheme), (theme::text(11.0), theme.label), (rect.top() + 28.0, right - left));
    response.on_hover_ui(|ui| {
        ui.label(scheme.summary());
        ui.label(RichText::new(scheme.source()).color(theme.hint));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_is_found_by_its_id_its_name_and_its_family() {
        for &scheme in SCHEMES {
            for search in [scheme.id(), scheme.name()] {
                let schemes = found(search);
                let chosen = schemes[likeliest(&schemes, search)];
                assert_eq!(chosen.id(), scheme.id(), "searched for {search}");
            }
            let family = found(scheme.family().name());
            assert!(family.iter().any(|found| found.id() == scheme.id()), "{}", scheme.id());
        }
        assert_eq!(found("").len(), SCHEMES.len(), "every family is in the list");
        assert!(found("no such scheme").is_empty());
    }

    #[test]
    fn a_description_is_a_sentence_without_formula() {
        for &scheme in SCHEMES {
            let text = description(scheme);
            assert!(!text.is_empty() && !text.contains('='), "{}: {text}", scheme.id());
        }
    }

    #[test]
    fn bits_are_written_with_the_decimals_they_have() {
        assert_eq!(bits_text(&crate::quant::schemes::int::Int), "2–16 bits");
        assert_eq!(bits_text(&crate::quant::schemes::float::Float), "32 bits");
    }
}
