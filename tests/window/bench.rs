//! The bench: bars that are dragged, locked, selected and compared.

use egui::accesskit::Role;
use egui::{Key, Modifiers, Pos2};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::{Command, ModelRef, RivalChoice, SearchSource, SenseSettings};

use super::accuracy::click_and_copy;
use super::drive::{
    Window, click, click_button, drag, panel_window, press, session, settle, shows, window,
};
use super::support::FileBuilder;

fn bench() -> Window {
    panel_window("bench", ModelRef::default_sample())
}

fn top_of(window: &Window, layer: &str) -> Pos2 {
    window.get_by_role_and_label(Role::Slider, &format!("Bits of {layer}")).rect().center()
}

/// The place below a bar, by what it is called.
fn foot_of(window: &Window, layer: &str) -> egui::Rect {
    window.get_by_label_contains(&format!("{layer}: ")).rect()
}

fn bits(window: &Window, layer: &str) -> Option<i64> {
    let session = session(window);
    session.choice(session.network().unwrap().layer_idx(layer).unwrap()).bits()
}

fn selected(window: &Window) -> Vec<String> {
    let session = session(window);
    let layers = &session.network().unwrap().layers;
    session.selected_layers().iter().map(|&idx| layers[idx].name.clone()).collect()
}

/// Drags the top of a bar by so many bits, as the plot has 8 of them.
fn drag_by(window: &mut Window, layer: &str, by: f32) {
    let top = top_of(window, layer);
    let now = bits(window, layer).map_or(8.0, |bits| bits as f32);
    let per_bit = (foot_of(window, layer).top() - 2.0 - top.y) / now;
    drag(window, top, top - egui::vec2(0.0, by * per_bit));
}

fn set(window: &mut Window, layer: &str, spec: &str) {
    let (layer, choice) = (layer.to_owned(), spec.parse().unwrap());
    let gesture = quantscope::session::Gesture::Once;
    window.state_mut().apply(Command::SetChoice { layer, choice, gesture });
    settle(window);
}

#[test]
fn every_layer_has_a_bar_with_its_figures() {
    let window = bench();
    for layer in ["stem", "block1.dw", "block1.pw", "res.conv1", "res.conv2", "fc"] {
        assert!(shows(&window, &format!("{layer}: 8 bits")), "{layer}");
        let name = format!("Bits of {layer}");
        let top = window.get_by_role_and_label(Role::Slider, &name);
        assert_eq!(top.accesskit_node().numeric_value(), Some(8.0), "{layer}");
    }
    for text in ["Bits per layer", "share %", "alone", "SQNR dB"] {
        assert!(shows(&window, text), "{text}");
    }
    let conv = foot_of(&window, "res.conv1").width();
    assert!(conv > 5.0 * foot_of(&window, "stem").width(), "width is the share: {conv}");
}

#[test]
fn a_top_is_dragged_as_one_step() {
    let mut window = bench();
    drag_by(&mut window, "fc", -3.0);
    assert_eq!(bits(&window, "fc"), Some(5));
    assert_eq!(selected(&window), ["fc"], "what is dragged is shown");
    assert_eq!(session(&window).history().len(), 1);
    drag_by(&mut window, "fc", -20.0);
    assert_eq!(bits(&window, "fc"), Some(2), "as far as the scheme allows");
    window.state_mut().apply(Command::Undo);
    settle(&mut window);
    assert_eq!(bits(&window, "fc"), Some(5));
}

#[test]
fn selected_bars_move_together_and_locked_ones_stay() {
    let mut window = bench();
    set(&mut window, "stem", "int6");
    let layers = vec![0, 3, 5];
    window.state_mut().apply(Command::SelectLayers(layers));
    settle(&mut window);
    click(&mut window, "Lock fc");
    drag_by(&mut window, "res.conv1", -2.0);
    let found = ["stem", "block1.dw", "res.conv1", "fc"].map(|layer| bits(&window, layer).unwrap());
    assert_eq!(found, [4, 8, 6, 8]);
    assert_eq!(session(&window).history().len(), 3, "the drag is one step");
    drag_by(&mut window, "fc", -2.0);
    assert_eq!(bits(&window, "fc"), Some(8), "it is locked");
    click(&mut window, "Unlock fc");
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    let found = ["stem", "res.conv1", "fc"].map(|layer| bits(&window, layer).unwrap());
    assert_eq!(found, [3, 5, 7], "keys act on the same layers");
}

#[test]
fn names_and_brushes_select() {
    let mut window = bench();
    window.get_by_label("fc: 8 bits").click();
    settle(&mut window);
    assert_eq!(selected(&window), ["fc"]);
    window.get_by_label("stem: 8 bits").click_modifiers(Modifiers::COMMAND);
    settle(&mut window);
    assert_eq!(selected(&window), ["stem", "fc"]);
    window.get_by_label("res.conv2: 8 bits").click();
    window.step();
    window.get_by_label("block1.pw: 8 bits").click_modifiers(Modifiers::SHIFT);
    settle(&mut window);
    assert_eq!(selected(&window), ["block1.pw", "res.conv1", "res.conv2"]);
    let above =
        |window: &Window, layer: &str| foot_of(window, layer).center_top() - egui::vec2(0.0, 60.0);
    let (from, to) = (above(&window, "stem"), above(&window, "block1.pw"));
    drag(&mut window, from, to);
    assert_eq!(selected(&window), ["stem", "block1.dw", "block1.pw"]);
    let at = above(&window, "res.conv2");
    super::drive::click_at(&mut window, at);
    assert_eq!(selected(&window), ["res.conv2"], "a click on a bar");
}

#[test]
fn bits_are_set_by_keys_and_by_name() {
    let mut window = bench();
    window.get_by_role_and_label(Role::Slider, "Bits of fc").set_value_accesskit(3.0);
    settle(&mut window);
    assert_eq!(bits(&window, "fc"), Some(3));
    window.get_by_role_and_label(Role::Slider, "Bits of fc").focus();
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::Plus);
    press(&mut window, Modifiers::NONE, Key::Plus);
    press(&mut window, Modifiers::NONE, Key::Minus);
    assert_eq!(bits(&window, "fc"), Some(4));
}

#[test]
fn schemes_without_bits_refuse_in_words() {
    let mut window = bench();
    set(&mut window, "fc", "nf4");
    set(&mut window, "stem", "float");
    assert!(shows(&window, "fc: 4 bits") && shows(&window, "stem: float"));
    for (layer, words) in [("fc", "nf4 fixes its bits"), ("stem", "stays in float")] {
        let at = top_of(&window, layer);
        drag(&mut window, at, at + egui::vec2(0.0, 90.0));
        window.hover_at(at);
        window.run_steps(60);
        assert!(shows(&window, words), "{layer}");
    }
    let n_steps = session(&window).history().len();
    assert_eq!(n_steps, 2, "nothing was changed by dragging");
}

#[test]
fn a_recipe_is_held_and_changed_for_the_present_one() {
    let mut window = bench();
    click_button(&mut window, "Hold as A");
    assert!(shows(&window, "A: "));
    set(&mut window, "fc", "int3");
    click_button(&mut window, "Present recipe a");
    assert_eq!(bits(&window, "fc"), Some(8));
    assert!(shows(&window, "B: "), "the other one is held now");
    click_button(&mut window, "Present recipe b");
    assert_eq!(bits(&window, "fc"), Some(3));
    for (item, name) in [("A: 5 bits everywhere", "A: int"), ("A: float", "A: float")] {
        click(&mut window, "Compare with");
        click_button(&mut window, item);
        assert!(shows(&window, name), "{item}");
    }
    click(&mut window, "Compare with");
    click_button(&mut window, "Hold the present recipe as A");
    let held = session(&window).rival().unwrap().recipe.clone();
    assert_eq!(held, session(&window).plan().recipe);
    click(&mut window, "Compare with");
    click_button(&mut window, "Compare with nothing");
    assert!(session(&window).rival().is_none() && shows(&window, "Hold as A"));
}

/// Few samples and widths, so that a measurement is short.
fn quick_sense() -> Command {
    let settings = SenseSettings {
        bits: vec![4, 8],
        limit: Some(12),
        source: SearchSource::Train,
        scheme: "int".parse().unwrap(),
    };
    Command::SetSense(Box::new(settings))
}

#[test]
fn what_layers_cost_alone_is_measured_on_demand() {
    let mut window = bench();
    window.state_mut().apply(quick_sense());
    set(&mut window, "fc", "int:bits=4,granularity=per-channel");
    assert!(session(&window).known_sensitivity().is_none(), "nothing is measured unasked");
    click(&mut window, "Measure each layer alone");
    assert!(shows(&window, "alone pt"));
    assert!(window.query_by_label("Measure each layer alone").is_none());
    click_button(&mut window, "More for Bench");
    let table = click_and_copy(&mut window, "Copy as CSV");
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let cells: Vec<String> = row("stem").split(',').map(str::to_owned).collect();
    assert!(cells[6].parse::<f64>().is_ok(), "{cells:?}");
    assert!(row("fc").contains(",,,"), "its setting is none of those measured: {}", row("fc"));
    let at = foot_of(&window, "fc").center();
    window.hover_at(at);
    window.run_steps(60);
    assert!(shows(&window, "none of the settings that were measured"));
}

#[test]
fn the_way_to_a_proposal_is_on_the_bench() {
    let mut window = window();
    let tabs = window.query_all_by_role_and_label(Role::Button, "Bench");
    tabs.into_iter().next().unwrap().click();
    settle(&mut window);
    assert!(!shows(&window, "Propose a mix"));
    click_button(&mut window, "Propose…");
    assert!(shows(&window, "Propose a mix"));
}

#[test]
fn of_many_layers_those_in_sight_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..64).map(|i| (i as f32 * 0.37).sin()).collect();
    let file = (0..500).fold(FileBuilder::new(), |file, idx| {
        let name = format!("encoder.layers.{idx}.attention.self.query_projection.weight");
        file.floats(&name, &[8, 8], &values)
    });
    let path = file.write(folder.path(), "many.safetensors");
    let mut window = panel_window("bench", ModelRef::Path(path));
    let n_tops = |window: &Window| window.query_all_by_role(Role::Slider).count();
    assert!((10..40).contains(&n_tops(&window)), "{} bars", n_tops(&window));
    assert!(window.query_by_label("Measure each layer alone").is_none(), "there is no graph");
    window.state_mut().apply(Command::SelectLayer(400));
    settle(&mut window);
    assert!(shows(&window, "encoder.layers.400.attention"), "it is scrolled to");
    assert!((10..40).contains(&n_tops(&window)), "{} bars", n_tops(&window));
}

#[test]
fn one_layer_and_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]);
    let path = file.write(folder.path(), "one.safetensors");
    let mut window = panel_window("bench", ModelRef::Path(path));
    assert!(foot_of(&window, "w").width() > 1000.0);
    window.state_mut().apply(Command::SetRival(Some(RivalChoice::Float)));
    settle(&mut window);
    assert!(shows(&window, "A: float"));
    let path =
        FileBuilder::new().floats("b", &[4], &[0.5; 4]).write(folder.path(), "no.safetensors");
    let window = panel_window("bench", ModelRef::Path(path));
    assert!(shows(&window, "No weights to look at"));
}
