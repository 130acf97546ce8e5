//! What a person does to the window: click, press, set, wait.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use quantscope::session::{ModelRef, Session};
use quantscope::ui::{App, AppOptions};

pub type Window = Harness<'static, App>;

pub fn window_of(model: ModelRef) -> Window {
    let options = AppOptions { model, only_panel: None };
    let mut window = Harness::builder()
        .with_size([1600.0, 1000.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

pub fn window() -> Window {
    window_of(ModelRef::default_sample())
}

/// Frames until nothing is left to compute and what was computed is drawn.
pub fn settle(window: &mut Window) {
    let mut n_idle = 0;
    while n_idle < 4 {
        window.step();
        n_idle = if session(window).is_idle() { n_idle + 1 } else { 0 };
        std::thread::yield_now();
    }
}

pub fn session(window: &Window) -> &Session {
    window.state().session()
}

/// Clicks the control of that name.
pub fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    settle(window);
}

pub fn click_button(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Role::Button, label).click();
    settle(window);
}

/// Sets the number of a control.
pub fn spin(window: &mut Window, label: &str, value: f64) {
    window.get_by_role_and_label(Role::SpinButton, label).set_value_accesskit(value);
    settle(window);
}

pub fn open_combo(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Role::ComboBox, label).click();
    settle(window);
}

pub fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    settle(window);
}

pub fn spec(window: &Window) -> String {
    let session = session(window);
    session.choice(session.selection().layer_idx).to_string()
}

pub fn selected_layer(window: &Window) -> String {
    let session = session(window);
    session.network().unwrap().layers[session.selection().layer_idx].name.clone()
}

pub fn shows(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}
