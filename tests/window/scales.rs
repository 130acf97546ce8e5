//! The scales panel.

use egui_kittest::kittest::Queryable;
use quantscope::session::{Command, ModelRef};

use super::drive::{
    Window, click_at, click_button, panel_window, place_in, session, settle, shows, spec,
};
use super::support::FileBuilder;

const MAP: &str = "Map of scales";

fn with(spec: &str) -> Window {
    let mut window = panel_window("scales", ModelRef::default_sample());
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    settle(&mut window);
    window
}

fn of_tensor(spec: &str, dims: &[usize], values: &[f32]) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let path =
        FileBuilder::new().floats("weight", dims, values).write(folder.path(), "m.safetensors");
    let mut window = panel_window("scales", ModelRef::Path(path));
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    settle(&mut window);
    (folder, window)
}

#[test]
fn rows_are_channels_and_columns_groups() {
    for (spec, map) in [
        ("int:bits=4,granularity=per-channel", "Map of scales, 32 rows, 1 columns"),
        ("int:bits=4,granularity=per-group,group-size=32", "Map of scales, 32 rows, 9 columns"),
        ("e4m3fn:granularity=per-channel", "Map of scales, 32 rows, 1 columns"),
    ] {
        let window = with(spec);
        assert!(shows(&window, map), "{spec}");
        assert!(shows(&window, "Histogram of the scales"), "{spec}");
        assert!(!shows(&window, "Map of zero points"), "{spec}: there are none");
    }
}

#[test]
fn zero_points_have_a_map_of_their_own() {
    let window = with("int:bits=4,symmetry=asymmetric,granularity=per-group,group-size=16");
    assert!(shows(&window, MAP) && shows(&window, "Map of zero points, 32 rows, 18 columns"));
}

#[test]
fn a_click_selects_the_channel_and_hovering_tells_its_figures() {
    let mut window = with("int:bits=4,granularity=per-channel");
    let place = place_in(&window, MAP, (0.5, 2.5 / 32.0));
    click_at(&mut window, place);
    assert_eq!(session(&window).selection().channel_idx, Some(2));
    window.hover_at(place);
    window.run_steps(60);
    for text in ["Channel 2", "Largest |weight|"] {
        assert!(shows(&window, text), "{text}");
    }
    click_at(&mut window, place);
    assert_eq!(session(&window).selection().channel_idx, None, "once more lets go");
}

#[test]
fn very_many_groups_share_pixels() {
    let values: Vec<f32> = (0..1100 * 600).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
    let spec = "int:bits=4,granularity=per-group,group-size=1";
    let (_folder, mut window) = of_tensor(spec, &[1100, 600], &values);
    assert!(shows(&window, "Map of scales, 1100 rows, 600 columns"));
    let loaded = session(&window).scale_map();
    let map = loaded.ready().unwrap();
    assert_eq!((map.pixels.size, map.pixels.block), ([300, 367], (3, 2)));
    window.hover_at(place_in(&window, MAP, (0.5, 0.5)));
    window.run_steps(60);
    assert!(shows(&window, "Largest scale of 3×2 groups"));
}

#[test]
fn both_spreads_and_equal_scales_draw() {
    let mut window = with("int:bits=4,granularity=per-channel");
    click_button(&mut window, "Lin");
    click_button(&mut window, "Log");
    assert!(shows(&window, MAP));
    let spec = "int:bits=4,granularity=per-channel";
    let (_folder, window) = of_tensor(spec, &[4, 4], &[0.5; 16]);
    assert!(shows(&window, MAP), "where all scales are the same");
}

#[test]
fn one_scale_is_a_figure() {
    assert!(shows(&with("int4"), "One scale for the whole tensor"));
    assert!(shows(&with("int:bits=4,symmetry=asymmetric"), "zero point"));
    let mut window = with("int4");
    assert!(window.query_by_label("Log").is_none(), "nothing to spread");
    click_button(&mut window, "Scale per channel");
    assert_eq!(spec(&window), "int:bits=4,granularity=per-channel");
    assert!(shows(&window, MAP) && shows(&window, "Log"));
}

#[test]
fn blocks_of_a_flat_tensor_are_wrapped() {
    let mut window = with("nf4");
    assert!(shows(&window, "144 blocks") && shows(&window, "Map of scales, 12 rows, 12 columns"));
    let place = place_in(&window, MAP, (0.5, 0.5));
    click_at(&mut window, place);
    assert_eq!(session(&window).selection().channel_idx, None, "a block is no channel");
}

#[test]
fn what_has_no_scale_says_so() {
    for scheme in ["kmeans", "binary"] {
        let mut window = with(scheme);
        assert!(shows(&window, "has no scale"), "{scheme}");
        click_button(&mut window, "Use Integer per channel");
        assert_eq!(spec(&window), "int:granularity=per-channel");
    }
    assert!(shows(&with("float"), "stays in float"));
    assert!(shows(&with("int4:rotation=hadamard"), "No scales to show"));
    let (_folder, window) = of_tensor("int4", &[2, 2], &[f32::NAN, 1.0, 2.0, 3.0]);
    assert!(shows(&window, "cannot be had") && shows(&window, "non-finite=zero"));
    let nowhere = ModelRef::Path("/there/is/none.safetensors".into());
    assert!(shows(&panel_window("scales", nowhere), "No model is open"));
}
