//! The recipes that were measured: plot and list.

use egui::{Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable;
use quantscope::quant::SchemeChoice;
use quantscope::session::{Command, CriticalChoice, ModelRef, Origin};

use super::accuracy::click_and_copy;
use super::drive::{Window, click, click_at, panel_window, press, session, settle, shows};
use super::sensitivity::{chain, chain_window};
use super::support::{FileBuilder, row_samples};

const PLOT: &str = "Size against accuracy";

fn try_all(window: &mut Window, specs: &[&str]) {
    for spec in specs {
        let choice: SchemeChoice = spec.parse().unwrap();
        window.state_mut().apply(Command::SetAllChoices(choice));
        settle(window);
    }
}

/// Four widths everywhere, and a mix.
fn tried() -> (tempfile::TempDir, Window) {
    let (folder, mut window) = chain_window("front", 4);
    try_all(&mut window, &["int:bits=2", "int:bits=4", "int:bits=6"]);
    window.state_mut().apply(Command::SetChoice {
        layer: "blocks.1.dense".to_owned(),
        choice: "int:bits=3".parse().unwrap(),
        gesture: quantscope::session::Gesture::Once,
    });
    settle(&mut window);
    (folder, window)
}

fn spec_of(window: &Window, layer_idx: usize) -> String {
    session(window).choice(layer_idx).to_string()
}

fn top_of(window: &Window, label: &str) -> f32 {
    window.get_by_label_contains(label).rect().top()
}

/// In the row of a recipe, beside its pin.
fn click_row(window: &mut Window, name: &str) {
    let rect = window.get_by_label_contains(&format!("Recipe {name}")).rect();
    click_at(window, rect.left_center() + egui::vec2(60.0, 0.0));
}

#[test]
fn every_recipe_measured_becomes_a_point_and_a_row() {
    let (_folder, window) = tried();
    assert!(shows(&window, "5 recipes measured"));
    assert!(shows(&window, &format!("{PLOT}, 5 recipes")));
    for bits in [2, 4, 6, 8] {
        assert!(shows(&window, &format!("Recipe int {bits} everywhere")), "row of {bits}");
        assert!(shows(&window, &format!("int {bits} everywhere: ")), "point of {bits}");
    }
    assert!(shows(&window, "Recipe mix of "));
    let origins = session(&window).tried().iter().map(|tried| tried.origin);
    assert_eq!(origins.filter(|origin| *origin == Origin::Uniform).count(), 4);
    for text in ["tried", "front", "uniform", "now"] {
        assert!(shows(&window, text), "{text} is not in the legend");
    }
}

#[test]
fn a_click_on_a_point_goes_back_to_it() {
    let (_folder, mut window) = tried();
    let at = window.get_by_label_contains("int 4 everywhere: ").rect().center();
    click_at(&mut window, at);
    assert_eq!(spec_of(&window, 0), "int:bits=4");
    assert_eq!(session(&window).history().undo_label(), Some("Recipe int 4 everywhere"));
    window.state_mut().apply(Command::Undo);
    settle(&mut window);
    assert_eq!(spec_of(&window, 1), "int:bits=3");
    window.hover_at(at);
    window.run_steps(60);
    for text in ["Bits per weight", "Stored size", "Samples", "First measured", "Click to go back"]
    {
        assert!(shows(&window, text), "{text} is not told");
    }
}

#[test]
fn a_row_is_picked_and_gone_back_to() {
    let (_folder, mut window) = tried();
    click_row(&mut window, "int 2 everywhere");
    assert_eq!(spec_of(&window, 0), "int:bits=6", "a click only picks");
    click(&mut window, "Restore recipe");
    assert_eq!(spec_of(&window, 0), "int:bits=2");
}

#[test]
fn a_recipe_is_named_pinned_held_and_forgotten() {
    let (_folder, mut window) = tried();
    click_row(&mut window, "int 4 everywhere");
    window.get_by_label("Name of the recipe").focus();
    window.step();
    window.get_by_label("Name of the recipe").type_text("small and good");
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(shows(&window, "Recipe small and good"));
    click(&mut window, "Pin recipe");
    let is_pinned = |window: &Window| {
        let mut all = session(window).tried().iter();
        all.any(|tried| tried.is_pinned && tried.name.as_deref() == Some("small and good"))
    };
    assert!(is_pinned(&window));
    click(&mut window, "Unpin recipe");
    assert!(!is_pinned(&window));
    click(&mut window, "Pin small and good");
    assert!(is_pinned(&window), "in its row as well");
    click(&mut window, "Hold as A recipe");
    assert_eq!(session(&window).rival().unwrap().name, "small and good");
    click(&mut window, "Forget recipe");
    assert!(!shows(&window, "small and good,"));
    assert!(shows(&window, "4 recipes measured"));
}

#[test]
fn what_is_listed_is_chosen() {
    let (_folder, mut window) = tried();
    let n_rows = |window: &Window| window.query_all_by_label_contains("Recipe ").count();
    let n_all = n_rows(&window);
    click(&mut window, "List front");
    assert!((1..=n_all).contains(&n_rows(&window)));
    click(&mut window, "List pinned");
    assert!(shows(&window, "Nothing listed"));
    click(&mut window, "List all");
    assert_eq!(n_rows(&window), n_all);
}

#[test]
fn rows_are_ordered_by_any_column() {
    let (_folder, mut window) = tried();
    let (small, large) = ("Recipe int 2 everywhere", "Recipe int 8 everywhere");
    click(&mut window, "Order recipes by Size");
    assert!(top_of(&window, small) < top_of(&window, large), "the smallest first");
    click(&mut window, "Order recipes by Size");
    assert!(top_of(&window, small) > top_of(&window, large));
    for column in ["Recipe", "Bits / w.", "Top-1, %", "Measured", "Pin"] {
        click(&mut window, &format!("Order recipes by {column}"));
    }
    click(&mut window, "Order recipes by Recipe");
    assert!(top_of(&window, small) < top_of(&window, large), "by name");
}

#[test]
fn the_axis_of_sizes_is_chosen() {
    let (_folder, mut window) = tried();
    click(&mut window, "Recipes over bits / weight");
    assert!(shows(&window, "int 4 everywhere: 6.00 bits/weight"));
    click(&mut window, "Recipes over size");
    assert!(!shows(&window, "6.00 bits/weight"));
}

#[test]
fn the_keyboard_reaches_rows() {
    let (_folder, mut window) = tried();
    window.get_by_label_contains("Recipe int 2 everywhere").focus();
    window.step();
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(window.query_by_label("Restore recipe").is_some(), "it is picked");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(spec_of(&window, 0), "int:bits=2", "and gone back to");
}

#[test]
fn a_point_has_a_menu() {
    let (_folder, mut window) = tried();
    let at = window.get_by_label_contains("int 6 everywhere: ").rect().center();
    window.hover_at(at);
    window.step();
    for pressed in [true, false] {
        window.event(egui::Event::PointerButton {
            pos: at,
            button: PointerButton::Secondary,
            pressed,
            modifiers: Modifiers::NONE,
        });
        window.step();
    }
    settle(&mut window);
    click(&mut window, "Pin");
    let pinned = session(&window).tried().iter().filter(|tried| tried.is_pinned).count();
    assert_eq!(pinned, 1);
}

#[test]
fn the_list_is_copied() {
    let (_folder, mut window) = tried();
    click(&mut window, "More for Recipes");
    let table = click_and_copy(&mut window, "Copy as CSV");
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("recipe,stored_bytes,bits_per_weight,metric,value,low95,high95"));
    assert_eq!(lines.len(), 6);
    assert!(lines[1].starts_with("mix of ") && lines[1].ends_with("true"), "the newest first");
}

#[test]
fn recipes_on_other_samples_are_told() {
    let (folder, mut window) = tried();
    let other = row_samples(24, 4).write(folder.path(), "other.safetensors");
    window.state_mut().apply(Command::OpenSamples(other));
    settle(&mut window);
    assert!(shows(&window, "1 recipe measured"));
    assert!(shows(&window, "4 more were measured on other samples"));
}

#[test]
fn without_a_measurement_it_says_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = chain(2).write(folder.path(), "model.safetensors");
    let window = panel_window("front", ModelRef::Path(path));
    assert!(shows(&window, "No samples are open"));
    assert!(shows(&window, "Every recipe you measure becomes a point here."));
    let path = FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]);
    let path = path.write(folder.path(), "weights.safetensors");
    let window = panel_window("front", ModelRef::Path(path));
    assert!(shows(&window, "This model cannot be run"));
}

#[test]
fn the_recall_that_counts_is_an_axis_and_a_column() {
    let (_folder, mut window) = chain_window("front", 2);
    assert!(!shows(&window, "Recipes by"), "no class is critical");
    let class = CriticalChoice::Class("class 1".to_owned());
    window.state_mut().apply(Command::SetCritical(class));
    try_all(&mut window, &["int:bits=3", "int:bits=4"]);
    click(&mut window, "Recipes by recall");
    assert!(shows(&window, "Recall of class 1, %"));
    click(&mut window, "Order recipes by Recall, %");
    click(&mut window, "Recipes by top-1");
    assert!(shows(&window, "Top-1 accuracy, %"));
}
