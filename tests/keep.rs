//! What outlives a session: recipes in files, sessions that were left, the models opened last.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use quantscope::model::FoldMode;
use quantscope::quant::{Recipe, RuleJson, Rules};
use quantscope::session::{Command, Gesture, Keep, ModelRef, Notice, NoticeKind, Session};
use tempfile::TempDir;

fn session_in(home: &Path) -> Session {
    let mut session = Session::new(|| {});
    session.keep(Keep::In(home.to_owned()));
    settle(&mut session);
    session
}

fn settle(session: &mut Session) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        session.poll();
        session.serve_wishes();
        if session.is_idle() {
            return;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::yield_now();
    }
}

fn run(session: &mut Session, command: Command) {
    session.apply(command);
    settle(session);
}

fn open_sample(session: &mut Session) {
    run(session, Command::Open(ModelRef::default_sample()));
}

fn set(session: &mut Session, layer: &str, spec: &str) {
    let choice = spec.parse().unwrap();
    let layer = layer.to_owned();
    run(session, Command::SetChoice { layer, choice, gesture: Gesture::Once });
}

fn small_model(folder: &TempDir) -> PathBuf {
    support::dense_model().write(folder.path(), "small.safetensors")
}

/// Texts and details of the notices of that kind since the last call.
fn notices(session: &mut Session, kind: NoticeKind) -> Vec<String> {
    let notices = session.take_notices().into_iter();
    let whole = |notice: Notice| match notice.details {
        Some(details) => format!("{}\n{details}", notice.text),
        None => notice.text,
    };
    notices.filter(|notice| notice.kind == kind).map(whole).collect()
}

fn spec(session: &Session, layer: &str) -> String {
    session.plan().recipe.choice(layer).to_string()
}

#[test]
fn a_killed_session_is_offered_and_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let mut first = session_in(home.path());
    assert!(first.recovery().is_none());
    open_sample(&mut first);
    set(&mut first, "stem", "int4");
    run(&mut first, Command::SetFold(FoldMode::Keep));
    set(&mut first, "fc", "float");
    run(&mut first, Command::Undo);
    run(
        &mut first,
        Command::OpenSamples(support::project("sample_models/digits/train.safetensors")),
    );
    run(&mut first, Command::SelectLayer(1));
    run(&mut first, Command::SelectChannel(Some(2)));
    first.set_arrangement("words of the window".to_owned());
    settle(&mut first);
    let (plan, selection) = (first.plan().clone(), first.selection());
    // Without `close`: as if the process had been killed.
    drop(first);

    let mut second = session_in(home.path());
    open_sample(&mut second);
    let recovery = second.recovery().unwrap();
    assert!(recovery.was_killed && !recovery.is_missing);
    assert_eq!((recovery.n_changes, recovery.reference.as_str()), (2, "sample:digits"));
    assert!(recovery.model.contains("digits"));
    assert_eq!(spec(&second, "stem"), "int", "nothing is applied unasked");
    run(&mut second, Command::Recover);
    assert!(second.recovery().is_none());
    assert_eq!((second.plan(), second.selection()), (&plan, selection));
    assert_eq!(second.network().unwrap().fold_mode, FoldMode::Keep);
    assert_eq!(second.samples().unwrap().len(), 772);
    assert_eq!(second.take_recovered_arrangement().as_deref(), Some("words of the window"));
    assert_eq!(second.history().redo_label(), Some("fc: int → float"));
    run(&mut second, Command::GoTo(0));
    assert_eq!(spec(&second, "stem"), "int");
    assert_eq!(second.network().unwrap().fold_mode, FoldMode::Fold);
    run(&mut second, Command::GoTo(3));
    assert_eq!(spec(&second, "fc"), "float");
    second.close();

    let third = session_in(home.path());
    let recovery = third.recovery().unwrap();
    assert!(!recovery.was_killed);
    assert_eq!(recovery.n_changes, 3, "the state that was gone on with took the place of the old");
}

#[test]
fn a_session_like_a_new_one_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut session = session_in(home.path());
    open_sample(&mut session);
    run(&mut session, Command::SelectLayer(1));
    session.close();
    assert!(session_in(home.path()).recovery().is_none());
    let mut nowhere = Session::new(|| {});
    nowhere.keep(Keep::Nowhere);
    open_sample(&mut nowhere);
    set(&mut nowhere, "stem", "int4");
    nowhere.close();
    assert!(!nowhere.is_kept());
}

#[test]
fn two_windows_do_not_touch_each_other() {
    let home = tempfile::tempdir().unwrap();
    let mut first = session_in(home.path());
    open_sample(&mut first);
    set(&mut first, "stem", "int4");
    let mut second = session_in(home.path());
    assert!(second.recovery().is_none(), "the first is still there");
    open_sample(&mut second);
    set(&mut second, "stem", "int3");
    set(&mut second, "fc", "int3");
    drop(second);
    let third = session_in(home.path());
    assert_eq!(third.recovery().unwrap().n_changes, 2);
    first.close();
    drop(third);
    // The state written last is offered first, and the other after it.
    let mut fourth = session_in(home.path());
    assert_eq!(fourth.recovery().unwrap().n_changes, 1);
    run(&mut fourth, Command::DismissRecovery);
    assert!(fourth.recovery().is_none());
    fourth.close();
    let mut fifth = session_in(home.path());
    assert_eq!(fifth.recovery().unwrap().n_changes, 2);
    run(&mut fifth, Command::DismissRecovery);
    fifth.close();
    assert!(session_in(home.path()).recovery().is_none());
}

#[test]
fn what_cannot_be_understood_is_set_aside() {
    let home = tempfile::tempdir().unwrap();
    let sessions = home.path().join("sessions");
    std::fs::create_dir(&sessions).unwrap();
    std::fs::write(sessions.join("1-1.json"), "{\"quantscope_session\": 1, \"clo").unwrap();
    std::fs::write(home.path().join("recent.json"), [0xff, 0x00]).unwrap();
    let mut session = session_in(home.path());
    let warnings = notices(&mut session, NoticeKind::Warning);
    assert!(session.recovery().is_none());
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for file in ["1-1.json.broken", "recent.json.broken"] {
        assert!(warnings.iter().any(|text| text.contains(file)), "{warnings:?}");
    }
    open_sample(&mut session);
    set(&mut session, "stem", "int4");
    session.close();
    assert!(session_in(home.path()).recovery().is_some(), "work goes on");
}

#[test]
fn a_folder_that_cannot_be_written_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = support::write(folder.path(), "file", b"x");
    let mut session = session_in(&file.join("home"));
    run(&mut session, Command::Open(ModelRef::Path(small_model(&folder))));
    set(&mut session, "fc", "int4");
    assert_eq!(spec(&session, "fc"), "int:bits=4");
    session.close();
    session.poll();
    let warnings = notices(&mut session, NoticeKind::Warning);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("QUANTSCOPE_HOME"), "{warnings:?}");
}

#[test]
fn a_model_that_is_gone_is_named() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = small_model(&folder);
    let mut first = session_in(home.path());
    run(&mut first, Command::Open(ModelRef::Path(path.clone())));
    set(&mut first, "fc", "int4");
    drop(first);
    std::fs::remove_file(&path).unwrap();
    let mut second = session_in(home.path());
    assert!(second.recovery().unwrap().is_missing);
    assert!(second.recent()[0].is_missing);
    run(&mut second, Command::Recover);
    let failures = notices(&mut second, NoticeKind::Failed);
    assert!(failures[0].contains("small.safetensors"), "{failures:?}");
    assert!(second.recovery().is_some(), "the file may come back");
}

#[test]
fn a_model_that_changed_is_told() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = small_model(&folder);
    let mut first = session_in(home.path());
    run(&mut first, Command::Open(ModelRef::Path(path)));
    set(&mut first, "fc", "int4");
    drop(first);
    support::dense_model().floats("extra", &[1], &[1.0]).write(folder.path(), "small.safetensors");
    let mut second = session_in(home.path());
    run(&mut second, Command::Recover);
    let warnings = notices(&mut second, NoticeKind::Warning);
    assert!(warnings.iter().any(|text| text.contains("2 tensors there, 3 here")), "{warnings:?}");
    assert_eq!(spec(&second, "fc"), "int:bits=4");
}

#[test]
fn models_opened_last_stand_first() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths: Vec<PathBuf> = (0..14)
        .map(|idx| support::dense_model().write(folder.path(), &format!("m{idx}.safetensors")))
        .collect();
    let mut session = session_in(home.path());
    for path in &paths {
        run(&mut session, Command::OpenAny(path.clone()));
    }
    open_sample(&mut session);
    let titles = |session: &Session| -> Vec<String> {
        session.recent().iter().map(|file| file.title.clone()).collect()
    };
    assert_eq!(titles(&session).len(), 12);
    assert_eq!(titles(&session)[..2], ["m13", "m12"]);
    session.close();
    std::fs::remove_file(&paths[13]).unwrap();
    let mut again = session_in(home.path());
    assert_eq!(titles(&again).first().map(String::as_str), Some("m12"), "those that are there");
    assert!(again.recent().last().unwrap().is_missing);
    run(&mut again, Command::ClearRecent);
    assert!(again.recent().is_empty());
    again.close();
    assert!(session_in(home.path()).recent().is_empty());
}

#[test]
fn a_recipe_is_saved_and_loaded_as_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.json");
    let mut session = Session::new(|| {});
    open_sample(&mut session);
    set(&mut session, "stem", "int:bits=4,granularity=per-channel");
    run(&mut session, Command::SetFold(FoldMode::Keep));
    let plan = session.plan().clone();
    run(&mut session, Command::SaveRecipe(path.clone()));
    assert!(notices(&mut session, NoticeKind::Done)[0].contains("mine.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    for part in
        ["\"title\": \"Handwritten digits", "\"sha256\"", "\"covers\"", "\"stem\": \"int:bits=4"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(Recipe::from_json(&text).is_ok(), "a program that knows the layers alone reads it");

    let mut other = Session::new(|| {});
    open_sample(&mut other);
    run(&mut other, Command::OpenAny(path.clone()));
    assert_eq!(other.plan(), &plan);
    assert_eq!(other.network().unwrap().fold_mode, FoldMode::Keep);
    assert_eq!(other.history().undo_label(), Some("Recipe mine.json"));
    assert_eq!(notices(&mut other, NoticeKind::Warning), Vec::<String>::new());
    run(&mut other, Command::Undo);
    assert_eq!(spec(&other, "stem"), "int");
    assert!(other.history().undo_label().is_none());
}

fn rules(lines: &[(&str, &str)]) -> Rules {
    let json = |(layers, scheme): &(&str, &str)| RuleJson {
        layers: (*layers).to_owned(),
        scheme: (*scheme).to_owned(),
    };
    Rules::from_json(&lines.iter().map(json).collect::<Vec<_>>()).unwrap()
}

#[test]
fn rules_are_one_step_and_outlive_the_session() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut session = session_in(home.path());
    open_sample(&mut session);
    let names: Vec<String> =
        session.network().unwrap().layers.iter().map(|layer| layer.name.clone()).collect();
    let n_blocks = names.iter().filter(|name| name.starts_with("block")).count();
    run(&mut session, Command::SetLock { layer: "stem".to_owned(), lock: true });
    let first = rules(&[("block*", "int5"), ("gone.*", "int2"), ("*", "int3")]);
    let label = "3 rules".to_owned();
    run(&mut session, Command::SetRules { label, rules: first.clone() });
    assert_eq!(session.history().undo_label(), Some("3 rules"));
    assert_eq!((spec(&session, "stem"), spec(&session, "fc")), ("int".into(), "int:bits=3".into()));
    let block = names.iter().find(|name| name.starts_with("block")).unwrap().clone();
    set(&mut session, &block, "float");
    let hits = session.rule_hits();
    assert_eq!((hits[0].layers.len(), hits[0].changed_by_hand, hits[0].locked), (n_blocks, 1, 0));
    assert!(hits[1].matches_nothing() && !hits[2].matches_nothing());
    assert_eq!((hits[2].taken_before, hits[2].changed_by_hand, hits[2].locked), (n_blocks, 0, 1));
    let path = folder.path().join("rules.json");
    run(&mut session, Command::SaveRecipe(path.clone()));
    let plan = session.plan().clone();
    drop(session);

    let mut second = session_in(home.path());
    open_sample(&mut second);
    run(&mut second, Command::Recover);
    assert_eq!(second.plan(), &plan);
    assert_eq!(second.rule_hits(), hits);
    run(&mut second, Command::Undo);
    run(&mut second, Command::Undo);
    assert!(second.plan().rules.is_empty() && spec(&second, "fc") == "int");
    run(&mut second, Command::Redo);
    assert_eq!((&second.plan().rules, spec(&second, &block)), (&first, "int:bits=5".to_owned()));
    second.take_notices();
    run(&mut second, Command::LoadRecipe(path));
    assert_eq!(second.plan().recipe, plan.recipe, "the file names every layer as it was");
    assert_eq!(second.plan().rules, first);
    let warnings = notices(&mut second, NoticeKind::Warning);
    assert!(warnings[0].contains("\"gone.*\" matches no layer"), "{warnings:?}");
}

#[test]
fn a_recipe_of_rules_alone_is_used_and_says_what_is_idle() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| support::write(folder.path(), "r.json", text.as_bytes());
    let mut session = Session::new(|| {});
    open_sample(&mut session);
    let text = r#"{"quantscope_recipe": 1, "rules": [{"layers": "stem, fc", "scheme": "int4"},
        {"layers": "*", "scheme": "int6"}]}"#;
    run(&mut session, Command::OpenAny(write(text)));
    assert_eq!(notices(&mut session, NoticeKind::Warning), Vec::<String>::new());
    assert_eq!(session.history().undo_label(), Some("Recipe r.json"));
    assert_eq!((spec(&session, "fc"), session.rule_hits().len()), ("int:bits=4".into(), 2));
    let n_layers = session.network().unwrap().layers.len();
    assert_eq!(session.plan().recipe.layers().count(), n_layers);
    let before = session.plan().clone();
    let text = r#"{"quantscope_recipe": 1, "rules": [{"layers": "*.q_proj", "scheme": "int4"}]}"#;
    run(&mut session, Command::OpenAny(write(text)));
    let failures = notices(&mut session, NoticeKind::Failed);
    assert!(failures[0].contains("none of the layers it means"), "{failures:?}");
    assert!(failures[0].contains("*.q_proj"), "{failures:?}");
    assert_eq!(session.plan(), &before);
}

#[test]
fn a_recipe_for_another_model_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.json");
    let mut session = Session::new(|| {});
    open_sample(&mut session);
    set(&mut session, "fc", "int3");
    run(&mut session, Command::SaveRecipe(path.clone()));
    run(&mut session, Command::OpenAny(small_model(&folder)));
    session.take_notices();
    run(&mut session, Command::LoadRecipe(path));
    let warnings = notices(&mut session, NoticeKind::Warning);
    for part in ["made for another model, Handwritten digits", "has no ", "tensors there"] {
        assert!(warnings[0].contains(part), "{part}: {warnings:?}");
    }
    assert_eq!(spec(&session, "fc"), "int:bits=3", "what is there by name is applied");
    assert_eq!(session.plan().recipe.layers().count(), 1);

    let foreign = r#"{"quantscope_recipe": 1, "layers": {"conv9": "int4", "conv10": "int4"}}"#;
    let foreign = support::write(folder.path(), "foreign.json", foreign.as_bytes());
    let before = session.plan().clone();
    run(&mut session, Command::LoadRecipe(foreign));
    let failures = notices(&mut session, NoticeKind::Failed);
    for part in ["conv9", "model has fc", "open the model it was made for"] {
        assert!(failures[0].contains(part), "{part}: {failures:?}");
    }
    assert_eq!(session.plan(), &before);
}

#[test]
fn bad_recipes_are_one_line_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::new(|| {});
    open_sample(&mut session);
    let plan = session.plan().clone();
    for (name, text, part) in [
        ("broken.json", "{", "this is no recipe"),
        ("version.json", r#"{"quantscope_recipe": 7, "layers": {}}"#, "version 7"),
        (
            "scheme.json",
            r#"{"quantscope_recipe": 1, "layers": {"fc": "nf5"}}"#,
            "no scheme \"nf5\"",
        ),
        (
            "range.json",
            r#"{"quantscope_recipe": 1, "layers": {"fc": "int:bits=99"}}"#,
            "from 2 to 16",
        ),
        ("none.json", r#"{"quantscope_recipe": 1, "layers": {}}"#, "names no layers"),
        ("config.json", r#"{"hidden_size": 64}"#, "missing field `quantscope_recipe`"),
    ] {
        let path = support::write(folder.path(), name, text.as_bytes());
        run(&mut session, Command::OpenAny(path));
        let failures = notices(&mut session, NoticeKind::Failed);
        assert!(failures.len() == 1 && failures[0].contains(part), "{name}: {failures:?}");
        assert!(failures[0].lines().next().unwrap().contains(name), "{failures:?}");
        assert_eq!(session.plan(), &plan, "{name}");
    }
    run(&mut session, Command::LoadRecipe("/nowhere/r.json".into()));
    assert!(notices(&mut session, NoticeKind::Failed)[0].contains("/nowhere/r.json"));
    run(&mut session, Command::SaveRecipe("/nowhere/r.json".into()));
    assert!(notices(&mut session, NoticeKind::Failed)[0].contains("/nowhere/r.json"));
}

#[test]
fn a_recipe_waits_for_the_model_named_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let small = small_model(&folder);
    let text = r#"{"quantscope_recipe": 1, "layers": {"fc": "int5"}}"#;
    let recipe = support::write(folder.path(), "r.json", text.as_bytes());
    for _ in 0..10 {
        let mut session = Session::new(|| {});
        open_sample(&mut session);
        session.apply(Command::OpenAny(small.clone()));
        session.apply(Command::OpenAny(recipe.clone()));
        settle(&mut session);
        assert_eq!(session.network().unwrap().model.title, "small");
        assert_eq!(spec(&session, "fc"), "int:bits=5");
    }
    let mut session = Session::new(|| {});
    run(&mut session, Command::OpenAny(recipe));
    assert!(notices(&mut session, NoticeKind::Failed)[0].contains("open the model first"));
}

#[test]
fn figures_of_earlier_states_are_remembered() {
    let mut session = Session::new(|| {});
    open_sample(&mut session);
    let ask = |session: &mut Session| {
        while session.accuracy().ready().is_none() || session.layer_error(0).ready().is_none() {
            session.serve_wishes();
            session.poll();
            std::thread::yield_now();
        }
        session.serve_wishes();
    };
    ask(&mut session);
    let first = session.network().unwrap().layers[0].name.clone();
    session.apply(Command::SetChoice {
        layer: first,
        choice: "int2".parse().unwrap(),
        gesture: Gesture::Once,
    });
    assert!(session.step_figures(1).accuracy.is_none(), "nothing is known before it is asked for");
    ask(&mut session);
    let value = |step: usize| {
        let figures = session.step_figures(step);
        figures.accuracy.unwrap().estimate.value
    };
    assert!(value(0) > value(1));
    let layer_sqnr = |step| session.step_figures(step).layer_sqnr;
    assert!(layer_sqnr(1).is_some() && layer_sqnr(0).is_none());
}

#[test]
fn the_command_line_folds_as_the_recipe_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::new(|| {});
    open_sample(&mut session);
    let recipe = session.plan().recipe.to_json();
    let plain = support::write(folder.path(), "plain.json", recipe.as_bytes());
    let kept = folder.path().join("kept.json");
    run(&mut session, Command::SetFold(FoldMode::Keep));
    run(&mut session, Command::SaveRecipe(kept.clone()));
    let error = |path: &Path, more: &[&str]| {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_quantscope"))
            .args(["error", "sample:digits", "--json", "--recipe"])
            .arg(path)
            .args(more)
            .output()
            .unwrap();
        assert!(program.status.success(), "{program:?}");
        program.stdout
    };
    assert_eq!(error(&kept, &[]), error(&plain, &["--no-fold"]));
    assert_ne!(error(&kept, &[]), error(&plain, &[]));
}

#[test]
fn what_was_done_to_a_model_is_offered_when_it_is_opened_again() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = small_model(&folder);
    let mut session = session_in(home.path());
    run(&mut session, Command::OpenAny(path.clone()));
    set(&mut session, "fc", "int4");
    open_sample(&mut session);
    assert!(session.recovery().is_none());
    set(&mut session, "stem", "int3");
    run(&mut session, Command::OpenAny(path.clone()));
    assert_eq!(spec(&session, "fc"), "int", "nothing is applied unasked");
    assert_eq!(session.recovery().unwrap().model, "small");
    run(&mut session, Command::Recover);
    assert_eq!(spec(&session, "fc"), "int:bits=4");
    assert!(session.recovery().is_none());
    open_sample(&mut session);
    assert!(session.recovery().unwrap().model.contains("digits"));
    run(&mut session, Command::DismissRecovery);
    run(&mut session, Command::OpenAny(path));
    assert_eq!(session.recovery().unwrap().n_changes, 1, "in a file, not in the session");
}

/// What is offered at the start gives way to what was done to the model that is opened then.
#[test]
fn the_offer_follows_the_open_model() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = small_model(&folder);
    let mut session = session_in(home.path());
    open_sample(&mut session);
    set(&mut session, "stem", "int3");
    run(&mut session, Command::OpenAny(path.clone()));
    set(&mut session, "fc", "int4");
    drop(session);
    let mut session = session_in(home.path());
    open_sample(&mut session);
    assert_eq!(session.recovery().unwrap().model, "small", "what was done last");
    let other = support::residual_model(2).write(folder.path(), "other.safetensors");
    run(&mut session, Command::OpenAny(other));
    assert!(session.recovery().is_none());
    open_sample(&mut session);
    assert!(session.recovery().unwrap().model.contains("digits"));
    run(&mut session, Command::OpenAny(path));
    assert_eq!(session.recovery().unwrap().model, "small", "nothing was lost on the way");
}
