//! Our share of a frame: logic, layout and triangles at 2560×1440, without a graphics card. The
//! whole window, and every panel alone, with a model of 500 layers.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use quantscope::session::ModelRef;
use quantscope::ui::{App, AppOptions, PANELS};

/// A window with everything computed, drawn once a call.
fn drawn(model: ModelRef, only_panel: Option<&'static str>) -> impl FnMut() -> usize {
    let ctx = egui::Context::default();
    let mut app = App::new(&ctx, AppOptions { model, only_panel });
    let size = egui::vec2(2560.0, 1440.0);
    let mut draw = move || {
        app.logic(&ctx);
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, size)),
            ..egui::RawInput::default()
        };
        let output = ctx.run_ui(input, |ui| app.ui(ui));
        let triangles = ctx.tessellate(output.shapes, output.pixels_per_point);
        (triangles.len(), app.session().is_idle() && app.session().opened().is_some())
    };
    let mut n_idle = 0;
    while n_idle < 4 {
        n_idle = if draw().1 { n_idle + 1 } else { 0 };
        std::thread::yield_now();
    }
    move || draw().0
}

fn frames(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let deep = support::residual_model(250).write(folder.path(), "deep.safetensors");
    support::row_samples(200, 8).write(folder.path(), "deep.eval.safetensors");
    let mut group = criterion.benchmark_group("frame");
    let mut digits = drawn(ModelRef::default_sample(), None);
    group.bench_function("window, digits", |bencher| bencher.iter(&mut digits));
    let mut whole = drawn(ModelRef::Path(deep.clone()), None);
    group.bench_function("window, 500 layers", |bencher| bencher.iter(&mut whole));
    for entry in PANELS {
        let mut panel = drawn(ModelRef::Path(deep.clone()), Some(entry.id));
        let name = format!("{}, 500 layers", entry.title);
        group.bench_function(name, |bencher| bencher.iter(&mut panel));
    }
}

criterion_group!(benches, frames);
criterion_main!(benches);
