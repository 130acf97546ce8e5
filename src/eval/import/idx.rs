//! idx files as MNIST has them: pictures and labels in two files beside each other, also gzipped.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::raw::{RawArray, RawContent, RawLabels, RawSamples, Values};
use super::settings::ReadOptions;
use super::{ImportError, Importer, check_size, file_name};
use crate::base::WorkCtx;

pub(super) static IMPORTER: Importer = Importer {
    id: "idx",
    name: "idx files (MNIST)",
    extensions: &["gz", "idx3-ubyte", "idx", "ubyte"],
    detect,
    read,
};

const CHUNK: usize = 1 << 20;

fn detect(path: &Path) -> bool {
    if path.is_dir() { !picture_files(path).is_empty() } else { is_idx(path) }
}

fn is_idx(path: &Path) -> bool {
    path.is_file() && open(path).and_then(|mut reader| Header::read(&mut reader)).is_ok()
}

fn read(path: &Path, options: &ReadOptions, ctx: &WorkCtx) -> Result<RawSamples, ImportError> {
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    let files = folder.map(picture_files).unwrap_or_default();
    let is_labels = file_name(path).contains("labels");
    let own = files.iter().position(|file| {
        file == path || (is_labels && labels_beside(file).as_deref() == Some(path))
    });
    let part_idx = options.part_idx.or(own).unwrap_or(0);
    let pictures = match files.get(part_idx) {
        Some(file) if own.is_some() || path.is_dir() || options.part_idx.is_some() => file.clone(),
        _ => path.to_owned(),
    };
    let failed = |file: &Path, reason: String| match ctx.check() {
        Err(cancelled) => ImportError::Cancelled(cancelled),
        Ok(()) => ImportError::at(file, reason),
    };
    let (bytes, dims) = read_bytes(&pictures, ctx).map_err(|reason| failed(&pictures, reason))?;
    if dims.len() < 2 {
        return Err(ImportError::at(
            &pictures,
            "it holds labels and there are no pictures beside it; choose the file of the pictures (…images-idx3-ubyte)",
        ));
    }
    let (labels, note) = match labels_beside(&pictures) {
        None => (
            RawLabels::None,
            "No labels lie beside it (the same name with labels for images).".to_owned(),
        ),
        Some(file) => {
            let (labels, label_dims) =
                read_bytes(&file, ctx).map_err(|reason| failed(&file, reason))?;
            if label_dims != dims[..1] {
                let reason = format!(
                    "it has {} labels, {} has {} pictures; fetch the pair again",
                    labels.len(),
                    file_name(&pictures),
                    dims[0]
                );
                return Err(ImportError::at(&file, reason));
            }
            let labels = labels.into_iter().map(i64::from).collect();
            (RawLabels::Numbers(labels), format!("Labels are from {}.", file_name(&file)))
        }
    };
    Ok(RawSamples {
        name: file_name(&pictures),
        path: path.to_owned(),
        importer: &IMPORTER,
        parts: files.iter().map(|file| file_name(file)).collect(),
        part_idx,
        content: RawContent::Array(
            RawArray { values: Arc::new(Values::Bytes(bytes)), dims },
            labels,
        ),
        skipped: Vec::new(),
        notes: vec![note],
    })
}

/// Files of pictures in a folder, those to judge on first.
fn picture_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = file_name(path);
            name.contains("images") && name.contains("idx") && is_idx(path)
        })
        .collect();
    let is_training = |path: &PathBuf| file_name(path).contains("train");
    files.sort_by_key(|path| (is_training(path), path.clone()));
    files
}

/// The labels of a file of pictures, packed or not.
fn labels_beside(pictures: &Path) -> Option<PathBuf> {
    let name = file_name(pictures);
    let labels = name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1");
    let bare = labels.trim_end_matches(".gz").to_owned();
    let candidates = [labels, bare.clone(), format!("{bare}.gz")];
    let mut paths = candidates.iter().filter(|found| **found != name);
    paths.find_map(|found| Some(pictures.with_file_name(found)).filter(|path| path.is_file()))
}

type Reader = BufReader<Box<dyn Read>>;

fn open(path: &Path) -> Result<Reader, String> {
    let cannot = |error: std::io::Error| crate::base::unreadable(&error);
    let mut start = [0u8; 2];
    let n_read = File::open(path).and_then(|mut file| file.read(&mut start)).map_err(cannot)?;
    let file = File::open(path).map_err(cannot)?;
    let is_packed = n_read == 2 && start == [0x1f, 0x8b];
    let reader: Box<dyn Read> = if is_packed {
        Box::new(MultiGzDecoder::new(BufReader::new(file)))
    } else {
        Box::new(file)
    };
    Ok(BufReader::new(reader))
}

/// Two zero bytes, the type, the number of dimensions, and each as 4 bytes, the highest first.
struct Header {
    dims: Vec<usize>,
}

impl Header {
    fn read(reader: &mut impl Read) -> Result<Self, String> {
        let cut = |_| "it ends within its header; it is truncated, fetch it again".to_owned();
        let mut start = [0u8; 4];
        reader.read_exact(&mut start).map_err(cut)?;
        let [0, 0, dtype, rank @ 1..=4] = start else {
            return Err("it does not start as an idx file does; fetch it again".to_owned());
        };
        if dtype != 8 {
            return Err(format!(
                "it holds values of type {dtype:#04x}, bytes (0x08) are read; save it as .npz"
            ));
        }
        let dims = (0..rank)
            .map(|_| {
                let mut dim = [0u8; 4];
                reader.read_exact(&mut dim).map_err(cut)?;
                usize::try_from(u32::from_be_bytes(dim)).map_err(|error| error.to_string())
            })
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Self { dims })
    }
}

fn read_bytes(path: &Path, ctx: &WorkCtx) -> Result<(Vec<u8>, Vec<usize>), String> {
    let mut reader = open(path)?;
    let dims = Header::read(&mut reader)?.dims;
    let product = dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
    let count = product
        .filter(|&n| n > 0)
        .ok_or_else(|| format!("its shape {dims:?} cannot be; it is damaged, fetch it again"))?;
    check_size(count as u64, 1)?;
    let mut bytes = Vec::new();
    while bytes.len() < count {
        ctx.check().map_err(|cancelled| cancelled.to_string())?;
        let n_wanted = CHUNK.min(count - bytes.len());
        let n_before = bytes.len();
        let read = Read::by_ref(&mut reader).take(n_wanted as u64).read_to_end(&mut bytes);
        let why = match read {
            Ok(_) if bytes.len() == n_before + n_wanted => continue,
            Ok(_) => String::new(),
            Err(error) => format!(" ({error})"),
        };
        return Err(format!(
            "it says {count} values and has {}{why}; it is truncated, fetch it again",
            bytes.len()
        ));
    }
    Ok((bytes, dims))
}
