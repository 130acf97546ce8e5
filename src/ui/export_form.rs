//! The choice of a format to export to: what each holds, how large its file will be, and what
//! becomes of layers that it cannot hold.

use std::path::{Path, PathBuf};

use egui::{Align, Layout, RichText, ScrollArea, Sense, Ui, WidgetInfo, vec2};
use egui_material_icons::icons;

use super::path_field::{PathField, PathKind};
use super::theme::{self, Theme};
use super::widgets::region;
use crate::base::{bytes, counted, thousands};
use crate::eval::Unfit;
use crate::formats::{WRITERS, Writer};
use crate::session::{Command, ExportAsk, ExportPlan, Loaded, Session};

/// What is written: the recipe alone, or the model in a format.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Recipe,
    Model(&'static Writer),
}

impl Format {
    fn all() -> impl Iterator<Item = Self> {
        WRITERS.iter().map(|writer| Self::Model(writer)).chain([Self::Recipe])
    }

    /// What is chosen at first: the format that holds every scheme.
    pub fn first() -> Self {
        let writer = WRITERS.iter().find(|writer| writer.id == "safetensors");
        writer.map_or(Self::Recipe, |writer| Self::Model(writer))
    }

    fn is(self, other: Self) -> bool {
        self.name() == other.name()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Recipe => "Recipe (JSON)",
            Self::Model(writer) => writer.name,
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Recipe => "json",
            Self::Model(writer) => writer.extension,
        }
    }

    fn holds(self) -> String {
        match self {
            Self::Recipe => {
                "How each layer is quantized, without weights; Quantscope opens it again".to_owned()
            }
            Self::Model(writer) => format!("Holds {}", writer.holds),
        }
    }
}

/// The form, with what is known of the format that is chosen.
pub(super) struct ExportForm {
    format: Format,
    unfit: Unfit,
    recipe_bytes: Option<u64>,
    /// Whether the system may have a dialog for files.
    can_browse: bool,
    state: State,
}

/// Whether the format that is chosen can be written.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Ready,
    /// Looking what it can hold.
    Checking,
    Refused(String),
}

const ROW_HEIGHT: f32 = 44.0;
const SIZE_WIDTH: f32 = 170.0;
const UNFIT_HEIGHT: f32 = 92.0;

impl ExportForm {
    pub fn new(session: &Session, can_browse: bool) -> Self {
        Self {
            format: Format::first(),
            unfit: Unfit::Refused,
            recipe_bytes: session.recipe_bytes(),
            can_browse,
            state: State::Checking,
        }
    }

    pub fn extension(&self) -> &'static str {
        self.format.extension()
    }

    pub fn can_browse(&self) -> bool {
        self.can_browse
    }

    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// What writes it.
    pub fn command(&self, path: PathBuf) -> Command {
        match self.format {
            Format::Recipe => Command::SaveRecipe(path),
            Format::Model(writer) => {
                Command::Export(ExportAsk { format: writer.id, path, unfit: self.unfit })
            }
        }
    }

    /// Draws formats and what is to be decided; another format gives the path another ending.
    pub fn ui(&mut self, ui: &mut Ui, session: &Session, field: &mut PathField) {
        let plans: Vec<(Format, Option<Loaded<ExportPlan>>)> =
            Format::all().map(|format| (format, plan_of(session, format))).collect();
        ui.spacing_mut().item_spacing.y = 2.0;
        for (format, plan) in &plans {
            let size = match format {
                Format::Recipe => SizeText::Known(self.recipe_bytes.unwrap_or(0), 0),
                Format::Model(_) => SizeText::of(plan.as_ref()),
            };
            let is_chosen = self.format.is(*format);
            if format_ui(ui, *format, &size, is_chosen) && !is_chosen {
                self.format = *format;
                self.unfit = Unfit::Refused;
                rename(field, *format);
            }
        }
        let chosen = plans.iter().find(|(format, _)| format.is(self.format));
        let plan = chosen.and_then(|(_, plan)| plan.as_ref());
        if let Some(plan) = plan.and_then(Loaded::ready) {
            self.unfit_ui(ui, plan);
        }
        self.state = self.state_of(plan);
    }

    fn state_of(&self, plan: Option<&Loaded<ExportPlan>>) -> State {
        match plan {
            None => State::Ready,
            Some(Loaded::Pending { .. }) => State::Checking,
            Some(Loaded::Failed(reason)) => State::Refused(reason.clone()),
            Some(Loaded::Ready(plan)) => match (&plan.refusal, plan.unfit.len(), self.unfit) {
                (Some(reason), ..) => State::Refused(reason.clone()),
                (None, 0, _) | (None, _, Unfit::KeptFloat) => State::Ready,
                (None, n, Unfit::Refused) => State::Refused(format!(
                    "{} cannot be held as set; keep them in float, or choose another format",
                    counted(n, "layer")
                )),
            },
        }
    }

    /// The layers that do not fit, why, and whether they may stay in float.
    fn unfit_ui(&mut self, ui: &mut Ui, plan: &ExportPlan) {
        let theme = Theme::of(ui);
        if plan.unfit.is_empty() {
            return;
        }
        ui.add_space(8.0);
        let n = counted(plan.unfit.len(), "layer");
        ui.horizontal(|ui| {
            ui.label(icons::ICON_WARNING.rich_text().size(15.0).color(theme.quantized));
            let text = format!("{n} cannot be held as set:");
            ui.label(RichText::new(text).color(theme.text));
        });
        let row_height = 18.0;
        let list = ScrollArea::vertical().id_salt("unfit").max_height(UNFIT_HEIGHT);
        list.auto_shrink([false, true]).show_rows(ui, row_height, plan.unfit.len(), |ui, rows| {
            for unfit in plan.unfit.get(rows).unwrap_or_default() {
                let text = format!("{}: {}", unfit.name, unfit.reason);
                let label = RichText::new(&text).color(theme.label);
                ui.add(egui::Label::new(label).truncate()).on_hover_text(text);
            }
        });
        let mut keeps = self.unfit == Unfit::KeptFloat;
        let help =
            "They are written as floats; the others stay quantized. The size above counts them so";
        let response = ui.checkbox(&mut keeps, "Keep these in float").on_hover_text(help);
        if response.changed() {
            self.unfit = if keeps { Unfit::KeptFloat } else { Unfit::Refused };
        }
    }

    /// Why the button is disabled.
    pub fn why_not_ui(&self, ui: &mut Ui) {
        let theme = Theme::of(ui);
        match &self.state {
            State::Ready => {}
            State::Checking => {
                ui.spinner();
                ui.label("Looking what it can hold…");
            }
            State::Refused(reason) => {
                let text = RichText::new(format!("✕ {reason}")).color(theme.bad);
                ui.add(egui::Label::new(text).truncate()).on_hover_text(reason);
            }
        }
    }
}

fn plan_of(session: &Session, format: Format) -> Option<Loaded<ExportPlan>> {
    match format {
        Format::Recipe => None,
        Format::Model(writer) => Some(session.export_plan(writer.id)),
    }
}

/// The name in the field with the ending of another format.
fn rename(field: &mut PathField, format: Format) {
    let text = field.text().to_owned();
    let endings = Format::all().map(Format::extension);
    let stem = endings
        .filter_map(|ending| text.strip_suffix(&format!(".{ending}")))
        .next()
        .unwrap_or(&text);
    let has_name = Path::new(stem).file_name().is_some() && !stem.ends_with('/');
    let kind = PathKind::Export(format.extension());
    let name = if has_name { format!("{stem}.{}", format.extension()) } else { text.clone() };
    field.rename(kind, name);
}

/// How large a file will be, in words.
enum SizeText {
    /// Bytes, and how many layers stay in float.
    Known(u64, usize),
    Awaited,
    Refused(String),
}

impl SizeText {
    fn of(plan: Option<&Loaded<ExportPlan>>) -> Self {
        match plan {
            None | Some(Loaded::Pending { .. }) => Self::Awaited,
            Some(Loaded::Failed(reason)) => Self::Refused(reason.clone()),
            Some(Loaded::Ready(plan)) => match (plan.n_bytes, &plan.refusal) {
                (Some(n_bytes), _) => Self::Known(n_bytes, plan.unfit.len()),
                (None, reason) => Self::Refused(reason.clone().unwrap_or_default()),
            },
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Known(n_bytes, _) => bytes(*n_bytes),
            Self::Awaited => "size being computed".to_owned(),
            Self::Refused(reason) => reason.clone(),
        }
    }
}

/// A format with what it holds and its size; whether it was clicked.
fn format_ui(ui: &mut Ui, format: Format, size: &SizeText, is_chosen: bool) -> bool {
    let theme = Theme::of(ui);
    let room = vec2(ui.available_width(), ROW_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(room, Sense::click());
    response.widget_info(|| {
        let name = format!("Export as {}: {}", format.name(), size.words());
        WidgetInfo::selected(egui::Role::RadioButton, true, is_chosen, name)
    });
    let fill = match (is_chosen, response.hovered()) {
        (true, _) => theme.selected,
        (false, true) => theme.hover,
        (false, false) => theme.panel,
    };
    let border = if is_chosen { theme.accent } else { theme.line };
    let stroke = egui::Stroke::new(1.0, border);
    ui.painter().rect(rect, 4, fill, stroke, egui::StrokeKind::Inside);
    let inner = rect.shrink2(vec2(10.0, 4.0));
    let (text, right) = inner.split_left_right_at_x(inner.right() - SIZE_WIDTH);
    region(ui, text, format.name(), |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.horizontal(|ui| {
            let icon = match is_chosen {
                true => icons::ICON_RADIO_BUTTON_CHECKED,
                false => icons::ICON_RADIO_BUTTON_UNCHECKED,
            };
            let ink = if is_chosen { theme.accent } else { theme.hint };
            ui.spacing_mut().interact_size.y = 17.0;
            ui.label(icon.rich_text().size(14.0).color(ink));
            let name = RichText::new(format.name()).font(theme::title(12.0)).color(theme.text);
            ui.label(name);
            ui.label(RichText::new(format!(".{}", format.extension())).color(theme.hint));
        });
        let holds = format.holds();
        let label = RichText::new(&holds).color(theme.label);
        ui.add(egui::Label::new(label).truncate()).on_hover_text(holds);
    });
    region(ui, right, "size", |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| size_ui(ui, size));
    });
    response.clicked()
}

fn size_ui(ui: &mut Ui, size: &SizeText) {
    let theme = Theme::of(ui);
    match size {
        SizeText::Awaited => drop(ui.spinner()),
        SizeText::Refused(reason) => {
            let text = RichText::new("✕ cannot hold it").color(theme.bad);
            ui.label(text).on_hover_text(reason);
        }
        SizeText::Known(n_bytes, n_unfit) => {
            let exact = usize::try_from(*n_bytes).unwrap_or(usize::MAX);
            let help = format!("Exactly {} bytes", thousands(exact));
            let text = RichText::new(bytes(*n_bytes)).font(theme::mono(13.0)).color(theme.text);
            ui.label(text).on_hover_text(help);
            if *n_unfit > 0 {
                let text = format!("{} in float", thousands(*n_unfit));
                ui.label(RichText::new(text).color(theme.quantized))
                    .on_hover_text("Layers that it cannot hold as they are set");
            }
        }
    }
}
