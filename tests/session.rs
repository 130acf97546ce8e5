//! The session's rules where several things are under way at once.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use quantscope::model::FoldMode;
use quantscope::session::{Command, Gesture, ModelRef, Session};

fn session() -> Session {
    Session::new(|| {})
}

fn settle(session: &mut Session) {
    while !session.is_idle() {
        session.poll();
        session.serve_wishes();
        std::thread::yield_now();
    }
}

fn open(session: &mut Session, path: PathBuf) {
    session.apply(Command::OpenAny(path));
}

fn title(session: &Session) -> &str {
    &session.network().unwrap().model.title
}

#[test]
fn the_model_asked_for_last_is_the_one_that_shows() {
    let folder = tempfile::tempdir().unwrap();
    let small = support::dense_model().write(folder.path(), "small.safetensors");
    for _ in 0..20 {
        let mut session = session();
        open(&mut session, support::project("sample_models/digits"));
        open(&mut session, small.clone());
        settle(&mut session);
        assert_eq!(title(&session), "small");
    }
}

#[test]
fn samples_asked_for_after_a_model_are_for_that_model() {
    let folder = tempfile::tempdir().unwrap();
    let small = support::dense_model().write(folder.path(), "small.safetensors");
    let samples = support::dense_samples().write(folder.path(), "mine.safetensors");
    for _ in 0..20 {
        let mut session = session();
        session.apply(Command::Open(ModelRef::default_sample()));
        settle(&mut session);
        open(&mut session, small.clone());
        open(&mut session, samples.clone());
        settle(&mut session);
        assert_eq!((title(&session), session.samples().unwrap().len()), ("small", 4));
    }
}

#[test]
fn folding_of_a_model_that_is_gone_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let small = support::dense_model().write(folder.path(), "small.safetensors");
    let mut session = session();
    session.apply(Command::Open(ModelRef::default_sample()));
    settle(&mut session);
    session.apply(Command::SetFold(FoldMode::Keep));
    open(&mut session, small);
    settle(&mut session);
    assert_eq!(title(&session), "small");
    assert_eq!(session.plan().fold_mode, session.network().unwrap().fold_mode);
}

#[test]
fn nothing_is_recorded_without_a_model() {
    let mut session = session();
    session.apply(Command::SetAllChoices("int4".parse().unwrap()));
    session.apply(Command::SetFold(FoldMode::Keep));
    let choice = "int4".parse().unwrap();
    session.apply(Command::SetChoice { layer: "x".to_owned(), choice, gesture: Gesture::Once });
    assert_eq!(session.history().undo_label(), None);
    let samples = support::project("sample_models/digits/eval.safetensors");
    open(&mut session, samples);
    settle(&mut session);
    assert!(
        session.take_notices().iter().any(|notice| notice.text.contains("open the model first"))
    );
}

#[test]
fn a_cancelled_question_stays_cancelled_and_a_new_one_is_answered() {
    let mut session = session();
    session.apply(Command::Open(ModelRef::default_sample()));
    settle(&mut session);
    assert!(session.accuracy().ready().is_none());
    session.serve_wishes();
    let job = session.jobs().iter().find(|job| job.label == "Accuracy").map(|job| job.id);
    session.apply(Command::CancelJob(job.unwrap()));
    for _ in 0..2000 {
        session.poll();
        assert!(session.accuracy().failure().is_some());
        session.serve_wishes();
        std::thread::yield_now();
    }
    session.apply(Command::Retry);
    while session.accuracy().ready().is_none() {
        assert!(session.accuracy().failure().is_none());
        session.serve_wishes();
        session.poll();
        std::thread::yield_now();
    }
    assert_eq!(session.accuracy().ready().unwrap().n_samples, 897);
}

/// A large layer whose weights share a scale is sorted once its error is known, and the index goes
/// with the model.
#[test]
fn a_large_layer_is_sorted_when_there_is_time() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..1 << 20).map(|i| (i * 7919 % 10_007) as f32 * 1e-4 - 0.5).collect();
    let halves = values.iter().flat_map(|&x| half::bf16::from_f32(x).to_le_bytes()).collect();
    let shape = [1024, 1024];
    let floats = support::FileBuilder::new().floats("w", &shape, &values);
    let halves = support::FileBuilder::new().tensor("w", "BF16", &shape, halves);
    let mut session = session();
    let sort = |session: &mut Session, spec: &str| {
        let choice = spec.parse().unwrap();
        let gesture = Gesture::Once;
        session.apply(Command::SetChoice { layer: "w".to_owned(), choice, gesture });
        for _ in 0..2 {
            while session.layer_error(0).ready().is_none() || !session.is_idle() {
                session.serve_wishes();
                std::thread::yield_now();
                session.poll();
            }
            session.serve_wishes();
        }
        session.memory().weights.indexes
    };
    open(&mut session, floats.write(folder.path(), "floats.safetensors"));
    settle(&mut session);
    assert_eq!(session.memory().weights.total(), 0);
    assert_eq!(sort(&mut session, "int:granularity=per-channel"), 0, "scales are not shared");
    assert!(sort(&mut session, "int:bits=4") > 4 << 20);
    assert!(session.memory().weights.total() <= session.memory().weights.budget);
    open(&mut session, halves.write(folder.path(), "halves.safetensors"));
    settle(&mut session);
    assert_eq!(session.memory().weights.indexes, 0);
    let counted = sort(&mut session, "int:bits=4");
    assert!(counted > 0 && counted < 3 << 20, "{counted} bytes of counts");
}
