//! Docked panels: tabs that are dragged, split and resized, and arrangements to start from.

use std::collections::BTreeMap;

use egui::{Color32, Rect, Response, Sense, Stroke, Style, Ui, Visuals, WidgetInfo, WidgetText};
use egui_tiles::{
    Behavior, Container, EditAction, ResizeState, SimplificationOptions, TabState, Tabs, Tile,
    TileId, Tiles, Tree, UiResponse,
};
use serde::{Deserialize, Serialize};

use super::arrangement::arranged;
use super::export::{self, PanelPicture};
use super::panel::{PANELS, Panel, PanelCtx, PanelEntry, Place, UiCommand, find_panel};
use super::theme::{self, Theme};
use super::widgets::icon_menu;

/// An arrangement to start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preset {
    /// Everything at hand: layers, the views as tabs, settings.
    #[default]
    Explore,
    /// The bench: bits of every layer, what they cost and what was tried under them, the budget.
    Allocate,
    /// One picture and its settings, large.
    Teach,
}

impl Preset {
    pub const ALL: [Self; 3] = [Self::Explore, Self::Allocate, Self::Teach];

    pub fn name(self) -> &'static str {
        match self {
            Self::Explore => "Explore",
            Self::Allocate => "Bench",
            Self::Teach => "Teach",
        }
    }

    pub fn help(self) -> &'static str {
        match self {
            Self::Explore => "Layers on the left, the views as tabs, settings on the right",
            Self::Allocate => {
                "Bits as bars, sensitivity and recipes tried below, budget, rules and hints on the right"
            }
            Self::Teach => "One picture and its settings, as large as the window allows",
        }
    }
}

/// What is stored of an arrangement.
#[derive(Serialize, Deserialize)]
struct Stored {
    preset: Preset,
    resized: bool,
    tree: Tree<String>,
    /// What panels keep of their views, by panel.
    #[serde(default)]
    views: BTreeMap<String, String>,
}

/// Where the panels stand.
pub struct Dock {
    tree: Tree<String>,
    preset: Preset,
    /// A person has set widths; until then they follow the window.
    resized: bool,
    /// The panel that has the whole room for now.
    enlarged: Option<&'static str>,
    /// Whether there was only one panel from the start.
    is_of_one: bool,
    /// The panel a picture is to be taken of.
    pictured: Option<&'static str>,
    /// Panels were moved, resized or brought to the front since that was last asked, or their views
    /// changed.
    is_changed: bool,
    /// What panels keep of their views, by panel.
    views: BTreeMap<String, String>,
    /// The views were stored and wait for the panels to take them up.
    brings_views: bool,
}

/// The panels there are, by id.
pub(super) type Panels = BTreeMap<&'static str, Box<dyn Panel>>;

impl Dock {
    pub fn new(preset: Preset) -> Self {
        Self {
            tree: arranged(preset),
            preset,
            resized: false,
            enlarged: None,
            is_of_one: false,
            pictured: None,
            is_changed: true,
            views: BTreeMap::new(),
            brings_views: false,
        }
    }

    /// One panel alone.
    pub fn of_one(id: &'static str) -> Self {
        Self { enlarged: Some(id), is_of_one: true, ..Self::new(Preset::default()) }
    }

    /// An arrangement that was stored; panels that are gone are left out.
    pub fn from_text(text: &str) -> Option<Self> {
        let Stored { preset, resized, mut tree, views } = serde_json::from_str(text).ok()?;
        let unknown: Vec<TileId> = tree
            .tiles
            .iter()
            .filter(|(_, tile)| matches!(tile, Tile::Pane(id) if find_panel(id).is_none()))
            .map(|(tile_id, _)| *tile_id)
            .collect();
        for tile_id in unknown {
            tree.remove_recursively(tile_id);
        }
        (!tree.is_empty()).then(|| Self {
            tree,
            resized,
            is_changed: false,
            views,
            brings_views: true,
            ..Self::new(preset)
        })
    }

    /// The arrangement as text to be stored.
    pub fn to_text(&self) -> String {
        let Self { preset, resized, .. } = *self;
        let (tree, views) = (self.tree.clone(), self.views.clone());
        let stored = Stored { preset, resized, tree, views };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// The arrangement, if it changed since the last call.
    pub fn take_changed(&mut self) -> Option<String> {
        std::mem::take(&mut self.is_changed).then(|| self.to_text())
    }

    pub fn arrange(&mut self, preset: Preset) {
        *self = Self::new(preset);
    }

    /// Back to the arrangement this one began as.
    pub fn reset(&mut self) {
        self.arrange(self.preset);
    }

    pub fn is_shown(&self, id: &str) -> bool {
        self.tree.tiles.find_pane(&id.to_owned()).is_some()
    }

    /// Brings a panel to the front, back into the arrangement if it was closed.
    pub fn show(&mut self, id: &'static str) {
        self.is_changed = true;
        if self.enlarged.is_some_and(|enlarged| enlarged != id) {
            self.enlarged = None;
        }
        let pane = id.to_owned();
        if self.tree.tiles.find_pane(&pane).is_none() {
            self.add(id);
        }
        self.tree.make_active(|_, tile| matches!(tile, Tile::Pane(found) if *found == pane));
    }

    pub fn close(&mut self, id: &str) {
        self.is_changed = true;
        if self.enlarged == Some(id) {
            self.enlarged = None;
        }
        if let Some(tile_id) = self.tree.tiles.find_pane(&id.to_owned()) {
            self.tree.remove_recursively(tile_id);
        }
    }

    /// Gives a panel the whole room, or back what it had.
    pub fn toggle_enlarged(&mut self, id: &'static str) {
        self.enlarged = if self.enlarged == Some(id) { None } else { Some(id) };
    }

    /// Gives the enlarged panel back what it had; a window of one panel keeps it.
    pub fn leave_enlarged(&mut self) {
        if !self.is_of_one {
            self.enlarged = None;
        }
    }

    /// Takes a picture of a panel when it is drawn next.
    pub fn take_picture_of(&mut self, id: &'static str) {
        self.pictured = Some(id);
    }

    /// Where a panel that is in front stands.
    pub fn rect_of(&self, id: &str) -> Option<Rect> {
        let tile_id = self.tree.tiles.find_pane(&id.to_owned())?;
        let is_in_front = self.tree.active_tiles().contains(&tile_id);
        is_in_front.then(|| self.tree.tiles.rect(tile_id)).flatten()
    }

    /// Among its kind, else as a column of its own.
    fn add(&mut self, id: &'static str) {
        let place = find_panel(id).map_or(Place::Centre, |entry| entry.place);
        let pane = self.tree.tiles.insert_pane(id.to_owned());
        let neighbour = PANELS
            .iter()
            .filter(|entry| entry.place == place && entry.id != id)
            .find_map(|entry| {
                let tile_id = self.tree.tiles.find_pane(&entry.id.to_owned())?;
                self.tree.tiles.parent_of(tile_id)
            });
        let root = self.tree.root();
        let target = neighbour.and_then(|tabs| self.tree.tiles.get_mut(tabs));
        match (target, root) {
            (Some(Tile::Container(container)), _) => container.add_child(pane),
            (_, Some(root)) => {
                let tabs = self.tree.tiles.insert_tab_tile(vec![pane]);
                let children =
                    if place == Place::Left { vec![tabs, root] } else { vec![root, tabs] };
                let new_root = self.tree.tiles.insert_horizontal_tile(children);
                self.tree.root = Some(new_root);
            }
            (_, None) => self.tree.root = Some(self.tree.tiles.insert_tab_tile(vec![pane])),
        }
    }

    /// Draws the panels that are in front; the picture that was asked for is returned.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        panels: &mut Panels,
        ctx: &PanelCtx,
    ) -> Option<PanelPicture> {
        if std::mem::take(&mut self.brings_views) {
            for (id, panel) in panels.iter_mut() {
                if let Some(text) = self.views.get(*id) {
                    panel.restore_view(text);
                }
            }
        }
        let pictured = self.pictured.take();
        let enlarged = self.enlarged.is_some();
        let mut behavior = DockBehavior { enlarged, pictured, ..DockBehavior::new(panels, ctx) };
        if let Some(id) = self.enlarged {
            let mut alone = Tree::new_tabs(egui::Id::unique("enlarged"), vec![id.to_owned()]);
            alone.ui(&mut behavior, ui);
        } else {
            if !self.resized {
                self.set_widths(ui.available_width());
            }
            self.tree.ui(&mut behavior, ui);
            self.resized |= behavior.resized;
            self.is_changed |= behavior.edited;
        }
        let picture = behavior.picture;
        self.note_views(panels);
        picture
    }

    /// Notes what the panels keep of their views.
    fn note_views(&mut self, panels: &Panels) {
        for (id, panel) in panels {
            let Some(text) = panel.view_text() else { continue };
            if self.views.get(*id) != Some(&text) {
                self.views.insert((*id).to_owned(), text);
                self.is_changed = true;
            }
        }
    }

    /// Side columns grow with the window between a least and a most useful width.
    fn set_widths(&mut self, width: f32) {
        let Some(Tile::Container(Container::Linear(linear))) =
            self.tree.root.and_then(|root| self.tree.tiles.get_mut(root))
        else {
            return;
        };
        let children = linear.children.clone();
        let (left, right) = match (self.preset, children.len()) {
            (Preset::Explore, 3) => ((width * 0.27).clamp(236.0, 560.0), side_width(width)),
            // As it was kept before there was a bench.
            (Preset::Allocate, 3) => ((width * 0.36).clamp(260.0, 860.0), side_width(width)),
            (Preset::Allocate | Preset::Teach, 2) => (0.0, side_width(width)),
            _ => return,
        };
        let middle = (width - left - right).max(200.0);
        let widths =
            if children.len() == 3 { vec![left, middle, right] } else { vec![middle, right] };
        // Shares are about 1 each, as what is dropped beside them gets.
        let mean = widths.iter().sum::<f32>() / widths.len() as f32;
        for (child, width) in children.into_iter().zip(widths) {
            linear.shares.set_share(child, width / mean);
        }
    }
}

/// Of the settings: they take what they need of a small window, so that the views keep the most.
fn side_width(width: f32) -> f32 {
    (width * 0.22).clamp((width * 0.25).clamp(284.0, 320.0), 440.0)
}

struct DockBehavior<'a, 'b> {
    panels: &'a mut Panels,
    ctx: &'a PanelCtx<'b>,
    enlarged: bool,
    resized: bool,
    edited: bool,
    /// The panel a picture is wanted of, and the picture.
    pictured: Option<&'static str>,
    picture: Option<PanelPicture>,
}

impl<'a, 'b> DockBehavior<'a, 'b> {
    fn new(panels: &'a mut Panels, ctx: &'a PanelCtx<'b>) -> Self {
        Self {
            panels,
            ctx,
            enlarged: false,
            resized: false,
            edited: false,
            pictured: None,
            picture: None,
        }
    }
}

impl DockBehavior<'_, '_> {
    fn colours(visuals: &Visuals) -> &'static Theme {
        theme::of(if visuals.dark_mode { egui::Theme::Dark } else { egui::Theme::Light })
    }

    /// Enlarging, and what else can be done with the panel in front.
    fn corner_ui(&self, ui: &mut Ui, entry: &'static PanelEntry) {
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.add_space(6.0);
        let icons = egui_material_icons::icons::ICON_MORE_VERT;
        icon_menu(ui, icons, &format!("More for {}", entry.title), |ui| {
            if let Some(panel) = self.panels.get(entry.id) {
                panel_menu_ui(ui, self.ctx, entry, &**panel);
            }
        });
        let (icon, verb) = if self.enlarged {
            (egui_material_icons::icons::ICON_CLOSE_FULLSCREEN, "Shrink")
        } else {
            (egui_material_icons::icons::ICON_OPEN_IN_FULL, "Enlarge")
        };
        if super::widgets::icon_button(ui, icon, &format!("{verb} {}", entry.title)).clicked() {
            self.ctx.ask(UiCommand::ToggleEnlarged(entry.id));
        }
    }
}

fn panel_menu_ui(ui: &mut Ui, ctx: &PanelCtx, entry: &'static PanelEntry, panel: &dyn Panel) {
    if ui.button("Save picture…").clicked() {
        ctx.ask(UiCommand::SavePicture(entry.id));
    }
    if let Some(table) = panel.table(ctx) {
        if ui.button("Save table…").clicked() {
            ctx.ask(UiCommand::SaveTable(entry.id, table.clone()));
        }
        if ui.button("Copy as CSV").clicked() {
            ui.ctx().copy_text(table.to_csv());
        }
    }
    ui.separator();
    if ui.button("Close panel").clicked() {
        ctx.ask(UiCommand::ClosePanel(entry.id));
    }
}

impl Behavior<String> for DockBehavior<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile_id: TileId, pane: &mut String) -> UiResponse {
        let colours = Theme::of(ui);
        let room = ui.max_rect();
        ui.painter().rect_filled(room, 0, colours.panel);
        ui.spacing_mut().item_spacing.y = 4.0;
        let recording = (self.pictured == Some(pane.as_str())).then(|| export::begin(ui));
        if let Some(panel) = self.panels.get_mut(pane.as_str()) {
            ui.push_id(pane.as_str(), |ui| panel.ui(ui, self.ctx));
        }
        if let Some(recording) = recording {
            self.picture = Some(recording.picture_of(ui, room));
        }
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &String) -> WidgetText {
        let title = find_panel(pane).map_or("", |entry| entry.title);
        egui::RichText::new(title).font(theme::text(13.0)).into()
    }

    /// The panel's name under a line where it is in front, in one place instead of one method a
    /// colour.
    fn tab_ui(
        &mut self,
        tiles: &mut Tiles<String>,
        ui: &mut Ui,
        id: egui::Id,
        tile_id: TileId,
        state: &TabState,
    ) -> Response {
        let title = self.tab_title_for_tile(tiles, tile_id);
        let extend = Some(egui::TextWrapMode::Extend);
        let galley = title.into_galley(ui, extend, f32::INFINITY, theme::text(13.0));
        let spacing = self.tab_title_spacing(ui.visuals());
        let size = egui::vec2(galley.size().x + 2.0 * spacing, ui.available_height());
        let (_, rect) = ui.allocate_space(size);
        let response = ui.interact(rect, id, Sense::click_and_drag());
        response.widget_info(|| {
            WidgetInfo::selected(egui::Role::Button, ui.is_enabled(), state.active, galley.text())
        });
        // What is dragged leaves a gap.
        if ui.is_rect_visible(rect) && !state.is_being_dragged {
            let theme = Theme::of(ui);
            let (fill, ink) = match state.active {
                true => (theme.panel, theme.text),
                false => (theme.background, theme.label),
            };
            ui.painter().rect_filled(rect, 0, fill);
            if state.active {
                // Into the panel below.
                ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, fill));
                let top = rect.with_max_y(rect.top() + 2.0);
                ui.painter().rect_filled(top, 0, theme.accent);
            }
            let place = egui::Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect);
            ui.painter().galley_with_override_text_color(place.min, galley, ink);
        }
        response.on_hover_cursor(self.tab_hover_cursor_icon())
    }

    fn top_bar_right_ui(
        &mut self,
        tiles: &Tiles<String>,
        ui: &mut Ui,
        _tile_id: TileId,
        tabs: &Tabs,
        _scroll_offset: &mut f32,
    ) {
        let active = tabs.active.and_then(|tile_id| tiles.get_pane(&tile_id));
        if let Some(entry) = active.and_then(|id| find_panel(id)) {
            self.corner_ui(ui, entry);
        }
    }

    fn tab_bar_height(&self, _style: &Style) -> f32 {
        theme::BAR_HEIGHT
    }

    fn tab_bar_color(&self, visuals: &Visuals) -> Color32 {
        Self::colours(visuals).background
    }

    fn tab_bar_hline_stroke(&self, visuals: &Visuals) -> Stroke {
        Stroke::new(1.0, Self::colours(visuals).line)
    }

    fn gap_width(&self, _style: &Style) -> f32 {
        1.0
    }

    fn min_size(&self) -> f32 {
        160.0
    }

    fn resize_stroke(&self, style: &Style, state: ResizeState) -> Stroke {
        let colours = Self::colours(&style.visuals);
        match state {
            ResizeState::Idle => Stroke::new(1.0, colours.line),
            ResizeState::Hovering => Stroke::new(2.0, colours.line_strong),
            ResizeState::Dragging => Stroke::new(2.0, colours.accent),
        }
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }

    fn on_edit(&mut self, action: EditAction) {
        self.edited = true;
        self.resized |= matches!(action, EditAction::TileResized | EditAction::TileDropped);
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrangement::OF_BENCH;
    use super::*;

    #[test]
    fn arrangements_come_back_and_hold_every_panel() {
        for preset in Preset::ALL {
            let mut dock = Dock::new(preset);
            for entry in PANELS {
                // What serves the bench stands there; elsewhere it comes when it is asked for.
                let comes_later = preset != Preset::Allocate && OF_BENCH.contains(&entry.id);
                assert_ne!(
                    dock.is_shown(entry.id),
                    comes_later,
                    "{} in {}",
                    entry.id,
                    preset.name()
                );
                dock.close(entry.id);
                assert!(!dock.is_shown(entry.id));
                dock.show(entry.id);
                assert!(dock.is_shown(entry.id));
            }
            let back = Dock::from_text(&dock.to_text()).unwrap();
            assert!(back.preset == preset && PANELS.iter().all(|entry| back.is_shown(entry.id)));
        }
        assert!(Dock::from_text("{}").is_none());
    }

    #[test]
    fn panels_that_are_gone_are_left_out() {
        let text = Dock::new(Preset::Explore).to_text().replace("\"layers\"", "\"of the past\"");
        let dock = Dock::from_text(&text).unwrap();
        assert!(!dock.is_shown("of the past") && dock.is_shown("quantizer"));
    }
}
