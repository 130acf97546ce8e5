//! The application without a screen: what is open, what is chosen, what is being computed, and how
//! to go back. Knows no window.

mod apply;
mod builtin;
mod change;
mod command;
mod fingerprint;
mod history;
mod job;
mod keep;
mod keeping;
mod loaded;
mod opening;
mod picture;
mod query;
mod recipe_file;
mod state;
mod steps;
mod workshop;

pub use builtin::{BUILTIN_SAMPLES, BuiltinSample};
pub use change::{FromTo, PlanChange};
pub use command::{Command, Gesture};
pub use fingerprint::Fingerprint;
pub use history::{Edit, History, Plan};
pub use keep::{Keep, RecentFile};
pub use keeping::Recovery;
pub use loaded::Loaded;
pub use opening::{ModelRef, Opened, OpeningError, open};
pub use picture::LayerPicture;
pub use query::{Answer, Query};
pub use recipe_file::{RecipeFile, RecipeFileError, RecipeModel};
pub use state::{JobStatus, Notice, NoticeKind, Selection, Session};
pub use steps::StepFigures;
