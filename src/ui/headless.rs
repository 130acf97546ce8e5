//! The window without a window: the same frames, run until nothing is left to compute, painted on
//! the processor.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use egui::{RawInput, ViewportId, pos2, vec2};

use super::app::{App, AppOptions};
use super::dock::Preset;
use super::raster::Raster;
use super::theme;
use crate::session::Command;

/// What to draw.
#[derive(Clone, Debug)]
pub struct PictureRequest {
    pub app: AppOptions,
    /// Applied once the model is open, each when all is there that the one before asks for.
    pub commands: Vec<Command>,
    /// `None` is that of a first start.
    pub arrangement: Option<Preset>,
    /// In points; the picture has `size × scale` pixels.
    pub size: (u32, u32),
    pub scale: f32,
    pub theme: egui::Theme,
}

/// A picture: rows of opaque `RGBA`.
#[derive(Clone, Debug)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    #[error("{0}")]
    NotOpened(String),
    #[error("the figures were not complete after {0} s")]
    Timeout(u64),
}

/// The longest that figures are waited for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Draws the window once everything it asks for is there.
///
/// # Errors
/// The model cannot be opened, or its figures take more than five minutes.
pub fn draw(request: &PictureRequest) -> Result<Picture, ScreenshotError> {
    let ctx = egui::Context::default();
    ctx.set_theme(request.theme);
    let (sender, woken) = channel();
    ctx.set_request_repaint_callback(move |_| {
        // Nobody listens once the picture is drawn.
        let _ = sender.send(());
    });
    let mut app = App::new(&ctx, request.app.clone());
    if let Some(preset) = request.arrangement {
        app.arrange(preset);
    }
    let mut raster = Raster::default();
    let started = Instant::now();
    let mut n_settled = 0;
    let mut n_frames = 0;
    let mut commands = request.commands.iter();
    loop {
        let input = raw_input(request, n_frames, n_settled);
        n_frames += 1;
        app.logic(&ctx);
        let output = ctx.run_ui(input, |ui| app.ui(ui));
        raster.update(&output.textures_delta);
        if app.session().opened().is_none() && app.session().is_idle() {
            let reason = app.last_failure().unwrap_or("the model was not opened").to_owned();
            return Err(ScreenshotError::NotOpened(reason));
        }
        n_settled = if app.session().is_idle() { n_settled + 1 } else { 0 };
        // Two frames, so that what is shown has been asked for.
        if n_settled >= 2
            && let Some(command) = commands.next()
        {
            app.apply(command.clone());
            n_settled = 0;
            continue;
        }
        // One frame to ask, one to show, one for the layout to settle.
        if n_settled >= 4 {
            let pixels = |points: u32| (points as f32 * request.scale).round() as u32;
            let (width, height) = (pixels(request.size.0), pixels(request.size.1));
            let primitives = ctx.tessellate(output.shapes, output.pixels_per_point);
            let background = theme::of(request.theme).panel;
            let size = (width as usize, height as usize);
            let canvas = raster.paint(&primitives, size, output.pixels_per_point, background);
            return Ok(Picture { width, height, rgba: canvas.rgba_bytes() });
        }
        if started.elapsed() > MAX_WAIT {
            return Err(ScreenshotError::Timeout(MAX_WAIT.as_secs()));
        }
        if n_settled == 0
            && woken.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Disconnected)
        {
            return Err(ScreenshotError::Timeout(started.elapsed().as_secs()));
        }
    }
}

/// Seconds from one frame to the next, of no clock: whatever moves has come to rest in the frames
/// that are drawn when all is computed, on any machine.
const FRAME_SECS: f64 = 0.1;
/// Of the textures of letters, while figures are computed and when they are there. Letters are
/// placed in a new texture when this changes: those of messages that came and went would shift the
/// others, by which a last bit of their edges would hang on how fast the machine is.
const MAX_TEXTURE_SIDES: [usize; 2] = [4096, 8192];

fn raw_input(request: &PictureRequest, n_frames: u32, n_settled: u32) -> RawInput {
    let size = vec2(request.size.0 as f32, request.size.1 as f32);
    let mut input = RawInput {
        screen_rect: Some(egui::Rect::from_min_size(pos2(0.0, 0.0), size)),
        time: Some(f64::from(n_frames) * FRAME_SECS),
        max_texture_side: Some(MAX_TEXTURE_SIDES[usize::from(n_settled > 0)]),
        ..RawInput::default()
    };
    input.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point =
        Some(request.scale);
    input
}
