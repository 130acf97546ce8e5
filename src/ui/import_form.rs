//! The settings of an import, each with the reason for what was guessed.

use egui::{ComboBox, DragValue, RichText, ScrollArea, Ui, vec2};

use super::import_dialog::name_it;
use super::panel::PanelCtx;
use super::segments::Segments;
use super::theme::{self, Theme};
use super::widgets::combo_icon;
use crate::base::thousands;
use crate::eval::Split;
use crate::eval::import::{
    ClassMapping, Colour, DELIMITERS, Filter, Fit, HeaderRow, ImportSettings, InputForm, Layout,
    RawContent, RawLabels, Scaling, Setting, Table,
};
use crate::session::{Command, ImportDraft, ImportSource, ImportStage};

const LABEL_WIDTH: f32 = 92.0;

/// Draws the form; a change is sent at once.
pub fn form_ui(ui: &mut Ui, draft: &ImportDraft, source: &ImportSource, ctx: &PanelCtx) {
    let mut settings = source.settings.clone();
    ScrollArea::vertical().id_salt("import form").auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - 16.0);
        ui.add_enabled_ui(draft.stage != ImportStage::Saving, |ui| {
            ui.add_space(8.0);
            let mut form = Form { ui, source };
            form.source_ui(&mut settings);
            form.picture_ui(&mut settings);
            form.scaling_ui(&mut settings, draft);
            form.classes_ui(&mut settings);
            form.set_ui(&mut settings);
        });
    });
    if settings != source.settings {
        ctx.send(Command::SetImport(Box::new(settings)));
    }
}

struct Form<'a> {
    ui: &'a mut Ui,
    source: &'a ImportSource,
}

/// A value, its name and its help.
type Choice<T> = (T, String, String);

impl Form<'_> {
    /// Which set of the source, and how it is read.
    fn source_ui(&mut self, settings: &mut ImportSettings) {
        let raw = &self.source.raw;
        if raw.parts.len() > 1 {
            let parts: Vec<Choice<Option<usize>>> =
                raw.parts.iter().enumerate().map(|(idx, part)| plain(Some(idx), part)).collect();
            let help = "Which of the sets in this source";
            self.combo(("Part", help), &parts, &mut settings.read.part_idx);
        }
        if let Some(reason) = self.source.guess.reason(Setting::Source) {
            let label = if raw.parts.len() > 1 { "" } else { "Source" };
            self.note_ui(label, reason);
        }
        match &raw.content {
            RawContent::Table(table) => self.table_ui(table, settings),
            RawContent::Array(..) => {
                let layouts = Layout::ALL.map(|layout| plain(layout, layout.name()));
                let help = "What the dimensions of one stored sample mean";
                self.combo(("Order", help), &layouts, &mut settings.layout);
                self.reason_ui(Setting::Layout);
            }
            RawContent::Pictures(..) => {}
        }
    }

    fn table_ui(&mut self, table: &Table, settings: &mut ImportSettings) {
        let rows = [
            plain(Some(HeaderRow::Names), "Names of columns"),
            plain(Some(HeaderRow::Data), "A sample"),
        ];
        self.combo(("First row", "What the first row holds"), &rows, &mut settings.read.header);
        let marks = DELIMITERS.map(|(mark, name)| plain(Some(mark), name));
        let help = "What stands between two cells";
        self.combo(("Delimiter", help), &marks, &mut settings.read.delimiter);
        let mut columns = vec![plain(None, "None")];
        columns.extend(table.names.iter().enumerate().map(|(idx, name)| plain(Some(idx), name)));
        let help = "The column with the class of each sample, a number or a name";
        self.combo(("Label column", help), &columns, &mut settings.label_column);
        self.reason_ui(Setting::LabelColumn);
        let help = "A column that is neither a number of the sample nor its class, such as a running number";
        self.combo(("Left out", help), &columns, &mut settings.left_out_column);
    }

    /// How pictures come to the network's size and channels.
    fn picture_ui(&mut self, settings: &mut ImportSettings) {
        let InputForm::Picture { n_channels, .. } = self.source.target.form() else { return };
        let is_picture = match &self.source.raw.content {
            RawContent::Pictures(..) => true,
            RawContent::Array(..) => settings.layout != Layout::AsStored,
            RawContent::Table(_) => false,
        };
        if !is_picture {
            return;
        }
        self.segments(
            ("Fit", "How a picture of other sides comes to the network's"),
            &Fit::ALL,
            &mut settings.fit,
        );
        self.segments(
            ("Resampling", "How pixels in between are found"),
            &Filter::ALL,
            &mut settings.filter,
        );
        self.reason_ui(Setting::Size);
        let colours: Vec<_> =
            Colour::ALL.into_iter().filter(|(c, ..)| c.n_channels() == n_channels).collect();
        if colours.len() > 1 {
            self.segments(
                ("Channels", "The channels and their order"),
                &colours,
                &mut settings.colour,
            );
        }
        let label = if colours.len() > 1 { "" } else { "Channels" };
        if let Some(reason) = self.source.guess.reason(Setting::Colour) {
            self.note_ui(label, reason);
        }
    }

    fn scaling_ui(&mut self, settings: &mut ImportSettings, draft: &ImportDraft) {
        // By hand starts with the numbers that hold now.
        let by_hand = match (&settings.scaling, &draft.built) {
            (Scaling::ByHand { .. }, _) => settings.scaling.clone(),
            (_, Some(built)) => {
                Scaling::ByHand { subtract: built.subtract.clone(), divide: built.divide.clone() }
            }
            _ => Scaling::ByHand { subtract: vec![0.0], divide: vec![1.0] },
        };
        let choices = Scaling::all().map(|scaling| {
            let help = scaling_help(&scaling);
            let value = if scaling.name() == by_hand.name() { by_hand.clone() } else { scaling };
            let name = value.name().to_owned();
            (value, name, help.to_owned())
        });
        let help =
            "value = (stored − subtract) / divide; the file keeps the stored numbers and these two";
        self.combo(("Scaling", help), &choices, &mut settings.scaling);
        if let Scaling::ByHand { subtract, divide } = &mut settings.scaling {
            self.numbers("Subtract", subtract);
            self.numbers("Divide by", divide);
        }
        self.reason_ui(Setting::Scaling);
    }

    fn classes_ui(&mut self, settings: &mut ImportSettings) {
        let has_labels = match &self.source.raw.content {
            RawContent::Pictures(_, labels) | RawContent::Array(_, labels) => {
                *labels != RawLabels::None
            }
            RawContent::Table(_) => settings.label_column.is_some(),
        };
        if !has_labels {
            return;
        }
        let choices = ClassMapping::ALL
            .map(|(mapping, name, help)| (mapping, name.to_owned(), help.to_owned()));
        let help = "From a label to the number of the network's output";
        self.combo(("Classes", help), &choices, &mut settings.class_mapping);
        self.reason_ui(Setting::Classes);
    }

    /// What the set is for and how large it is.
    fn set_ui(&mut self, settings: &mut ImportSettings) {
        let splits = [
            (Split::Eval, "Eval", "To judge accuracy on"),
            (Split::Calibration, "Calibration", "To find the ranges of activations"),
            (Split::Train, "Train", "To train with"),
        ];
        self.segments(("Use", "What the samples are for"), &splits, &mut settings.split);
        self.reason_ui(Setting::Split);
        let n_all = self.source.raw.len();
        let mut limit = settings.limit.unwrap_or(n_all).min(n_all);
        self.row(
            "Samples",
            "So many, chosen class by class in equal shares, the same each time",
            |ui| {
                let drag = DragValue::new(&mut limit).range(1..=n_all).speed(10.0);
                let response = ui.add_sized([80.0, theme::CONTROL_HEIGHT], drag);
                name_it(&response, "Samples");
                let text = format!("of {}", thousands(n_all));
                ui.label(RichText::new(text).font(theme::mono(12.0)).color(Theme::of(ui).label));
                if ui.add_enabled(limit < n_all, egui::Button::new("All")).clicked() {
                    limit = n_all;
                }
            },
        );
        settings.limit = (limit < n_all).then_some(limit);
        self.reason_ui(Setting::Limit);
    }

    fn numbers(&mut self, label: &str, list: &mut [f32]) {
        let help = "One number for all values, or one for each channel";
        self.row(label, help, |ui| {
            for (idx, number) in list.iter_mut().enumerate() {
                let drag = DragValue::new(number).speed(0.1).max_decimals(5);
                let response = ui.add_sized([76.0, theme::CONTROL_HEIGHT], drag);
                let name = match idx {
                    0 => label.to_owned(),
                    _ => format!("{label}, channel {}", idx + 1),
                };
                name_it(&response, &name);
            }
        });
    }

    fn combo<T: PartialEq + Clone>(
        &mut self,
        (label, help): (&str, &str),
        choices: &[Choice<T>],
        current: &mut T,
    ) {
        let shown = choices.iter().find(|(value, ..)| value == current);
        let shown = shown.map_or("", |(_, name, _)| name.as_str()).to_owned();
        self.row(label, help, |ui| {
            let combo = ComboBox::from_id_salt(("import", label))
                .icon(combo_icon)
                .selected_text(shown)
                .width(ui.available_width())
                .truncate()
                .show_ui(ui, |ui| {
                    for (value, name, help) in choices {
                        let response = ui.selectable_label(value == current, name);
                        let response =
                            if help.is_empty() { response } else { response.on_hover_text(help) };
                        if response.clicked() {
                            *current = value.clone();
                        }
                    }
                });
            name_it(&combo.response, label);
        });
    }

    fn segments<T: PartialEq + Copy>(
        &mut self,
        (label, help): (&str, &str),
        choices: &[(T, &str, &str)],
        current: &mut T,
    ) {
        self.row(label, help, |ui| {
            let clicked = Segments::new(choices).filling().show(ui, Some(*current));
            *current = clicked.unwrap_or(*current);
        });
    }

    /// A label on the left, a control on the right.
    fn row(&mut self, label: &str, help: &str, control: impl FnOnce(&mut Ui)) {
        let colour = Theme::of(self.ui).label;
        let size = vec2(self.ui.available_width(), theme::FORM_ROW_HEIGHT);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        self.ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_min_height(theme::FORM_ROW_HEIGHT);
            ui.allocate_ui_with_layout(vec2(LABEL_WIDTH, size.y), layout, |ui| {
                ui.set_min_width(LABEL_WIDTH);
                ui.label(RichText::new(label).color(colour)).on_hover_text(help);
            });
            control(ui);
        });
    }

    /// Why that was guessed, under the control.
    fn reason_ui(&mut self, setting: Setting) {
        if let Some(reason) = self.source.guess.reason(setting) {
            self.note_ui("", reason);
        }
    }

    /// A sentence in the column of the controls.
    fn note_ui(&mut self, label: &str, text: &str) {
        let theme = Theme::of(self.ui);
        let width = self.ui.available_width();
        let layout = egui::Layout::left_to_right(egui::Align::TOP);
        self.ui.allocate_ui_with_layout(vec2(width, 0.0), layout, |ui| {
            ui.spacing_mut().interact_size.y = 0.0;
            ui.allocate_ui_with_layout(vec2(LABEL_WIDTH, 0.0), layout, |ui| {
                ui.set_min_width(LABEL_WIDTH);
                ui.label(RichText::new(label).color(theme.label));
            });
            ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).wrap());
        });
        self.ui.add_space(6.0);
    }
}

fn plain<T>(value: T, name: &str) -> Choice<T> {
    (value, name.to_owned(), String::new())
}

fn scaling_help(scaling: &Scaling) -> &'static str {
    match scaling {
        Scaling::AsStored => "The numbers as they are",
        Scaling::Unit => "Divided by 255 for pictures, else from the smallest to the largest value",
        Scaling::Signed => "The same range, around zero",
        Scaling::Standardized => {
            "(x − mean) / standard deviation of each channel, over these samples"
        }
        Scaling::ImageNet => {
            "Mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224, 0.225 of values from 0 to 1"
        }
        Scaling::ByHand { .. } => "Numbers of your own to subtract and divide by",
    }
}
