//! Reports: every figure is the one that the other commands print, the page stands alone whatever the
//! files say, and what could not be measured is said.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use quantscope::base::{fixed, percent, significant};
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Value as Json, json};
use support::{FileBuilder, dense_model, dense_samples, graph, node, write};

fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_quantscope"));
    program.current_dir(folder).args(arguments).output().unwrap()
}

fn stdout_json(folder: &Path, arguments: &[&str]) -> Json {
    let output = run_in(folder, arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    let mut json: Json = serde_json::from_slice(&output.stdout).unwrap();
    if let Some(object) = json.as_object_mut() {
        object.remove("seconds");
    }
    json
}

/// The page that those arguments make, and what was told beside.
fn report(folder: &Path, arguments: &[&str]) -> (String, String) {
    let whole: Vec<&str> =
        ["report"].iter().chain(arguments).chain(&["-o", "r.html", "--force"]).copied().collect();
    let output = run_in(folder, &whole);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    (std::fs::read_to_string(folder.join("r.html")).unwrap(), told)
}

fn parsed(page: &str) -> Document<'_> {
    Document::parse_with_options(page, ParsingOptions { allow_dtd: true, ..Default::default() })
        .unwrap()
}

fn data(page: &Document) -> Json {
    let element = page.descendants().find(|n| n.attribute("id") == Some("quantscope-data"));
    let mut json: Json = serde_json::from_str(element.unwrap().text().unwrap()).unwrap();
    if let Some(eval) = json["eval"].as_object_mut() {
        eval.remove("seconds");
    }
    json
}

/// What a person reads of an element, units on the same line or not.
fn text_of(node: Node) -> String {
    let texts = node.descendants().filter(Node::is_text).filter_map(|n| n.text());
    texts.collect::<String>().replace('\u{a0}', " ")
}

/// What stands in the row of a table that begins with that name.
fn row(page: &Document, name: &str) -> Vec<String> {
    let cells = |row: Node| -> Vec<String> {
        row.children().filter(Node::is_element).map(text_of).collect()
    };
    let rows = page.descendants().filter(|n| n.has_tag_name("tr")).map(cells);
    let mut found = rows.filter(|cells| cells.first().is_some_and(|first| first == name));
    found.next().unwrap_or_else(|| panic!("no row {name:?}"))
}

fn has_text(page: &Document, part: &str) -> bool {
    text_of(page.root_element()).contains(part)
}

#[test]
fn every_figure_is_the_one_that_other_commands_print() {
    let folder = tempfile::tempdir().unwrap();
    let weights = ["--weights", "int4"];
    let with = |command: &'static str| {
        let arguments = [command, "sample:digits", weights[0], weights[1], "--json"];
        stdout_json(folder.path(), &arguments)
    };
    let (eval, error) = (with("eval"), with("error"));
    let (text, told) = report(folder.path(), &["sample:digits", "--weights", "int4"]);
    assert!(told.is_empty(), "{told}");
    let page = parsed(&text);
    let data = data(&page);
    assert_eq!((&data["eval"], &data["error"]), (&eval, &error));
    assert!(data["not_measured"].is_null());

    let number = |json: &Json| json.as_f64().unwrap();
    for layer in error["layers"].as_array().unwrap() {
        let cells = row(&page, layer["name"].as_str().unwrap());
        let wanted = [
            layer["scheme"].as_str().unwrap().to_owned(),
            fixed(number(&layer["bits_per_weight"]), 2),
            fixed(number(&layer["sqnr_db"]), 2),
            significant(number(&layer["mse"]), 4),
            percent(number(&layer["clipped_fraction"]), 2),
        ];
        assert_eq!([2, 3, 5, 6, 7].map(|place: usize| cells[place].clone()), wanted, "{cells:?}");
    }
    assert_eq!(row(&page, "All quantized")[5], fixed(number(&error["total"]["sqnr_db"]), 2));
    let estimate = |key: &str| {
        let [lo, hi] = [0, 1].map(|end| number(&eval[key]["ci95"][end]));
        let value = percent(number(&eval[key]["value"]), 2);
        format!("{value} ({}–{})", fixed(100.0 * lo, 2), percent(hi, 2))
    };
    assert_eq!(row(&page, "Float")[1], estimate("float"));
    assert_eq!(row(&page, "Quantized")[1], estimate("quantized"));
    let difference = fixed(100.0 * number(&eval["difference"]["value"]), 2);
    assert!(row(&page, "Difference")[1].starts_with(&format!("{difference} points")));
    assert_eq!(row(&page, "Broken (only float right)")[1], eval["broken"].to_string());
    assert_eq!(row(&page, "Fixed (only quantized right)")[1], eval["fixed"].to_string());
    assert_eq!(row(&page, "Same answer")[1], percent(number(&eval["agreement"]), 2));
    let kl = significant(number(&eval["kl_mean"]), 4);
    assert_eq!(row(&page, "Mean KL")[1], format!("{kl} nats"));
    assert!(row(&page, "McNemar p")[1].starts_with(&significant(number(&eval["mcnemar_p"]), 3)));
    for class in eval["classes"].as_array().unwrap() {
        let cells = row(&page, class["name"].as_str().unwrap());
        let wanted =
            ["recall_float", "recall_quantized"].map(|key| percent(number(&class[key]), 2));
        assert_eq!([&cells[2], &cells[4]], [&wanted[0], &wanted[1]], "{cells:?}");
    }
}

/// The commands that the page names, with the recipe that it holds, give its figures again.
#[test]
fn the_page_says_how_to_get_its_figures_again() {
    let folder = tempfile::tempdir().unwrap();
    dense_model().write(folder.path(), "my net.safetensors");
    dense_samples().write(folder.path(), "own.safetensors");
    let arguments = [
        "my net.safetensors",
        "--weights",
        "int3",
        "--samples",
        "own.safetensors",
        "--critical",
        "class 1",
        "--limit",
        "3",
    ];
    let (text, _) = report(folder.path(), &arguments);
    let page = parsed(&text);
    let blocks: Vec<String> =
        page.descendants().filter(|n| n.has_tag_name("pre")).map(|pre| text_of(pre)).collect();
    std::fs::write(folder.path().join("recipe.json"), &blocks[1]).unwrap();
    let command = |name: &str| {
        let start = format!("quantscope {name} ");
        let line = blocks[0].lines().find(|line| line.starts_with(&start)).unwrap();
        let words = shell_words(line.strip_prefix("quantscope ").unwrap());
        stdout_json(folder.path(), &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let data = data(&page);
    assert_eq!(command("eval"), data["eval"]);
    assert_eq!(command("error"), data["error"]);
    assert_eq!(data["eval"]["samples"], json!(3));
    assert_eq!(data["eval"]["critical"]["name"], json!("class 1"));
    let sum = data["model"]["files"][0]["sha256"].as_str().unwrap();
    assert!(sum.len() == 64 && has_text(&page, sum));
}

/// Words between spaces, those between single quotes as they are.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (place, part) in line.split('\'').enumerate() {
        if place % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (nth, word) in part.split(' ').enumerate() {
            if nth > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(word);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn a_page_loads_and_runs_nothing_whatever_the_files_say() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "</script><script>alert(1)</script><img src=x>\u{1}&amp;\"'";
    let weight = "w<b>";
    let gemm = node(hostile, "Gemm", &["input", weight, "b"], &["output"], json!({"transB": 1}));
    FileBuilder::new()
        .floats(weight, &[2, 2], &[1.0, -0.5, 0.25, 0.75])
        .floats("b", &[2], &[0.0, 0.1])
        .graph(&graph(&[2], vec![gemm]))
        .metadata("quantscope.card", &json!({"title": hostile, "source": "https://x.example/<a>"}))
        .write(folder.path(), "m.safetensors");
    dense_samples().write(folder.path(), "m.eval.safetensors");
    let (text, _) = report(folder.path(), &["m.safetensors", "--weights", "int2"]);
    for page in [&text, &report(folder.path(), &["sample:tumor", "--weights", "int4"]).0] {
        let page = parsed(page);
        for element in page.descendants().filter(Node::is_element) {
            let name = element.tag_name().name();
            assert!(!["img", "link", "iframe", "object", "a", "b"].contains(&name), "{name}");
            if name == "script" {
                assert_eq!(element.attribute("type"), Some("application/json"));
            }
            if name == "style" {
                let style = element.text().unwrap();
                assert!(!style.contains("url(") && !style.contains("@import"));
            }
            for attribute in element.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                let is_plain = name != "src" && name != "href" && !name.starts_with("on");
                assert!(is_plain && !value.contains("://"), "{name}={value}");
            }
        }
    }
    let page = parsed(&text);
    assert!(has_text(&page, "</script><script>alert(1)"), "it stands there as text");
    assert_eq!(data(&page)["model"]["title"], json!(hostile));
}

#[test]
fn the_critical_class_comes_first_with_its_warning() {
    let folder = tempfile::tempdir().unwrap();
    let (text, _) = report(folder.path(), &["sample:tumor", "--weights", "int4"]);
    let page = parsed(&text);
    let class = |name: &'static str| {
        page.descendants().filter(move |n| n.attribute("class") == Some(name)).map(text_of)
    };
    assert!(class("tile").next().unwrap().contains("Recall of malignant"));
    let warning = class("warning").next().unwrap();
    assert!(warning.contains("malignant") && warning.contains("cannot be ruled out"), "{warning}");
    assert!(class("critical").next().unwrap().starts_with("malignant"));
}

#[test]
fn what_was_not_measured_is_said_and_why() {
    let folder = tempfile::tempdir().unwrap();
    dense_model().write(folder.path(), "net.safetensors");
    let bare = FileBuilder::new().floats("fc.weight", &[2, 2], &[1.0, -0.5, 0.25, 0.75]);
    bare.write(folder.path(), "bare.safetensors");
    dense_samples().write(folder.path(), "bare.eval.safetensors");
    write(folder.path(), "broken.safetensors", &dense_model().bytes());
    write(folder.path(), "broken.eval.safetensors", b"no samples");
    for (model, part) in [
        ("net.safetensors", "no sample set lies beside the model"),
        ("bare.safetensors", "the model has no graph"),
        ("broken.safetensors", "the sample set beside the model cannot be read"),
    ] {
        let (text, told) = report(folder.path(), &[model, "--weights", "int4"]);
        let page = parsed(&text);
        assert!(has_text(&page, part) && told.contains(part), "{model}: {told}");
        let data = data(&page);
        assert!(data["eval"].is_null() && data["samples"].is_null(), "{model}");
        assert!(data["not_measured"].as_str().unwrap().contains(part), "{model}");
        assert_eq!(data["error"]["layers"][0]["scheme"], json!("int:bits=4"));
    }
    let (text, _) = report(folder.path(), &["sample:digits"]);
    let page = parsed(&text);
    assert!(has_text(&page, "No layer is quantized"));
    assert!(data(&page)["eval"]["quantized"].is_null());
}

#[test]
fn files_are_not_written_over_and_rules_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    dense_model().write(folder.path(), "net.safetensors");
    write(folder.path(), "there.html", b"mine");
    let rules = r#"{"quantscope_recipe": 1, "rules": [{"layers": "f*", "scheme": "int5"},
        {"layers": "*.dw", "scheme": "int8"}]}"#;
    write(folder.path(), "rules.json", rules.as_bytes());
    for (output, code, part) in [
        ("there.html", 2, "there.html is there already"),
        ("no/where.html", 4, "no/where.html cannot be written"),
    ] {
        let arguments = ["report", "net.safetensors", "-o", output];
        let done = run_in(folder.path(), &arguments);
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{told}");
        assert!(told.lines().any(|line| line.contains(part)), "{told}");
    }
    assert_eq!(std::fs::read(folder.path().join("there.html")).unwrap(), b"mine");
    let (text, told) = report(folder.path(), &["net.safetensors", "--recipe", "rules.json"]);
    assert!(told.contains("\"*.dw\" matches no layer"), "{told}");
    let page = parsed(&text);
    assert!(has_text(&page, "rule \"*.dw\" matches no layer of the model"));
    assert_eq!(row(&page, "f*")[1..3], ["int:bits=5", "1 layer"]);
    assert_eq!(row(&page, "fc")[2], "int:bits=5");
}

/// The recipe as a file of its own gives the same model, and keeps its rules.
#[test]
fn a_recipe_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let rules = r#"{"quantscope_recipe": 1, "rules": [{"layers": "block*", "scheme": "int5"}]}"#;
    write(folder.path(), "rules.json", rules.as_bytes());
    let export = |more: &[&str]| {
        let start = ["export", "sample:digits", "--format", "recipe", "-o", "out.json"];
        run_in(folder.path(), &start.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let done = export(&["--recipe", "rules.json", "--json"]);
    assert!(done.status.success(), "{done:?}");
    let told: Json = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&told["format"], &told["layers"]), (&json!("recipe"), &json!(6)));
    let error = |recipe| {
        stdout_json(folder.path(), &["error", "sample:digits", "--recipe", recipe, "--json"])
    };
    assert_eq!(error("out.json"), error("rules.json"));
    let text = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    let recipe: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(recipe["rules"][0]["layers"], json!("block*"));
    assert_eq!(recipe["layers"]["fc"], json!("float"));
    assert_eq!(export(&["--weights", "int4"]).status.code(), Some(2), "it is there already");
    assert_eq!(export(&["--force"]).status.code(), Some(2), "nothing to write is named");
    assert!(export(&["--weights", "int4", "--force"]).status.success());
}
