//! The arrangement of the house: which module may use which, how long a file may be, and that every
//! file stands in its table.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// From left to right; a module may use those of earlier groups, not its siblings.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["tensor"],
    &["codec"],
    &["model"],
    &["formats", "quant", "exec", "chart"],
    &["eval"],
    &["session"],
    &["ui"],
    &["cli"],
];
const MAX_LINES: usize = 600;

/// `codec` decodes element types, which `tensor` names; everything else follows the list.
fn place(module: &str) -> Option<usize> {
    LAYERS.iter().position(|group| group.contains(&module))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules a file names after `crate::`.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (start, _) in line.match_indices("crate::") {
            let rest = &line[start + "crate::".len()..];
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            used.insert(name);
        }
    }
    used
}

#[test]
fn modules_use_only_what_is_left_of_them() {
    let mut wrong = Vec::new();
    for file in rust_files(&source()) {
        let relative = file.strip_prefix(source()).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let Some(own) = place(module) else { continue };
        for used in used_modules(&std::fs::read_to_string(&file).unwrap()) {
            let Some(other) = place(&used) else { continue };
            if used != module && other >= own {
                wrong.push(format!("{}: uses {used}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_its_place() {
    let listed: BTreeSet<&str> = LAYERS.iter().flat_map(|group| group.iter().copied()).collect();
    let found: BTreeSet<String> = std::fs::read_dir(source())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);
}

#[test]
fn only_the_window_knows_egui() {
    for file in rust_files(&source()) {
        let relative = file.strip_prefix(source()).unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let is_window = relative.starts_with("ui") || relative.ends_with("cli/screenshot.rs");
        let names_egui = text.lines().any(|line| line.contains("egui::") && !line.contains("//"));
        assert!(is_window || !names_egui, "{} knows egui", relative.display());
    }
}

#[test]
fn files_are_short() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = rust_files(&source());
    files.extend(rust_files(&tests));
    for file in files {
        let n_lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(n_lines <= MAX_LINES, "{} has {n_lines} lines", file.display());
    }
}

/// A folder whose files are entries of a table, and the files that are not.
const TABLES: &[(&str, &[&str], &str)] = &[
    ("quant/schemes", &["common"], "quant/schemes/mod.rs"),
    ("ui/panels", &[], "ui/panel.rs"),
    (
        "eval/import",
        // What becomes of raw samples, whatever they were read from.
        &["build", "classes", "guess", "npy", "picture", "prepare", "raw", "settings", "target"],
        "eval/import/mod.rs",
    ),
    (
        "exec/ops",
        // Shared by several families of operators.
        &[
            "attribute",
            "broadcast",
            "conv_depthwise",
            "conv_gemm",
            "dense",
            "elementwise",
            "lanes",
            "lanes_conv",
            "lanes_simd",
            "matrix",
            "resize_grid",
            "strided",
            "transcendental",
            "window",
        ],
        "exec/ops/mod.rs",
    ),
    (
        "formats",
        // Not a format of its own.
        &[
            "export",
            "graph_json",
            "graph_json_write",
            "known",
            "onnx_tensor",
            "packed_form",
            "source",
        ],
        "formats/mod.rs",
    ),
];

#[test]
fn every_file_stands_in_its_table() {
    for (folder, exempt, table) in TABLES {
        let text = std::fs::read_to_string(source().join(table)).unwrap();
        let entries = &text[text.find("static ").unwrap()..];
        // A file of the folder, or a folder in it.
        for entry in std::fs::read_dir(source().join(folder)).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap();
            if name != "mod" && !exempt.contains(&name) {
                let named = entries.contains(&format!("{name}::"));
                assert!(named, "{folder}/{name}.rs does not stand in the table of {table}");
            }
        }
        for name in *exempt {
            let file = source().join(folder).join(format!("{name}.rs"));
            assert!(file.is_file(), "{folder}/{name}.rs is exempt and does not exist");
        }
    }
}
