//! The heat map panel.

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use quantscope::session::{Command, ModelRef};
use quantscope::ui::{App, AppOptions};

use super::drive::{
    Window, click, click_at, drag, open_combo, panel_window, place_in, session, settle, shows,
    wheel_at,
};
use super::support::FileBuilder;

const MAP: &str = "Heat map of";

fn sample() -> Window {
    panel_window("heatmap", ModelRef::default_sample())
}

fn of_tensor(dims: &[usize]) -> (tempfile::TempDir, Window) {
    let values: Vec<f32> =
        (0..dims.iter().product()).map(|i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0).collect();
    of_file(&FileBuilder::new().floats("weight", dims, &values))
}

fn of_file(file: &FileBuilder) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let path = file.write(folder.path(), "model.safetensors");
    let window = panel_window("heatmap", ModelRef::Path(path));
    (folder, window)
}

fn selected(window: &Window) -> Option<usize> {
    session(window).selection().channel_idx
}

#[test]
fn value_error_and_code_are_drawn() {
    let mut window = sample();
    for (button, name) in [("Error", "error"), ("Code", "code"), ("Value", "value")] {
        click(&mut window, button);
        let text = format!("res.conv1.weight, {name}, rows 0 to 95, columns 0 to 95");
        assert!(shows(&window, &text), "{name}");
    }
}

#[test]
fn the_colours_are_named_with_their_unit() {
    let mut window = sample();
    for (button, text) in [
        ("Error", "Colours: Error x − x̂, weight minus quantized weight"),
        ("Code", "Colours: Code, the whole number"),
        ("Value", "Colours: Weight value x, no unit"),
    ] {
        click(&mut window, button);
        assert!(shows(&window, text), "{button}");
    }
}

#[test]
fn the_axes_are_named_with_their_lengths() {
    let window = sample();
    for text in
        ["down: Output channel (32) × kernel y (3)", "across: Input channel (32) × kernel x (3)"]
    {
        assert!(shows(&window, text), "{text}");
    }
}

/// Every control lies within a narrow panel.
#[test]
fn the_tools_fold_where_there_is_little_room() {
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: Some("heatmap") };
    let mut window = Harness::builder()
        .with_size([420.0, 800.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    click(&mut window, "Slice");
    let controls = ["Value", "Error", "Code", "Zoom in", "Zoom out", "Tiles", "Slice"];
    let sliders = ["Index of kernel y", "Index of kernel x"];
    let rects: Vec<egui::Rect> = controls
        .map(|name| window.get_by_role_and_label(Role::Button, name).rect())
        .into_iter()
        .chain(sliders.map(|name| window.get_by_role_and_label(Role::SpinButton, name).rect()))
        .collect();
    for (idx, rect) in rects.iter().enumerate() {
        assert!(rect.left() >= 0.0 && rect.right() <= 420.0, "{idx}: {rect:?}");
        assert!(
            rects[idx + 1..].iter().all(|other| !rect.shrink(2.0).intersects(*other)),
            "{idx}: {rects:?}"
        );
    }
}

#[test]
fn a_float_layer_has_values_only() {
    let mut window = sample();
    window.state_mut().apply(Command::SetAllChoices("float".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, MAP));
    click(&mut window, "Code");
    assert!(shows(&window, "stays in float"));
    click(&mut window, "Value");
    assert!(shows(&window, MAP));
}

#[test]
fn zoom_by_button_wheel_and_back() {
    let mut window = sample();
    let whole = "rows 0 to 95, columns 0 to 95";
    click(&mut window, "Zoom in");
    assert!(!shows(&window, whole));
    click(&mut window, "Zoom out");
    assert!(shows(&window, whole));
    let corner = place_in(&window, MAP, (0.002, 0.002));
    wheel_at(&mut window, corner, 800.0);
    assert!(shows(&window, "rows 0 to") && !shows(&window, whole));
    let middle = place_in(&window, MAP, (0.5, 0.5));
    drag(&mut window, middle, middle - egui::vec2(200.0, 200.0));
    assert!(!shows(&window, "rows 0 to"), "it moved");
    click(&mut window, "Show the whole tensor");
    assert!(shows(&window, whole));
}

#[test]
fn large_cells_have_numbers() {
    let (_folder, mut window) = of_tensor(&[3, 4]);
    assert!(shows(&window, "rows 0 to 2, columns 0 to 3"));
    for name in ["Error", "Code"] {
        click(&mut window, name);
        assert!(shows(&window, MAP));
    }
}

#[test]
fn hovering_tells_the_weight_and_a_click_selects_its_channel() {
    let (_folder, mut window) = of_tensor(&[3, 4]);
    let cell = place_in(&window, MAP, (0.6, 0.5));
    window.hover_at(cell);
    window.run_steps(60);
    for text in ["axis 0 1, axis 1 2", "Weight x", "Quantized", "Error x", "Code"] {
        assert!(shows(&window, text), "{text} is not told");
    }
    click_at(&mut window, cell);
    assert_eq!(selected(&window), Some(1));
    click_at(&mut window, cell);
    assert_eq!(selected(&window), None, "once more lets go");
}

#[test]
fn tensors_of_any_shape_can_be_sliced() {
    let (_folder, mut window) = of_tensor(&[4, 3, 2, 5]);
    assert!(shows(&window, "rows 0 to 7, columns 0 to 14"), "tiles at first");
    click(&mut window, "Slice");
    assert!(shows(&window, "rows 0 to 3, columns 0 to 2"));
    window.get_by_role_and_label(Role::SpinButton, "Index of axis 3").set_value_accesskit(4.0);
    settle(&mut window);
    open_combo(&mut window, "Columns of the heat map");
    click(&mut window, "axis 3 (5)");
    assert!(shows(&window, "rows 0 to 3, columns 0 to 4"));
    open_combo(&mut window, "Rows of the heat map");
    click(&mut window, "axis 3 (5)");
    assert!(shows(&window, "rows 0 to 4, columns 0 to 3"), "swapped");
    click(&mut window, "Tiles");
    assert!(shows(&window, "rows 0 to 7, columns 0 to 14"));
}

#[test]
fn every_shape_has_a_picture() {
    for (dims, text) in [
        (&[1usize, 1][..], "rows 0 to 0, columns 0 to 0"),
        (&[7, 3], "rows 0 to 6, columns 0 to 2"),
        (&[2, 3, 4], "rows 0 to 1, columns 0 to 11"),
        (&[10, 1, 3, 3], "rows 0 to 8, columns 0 to 11"),
        (&[2, 3, 4, 2, 3], "rows 0 to 3, columns 0 to 8"),
    ] {
        let (_folder, window) = of_tensor(dims);
        assert!(shows(&window, text), "{dims:?}");
    }
}

#[test]
fn large_tensors_are_shown_by_blocks_and_in_detail() {
    let (_folder, mut window) = of_tensor(&[30_000, 16]);
    assert!(shows(&window, "rows 0 to 29999") && !shows(&window, ", 1×1 weights a pixel"));
    let middle = place_in(&window, MAP, (0.5, 0.5));
    window.hover_at(middle);
    window.run_steps(60);
    assert!(shows(&window, "Largest of"));
    for _ in 0..4 {
        wheel_at(&mut window, middle, 800.0);
    }
    assert!(shows(&window, ", 1×1 weights a pixel"));
    window.hover_at(middle);
    window.run_steps(60);
    assert!(shows(&window, "Weight x") && !shows(&window, "Largest of"));
}

#[test]
fn what_is_no_number_can_be_seen_but_not_quantized() {
    let file = FileBuilder::new().floats("weight", &[2, 2], &[1.0, f32::NAN, 0.5, 0.25]);
    let (_folder, mut window) = of_file(&file);
    assert!(shows(&window, "rows 0 to 1, columns 0 to 1"));
    click(&mut window, "Error");
    assert!(shows(&window, "cannot be quantized"));
    assert!(shows(&window, "non-finite=zero"));
}

#[test]
fn no_model_is_no_empty_window() {
    let path = std::path::PathBuf::from("/there/is/none.safetensors");
    let window = panel_window("heatmap", ModelRef::Path(path));
    assert!(shows(&window, "No model is open"));
}

/// Kernels of one weight make no tiles.
#[test]
fn tiles_are_offered_for_kernels_alone() {
    for (dims, has_tiles) in [([8, 4, 3, 3], true), ([8, 4, 1, 1], false)] {
        let (_folder, window) = of_tensor(&dims);
        let is_offered = window.query_by_label("Tiles").is_some();
        assert_eq!(is_offered, has_tiles, "{dims:?}");
        assert!(shows(&window, MAP), "{dims:?}");
    }
}
