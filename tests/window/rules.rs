//! Rules by pattern: what they hit is said, and nothing is ignored silently.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use quantscope::session::{Command, ModelRef};

use super::drive::{Window, click_button, panel_window, press, session, settle, shows};

fn window() -> Window {
    panel_window("rules", ModelRef::default_sample())
}

fn spec_of(window: &Window, layer: &str) -> String {
    session(window).plan().recipe.choice(layer).to_string()
}

fn patterns(window: &Window) -> Vec<String> {
    session(window).plan().rules.0.iter().map(|rule| rule.pattern.to_string()).collect()
}

fn add_for(window: &mut Window, layer: &str) {
    let layer_idx = session(window).network().unwrap().layer_idx(layer).unwrap();
    window.state_mut().apply(Command::SelectLayer(layer_idx));
    settle(window);
    click_button(window, "Add a rule");
}

fn type_pattern(window: &mut Window, name: &str, text: &str) {
    window.get_by_label(name).click();
    settle(window);
    press(window, Modifiers::COMMAND, Key::A);
    window.get_by_label(name).type_text(text);
    settle(window);
    press(window, Modifiers::NONE, Key::Enter);
    settle(window);
}

#[test]
fn a_rule_is_added_for_what_is_selected_and_undone() {
    let mut window = window();
    assert!(shows(&window, "No rules yet") && shows(&window, "A rule gives every layer"));
    add_for(&mut window, "fc");
    assert_eq!(patterns(&window), ["fc"]);
    assert!(shows(&window, "1 layer"));
    window.state_mut().apply(Command::Undo);
    settle(&mut window);
    assert!(patterns(&window).is_empty());
}

#[test]
fn a_pattern_decides_which_layers_follow() {
    let mut window = window();
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    add_for(&mut window, "stem");
    window.state_mut().apply(Command::SetAllChoices("int8".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, "1 changed by hand"));
    type_pattern(&mut window, "Pattern of rule 1", "res.*");
    assert_eq!(patterns(&window), ["res.*"]);
    assert_eq!([spec_of(&window, "res.conv1"), spec_of(&window, "res.conv2")], ["int:bits=4"; 2]);
    assert_eq!(spec_of(&window, "fc"), "int");
    click_button(&mut window, "2 layers of rule 1");
    assert_eq!(session(&window).selected_layers().len(), 2);
    type_pattern(&mut window, "Pattern of rule 1", "*.nothing");
    assert!(shows(&window, "matches nothing"));
}

#[test]
fn what_was_changed_by_hand_is_said_and_set_again() {
    let mut window = window();
    add_for(&mut window, "fc");
    let (layer, choice) = ("fc".to_owned(), "int3".parse().unwrap());
    let gesture = quantscope::session::Gesture::Once;
    window.state_mut().apply(Command::SetChoice { layer, choice, gesture });
    settle(&mut window);
    assert!(shows(&window, "1 changed by hand"));
    click_button(&mut window, "Apply rule 1 again");
    assert_eq!(spec_of(&window, "fc"), "int");
    assert!(!shows(&window, "changed by hand"));
}

#[test]
fn rules_are_ordered_and_removed() {
    let mut window = window();
    add_for(&mut window, "fc");
    add_for(&mut window, "fc");
    type_pattern(&mut window, "Pattern of rule 2", "f*");
    assert!(shows(&window, "1 taken by an earlier rule"));
    click_button(&mut window, "Move up rule 2");
    assert_eq!(patterns(&window), ["f*", "fc"]);
    click_button(&mut window, "Move down rule 1");
    assert_eq!(patterns(&window), ["fc", "f*"]);
    click_button(&mut window, "Remove rule 1");
    assert_eq!(patterns(&window), ["f*"]);
}
