//! The accuracy panel: every control, and every state it can be in.

use std::path::{Path, PathBuf};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::{Command, Loaded, ModelRef};
use quantscope::ui::{App, AppOptions};
use serde_json::json;

use super::drive::{Window, click_button, session, settle, shows};
use super::support::{self, FileBuilder, dense_model, dense_samples, graph, node, samples_meta};

/// The panel alone, in a window of that size.
fn panel_of(model: ModelRef, size: [f32; 2]) -> Window {
    let options = AppOptions { model, only_panel: Some("accuracy") };
    let mut window = Harness::builder()
        .with_size(size)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

const WIDE: [f32; 2] = [1600.0, 1000.0];
const NARROW: [f32; 2] = [560.0, 800.0];

fn digits_at_3_bits(size: [f32; 2]) -> Window {
    let mut window = panel_of(ModelRef::default_sample(), size);
    window.state_mut().apply(Command::SetAllChoices("int3".parse().unwrap()));
    settle(&mut window);
    window
}

/// A model with a sample set beside it.
fn files(model: &FileBuilder, samples: Option<&FileBuilder>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = model.write(folder.path(), "m.safetensors");
    if let Some(samples) = samples {
        samples.write(folder.path(), "m.eval.safetensors");
    }
    (folder, path)
}

fn copied(window: &Window) -> Option<String> {
    window.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

/// Clicks, and what that copies to the clipboard.
pub fn click_and_copy(window: &mut Window, label: &str) -> String {
    window.get_by_role_and_label(Role::Button, label).click();
    for _ in 0..4 {
        window.step();
        if let Some(text) = copied(window) {
            settle(window);
            return text;
        }
    }
    panic!("{label} copied nothing");
}

#[test]
fn the_figures_of_digits_at_three_bits() {
    let window = digits_at_3_bits(WIDE);
    let accuracy = session(&window).accuracy().ready().cloned().unwrap();
    let flips = accuracy.breakdown.flips;
    assert!(flips.broken > 300, "{flips:?}");
    let (right, wrong) = (accuracy.breakdown.n_both_right, accuracy.breakdown.n_both_wrong);
    assert_eq!(right + wrong + flips.broken + flips.fixed, 897);
    for text in [
        "897 samples, 10 classes",
        "97.3 %",
        "Difference",
        "McNemar p",
        "Agreement",
        "Top-5",
        "Output SQNR",
        "Mean KL",
        "Confusion matrix",
        "Recall by class",
        "pays most",
        "95 % intervals of Top-1 accuracy",
        &format!("Broken {}", flips.broken),
        &format!("Fixed {}", flips.fixed),
        &format!("of {}", flips.broken),
    ] {
        assert!(shows(&window, text), "{text} is not on the screen");
    }
}

#[test]
fn the_matrix_counts_change_float_and_quantized() {
    let mut window = digits_at_3_bits(WIDE);
    assert!(shows(&window, "quantized − float"));
    click_button(&mut window, "Float");
    assert!(shows(&window, "columns: answer · samples"));
    click_button(&mut window, "Quantized");
    assert!(shows(&window, "columns: answer · samples"));
    click_button(&mut window, "Change");
    assert!(shows(&window, "quantized − float"));
}

#[test]
fn a_class_an_answer_or_a_cell_filters_the_samples() {
    let mut window = digits_at_3_bits(WIDE);
    click_button(&mut window, "Show class 2");
    assert!(shows(&window, "Show all classes"));
    let samples = |window: &Window| -> Vec<String> {
        let found = window.query_all_by_label_contains("Sample ");
        let labels = found.filter_map(|node| node.accesskit_node().value());
        labels.filter(|label| label.contains(": float ")).collect()
    };
    assert!(!samples(&window).is_empty());
    assert!(samples(&window).iter().all(|label| label.contains("true is 2,")), "one class only");
    click_button(&mut window, "Show class 2");
    assert!(!shows(&window, "Show all classes"), "the same click lifts it");
    click_button(&mut window, "Show answer 9");
    assert!(samples(&window).iter().all(|label| label.contains(" 9 ")), "{:?}", samples(&window));
    window.get_by_label_contains("3 answered as 9").click();
    settle(&mut window);
    assert!(samples(&window).iter().all(|label| label.contains("true is 3,")));
    window.get_by_label_contains("Show all classes").click();
    settle(&mut window);
    assert!(!shows(&window, "Show all classes"));
    window.get_by_label_contains("Recall of 8").click();
    settle(&mut window);
    assert!(samples(&window).iter().all(|label| label.contains("true is 8,")));
}

#[test]
fn kinds_and_pages_of_changed_samples() {
    let mut window = digits_at_3_bits(WIDE);
    let flips = session(&window).accuracy().ready().unwrap().breakdown.flips;
    assert!(shows(&window, &format!("of {}", flips.broken)));
    let first_page = window.query_all_by_label_contains("; true is").count();
    assert!(first_page >= 9, "{first_page} samples on the page");
    click_button(&mut window, "Next samples");
    assert!(shows(&window, &format!("{}–{}", first_page + 1, 2 * first_page)));
    click_button(&mut window, "Previous samples");
    assert!(shows(&window, &format!("1–{first_page} of")));
    click_button(&mut window, "Next samples");
    click_button(&mut window, &format!("Fixed {}", flips.fixed));
    assert!(shows(&window, &format!("1–{} of {}", flips.fixed.min(first_page), flips.fixed)));
    assert!(shows(&window, "largest gain of confidence"));
    click_button(&mut window, &format!("Other {}", flips.other));
    assert!(shows(&window, "surest new answer"));
}

#[test]
fn calibration_is_shown_of_both_models() {
    let mut window = digits_at_3_bits(WIDE);
    click_button(&mut window, "Calibration");
    assert!(shows(&window, "calibration error") && shows(&window, "Brier"));
    assert!(shows(&window, "Float, confidence 90–100 %"));
    assert!(shows(&window, "Quantized, confidence 0–10 %: no predictions"));
    click_button(&mut window, "Classes");
    assert!(shows(&window, "Confusion matrix"));
}

#[test]
fn without_room_the_samples_have_a_tab() {
    let mut window = digits_at_3_bits(NARROW);
    assert!(shows(&window, "Confusion matrix") && !shows(&window, "Changed samples"));
    click_button(&mut window, "Changed");
    assert!(shows(&window, "Changed samples") && !shows(&window, "Confusion matrix"));
    click_button(&mut window, "Classes");
    window.get_by_label_contains("8 answered as 9").click();
    settle(&mut window);
    assert!(shows(&window, "Changed samples"), "what a click chose is shown");
    assert!(shows(&window, "8 answered as 9"));
}

#[test]
fn tables_are_copied_as_text() {
    let mut window = digits_at_3_bits(WIDE);
    click_button(&mut window, "CSV");
    let recall = click_and_copy(&mut window, "Copy recall as CSV");
    assert_eq!(recall.lines().count(), 11);
    assert!(recall.starts_with("class,samples,float_hits"), "{recall}");
    assert!(shows(&window, "Copied"));
    window.get_by_label_contains("Copied").click();
    settle(&mut window);
    let confusion = click_and_copy(&mut window, "Copy confusion matrix as CSV");
    assert!(confusion.starts_with("true_class,answer,float,quantized\n"));
    let sums = confusion.lines().skip(1).fold([0, 0], |[float, quantized], line| {
        let numbers: Vec<u32> = line.split(',').skip(2).map(|n| n.parse().unwrap()).collect();
        [float + numbers[0], quantized + numbers[1]]
    });
    assert_eq!(sums, [897, 897]);
}

#[test]
fn what_is_computed_anew_is_told_and_the_old_stays() {
    let mut window = panel_of(ModelRef::default_sample(), WIDE);
    window.state_mut().apply(Command::SetAllChoices("int2".parse().unwrap()));
    window.step();
    assert!(shows(&window, "computing anew"));
    assert!(shows(&window, "Recall by class"), "the last answer stays, dimmed");
    let mut n_partial = 0;
    while !session(&window).is_idle() {
        let is_partial =
            matches!(session(&window).accuracy(), Loaded::Pending { partial: Some(_), .. });
        window.step();
        if is_partial && session(&window).accuracy().ready().is_none() {
            n_partial += 1;
            assert!(shows(&window, "of 897, running"));
        }
    }
    println!("{n_partial} frames showed a part");
    settle(&mut window);
    assert!(shows(&window, "897 samples, 10 classes"));
}

#[test]
fn what_is_missing_is_told() {
    let (_folder, path) = files(&dense_model(), None);
    let window = panel_of(ModelRef::Path(path), WIDE);
    assert!(shows(&window, "No samples are open") && shows(&window, "Open samples…"));
    let weights = FileBuilder::new().floats("w", &[2, 2], &[1.0; 4]);
    let (_folder, path) = files(&weights, None);
    let window = panel_of(ModelRef::Path(path), WIDE);
    assert!(shows(&window, "This model cannot be run"));
    let broken = FileBuilder::new().metadata("quantscope.samples", &json!("nonsense"));
    let (_folder, path) = files(&dense_model(), Some(&broken));
    let window = panel_of(ModelRef::Path(path), WIDE);
    assert!(shows(&window, "The samples beside this model cannot be used"));
    assert!(shows(&window, "m.eval.safetensors"));
    let window = panel_of(ModelRef::Path("/nowhere".into()), WIDE);
    assert!(shows(&window, "No model is open"));
}

#[test]
fn a_set_without_labels_shows_where_answers_go() {
    let unlabelled = FileBuilder::new()
        .floats("inputs", &[4, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, -1.0, 0.5])
        .metadata("quantscope.samples", &samples_meta(2));
    let (_folder, path) = files(&dense_model(), Some(&unlabelled));
    let window = panel_of(ModelRef::Path(path), WIDE);
    for text in ["no labels", "Where answers go", "Same answer by class", "No answer changed"] {
        assert!(shows(&window, text), "{text} is not on the screen");
    }
    assert!(!shows(&window, "Calibration") && !shows(&window, "Broken 0"));
}

#[test]
fn scores_that_are_not_numbers_have_a_column() {
    let gemm = node("fc", "Gemm", &["input", "w", "b"], &["output"], json!({"transB": 1}));
    let model = FileBuilder::new()
        .floats("w", &[2, 2], &[1.0, -0.5, 0.25, 0.75])
        .floats("b", &[2], &[f32::NAN, 0.1])
        .graph(&graph(&[2], vec![gemm]));
    let (_folder, path) = files(&model, Some(&dense_samples()));
    let mut window = panel_of(ModelRef::Path(path), WIDE);
    assert!(shows(&window, "No answer") && shows(&window, "answered as no answer"));
    click_button(&mut window, "Calibration");
    assert!(shows(&window, "n/a"), "nothing to measure it with");
}

/// Of a thousand classes, of which many change.
fn thousand_classes() -> (tempfile::TempDir, PathBuf) {
    let gemm = node("fc", "Gemm", &["input", "w"], &["output"], json!({"transB": 1}));
    let weights: Vec<f32> = (0..2000).map(|i| ((i * 37) % 101) as f32 * 0.02 - 1.0).collect();
    let model = FileBuilder::new().floats("w", &[1000, 2], &weights);
    let inputs: Vec<f32> = (0..600).map(|i| ((i * 53) % 97) as f32 * 0.03 - 1.4).collect();
    let samples = FileBuilder::new()
        .floats("inputs", &[300, 2], &inputs)
        .tensor("labels", "I32", &[300], (0..300i32).flat_map(|i| (i * 3).to_le_bytes()).collect())
        .metadata("quantscope.samples", &samples_meta(1000));
    files(&model.graph(&graph(&[2], vec![gemm])), Some(&samples))
}

#[test]
fn rows_of_many_classes_have_room_and_cells_are_square() {
    let (_folder, path) = thousand_classes();
    for size in [[900.0, 600.0], [1280.0, 800.0], [460.0, 700.0], [1600.0, 1300.0]] {
        let mut window = panel_of(ModelRef::Path(path.clone()), size);
        window.state_mut().apply(Command::SetAllChoices("int2".parse().unwrap()));
        settle(&mut window);
        let rects = |label: &str| -> Vec<egui::Rect> {
            window.query_all_by_label_contains(label).map(|node| node.rect()).collect()
        };
        let recalls = rects("Recall of ");
        // Those scrolled out of sight are not told.
        assert!(recalls.len() >= 4, "{size:?}: {}", recalls.len());
        let mut tops: Vec<f32> = recalls.iter().map(egui::Rect::top).collect();
        tops.sort_by(f32::total_cmp);
        assert!(tops.is_sorted_by(|a, b| b - a >= 13.9), "{size:?}: rows lie on each other");
        let cell = rects("answered as ")[0];
        // In little height wider ones have room for numbers.
        let is_low = size[1] < 700.0;
        assert!(is_low || (cell.width() - cell.height()).abs() < 0.1, "{size:?}: {cell:?}");
    }
}

#[test]
fn of_a_thousand_classes_those_that_change_are_shown() {
    let (_folder, path) = thousand_classes();
    for size in [WIDE, NARROW] {
        let mut window = panel_of(ModelRef::Path(path.clone()), size);
        window.state_mut().apply(Command::SetAllChoices("int2".parse().unwrap()));
        settle(&mut window);
        assert!(shows(&window, "976 others answered as"));
        assert!(shows(&window, "Recall of 976 others"));
    }
}

/// The language model, where it lies beside the project.
#[test]
fn a_language_model_shows_its_tokens() {
    let Some(models) = support::shared_models() else { return };
    let folder: &Path = &models.join("stories260k_tinystories");
    let mut window = panel_of(ModelRef::Path(folder.join("model.safetensors")), WIDE);
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    for text in ["rows, ", "Tokens that change most", "Changed tokens", "Row ", "token by token"] {
        assert!(shows(&window, text), "{text} is not on the screen");
    }
    assert!(!shows(&window, "Confusion matrix"));
    click_button(&mut window, "Calibration");
    assert!(shows(&window, "calibration error"));
}

#[test]
fn buttons_have_names() {
    let window = digits_at_3_bits(WIDE);
    let unnamed = window.get_all_by_role(Role::Button).filter(|button| {
        let node = button.accesskit_node();
        node.label().is_none_or(|label| label.trim().is_empty())
    });
    assert_eq!(unnamed.count(), 0);
}

#[test]
fn the_recall_of_the_critical_class_stands_first() {
    let mut window = panel_of(ModelRef::parse("sample:tumor").unwrap(), [1000.0, 1200.0]);
    assert!(shows(&window, "Recall of malignant"));
    assert!(shows(&window, "of 85 missed"));
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, "5 → 11 of 85 missed"));
    assert!(shows(&window, "A loss of up to"));
    click_button(&mut window, "Critical class");
    window.get_by_label("benign").click();
    settle(&mut window);
    assert!(shows(&window, "Recall of benign"));
    click_button(&mut window, "Critical class");
    window.get_by_label("None").click();
    settle(&mut window);
    assert!(!shows(&window, "of 85 missed") && !shows(&window, "points of recall"));
    click_button(&mut window, "Critical class");
    assert!(shows(&window, "malignant"), "it can be chosen again");
}

/// As in the arrangement for allocating in a small window: the matrix shrinks, nothing is scrolled.
#[test]
fn a_low_panel_shows_the_whole_matrix() {
    for size in [[500.0, 542.0], [672.0, 662.0], [860.0, 560.0]] {
        let window = digits_at_3_bits(size);
        for label in ["Show class 9", "Recall of 9"] {
            let rect = window.get_by_label_contains(label).rect();
            let bottom = size[1] - 32.0;
            assert!(rect.bottom() <= bottom, "{label} ends at {} of {bottom}", rect.bottom());
        }
        assert!(shows(&window, "9 answered as 9: float"), "the figures are under the pointer");
    }
}
