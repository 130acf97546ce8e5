//! The budget: how the recipe stands to it, and mixes that are proposed for it.

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::eval::Budget;
use quantscope::session::{
    Command, CriticalChoice, Loaded, ModelRef, PROPOSED, RivalChoice, SearchSource, SenseSettings,
};

use super::accuracy::click_and_copy;
use super::drive::{
    Window, click_button, open_combo, panel_window, session, settle, shows, spin, wait_until,
};
use super::support::FileBuilder;

/// With few samples and widths, so that a search is short.
fn budget() -> Window {
    let mut window = panel_window("budget", ModelRef::default_sample());
    let settings = SenseSettings {
        scheme: "int".parse().unwrap(),
        bits: vec![3, 8],
        limit: Some(12),
        source: SearchSource::Train,
    };
    window.state_mut().apply(Command::SetSense(Box::new(settings)));
    settle(&mut window);
    window
}

#[test]
fn the_recipe_stands_to_a_size_to_bits_and_to_an_accuracy() {
    let mut window = budget();
    assert!(shows(&window, "of 13.3 kB") && shows(&window, "kB over"), "five bits everywhere");
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, "kB free"));
    spin(&mut window, "Budget", 20_000.0);
    assert!(shows(&window, "of 20.0 kB"));
    click_button(&mut window, "Budget by bits");
    assert!(shows(&window, "of 5.00 bits per weight"));
    spin(&mut window, "Budget", 3.5);
    assert!(shows(&window, "of 3.50 bits per weight") && shows(&window, " over"));
    click_button(&mut window, "Budget by accuracy");
    assert!(shows(&window, "of at least 96.3 %"), "a point below float");
    spin(&mut window, "Budget", 50.0);
    assert!(shows(&window, "of at least 50.0 %") && shows(&window, "pt above"));
    click_button(&mut window, "Budget by size");
    assert!(shows(&window, "of 20.0 kB"), "each keeps its own");
}

#[test]
fn what_the_recipe_is_worth_stands_below() {
    let mut window = budget();
    window.state_mut().apply(Command::SetRival(Some(RivalChoice::Float)));
    let class = session(&window).samples().unwrap().classes.as_ref().unwrap()[3].clone();
    window.state_mut().apply(Command::SetCritical(CriticalChoice::Class(class.clone())));
    window.state_mut().apply(Command::SetAllChoices("int3".parse().unwrap()));
    settle(&mut window);
    for text in ["Top-1 on digits eval", "Against A: float", "Size against it", "Worst layer alone"]
    {
        assert!(shows(&window, text), "{text}");
    }
    assert!(shows(&window, &format!("Recall of {class}")));
    assert!(shows(&window, "cannot be ruled out"), "three bits lose more than a point");
    let size = session(&window).size().unwrap().size;
    let less = quantscope::base::bytes(size.float_bytes - size.quantized_bytes);
    assert!(shows(&window, &format!("−{less}")), "less than float");
    click_button(&mut window, "Measure layers");
    assert!(session(&window).known_sensitivity().is_some());
    assert!(window.query_by_label("Measure layers").is_none());
}

#[test]
fn candidates_and_samples_are_chosen() {
    let mut window = budget();
    let sense = |window: &Window| session(window).sense_settings().clone();
    click_button(&mut window, "Width 5 bits");
    assert_eq!(sense(&window).bits, [3, 5, 8]);
    click_button(&mut window, "Width 3 bits");
    click_button(&mut window, "Width 8 bits");
    click_button(&mut window, "Width 5 bits");
    assert_eq!(sense(&window).bits, [5], "the last one stays");
    click_button(&mut window, "Search samples 100");
    assert_eq!(sense(&window).limit, Some(100));
    click_button(&mut window, "Search samples all");
    assert_eq!(sense(&window).limit, None);
    open_combo(&mut window, "Source of search samples");
    click_button(&mut window, "Half of the shown set");
    assert_eq!(sense(&window).source, SearchSource::HalfOfShown);
    window
        .state_mut()
        .apply(Command::SetAllChoices("int:granularity=per-channel".parse().unwrap()));
    click_button(&mut window, "Scheme as the layer shown");
    assert!(sense(&window).scheme.to_string().contains("per-channel"));
    open_combo(&mut window, "Scheme of the candidates");
    window.get_by_label("Search schemes").type_text("k-means");
    settle(&mut window);
    let found = window.query_all_by_role(Role::Button).find_map(|node| {
        node.accesskit_node().label().filter(|label| label.to_lowercase().contains("k-means"))
    });
    click_button(&mut window, &found.unwrap());
    assert_eq!(sense(&window).scheme.scheme().id(), "kmeans");
    assert!(session(&window).proposal_settings().is_none(), "nothing is searched unasked");
}

#[test]
fn a_mix_for_a_size_is_judged_and_used() {
    let mut window = budget();
    let layer = "stem".to_owned();
    window.state_mut().apply(Command::SetLock { layer, lock: true });
    click_button(&mut window, "Propose");
    let proposed = match session(&window).proposal() {
        Some(Loaded::Ready(proposed)) => proposed,
        other => panic!("{other:?}"),
    };
    assert_eq!(proposed.settings.budget, Some(Budget::Bytes(13_324)));
    for text in [
        "The mix",
        "at most 13.3 kB",
        "Mean KL, nats",
        "Top-1, search",
        "Top-1, judged",
        "Against int 3",
        "Against float",
        "which had no part in the choice",
        "From int 3 everywhere, one change after another",
        "run.",
        "stem is locked and stays as set",
    ] {
        assert!(shows(&window, text), "{text}");
    }
    click_button(&mut window, "Width 5 bits");
    assert!(session(&window).jobs().is_empty(), "other widths start nothing");
    assert!(shows(&window, "The mix"), "what was asked for stays");
    window.get_by_label("Use this mix").click_accesskit();
    settle(&mut window);
    let label = session(&window).history().undo_label().unwrap().to_owned();
    assert!(label.starts_with(PROPOSED) && label.contains("13.3 kB"), "{label}");
    assert_eq!(session(&window).choice(0).to_string(), "int", "it is locked");
    for (name, choice) in proposed.choices().into_iter().skip(1) {
        let idx = session(&window).network().unwrap().layer_idx(&name).unwrap();
        assert_eq!(session(&window).choice(idx), choice, "{name}");
    }
    assert!(shows(&window, "in use"));
    click_button(&mut window, "More for Budget");
    let table = click_and_copy(&mut window, "Copy as CSV");
    assert!(table.lines().nth(1).unwrap().starts_with("stem,"), "{table}");
    assert!(table.lines().last().unwrap().starts_with("fc,"), "{table}");
    window.get_by_label("Clear").click_accesskit();
    settle(&mut window);
    assert!(!shows(&window, "The mix"));
}

#[test]
fn what_cannot_be_had_is_told_with_the_nearest() {
    let mut window = budget();
    spin(&mut window, "Budget", 2_000.0);
    click_button(&mut window, "Propose");
    assert!(shows(&window, "There is no such mix"));
    assert!(shows(&window, "cannot be had; the smallest that these candidates allow is"));
    window.get_by_label("Both a size and an accuracy").click_accesskit();
    settle(&mut window);
    spin(&mut window, "Budget", 20_000.0);
    spin(&mut window, "The other limit", 40.0);
    click_button(&mut window, "Propose");
    let settings = session(&window).proposal_settings().unwrap().clone();
    assert_eq!((settings.budget, settings.floor), (Some(Budget::Bytes(20_000)), Some(0.4)));
    assert!(shows(&window, "top-1 at least 40.0 %") && shows(&window, "The mix"));
}

#[test]
fn a_search_is_cancelled_and_begun_again() {
    let mut window = budget();
    let more = SenseSettings { limit: None, ..SenseSettings::default() };
    window.state_mut().apply(Command::SetSense(Box::new(more)));
    window.get_by_role_and_label(Role::Button, "Propose").click();
    let cancel = |window: &Window| window.query_by_label("Cancel").is_some();
    wait_until(&mut window, cancel);
    assert!(shows(&window, "Searching for a mix"));
    window.get_by_role_and_label(Role::Button, "Cancel").click_accesskit();
    settle(&mut window);
    assert!(shows(&window, "The search was cancelled"));
    let few = SenseSettings { bits: vec![3, 8], limit: Some(12), ..SenseSettings::default() };
    window.state_mut().apply(Command::SetSense(Box::new(few)));
    click_button(&mut window, "Propose");
    assert!(shows(&window, "The mix"));
}

#[test]
fn without_a_graph_there_is_a_size_but_no_search() {
    let folder = tempfile::tempdir().unwrap();
    let file = FileBuilder::new().floats("w", &[16, 16], &[0.5; 256]);
    let path = file.write(folder.path(), "one.safetensors");
    let window = panel_window("budget", ModelRef::Path(path));
    assert!(shows(&window, "of 224 B"));
    assert!(shows(&window, "not measured"));
    assert!(window.get_by_role_and_label(Role::Button, "Propose").accesskit_node().is_disabled());
}
