//! Build script: packs the files of the sample models, which the program carries.
//!
//! Each becomes `NAME.FILE.z` in the build folder: its length in eight bytes, then the file,
//! deflated.

use std::io::{Error, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Folders and files, as `src/session/builtin.rs` names them. `glyphs-resnet` has the same sets as
/// `glyphs-mobilenet`.
const FILES: &[(&str, &[&str])] = &[
    ("digits", &["model", "eval", "calibration", "train"]),
    ("glyphs-mobilenet", &["model", "eval", "calibration", "train"]),
    ("glyphs-resnet", &["model"]),
    ("tumor", &["model", "eval", "calibration", "train"]),
    ("tiny-lm", &["model", "eval", "calibration", "train"]),
];

fn main() -> Result<(), Error> {
    println!("cargo::rerun-if-changed=sample_models");
    let folder = std::env::var_os("OUT_DIR").ok_or_else(|| Error::other("OUT_DIR is not set"))?;
    for (sample, files) in FILES {
        for file in *files {
            let path = Path::new("sample_models").join(sample).join(format!("{file}.safetensors"));
            let bytes = std::fs::read(&path).map_err(|error| {
                Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
            let mut packed = (bytes.len() as u64).to_le_bytes().to_vec();
            let mut encoder = ZlibEncoder::new(&mut packed, Compression::best());
            encoder.write_all(&bytes)?;
            encoder.finish()?;
            std::fs::write(Path::new(&folder).join(format!("{sample}.{file}.z")), packed)?;
        }
    }
    Ok(())
}
