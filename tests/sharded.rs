//! Models in several safetensors files with an index.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use quantscope::formats::open_model;
use serde_json::{Value as Json, json};
use support::{FileBuilder, write};

const FIRST: &str = "model-00001-of-00002.safetensors";
const SECOND: &str = "model-00002-of-00002.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Two files of one tensor each.
fn parts(folder: &Path) {
    FileBuilder::new().floats("a", &[2, 2], &[1.0; 4]).write(folder, FIRST);
    FileBuilder::new().floats("b", &[3], &[2.0; 3]).write(folder, SECOND);
}

fn index(folder: &Path, weight_map: &Json) -> PathBuf {
    let index = json!({"metadata": {"total_size": 28}, "weight_map": weight_map});
    write(folder, INDEX, index.to_string().as_bytes())
}

#[test]
fn the_index_or_the_folder_opens_all() {
    let folder = tempfile::tempdir().unwrap();
    parts(folder.path());
    let index = index(folder.path(), &json!({"b": SECOND, "a": FIRST}));
    for path in [index.as_path(), folder.path()] {
        let model = open_model(path).unwrap();
        assert_eq!(model.store.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(model.store.tensor("b").unwrap().as_slice(), Some(&[2.0f32; 3][..]));
        assert_eq!(model.files.len(), 3, "both files and the index");
        assert_eq!(model.metadata, [("total_size".to_owned(), "28".to_owned())]);
        assert!(model.warnings.is_empty());
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(model.title, name, "a model called model has its folder's name");
    }
    let part = open_model(&folder.path().join(SECOND)).unwrap();
    assert!(part.warnings[0].contains("part 2 of 2"), "{:?}", part.warnings);
    assert!(part.warnings[0].contains(INDEX), "{:?}", part.warnings);
}

#[test]
fn an_index_that_does_not_hold_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    parts(folder.path());
    let twice = FileBuilder::new().floats("a", &[1], &[0.0]).floats("x", &[1], &[0.0]);
    twice.write(folder.path(), "again.safetensors");
    for (name, weight_map, wanted) in [
        ("missing file", json!({"c": "gone.safetensors"}), vec!["gone.safetensors", "\"c\""]),
        ("absent tensor", json!({"c": FIRST}), vec![FIRST, "\"c\"", "fetch both again"]),
        ("outside", json!({"c": "../c.safetensors"}), vec!["\"c\"", "../c.safetensors"]),
        ("absolute", json!({"c": "/etc/passwd"}), vec!["\"c\"", "/etc/passwd"]),
        ("twice", json!({"a": FIRST, "x": "again.safetensors"}), vec![FIRST, "\"a\"", "twice"]),
        ("no map of texts", json!({"a": 1}), vec!["the index is broken"]),
        ("nothing", json!({}), vec!["names no tensor"]),
        ("itself", json!({"a": INDEX}), vec![INDEX]),
    ] {
        let path = index(folder.path(), &weight_map);
        let program = env!("CARGO_BIN_EXE_quantscope");
        let output = Command::new(program).arg("inspect").arg(&path).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{name}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{name}: {text}");
        for part in wanted {
            assert!(text.contains(part), "{name}: {part:?} is not in {text}");
        }
    }
}
