//! What a person does to the window: click, press, set, wait.

use std::time::{Duration, Instant};

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

/// One panel alone, in a window of the smallest usual size.
pub fn panel_window(panel: &'static str, model: ModelRef) -> Window {
    let options = AppOptions { model, only_panel: Some(panel) };
    let mut window = Harness::builder()
        .with_size([1280.0, 800.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

/// A point of a widget, as fractions of its width and height.
pub fn place_in(window: &Window, label: &str, (x, y): (f32, f32)) -> egui::Pos2 {
    let rect = window.get_by_label_contains(label).rect();
    rect.lerp_inside(egui::vec2(x, y))
}

/// Presses and releases the mouse there.
pub fn click_at(window: &mut Window, place: egui::Pos2) {
    window.hover_at(place);
    window.step();
    for pressed in [true, false] {
        window.event(egui::Event::PointerButton {
            pos: place,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
        window.step();
    }
    settle(window);
}

/// Turns the wheel over a point; up is positive.
pub fn wheel_at(window: &mut Window, place: egui::Pos2, points: f32) {
    window.hover_at(place);
    window.step();
    window.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    // The wheel is smoothed over some frames.
    window.run_steps(30);
    settle(window);
}

pub fn drag(window: &mut Window, from: egui::Pos2, to: egui::Pos2) {
    window.drag_at(from);
    window.step();
    window.hover_at(from.lerp(to, 0.5));
    window.step();
    window.hover_at(to);
    window.step();
    window.drop_at(to);
    settle(window);
}

/// The sample in a window that asks for paths in its own field.
pub fn window_with_typed_paths() -> Window {
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: None };
    let mut window = Harness::builder()
        .with_size([1600.0, 1000.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options).with_typed_paths());
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

/// Frames until that holds: files are read and written on threads of their own.
pub fn wait_until(window: &mut Window, holds: impl Fn(&Window) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds(window) {
        assert!(Instant::now() < deadline, "it does not come");
        window.step();
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

/// Presses a key as a keyboard does: a letter alone comes with its text.
pub fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    match typed_by(key).filter(|_| modifiers.is_none()) {
        Some(text) => {
            window.input_mut().events.extend([key_event(key, true), egui::Event::Text(text)]);
            window.step();
            window.event(key_event(key, false));
        }
        None => window.key_press_modifiers(modifiers, key),
    }
    settle(window);
}

pub fn key_event(key: Key, pressed: bool) -> egui::Event {
    let modifiers = Modifiers::NONE;
    egui::Event::Key { key, physical_key: None, pressed, repeat: false, modifiers }
}

fn typed_by(key: Key) -> Option<String> {
    match key {
        Key::OpenBracket => Some("[".to_owned()),
        Key::CloseBracket => Some("]".to_owned()),
        _ => Some(key.name().to_lowercase()).filter(|name| name.chars().count() == 1),
    }
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
