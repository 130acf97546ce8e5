//! Every state the accuracy panel and the strip at the top can be in, and what they say in it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, TestRenderer};
use quantscope::session::{Command, Loaded, ModelRef};
use quantscope::ui::{App, AppOptions, Raster};

use super::drive::{
    Window, click_button, panel_window, session, settle, shows, wait_until, window_with_typed_paths,
};
use super::support::{
    self, FileBuilder, dense_model, dense_samples, graph, node, row_samples, samples_meta,
};
use serde_json::json;

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

/// A state: its name, the model, and the way there.
type State = (&'static str, Option<ModelRef>, Enter);

/// States of files that lack something, written into that folder.
fn lacking_states(folder: &Path) -> Vec<State> {
    let path = |name: &str, file: &FileBuilder| file.write(folder, name);
    let weights = FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]);
    let alone = path("alone.safetensors", &dense_model());
    let graphless = path("weights.safetensors", &weights);
    let misfit = path("misfit.safetensors", &dense_model());
    path("misfit.eval.safetensors", &labelled_wrongly());
    let unlabelled = path("unlabelled.safetensors", &dense_model());
    path("unlabelled.eval.safetensors", &without_labels());
    vec![
        ("no-model", Some(ModelRef::Path("/nowhere".into())), |_| {}),
        ("no-graph", Some(ModelRef::Path(graphless)), |_| {}),
        ("no-samples", Some(ModelRef::Path(alone)), |_| {}),
        ("failed", Some(ModelRef::Path(misfit)), |_| {}),
        ("no-labels", Some(ModelRef::Path(unlabelled)), settled_at_4_bits),
    ]
}

fn ready_states() -> Vec<State> {
    vec![
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
        ("resnet", shared("resnet8_cifar10"), settled_at_4_bits),
        ("language", shared("stories260k_tinystories"), settled_at_4_bits),
        ("language8", shared("stories260k_tinystories"), |window| {
            quantize(window, "int:bits=8");
            settle(window);
        }),
    ]
}

/// On their way, stopped, and with a set of another model.
fn passing_states() -> Vec<State> {
    vec![
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
    ]
}

/// Writes pictures of all states into the folder that `ACCURACY_PICTURES` names, to be looked at;
/// `ACCURACY_STATE` chooses some by a part of their name.
#[test]
#[ignore = "writes pictures"]
fn pictures_of_all_states() {
    let Some(folder) = std::env::var_os("ACCURACY_PICTURES").map(PathBuf::from) else { return };
    let chosen = std::env::var("ACCURACY_STATE").unwrap_or_default();
    let files = tempfile::tempdir().unwrap();
    let states = [lacking_states(files.path()), ready_states(), passing_states()].concat();
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

// --- What is said ------------------------------------------------------------------------------

/// A model with a sample set beside it.
fn files(model: &FileBuilder, samples: &FileBuilder) -> (tempfile::TempDir, ModelRef) {
    let folder = tempfile::tempdir().unwrap();
    let path = model.write(folder.path(), "m.safetensors");
    samples.write(folder.path(), "m.eval.safetensors");
    (folder, ModelRef::Path(path))
}

fn window_of_width(model: ModelRef, size: [f32; 2]) -> Window {
    let options = AppOptions { model, only_panel: Some("accuracy") };
    let mut window = Harness::builder()
        .with_size(size)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

fn labels(window: &Window, text: &str) -> Vec<String> {
    let nodes = window.query_all_by_label_contains(text);
    let text = |node: egui_kittest::Node| {
        let node = node.accesskit_node();
        node.value().or_else(|| node.label())
    };
    nodes.filter_map(text).collect()
}

/// Ten numbers to ten classes, mixed a little.
fn ten_classes() -> FileBuilder {
    let gemm = node("fc", "Gemm", &["input", "w"], &["output"], json!({"transB": 1}));
    let weight =
        |i: usize| if i.is_multiple_of(11) { 1.0 } else { (i * 37 % 19) as f32 * 0.03 - 0.27 };
    let weights: Vec<f32> = (0..100).map(weight).collect();
    FileBuilder::new().floats("w", &[10, 10], &weights).graph(&graph(&[10], vec![gemm]))
}

#[test]
fn the_metric_is_named_with_its_samples() {
    let window = panel_window("accuracy", built_in());
    assert!(shows(&window, "on 897 samples of digits eval (split eval)"));
    assert!(labels(&window, "Top-1 accuracy").iter().any(|label| label == "Top-1 accuracy"));
    let (_folder, model) = files(&dense_model(), &without_labels());
    let window = panel_window("accuracy", model);
    assert!(shows(&window, "Agreement with float") && shows(&window, "on 4 samples of m.eval"));
    assert!(window.query_by_label("Top-5").is_none(), "two classes have no five highest");
    let Some(model) = shared("stories260k_tinystories") else { return };
    let window = panel_window("accuracy", model);
    assert!(shows(&window, "Perplexity") && shows(&window, "tokens in 64 rows of eval"));
    assert!(shows(&window, "Difference +0.0") && shows(&window, "zero lies outside"));
}

#[test]
fn top_5_heads_the_panel_when_chosen() {
    let mut window = panel_window("accuracy", built_in());
    settled_at_4_bits(&mut window);
    let accuracy = session(&window).accuracy().ready().cloned().unwrap();
    let paired = accuracy.top5.unwrap().paired.unwrap();
    assert_eq!(paired.n(), 897);
    click_button(&mut window, "Top-5");
    assert!(shows(&window, "Top-5 accuracy"));
    let counts =
        format!("both right {}, broken {}, fixed {}", paired.both, paired.broken, paired.fixed);
    assert!(shows(&window, &counts), "{counts}");
    assert!(shows(&window, "95 % intervals of Top-5 accuracy"));
    click_button(&mut window, "Top-1");
    assert!(shows(&window, "95 % intervals of Top-1 accuracy") && !shows(&window, &counts));
}

#[test]
fn the_strip_and_the_panel_write_p_alike() {
    let mut window = panel_window("accuracy", built_in());
    for (spec, is_small) in [("int:bits=4", true), ("int:bits=8", false)] {
        quantize(&mut window, spec);
        settle(&mut window);
        let comparison = session(&window).accuracy().ready().cloned().unwrap();
        let p = comparison.comparison.as_ref().and_then(|c| c.mcnemar_p).unwrap();
        assert_eq!(p < 1e-4, is_small, "{p}");
        let text = if is_small { "·10⁻" } else { "1.00" };
        let written = labels(&window, text);
        assert!(written.len() >= 2, "{written:?}");
        let first = written[0].trim_end_matches(" differs");
        assert!(written.iter().all(|label| label.starts_with(first)), "{written:?}");
    }
}

#[test]
fn bits_are_shown_before_and_after() {
    let mut window = panel_window("accuracy", built_in());
    quantize(&mut window, "int:bits=4");
    settle(&mut window);
    assert!(window.query_by_label("32.00").is_some() && window.query_by_label("4.01").is_some());
    quantize(&mut window, "float");
    settle(&mut window);
    assert_eq!(window.query_all_by_label("32.00").count(), 2, "nothing is quantized");
}

#[test]
fn the_cells_of_the_strip_share_a_baseline() {
    let mut window = panel_window("accuracy", built_in());
    settled_at_4_bits(&mut window);
    let strip = |label: &str| {
        let found = window.query_all_by_label_contains(label).map(|node| node.rect());
        found.filter(|rect| rect.top() < 92.0).map(|rect| rect.center().y).next().unwrap()
    };
    let captions =
        ["Size", "Bits per quantized weight", "95 % interval", "Difference", "Broken", "McNemar"];
    let figures = ["78.8 kB", "32.00", "97.3 %", "pt", "✓", "·10⁻"];
    for row in [captions, figures] {
        let heights = row.map(strip);
        let spread = heights.iter().fold(0.0f32, |most, y| most.max((y - heights[0]).abs()));
        assert!(spread <= 0.6, "{row:?}: {heights:?}");
    }
}

#[test]
fn progress_has_one_source() {
    let Some(model) = shared("resnet8_cifar10") else { return };
    let mut window = panel_window("accuracy", model);
    quantize(&mut window, "int:bits=5");
    window.step();
    window.step();
    assert!(shows(&window, "computing anew"), "the figures are those of other settings");
    assert!(!shows(&window, "running"), "{:?}", labels(&window, "running"));
    let mut n_seen = 0;
    while !session(&window).is_idle() {
        window.step();
        for told in labels(&window, ", running") {
            let figures = told.trim_end_matches(", running").replace('\u{2009}', "");
            let bar = figures.replace(" of ", " / ");
            assert!(shows(&window, &bar), "{told}, the bar has {:?}", labels(&window, " / "));
            n_seen += 1;
        }
    }
    assert!(n_seen > 0, "no part was shown");
}

#[test]
fn a_set_that_does_not_fit_says_which() {
    let labels_only = FileBuilder::new()
        .floats("inputs", &[2, 2], &[1.0, 0.0, 0.0, 1.0])
        .tensor("labels", "U8", &[2], vec![0, 4])
        .metadata(
            "quantscope.samples",
            &json!({"version": 1, "task": "classification", "split": "eval"}),
        );
    let shape = FileBuilder::new()
        .floats("inputs", &[2, 3], &[1.0; 6])
        .tensor("labels", "U8", &[2], vec![0, 1])
        .metadata("quantscope.samples", &samples_meta(2));
    for (case, samples, wanted) in [
        ("classes", labelled_wrongly(), "it has 5 classes, the graph's output tells 2 classes"),
        ("labels", labels_only, "has label 4, the graph's output tells 2 classes"),
        ("shape", shape, "its samples are 3, the graph's input \"input\" takes 2"),
    ] {
        let (_folder, model) = files(&dense_model(), &samples);
        let mut window = panel_window("accuracy", model);
        assert!(shows(&window, "These samples do not fit this model"), "{case}");
        assert!(shows(&window, wanted), "{case}: {:?}", labels(&window, "graph's"));
        assert!(shows(&window, "choose a sample set made for this model"), "{case}");
        assert!(
            window.query_by_label("Use the set beside the model").is_none(),
            "{case}: it is it"
        );
        click_button(&mut window, "Measure again");
        assert!(shows(&window, wanted), "{case}: the samples are the same");
        window.get_by_label("Copy message").click();
        let copies = |command: &egui::OutputCommand| match command {
            egui::OutputCommand::CopyText(text) => text.contains("choose a sample set"),
            _ => false,
        };
        let is_copied = (0..4).any(|_| {
            window.step();
            window.output().platform_output.commands.iter().any(copies)
        });
        assert!(is_copied, "{case}");
    }
}

#[test]
fn the_set_beside_the_model_is_one_click_away() {
    let (folder, model) = files(&dense_model(), &dense_samples());
    let mut window = panel_window("accuracy", model);
    let other = labelled_wrongly().write(folder.path(), "other.safetensors");
    window.state_mut().apply(Command::OpenSamples(other));
    settle(&mut window);
    assert!(shows(&window, "other.safetensors: it has 5 classes"));
    assert!(shows(&window, "Beside the model: m.eval.safetensors, 4 samples, 2 classes"));
    click_button(&mut window, "Use the set beside the model");
    assert!(session(&window).accuracy().ready().is_some());
    assert!(shows(&window, "on 4 samples of m.eval.safetensors"));
}

#[test]
fn another_file_is_asked_for() {
    let mut window = window_with_typed_paths();
    let folder = tempfile::tempdir().unwrap();
    let pictures = vec![0.5; 2 * 64];
    let set = FileBuilder::new()
        .floats("inputs", &[2, 1, 8, 8], &pictures)
        .tensor("labels", "U8", &[2], vec![0, 11])
        .metadata("quantscope.samples", &samples_meta(12));
    let path = set.write(folder.path(), "other.safetensors");
    window.state_mut().apply(Command::OpenSamples(path));
    settle(&mut window);
    window.query_all_by_label("Accuracy").last().unwrap().click();
    settle(&mut window);
    assert!(shows(&window, "it has 12 classes, the graph's output tells 10"));
    click_button(&mut window, "Choose another file…");
    assert!(shows(&window, "Open"), "the path field asks");
    assert!(window.query_by_label("Cancel").is_some());
}

#[test]
fn a_cancelled_measurement_starts_anew() {
    let Some(model) = shared("resnet8_cifar10") else { return };
    let mut window = panel_window("accuracy", model);
    quantize(&mut window, "int:bits=5");
    window.step();
    window.step();
    cancel(&mut window);
    assert!(shows(&window, "Accuracy was cancelled") && !shows(&window, "✕ cancelled"));
    click_button(&mut window, "Measure again");
    assert!(session(&window).accuracy().ready().is_some());
}

#[test]
fn without_samples_some_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = dense_model().write(folder.path(), "alone.safetensors");
    let window = panel_window("accuracy", ModelRef::Path(path));
    for name in ["Open samples…", "Import a data file…"] {
        assert!(window.query_by_label(name).is_some(), "{name}");
    }
}

/// Names of classes are written upwards where they are wider than their columns.
#[test]
fn names_of_columns_are_not_cut() {
    let mut meta = samples_meta(10);
    meta["classes"] = (0..10).map(|class| format!("automobile {class}")).collect();
    let samples = row_samples(60, 10).metadata("quantscope.samples", &meta);
    let (_folder, model) = files(&ten_classes(), &samples);
    for (size, is_upright) in [([1280.0, 800.0], true), ([2560.0, 1400.0], false)] {
        let window = window_of_width(model.clone(), size);
        let rect = window.get_by_label("Show answer automobile 3").rect();
        assert_eq!(rect.height() > rect.width(), is_upright, "{size:?}: {rect}");
    }
}

#[test]
fn nothing_of_the_headline_overlaps_at_any_width() {
    let (_folder, model) = files(&ten_classes(), &row_samples(60, 10));
    for width in [480.0, 614.0, 760.0, 900.0, 1280.0, 1900.0] {
        let mut window = window_of_width(model.clone(), [width, 900.0]);
        quantize(&mut window, "int3");
        settle(&mut window);
        let below_strip = |label: &str| {
            let found = window.query_all_by_label_contains(label).map(|node| node.rect());
            let rect = found.filter(|rect| rect.top() > 130.0).min_by_key(|rect| rect.top() as i32);
            (label.to_owned(), rect.unwrap_or_else(|| panic!("{width}: no {label}")))
        };
        let parts =
            ["on 60 samples", "both right", "Float against quantized", "McNemar p", "Confusion"]
                .map(below_strip);
        for (idx, (name, rect)) in parts.iter().enumerate() {
            assert!(rect.left() >= 0.0 && rect.right() <= width, "{width}: {name} at {rect}");
            for (other_name, other) in &parts[idx + 1..] {
                let common = rect.intersect(*other);
                let overlaps = common.width() > 0.5 && common.height() > 0.5;
                assert!(!overlaps, "{width}: {name} {rect} and {other_name} {other}");
            }
        }
    }
}
