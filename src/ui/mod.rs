//! The window: draws a session and sends it commands. Computes nothing.

mod actions;
mod app;
mod axis;
mod colormap;
mod dialogs;
mod dock;
pub mod export;
mod folder_listing;
mod fonts;
mod header;
mod headless;
mod jobs_bar;
mod menu;
mod messages;
mod palette;
mod panel;
mod panels;
mod path_field;
mod quick_settings;
mod raster;
mod recent_files;
mod recovery_bar;
mod settings_editor;
mod shortcuts;
mod start_view;
mod state_view;
mod table;
mod theme;
mod tour;
mod widgets;
mod window;

pub use app::{App, AppOptions};
pub use headless::{Picture, PictureRequest, ScreenshotError, draw};
pub use panel::{PANELS, PanelEntry};
pub use window::{NoDisplay, open_window};
