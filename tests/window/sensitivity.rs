//! The table of what every layer costs at every width.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::{Command, Loaded, ModelRef, SearchSource, SenseSettings};
use serde_json::json;

use super::accuracy::click_and_copy;
use super::drive::{
    Window, click, click_at, click_button, open_combo, panel_window, press, selected_layer,
    session, settle, shows, wait_until,
};
use super::support::{FileBuilder, graph, node, row_samples};

const N_CLASSES: usize = 4;

/// Dense layers one after the other, all but the identity.
pub fn chain(n_layers: usize) -> FileBuilder {
    let (mut file, mut nodes, mut input) = (FileBuilder::new(), Vec::new(), "input".to_owned());
    for layer in 0..n_layers {
        let name = format!("blocks.{layer}.dense");
        let weight = format!("{name}.weight");
        let values: Vec<f32> = (0..N_CLASSES * N_CLASSES)
            .map(|i| {
                let diagonal = if i % (N_CLASSES + 1) == 0 { 1.0 } else { 0.0 };
                diagonal + ((i * 7 + 3 * layer) % 11) as f32 * 0.04 - 0.2
            })
            .collect();
        file = file.floats(&weight, &[N_CLASSES, N_CLASSES], &values);
        let is_last = layer + 1 == n_layers;
        let output = if is_last { "output".to_owned() } else { format!("value{layer}") };
        nodes.push(node(&name, "Gemm", &[&input, &weight], &[&output], json!({})));
        input = output;
    }
    file.graph(&graph(&[N_CLASSES], nodes))
}

/// A chain with samples beside it, alone in a panel.
pub fn chain_window(panel: &'static str, n_layers: usize) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let path = chain(n_layers).write(folder.path(), "model.safetensors");
    row_samples(40, N_CLASSES).write(folder.path(), "eval.safetensors");
    let window = panel_window(panel, ModelRef::Path(path));
    (folder, window)
}

fn measured() -> (tempfile::TempDir, Window) {
    chain_window("sensitivity", 4)
}

fn spec_of(window: &Window, layer: &str) -> String {
    let session = session(window);
    session.choice(session.network().unwrap().layer_idx(layer).unwrap()).to_string()
}

fn top_of(window: &Window, label: &str) -> f32 {
    window.get_by_label(label).rect().top()
}

#[test]
fn every_layer_has_a_figure_at_every_width() {
    let (_folder, window) = measured();
    for layer in 0..4 {
        for bits in [2, 3, 4, 5, 6, 8] {
            assert!(shows(&window, &format!("blocks.{layer}.dense at int {bits}: ")));
        }
    }
    assert!(shows(&window, "All at int 2: "), "every layer at once");
    assert!(shows(&window, "20 samples of one class-balanced half of"), "which samples");
    assert!(shows(&window, "measured just now"));
    assert!(shows(&window, "Colour: the harm, logarithmic"));
}

#[test]
fn a_cell_sets_its_layer_and_shows_it() {
    let (_folder, mut window) = measured();
    let at = window.get_by_label_contains("blocks.2.dense at int 3: ").rect().center();
    click_at(&mut window, at);
    assert_eq!(spec_of(&window, "blocks.2.dense"), "int:bits=3,granularity=per-channel");
    assert_eq!(selected_layer(&window), "blocks.2.dense");
    assert_eq!(session(&window).history().n_done(), 1);
    let cell = window.get_by_label_contains("blocks.2.dense at int 3: ");
    assert!(cell.accesskit_node().toggled().is_some(), "the present one is told");
    window.hover_at(at);
    window.run_steps(60);
    for text in
        ["SQNR", "MSE × Hessian trace", "Won back, all but it", "Bits per weight", "Samples"]
    {
        assert!(shows(&window, text), "{text} is not told");
    }
    assert!(shows(&window, "The layer is quantized so now."));
}

#[test]
fn a_locked_layer_stays_as_it_is() {
    let (_folder, mut window) = measured();
    let layer = "blocks.1.dense".to_owned();
    window.state_mut().apply(Command::SetLock { layer, lock: true });
    settle(&mut window);
    let at = window.get_by_label_contains("blocks.1.dense at int 2: ").rect().center();
    click_at(&mut window, at);
    assert_eq!(spec_of(&window, "blocks.1.dense"), "int");
    window.hover_at(at);
    window.run_steps(60);
    assert!(shows(&window, "The layer is locked"));
}

#[test]
fn a_name_shows_its_layer() {
    let (_folder, mut window) = measured();
    click(&mut window, "Show blocks.3.dense");
    assert_eq!(selected_layer(&window), "blocks.3.dense");
}

#[test]
fn the_keyboard_goes_along_the_row_that_is_shown() {
    let (_folder, mut window) = measured();
    click(&mut window, "Show blocks.0.dense");
    window.get_by_label_contains("blocks.0.dense at int 4: ").focus();
    window.step();
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(spec_of(&window, "blocks.0.dense"), "int:bits=4,granularity=per-channel");
}

#[test]
fn figures_and_modes_are_chosen() {
    let (_folder, mut window) = measured();
    assert!(shows(&window, "Top-1, points: change with only that layer quantized"));
    for (name, title) in [
        ("Show loss", "Loss, nats: change"),
        ("Show kl", "KL from float, nats: change"),
        ("Show bits", "Stored bits per weight"),
        ("Show top-1", "Top-1, points"),
    ] {
        click(&mut window, name);
        assert!(shows(&window, title), "{title}");
    }
    click(&mut window, "Quantized all but");
    assert!(shows(&window, "won back with only that layer left in float"));
    click(&mut window, "Quantized alone");
    click(&mut window, "Show bits");
    // 16 weights of 4 bits and a 32-bit scale for each of 4 channels.
    assert!(shows(&window, "blocks.0.dense at int 4: 12.00 bits"));
}

#[test]
fn rows_are_ordered_by_harm_and_back() {
    let (_folder, mut window) = measured();
    click(&mut window, "Show kl");
    let harms = |window: &Window| -> Vec<f64> {
        let found = session(window).known_sensitivity().unwrap();
        (0..4).map(|idx| found.found.cell(idx, 0).unwrap().alone.kl().value).collect()
    };
    let harms = harms(&window);
    let most = (0..4).max_by(|&a, &b| harms[a].total_cmp(&harms[b])).unwrap();
    let least = (0..4).min_by(|&a, &b| harms[a].total_cmp(&harms[b])).unwrap();
    let [most, least] = [most, least].map(|idx| format!("Show blocks.{idx}.dense"));
    click(&mut window, "Order by harm at int 2");
    assert!(top_of(&window, &most) < top_of(&window, &least), "the most first");
    click(&mut window, "Order by harm at int 2");
    assert!(top_of(&window, &most) > top_of(&window, &least), "then the least");
    click(&mut window, "Order by weights");
    click(&mut window, "Order as in the network");
    assert!(top_of(&window, "Show blocks.0.dense") < top_of(&window, "Show blocks.1.dense"));
}

#[test]
fn widths_scheme_and_samples_are_chosen() {
    let (_folder, mut window) = measured();
    click(&mut window, "Measured widths");
    for width in ["2 bits", "3 bits", "6 bits"] {
        window.get_by_role_and_label(Role::CheckBox, width).click_accesskit();
        settle(&mut window);
    }
    assert_eq!(session(&window).sense_settings().bits, [4, 5, 8]);
    assert!(!shows(&window, "at int 2: "));
    click_at(&mut window, egui::pos2(640.0, 700.0));
    click(&mut window, "Measured samples");
    window.get_by_role_and_label(Role::RadioButton, "up to 100 samples").click_accesskit();
    settle(&mut window);
    assert_eq!(session(&window).sense_settings().limit, Some(100));
    let half = "Half of the set that judges";
    window.get_by_role_and_label(Role::RadioButton, half).click_accesskit();
    settle(&mut window);
    assert_eq!(session(&window).sense_settings().source, SearchSource::HalfOfShown);
    click_at(&mut window, egui::pos2(640.0, 700.0));
    open_combo(&mut window, "Measured scheme");
    window.get_by_label("Search schemes").type_text("power-of-two");
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_ne!(session(&window).sense_settings().scheme.scheme().id(), "int");
    assert_eq!(session(&window).sense_settings().bits, [4, 5, 8], "widths stay");
}

#[test]
fn predictors_are_held_against_what_was_measured() {
    let (_folder, mut window) = measured();
    assert!(shows(&window, "SQNR at all candidates: "));
    click(&mut window, "Show kl");
    let label = "MSE × trace at int 3: ";
    let at = window.get_by_label_contains(label).rect().center();
    click_at(&mut window, at);
    assert!(shows(&window, "Predicted and measured, 4 points"), "one candidate's layers");
    assert!(shows(&window, "misleads at") || shows(&window, "puts no two layers"));
    let plot = window.get_by_label_contains("Predicted and measured").rect();
    window.hover_at(plot.center());
    window.run_steps(4);
    click_button(&mut window, "What predicts it");
    assert!(!shows(&window, "Predicted and measured"));
    click_button(&mut window, "What predicts it");
    assert!(shows(&window, "Predicted and measured"));
}

#[test]
fn all_figures_are_copied_with_their_units() {
    let (_folder, mut window) = measured();
    click(&mut window, "More for Sensitivity");
    let table = click_and_copy(&mut window, "Copy as CSV");
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("layer,weights,setting,metric,alone_metric_change,"));
    assert!(lines[0].contains("alone_kl_nats") && lines[0].contains("sqnr_db"));
    assert_eq!(lines.len(), 1 + 6 * (4 + 1), "cells, and all layers at once");
    assert!(
        lines[1]
            .starts_with("blocks.0.dense,16,\"int:bits=2,granularity=per-channel\",top1_share,")
    );
    assert!(lines[5].starts_with("(all),64,\"int:bits=2,granularity=per-channel\","));
}

#[test]
fn what_cannot_be_measured_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]);
    let path = path.write(folder.path(), "weights.safetensors");
    let window = panel_window("sensitivity", ModelRef::Path(path));
    assert!(shows(&window, "This model cannot be run"));
    let path = chain(2).write(folder.path(), "model.safetensors");
    let window = panel_window("sensitivity", ModelRef::Path(path));
    assert!(shows(&window, "No samples to measure with"));
    assert!(window.query_by_label("Open samples…").is_some());
}

#[test]
fn a_set_that_is_not_there_has_a_way_out() {
    let (_folder, mut window) = measured();
    let settings = SenseSettings { source: SearchSource::Train, ..SenseSettings::default() };
    window.state_mut().apply(Command::SetSense(Box::new(settings)));
    settle(&mut window);
    assert!(shows(&window, "Sensitivities cannot be measured"));
    click(&mut window, "Use the samples there are");
    assert_eq!(session(&window).sense_settings().source, SearchSource::Best);
    assert!(shows(&window, "blocks.0.dense at int 2: "));
}

#[test]
fn it_is_stopped_and_begun_again() {
    let (_folder, mut window) = chain_window("sensitivity", 12);
    let bits = vec![2, 3, 4, 5, 6, 7, 8];
    let settings = SenseSettings { bits, ..SenseSettings::default() };
    window.state_mut().apply(Command::SetSense(Box::new(settings)));
    window.step();
    let is_there = |window: &Window| !session(window).jobs().is_empty();
    wait_until(&mut window, is_there);
    for job in session(&window).jobs() {
        window.state_mut().apply(Command::CancelJob(job.id));
    }
    window.step();
    if !matches!(session(&window).sensitivity(), Loaded::Failed(_)) {
        // It was quicker than the hand.
        return;
    }
    assert!(shows(&window, "The measurement was cancelled"));
    click(&mut window, "Measure again");
    assert!(shows(&window, "blocks.0.dense at int 7: "));
}

#[test]
fn of_many_layers_those_in_sight_are_laid_out() {
    let (_folder, window) = chain_window("sensitivity", 60);
    let n_cells = window.query_all_by_label_contains(" at int 4: ").count();
    assert!((10..30).contains(&n_cells), "{n_cells} rows");
    assert!(shows(&window, "All at int 4: "), "the last row stays in sight");
}

#[test]
fn one_layer_is_enough() {
    let (_folder, window) = chain_window("sensitivity", 1);
    assert!(shows(&window, "blocks.0.dense at int 2: "));
    assert!(shows(&window, "SQNR at all candidates: "));
}
