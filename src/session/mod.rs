//! The application without a screen: what is open, what is chosen, what is being computed, and how
//! to go back. Knows no window.

mod apply;
mod builtin;
mod command;
mod history;
mod importing;
mod job;
mod loaded;
mod opening;
mod picture;
mod query;
mod state;
mod workshop;

pub use builtin::{BUILTIN_SAMPLES, BuiltinSample};
pub use command::{Command, Gesture};
pub use history::{History, Plan};
pub use importing::{ImportDraft, ImportSource, ImportStage};
pub use loaded::Loaded;
pub use opening::{ModelRef, Opened, OpeningError, open};
pub use picture::LayerPicture;
pub use query::{Answer, Query};
pub use state::{JobStatus, Notice, NoticeKind, Selection, Session};
