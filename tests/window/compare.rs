//! The panel that compares a layer under many schemes.

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::quant::Family;
use quantscope::quant::schemes::SCHEMES;
use quantscope::session::{Command, ModelRef};
use quantscope::ui::{App, AppOptions};

use super::accuracy::click_and_copy;
use super::drive::{
    Window, click, click_at, click_button, open_combo, panel_window, session, settle, shows, spec,
    window,
};
use super::support::FileBuilder;

const PLOT: &str = "Rate–distortion plot";

fn sample() -> Window {
    panel_window("compare", ModelRef::default_sample())
}

fn of_file(file: &FileBuilder) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let path = file.write(folder.path(), "model.safetensors");
    let window = panel_window("compare", ModelRef::Path(path));
    (folder, window)
}

fn of_values(dims: &[usize], values: &[f32]) -> (tempfile::TempDir, Window) {
    of_file(&FileBuilder::new().floats("weight", dims, values))
}

/// Two clicks as quick as a double one.
fn quick_window() -> Window {
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: Some("compare") };
    let mut window = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_step_dt(0.02)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

fn double_click_at(window: &mut Window, at: egui::Pos2) {
    // An earlier click would be the first of three.
    window.run_steps(40);
    for _ in 0..2 {
        window.hover_at(at);
        window.drag_at(at);
        window.drop_at(at);
        window.step();
    }
    settle(window);
}

fn centre_of(window: &Window, label: &str) -> egui::Pos2 {
    window.query_all_by_label_contains(label).next().unwrap().rect().center()
}

/// The names of the cards, in their order.
fn cards(window: &Window) -> Vec<String> {
    let labels = window.query_all_by_role(Role::Button).filter_map(|node| {
        let label = node.accesskit_node().label()?;
        label.contains(" bits per weight, ").then(|| label.to_string())
    });
    labels.collect()
}

/// Compares these alone, whatever other schemes there are.
fn compare_only(window: &mut Window, schemes: &[&str]) {
    click(window, "Compared schemes");
    click(window, "None");
    for scheme in schemes {
        window.get_by_role_and_label(Role::CheckBox, scheme).click_accesskit();
        settle(window);
    }
    click(window, "Compared schemes");
}

const TWO: [&str; 2] = ["Integer (int)", "FP4 E2M1"];

fn view(window: &mut Window, name: &str) {
    click(window, &format!("Compare as {name}"));
}

#[test]
fn the_plot_names_schemes_limits_and_what_is_in_use() {
    let window = sample();
    assert!(shows(&window, PLOT));
    for text in ["Gaussian bound", "Laplacian bound", "Own bound", "in use", "Integer 8: 8.00 bits"]
    {
        assert!(shows(&window, text), "{text} is not on the screen");
    }
    for bits in 2..8 {
        assert!(shows(&window, &format!("Integer {bits}: ")), "the curve at {bits} bits");
    }
    assert!(!shows(&window, ": 32.00 bits"), "32 bits a weight are off the plot");
}

#[test]
fn a_mark_is_picked_and_used() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    let at = centre_of(&window, "Integer 4: ");
    click_at(&mut window, at);
    assert!(shows(&window, "Integer (int), 4 bits"));
    assert_eq!(spec(&window), "int", "a click changes nothing");
    click_button(&mut window, "Use for this layer");
    assert_eq!(spec(&window), "int:bits=4");
    assert_eq!(session(&window).history().n_done(), 1);
    window.state_mut().apply(Command::Undo);
    settle(&mut window);
    assert_eq!(spec(&window), "int");
}

#[test]
fn a_double_click_on_a_mark_uses_it() {
    let mut window = quick_window();
    compare_only(&mut window, &TWO);
    let at = centre_of(&window, "Integer 3: ");
    double_click_at(&mut window, at);
    assert_eq!(spec(&window), "int:bits=3");
}

#[test]
fn hovering_a_mark_tells_the_figures() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    let at = centre_of(&window, "Integer 4: ");
    window.hover_at(at);
    window.run_steps(60);
    for text in ["Bits per weight", "Gaussian bound", "To the one in use", "MSE", "Size"] {
        assert!(shows(&window, text), "{text} is not told");
    }
}

#[test]
fn a_card_is_used_by_one_click() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    view(&mut window, "multiples");
    let name = cards(&window).into_iter().find(|name| name.contains("E2M1")).unwrap();
    click(&mut window, &name);
    assert_eq!(spec(&window), "int", "a click on the card shows it");
    click_button(&mut window, "Use FP4 E2M1");
    assert_eq!(spec(&window), "e2m1");
    assert!(shows(&window, "E2M1, in use"));
}

#[test]
fn rows_are_sorted_picked_and_used() {
    let mut window = quick_window();
    window.state_mut().apply(Command::SetAllChoices("int:bits=5".parse().unwrap()));
    compare_only(&mut window, &TWO);
    view(&mut window, "table");
    assert!(shows(&window, "Integer (int), 5 bits") && shows(&window, "in use"));
    click_button(&mut window, "Order schemes by SQNR, dB");
    let int = centre_of(&window, "Integer (int), 8 bits");
    let worst = centre_of(&window, "FP4 E2M1");
    assert!(int.y < worst.y, "the best on top");
    click_button(&mut window, "Order schemes by SQNR, dB");
    assert!(centre_of(&window, "Integer (int), 8 bits").y > centre_of(&window, "FP4 E2M1").y);
    let in_use = centre_of(&window, "Integer (int), 5 bits");
    assert!(in_use.y < centre_of(&window, "FP4 E2M1").y, "what is in use stays on top");
    let at = centre_of(&window, "FP4 E2M1");
    double_click_at(&mut window, at);
    assert_eq!(spec(&window), "e2m1");
    let at = centre_of(&window, "Integer (int), 8 bits");
    click_at(&mut window, at);
    click_button(&mut window, "Use Integer (int), 8 bits");
    assert_eq!(spec(&window), "int");
}

#[test]
fn blocks_that_are_filled_up_stand_at_the_edge() {
    let values: Vec<f32> = (0..256).map(|k| (k as f32 * 0.37).sin()).collect();
    let (_folder, mut window) = of_values(&[16, 16], &values);
    let plot = window.get_by_label_contains(PLOT).rect();
    let at = centre_of(&window, "Q4_K: 72.00 bits");
    assert!(plot.contains(at) && at.x > plot.right() - 20.0, "{at} in {plot}");
    click_at(&mut window, at);
    assert!(shows(&window, "72.000 bits/weight"));
    let int = centre_of(&window, "Integer 8: ");
    assert!(int.x > plot.center().x, "the others have the room: {int}");
}

#[test]
fn the_order_is_chosen_for_cards_too() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    view(&mut window, "multiples");
    let first = |window: &Window| cards(window)[0].clone();
    assert!(first(&window).contains("E2M1"), "the smallest first: {}", first(&window));
    open_combo(&mut window, "Sort schemes");
    click(&mut window, "by SQNR");
    assert!(first(&window).contains("Integer (int), 8 bits"), "{}", first(&window));
    click(&mut window, "Schemes descending");
    assert!(!first(&window).contains("Integer (int), 8 bits"));
    click(&mut window, "Schemes ascending");
    for key in ["scheme", "family", "size", "MSE", "max error", "clipped share"] {
        open_combo(&mut window, "Sort schemes");
        click(&mut window, &format!("by {key}"));
        assert_eq!(cards(&window).len(), TWO.len(), "{key}");
    }
}

#[test]
fn schemes_are_chosen_by_family_and_one_by_one() {
    let mut window = sample();
    view(&mut window, "multiples");
    let usual = cards(&window).len();
    click(&mut window, "Compared schemes");
    click(&mut window, "All");
    assert_eq!(cards(&window).len(), SCHEMES.len());
    let n_uniform = SCHEMES.iter().filter(|scheme| scheme.family() == Family::Uniform).count();
    click(&mut window, "Only Uniform");
    assert_eq!(cards(&window).len(), n_uniform);
    window.get_by_role_and_label(Role::CheckBox, "FP4 E2M1").click_accesskit();
    settle(&mut window);
    assert_eq!(cards(&window).len(), n_uniform + 1);
    click(&mut window, "All of Uniform");
    assert_eq!(cards(&window).len(), 1);
    click(&mut window, "None");
    assert!(shows(&window, "No scheme is compared"));
    click(&mut window, "Usual");
    assert_eq!(cards(&window).len(), usual);
}

#[test]
fn without_a_scheme_there_is_a_way_back() {
    let mut window = sample();
    click(&mut window, "Compared schemes");
    click(&mut window, "None");
    click_at(&mut window, egui::pos2(900.0, 700.0));
    click(&mut window, "Compare the usual ones");
    assert!(shows(&window, PLOT));
}

#[test]
fn bits_and_scales_are_asked_for() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    view(&mut window, "multiples");
    open_combo(&mut window, "Compared bits");
    click(&mut window, "4 bits");
    assert!(shows(&window, "Integer (int), 4 bits: 4.003"));
    click(&mut window, "Compared scale channel");
    assert!(shows(&window, "Integer (int), 4 bits: 4.1"), "32 scales of 32 bits");
    click(&mut window, "Compared scale group");
    assert!(shows(&window, "Integer (int), 4 bits: 5.000"), "a scale for 32 weights");
    click_button(&mut window, "Use Integer (int), 4 bits");
    assert_eq!(spec(&window), "int:bits=4,granularity=per-group");
    click(&mut window, "Compared scale usual");
    open_combo(&mut window, "Compared bits");
    click(&mut window, "usual");
    assert!(shows(&window, "Use Integer (int), 8 bits"));
}

#[test]
fn a_locked_layer_says_so() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    window.state_mut().apply(Command::ToggleLock);
    settle(&mut window);
    let at = centre_of(&window, "Integer 4: ");
    click_at(&mut window, at);
    assert!(shows(&window, "The layer is locked"));
    let button = window.get_by_role_and_label(Role::Button, "Use for this layer");
    assert!(button.accesskit_node().is_disabled());
    click_button(&mut window, "Unlock");
    assert!(!shows(&window, "The layer is locked"));
    click_button(&mut window, "Use for this layer");
    assert_eq!(spec(&window), "int:bits=4");
}

#[test]
fn several_layers_are_changed_at_once() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    window.state_mut().apply(Command::SelectLayers(vec![0, 1, 2]));
    settle(&mut window);
    let at = centre_of(&window, "Integer 4: ");
    click_at(&mut window, at);
    let n_layers = session(&window).selected_layers().len();
    click_button(&mut window, &format!("Use for {n_layers} layers"));
    for layer_idx in session(&window).selected_layers() {
        assert_eq!(session(&window).choice(layer_idx).to_string(), "int:bits=4");
    }
}

#[test]
fn what_is_refused_says_why() {
    let (_folder, mut window) = of_values(&[2, 4], &[1.0, f32::NAN, 0.5, 0.25, 1.0, 2.0, 3.0, 4.0]);
    compare_only(&mut window, &TWO);
    assert!(shows(&window, "Nothing to plot") && shows(&window, "non-finite=zero"));
    view(&mut window, "table");
    assert!(shows(&window, "✕ 1 NaN and 0 infinite weights"));
    view(&mut window, "multiples");
    assert!(shows(&window, "refused: 1 NaN"));
    window.state_mut().apply(Command::SetAllChoices("int:non-finite=zero".parse().unwrap()));
    settle(&mut window);
    assert!(!shows(&window, "refused"), "the layer's setting says what becomes of them");
}

#[test]
fn odd_layers_are_no_empty_window() {
    let (_folder, mut constant) = of_values(&[4, 4], &[0.5; 16]);
    compare_only(&mut constant, &TWO);
    assert!(shows(&constant, "no bounds") || shows(&constant, "Nothing to plot"));
    view(&mut constant, "table");
    assert!(shows(&constant, "Integer (int), 8 bits"));
    let (_folder, mut zeros) = of_values(&[2, 2], &[0.0; 4]);
    compare_only(&mut zeros, &TWO);
    assert!(shows(&zeros, "Nothing to plot"));
    let (_folder, empty) = of_values(&[0, 4], &[]);
    assert!(shows(&empty, "No weights") || shows(&empty, "No model is open"));
    let none = std::path::PathBuf::from("/there/is/none.safetensors");
    assert!(shows(&panel_window("compare", ModelRef::Path(none)), "No model is open"));
}

#[test]
fn a_float_layer_is_compared_too() {
    let mut window = sample();
    window.state_mut().apply(Command::SetAllChoices("float".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, "in use: not in the plot"));
    compare_only(&mut window, &["FP8 E4M3FN"]);
    view(&mut window, "multiples");
    click_button(&mut window, "Use FP8 E4M3FN");
    assert_eq!(spec(&window), "e4m3fn");
}

#[test]
fn the_table_is_copied() {
    let mut window = sample();
    compare_only(&mut window, &TWO);
    click_button(&mut window, "More for Compare");
    let table = click_and_copy(&mut window, "Copy as CSV");
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("scheme,setting,family,bits_per_weight"));
    assert!(lines.next().unwrap().starts_with("Integer (int),int,Uniform,8.0"), "in use: {table}");
    assert!(lines.next().unwrap().starts_with("FP4 E2M1,e2m1,Minifloat,4.00"), "{table}");
    assert_eq!(lines.count(), 0);
}

#[test]
fn a_zoomed_plot_goes_back() {
    let mut window = sample();
    assert!(!shows(&window, "Show all"));
    let from = centre_of(&window, PLOT);
    super::drive::drag(&mut window, from, from + egui::vec2(-80.0, 60.0));
    assert!(shows(&window, "Show all"));
    click(&mut window, "Show all");
    assert!(!shows(&window, "Show all"));
}

#[test]
fn another_layer_follows_and_the_whole_window_has_the_panel() {
    let mut window = window();
    window.state_mut().apply(Command::SelectLayer(0));
    settle(&mut window);
    let tab = window.query_all_by_label("Compare").next().unwrap().rect().center();
    let tabs = window.query_all_by_label("Compare").map(|node| node.rect().center());
    let top = tabs.fold(tab, |top, at| if at.y < top.y { at } else { top });
    click_at(&mut window, top);
    assert!(shows(&window, PLOT));
    window.state_mut().apply(Command::SelectLayer(3));
    settle(&mut window);
    assert!(shows(&window, "Integer 8: "));
}

#[test]
fn narrow_and_long_names_have_room() {
    let name = "encoder.layers.11.attention.self.query_projection.weight";
    let values: Vec<f32> = (0..64).map(|k| (k as f32 * 0.37).sin()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path =
        FileBuilder::new().floats(name, &[8, 8], &values).write(folder.path(), "m.safetensors");
    let options = AppOptions { model: ModelRef::Path(path), only_panel: Some("compare") };
    let mut window = Harness::builder()
        .with_size([560.0, 700.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    for part in ["table", "multiples", "plot"] {
        view(&mut window, part);
        assert!(shows(&window, "projection"), "{part}");
        let sort = window.get_by_role_and_label(Role::ComboBox, "Sort schemes").rect();
        assert!(sort.right() <= 560.0, "{part}: {sort}");
    }
}
