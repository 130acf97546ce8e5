//! The docked panels, the palette, the keys, the tour and the messages.

use egui::accesskit::Toggled;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::ui::PANELS;

use super::drive::{
    Window, click, click_button, press, selected_layer, session, settle, shows, spec, wait_until,
    window, window_with_typed_paths,
};

/// Opens the palette, types, and runs what it finds first.
fn run_from_palette(window: &mut Window, text: &str) {
    press(window, Modifiers::COMMAND, Key::K);
    window.get_by_label("Search commands").type_text(text);
    settle(window);
    press(window, Modifiers::NONE, Key::Enter);
}

#[test]
fn the_palette_finds_commands_layers_and_settings() {
    let mut window = window();
    run_from_palette(&mut window, "go to fc");
    assert_eq!(selected_layer(&window), "fc");
    run_from_palette(&mut window, "quantize: int 4 bits, per channel");
    assert_eq!(spec(&window), "int:bits=4,granularity=per-channel");
    run_from_palette(&mut window, "undo");
    assert_eq!(spec(&window), "int");
    press(&mut window, Modifiers::COMMAND, Key::K);
    assert!(shows(&window, "One bit less"));
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Search commands").is_none());
    click_button(&mut window, "Commands");
    window.get_by_label("Search commands").type_text("zzzzqq");
    settle(&mut window);
    assert!(shows(&window, "Nothing is called"));
}

#[test]
fn everything_in_the_palette_runs() {
    let titles = window().state().palette_titles();
    assert!(titles.len() > 40, "{} commands", titles.len());
    for title in titles {
        let mut window = window();
        run_from_palette(&mut window, &title);
        assert_eq!(window.state().last_failure(), None, "{title}");
        assert!(session(&window).opened().is_some(), "{title}");
    }
}

#[test]
fn panels_are_closed_enlarged_and_arranged() {
    let mut window = window();
    for entry in PANELS {
        run_from_palette(&mut window, &format!("Show {}", entry.title));
        click_button(&mut window, &format!("Enlarge {}", entry.title));
        click_button(&mut window, &format!("Shrink {}", entry.title));
    }
    run_from_palette(&mut window, "Show Layers");
    click_button(&mut window, "More for Layers");
    click_button(&mut window, "Close panel");
    assert!(window.query_by_label("Filter layers").is_none());
    click_button(&mut window, "Arrangement");
    arrange_as_bench(&mut window);
    assert!(window.query_by_label("Filter layers").is_none(), "a tab behind the bench");
    assert!(shows(&window, "Bits per layer") && shows(&window, "Propose a mix"));
    click_button(&mut window, "Layers");
    assert!(window.query_by_label("Filter layers").is_some());
    click_button(&mut window, "Arrangement");
    click_button(&mut window, "Teach");
    assert!(window.query_by_label("Filter layers").is_none(), "it is a tab behind");
    click_button(&mut window, "Layers");
    assert!(window.query_by_label("Filter layers").is_some());
    click_button(&mut window, "Arrangement");
    click_button(&mut window, "Reset arrangement");
    assert!(window.query_by_label("Filter layers").is_none());
    click_button(&mut window, "View");
    window.get_by_label_contains("Panels").hover();
    settle(&mut window);
    click(&mut window, "Show Layers");
    assert!(window.query_by_label("Filter layers").is_some());
}

/// The item of the open menu, which stands at the right; the panel's tab is called the same.
fn arrange_as_bench(window: &mut Window) {
    let buttons = window.query_all_by_role_and_label(egui::accesskit::Role::Button, "Bench");
    let item = buttons.max_by(|a, b| a.rect().left().total_cmp(&b.rect().left()));
    item.unwrap().click();
    settle(window);
}

#[test]
fn the_menu_marks_the_theme_that_is_chosen() {
    let mut window = window();
    for chosen in ["Light theme", "Dark theme", "Theme as the system"] {
        run_from_palette(&mut window, chosen);
        click_button(&mut window, "View");
        for name in ["Dark theme", "Light theme", "Theme as the system"] {
            // A button of the bar has the same name.
            let is_marked = window
                .query_all_by_label(name)
                .any(|node| node.accesskit_node().toggled() == Some(Toggled::True));
            assert_eq!(is_marked, name == chosen, "{name} while {chosen} is chosen");
        }
        press(&mut window, Modifiers::NONE, Key::Escape);
    }
}

#[test]
fn keys_are_listed_and_work() {
    let mut window = window();
    press(&mut window, Modifiers::NONE, Key::F1);
    assert!(shows(&window, "Keyboard shortcuts") && shows(&window, "Scale per channel"));
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert_eq!(spec(&window), "int", "a dialog keeps its keys to itself");
    click_button(&mut window, "Close");
    press(&mut window, Modifiers::NONE, Key::C);
    assert_eq!(spec(&window), "int:granularity=per-channel");
    press(&mut window, Modifiers::NONE, Key::G);
    press(&mut window, Modifiers::NONE, Key::T);
    assert_eq!(spec(&window), "int");
    press(&mut window, Modifiers::NONE, Key::F);
    assert_eq!(spec(&window), "float");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert!((0..6).all(|idx| session(&window).choice(idx).bits() == Some(7)));
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(session(&window).selection().channel_idx, Some(0));
    press(&mut window, Modifiers::NONE, Key::A);
    assert_eq!(session(&window).selection().channel_idx, None);
    let zoom = window.ctx.zoom_factor();
    press(&mut window, Modifiers::COMMAND, Key::Minus);
    assert!(window.ctx.zoom_factor() < zoom);
    press(&mut window, Modifiers::COMMAND, Key::Num0);
    assert_eq!(window.ctx.zoom_factor(), zoom);
}

#[test]
fn the_tour_has_three_steps() {
    let mut window = window();
    run_from_palette(&mut window, "tour");
    assert!(shows(&window, "1 of 3"));
    click_button(&mut window, "Next");
    assert!(shows(&window, "2 of 3"));
    click_button(&mut window, "Back");
    click_button(&mut window, "Next");
    click_button(&mut window, "Next");
    assert!(shows(&window, "3 of 3"));
    click_button(&mut window, "Start");
    assert!(!shows(&window, "of 3"));
    run_from_palette(&mut window, "tour");
    click_button(&mut window, "Skip the tour");
    assert!(!shows(&window, "of 3"));
}

#[test]
fn messages_are_kept() {
    let mut window = window();
    click_button(&mut window, "Messages");
    assert!(shows(&window, "Nothing was reported"));
    click_button(&mut window, "Close");
    let missing = quantscope::session::ModelRef::Path("/nowhere/model.onnx".into());
    window.state_mut().apply(quantscope::session::Command::Open(missing));
    settle(&mut window);
    assert!(shows(&window, "1 message"));
    click_button(&mut window, "Messages");
    assert!(shows(&window, "/nowhere/model.onnx"));
    click_button(&mut window, "Copy all");
    click_button(&mut window, "Close");
    assert!(!shows(&window, "1 message"), "it has been looked at");
    assert!(session(&window).opened().is_some(), "what was open stays open");
}

#[test]
fn several_layers_are_set_at_once() {
    let mut window = window();
    click(&mut window, "stem");
    window.get_by_label("res.conv1").click_modifiers(Modifiers::SHIFT);
    settle(&mut window);
    assert_eq!(session(&window).selected_layers(), [0, 1, 2, 3]);
    window.get_by_label("block1.dw").click_modifiers(Modifiers::COMMAND);
    settle(&mut window);
    assert_eq!(session(&window).selected_layers(), [0, 2, 3]);
    assert!(shows(&window, "3 of 6 layers") && shows(&window, "3 selected"));
    click_button(&mut window, "Bits: one less");
    let bits = |window: &Window| -> Vec<Option<i64>> {
        (0..6).map(|idx| session(window).choice(idx).bits()).collect()
    };
    assert_eq!(bits(&window), [7, 8, 7, 7, 8, 8].map(Some));
    press(&mut window, Modifiers::COMMAND, Key::A);
    assert_eq!(session(&window).selected_layers().len(), 6);
    assert!(shows(&window, "6 of 6 layers"));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(bits(&window), [Some(8); 6], "one step takes all back");
}

#[test]
fn locked_layers_stay_as_they_are() {
    let mut window = window();
    click_button(&mut window, "Lock fc");
    click_button(&mut window, "Bits: one less");
    click_button(&mut window, "Apply to all 6 layers");
    let fc = session(&window).network().unwrap().layer_idx("fc").unwrap();
    assert!(session(&window).is_locked(fc));
    assert_eq!(session(&window).choice(fc).bits(), Some(8));
    click(&mut window, "fc");
    assert!(shows(&window, "Locked: nothing changes"));
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert_eq!(session(&window).choice(fc).bits(), Some(8));
    click_button(&mut window, "Unlock");
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert_eq!(session(&window).choice(fc).bits(), Some(7));
}

#[test]
fn layers_are_found_ordered_and_grouped() {
    let mut window = window();
    let filter = |window: &mut Window, text: &str| {
        window.get_by_label("Filter layers").click();
        settle(window);
        window.get_by_label("Filter layers").type_text(text);
        settle(window);
    };
    filter(&mut window, "gemm 8 bits");
    assert!(shows(&window, "1 of 6 layers"));
    filter(&mut window, "zzz");
    assert!(shows(&window, "Nothing found"));
    let mut window = super::drive::window();
    for column in ["Layer", "SQNR, dB", "Bits", "Share"] {
        for _ in 0..3 {
            click_button(&mut window, &format!("Order by {column}"));
        }
    }
    click_button(&mut window, "Group by block");
    assert!(shows(&window, "block1 · 2 · "));
    let block = window.query_all_by_label_contains("block1 · 2").next().unwrap();
    block.click();
    settle(&mut window);
    assert!(window.query_by_label("block1.dw").is_none(), "the block is folded");
    click_button(&mut window, "Group by block");
    click_button(&mut window, "More for Layers");
    click_button(&mut window, "Copy as CSV");
}

#[test]
fn pictures_and_tables_are_saved() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_typed_paths();
    for (panel, entry, name, start) in [
        ("Distribution", "Save picture…", "plot.png", &b"\x89PNG"[..]),
        ("Distribution", "Save picture…", "plot.svg", b"<svg"),
        ("Layers", "Save table…", "layers.csv", b"layer,operator"),
    ] {
        click_button(&mut window, &format!("More for {panel}"));
        click_button(&mut window, entry);
        settle(&mut window);
        let path = folder.path().join(name);
        press(&mut window, Modifiers::COMMAND, Key::A);
        window.get_by_label("Path").type_text(path.to_str().unwrap());
        settle(&mut window);
        click_button(&mut window, "Save");
        wait_until(&mut window, |window| window.query_by_label("Path").is_none());
        let saved = std::fs::read(&path).unwrap();
        let head = String::from_utf8_lossy(&saved[..saved.len().min(200)]).into_owned();
        assert!(saved.windows(start.len()).take(100).any(|part| part == start), "{name}: {head}");
    }
    click_button(&mut window, "More for Layers");
    click_button(&mut window, "Save table…");
    press(&mut window, Modifiers::COMMAND, Key::A);
    window.get_by_label("Path").type_text("/nowhere/at/all/t.csv");
    settle(&mut window);
    click_button(&mut window, "Save");
    wait_until(&mut window, |window| window.state().last_failure().is_some());
    assert!(window.state().last_failure().unwrap().contains("/nowhere/at/all/t.csv"));
}
