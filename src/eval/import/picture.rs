//! One picture on its way to the network: decoded, its channels chosen, cut and resampled.

use image::{DynamicImage, ImageDecoder, ImageReader};

use super::raw::PictureFile;
use super::settings::{Colour, Filter, Fit};

/// The most memory one picture may take while it is decoded.
const MAX_DECODED_BYTES: u64 = 512 << 20;

/// Planes of one picture, each row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planes {
    pub planes: Vec<Vec<f32>>,
    pub height: usize,
    pub width: usize,
}

/// Size and means of a resampling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resample {
    pub height: usize,
    pub width: usize,
    pub fit: Fit,
    pub filter: Filter,
}

impl Planes {
    /// Decodes a file, turned as its camera was held; transparency is dropped.
    pub fn decode(file: &PictureFile) -> Result<Self, String> {
        let failed = |error: image::ImageError| format!("it cannot be decoded: {error}");
        let mut reader = ImageReader::open(&file.path)
            .and_then(ImageReader::with_guessed_format)
            .map_err(|error| crate::base::unreadable(&error))?;
        let mut limits = image::Limits::default();
        limits.max_alloc = Some(MAX_DECODED_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(failed)?;
        let orientation = decoder.orientation().map_err(failed)?;
        let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
        picture.apply_orientation(orientation);
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let plane = |bytes: &[u8], channel: usize, n: usize| -> Vec<f32> {
            bytes.iter().skip(channel).step_by(n).map(|&byte| f32::from(byte)).collect()
        };
        let planes = if picture.color().has_color() {
            let pixels = picture.into_rgb8();
            (0..3).map(|channel| plane(&pixels, channel, 3)).collect()
        } else {
            vec![plane(&picture.into_luma8(), 0, 1)]
        };
        Ok(Self { planes, height, width })
    }

    /// The channels the network takes. Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded
    /// to a whole number where the channels are.
    pub fn coloured(mut self, colour: Colour) -> Result<Self, String> {
        match (self.planes.as_slice(), colour) {
            ([_], Colour::Grey) | ([_, _, _], Colour::Rgb) => {}
            ([_, _, _], Colour::Bgr) => self.planes.reverse(),
            ([grey], _) => self.planes = vec![grey.clone(), grey.clone(), grey.clone()],
            ([red, green, blue], Colour::Grey) => {
                let is_whole = self.planes.iter().flatten().all(|value| value.fract() == 0.0);
                let grey = red.iter().zip(green).zip(blue).map(|((&red, &green), &blue)| {
                    let sum =
                        0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
                    (if is_whole { (sum + 0.5).floor() } else { sum }) as f32
                });
                self.planes = vec![grey.collect()];
            }
            (planes, _) => {
                return Err(format!("it has {} channels, expected 1 or 3", planes.len()));
            }
        }
        Ok(self)
    }

    /// The size the network takes.
    pub fn resampled(self, to: Resample) -> Self {
        if (self.height, self.width) == (to.height, to.width) {
            return self;
        }
        let (target_height, target_width) = (to.height as f64, to.width as f64);
        let (height, width) = (self.height as f64, self.width as f64);
        let scale = (height / target_height, width / target_width);
        let scale = match to.fit {
            Fit::Stretch => scale,
            Fit::CentreCrop => (scale.0.min(scale.1), scale.0.min(scale.1)),
            Fit::Pad => (scale.0.max(scale.1), scale.0.max(scale.1)),
        };
        let axis = |source: f64, target: f64, scale: f64| {
            // What the target's pixels cover lies around the middle of the picture.
            let start = (source - target * scale) / 2.0;
            Taps::new(source as usize, target as usize, (start, scale), to.filter)
        };
        let rows = axis(height, target_height, scale.0);
        let columns = axis(width, target_width, scale.1);
        let planes = self.planes.iter().map(|plane| resample(plane, self.width, &rows, &columns));
        Self { planes: planes.collect(), height: to.height, width: to.width }
    }
}

/// For each target pixel of one axis the first source pixel and the weights from there on.
struct Taps(Vec<(usize, Vec<f32>)>);

impl Taps {
    /// A triangle as wide as the step, at least one source pixel to each side; weights sum to 1. A
    /// target pixel whose centre lies outside has no weights and stays black.
    fn new(n_source: usize, n_target: usize, (start, scale): (f64, f64), filter: Filter) -> Self {
        let taps = (0..n_target).map(|target_idx| {
            let centre = start + (target_idx as f64 + 0.5) * scale;
            if centre < 0.0 || centre >= n_source as f64 {
                return (0, Vec::new());
            }
            if filter == Filter::Nearest {
                return ((centre.floor() as usize).min(n_source - 1), vec![1.0]);
            }
            let support = scale.max(1.0);
            let first = (centre - support + 0.5).floor().max(0.0) as usize;
            let last = ((centre + support + 0.5).floor() as usize).min(n_source);
            let weights: Vec<f64> = (first..last)
                .map(|idx| (1.0 - ((idx as f64 + 0.5 - centre) / support).abs()).max(0.0))
                .collect();
            let sum: f64 = weights.iter().sum();
            (first, weights.iter().map(|weight| (weight / sum) as f32).collect())
        });
        Self(taps.collect())
    }
}

fn resample(plane: &[f32], width: usize, rows: &Taps, columns: &Taps) -> Vec<f32> {
    let n_rows = plane.len() / width.max(1);
    let n_columns = columns.0.len();
    let mut narrow: Vec<f32> = Vec::with_capacity(n_rows * n_columns);
    for row in plane.chunks_exact(width.max(1)) {
        for (first, weights) in &columns.0 {
            let pixels = row.get(*first..).unwrap_or_default();
            narrow.push(
                weights.iter().zip(pixels).map(|(weight, pixel)| weight * pixel).sum::<f32>(),
            );
        }
    }
    let mut small: Vec<f32> = Vec::with_capacity(rows.0.len() * n_columns);
    for (first, weights) in &rows.0 {
        for column in 0..n_columns {
            let pixels = narrow.iter().skip(first * n_columns + column).step_by(n_columns.max(1));
            small.push(
                weights.iter().zip(pixels).map(|(weight, pixel)| weight * pixel).sum::<f32>(),
            );
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(height: usize, width: usize, values: &[f32]) -> Planes {
        Planes { planes: vec![values.to_vec()], height, width }
    }

    #[test]
    fn halving_averages_and_a_constant_stays() {
        let to = |fit| Resample { height: 2, width: 2, fit, filter: Filter::Linear };
        let flat = grey(5, 3, &[7.0; 15]).resampled(to(Fit::Stretch));
        assert!(flat.planes[0].iter().all(|value| (value - 7.0).abs() < 1e-5), "{flat:?}");
        let wide = grey(2, 4, &[0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(wide.clone().resampled(to(Fit::CentreCrop)).planes[0], [1.0, 2.0, 1.0, 2.0]);
        let padded = grey(1, 2, &[5.0, 9.0]).resampled(Resample {
            height: 4,
            width: 2,
            fit: Fit::Pad,
            filter: Filter::Nearest,
        });
        assert_eq!(padded.planes[0].iter().filter(|value| **value == 0.0).count(), 6);
    }

    #[test]
    fn channels_are_converted() {
        let red = Planes { planes: vec![vec![255.0], vec![0.0], vec![0.0]], height: 1, width: 1 };
        assert_eq!(red.clone().coloured(Colour::Grey).unwrap().planes, [[76.0]]);
        assert_eq!(red.coloured(Colour::Bgr).unwrap().planes, [[0.0], [0.0], [255.0]]);
        let grey = grey(1, 1, &[9.0]).coloured(Colour::Rgb).unwrap();
        assert_eq!(grey.planes.len(), 3);
    }
}
