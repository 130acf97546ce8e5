//! Jobs, memory and frame times; layers measured when there is time; files that change on disk.

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::{Command, JobState, ModelRef, Pace};

use crate::drive::window_of;
use crate::drive::{Window, click, click_button, press, session, settle, wait_until, window};
use crate::support::FileBuilder;

const OPEN: &str = "Jobs, memory and frame times";

fn shows(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn jobs_memory_and_frame_times_open_from_the_strip() {
    let mut window = window();
    assert!(!shows(&window, "Frame times, ms"));
    click(&mut window, OPEN);
    for text in ["Nothing is being computed.", "Kept answers about layers", "Frame times, ms"] {
        assert!(shows(&window, text), "{text}");
    }
    assert!(shows(&window, "Frame times: answers and panels"), "the drawing has a name");
    assert!(shows(&window, "Kept activations") && shows(&window, "Kept weights"));
    assert!(shows(&window, "of the window's thread") || cfg!(not(unix)), "the clock is named");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(!shows(&window, "Frame times, ms"));
}

#[test]
fn the_memory_for_activations_is_set_and_used() {
    let mut window = window();
    let kept = |window: &Window| session(window).memory().activation_bytes;
    assert!(kept(&window) > 0, "the sample's accuracy has been measured");
    click(&mut window, OPEN);
    click(&mut window, "Activations at most, in MB");
    press(&mut window, Modifiers::COMMAND, Key::A);
    window.event(egui::Event::Text("0".to_owned()));
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).memory().activation_budget, 0);
    window.state_mut().apply(Command::SetAllChoices("int3".parse().unwrap()));
    settle(&mut window);
    assert!(session(&window).accuracy().ready().is_some());
    assert_eq!(kept(&window), 0);
}

/// Many layers without a graph.
fn many_layers(n_layers: usize) -> FileBuilder {
    (0..n_layers).fold(FileBuilder::new(), |file, idx| {
        let values: Vec<f32> = (0..64).map(|i| ((i * 7 + idx) % 13) as f32 * 0.02 - 0.1).collect();
        file.floats(&format!("layers.{idx}.weight"), &[8, 8], &values)
    })
}

#[test]
fn layers_out_of_sight_are_held_and_let_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = many_layers(300).write(folder.path(), "many.safetensors");
    let mut window = window_of(ModelRef::Path(path));
    assert!(session(&window).jobs().is_empty(), "all are measured");
    window.state_mut().apply(Command::SetPace(Pace::Paused));
    // Codebooks are fitted before their size is known.
    window.state_mut().apply(Command::SetAllChoices("kmeans:bits=2".parse().unwrap()));
    settle(&mut window);
    let size = session(&window).size().unwrap();
    assert!(0 < size.n_known && !size.is_whole(), "rows in sight are measured: {size:?}");
    assert!(shows(&window, &format!("{} of 300 layers", size.n_known)));
    let jobs = session(&window).jobs();
    assert!(matches!(&jobs[..], [job] if job.is_rest() && job.state == JobState::Paused));
    assert_eq!(jobs[0].progress.total, 300);
    click(&mut window, OPEN);
    assert!(shows(&window, ", paused"));
    press(&mut window, Modifiers::NONE, Key::Escape);
    click_button(&mut window, "Go on with measuring layers");
    assert!(session(&window).size().unwrap().is_whole());
    assert!(session(&window).jobs().is_empty());
}

#[test]
fn the_size_is_there_before_the_layers_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = many_layers(300).write(folder.path(), "many.safetensors");
    let mut window = window_of(ModelRef::Path(path));
    window.state_mut().apply(Command::SetPace(Pace::Paused));
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    let size = session(&window).size().unwrap();
    assert!(size.is_whole());
    // 300 layers of 64 codes of 4 bits with one 32-bit scale.
    assert_eq!(size.size.quantized_bytes, 300 * (64 / 2 + 4));
}

/// A file written over what was opened, and noticed.
fn overwritten(window: &mut Window, path: &std::path::Path, value: f32) {
    let folder = path.parent().unwrap();
    let other = FileBuilder::new().floats("layers.0.weight", &[8, 8], &[value; 64]);
    let other = other.floats("layers.1.weight", &[8, 8], &[value; 64]);
    let bytes = std::fs::read(other.write(folder, "other.safetensors")).unwrap();
    std::fs::write(path, bytes).unwrap();
    session(window).look_at_files();
    wait_until(window, |window| !session(window).changed_files().is_empty());
}

#[test]
fn a_changed_file_is_told_and_read_again_with_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let path = many_layers(2).write(folder.path(), "model.safetensors");
    let mut window = window_of(ModelRef::Path(path.clone()));
    window.state_mut().apply(Command::SetAllChoices("int3".parse().unwrap()));
    settle(&mut window);
    let before = session(&window).layer_figures(0);
    overwritten(&mut window, &path, 0.5);
    assert!(shows(&window, "model.safetensors was changed on disk"));
    let shown = session(&window).layer_figures(0);
    assert_eq!(before.ready(), shown.ready(), "what was computed stays");
    window.state_mut().apply(Command::SetAllChoices("int5".parse().unwrap()));
    settle(&mut window);
    let failed = session(&window).layer_figures(0);
    assert!(
        failed.failure().unwrap().contains("reload"),
        "nothing is passed off as the old file's"
    );
    click_button(&mut window, "Keep what is shown");
    assert!(window.query_by_label("Keep what is shown").is_none());
    overwritten(&mut window, &path, 0.25);
    click_button(&mut window, "Reload");
    settle(&mut window);
    assert!(session(&window).changed_files().is_empty());
    assert_eq!(session(&window).choice(1).to_string(), "int:bits=5", "the recipe survives");
    assert_eq!(session(&window).history().len(), 2);
    let figures = session(&window).layer_figures(0);
    let signal = figures.ready().unwrap().total.signal;
    assert!((signal - 64.0 * 0.0625).abs() < 1e-6, "{signal}");
}

#[test]
fn a_removed_file_can_be_read_again_once_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = many_layers(2).write(folder.path(), "model.safetensors");
    let mut window = window_of(ModelRef::Path(path.clone()));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    session(&window).look_at_files();
    wait_until(&mut window, |window| !session(window).changed_files().is_empty());
    assert!(shows(&window, "model.safetensors was removed"));
    assert!(window.get_by_label("Reload").accesskit_node().is_disabled());
    std::fs::write(&path, bytes).unwrap();
    session(&window).look_at_files();
    wait_until(&mut window, |window| shows(window, "replaced on disk"));
    click_button(&mut window, "Reload");
    assert!(session(&window).changed_files().is_empty());
}
