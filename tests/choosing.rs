//! How a person chooses bit widths: what was measured once is known, what was tried is found again, two
//! recipes stand side by side, and files leave with the accuracy that was shown.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quantscope::base::WorkCtx;
use quantscope::eval::{Budget, SensitivityRequest, Unfit, measure_sensitivity};
use quantscope::eval::{Runner, Split};
use quantscope::session::{
    Command, ExportAsk, Gesture, Keep, Loaded, ModelRef, NoticeKind, Origin, PROPOSED,
    ProposalSettings, RivalChoice, SearchSource, SenseSettings, Sensed, Session,
};

fn session_in(home: &Path) -> Session {
    let mut session = Session::new(|| {});
    session.keep(Keep::In(home.to_owned()));
    settle(&mut session, &|_| {});
    session.apply(Command::Open(ModelRef::default_sample()));
    settle(&mut session, &|_| {});
    let few = SenseSettings {
        bits: vec![3, 8],
        limit: Some(24),
        source: SearchSource::Train,
        ..SenseSettings::default()
    };
    session.apply(Command::SetSense(Box::new(few)));
    session
}

/// Polls until nothing is under way, asking `wish` in every frame.
fn settle(session: &mut Session, wish: &dyn Fn(&Session)) {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        session.poll();
        wish(session);
        session.serve_wishes();
        if session.is_idle() {
            session.poll();
            return;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn run(session: &mut Session, command: Command) {
    session.apply(command);
    settle(session, &|session| {
        session.accuracy();
        session.size();
    });
}

fn sensed(session: &mut Session) -> Arc<Sensed> {
    settle(session, &|session| drop(session.sensitivity()));
    match session.sensitivity() {
        Loaded::Ready(sensed) => sensed,
        other => panic!("{other:?}"),
    }
}

fn set(session: &mut Session, layer: &str, spec: &str) {
    let (layer, choice) = (layer.to_owned(), spec.parse().unwrap());
    run(session, Command::SetChoice { layer, choice, gesture: Gesture::Once });
}

#[test]
fn sensitivities_are_measured_once_and_found_in_the_next_session() {
    let home = tempfile::tempdir().unwrap();
    let mut first = session_in(home.path());
    let measured = sensed(&mut first);
    assert!(!measured.was_known && measured.found.is_complete());
    assert_eq!((measured.found.n_total, measured.told.contains("train")), (24, true));
    // The same as without a session.
    let opened = first.opened().unwrap();
    let train = Arc::new(opened.find_set(Split::Train).unwrap().unwrap());
    let runner = Runner::new(Arc::clone(&opened.network), train).unwrap();
    let candidates = first.sense_settings().candidates().unwrap();
    let request = SensitivityRequest { candidates: &candidates, limit: Some(24), known: None };
    let direct = measure_sensitivity(&runner, &request, &WorkCtx::new(), |_| {}).unwrap();
    assert_eq!(measured.found, direct);
    drop(first);

    let mut second = session_in(home.path());
    let known = sensed(&mut second);
    assert!(known.was_known, "nothing is run a second time");
    assert_eq!(known.found, measured.found);
    // One more width runs that width alone; other samples begin anew.
    let more = SenseSettings { bits: vec![3, 4, 8], ..second.sense_settings().clone() };
    second.apply(Command::SetSense(Box::new(more)));
    let wider = sensed(&mut second);
    assert!(!wider.was_known);
    assert_eq!(wider.found.columns.len(), 3);
    assert_eq!(wider.found.columns[0], known.found.columns[0]);
    let fewer = SenseSettings { limit: Some(12), ..second.sense_settings().clone() };
    second.apply(Command::SetSense(Box::new(fewer)));
    assert_eq!(sensed(&mut second).found.n_total, 12);
}

#[test]
fn measuring_goes_on_when_nobody_looks() {
    let home = tempfile::tempdir().unwrap();
    let mut session = session_in(home.path());
    session.sensitivity();
    session.serve_wishes();
    settle(&mut session, &|_| {});
    assert!(session.known_sensitivity().unwrap().found.is_complete());
}

#[test]
fn settings_that_make_no_sense_change_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut session = session_in(home.path());
    let before = session.sense_settings().clone();
    for (scheme, bits) in [("int", vec![99]), ("nf4", vec![4])] {
        let scheme = scheme.parse().unwrap();
        let wrong = SenseSettings { scheme, bits, ..before.clone() };
        session.apply(Command::SetSense(Box::new(wrong)));
        assert_eq!(session.sense_settings(), &before);
        assert!(session.take_notices().iter().any(|notice| notice.kind == NoticeKind::Failed));
    }
}

#[test]
fn a_proposal_is_taken_up_as_one_step_and_says_what_is_impossible() {
    let home = tempfile::tempdir().unwrap();
    let mut session = session_in(home.path());
    assert!(session.proposal().is_none());
    let ask = |bits: f64| {
        let budget = Some(Budget::BitsPerWeight(bits));
        Command::Propose(Some(ProposalSettings { budget, ..ProposalSettings::default() }))
    };
    session.apply(ask(5.0));
    settle(&mut session, &|session| drop(session.proposal()));
    let Some(Loaded::Ready(proposed)) = session.proposal() else { panic!("no proposal") };
    assert!(proposed.proposal.trial.size.bits_per_weight.unwrap() <= 5.0);
    let judged = proposed.judged.as_ref().unwrap();
    assert_eq!(judged.against_float.n_rows, session.samples().unwrap().len());
    run(&mut session, Command::UseProposal);
    let label = format!("{PROPOSED} for 5.00 bits a weight");
    assert_eq!(session.history().undo_label(), Some(label.as_str()));
    for (layer, choice) in proposed.choices() {
        assert_eq!(session.plan().recipe.choice(&layer), choice);
    }
    // What was judged is what is shown.
    let Loaded::Ready(accuracy) = session.accuracy() else { panic!("no accuracy") };
    let comparison = accuracy.comparison.as_ref().unwrap();
    let paired = judged.against_float.paired;
    assert_eq!((comparison.broken, comparison.fixed), (Some(paired.broken), Some(paired.fixed)));
    assert_eq!(session.present_tried().unwrap().origin, Origin::Proposed);
    // What is locked stays, whatever it is, and what is left is shared out.
    let locked = [("stem", "int:bits=6,range=mse"), ("fc", "float")];
    for (layer, spec) in locked {
        set(&mut session, layer, spec);
        session.apply(Command::SetLock { layer: layer.to_owned(), lock: true });
    }
    session.apply(ask(6.0));
    settle(&mut session, &|session| drop(session.proposal()));
    let Some(Loaded::Ready(held)) = session.proposal() else { panic!("no proposal") };
    let choices = held.choices();
    for (layer, choice) in &choices {
        match locked.iter().find(|(name, _)| name == layer) {
            Some((_, spec)) => assert_eq!(*choice, spec.parse().unwrap()),
            None => assert!([3, 8].contains(&choice.bits().unwrap()), "{layer}: {choice}"),
        }
    }
    session.apply(ask(1.0));
    settle(&mut session, &|session| drop(session.proposal()));
    let Some(Loaded::Failed(reason)) = session.proposal() else { panic!("that is impossible") };
    assert!(reason.contains("1.000 bits a weight cannot be had; the smallest"), "{reason}");
}

#[test]
fn recipes_tried_come_back_with_their_names() {
    let home = tempfile::tempdir().unwrap();
    let mut first = session_in(home.path());
    run(&mut first, Command::SetAllChoices("int4".parse().unwrap()));
    set(&mut first, "stem", "int6");
    set(&mut first, "stem", "int4");
    assert_eq!(first.tried().len(), 2, "the same recipe is one point");
    let (id, figures) = {
        let uniform = first.present_tried().unwrap();
        assert_eq!(uniform.origin, Origin::Uniform);
        (uniform.id, first.tried_figures(uniform).unwrap().clone())
    };
    let Loaded::Ready(accuracy) = first.accuracy() else { panic!("no accuracy") };
    assert_eq!(figures.accuracy.estimate, accuracy.quantized.unwrap());
    first.apply(Command::NameTried { id, name: " four bits ".to_owned() });
    first.apply(Command::PinTried { id, pin: true });
    drop(first);

    let mut second = session_in(home.path());
    let ids: Vec<u64> = second.tried().iter().map(|tried| tried.id).collect();
    assert!(ids.contains(&id), "{ids:?}");
    run(&mut second, Command::RestoreTried(id));
    let restored = second.present_tried().unwrap();
    assert_eq!((restored.label(), restored.is_pinned), ("four bits".to_owned(), true));
    assert_eq!(second.tried_figures(restored), Some(&figures));
    assert_eq!(second.history().undo_label(), Some("Recipe four bits"));
    second.apply(Command::ForgetTried(id));
    assert!(second.tried().iter().all(|tried| tried.id != id));
    drop(second);
    std::fs::write(the_only_file(&home.path().join("tried")), "{").unwrap();
    let mut third = session_in(home.path());
    assert!(third.tried().is_empty());
    let told = third.take_notices();
    assert!(told.iter().any(|notice| notice.text.contains("set aside")), "{told:?}");
}

fn the_only_file(folder: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(folder).unwrap();
    files.next().unwrap().unwrap().path()
}

#[test]
fn two_recipes_are_told_apart_sample_by_sample() {
    let home = tempfile::tempdir().unwrap();
    let mut session = session_in(home.path());
    assert!(session.versus().is_none());
    session.apply(Command::SwapRival);
    assert!(session.take_notices().iter().any(|notice| notice.text.contains("nothing is held")));
    run(&mut session, Command::SetAllChoices("int4".parse().unwrap()));
    session.apply(Command::SetRival(Some(RivalChoice::Present)));
    run(&mut session, Command::SetAllChoices("int3".parse().unwrap()));
    settle(&mut session, &|session| drop(session.versus()));
    let versus = |session: &Session| match session.versus() {
        Some(Loaded::Ready(versus)) => versus,
        other => panic!("{other:?}"),
    };
    let there = versus(&session);
    let paired = there.paired.unwrap();
    let Loaded::Ready(accuracy) = session.accuracy() else { panic!("no accuracy") };
    let (_, share) = paired.shares();
    assert_eq!(Some(share), accuracy.quantized);
    assert_eq!(there.b.value, accuracy.quantized);
    assert_eq!(there.breakdown.flips.broken, paired.broken);
    run(&mut session, Command::SwapRival);
    assert!(session.rival().unwrap().is_swapped);
    settle(&mut session, &|session| drop(session.versus()));
    let back = versus(&session);
    let turned = back.paired.unwrap();
    assert_eq!((turned.broken, turned.fixed), (paired.fixed, paired.broken));
    assert_eq!(back.mcnemar_p, there.mcnemar_p);
    run(&mut session, Command::Undo);
    // Against float it is what the header says.
    session.apply(Command::SetRival(Some(RivalChoice::Float)));
    settle(&mut session, &|session| drop(session.versus()));
    let found = versus(&session);
    let Loaded::Ready(accuracy) = session.accuracy() else { panic!("no accuracy") };
    let comparison = accuracy.comparison.as_ref().unwrap();
    assert_eq!(found.difference, comparison.difference);
    assert_eq!(found.mcnemar_p, comparison.mcnemar_p);
    assert_eq!((found.agreement, found.b.kl_mean), (comparison.agreement, comparison.kl_mean));
}

#[test]
fn exports_are_of_the_size_foretold_and_read_back_alike() {
    let (home, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut session = session_in(home.path());
    run(&mut session, Command::SetAllChoices("int4".parse().unwrap()));
    let Loaded::Ready(shown) = session.accuracy() else { panic!("no accuracy") };
    for writer in quantscope::formats::WRITERS {
        settle(&mut session, &|session| drop(session.export_plan(writer.id)));
        let Loaded::Ready(plan) = session.export_plan(writer.id) else { panic!("no plan") };
        let path = out.path().join(format!("digits.{}", writer.extension));
        let (format, unfit) = (writer.id, Unfit::KeptFloat);
        session.apply(Command::Export(ExportAsk { format, path: path.clone(), unfit }));
        settle(&mut session, &|_| {});
        let written = std::fs::metadata(&path).unwrap().len();
        assert_eq!(plan.n_bytes, Some(written), "{}", writer.id);
        if plan.unfit.is_empty() && writer.id != "gguf" {
            let read = quantscope::formats::open_model(&path).unwrap();
            let network =
                quantscope::model::Network::new(Arc::new(read), quantscope::model::FoldMode::Fold);
            let samples = Arc::clone(session.samples().unwrap());
            let runner = Runner::new(Arc::new(network.unwrap()), samples).unwrap();
            let request = quantscope::eval::RunRequest {
                quantized: None,
                hook: &quantscope::exec::NoHook,
                limit: None,
            };
            let mut kept = quantscope::eval::KeptRuns::default();
            let read = runner.run(&request, &mut kept, &WorkCtx::new(), |_| {}).unwrap();
            assert_eq!(read.float, shown.quantized, "{}", writer.id);
        }
    }
    session.take_notices();
    let path = out.path().join("no such folder").join("x.onnx");
    let ask = ExportAsk { format: "onnx", path, unfit: Unfit::Refused };
    session.apply(Command::Export(ask));
    settle(&mut session, &|_| {});
    let told = session.take_notices();
    assert!(told.iter().any(|n| n.text.contains("cannot be written")), "{told:?}");
}
