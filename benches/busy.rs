//! What frames cost the thread that draws them while everything runs at once: a setting is dragged,
//! accuracy and the layers are measured anew for each value. Processor time of logic, layout and
//! triangles at 2560×1440, over some thousand frames.
//!
//! With `QUANTSCOPE_LARGE` also while the layers of that file are measured.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use quantscope::base::{ClockKind, ThreadClock};
use quantscope::session::{BUILTIN_SAMPLES, Command, Gesture, ModelRef, Pace, Session};
use quantscope::ui::{App, AppOptions};

const N_FRAMES: usize = 2500;
/// From one frame to the next at least.
const INTERVAL: Duration = Duration::from_millis(8);

/// A frame; its processor time.
fn draw(app: &mut App, ctx: &egui::Context, frame_idx: usize) -> Duration {
    let clock = ThreadClock::default();
    let before = clock.now();
    app.logic(ctx);
    let size = egui::vec2(2560.0, 1440.0);
    let input = egui::RawInput {
        screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, size)),
        time: Some(frame_idx as f64 / 120.0),
        ..egui::RawInput::default()
    };
    let output = ctx.run_ui(input, |ui| app.ui(ui));
    std::hint::black_box(ctx.tessellate(output.shapes, output.pixels_per_point));
    clock.now().saturating_sub(before)
}

/// The clip threshold of the layer shown goes up and down, all layers' bits once a second.
fn drag(session: &Session, frame_idx: usize) -> Option<Command> {
    if frame_idx.is_multiple_of(240) {
        let bits = 2 + frame_idx / 240 % 7;
        return Some(Command::SetAllChoices(format!("int{bits}").parse().unwrap()));
    }
    let layer = session.network()?.layers.get(session.selection().layer_idx)?;
    let share = (frame_idx as f64 * 0.02).sin().mul_add(0.45, 0.5);
    let choice = format!("int:bits=4,range=manual,hi={share}").parse().unwrap();
    let gesture = Gesture::Drag(frame_idx as u64 / 240);
    Some(Command::SetChoice { layer: layer.name.clone(), choice, gesture })
}

fn measure(name: &str, model: ModelRef) {
    let ctx = egui::Context::default();
    let mut app = App::new(&ctx, AppOptions { model, only_panel: None });
    let started = Instant::now();
    while app.session().opened().is_none() {
        draw(&mut app, &ctx, 0);
        assert!(started.elapsed() < Duration::from_secs(60), "{name} is not opened");
    }
    let mut times = Vec::with_capacity(N_FRAMES);
    let mut n_busy = 0;
    for frame_idx in 0..N_FRAMES {
        let began = Instant::now();
        if let Some(command) = drag(app.session(), frame_idx) {
            app.apply(command);
        }
        times.push(draw(&mut app, &ctx, frame_idx));
        n_busy += usize::from(!app.session().is_idle());
        std::thread::sleep(INTERVAL.saturating_sub(began.elapsed()));
    }
    app.apply(Command::SetPace(Pace::Paused));
    times.sort();
    let ms = |share: f64| {
        let rank = ((times.len() as f64 * share).ceil() as usize).max(1) - 1;
        times[rank].as_secs_f64() * 1e3
    };
    println!(
        "{name:<24} median {:.2} ms, 99 % {:.2} ms, max {:.2} ms; jobs in {} of {N_FRAMES} frames",
        ms(0.5),
        ms(0.99),
        ms(1.0),
        n_busy
    );
}

fn main() {
    println!("{}", ClockKind::OURS.name());
    for sample in BUILTIN_SAMPLES {
        measure(sample.name, ModelRef::Builtin(sample));
    }
    let folder = tempfile::tempdir().unwrap();
    let deep = support::residual_model(250).write(folder.path(), "deep.safetensors");
    support::row_samples(200, 8).write(folder.path(), "deep.eval.safetensors");
    measure("500 layers", ModelRef::Path(deep));
    if let Some(path) = std::env::var_os("QUANTSCOPE_LARGE") {
        measure("large file", ModelRef::Path(path.into()));
    }
}
