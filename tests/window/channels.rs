//! The channels panel.

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use quantscope::session::{Command, ModelRef};
use quantscope::ui::{App, AppOptions};
use serde_json::json;

use super::drive::{
    Window, click, click_at, drag, open_combo, panel_window, place_in, press, session, settle,
    shows, wheel_at,
};
use super::support::{FileBuilder, graph, node};

const ROWS: &str = "Channel rows";

fn sample() -> Window {
    panel_window("channels", ModelRef::default_sample())
}

fn of_file(file: &FileBuilder) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let path = file.write(folder.path(), "model.safetensors");
    let window = panel_window("channels", ModelRef::Path(path));
    (folder, window)
}

/// Channels of which the second reaches ten times as far as most, the third a tenth.
fn uneven(n_channels: usize) -> FileBuilder {
    let factor = |channel: usize| match channel {
        1 => 10.0,
        2 => 0.1,
        _ => 1.0 + channel as f32 * 1e-4,
    };
    let values: Vec<f32> =
        (0..n_channels * 8).map(|i| factor(i / 8) * (((i * 37) % 17) as f32 / 8.0 - 1.0)).collect();
    FileBuilder::new().floats("weight", &[n_channels, 8], &values)
}

fn selected(window: &Window) -> Option<usize> {
    session(window).selection().channel_idx
}

#[test]
fn every_channel_of_the_sample_is_listed() {
    let window = sample();
    assert!(shows(&window, "Channel rows, 32 listed"));
    for text in ["Outliers", "Heat map", "Ridge", "res.conv1.weight"] {
        assert!(shows(&window, text), "{text} is not on the screen");
    }
}

#[test]
fn the_title_says_in_words_how_it_is_quantized() {
    let mut window = sample();
    let choice = "int:bits=4,granularity=per-channel".parse().unwrap();
    window.state_mut().apply(Command::SetAllChoices(choice));
    settle(&mut window);
    assert!(shows(&window, "32×32×3×3, int4, per channel, symmetric"));
}

#[test]
fn outliers_are_counted_and_can_be_seen_alone() {
    let (_folder, mut window) = of_file(&uneven(16));
    assert!(shows(&window, "Outliers 2"));
    click(&mut window, "Outliers 2");
    assert!(shows(&window, "Channel rows, 2 listed"));
    click(&mut window, "All");
    assert!(shows(&window, "Channel rows, 16 listed"));
    // By range, largest first: the wide one is on top, the narrow one at the bottom.
    let top = place_in(&window, ROWS, (0.3, 0.01));
    click_at(&mut window, top);
    assert_eq!(selected(&window), Some(1));
    click_at(&mut window, top);
    assert_eq!(selected(&window), None, "once more lets go");
    let bottom = place_in(&window, ROWS, (0.8, 0.99));
    click_at(&mut window, bottom);
    assert_eq!(selected(&window), Some(2));
}

#[test]
fn without_outliers_the_filter_says_so() {
    let (_folder, mut window) = of_file(&FileBuilder::new().floats("weight", &[2, 2], &[1.0; 4]));
    click(&mut window, "Outliers 0");
    assert!(shows(&window, "No outliers"));
    click(&mut window, "All");
    assert!(shows(&window, "Channel rows, 2 listed"));
}

#[test]
fn channels_are_sorted_by_every_key() {
    let (_folder, mut window) = of_file(&uneven(16));
    for key in ["minimum", "1 %", "99 %", "maximum", "scale", "SQNR", "range", "number"] {
        open_combo(&mut window, "Sort channels");
        click(&mut window, &format!("by {key}"));
        assert!(shows(&window, "Channel rows, 16 listed"), "{key}");
    }
    click(&mut window, "Largest first");
    let top = place_in(&window, ROWS, (0.3, 0.01));
    click_at(&mut window, top);
    assert_eq!(selected(&window), Some(0), "by number, smallest first");
    click(&mut window, "Smallest first");
    click_at(&mut window, top);
    assert_eq!(selected(&window), Some(15));
}

#[test]
fn hovering_tells_the_figures() {
    let (_folder, mut window) = of_file(&uneven(16));
    let top = place_in(&window, ROWS, (0.3, 0.01));
    window.hover_at(top);
    window.run_steps(60);
    for text in ["Channel 1", "over 2× the median", "99 %", "Scale in use", "SQNR in use"] {
        assert!(shows(&window, text), "{text} is not told");
    }
}

#[test]
fn both_views_draw_and_rows_zoom() {
    let (_folder, mut window) = of_file(&uneven(5000));
    for view in ["Ridge", "Heat map"] {
        click(&mut window, view);
        click(&mut window, "Show fewer rows");
        click(&mut window, "Show more rows");
        let middle = place_in(&window, ROWS, (0.5, 0.5));
        wheel_at(&mut window, middle, 900.0);
        drag(&mut window, middle, middle + egui::vec2(0.0, -120.0));
        assert!(shows(&window, "Channel rows, 5000 listed"), "{view}");
        click(&mut window, "Show all rows");
    }
}

#[test]
fn the_selected_channel_is_kept_in_view() {
    let (_folder, mut window) = of_file(&uneven(5000));
    open_combo(&mut window, "Sort channels");
    click(&mut window, "by number");
    click(&mut window, "Largest first");
    for _ in 0..6 {
        click(&mut window, "Show fewer rows");
    }
    for (channel, text) in [(4999, "to 4999 in view"), (0, "places 0 to")] {
        window.state_mut().apply(Command::SelectChannel(Some(channel)));
        settle(&mut window);
        assert!(shows(&window, text), "{channel}");
        assert!(!shows(&window, "places 0 to 4999"), "{channel}: still zoomed");
    }
}

fn narrow(model: ModelRef) -> Window {
    let options = AppOptions { model, only_panel: Some("channels") };
    let mut window = Harness::builder()
        .with_size([600.0, 800.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

#[test]
fn without_room_the_legend_folds_into_a_button() {
    let mut window = narrow(ModelRef::default_sample());
    click(&mut window, "Legend");
    for text in ["min, 1 %, 99 %, max", "tensor", "channel", "in use", "of 288"] {
        assert!(shows(&window, text), "{text} is not explained");
    }
    for text in ["over 2× median", "under half"] {
        assert!(!shows(&window, text), "{text}: there is no such channel");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = uneven(16).write(folder.path(), "model.safetensors");
    let mut window = narrow(ModelRef::Path(path));
    click(&mut window, "Legend");
    for text in ["wide: over 2× median", "narrow: under half"] {
        assert!(shows(&window, text), "{text} is not explained");
    }
    assert!(sample().query_by_label("Legend").is_none(), "there is room for all of it");
}

#[test]
fn one_channel_and_a_vector_have_rows_too() {
    let (_folder, window) = of_file(&FileBuilder::new().floats("weight", &[1, 4], &[0.5; 4]));
    assert!(shows(&window, "Channel rows, 1 listed"));
    let (_folder, window) = of_file(&FileBuilder::new().floats("weight", &[3, 1], &[0.0; 3]));
    assert!(shows(&window, "Channel rows, 3 listed"));
}

#[test]
fn weights_that_are_refused_say_why() {
    let file = FileBuilder::new().floats("weight", &[2, 2], &[1.0, f32::NAN, 0.5, 0.25]);
    let (_folder, window) = of_file(&file);
    assert!(shows(&window, "cannot be measured"));
    assert!(shows(&window, "non-finite=zero"));
}

#[test]
fn no_model_is_no_empty_window() {
    let path = std::path::PathBuf::from("/there/is/none.safetensors");
    let window = panel_window("channels", ModelRef::Path(path));
    assert!(shows(&window, "No model is open"));
}

#[test]
fn another_layer_and_another_setting_follow() {
    let file = FileBuilder::new()
        .floats("a.weight", &[4, 4], &[0.25; 16])
        .floats("b.weight", &[6, 4], &[0.5; 24])
        .graph(&graph(
            &[4],
            vec![
                node("a", "Gemm", &["input", "a.weight"], &["x"], json!({})),
                node("b", "Gemm", &["x", "b.weight"], &["output"], json!({})),
            ],
        ));
    let (_folder, mut window) = of_file(&file);
    press(&mut window, Modifiers::NONE, Key::ArrowUp);
    window.state_mut().apply(Command::SelectLayer(0));
    settle(&mut window);
    assert!(shows(&window, "a.weight"));
    window.state_mut().apply(Command::SetAllChoices("float".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, "4×4, float"));
    assert!(shows(&window, "Channel rows, 4 listed"));
}
