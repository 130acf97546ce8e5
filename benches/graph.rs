//! The drawn network: laying it out once, and our share of a frame with 500 layers.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use quantscope::base::WorkCtx;
use quantscope::session::ModelRef;
use quantscope::session::graph_layout::{BoxSize, lay_out};
use quantscope::ui::{App, AppOptions};

/// A chain with a connection around every third box, or one from each box to the next four.
fn layouts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layout of 3000 boxes");
    group.sample_size(10);
    let n = 3000;
    let chain = |reach: usize| (0..n - reach).map(move |idx| (idx, idx + reach));
    let residual: Vec<_> = chain(1).chain(chain(3).filter(|(from, _)| from % 3 == 0)).collect();
    let dense: Vec<_> = (1..=4).flat_map(chain).collect();
    // Attention: one value read by every block.
    let shared: Vec<_> = residual.iter().copied().chain((1..300).map(|b| (0, b * 10))).collect();
    let sizes = vec![BoxSize { width: 188.0, height: 46.0 }; n];
    for (name, edges) in [("residual", residual), ("dense", dense), ("one read by all", shared)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| lay_out(&sizes, &edges, &WorkCtx::new()).unwrap());
        });
    }
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame of the graph, 500 layers");
    let folder = tempfile::tempdir().unwrap();
    let path = support::residual_model(250).write(folder.path(), "deep.safetensors");
    let ctx = egui::Context::default();
    let options = AppOptions { model: ModelRef::Path(path), only_panel: Some("graph") };
    let mut app = App::new(&ctx, options);
    let size = egui::vec2(2560.0, 1440.0);
    let mut draw = |zoom: f32| {
        app.logic(&ctx);
        let mut input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::pos2(0.0, 0.0), size)),
            ..egui::RawInput::default()
        };
        input.events.push(egui::Event::PointerMoved(egui::pos2(1280.0, 700.0)));
        input.events.push(egui::Event::Zoom(zoom));
        let output = ctx.run_ui(input, |ui| app.ui(ui));
        let triangles = ctx.tessellate(output.shapes, output.pixels_per_point);
        (triangles.len(), app.session().is_idle() && app.session().opened().is_some())
    };
    while !draw(1.0).1 {
        std::thread::yield_now();
    }
    group.bench_function("readable", |bencher| bencher.iter(|| draw(1.0)));
    for _ in 0..60 {
        draw(0.8);
    }
    group.bench_function("all of it", |bencher| bencher.iter(|| draw(1.0)));
}

criterion_group!(benches, layouts, frames);
criterion_main!(benches);
