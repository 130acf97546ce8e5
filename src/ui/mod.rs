//! The window: draws a session and sends it commands. Computes nothing.

mod app;
mod dialogs;
mod folder_listing;
mod fonts;
mod header;
mod headless;
mod jobs_bar;
mod menu;
mod panel;
mod panels;
mod path_field;
mod raster;
mod recent_files;
mod recovery_bar;
mod settings_editor;
mod state_view;
mod theme;
mod widgets;
mod window;

pub use app::{App, AppOptions};
pub use headless::{Picture, PictureRequest, ScreenshotError, draw};
pub use panel::{PANELS, PanelEntry};
pub use window::{NoDisplay, open_window};
