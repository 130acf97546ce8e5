//! Every state the accuracy panel and the strip at the top can be in, and what they say in it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, TestRenderer};
use quantscope::session::{Command, Loaded, ModelRef};
use quantscope::ui::{App, AppOptions, Raster};

use super::drive::{Window, click_button, session, settle, wait_until};
use super::support::{self, FileBuilder, dense_model, samples_meta};

// --- Pictures ----------------------------------------------------------------------------------

/// Keeps the textures of a window, for the processor's painter.
#[derive(Clone, Default)]
struct Painter(Arc<Mutex<Raster>>);

impl TestRenderer for Painter {
    fn handle_delta(&mut self, delta: &mut egui::TexturesDelta) {
        self.0.lock().unwrap().update(delta);
        delta.clear();
    }
}

impl Painter {
    fn paint(&self, window: &Window, path: &Path) {
        let output = window.output();
        let scale = output.pixels_per_point;
        let primitives = window.ctx.tessellate(output.shapes.clone(), scale);
        let size = window.ctx.content_rect().size() * scale;
        let size = (size.x.round() as usize, size.y.round() as usize);
        let background = window.ctx.global_style().visuals.panel_fill;
        let canvas = self.0.lock().unwrap().paint(&primitives, size, scale, background);
        let file = std::fs::File::create(path).unwrap();
        let (width, height) = (canvas.width as u32, canvas.height as u32);
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.write_header().unwrap().write_image_data(&canvas.rgba_bytes()).unwrap();
    }
}

/// How a window looks: name, size, scale, theme, and whether the panel is alone in it.
type Look = (&'static str, [f32; 2], f32, egui::Theme, Option<&'static str>);

const LOOKS: &[Look] = &[
    ("dark-1280-dock", [1280.0, 800.0], 1.0, egui::Theme::Dark, None),
    ("dark-1280-alone", [1280.0, 800.0], 1.0, egui::Theme::Dark, Some("accuracy")),
    ("light-2560-dock", [2560.0, 1440.0], 1.0, egui::Theme::Light, None),
    ("light-2x-alone", [900.0, 700.0], 2.0, egui::Theme::Light, Some("accuracy")),
    ("dark-1024-dock", [1024.0, 700.0], 1.0, egui::Theme::Dark, None),
];

fn window_as(look: &Look, model: ModelRef, painter: &Painter) -> Window {
    let &(_, size, scale, theme, only_panel) = look;
    let options = AppOptions { model, only_panel };
    let mut window = Harness::builder()
        .with_size(size)
        .with_pixels_per_point(scale)
        .with_theme(theme)
        .renderer(painter.clone())
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    if only_panel.is_none() {
        // The strip may have a caption of that name, above the tab.
        let tab = window.query_all_by_label("Accuracy").last();
        tab.into_iter().for_each(|tab| tab.click());
        settle(&mut window);
    }
    window
}

/// What brings a window into a state; it is painted right after.
type Enter = fn(&mut Window);

fn quantize(window: &mut Window, spec: &str) {
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
}

/// Frames until accuracy is as wanted.
fn step_until(window: &mut Window, holds: fn(&Loaded<quantscope::eval::Accuracy>) -> bool) {
    wait_until(window, |window| holds(&session(window).accuracy()));
    window.step();
}

fn cancel(window: &mut Window) {
    let jobs = session(window).jobs();
    let job = jobs.into_iter().find(|job| job.label == "Accuracy").unwrap();
    window.state_mut().apply(Command::CancelJob(job.id));
    settle(window);
}

fn built_in() -> ModelRef {
    ModelRef::default_sample()
}

fn shared(name: &str) -> Option<ModelRef> {
    let path = support::shared_models()?.join(name).join("model.safetensors");
    Some(ModelRef::Path(path))
}

fn settled_at_4_bits(window: &mut Window) {
    quantize(window, "int:bits=4");
    settle(window);
}

/// Writes pictures of all states into the folder that `ACCURACY_PICTURES` names, to be looked at;
/// `ACCURACY_STATE` chooses some by a part of their name.
#[test]
#[ignore = "writes pictures"]
fn pictures_of_all_states() {
    let Some(folder) = std::env::var_os("ACCURACY_PICTURES").map(PathBuf::from) else { return };
    let chosen = std::env::var("ACCURACY_STATE").unwrap_or_default();
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str, file: &FileBuilder| file.write(files.path(), name);
    let weights = FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]);
    let alone = path("alone.safetensors", &dense_model());
    let graphless = path("weights.safetensors", &weights);
    let misfit = path("misfit.safetensors", &dense_model());
    path("misfit.eval.safetensors", &labelled_wrongly());
    let unlabelled = path("unlabelled.safetensors", &dense_model());
    path("unlabelled.eval.safetensors", &without_labels());
    let states: Vec<(&str, Option<ModelRef>, Enter)> = vec![
        ("no-model", Some(ModelRef::Path("/nowhere".into())), |_| {}),
        ("no-graph", Some(ModelRef::Path(graphless)), |_| {}),
        ("no-samples", Some(ModelRef::Path(alone)), |_| {}),
        ("failed", Some(ModelRef::Path(misfit)), |_| {}),
        ("no-labels", Some(ModelRef::Path(unlabelled)), settled_at_4_bits),
        ("ready", Some(built_in()), settled_at_4_bits),
        ("ready8", Some(built_in()), |window| {
            quantize(window, "int:bits=8");
            settle(window);
        }),
        ("top5", Some(built_in()), |window| {
            settled_at_4_bits(window);
            click_button(window, "Top-5");
        }),
        ("calibration", Some(built_in()), |window| {
            settled_at_4_bits(window);
            click_button(window, "Calibration");
        }),
        ("running", shared("resnet8_cifar10"), |window| {
            quantize(window, "int:bits=5");
            step_until(window, |accuracy| match accuracy {
                Loaded::Pending { partial: Some(partial), .. } => partial.n_samples > 300,
                _ => false,
            });
        }),
        ("stale", shared("resnet8_cifar10"), |window| {
            quantize(window, "int:bits=5");
            window.step();
            window.step();
        }),
        ("cancelled", shared("resnet8_cifar10"), |window| {
            quantize(window, "int:bits=5");
            window.step();
            window.step();
            cancel(window);
        }),
        ("wrong-set", shared("resnet8_cifar10"), |window| {
            let folder = tempfile::tempdir().unwrap();
            let values = vec![0.5; 2 * 3 * 32 * 32];
            let set = FileBuilder::new()
                .floats("inputs", &[2, 3, 32, 32], &values)
                .tensor("labels", "U8", &[2], vec![0, 11])
                .metadata("quantscope.samples", &samples_meta(12));
            let path = set.write(folder.path(), "keywords.safetensors");
            window.state_mut().apply(Command::OpenSamples(path));
            settle(window);
        }),
        ("resnet", shared("resnet8_cifar10"), settled_at_4_bits),
        ("language", shared("stories260k_tinystories"), settled_at_4_bits),
        ("language8", shared("stories260k_tinystories"), |window| {
            quantize(window, "int:bits=8");
            settle(window);
        }),
    ];
    for (state, model, enter) in states {
        let Some(model) = model.filter(|_| state.contains(&chosen)) else { continue };
        for look in LOOKS {
            let painter = Painter::default();
            let mut window = window_as(look, model.clone(), &painter);
            enter(&mut window);
            painter.paint(&window, &folder.join(format!("{state}-{}.png", look.0)));
        }
    }
}

fn labelled_wrongly() -> FileBuilder {
    FileBuilder::new()
        .floats("inputs", &[2, 2], &[1.0, 0.0, 0.0, 1.0])
        .tensor("labels", "U8", &[2], vec![0, 4])
        .metadata("quantscope.samples", &samples_meta(5))
}

fn without_labels() -> FileBuilder {
    FileBuilder::new()
        .floats("inputs", &[4, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, -1.0, 0.5])
        .metadata("quantscope.samples", &samples_meta(2))
}
