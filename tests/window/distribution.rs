//! The distribution: its scales, what is drawn over it, and the handles.

use egui::accesskit::Role;
use egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::quant::SettingValue;
use quantscope::session::{Command, ModelRef};
use quantscope::ui::{App, AppOptions};

use super::drive::{
    Window, click, click_at, click_button, open_combo, panel_window, press, session, settle, shows,
    spec, spin, window,
};
use super::support::FileBuilder;

/// Drags the control of that name.
fn drag(window: &mut Window, label: &str, by: egui::Vec2) {
    let from = window.get_by_label(label).rect().center();
    window.hover_at(from);
    window.step();
    window.drag_at(from);
    window.step();
    for part in 1..=4 {
        window.hover_at(from + by * (part as f32 / 4.0));
        window.step();
    }
    window.drop_at(from + by);
    settle(window);
}

fn end(window: &Window, key: &str) -> f64 {
    let session = session(window);
    match session.choice(session.selection().layer_idx).settings().get(key) {
        Some(SettingValue::Float(end)) => end,
        other => panic!("{key} is {other:?}"),
    }
}

#[test]
fn counts_have_three_scales() {
    let mut window = window();
    assert!(shows(&window, "Weights per bin of") && shows(&window, "Error over the values"));
    click_button(&mut window, "Log");
    click_button(&mut window, "Sum");
    assert!(shows(&window, "Share of weights up to a value"));
    click_button(&mut window, "Lin");
    assert!(shows(&window, "Beyond 4σ") && shows(&window, "Kurtosis"));
}

fn quantize(window: &mut Window, spec: &str) {
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    settle(window);
}

#[test]
fn the_legend_leaves_nothing_out() {
    for width in [1280.0, 900.0] {
        let options = AppOptions { model: ModelRef::default_sample(), only_panel: None };
        let mut window = Harness::builder()
            .with_size([width, 800.0])
            .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
        settle(&mut window);
        quantize(&mut window, "int:bits=4,range=percentile,percentile=98");
        for entry in ["original", "quantized", "level", "clipped"] {
            assert!(window.query_by_label(entry).is_some(), "{entry} at {width}");
        }
    }
}

#[test]
fn spikes_of_many_scales_run_out_of_the_top() {
    let values: Vec<f32> = (0..64 * 64)
        .map(|i: usize| {
            (((i * 7919) % 4093) as f32 / 2046.0 - 1.0) * (1.0 + (i / 64) as f32 / 64.0)
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = FileBuilder::new().floats("weight", &[64, 64], &values);
    let path = file.write(folder.path(), "model.safetensors");
    let mut window = panel_window("distribution", ModelRef::Path(path));
    quantize(&mut window, "int:bits=4,granularity=per-channel");
    assert!(shows(&window, "beyond the axis") && shows(&window, "64 scales"));
    assert!(window.query_by_label("level").is_none(), "each scale has its own");
    click_button(&mut window, "Log");
    assert!(!shows(&window, "beyond the axis"), "there is room for all");
}

#[test]
fn fits_channels_and_layers_are_drawn_over_it() {
    let mut window = window();
    click_button(&mut window, "Compare distributions");
    click(&mut window, "Gaussian of the same mean and deviation");
    assert!(shows(&window, "Gaussian, D 0.0"));
    click(&mut window, "Laplacian of the same median and spread");
    assert!(shows(&window, "Laplacian, D 0.0"));
    click(&mut window, "No fit");
    click(&mut window, "with fc");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_all_by_label("fc").count() > 1, "the legend names it");
    click_button(&mut window, "Compare distributions");
    click(&mut window, "Another channel");
    spin(&mut window, "Compared channel", 3.0);
    assert!(shows(&window, "res.conv1, channel 3"));
    click(&mut window, "No other layer or channel");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(!shows(&window, "channel 3"));
}

#[test]
fn handles_set_the_range_by_hand() {
    let mut window = window();
    drag(&mut window, "High end of the range", vec2(-120.0, 0.0));
    assert!(spec(&window).starts_with("int:range=manual,lo=-0."), "{}", spec(&window));
    assert_eq!(end(&window, "lo"), -end(&window, "hi"), "the codes are symmetric");
    assert!(shows(&window, "Clip ±"), "the end is a number to type, too");
    assert!(!shows(&window, "Clip low"), "of symmetric codes only one end counts");
    assert!(session(&window).picture().ready().unwrap().profile.n_clipped.1 > 0);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(spec(&window), "int", "one drag is one step");
    drag(&mut window, "Low end of the range", vec2(120.0, 0.0));
    assert_eq!(end(&window, "lo"), -end(&window, "hi"), "either handle moves both");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    click_button(&mut window, "Asymmetric");
    drag(&mut window, "Low end of the range", vec2(100.0, 0.0));
    let (lo, hi) = (end(&window, "lo"), end(&window, "hi"));
    assert!(lo > -0.28 && (hi - 0.37).abs() < 0.01, "{lo} to {hi}");
    assert!(shows(&window, "Clip low") && shows(&window, "Clip high"));
    drag(&mut window, "Low end of the range", vec2(900.0, 0.0));
    assert_eq!((end(&window, "lo"), end(&window, "hi")), (0.0, hi), "the range contains 0");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    open_combo(&mut window, "Range");
    click(&mut window, "Min-max");
    click_button(&mut window, "Channel");
    assert!(
        window.query_by_label("High end of the range").is_none(),
        "each channel has its own range"
    );
}

/// While a handle is held the plot follows the hand, whatever has been answered.
#[test]
fn a_handle_is_where_the_pointer_is() {
    let mut window = window();
    let from = window.get_by_label("High end of the range").rect().center();
    window.hover_at(from);
    window.step();
    window.drag_at(from);
    window.step();
    for part in 1..=6 {
        let at = from - vec2(20.0 * part as f32, 0.0);
        window.hover_at(at);
        window.step();
        window.step();
        let handle = window.get_by_label("High end of the range").rect().center();
        assert!((handle.x - at.x).abs() < 2.0, "{} and not {}", handle.x, at.x);
    }
    window.drop_at(from - vec2(120.0, 0.0));
    settle(&mut window);
    let handle = window.get_by_label("High end of the range").rect().center();
    assert!((handle.x - from.x + 120.0).abs() < 2.0);
}

#[test]
fn a_channel_is_chosen_from_the_strip() {
    let mut window = window();
    let strip = window.get_by_role_and_label(Role::Canvas, "SQNR of each channel").rect();
    click_at(&mut window, strip.lerp_inside(vec2(0.999, 0.8)));
    assert_eq!(session(&window).selection().channel_idx, Some(31));
    click_at(&mut window, strip.lerp_inside(vec2(0.001, 0.8)));
    assert_eq!(session(&window).selection().channel_idx, Some(0));
}

/// Nothing lies over something else in the smallest windows; what has no room is scrolled to.
#[test]
fn nothing_overlaps_in_small_windows() {
    for size in [[1024.0, 700.0], [900.0, 480.0]] {
        let options = AppOptions { model: ModelRef::default_sample(), only_panel: None };
        let mut window = Harness::builder()
            .with_size(size)
            .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
        settle(&mut window);
        let rect = |role, label| window.get_by_role_and_label(role, label).rect();
        let caption = rect(Role::Label, "SQNR of each channel, dB");
        let next = rect(Role::Button, "Next channel");
        let figure = rect(Role::Label, "Maximum");
        let strip = rect(Role::Canvas, "SQNR of each channel");
        let error = rect(Role::Label, "Error over the values");
        let areas = [error, figure, next, caption, strip];
        for (idx, area) in areas.iter().enumerate() {
            for other in &areas[idx + 1..] {
                assert!(!area.shrink(0.5).intersects(*other), "{size:?}: {area:?} and {other:?}");
            }
        }
    }
}

#[test]
fn channels_are_reached_by_slider() {
    let mut window = window();
    let slider = window.get_by_label("Channel slider");
    slider.set_value_accesskit(5.0);
    settle(&mut window);
    assert_eq!(session(&window).selection().channel_idx, Some(4));
    assert!(shows(&window, "Result on channel 4"));
    let node = window.get_by_label("Channel slider");
    assert!(node.accesskit_node().label().is_some());
    click_button(&mut window, "More for Distribution");
    click_button(&mut window, "Copy as CSV");
}

/// In one slow frame: the handle moves, and the plot stays where it is.
#[test]
fn a_press_and_a_move_in_one_frame_take_the_handle() {
    let mut window = window();
    let other = |window: &Window| window.get_by_label("Low end of the range").rect().center();
    let from = window.get_by_label("High end of the range").rect().center();
    window.hover_at(from);
    window.step();
    let press = |pressed, pos| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let to = from - vec2(60.0, 0.0);
    let low = other(&window);
    window.input_mut().events.extend([press(true, from), egui::Event::PointerMoved(to)]);
    window.step();
    window.hover_at(to - vec2(40.0, 0.0));
    window.step();
    window.event(press(false, to - vec2(40.0, 0.0)));
    settle(&mut window);
    assert!(spec(&window).starts_with("int:range=manual"), "{}", spec(&window));
    let high = window.get_by_label("High end of the range").rect().center();
    assert!((high.x - from.x + 100.0).abs() < 3.0, "{} from {}", high.x, from.x);
    // Symmetric codes: the other end comes as much nearer, if the plot was not moved.
    assert!((other(&window).x - low.x - 100.0).abs() < 3.0, "the plot was moved");
}
