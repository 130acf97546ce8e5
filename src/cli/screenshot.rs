//! `quantscope screenshot`: the real window as a picture, without a display.

use std::io::BufWriter;

use super::exit::{CliError, Exit};
use super::options::{ArrangementOption, ScreenshotOptions, ThemeOption, parse_spec};
use crate::session::{Command, ModelRef};
use crate::ui::{AppOptions, PANELS, Picture, PictureRequest, Preset, ScreenshotError, draw};

/// The most pixels on a side.
const MAX_SIDE: f32 = 16_384.0;

pub(super) fn run(options: &ScreenshotOptions) -> Result<(), CliError> {
    let wrong = |message: String| CliError::new(Exit::WrongUse, message);
    let size = parse_size(&options.size).ok_or_else(|| {
        wrong(format!(
            "--size {:?} is not WIDTHxHEIGHT such as 1600x1000, each from 200",
            options.size
        ))
    })?;
    let longest = size.0.max(size.1) as f32 * options.scale;
    if !(0.5..=4.0).contains(&options.scale) || longest > MAX_SIDE {
        return Err(wrong(format!(
            "--scale {} with --size {} is not possible; the scale is 0.5 to 4 and a side has {MAX_SIDE} pixels at most",
            options.scale, options.size
        )));
    }
    let model = match &options.model {
        Some(model) => ModelRef::parse(model)?,
        None => ModelRef::default_sample(),
    };
    let theme = match options.theme {
        ThemeOption::Dark => egui::Theme::Dark,
        ThemeOption::Light => egui::Theme::Light,
    };
    let app = AppOptions { model, only_panel: panel_id(options.panel.as_deref())? };
    let arrangement = options.arrangement.map(|arrangement| match arrangement {
        ArrangementOption::Explore => Preset::Explore,
        ArrangementOption::Bench => Preset::Allocate,
        ArrangementOption::Teach => Preset::Teach,
    });
    let (commands, scale) = (commands(options)?, options.scale);
    let request = PictureRequest { commands, app, arrangement, size, scale, theme };
    let picture = draw(&request).map_err(|error| {
        let exit = match error {
            ScreenshotError::NotOpened(_) => Exit::BadFile,
            ScreenshotError::Timeout(_) => Exit::CannotRun,
        };
        CliError::new(exit, error.to_string())
    })?;
    write_png(&options.output, &picture).map_err(|error| {
        CliError::new(
            Exit::BadFile,
            format!("{} cannot be written: {error}", options.output.display()),
        )
    })
}

/// What is done before the picture is taken.
fn commands(options: &ScreenshotOptions) -> Result<Vec<Command>, CliError> {
    let set = |spec: &String| Ok(Command::SetAllChoices(parse_spec("--weights", spec)?));
    let mut commands = options.weights.iter().map(set).collect::<Result<Vec<_>, CliError>>()?;
    commands.extend(options.recipe.clone().map(Command::LoadRecipe));
    Ok(commands)
}

fn parse_size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (200..=16_384).contains(side));
    Some((side(width)?, side(height)?))
}

fn panel_id(name: Option<&str>) -> Result<Option<&'static str>, CliError> {
    let Some(name) = name else { return Ok(None) };
    let found = PANELS.iter().find(|entry| entry.id == name.to_lowercase());
    found.map(|entry| Some(entry.id)).ok_or_else(|| {
        let known: Vec<&str> = PANELS.iter().map(|entry| entry.id).collect();
        CliError::new(
            Exit::WrongUse,
            format!("there is no panel {name:?}; there are {}", known.join(", ")),
        )
    })
}

fn write_png(path: &std::path::Path, picture: &Picture) -> Result<(), Box<dyn std::error::Error>> {
    let file = BufWriter::new(std::fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.rgba)?;
    writer.finish()?;
    Ok(())
}
