//! What the index of sorted weights is worth, on 16 million of them: another width, a search for the
//! clip threshold, and the number on the screen.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::IxDyn;
use quantscope::base::{WorkCtx, seeded};
use quantscope::eval::{indexed_error, layer_error};
use quantscope::quant::SchemeChoice;
use quantscope::session::{Command, Gesture, Session};
use quantscope::tensor::{ChannelMajor, SortedIndex, Tensor};
use rand::RngExt;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const SIDE: usize = 4096;

/// About normal.
fn values() -> Vec<f32> {
    let mut random = seeded(7);
    let mut uniform = || random.random::<f32>() - 0.5;
    (0..SIDE * SIDE).map(|_| (0..4).map(|_| uniform()).sum::<f32>() * 0.1).collect()
}

fn weights() -> ChannelMajor {
    ChannelMajor::new(&Tensor::from_shape_vec(IxDyn(&[SIDE, SIDE]), values()).unwrap(), 0)
}

fn errors(criterion: &mut Criterion) {
    let ctx = WorkCtx::new();
    let plain = weights();
    let sorted = ChannelMajor::new(&plain.to_tensor(), 0);
    let index = Arc::new(SortedIndex::of_values(sorted.data(), &ctx).unwrap().unwrap());
    sorted.set_index(&index);
    let mut group = criterion.benchmark_group("error of 16 M");
    group.sample_size(10);
    group.bench_function("sorting", |bencher| {
        bencher.iter(|| SortedIndex::of_values(plain.data(), &ctx).unwrap());
    });
    for spec in ["int4", "int8", "e4m3fn", "int:bits=4,symmetry=asymmetric"] {
        let choice: SchemeChoice = spec.parse().unwrap();
        group.bench_function(format!("{spec}, all weights"), |bencher| {
            bencher.iter(|| layer_error(&plain, &choice, &ctx).unwrap());
        });
        group.bench_function(format!("{spec}, index"), |bencher| {
            bencher.iter(|| {
                let fitted = choice.fit(&sorted, &ctx).unwrap().into();
                indexed_error(&sorted, &choice, &fitted).unwrap()
            });
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("clip search of 16 M");
    group.sample_size(10).measurement_time(Duration::from_secs(1));
    group.warm_up_time(Duration::from_millis(100));
    for spec in ["int:bits=4,range=mse", "int:bits=8,range=mse", "int:bits=8,range=percentile"] {
        let choice: SchemeChoice = spec.parse().unwrap();
        for (name, weights) in [("all weights", &plain), ("index", &sorted)] {
            group.bench_function(format!("{spec}, {name}"), |bencher| {
                bencher.iter(|| choice.fit(weights, &ctx).map(drop).unwrap());
            });
        }
    }
}

/// From the command to the number, as the window asks for it. More than ten bits have no use for the
/// index.
fn number_on_the_screen(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.safetensors");
    let bytes: Vec<u8> = values().iter().flat_map(|x| x.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![SIDE, SIDE], &bytes).unwrap();
    safetensors::serialize_to_file([("w", view)], None, &path).unwrap();
    let mut session = Session::new(|| {});
    session.apply(Command::OpenAny(path));
    let mut nth = 0;
    let mut change = |session: &mut Session, bits: i64| {
        nth += 1;
        let hi = 0.15 + f64::from(nth) * 1e-6;
        let choice = format!("int:bits={bits},range=manual,hi={hi}").parse().unwrap();
        let gesture = Gesture::Once;
        let started = Instant::now();
        session.apply(Command::SetChoice { layer: "w".to_owned(), choice, gesture });
        while session.layer_error(0).is_stale() {
            session.serve_wishes();
            std::thread::yield_now();
            session.poll();
        }
        let elapsed = started.elapsed();
        // The next change finds the machine idle.
        for _ in 0..2 {
            while session.layer_error(0).ready().is_none() || !session.is_idle() {
                session.serve_wishes();
                std::thread::sleep(Duration::from_millis(1));
                session.poll();
            }
            session.serve_wishes();
        }
        elapsed
    };
    while session.opened().is_none() {
        session.poll();
        std::thread::yield_now();
    }
    change(&mut session, 4);
    let mut group = criterion.benchmark_group("change of bits until the number, 16 M");
    group.sample_size(10);
    for (name, bits) in [("index", [3, 4, 5, 6, 7, 8]), ("all weights", [11, 12, 13, 14, 15, 16])] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|n_iterations| {
                let widths = bits.into_iter().cycle().take(n_iterations as usize);
                widths.map(|bits| change(&mut session, bits)).sum()
            });
        });
    }
}

criterion_group!(benches, errors, number_on_the_screen);
criterion_main!(benches);
