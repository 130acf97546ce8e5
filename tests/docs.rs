//! The documents say what there is.
#![allow(clippy::unwrap_used)]

mod support;

use quantscope::exec::ops::OPERATORS;
use quantscope::quant::schemes::SCHEMES;

fn text(path: &str) -> String {
    std::fs::read_to_string(support::project(path)).unwrap()
}

#[test]
fn the_operator_list_is_the_table() {
    let page = text("ARCHITECTURE.md");
    let section = page.split("## Operators").nth(1).unwrap().split("## Tests").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.contains(".rs` |")).collect();
    let listed: Vec<String> = rows
        .iter()
        .flat_map(|row| row.split('|').nth(3).unwrap().split(','))
        .map(|name| name.trim().to_owned())
        .collect();
    let wanted: Vec<String> = OPERATORS
        .iter()
        .flat_map(|family| family.iter())
        .map(|entry| match entry.opsets {
            (7, 23) => entry.op.to_owned(),
            (first, last) if first == last => format!("{} ({first})", entry.op),
            (first, last) => format!("{} ({first}–{last})", entry.op),
        })
        .collect();
    assert_eq!(listed, wanted);
}

#[test]
fn every_module_stands_in_the_architecture() {
    let page = text("ARCHITECTURE.md");
    for entry in std::fs::read_dir(support::project("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(page.contains(&format!("`{name}`")), "{name} is not described");
        }
    }
}

#[test]
fn links_and_pictures_are_there() {
    for page in ["README.md", "ARCHITECTURE.md", "benches/README.md", "sample_models/README.md"] {
        let folder = support::project(page).parent().unwrap().to_owned();
        let text = text(page);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|t| !t.starts_with("http") && !t.starts_with('#')) {
            assert!(folder.join(target).exists(), "{page}: {target} is not there");
        }
    }
}

#[test]
fn every_dependency_earns_its_line() {
    let manifest = text("Cargo.toml");
    let page = text("ARCHITECTURE.md");
    let names = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .take_while(|line| !line.starts_with("[profile"))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} has no line in ARCHITECTURE.md");
    }
}

/// Specifications in the README's text are ones that are understood.
#[test]
fn specifications_in_the_readme_parse() {
    let readme = text("README.md");
    let specs = readme.split('`').filter(|part| part.starts_with("int:") || *part == "int4");
    let specs: Vec<&str> = specs.collect();
    assert!(specs.len() >= 3);
    for spec in specs {
        assert!(spec.parse::<quantscope::quant::SchemeChoice>().is_ok(), "{spec}");
    }
    assert!(SCHEMES.len() >= 2);
}
