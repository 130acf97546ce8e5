//! The window: draws a session and sends it commands. Computes nothing.

mod app;
mod dialogs;
mod fonts;
mod header;
mod headless;
mod import_dialog;
mod import_form;
mod import_preview;
mod jobs_bar;
mod menu;
mod panel;
mod panels;
mod raster;
mod settings_editor;
mod state_view;
mod theme;
mod widgets;
mod window;

pub use app::{App, AppOptions};
pub use headless::{Picture, PictureRequest, ScreenshotError, draw};
pub use panel::{PANELS, PanelEntry};
pub use window::{NoDisplay, open_window};
