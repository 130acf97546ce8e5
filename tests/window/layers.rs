//! The list of layers: its order while something is edited, and the width of names.

use egui::accesskit::{Role, SortDirection};
use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::ModelRef;
use quantscope::ui::{App, AppOptions};

use super::drive::{Window, click_button, drag, press, session, settle, window};
use super::support::FileBuilder;

const SPLITTER: &str = "Width of the layers' names";

fn top_of(window: &Window, layer: &str) -> f32 {
    window.get_by_label(&format!("Bits of {layer}")).rect().top()
}

fn has_column(window: &Window, title: &str) -> bool {
    window.query_by_label(&format!("Order by {title}")).is_some()
}

#[test]
fn rows_stay_where_they_are_until_a_drag_ends() {
    let mut window = window();
    click_button(&mut window, "Order by SQNR, dB");
    let sorted = window.get_by_label("Order by SQNR, dB");
    assert_eq!(sorted.accesskit_node().sort_direction(), Some(SortDirection::Ascending));
    let before = top_of(&window, "stem");
    assert!(before > top_of(&window, "res.conv1"), "the best stands last");
    let from = window.get_by_label("Bits of stem").rect().center();
    window.drag_at(from);
    window.step();
    for by in [-30.0, -60.0, -100.0] {
        window.hover_at(from + vec2(by, 0.0));
        settle(&mut window);
    }
    assert!(session(&window).choice(0).bits().unwrap() < 6, "it is dragged");
    assert_eq!(top_of(&window, "stem"), before, "the row stays under the pointer");
    window.drop_at(from + vec2(-100.0, 0.0));
    settle(&mut window);
    assert!(top_of(&window, "stem") < top_of(&window, "res.conv1"), "then it is the worst");
}

#[test]
fn rows_stay_while_a_number_is_typed() {
    let mut window = window();
    click_button(&mut window, "Order by SQNR, dB");
    let before = top_of(&window, "stem");
    let place = window.get_by_label("Bits of stem").rect().center();
    super::drive::click_at(&mut window, place);
    press(&mut window, Modifiers::COMMAND, Key::A);
    window.event(egui::Event::Text("3".to_owned()));
    settle(&mut window);
    assert_eq!(session(&window).choice(0).bits(), Some(3));
    assert_eq!(top_of(&window, "stem"), before);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(top_of(&window, "stem") < top_of(&window, "res.conv1"));
}

#[test]
fn names_are_given_room_by_hand() {
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: Some("layers") };
    // Each event has a frame of its own: two clicks are to be as quick as a double one.
    let mut window = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_step_dt(0.02)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    assert!(["Shape", "Weights", "Share"].iter().all(|title| has_column(&window, title)));
    let edge = |window: &Window| window.get_by_label(SPLITTER).rect().center();
    let from = edge(&window);
    // Less room than the names have by themselves.
    drag(&mut window, from, from - vec2(40.0, 0.0));
    assert!((edge(&window).x - (from.x - 40.0)).abs() < 6.0, "{:?} {from:?}", edge(&window));
    let from = edge(&window);
    drag(&mut window, from, egui::pos2(1050.0, from.y));
    assert!(!has_column(&window, "Shape") && !has_column(&window, "Weights"));
    assert!(has_column(&window, "Bits"), "the figures stay");
    window.get_by_role_and_label(Role::Splitter, SPLITTER).focus();
    settle(&mut window);
    let before = edge(&window).x;
    press(&mut window, Modifiers::NONE, Key::Minus);
    assert!((edge(&window).x - (before - 16.0)).abs() < 2.0);
    let at = edge(&window);
    for _ in 0..2 {
        window.hover_at(at);
        window.drag_at(at);
        window.drop_at(at);
        window.step();
    }
    settle(&mut window);
    assert!(has_column(&window, "Shape"), "a double click gives the room back");
}

#[test]
fn in_a_wide_list_the_figures_stay_near_short_names() {
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: Some("layers") };
    let mut window = Harness::builder()
        .with_size([2560.0, 900.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    let left = |label: &str| window.get_by_label(label).rect().left();
    let list = window.get_by_label("Filter layers").rect().left();
    assert!(left("Order by Op") - list < 240.0, "{} {list}", left("Order by Op"));
    assert!(left("Lock stem") - list < 1400.0, "{} {list}", left("Lock stem"));
    let weights = window.get_by_label("Order by Weights").rect().right();
    let combo = window.get_by_label("Scheme of stem").rect().left();
    assert!(combo - weights >= 12.0, "{combo} {weights}");
    // The mark of a row goes on to the right of the last figure.
    let row = window_row(&window, "fc");
    super::drive::click_at(&mut window, egui::pos2(1800.0, row));
    assert_eq!(super::drive::selected_layer(&window), "fc");
}

fn window_row(window: &Window, layer: &str) -> f32 {
    window.get_by_label(&format!("Bits of {layer}")).rect().center().y
}

#[test]
fn shape_and_count_yield_to_long_names() {
    let folder = tempfile::tempdir().unwrap();
    let name = "encoder.layers.11.attention.self.query_projection.weight";
    let file = FileBuilder::new().floats(name, &[4, 4], &[0.5; 16]);
    let path = file.write(folder.path(), "long.safetensors");
    let narrow = super::drive::window_of(ModelRef::Path(path));
    assert!(!has_column(&narrow, "Shape") && has_column(&narrow, "SQNR, dB"));
    narrow.get_by_label(&format!("Bits of {}", session(&narrow).network().unwrap().layers[0].name));
}
