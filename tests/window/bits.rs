//! The bits of one weight.

use quantscope::session::{Command, ModelRef};

use super::drive::{
    Window, click, click_at, click_button, panel_window, place_in, session, settle, shows, spin,
};
use super::support::FileBuilder;

fn with(spec: &str) -> Window {
    let mut window = panel_window("bits", ModelRef::default_sample());
    set(&mut window, spec);
    window
}

fn set(window: &mut Window, spec: &str) {
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    settle(window);
}

fn of_values(spec: &str, values: &[f32]) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let file = FileBuilder::new().floats("weight", &[2, values.len() / 2], values);
    let path = file.write(folder.path(), "model.safetensors");
    let mut window = panel_window("bits", ModelRef::Path(path));
    set(&mut window, spec);
    (folder, window)
}

fn shown(window: &Window) -> usize {
    session(window).shown_weight()
}

#[test]
fn original_code_and_reconstruction_are_told_to_the_bit() {
    // The scale is 7/7 = 1: the second weight becomes 3.
    let (_folder, mut window) = of_values("int4", &[7.0, 2.75, -0.25, -7.0]);
    spin(&mut window, "Index of axis 1", 1.0);
    assert_eq!(shown(&window), 1);
    for text in [
        "Bits of the original: 0 10000000 01100000000000000000000",
        "(−1)⁰ · 2¹²⁸⁻¹²⁷ · 1.375 = 2.75000",
        "Bits of the code: 0011",
        "2 + 1 = 3, two's complement",
        "Bits of the reconstruction: 0 10000000 10000000000000000000000",
        "round(2.7500 / 1.0000) + 0 = round(2.7500) + 0 = 3",
        "1.0000 · (3 − 0) = 3.0000",
        "−0.250",
        "−9.09 %",
        "weight 2 of 4 (index 1)",
        "group 1 of 1 (index 0)",
        "Number line of 5 levels around the weight",
    ] {
        assert!(shows(&window, text), "{text}");
    }
}

#[test]
fn weights_are_gone_through_and_extremes_found() {
    let (_folder, mut window) = of_values("int4", &[0.1, 2.75, -8.0, 0.5, 1.0, 0.6]);
    click(&mut window, "Next weight");
    click(&mut window, "Next weight");
    assert_eq!(shown(&window), 2);
    click(&mut window, "Previous weight");
    assert_eq!(shown(&window), 1);
    click_button(&mut window, "Largest weight");
    assert_eq!(shown(&window), 2);
    click_button(&mut window, "Largest error");
    let loaded = session(&window).weight_bits(shown(&window));
    let bits = loaded.ready().unwrap();
    assert_eq!(bits.worst_idx, shown(&window));
    spin(&mut window, "Index of axis 0", 1.0);
    spin(&mut window, "Index of axis 1", 2.0);
    assert_eq!(shown(&window), 5);
}

#[test]
fn the_weight_stays_while_settings_change() {
    let mut window = with("int4");
    spin(&mut window, "Index of input", 3.0);
    let element = shown(&window);
    assert!(element > 0);
    for spec in ["int2", "int16", "e4m3fn:granularity=per-channel", "int:symmetry=asymmetric"] {
        set(&mut window, spec);
        assert_eq!(shown(&window), element, "{spec}");
        for text in ["Bits of the original", "Bits of the code", "Bits of the reconstruction"] {
            assert!(shows(&window, text), "{spec}: {text}");
        }
    }
}

#[test]
fn what_is_no_arithmetic_of_one_weight_is_said() {
    assert!(shows(&with("int4:rotation=hadamard"), "rotated together"));
    assert!(shows(&with("float"), "stays in float"));
    let (_folder, window) =
        of_values("int:bits=4,range=manual,lo=-1,hi=1", &[9.0, 0.5, 0.25, -0.25]);
    assert!(shows(&window, "clamp(round(") && shows(&window, "clipped"));
    let (_folder, window) = of_values("int4", &[f32::NAN, 1.0, 2.0, 3.0]);
    assert!(shows(&window, "cannot be quantized") && shows(&window, "non-finite=zero"));
    let nowhere = ModelRef::Path("/there/is/none.safetensors".into());
    assert!(shows(&panel_window("bits", nowhere), "No model is open"));
}

#[test]
fn what_is_not_scaled_is_not_divided() {
    let window = with("binary");
    assert!(shows(&window, "sign(") && shows(&window, "no scale"));
    assert!(shows(&with("kmeans"), "of the table ="));
}

#[test]
fn a_click_in_the_heat_map_chooses_the_weight() {
    let mut window = panel_window("heatmap", ModelRef::default_sample());
    let place = place_in(&window, "Heat map of", (0.5, 0.5));
    click_at(&mut window, place);
    assert!(shown(&window) > 0);
    window.state_mut().apply(Command::SelectLayer(0));
    settle(&mut window);
    assert_eq!(shown(&window), 0, "another layer starts with its first");
}
