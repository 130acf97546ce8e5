//! The graph: its states, its controls, and the selection it shares.

use egui::accesskit::Role;
use egui::{Event, Modifiers, MouseWheelUnit, Pos2, Rect, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::model::FoldMode;
use quantscope::session::graph_layout::ShapeArithmetic;
use quantscope::session::{Command, ModelRef};
use quantscope::ui::{App, AppOptions};

use super::drive::{Window, click_button, press, selected_layer, session, settle, shows};
use super::support::{self, FileBuilder, residual_model};

/// The graph alone in the window.
fn graph_of(model: ModelRef, size: [f32; 2]) -> Window {
    let options = AppOptions { model, only_panel: Some("graph") };
    let mut window = Harness::builder()
        .with_size(size)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

fn digits() -> Window {
    graph_of(ModelRef::default_sample(), [1000.0, 1200.0])
}

fn rect_of(window: &Window, label: &str) -> Rect {
    window.get_by_label(label).rect()
}

fn value_of(window: &Window, label: &str) -> String {
    window.get_by_label(label).accesskit_node().value().unwrap_or_default()
}

#[test]
fn layers_are_drawn_under_each_other_and_selected_by_click() {
    let mut window = digits();
    let names = ["stem", "block1.dw", "block1.pw", "res.conv1", "res.conv2", "fc"];
    let tops = names.map(|name| rect_of(&window, &format!("Graph node {name}")).top());
    assert!(tops.is_sorted_by(|a, b| a + 40.0 < *b), "{tops:?}");
    assert!(value_of(&window, "Graph node fc").contains("Gemm  10×32, 8 bits"));
    window.get_by_label("Graph node fc").click();
    settle(&mut window);
    assert_eq!(selected_layer(&window), "fc");
    press(&mut window, Modifiers::NONE, egui::Key::ArrowUp);
    assert_eq!(selected_layer(&window), "res.conv2");
}

/// What the box of a node is filled with.
fn fill_of(window: &Window, label: &str) -> egui::Color32 {
    let node = rect_of(window, label);
    let shapes = window.output().shapes.iter();
    let mut fill = shapes.filter_map(|clipped| match &clipped.shape {
        egui::Shape::Rect(shape) if shape.fill != egui::Color32::TRANSPARENT => {
            let off = (shape.rect.min - node.min).length() + (shape.rect.max - node.max).length();
            (off < 2.0).then_some(shape.fill)
        }
        _ => None,
    });
    fill.next_back().unwrap()
}

#[test]
fn a_selected_node_keeps_its_colour() {
    let mut window = digits();
    let before = fill_of(&window, "Graph node fc");
    window.get_by_label("Graph node fc").click();
    settle(&mut window);
    assert_eq!(fill_of(&window, "Graph node fc"), before);
}

/// As when the panel is enlarged: every box of a long chain is in view, and large enough to read.
#[test]
fn a_long_chain_stands_in_columns_where_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = residual_model(8).write(folder.path(), "chain.safetensors");
    let mut window = graph_of(ModelRef::Path(path), [1600.0, 900.0]);
    click_button(&mut window, "Fit");
    let rects: Vec<Rect> = (0..8)
        .map(|block| rect_of(&window, &format!("Graph node blocks.{block}.dense0")))
        .collect();
    assert!(rects.iter().all(|rect| rect.width() > 120.0), "{rects:?}");
    assert!(rects[7].left() > rects[0].right(), "{rects:?}");
    let canvas = rect_of(&window, "Graph of the network");
    let all = rects.iter().fold(Rect::NOTHING, |all, rect| all.union(*rect));
    assert!((all.center().x - canvas.center().x).abs() < 0.2 * canvas.width(), "{all:?}");
    assert!(canvas.contains_rect(all));
}

#[test]
fn boxes_carry_the_number_they_are_coloured_by() {
    let mut window = digits();
    click_button(&mut window, "Colour by sqnr");
    let value = value_of(&window, "Graph node fc");
    assert!(value.ends_with(" dB"), "{value}");
    click_button(&mut window, "Colour by size");
    let value = value_of(&window, "Graph node fc");
    assert!(value.ends_with("B") && !value.ends_with("dB"), "{value}");
    click_button(&mut window, "Colour by bits");
    let choice = "float".parse().unwrap();
    window.state_mut().apply(Command::SetAllChoices(choice));
    settle(&mut window);
    assert!(value_of(&window, "Graph node fc").ends_with(", float"));
}

#[test]
fn the_pointer_tells_what_a_node_is() {
    let mut window = digits();
    window.get_by_label("Graph node res.conv1").hover();
    window.run_steps(60);
    for text in ["res.conv1.weight", "kernel_shape", "of the weights", " dB", "int"] {
        assert!(shows(&window, text), "{text} is not told");
    }
}

#[test]
fn the_drawing_is_zoomed_and_fitted() {
    let mut window = digits();
    let width = |window: &Window| rect_of(window, "Graph node stem").width();
    click_button(&mut window, "100 %");
    let own = width(&window);
    assert!((own - 188.0).abs() < 0.5, "{own}");
    click_button(&mut window, "Zoom out");
    assert!((width(&window) - own / 1.25).abs() < 0.5);
    click_button(&mut window, "Zoom in");
    assert!((width(&window) - own).abs() < 0.5);
    for _ in 0..8 {
        click_button(&mut window, "Zoom out");
    }
    assert!(width(&window) < 40.0);
    click_button(&mut window, "Fit");
    assert!(width(&window) > 100.0);
}

fn scroll(window: &mut Window, at: Pos2, by: f32) {
    window.hover_at(at);
    window.event(Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: vec2(0.0, by),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    window.run_steps(30);
    settle(window);
}

#[test]
fn the_wheel_zooms_around_the_pointer_and_dragging_moves() {
    let mut window = digits();
    let before = rect_of(&window, "Graph node res.conv1");
    scroll(&mut window, before.center(), -120.0);
    let after = rect_of(&window, "Graph node res.conv1");
    assert!(after.width() < before.width() * 0.9, "{before:?} {after:?}");
    assert!((after.center() - before.center()).length() < 3.0, "{before:?} {after:?}");
    drag(&mut window, after.right_center() + vec2(60.0, 0.0), vec2(70.0, 30.0));
    let moved = rect_of(&window, "Graph node res.conv1").center() - after.center();
    assert!((moved - vec2(70.0, 30.0)).length() < 8.0, "{moved:?}");
}

fn drag(window: &mut Window, from: Pos2, by: Vec2) {
    window.drag_at(from);
    window.step();
    for step in 1..=4 {
        window.hover_at(from + by * step as f32 / 4.0);
        window.step();
    }
    window.drop_at(from + by);
    settle(window);
}

#[test]
fn a_long_network_is_readable_and_has_a_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = residual_model(250).write(folder.path(), "deep.safetensors");
    let mut window = graph_of(ModelRef::Path(path), [1000.0, 800.0]);
    assert_eq!(session(&window).network().unwrap().layers.len(), 500);
    let first = "Graph node blocks.0.dense0";
    assert!(rect_of(&window, first).width() > 120.0, "it starts where it can be read");
    assert!(window.query_by_label("Graph node blocks.200.dense0").is_none(), "far below");
    window.state_mut().apply(Command::SelectLayer(400));
    settle(&mut window);
    let canvas = rect_of(&window, "Graph of the network");
    let selected = rect_of(&window, "Graph node blocks.200.dense0");
    assert!(canvas.contains_rect(selected), "a layer selected elsewhere comes into view");
    let map = rect_of(&window, "Map of the graph");
    // In columns: the last one ends at the lower right.
    window.drag_at(map.right_bottom() - vec2(1.0, 1.0));
    window.step();
    window.drop_at(map.right_bottom() - vec2(1.0, 1.0));
    settle(&mut window);
    assert!(window.query_by_label("Graph node blocks.249.dense1").is_some(), "the map goes there");
    click_button(&mut window, "Fit");
    assert!(window.query_by_label(first).is_some(), "all of it");
    assert!(window.query_by_label("Map of the graph").is_none());
}

/// The sizes of all texts in the window, in points.
fn text_sizes(window: &Window, area: Rect) -> Vec<f32> {
    let shapes = window.output().shapes.iter();
    let texts = shapes.filter_map(|clipped| match &clipped.shape {
        egui::Shape::Text(text) if area.contains(text.pos) => Some(&text.galley.job.sections),
        _ => None,
    });
    texts.flatten().map(|section| section.format.font_id.size).collect()
}

#[test]
fn a_large_network_keeps_off_legend_and_map_and_has_no_small_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = residual_model(60).write(folder.path(), "large.safetensors");
    for size in [[1280.0, 800.0], [900.0, 600.0], [360.0, 700.0]] {
        let mut window = graph_of(ModelRef::Path(path.clone()), size);
        let canvas = rect_of(&window, "Graph of the network");
        for other in [LEGEND, "Map of the graph"] {
            let rect = window.get_by_label_contains(other).rect();
            assert!(!canvas.intersects(rect), "{size:?}: {other} lies on nodes");
        }
        let sizes = text_sizes(&window, canvas);
        assert!(!sizes.is_empty() && sizes.iter().all(|size| *size >= 9.0), "{size:?}: {sizes:?}");
        click_button(&mut window, "Fit");
        let sizes = text_sizes(&window, canvas);
        assert!(sizes.iter().all(|size| *size >= 9.0), "{size:?}, fitted: {sizes:?}");
    }
}

const LEGEND: &str = "Colours: ";

#[test]
fn a_fitted_graph_leaves_the_legend_free() {
    for size in [[345.0, 800.0], [500.0, 700.0], [640.0, 500.0], [1200.0, 700.0], [320.0, 560.0]] {
        let mut window = graph_of(ModelRef::default_sample(), size);
        click_button(&mut window, "Fit");
        let legend = window.get_by_label_contains(LEGEND).rect();
        let canvas = rect_of(&window, "Graph of the network");
        // Over the drawing, or below it where that has no room.
        let is_below = legend.top() >= canvas.bottom();
        assert!(is_below || canvas.contains_rect(legend), "{size:?}");
        for node in ["stem", "block1.dw", "res.conv1", "fc"] {
            let rect = rect_of(&window, &format!("Graph node {node}"));
            assert!(!rect.intersects(legend), "{size:?}: {node} {rect:?} {legend:?}");
        }
        for control in ["Fit", "100 %", "Zoom in", "Zoom out"] {
            let measure = rect_of(&window, "Colour by size");
            let rect = window.get_by_role_and_label(Role::Button, control).rect();
            assert!(!rect.intersects(measure), "{size:?}: {control} lies on the measures");
        }
    }
}

#[test]
fn in_a_narrow_panel_the_legend_is_a_button() {
    let mut window = graph_of(ModelRef::default_sample(), [260.0, 700.0]);
    assert!(!shows(&window, LEGEND));
    click_button(&mut window, "Legend");
    assert!(shows(&window, "Colours: Bits of one code"));
}

#[test]
fn shape_arithmetic_is_folded_away_until_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = residual_model(2).write(folder.path(), "shapes.safetensors");
    let mut window = graph_of(ModelRef::Path(path), [1000.0, 1400.0]);
    let titles = |window: &Window, shapes: ShapeArithmetic| -> Vec<String> {
        let layout = session(window).graph_layout(shapes);
        layout.ready().unwrap().boxes.iter().map(|graph_box| graph_box.title.clone()).collect()
    };
    let hidden = titles(&window, ShapeArithmetic::Hidden);
    assert!(hidden.contains(&"Add · Reshape".to_owned()), "{hidden:?}");
    window.get_by_role_and_label(Role::CheckBox, "Shape arithmetic (1)").click();
    settle(&mut window);
    let shown = titles(&window, ShapeArithmetic::Shown);
    assert!(shown.contains(&"Shape".to_owned()), "{shown:?}");
    assert!(!hidden.contains(&"Shape".to_owned()), "{hidden:?}");
    // The sample has none, and no switch for it.
    assert!(!shows(&digits(), "Shape arithmetic"));
}

#[test]
fn unfolded_normalization_is_drawn() {
    let mut window = digits();
    window.state_mut().apply(Command::SetFold(FoldMode::Keep));
    settle(&mut window);
    assert!(window.query_by_label("Graph node stem").is_some());
}

#[test]
fn a_file_without_a_graph_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = FileBuilder::new().floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let path = file.write(folder.path(), "weights.safetensors");
    let window = graph_of(ModelRef::Path(path), [800.0, 600.0]);
    assert!(shows(&window, "This file has no graph"));
    assert!(shows(&window, "as ONNX"));
    let window = graph_of(ModelRef::Path("/nowhere/model.onnx".into()), [800.0, 600.0]);
    assert!(shows(&window, "No model is open"));
}

#[test]
fn every_model_at_hand_is_drawn() {
    let Some(folder) = support::shared_models() else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("model.onnx");
        if path.is_file() {
            let window = graph_of(ModelRef::Path(path.clone()), [500.0, 500.0]);
            assert!(shows(&window, "Graph node "), "{}", path.display());
        }
    }
}
