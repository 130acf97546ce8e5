//! The levels panel.

use egui::vec2;
use quantscope::session::{Command, LevelAxis, ModelRef};

use super::drive::{
    Window, click, click_at, click_button, drag, panel_window, place_in, session, settle, shows,
    spin, wheel_at,
};
use super::support::FileBuilder;

const LINE: &str = "Number line of";

fn with(spec: &str) -> Window {
    let mut window = panel_window("levels", ModelRef::default_sample());
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    settle(&mut window);
    window
}

fn of_values(spec: &str, values: &[f32]) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let file = FileBuilder::new().floats("weight", &[2, values.len() / 2], values);
    let path = file.write(folder.path(), "model.safetensors");
    let mut window = panel_window("levels", ModelRef::Path(path));
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    settle(&mut window);
    (folder, window)
}

#[test]
fn every_scheme_with_levels_is_drawn_and_counts_all_weights() {
    for (spec, n_levels) in [
        ("int4", 15),
        ("int:bits=4,symmetry=asymmetric", 16),
        ("int:bits=2,granularity=per-channel", 3),
        ("int:bits=3,symmetry=asymmetric,granularity=per-group,group-size=16", 8),
        ("e2m1", 15),
        ("int16", 65535),
        ("int4:rotation=hadamard", 15),
    ] {
        let window = with(spec);
        let loaded = session(&window).levels(None);
        let picture = loaded.ready().unwrap_or_else(|| panic!("{spec}: not there"));
        let counted: u64 = picture.levels.iter().map(|level| level.count).sum();
        assert_eq!(counted as usize, picture.count, "{spec}");
        // A negative zero has a level of its own.
        assert!((n_levels..=n_levels + 1).contains(&picture.levels.len()), "{spec}");
        assert!(shows(&window, &format!("{LINE} {}", picture.levels.len())), "{spec}");
        assert!(picture.levels.is_sorted_by(|a, b| a.value <= b.value), "{spec}");
    }
}

#[test]
fn weights_that_become_negative_zero_are_counted() {
    let (_folder, window) = of_values("e2m1", &[-0.01, 6.0, -6.0, 0.01, -0.02, 3.0]);
    let loaded = session(&window).levels(None);
    let picture = loaded.ready().unwrap();
    let zero = picture.levels.iter().find(|level| level.code == 0b1000).unwrap();
    assert_eq!((zero.count, zero.value.to_bits()), (2, (-0.0f32).to_bits()));
    assert_eq!(picture.levels.iter().map(|level| level.count).sum::<u64>(), 6);
}

#[test]
fn a_negative_zero_is_a_code_wherever_there_is_one() {
    for (spec, n_codes) in [("e2m1", 16), ("e4m3fn", 254), ("e4m3fnuz", 255)] {
        for sign in [1.0, -1.0] {
            let (_folder, window) = of_values(spec, &[sign * 0.01, 6.0, 5.0, sign * 3.0]);
            let loaded = session(&window).levels(None);
            let levels = &loaded.ready().unwrap().levels;
            assert_eq!(levels.len(), n_codes, "{spec}");
            assert!(levels.is_sorted_by(|a, b| a.value <= b.value), "{spec}");
        }
    }
    let (_folder, window) = of_values("e4m3fn", &[0.01, 6.0, 5.0, 3.0]);
    assert!(shows(&window, "codes used") && shows(&window, "of 254"));
}

#[test]
fn a_codebook_has_no_scale() {
    assert!(!shows(&with("kmeans"), "scale"));
    assert!(shows(&with("int4"), "scale"));
}

#[test]
fn a_click_shows_the_bits_of_the_level() {
    let mut window = with("int4");
    let place = place_in(&window, LINE, (0.01, 0.5));
    click_at(&mut window, place);
    assert!(shows(&window, "Code −7") && shows(&window, "Bits of the code: 1001"));
    assert!(shows(&window, "−8 + 1 = −7, two's complement"));
    window.hover_at(egui::pos2(2.0, 2.0));
    settle(&mut window);
    assert!(shows(&window, "Code −7"), "it stays when the pointer leaves");
}

#[test]
fn floats_are_read_field_by_field() {
    let (_folder, mut window) = of_values("e2m1", &[-0.6, 6.0, -6.0, 0.5, 1.5, 3.0]);
    let place = place_in(&window, LINE, (0.99, 0.5));
    click_at(&mut window, place);
    assert!(shows(&window, "Bits of the code: 0 11 1"));
    assert!(shows(&window, "(−1)⁰ · 2³⁻¹ · 1.5 = 6.00000"));
    let zero_point_five = place_in(&window, LINE, (0.538, 0.5));
    click_at(&mut window, zero_point_five);
    assert!(shows(&window, "subnormal: no leading 1"));
}

#[test]
fn groups_are_gone_through() {
    let mut window = with("int:bits=4,granularity=per-channel");
    let axis = |window: &Window, group| session(window).levels(group).ready().map(|p| p.axis);
    assert_eq!(axis(&window, None), Some(LevelAxis::Units));
    click_button(&mut window, "One group");
    assert_eq!(axis(&window, Some(0)), Some(LevelAxis::Weights));
    click(&mut window, "Next group");
    assert!(axis(&window, Some(1)).is_some());
    click(&mut window, "Previous group");
    spin(&mut window, "Group", 7.0);
    assert!(axis(&window, Some(7)).is_some());
    window.state_mut().apply(Command::SelectChannel(Some(5)));
    settle(&mut window);
    assert!(axis(&window, Some(5)).is_some(), "the selected channel's group");
    click_button(&mut window, "All groups");
    assert!(axis(&window, None).is_some());
}

#[test]
fn groups_with_zero_points_of_their_own_show_codes() {
    let window = with("int:bits=4,symmetry=asymmetric,granularity=per-channel");
    assert!(shows(&window, "Groups differ in what a code stands for"));
    let loaded = session(&window).levels(None);
    assert_eq!(loaded.ready().unwrap().axis, LevelAxis::Codes);
}

#[test]
fn many_levels_zoom_and_move() {
    let mut window = with("int16");
    assert!(shows(&window, "65535 in view"));
    let middle = place_in(&window, LINE, (0.5, 0.5));
    wheel_at(&mut window, middle, 900.0);
    assert!(!shows(&window, "65535 in view"));
    drag(&mut window, middle, middle + vec2(-120.0, 0.0));
    click_button(&mut window, "Log");
    click_button(&mut window, "Lin");
    assert!(shows(&window, LINE));
}

#[test]
fn what_has_no_levels_says_so() {
    assert!(shows(&with("float"), "stays in float"));
    let (_folder, window) = of_values("int4", &[f32::NAN, 1.0, 2.0, 3.0]);
    assert!(shows(&window, "cannot be counted") && shows(&window, "non-finite=zero"));
    let nowhere = ModelRef::Path("/there/is/none.safetensors".into());
    assert!(shows(&panel_window("levels", nowhere), "No model is open"));
}
