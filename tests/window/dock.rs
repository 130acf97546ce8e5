//! What every docked panel has: a tab and a menu that the keyboard reaches.

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::ModelRef;
use quantscope::ui::PANELS;

use super::drive::{Window, panel_window, press, settle, shows, window};

fn is_focused(window: &Window, label: &str) -> bool {
    window.query_by_label(label).is_some_and(|node| node.accesskit_node().is_focused())
}

#[test]
fn the_menu_of_every_panel_is_walked_by_keyboard() {
    for entry in PANELS {
        let mut window = panel_window(entry.id, ModelRef::default_sample());
        window.get_by_label(&format!("More for {}", entry.title)).focus();
        settle(&mut window);
        press(&mut window, Modifiers::NONE, Key::Enter);
        assert!(shows(&window, "Save picture…"), "{} has no menu", entry.id);
        let mut reached = Vec::new();
        for _ in 0..8 {
            for item in ["Save picture…", "Save table…", "Copy as CSV", "Close panel"] {
                if is_focused(&window, item) && !reached.contains(&item) {
                    reached.push(item);
                }
            }
            press(&mut window, Modifiers::NONE, Key::ArrowDown);
        }
        assert!(reached.contains(&"Save picture…"), "{}: {reached:?}", entry.id);
        assert!(reached.contains(&"Close panel"), "{}: {reached:?}", entry.id);
        press(&mut window, Modifiers::NONE, Key::Escape);
        assert!(!shows(&window, "Save picture…"), "{}: it closes", entry.id);
    }
}

#[test]
fn a_tab_is_brought_to_the_front_by_keyboard() {
    let mut window = window();
    assert!(!shows(&window, "Channel rows"));
    window.get_by_role_and_label(egui::accesskit::Role::Button, "Channels").focus();
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(shows(&window, "Channel rows"));
}
