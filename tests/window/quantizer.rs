//! The settings: a range by hand, what differs among layers, and that nothing without effect shows.

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::Queryable;
use quantscope::quant::SchemeChoice;
use quantscope::quant::schemes::SCHEMES;
use quantscope::session::{Command, ModelRef};

use super::drive::{
    Window, click, click_button, drag, open_combo, panel_window, press, session, settle, shows,
    spec, spin, window,
};

fn by_hand(window: &mut Window) {
    open_combo(window, "Range");
    click(window, "By hand");
}

/// Types into a number and presses Enter.
fn enter(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(Role::SpinButton, label).click();
    window.step();
    window.step();
    window.event(Event::Text(text.to_owned()));
    window.step();
    press(window, Modifiers::NONE, Key::Enter);
    settle(window);
}

#[test]
fn the_settings_keep_their_place_whatever_is_selected() {
    let mut window = window();
    let top = |window: &Window| window.get_by_label("Bits slider").rect().top();
    let before = top(&window);
    press(&mut window, Modifiers::COMMAND, Key::A);
    assert!(shows(&window, "6 of 6 layers"));
    assert_eq!(top(&window), before, "several layers");
    click_button(&mut window, "Lock fc");
    assert!(shows(&window, "1 locked"));
    assert_eq!(top(&window), before, "one of them locked");
    click(&mut window, "fc");
    assert!(shows(&window, "Locked: nothing changes"));
    assert_eq!(top(&window), before, "a locked layer");
}

#[test]
fn symmetric_codes_have_one_end() {
    let mut window = window();
    by_hand(&mut window);
    assert!(shows(&window, "Clip ±") && !shows(&window, "Clip low"));
    spin(&mut window, "Clip ±", 5.0);
    assert_eq!(spec(&window), "int:range=manual,lo=-5,hi=5");
    assert!(!shows(&window, "not quantized") && !shows(&window, "NaN, infinite"));
    spin(&mut window, "Clip ±", 0.0);
    assert!(shows(&window, "Must be above 0; ±5.00 stays"));
    assert_eq!(spec(&window), "int:range=manual,lo=-5,hi=5", "what was in use stays");
    spin(&mut window, "Clip ±", -0.25);
    assert_eq!(spec(&window), "int:range=manual,lo=-0.25,hi=0.25");
    assert!(!shows(&window, "Must be above"));
}

#[test]
fn impossible_ends_are_refused_beside_the_field() {
    let mut window = window();
    click_button(&mut window, "Asymmetric");
    by_hand(&mut window);
    let before = spec(&window);
    spin(&mut window, "Clip low", 5.0);
    assert!(shows(&window, "Must be 0 or below; −0.282 stays"));
    assert!(!shows(&window, "NaN, infinite"));
    spin(&mut window, "Clip high", -1.0);
    assert!(shows(&window, "Must be 0 or above; 0.374 stays"));
    assert_eq!(spec(&window), before);
    spin(&mut window, "Clip high", 5.0);
    assert_eq!(spec(&window), format!("{before},hi=5"));
    assert!(!shows(&window, "Must be"));
}

#[test]
fn typed_numbers_are_taken_when_they_are_complete() {
    let mut window = window();
    by_hand(&mut window);
    enter(&mut window, "Clip ±", "0,2");
    assert_eq!(spec(&window), "int:range=manual,lo=-0.2,hi=0.2");
    enter(&mut window, "Clip ±", "five");
    assert!(shows(&window, "Not a number; ±0.200 stays"));
    assert_eq!(spec(&window), "int:range=manual,lo=-0.2,hi=0.2");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(spec(&window), "int:range=manual", "typing a number is one step");
}

#[test]
fn what_differs_is_said() {
    let mut window = window();
    click_button(&mut window, "Asymmetric");
    press(&mut window, Modifiers::COMMAND, Key::A);
    assert!(session(&window).selected_layers().len() > 1);
    assert!(shows(&window, "mixed"), "one layer is asymmetric");
    click_button(&mut window, "Full");
    assert!(!shows(&window, "mixed"));
    let session = session(&window);
    for layer_idx in session.selected_layers() {
        let choice = session.choice(layer_idx).to_string();
        assert!(choice.contains("symmetric-full"), "{choice}");
    }
}

#[test]
fn only_settings_with_an_effect_are_shown() {
    let mut window = window();
    for name in ["Group size", "Kept axis", "Percentile", "Clip ±", "NaN, infinite", "Rounding"] {
        let field = window.query_by_role_and_label(Role::SpinButton, name);
        assert!(field.is_none(), "{name} has no effect");
    }
    assert!(!shows(&window, "Kept axis"));
    click_button(&mut window, "Channel");
    assert!(!shows(&window, "Kept axis"), "seldom needed: folded");
    click_button(&mut window, "More settings");
    open_combo(&mut window, "Kept axis");
    let n_axes = window.query_all_by_role(Role::Button).filter(|node| {
        let label = egui_kittest::kittest::NodeT::accesskit_node(node).label();
        matches!(label.as_deref(), Some("0" | "1" | "2" | "3" | "4" | "5"))
    });
    assert_eq!(n_axes.count(), 4, "the axes of a convolution's weight");
}

/// Where values differ, the one that is shown can be typed for all.
#[test]
fn the_shown_value_is_given_to_all() {
    let mut window = window();
    enter(&mut window, "Bits", "4");
    assert_eq!(spec(&window), "int:bits=4");
    press(&mut window, Modifiers::COMMAND, Key::A);
    enter(&mut window, "Bits", "4");
    let session = session(&window);
    for layer_idx in session.selected_layers() {
        assert_eq!(session.choice(layer_idx).to_string(), "int:bits=4");
    }
}

/// Ends by hand hold for every channel, so they are shown and dragged for all at once.
#[test]
fn ends_by_hand_have_their_handles_with_one_scale_per_channel() {
    let mut window = window();
    by_hand(&mut window);
    enter(&mut window, "Clip ±", "0.2");
    click_button(&mut window, "Channel");
    assert!(spec(&window).contains("per-channel"));
    let from = window.get_by_label("High end of the range").rect().center();
    drag(&mut window, from, from - egui::vec2(60.0, 0.0));
    let after = session(&window).choice(session(&window).selection().layer_idx);
    assert!(after.settings().float("hi").unwrap() < 0.2, "{after}");
}

fn type_text(window: &mut Window, text: &str) {
    window.event(Event::Text(text.to_owned()));
    settle(window);
}

fn is_list_open(window: &Window) -> bool {
    window.query_by_label("Search schemes").is_some()
}

#[test]
fn a_scheme_is_found_by_typing_and_taken_with_enter() {
    let mut window = window();
    open_combo(&mut window, "Scheme");
    assert!(is_list_open(&window) && shows(&window, "Uniform"));
    type_text(&mut window, "flo");
    assert!(window.query_by_label("Integer (int)").is_none(), "it does not match");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(spec(&window), "float");
    assert!(!is_list_open(&window));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(spec(&window), "int");
    open_combo(&mut window, "Scheme");
    type_text(&mut window, "no such thing");
    assert!(shows(&window, "No scheme matches “no such thing”"));
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(spec(&window), "int", "Enter takes nothing where nothing is");
}

#[test]
fn a_scheme_is_taken_with_arrows_and_escape_takes_none() {
    let mut window = window();
    open_combo(&mut window, "Scheme");
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(!is_list_open(&window));
    assert_eq!(spec(&window), "int");
    open_combo(&mut window, "Scheme");
    press(&mut window, Modifiers::NONE, Key::PageDown);
    for _ in 0..SCHEMES.len() {
        press(&mut window, Modifiers::NONE, Key::ArrowDown);
    }
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_ne!(spec(&window), "int", "the last of the list");
}

#[test]
fn the_list_of_layers_has_the_same_choice_of_schemes() {
    let mut window = panel_window("layers", ModelRef::default_sample());
    let name = session(&window).network().unwrap().layers[0].name.clone();
    open_combo(&mut window, &format!("Scheme of {name}"));
    type_text(&mut window, "float");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).choice(0).to_string(), "float");
}

/// At the least usual size nothing that is often needed has to be scrolled to.
#[test]
fn settings_figures_and_ranges_fit_beside_the_plots() {
    let mut window = window();
    window.set_size(egui::vec2(1280.0, 800.0));
    settle(&mut window);
    for label in ["Bits slider", "Asymmetric", "Apply to all", "Range MSE-optimal"] {
        let rect = window.get_by_label_contains(label).rect();
        assert!(rect.bottom() < 768.0, "{label} ends at {}", rect.bottom());
    }
    assert!(shows(&window, "Stored size"));
}

#[test]
fn alone_the_parts_stand_beside_each_other() {
    let window = panel_window("quantizer", ModelRef::default_sample());
    let rect = |label: &str| window.get_by_label_contains(label).rect();
    let (title, ranges) = (rect("Result on this layer"), rect("Ways to choose the range"));
    assert!(rect("Apply to all").right() < title.left());
    assert!(title.right() < ranges.left());
    assert!((title.center().y - ranges.center().y).abs() < 1.0);
    assert!(shows(&window, "Code entropy"), "there is room for the smaller figures");
}

#[test]
fn folded_figures_stay_folded() {
    let mut window = panel_window("quantizer", ModelRef::default_sample());
    click_button(&mut window, "More figures");
    assert!(!shows(&window, "Code entropy"));
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert!(!shows(&window, "Code entropy"));
    click_button(&mut window, "More figures");
    assert!(shows(&window, "Code entropy"));
}

/// Every scheme of the table quantizes a layer in the window: its figures are there, its settings have
/// controls, and the specification in the state reads back as the same choice.
#[test]
fn every_scheme_works_in_the_window() {
    let mut window = window();
    for scheme in SCHEMES {
        let choice = SchemeChoice::new(*scheme);
        window.state_mut().apply(Command::SetAllChoices(choice.clone()));
        settle(&mut window);
        let id = scheme.id();
        assert_eq!(spec(&window).parse::<SchemeChoice>().unwrap().to_string(), id);
        let shown = if scheme.keeps_float() { "Exact: no error" } else { "dB SQNR" };
        assert!(shows(&window, shown), "{id} has no figures");
        assert!(shows(&window, "Bits per weight"), "{id}");
    }
}

#[test]
fn a_number_out_of_reach_is_refused_in_words() {
    let mut window = window();
    window.state_mut().apply(Command::SetAllChoices("int:granularity=per-group".parse().unwrap()));
    settle(&mut window);
    let before = spec(&window);
    enter(&mut window, "Group size", "0");
    assert_eq!(spec(&window), before, "nothing is set in its place");
    assert!(shows(&window, "Must be at least 1"));
    enter(&mut window, "Group size", "16");
    assert!(spec(&window).contains("=16") && !shows(&window, "Must be at least"));
}

#[test]
fn one_clip_for_all_channels_is_said_and_has_a_way_out() {
    let mut window = window();
    by_hand(&mut window);
    enter(&mut window, "Clip ±", "0.2");
    assert!(!shows(&window, "One clip by hand"));
    click_button(&mut window, "Channel");
    assert!(shows(&window, "One clip by hand for all channels"));
    click_button(&mut window, "Smallest MSE of each channel");
    assert!(spec(&window).contains("range=mse"), "{}", spec(&window));
    assert!(!shows(&window, "One clip by hand"));
}
