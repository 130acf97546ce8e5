//! The tables as text for a spreadsheet.

use egui::Ui;

use super::names::Names;
use crate::eval::{Accuracy, Confusion, Recall};

/// Seconds that “Copied” stands in the button.
const NOTE_SECS: f64 = 2.0;

/// A menu that copies a table to the clipboard.
pub fn menu_ui(ui: &mut Ui, accuracy: &Accuracy, names: &Names, copied_at: &mut Option<f64>) {
    let now = ui.input(|input| input.time);
    let is_fresh = copied_at.is_some_and(|copied_at| now - copied_at < NOTE_SECS);
    if is_fresh {
        ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(NOTE_SECS));
    }
    let title = if is_fresh { "Copied ✓" } else { "CSV" };
    let menu = ui.menu_button(title, |ui| {
        let breakdown = &accuracy.breakdown;
        if ui.button("Copy recall as CSV").clicked() {
            ui.ctx().copy_text(recall_csv(&breakdown.recalls, names));
            *copied_at = Some(now);
        }
        if let Some(table) = &breakdown.confusion
            && ui.button("Copy confusion matrix as CSV").clicked()
        {
            ui.ctx().copy_text(confusion_csv(table, names));
            *copied_at = Some(now);
        }
    });
    menu.response.on_hover_text("Copies a table to the clipboard, as comma-separated values");
}

fn recall_csv(recalls: &[Recall], names: &Names) -> String {
    let mut text = "class,samples,float_hits,quantized_hits,float_recall,float_lo95,float_hi95,quantized_recall,quantized_lo95,quantized_hi95\n".to_owned();
    for recall in recalls {
        let (float, quantized) = (recall.float, recall.quantized);
        text.push_str(&format!(
            "{},{},{},{},{},{},{},{},{},{}\n",
            field(&names.of(recall.class)),
            recall.n,
            recall.float_hits,
            recall.quantized_hits,
            float.value,
            float.ci95.0,
            float.ci95.1,
            quantized.value,
            quantized.ci95.0,
            quantized.ci95.1,
        ));
    }
    text
}

/// One line a cell that is not empty.
fn confusion_csv(table: &Confusion, names: &Names) -> String {
    let rows = if table.by_truth { "true_class" } else { "float_answer" };
    let mut text = format!("{rows},answer,float,quantized\n");
    for cell in &table.cells {
        let (class, answer) = (names.of(cell.class), names.of_answer(cell.answer));
        let (float, quantized) = (cell.float, cell.quantized);
        text.push_str(&format!("{},{},{float},{quantized}\n", field(&class), field(&answer)));
    }
    text
}

/// A text as RFC 4180 has it: in quotes where it holds a comma, a quote or a line end.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(field("dog"), "dog");
        assert_eq!(field("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
