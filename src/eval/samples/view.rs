//! What one sample looks like to a person: a picture, or the tokens of a row.

use super::{Inputs, SampleSet, Stored};

/// One sample as a picture: rows of opaque `RGBA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplePicture {
    pub width: usize,
    pub height: usize,
    pub rgba: Vec<u8>,
}

/// The longest side a picture is handed out with; larger ones are averaged over squares.
const MAX_SIDE: usize = 128;

/// How the values of one sample lie in memory.
struct PictureLayout {
    channels: usize,
    height: usize,
    width: usize,
    /// From one channel, row, column to the next.
    strides: [usize; 3],
}

impl PictureLayout {
    /// Planes first, as sets with a layout are kept; without one, a last dimension of 1, 3 or 4 is
    /// that of the colours.
    fn of(dims: &[usize]) -> Option<Self> {
        let is_colours = |n: usize| matches!(n, 1 | 3 | 4);
        match *dims {
            [height, width] => Some(Self { channels: 1, height, width, strides: [0, width, 1] }),
            [height, width, channels] if is_colours(channels) && !is_colours(height) => {
                Some(Self { channels, height, width, strides: [1, width * channels, channels] })
            }
            [channels, height, width] => {
                Some(Self { channels, height, width, strides: [height * width, width, 1] })
            }
            _ => None,
        }
        .filter(|layout| layout.channels * layout.height * layout.width > 0)
    }
}

impl PictureLayout {
    /// Pixels of the original that make one, along each side.
    fn step(&self) -> usize {
        self.height.max(self.width).div_ceil(MAX_SIDE).max(1)
    }

    fn painted_size(&self) -> [usize; 2] {
        [self.width, self.height].map(|side| side.div_ceil(self.step()))
    }
}

impl SampleSet {
    /// One sample as a picture, from the values as stored; `None` where the set has none.
    ///
    /// Three or four channels are red, green, blue; of other numbers the first is shown grey.
    /// Black and white are the ends of the range the values keep to.
    pub fn picture(&self, sample_idx: usize) -> Option<SamplePicture> {
        let Inputs::Features { data, dims, .. } = &self.inputs else {
            return None;
        };
        let layout = PictureLayout::of(dims).filter(|_| self.is_image)?;
        let len: usize = dims.iter().product();
        let range = sample_idx * len..(sample_idx + 1) * len;
        let sample: Vec<f32> = match data {
            Stored::Bytes(data) => data.get(range)?.iter().map(|&x| f32::from(x)).collect(),
            Stored::Floats(data) => data.get(range)?.to_vec(),
        };
        Some(paint(&sample, &layout, self.value_range()))
    }

    /// Width and height of the set's pictures; `None` where it has none.
    pub fn picture_size(&self) -> Option<[usize; 2]> {
        let Inputs::Features { dims, .. } = &self.inputs else {
            return None;
        };
        let layout = PictureLayout::of(dims).filter(|_| self.is_image)?;
        Some(layout.painted_size())
    }

    /// The values that are black and white: what the numbers are usually made of (0 to 255, 0 to 1,
    /// −1 to 1) where the set keeps to it, else its smallest and largest value.
    fn value_range(&self) -> (f32, f32) {
        *self.value_range.get_or_init(|| match &self.inputs {
            Inputs::Features { data: Stored::Bytes(data), .. } => {
                let max = data.iter().copied().max().unwrap_or(u8::MAX);
                (0.0, if max > 127 { 255.0 } else { f32::from(max.max(1)) })
            }
            Inputs::Features { data: Stored::Floats(data), .. } => float_range(data),
            Inputs::Tokens { .. } => (0.0, 1.0),
        })
    }

    /// Hands out the first `n_values` values of a sample as they are stored, as little-endian bytes;
    /// nothing for a sample that is not there.
    pub fn for_stored(&self, sample_idx: usize, n_values: usize, mut take: impl FnMut(&[u8])) {
        let of_sample = |len: usize| {
            let start = sample_idx * len;
            start..start + len.min(n_values)
        };
        match &self.inputs {
            Inputs::Features { data: Stored::Bytes(data), dims, .. } => {
                take(data.get(of_sample(dims.iter().product())).unwrap_or_default());
            }
            Inputs::Features { data: Stored::Floats(data), dims, .. } => {
                let values = data.get(of_sample(dims.iter().product())).unwrap_or_default();
                values.iter().for_each(|value| take(&value.to_le_bytes()));
            }
            Inputs::Tokens { data, row_len } => {
                let tokens = data.get(of_sample(*row_len)).unwrap_or_default();
                tokens.iter().for_each(|token| take(&token.to_le_bytes()));
            }
        }
    }

    /// The tokens of a row, inputs and last target; `None` for a set without tokens.
    pub fn tokens(&self, sample_idx: usize) -> Option<&[i64]> {
        match &self.inputs {
            Inputs::Tokens { data, row_len } => {
                data.get(sample_idx * row_len..(sample_idx + 1) * row_len)
            }
            Inputs::Features { .. } => None,
        }
    }

    /// The largest token and the row it stands in; `None` for a set without tokens.
    pub fn largest_token(&self) -> Option<(i64, usize)> {
        let Inputs::Tokens { data, row_len } = &self.inputs else {
            return None;
        };
        let rows = data.chunks_exact(*row_len).enumerate();
        rows.filter_map(|(row_idx, row)| Some((*row.iter().max()?, row_idx))).max_by_key(|m| m.0)
    }

    /// What a person calls a class: its name, else its number.
    pub fn class_name(&self, class: u32) -> String {
        let name = self.classes.as_ref().and_then(|classes| classes.get(class as usize));
        name.cloned().unwrap_or_else(|| class.to_string())
    }
}

fn float_range(data: &[f32]) -> (f32, f32) {
    let lo = data.iter().copied().fold(f32::INFINITY, f32::min);
    let hi = data.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let usual = [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-128.0, 127.0)];
    usual.into_iter().find(|&(least, most)| least <= lo && hi <= most).unwrap_or((lo, hi))
}

fn paint(sample: &[f32], layout: &PictureLayout, (lo, hi): (f32, f32)) -> SamplePicture {
    let (step, [width, height]) = (layout.step(), layout.painted_size());
    let [channel_stride, row_stride, column_stride] = layout.strides;
    let is_colour = matches!(layout.channels, 3 | 4);
    let mut rgba = Vec::with_capacity(4 * width * height);
    let shade = |channel: usize, row: usize, column: usize| {
        let rows = row * step..((row + 1) * step).min(layout.height);
        let columns = column * step..((column + 1) * step).min(layout.width);
        let (mut sum, mut n) = (0.0f32, 0.0f32);
        for row in rows {
            for column in columns.clone() {
                let place = channel * channel_stride + row * row_stride + column * column_stride;
                sum += sample.get(place).copied().unwrap_or(lo);
                n += 1.0;
            }
        }
        let fraction = (sum / n - lo) / (hi - lo).max(f32::MIN_POSITIVE);
        (fraction.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    for row in 0..height {
        for column in 0..width {
            let first = shade(0, row, column);
            let colour = match is_colour {
                true => [first, shade(1, row, column), shade(2, row, column), u8::MAX],
                false => [first, first, first, u8::MAX],
            };
            rgba.extend(colour);
        }
    }
    SamplePicture { width, height, rgba }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(dims: &[usize], sample: &[f32], range: (f32, f32)) -> Vec<u8> {
        paint(sample, &PictureLayout::of(dims).unwrap(), range).rgba
    }

    #[test]
    fn grey_and_colour_in_every_layout() {
        assert_eq!(painted(&[1, 2], &[0.0, 16.0], (0.0, 16.0)), [0, 0, 0, 255, 255, 255, 255, 255]);
        let red_blue = [255, 0, 0, 255, 0, 0, 255, 255];
        let planes = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(painted(&[3, 1, 2], &planes, (0.0, 1.0)), red_blue);
        let pixels = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(painted(&[2, 1, 3], &pixels, (0.0, 1.0)), red_blue);
        assert!(PictureLayout::of(&[784]).is_none() && PictureLayout::of(&[0, 4]).is_none());
    }

    #[test]
    fn large_pictures_are_averaged() {
        let sample: Vec<f32> = (0..256 * 2).map(|i| f32::from(u8::from(i % 2 == 0))).collect();
        let picture = paint(&sample, &PictureLayout::of(&[2, 256]).unwrap(), (0.0, 1.0));
        assert_eq!((picture.width, picture.height), (128, 1));
        assert_eq!(picture.rgba[..4], [128, 128, 128, 255]);
    }

    #[test]
    fn usual_ranges_are_recognized() {
        for (data, wanted) in [
            ([0.1, 0.9], (0.0, 1.0)),
            ([-0.1, 0.9], (-1.0, 1.0)),
            ([0.0, 200.0], (0.0, 255.0)),
            ([-3.0, 300.0], (-3.0, 300.0)),
        ] {
            assert_eq!(float_range(&data), wanted);
        }
    }
}
