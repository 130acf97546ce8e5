//! The look of the window: small pictures from the processor's painter against those that were
//! looked at and kept.
#![allow(clippy::unwrap_used)]

use std::io::BufReader;
use std::path::{Path, PathBuf};

use quantscope::session::{Command, ModelRef};
use quantscope::ui::{AppOptions, Picture, PictureRequest, draw};

/// Name, panel, theme and setting of a picture. None shows samples: which of them break may hang on
/// a last bit.
const SNAPSHOTS: &[(&str, Option<&str>, egui::Theme, &str)] = &[
    ("window-dark", None, egui::Theme::Dark, "int:bits=4,symmetry=asymmetric"),
    ("heatmap-light", Some("heatmap"), egui::Theme::Light, "int:bits=4"),
    ("channels-dark", Some("channels"), egui::Theme::Dark, "int:bits=4"),
    ("graph-light", Some("graph"), egui::Theme::Light, "int:bits=4"),
];

/// Mean difference of a byte, and share of pixels that are clearly different, that another
/// processor's last bit may make.
const MAX_MEAN: f64 = 0.8;
const MAX_SHARE: f64 = 0.005;

fn drawn(panel: Option<&str>, theme: egui::Theme, spec: &str) -> Picture {
    let entry =
        panel.map(|id| quantscope::ui::PANELS.iter().find(|entry| entry.id == id).unwrap().id);
    let app = AppOptions { model: ModelRef::default_sample(), only_panel: entry };
    let commands = vec![Command::SetAllChoices(spec.parse().unwrap())];
    let request =
        PictureRequest { app, commands, arrangement: None, size: (1000, 640), scale: 1.0, theme };
    draw(&request).unwrap()
}

fn kept(path: &Path) -> Option<(u32, u32, Vec<u8>)> {
    let file = BufReader::new(std::fs::File::open(path).ok()?);
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    Some((info.width, info.height, bytes))
}

fn keep(path: &Path, picture: &Picture) {
    let mut encoder =
        png::Encoder::new(std::fs::File::create(path).unwrap(), picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&picture.rgba).unwrap();
}

/// Mean difference of a byte, and share of pixels that differ clearly.
fn difference(a: &[u8], b: &[u8]) -> (f64, f64) {
    let far = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b));
    let mean = a.iter().zip(b).map(far).sum::<f64>() / a.len() as f64;
    let pixels = a.chunks_exact(4).zip(b.chunks_exact(4));
    let n_far = pixels.filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 40)).count();
    (mean, n_far as f64 / (a.len() / 4) as f64)
}

/// `RENEW_SNAPSHOTS=1 cargo test --test snapshots` keeps the present look, to be looked at and
/// committed.
#[test]
fn the_look_is_as_it_was_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/snapshots");
    let renews = std::env::var_os("RENEW_SNAPSHOTS").is_some();
    for &(name, panel, theme, spec) in SNAPSHOTS {
        let path = folder.join(format!("{name}.png"));
        let picture = drawn(panel, theme, spec);
        if renews {
            keep(&path, &picture);
            continue;
        }
        let (width, height, bytes) = kept(&path).unwrap();
        assert_eq!((width, height), (picture.width, picture.height), "{name}");
        let (mean, share) = difference(&bytes, &picture.rgba);
        if mean > MAX_MEAN || share > MAX_SHARE {
            let now = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
            keep(&now, &picture);
            panic!(
                "{name} looks different: {mean:.2} a byte, {:.2} % of the pixels; now in {}",
                share * 100.0,
                now.display()
            );
        }
    }
}

/// Whatever the machine does meanwhile: letters, colours and what moves are where they were.
#[test]
fn two_pictures_of_one_window_are_the_same_bytes() {
    let picture = || drawn(None, egui::Theme::Dark, "int:bits=4");
    assert!(picture().rgba == picture().rgba, "the same window was drawn otherwise");
}
