//! The window by keyboard alone: where Tab leads, and that it is seen.

use egui::{Key, Modifiers, Rect};
use egui_kittest::Harness;
use egui_kittest::kittest::{By, NodeT, Queryable};
use quantscope::session::ModelRef;
use quantscope::ui::{App, AppOptions, PANELS};

use super::drive::{Window, key_event, panel_window, press, settle, spec, window};

/// A stop of the Tab key: what it is called, and where the ring is.
struct Stop {
    name: String,
    ring: Option<Rect>,
    rect: Rect,
}

fn focused(window: &Window) -> Option<Stop> {
    let node = window.query_all(By::new()).find(egui_kittest::Node::is_focused)?;
    let (label, value) = (node.accesskit_node().label(), node.accesskit_node().value());
    let name = label.or(value).unwrap_or_default();
    // Without a focus the whole window counts as focused.
    node.accesskit_node().parent()?;
    Some(Stop { name, ring: window.state().focus_ring(), rect: node.rect() })
}

/// Goes through the whole window once, up to the first stop again.
fn tour(window: &mut Window) -> Vec<Stop> {
    const MOST: usize = 400;
    let mut stops: Vec<Stop> = Vec::new();
    for _ in 0..MOST {
        window.key_press(Key::Tab);
        // What has no name is gone past.
        window.run_steps(8);
        let Some(stop) = focused(window) else { continue };
        let is_first = |first: &Stop| first.name == stop.name && first.rect == stop.rect;
        if stops.first().is_some_and(is_first) {
            return stops;
        }
        stops.push(stop);
    }
    panic!("Tab does not lead back to {:?}", stops.first().map(|stop| &stop.name));
}

fn check(stops: &[Stop], about: &str) {
    let mut faults = Vec::new();
    for (idx, stop) in stops.iter().enumerate() {
        let before = idx.checked_sub(1).map_or("", |idx| stops[idx].name.as_str());
        if stop.name.is_empty() {
            faults.push(format!("stop {idx} after {before:?} has no name, at {:?}", stop.rect));
        } else if stop.ring.is_none_or(|ring| ring.width() < 8.0 || ring.height() < 8.0) {
            faults.push(format!("{:?} after {before:?} has no ring: {:?}", stop.name, stop.ring));
        }
    }
    assert!(faults.is_empty(), "{about}:\n{}", faults.join("\n"));
}

#[test]
fn tab_leads_through_the_whole_window_and_is_always_seen() {
    let mut window = window();
    let stops = tour(&mut window);
    check(&stops, "the window");
    let place = |name: &str| {
        let found = stops.iter().position(|stop| stop.name == name);
        found.unwrap_or_else(|| panic!("Tab does not lead to {name:?}"))
    };
    let order = [
        "File",
        "Edit",
        "Help",
        "Filter layers",
        "Order by SQNR, dB",
        "Bits of stem",
        "Distribution",
        "Quantizer",
        "Bits slider",
    ];
    for pair in order.windows(2) {
        assert!(place(pair[0]) < place(pair[1]), "{pair:?}");
    }
    for name in ["Commands", "Arrangement", "Messages", "More for Layers", "Enlarge Quantizer"] {
        place(name);
    }
}

#[test]
fn every_panel_is_gone_through_by_tab() {
    for entry in PANELS {
        let mut window = panel_window(entry.id, ModelRef::default_sample());
        let stops = tour(&mut window);
        check(&stops, entry.title);
    }
}

#[test]
fn what_tab_leads_to_is_brought_into_view() {
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: Some("quantizer") };
    let mut window = Harness::builder()
        .with_size([960.0, 400.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    let stops = tour(&mut window);
    let last = stops.iter().find(|stop| stop.name == "Fold batch norm");
    let ring = last.expect("the last control").ring.expect("it has been scrolled to");
    assert!(ring.height() > 12.0 && ring.bottom() < 400.0, "{ring:?}");
}

#[test]
fn a_click_draws_no_ring() {
    let mut window = window();
    press(&mut window, Modifiers::NONE, Key::Tab);
    assert!(window.state().focus_ring().is_some());
    let field = window.get_by_label("Filter layers").rect().center();
    super::drive::click_at(&mut window, field);
    assert!(window.state().focus_ring().is_none());
}

/// The field keeps the focus from the first letter on: the ring does not take it for a stop of Tab.
#[test]
fn what_is_typed_into_the_palette_arrives_whole() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::K);
    for letter in "per channel".chars() {
        window.event(egui::Event::Text(letter.to_string()));
        window.step();
    }
    settle(&mut window);
    let field = window.get_by_label("Search commands");
    assert_eq!(field.accesskit_node().value().as_deref(), Some("per channel"));
}

/// Within one slow frame each press counts, with and without a modifier.
#[test]
fn every_press_counts() {
    let mut window = window();
    for _ in 0..3 {
        let typed = egui::Event::Text("[".to_owned());
        let events = [key_event(Key::OpenBracket, true), typed, key_event(Key::OpenBracket, false)];
        window.input_mut().events.extend(events);
    }
    settle(&mut window);
    assert_eq!(spec(&window), "int:bits=5");
    for pressed in [true, false, true, false] {
        window.input_mut().events.push(egui::Event::Key {
            key: Key::Z,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers: Modifiers::COMMAND,
        });
    }
    settle(&mut window);
    assert_eq!(spec(&window), "int:bits=7");
}
