//! What the network will see of imported data: a few samples, the classes, what was left out.

use std::sync::Arc;

use egui::{ColorImage, Image, RichText, ScrollArea, TextureHandle, TextureOptions, Ui, vec2};

use super::import_dialog::name_it;
use super::theme::{self, Theme};
use super::widgets;
use crate::base::{fixed, interval, significant, thousands};
use crate::eval::import::{Built, Preview, Shown};

/// Pictures are magnified by whole numbers to about this many points.
const TILE: usize = 96;
/// Numbers of a sample that are shown.
const N_COLUMNS: usize = 8;

/// The pictures of one set, uploaded.
#[derive(Default)]
pub struct Textures {
    of: Option<Arc<Built>>,
    handles: Vec<TextureHandle>,
}

impl Textures {
    fn update(&mut self, ui: &Ui, built: &Arc<Built>) {
        if self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, built)) {
            return;
        }
        self.of = Some(Arc::clone(built));
        self.handles.clear();
        let Some((_, height, width)) = built.preview.picture else { return };
        let samples = built.preview.samples.iter().enumerate();
        self.handles.extend(samples.filter(|(_, s)| s.pixels.len() == 3 * height * width).map(
            |(idx, shown)| {
                let image = ColorImage::from_rgb([width, height], &shown.pixels);
                ui.ctx().load_texture(format!("import {idx}"), image, TextureOptions::NEAREST)
            },
        ));
    }
}

/// Draws the right side of the dialog.
pub fn preview_ui(ui: &mut Ui, built: &Arc<Built>, textures: &mut Textures) {
    textures.update(ui, built);
    let decimals = Decimals::of(built);
    ScrollArea::vertical().id_salt("import preview").auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - 8.0);
        let range = decimals.range(built.range);
        widgets::section(ui, "As the network sees them", &format!("values {range}"));
        ui.add_space(4.0);
        match built.preview.picture {
            Some(_) => pictures_ui(ui, &built.preview, decimals, textures),
            None => numbers_ui(ui, &built.preview, decimals),
        }
        if built.preview.picture.is_some() {
            let theme = Theme::of(ui);
            let (lo, hi) = (decimals.shown(built.range.0), decimals.shown(built.range.1));
            let text = format!("Black is {lo}, white is {hi}.");
            ui.label(RichText::new(text).color(theme.hint));
        }
        ui.add_space(8.0);
        classes_ui(ui, built);
        if !built.skipped.is_empty() {
            ui.add_space(8.0);
            skipped_ui(ui, built);
        }
    });
}

/// Decimals that tell the values of a set apart.
#[derive(Clone, Copy)]
struct Decimals(usize);

impl Decimals {
    fn of(built: &Built) -> Self {
        match built.range.1 - built.range.0 {
            width if width > 100.0 => Self(0),
            width if width > 20.0 => Self(1),
            _ => Self(2),
        }
    }

    fn shown(self, value: f32) -> String {
        let value = f64::from(value);
        if value.abs() < 1e5 { fixed(value, self.0) } else { significant(value, 3) }
    }

    fn range(self, (lo, hi): (f32, f32)) -> String {
        interval(&self.shown(lo), &self.shown(hi))
    }
}

fn pictures_ui(ui: &mut Ui, preview: &Preview, decimals: Decimals, textures: &Textures) {
    let Some((_, height, width)) = preview.picture else { return };
    let zoom = (TILE as f32 / height.max(width).max(1) as f32).round().max(1.0);
    let size = vec2(width as f32 * zoom, height as f32 * zoom);
    let cell = vec2(size.x.max(TILE as f32), size.y + 40.0);
    let layout = egui::Layout::left_to_right(egui::Align::TOP).with_main_wrap(true);
    ui.with_layout(layout, |ui| {
        ui.spacing_mut().item_spacing = vec2(12.0, 12.0);
        for (idx, (sample, texture)) in preview.samples.iter().zip(&textures.handles).enumerate() {
            ui.allocate_ui_with_layout(cell, egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.set_min_size(cell);
                let image = Image::new((texture.id(), size)).fit_to_exact_size(size);
                let response = ui.add(image);
                name_it(&response, &format!("Sample {}", idx + 1));
                caption_ui(ui, sample, decimals);
            });
        }
    });
}

fn caption_ui(ui: &mut Ui, sample: &Shown, decimals: Decimals) {
    let theme = Theme::of(ui);
    if let Some(class) = &sample.class {
        ui.add(egui::Label::new(RichText::new(class).color(theme.text)).truncate());
    }
    widgets::number(ui, &decimals.range(sample.range), 11.0, theme.label).on_hover_text(
        "The smallest and the largest value of this sample, as the network gets them",
    );
}

fn numbers_ui(ui: &mut Ui, preview: &Preview, decimals: Decimals) {
    let theme = Theme::of(ui);
    let n_values = preview.samples.first().map_or(0, |sample| sample.values.len());
    let n_columns = n_values.min(N_COLUMNS);
    let cell = |ui: &mut Ui, text: &str, colour| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            widgets::number(ui, text, 12.0, colour);
        });
    };
    egui::Grid::new("import numbers").min_col_width(56.0).spacing(vec2(8.0, 4.0)).show(ui, |ui| {
        ui.label(RichText::new("Class").color(theme.hint));
        for column in 0..n_columns {
            cell(ui, &(column + 1).to_string(), theme.hint);
        }
        ui.end_row();
        for sample in &preview.samples {
            let class = sample.class.as_deref().unwrap_or("–");
            ui.add(egui::Label::new(RichText::new(class).color(theme.text)).truncate());
            for value in sample.values.iter().take(n_columns) {
                cell(ui, &decimals.shown(*value), theme.text);
            }
            ui.end_row();
        }
    });
    if n_values > n_columns {
        let text = format!("The first {n_columns} of {} numbers.", thousands(n_values));
        ui.label(RichText::new(text).color(theme.hint));
    }
}

fn classes_ui(ui: &mut Ui, built: &Built) {
    let theme = Theme::of(ui);
    let counts = &built.class_counts;
    if counts.is_empty() {
        widgets::section(ui, "Classes", "no labels");
        ui.label("Without labels the share of samples with the float model's answer is measured.");
        return;
    }
    widgets::section(ui, "Classes", &format!("{}, samples of each", counts.len()));
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let n_columns = if ui.available_width() > 420.0 { 2 } else { 1 };
    let width = (ui.available_width() - 32.0) / n_columns as f32;
    let n_shown = counts.len().min(200);
    let n_rows = n_shown.div_ceil(n_columns);
    egui::Grid::new("import classes").spacing(vec2(32.0, 0.0)).show(ui, |ui| {
        for row in 0..n_rows {
            for (name, count) in
                (0..n_columns).filter_map(|column| counts.get(column * n_rows + row))
            {
                ui.horizontal(|ui| {
                    ui.set_width(width);
                    let colour = if *count == 0 { theme.hint } else { theme.text };
                    ui.allocate_ui(vec2(width * 0.4, 18.0), |ui| {
                        ui.set_width(width * 0.4);
                        ui.add(egui::Label::new(RichText::new(name).color(colour)).truncate());
                    });
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        ui.allocate_ui(vec2(52.0, 18.0), |ui| {
                            ui.with_layout(
                                egui::Layout::right_to_left(egui::Align::Center),
                                |ui| {
                                    widgets::number(ui, &thousands(*count), 12.0, colour);
                                },
                            );
                        });
                        let share = *count as f32 / most as f32;
                        let size = vec2((ui.available_width() - 4.0).max(8.0), 6.0);
                        widgets::bar(ui, size, share, theme.original);
                    });
                });
            }
            ui.end_row();
        }
    });
    if counts.len() > n_shown {
        ui.label(RichText::new(format!("and {} more", counts.len() - n_shown)).color(theme.hint));
    }
}

fn skipped_ui(ui: &mut Ui, built: &Built) {
    let theme = Theme::of(ui);
    widgets::section(ui, "Skipped", &thousands(built.skipped.len()));
    for skipped in built.skipped.iter().take(50) {
        ui.horizontal(|ui| {
            let name = RichText::new(&skipped.what).font(theme::mono(12.0)).color(theme.text);
            ui.label(name);
            ui.add(egui::Label::new(RichText::new(&skipped.reason).color(theme.label)).truncate());
        });
    }
    if built.skipped.len() > 50 {
        let text = format!("and {} more", built.skipped.len() - 50);
        ui.label(RichText::new(text).color(theme.hint));
    }
}
