//! A page of the samples whose answer changed: their pictures in one texture, or their text.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::base::{Cancelled, WorkCtx};
use crate::eval::{
    AnswerRow, Answers, FlipCounts, FlipFilter, SamplePicture, SampleSet, flip_counts, flips,
};

/// A shared thing as part of a key: equal to itself alone.
#[derive(Debug)]
pub struct Same<T>(pub Arc<T>);

impl<T> Clone for Same<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Same<T> {}

impl<T> Hash for Same<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// Which samples to show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GalleryRequest {
    pub answers: Same<Answers>,
    pub filter: FlipFilter,
    /// Place of the first one in the order of [`flips`].
    pub first: usize,
    pub n_wanted: usize,
}

/// The samples of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct GalleryPage {
    pub filter: FlipFilter,
    pub first: usize,
    /// By kind, under the filter's class and answer.
    pub counts: FlipCounts,
    pub items: Vec<GalleryItem>,
    /// The pictures of all items, where the set has pictures.
    pub atlas: Option<Atlas>,
}

/// One sample whose answer changed.
#[derive(Clone, Debug, PartialEq)]
pub struct GalleryItem {
    pub row: AnswerRow,
    pub look: Look,
}

/// How a sample is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// In the atlas, at that place.
    Picture(usize),
    /// The tokens ahead of the prediction, as text or as numbers, and which prediction it is.
    Text { before: String, place: usize },
    /// By its number alone.
    Number,
}

/// Pictures of one size side by side in one texture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atlas {
    /// Of one picture, in pixels.
    pub cell_size: [usize; 2],
    pub n_columns: usize,
    /// Of the whole, in pixels.
    pub size: [usize; 2],
    pub rgba: Vec<u8>,
}

/// Letters shown ahead of a prediction, whatever the tokens are.
const N_CONTEXT_CHARS: usize = 60;

impl GalleryPage {
    /// # Errors
    /// [`Cancelled`].
    pub(super) fn compute(
        request: &GalleryRequest,
        samples: &SampleSet,
        vocabulary: Option<&[String]>,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let GalleryRequest { answers, filter, first, n_wanted } = request;
        let answers = &answers.0;
        let chosen = flips(answers, filter);
        ctx.check()?;
        let mut pictures = Vec::new();
        let mut items = Vec::new();
        for &row_idx in chosen.iter().skip(*first).take(*n_wanted) {
            ctx.check()?;
            let Some(&row) = answers.rows.get(row_idx) else { continue };
            let sample_idx = row.sample_idx as usize;
            let look = match (samples.picture(sample_idx), samples.tokens(sample_idx)) {
                (Some(picture), _) => {
                    pictures.push(picture);
                    Look::Picture(pictures.len() - 1)
                }
                (None, Some(tokens)) => {
                    let place = answers.place_in_sample(row_idx);
                    let before = tokens.get(..=place).unwrap_or_default();
                    Look::Text { before: end_of(before, vocabulary), place }
                }
                (None, None) => Look::Number,
            };
            items.push(GalleryItem { row, look });
        }
        Ok(Self {
            filter: *filter,
            first: *first,
            counts: flip_counts(answers, filter),
            items,
            atlas: Atlas::new(&pictures),
        })
    }
}

/// The last tokens as text, run together where there is a vocabulary, else their numbers: as many as
/// fill [`N_CONTEXT_CHARS`], the last one in any case.
fn end_of(tokens: &[i64], vocabulary: Option<&[String]>) -> String {
    let text = |&token: &i64| {
        let known = usize::try_from(token).ok().and_then(|token| vocabulary?.get(token));
        known.cloned().unwrap_or_else(|| format!("{token} "))
    };
    let mut room = N_CONTEXT_CHARS;
    let mut parts: Vec<String> = Vec::new();
    for part in tokens.iter().rev().map(text) {
        let n_chars = part.chars().count();
        // Tokens without letters must not lead through the whole row.
        if !parts.is_empty() && (n_chars > room || parts.len() >= N_CONTEXT_CHARS) {
            break;
        }
        room = room.saturating_sub(n_chars);
        parts.push(part);
    }
    parts.reverse();
    parts.concat().trim_end().to_owned()
}

impl Atlas {
    /// About as high as wide, so that no texture limit is met.
    fn new(pictures: &[SamplePicture]) -> Option<Self> {
        let first = pictures.first()?;
        let n_columns = (pictures.len() as f64).sqrt().ceil() as usize;
        let n_rows = pictures.len().div_ceil(n_columns);
        let size = [n_columns * first.width, n_rows * first.height];
        let mut rgba = vec![0; 4 * size[0] * size[1]];
        for (idx, picture) in pictures.iter().enumerate() {
            let (left, top) = (idx % n_columns * first.width, idx / n_columns * first.height);
            for (row_idx, row) in picture.rgba.chunks_exact(4 * first.width.max(1)).enumerate() {
                let start = 4 * ((top + row_idx) * size[0] + left);
                if let Some(place) = rgba.get_mut(start..start + row.len()) {
                    place.copy_from_slice(row);
                }
            }
        }
        Some(Self { cell_size: [first.width, first.height], n_columns, size, rgba })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_side_by_side() {
        let picture = |shade: u8| SamplePicture { width: 2, height: 1, rgba: vec![shade; 8] };
        let atlas = Atlas::new(&[picture(1), picture(2), picture(3)]).unwrap();
        assert_eq!((atlas.n_columns, atlas.size), (2, [4, 2]));
        let row = |bytes: [u8; 2]| bytes.iter().flat_map(|&b| [b; 8]).collect::<Vec<u8>>();
        assert_eq!(atlas.rgba, [row([1, 2]), row([3, 0])].concat());
        assert!(Atlas::new(&[]).is_none());
    }

    #[test]
    fn tokens_are_text_where_there_is_a_vocabulary() {
        let vocabulary = ["Once".to_owned(), " upon".to_owned()];
        assert_eq!(end_of(&[0, 1, 7], Some(&vocabulary)), "Once upon7");
        assert_eq!(end_of(&[0, 1], None), "0 1");
    }

    #[test]
    fn the_context_is_as_long_whatever_the_tokens_are() {
        let letters: Vec<String> = ('a'..='z').map(String::from).collect();
        let row: Vec<i64> = (0..500).map(|idx| idx % 26).collect();
        let text = end_of(&row, Some(&letters));
        assert_eq!(text.chars().count(), N_CONTEXT_CHARS);
        assert!(text.ends_with("cdef"), "{text}");
        let words: Vec<String> =
            letters.iter().map(|letter| format!(" {}", letter.repeat(9))).collect();
        assert_eq!(end_of(&row, Some(&words)).matches(' ').count(), 6);
        let long = [" ".to_owned() + &"x".repeat(200)];
        assert_eq!(end_of(&[0, 0], Some(&long)).len(), 201, "one token is always there");
    }
}
