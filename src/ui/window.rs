//! The real window, or the reason why there is none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::app::{App, AppOptions};
use crate::session::Keep;

/// The system has no display for a window, or lacks what one needs.
#[derive(Debug, thiserror::Error)]
#[error(
    "no window can be opened ({0}); on Linux a window needs a display and the packages libxkbcommon-x11-0, libegl1 and libgl1-mesa-dri; `quantscope screenshot` and the other commands need none of them"
)]
pub struct NoDisplay(String);

/// Opens the window and returns when it is closed.
///
/// # Errors
/// [`NoDisplay`], also where a system library is missing, which the windowing crates report by a
/// panic.
pub fn open_window(options: AppOptions) -> Result<(), NoDisplay> {
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Quantscope")
            .with_app_id("quantscope")
            .with_inner_size([1600.0, 1000.0])
            .with_min_inner_size([960.0, 600.0])
            .with_drag_and_drop(true),
        ..eframe::NativeOptions::default()
    };
    let hook = std::panic::take_hook();
    let quiet: Box<dyn Fn(&std::panic::PanicHookInfo) + Send + Sync> = Box::new(|info| {
        // A missing library is told in one line below; anything else is worth its details.
        if !is_missing_library(&info.to_string()) {
            eprintln!("quantscope: internal error: {info}");
        }
    });
    std::panic::set_hook(quiet);
    let run = || {
        eframe::run_native(
            "quantscope",
            native,
            Box::new(|creation| {
                let mut app = App::new(&creation.egui_ctx, options).kept_in(Keep::at_home());
                if let Some(storage) = creation.storage {
                    app.restore(storage);
                }
                Ok(Box::new(app))
            }),
        )
    };
    let result = catch_unwind(AssertUnwindSafe(run));
    std::panic::set_hook(hook);
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(NoDisplay(one_line(&error.to_string()))),
        Err(panic) => Err(NoDisplay(one_line(&panic_text(&*panic)))),
    }
}

fn is_missing_library(text: &str) -> bool {
    text.contains("could not be loaded") || text.contains(".so")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "an internal error".to_owned())
}

/// The text on one line, without the place in some library's source that it starts with.
fn one_line(text: &str) -> String {
    let joined = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
    let joined = joined.join(" ");
    let after_place = joined.rsplit_once(".rs:").and_then(|(_, rest)| rest.split_once(": "));
    after_place.map_or(joined.as_str(), |(_, reason)| reason).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_clean_line() {
        let text = "winit EventLoopError: os error at /a/b/mod.rs:765: no DISPLAY is set.";
        assert_eq!(one_line(text), "no DISPLAY is set");
        assert_eq!(one_line("two\n  lines"), "two lines");
    }
}
