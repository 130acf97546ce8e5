//! NumPy: `.npz` archives of named arrays, and single `.npy` files with their labels beside them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zip::ZipArchive;

use super::npy::{MAGIC, NpyHeader};
use super::raw::{RawArray, RawContent, RawLabels, RawSamples, Values};
use super::settings::ReadOptions;
use super::{ImportError, Importer, file_name};
use crate::base::WorkCtx;

pub(super) static IMPORTER: Importer =
    Importer { id: "npz", name: "NumPy arrays", extensions: &["npz", "npy"], detect, read };

/// Names that arrays of inputs go by, and labels.
const INPUTS: &[&str] =
    &["x", "inputs", "input", "images", "image", "data", "features", "samples", "arr_0"];
const LABELS: &[&str] = &["y", "labels", "label", "targets", "target", "classes", "class", "arr_1"];
/// Words that tell parts of the data apart, the one to judge on first.
const PARTS: &[&str] =
    &["test", "eval", "val", "valid", "validation", "", "calibration", "calib", "train"];

fn detect(path: &Path) -> bool {
    let mut start = [0u8; 6];
    // Asked before opening: to open a pipe waits for somebody to write into it.
    if !path.is_file() {
        return false;
    }
    let Ok(mut file) = File::open(path) else { return false };
    if file.read_exact(&mut start).is_err() {
        return false;
    }
    let is_named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"));
    let holds_array = || {
        let archive = File::open(path).ok().and_then(|file| ZipArchive::new(file).ok());
        archive.is_some_and(|archive| {
            archive.file_names().flatten().any(|name| name.ends_with(".npy"))
        })
    };
    start == MAGIC || is_named || (start.starts_with(b"PK") && holds_array())
}

fn read(path: &Path, options: &ReadOptions, ctx: &WorkCtx) -> Result<RawSamples, ImportError> {
    let is_array = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"));
    let mut source = if is_array { Source::beside(path) } else { Source::archive(path)? };
    let listed = source.list().map_err(|reason| ImportError::at(path, reason))?;
    let pairs = pairs(&listed);
    if pairs.is_empty() {
        return Err(ImportError::at(path, nothing_named(&listed)));
    }
    let part_idx = options.part_idx.unwrap_or(0).min(pairs.len() - 1);
    let pair = &pairs[part_idx];
    let failed = |array: &str, reason: String| {
        ctx.check().err().map_or_else(
            || ImportError::at(path, format!("array {array:?}: {reason}")),
            ImportError::Cancelled,
        )
    };
    let (values, dims) =
        source.inputs(&pair.inputs, ctx).map_err(|reason| failed(&pair.inputs, reason))?;
    check_values(&values, &dims).map_err(|reason| failed(&pair.inputs, reason))?;
    let labels = match &pair.labels {
        None => RawLabels::None,
        Some(name) => {
            let n_samples = dims.first().copied().unwrap_or(0);
            source.labels(name, n_samples, ctx).map_err(|reason| failed(name, reason))?
        }
    };
    let note = match &pair.labels {
        Some(labels) => format!("Samples are {:?}, labels {labels:?}.", pair.inputs),
        None => format!("Samples are {:?}; no array is named as labels are.", pair.inputs),
    };
    Ok(RawSamples {
        name: file_name(path),
        path: path.to_owned(),
        importer: &IMPORTER,
        parts: pairs.iter().map(|pair| pair.inputs.clone()).collect(),
        part_idx,
        content: RawContent::Array(RawArray { values: Arc::new(values), dims }, labels),
        skipped: Vec::new(),
        notes: vec![note],
    })
}

/// Where arrays come from: entries of an archive, or files beside each other.
enum Source {
    Archive(Box<ZipArchive<BufReader<File>>>),
    Files(Vec<PathBuf>),
}

impl Source {
    fn archive(path: &Path) -> Result<Self, ImportError> {
        let file = File::open(path)
            .map_err(|error| ImportError::at(path, crate::base::unreadable(&error)))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| {
            ImportError::at(
                path,
                format!("it is no whole NumPy archive ({error}); save it again with numpy.savez"),
            )
        })?;
        Ok(Self::Archive(Box::new(archive)))
    }

    /// The file itself and, where there is one, the file of its labels.
    fn beside(path: &Path) -> Self {
        let mut files = vec![path.to_owned()];
        let (_, stem) = words(&stem(path));
        let place = INPUTS.iter().position(|name| *name == stem);
        let (part, _) = words(&self::stem(path));
        let neighbours = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
        for neighbour in neighbours.into_iter().flatten().flatten() {
            let other = neighbour.path();
            let (other_part, other_stem) = words(&self::stem(&other));
            let is_labels = LABELS.contains(&other_stem.as_str()) && other_part == part;
            let is_array = other.extension().is_some_and(|ending| ending == "npy");
            if place.is_some() && is_array && is_labels && other.is_file() {
                files.push(other);
            }
        }
        files[1..].sort();
        Self::Files(files)
    }

    /// Every array with its header.
    fn list(&mut self) -> Result<Vec<(String, NpyHeader)>, String> {
        let names: Vec<String> = match self {
            Self::Archive(archive) => archive
                .file_names()
                .flatten()
                .filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned()))
                .collect(),
            Self::Files(files) => files.iter().map(|file| stem(file)).collect(),
        };
        names
            .into_iter()
            .map(|name| {
                let found = self.with(&name, |mut reader| NpyHeader::read(&mut reader));
                match found {
                    Ok(header) => Ok((name, header)),
                    Err(reason) => Err(format!("array {name:?}: {reason}")),
                }
            })
            .collect()
    }

    fn with<T>(
        &mut self,
        name: &str,
        take: impl FnOnce(&mut dyn Read) -> Result<T, String>,
    ) -> Result<T, String> {
        let damaged = |error: &dyn std::fmt::Display| {
            format!("it cannot be read ({error}); the file is damaged, save it again")
        };
        match self {
            Self::Archive(archive) => {
                let mut entry =
                    archive.by_name(&format!("{name}.npy")).map_err(|error| damaged(&error))?;
                take(&mut entry)
            }
            Self::Files(files) => {
                let path = files.iter().find(|file| stem(file) == name);
                let path = path.ok_or_else(|| "it is not there".to_owned())?;
                let file = File::open(path).map_err(|error| damaged(&error))?;
                take(&mut BufReader::new(file))
            }
        }
    }

    fn inputs(&mut self, name: &str, ctx: &WorkCtx) -> Result<(Values, Vec<usize>), String> {
        self.with(name, |mut reader| {
            let header = NpyHeader::read(&mut reader)?;
            if header.dims.len() < 2 || header.dims.contains(&0) {
                return Err(format!(
                    "it has shape {:?}, expected [samples, …]; save it with one row a sample",
                    header.dims
                ));
            }
            Ok((header.values(&mut reader, ctx)?, header.dims))
        })
    }

    fn labels(&mut self, name: &str, n_samples: usize, ctx: &WorkCtx) -> Result<RawLabels, String> {
        self.with(name, |mut reader| {
            let header = NpyHeader::read(&mut reader)?;
            if header.dims.first() != Some(&n_samples) || header.dims.len() > 2 {
                return Err(format!(
                    "it has shape {:?}, expected [{n_samples}], one label for each sample",
                    header.dims
                ));
            }
            header.labels(&mut reader, ctx)
        })
    }
}

/// An array of samples and the labels that go with it.
struct Pair {
    inputs: String,
    labels: Option<String>,
}

fn pairs(listed: &[(String, NpyHeader)]) -> Vec<Pair> {
    let is_sample = |header: &NpyHeader| header.dims.len() >= 2 && !header.is_text();
    let mut named: Vec<(usize, usize, Pair)> = Vec::new();
    for (name, header) in listed {
        let (part, stem) = words(name);
        let Some(place) = INPUTS.iter().position(|input| *input == stem) else { continue };
        if !is_sample(header) {
            continue;
        }
        let labels = listed.iter().find(|(other, _)| {
            let (other_part, other_stem) = words(other);
            other_part == part && LABELS.contains(&other_stem.as_str())
        });
        let labels = labels.map(|(name, _)| name.clone());
        let part_place = PARTS.iter().position(|word| *word == part).unwrap_or(PARTS.len());
        named.push((part_place, place, Pair { inputs: name.clone(), labels }));
    }
    named.sort_by_key(|(part, place, _)| (*part, *place));
    if named.is_empty()
        && let [only] =
            listed.iter().filter(|(_, header)| is_sample(header)).collect::<Vec<_>>()[..]
    {
        let labels = listed.iter().find(|(name, _)| {
            let (_, stem) = words(name);
            *name != only.0 && LABELS.contains(&stem.as_str())
        });
        let labels = labels.map(|(name, _)| name.clone());
        return vec![Pair { inputs: only.0.clone(), labels }];
    }
    named.into_iter().map(|(_, _, pair)| pair).collect()
}

/// The word for the part and the rest of a name: `X_test` is `test` and `x`.
fn words(name: &str) -> (String, String) {
    let name = name.to_lowercase();
    let (mut part, mut rest) = (Vec::new(), Vec::new());
    for word in name.split(['_', '-', '.', ' ']).filter(|word| !word.is_empty()) {
        if PARTS.contains(&word) { part.push(word) } else { rest.push(word) }
    }
    (part.join("_"), rest.join("_"))
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn nothing_named(listed: &[(String, NpyHeader)]) -> String {
    if listed.is_empty() {
        return "the archive holds no arrays; save it with numpy.savez(\"samples.npz\", x=inputs, y=labels)".to_owned();
    }
    let shown: Vec<String> =
        listed.iter().take(6).map(|(name, header)| format!("{name} {:?}", header.dims)).collect();
    format!(
        "no array of samples is named x, inputs or images; there is {}{}. Save it with numpy.savez(\"samples.npz\", x=inputs, y=labels)",
        shown.join(", "),
        if listed.len() > 6 { " and more" } else { "" }
    )
}

/// Refuses what is not a number, naming the first.
pub(super) fn check_values(values: &Values, dims: &[usize]) -> Result<(), String> {
    let Values::Floats(floats) = values else { return Ok(()) };
    match floats.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(idx) => {
            let per_sample = dims.iter().skip(1).product::<usize>().max(1);
            Err(format!(
                "sample {} holds {}, expected finite numbers; replace them (numpy.nan_to_num) or leave the sample out",
                idx / per_sample,
                floats[idx]
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (name, part, rest) in [
            ("x_test", "test", "x"),
            ("X", "", "x"),
            ("train_images", "train", "images"),
            ("arr_0", "", "arr_0"),
            ("Y-val", "val", "y"),
        ] {
            assert_eq!(words(name), (part.to_owned(), rest.to_owned()), "{name}");
        }
    }
}
