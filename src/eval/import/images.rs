//! A folder of pictures: each sub-folder a class. Only headers are read here.

use std::path::{Path, PathBuf};

use image::{ImageDecoder, ImageReader};
use rayon::prelude::*;

use super::raw::{PictureFile, RawContent, RawLabels, RawSamples, Skipped};
use super::settings::ReadOptions;
use super::{ImportError, Importer, file_name};
use crate::base::WorkCtx;

pub(super) static IMPORTER: Importer =
    Importer { id: "images", name: "Pictures by class", extensions: ENDINGS, detect, read };

const ENDINGS: &[&str] = &["png", "jpg", "jpeg", "bmp", "gif", "webp"];
/// Folders of this name hold classes, they are none.
const PARTS: &[&str] =
    &["test", "testing", "eval", "val", "valid", "validation", "train", "training"];
/// How deep pictures may lie below their class.
const MAX_DEPTH: usize = 6;
/// More than anybody can measure accuracy on here; a folder like that was chosen by mistake.
const MAX_FILES: usize = 500_000;

fn detect(path: &Path) -> bool {
    if path.is_dir() { holds_picture(path, 3) } else { path.is_file() && is_picture(path) }
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

fn holds_picture(folder: &Path, depth: usize) -> bool {
    let entries = sorted_entries(folder);
    let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
    files.iter().any(|path| is_picture(path))
        || (depth > 0 && folders.iter().take(256).any(|path| holds_picture(path, depth - 1)))
}

fn read(path: &Path, options: &ReadOptions, ctx: &WorkCtx) -> Result<RawSamples, ImportError> {
    let parts = parts_of(path);
    let part_idx = options.part_idx.unwrap_or(0).min(parts.len().saturating_sub(1));
    let root = parts.get(part_idx).map_or_else(|| path.to_owned(), |part| path.join(part));
    let mut skipped = Vec::new();
    let (classes, found) =
        list(&root, &mut skipped).map_err(|reason| ImportError::at(path, reason))?;
    ctx.set_total(found.len() as u64);
    let read: Vec<Result<PictureFile, Skipped>> = found
        .par_iter()
        .map(|(file, _)| {
            ctx.check()?;
            let header =
                read_header(file).map_err(|reason| Skipped { what: shown(path, file), reason });
            ctx.advance(1);
            Ok(header)
        })
        .collect::<Result<_, ImportError>>()?;
    let (mut files, mut labels) = (Vec::new(), Vec::new());
    for (header, (_, class)) in read.into_iter().zip(&found) {
        match header {
            Ok(file) => {
                files.push(file);
                labels.extend(class.and_then(|idx| classes.get(idx).cloned()));
            }
            Err(reason) => skipped.push(reason),
        }
    }
    if files.is_empty() {
        return Err(ImportError::at(path, nothing_readable(&skipped)));
    }
    let labels = if labels.is_empty() { RawLabels::None } else { RawLabels::from_texts(labels) };
    let note = match (path.is_file(), classes.len()) {
        (true, _) => "A single picture, without a class.".to_owned(),
        (_, 0) => "The pictures lie in no sub-folders, so they have no classes.".to_owned(),
        (_, 1) => "The only sub-folder is the only class.".to_owned(),
        (_, n) => format!("Each of the {n} sub-folders is a class."),
    };
    Ok(RawSamples {
        name: file_name(path),
        path: path.to_owned(),
        importer: &IMPORTER,
        parts,
        part_idx,
        content: RawContent::Pictures(files, labels),
        skipped,
        notes: vec![note],
    })
}

/// Sub-folders such as `test` and `train`, if there are no others.
fn parts_of(path: &Path) -> Vec<String> {
    let folders: Vec<PathBuf> =
        sorted_entries(path).into_iter().filter(|entry| entry.is_dir()).collect();
    let mut parts: Vec<String> = folders.iter().map(|folder| file_name(folder)).collect();
    let place = |name: &String| PARTS.iter().position(|part| part.eq_ignore_ascii_case(name));
    if parts.iter().any(|part| place(part).is_none()) {
        return Vec::new();
    }
    parts.sort_by_key(|part| place(part));
    parts
}

type Found = (Vec<String>, Vec<(PathBuf, Option<usize>)>);

/// Classes in order, and every picture with its class.
fn list(root: &Path, skipped: &mut Vec<Skipped>) -> Result<Found, String> {
    if root.is_file() {
        return Ok((Vec::new(), vec![(root.to_owned(), None)]));
    }
    let entries = sorted_entries(root);
    let mut classes = Vec::new();
    let mut found = Vec::new();
    for folder in entries.iter().filter(|entry| entry.is_dir()) {
        let mut pictures = Vec::new();
        collect(folder, MAX_DEPTH, &mut pictures)?;
        let name = file_name(folder);
        if pictures.is_empty() {
            skipped
                .push(Skipped { what: format!("{name}/"), reason: "no pictures in it".to_owned() });
            continue;
        }
        found.extend(pictures.into_iter().map(|picture| (picture, Some(classes.len()))));
        classes.push(name);
        if found.len() > MAX_FILES {
            return Err(format!(
                "more than {MAX_FILES} pictures lie in it; choose a smaller folder"
            ));
        }
    }
    let loose: Vec<PathBuf> =
        entries.into_iter().filter(|entry| entry.is_file() && is_picture(entry)).collect();
    if classes.is_empty() {
        found.extend(loose.into_iter().map(|picture| (picture, None)));
    } else {
        let reason = "it lies beside the class folders, in none of them".to_owned();
        skipped.extend(
            loose.iter().map(|file| Skipped { what: file_name(file), reason: reason.clone() }),
        );
    }
    if found.is_empty() {
        return Err("no pictures lie in it; choose a folder with a sub-folder of pictures (png, jpeg, bmp, gif, webp) for each class".to_owned());
    }
    Ok((classes, found))
}

fn collect(folder: &Path, depth: usize, pictures: &mut Vec<PathBuf>) -> Result<(), String> {
    for entry in sorted_entries(folder) {
        if pictures.len() > MAX_FILES {
            return Err(format!(
                "more than {MAX_FILES} pictures lie in it; choose a smaller folder"
            ));
        }
        if entry.is_dir() && depth > 0 {
            collect(&entry, depth - 1, pictures)?;
        } else if entry.is_file() && is_picture(&entry) {
            pictures.push(entry);
        }
    }
    Ok(())
}

/// What is in a folder and not hidden, in the order of names.
fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| !file_name(path).starts_with(['.', '_']))
        .collect();
    paths.sort();
    paths
}

fn read_header(path: &Path) -> Result<PictureFile, String> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let reader = reader.map_err(|error| crate::base::unreadable(&error))?;
    let decoder =
        reader.into_decoder().map_err(|error| format!("it cannot be decoded: {error}"))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err("it has no pixels".to_owned());
    }
    let has_colour = decoder.color_type().has_color();
    Ok(PictureFile { path: path.to_owned(), width, height, has_colour })
}

fn nothing_readable(skipped: &[Skipped]) -> String {
    match skipped {
        [] => "no pictures lie in it".to_owned(),
        [first, ..] => format!(
            "none of its pictures can be decoded, the first is {}: {}; save them again as png or jpeg",
            first.what, first.reason
        ),
    }
}

/// A file as seen from the folder that was chosen.
fn shown(root: &Path, file: &Path) -> String {
    match file.strip_prefix(root) {
        Ok(relative) if !relative.as_os_str().is_empty() => relative.display().to_string(),
        _ => file_name(file),
    }
}
