//! From labels as stored to numbers of classes.

use std::cmp::Ordering;

use super::ImportError;
use super::raw::RawLabels;
use super::settings::ClassMapping;

/// Numbers that large are no classes.
const MAX_CLASSES: usize = 100_000;
/// So many names are made up for classes that have none.
const MAX_MADE_NAMES: usize = 1000;

/// The class of each sample and the names of the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Classes {
    pub labels: Vec<usize>,
    pub names: Option<Vec<String>>,
}

/// Maps labels; `None` where there are none.
///
/// # Errors
/// A label that the mapping or the model has no class for.
pub(super) fn map_labels(
    labels: &RawLabels,
    mapping: ClassMapping,
    model: Option<&[String]>,
) -> Result<Option<Classes>, ImportError> {
    let texts: Vec<String> = match labels {
        RawLabels::None => return Ok(None),
        RawLabels::Names(names) => names.clone(),
        RawLabels::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
    };
    if let Some(idx) = texts.iter().position(|text| text.trim().is_empty()) {
        return Err(ImportError::Unfit(format!(
            "sample {idx} has an empty label; fill it in or remove the sample"
        )));
    }
    let classes = match mapping {
        ClassMapping::ModelNames => by_name(&texts, model)?,
        ClassMapping::Numbers => by_number(&texts, 0, model)?,
        ClassMapping::NumbersFromOne => by_number(&texts, 1, model)?,
        ClassMapping::Sorted => in_order(&texts, model)?,
    };
    Ok(Some(classes))
}

fn by_name(texts: &[String], model: Option<&[String]>) -> Result<Classes, ImportError> {
    let model = model.ok_or_else(|| {
        ImportError::Unfit(
            "the model does not name its classes; choose names in order or numbers".to_owned(),
        )
    })?;
    let found = |text: &str| model.iter().position(|name| same_name(name, text));
    let labels = texts
        .iter()
        .map(|text| {
            found(text).ok_or_else(|| {
                ImportError::Unfit(format!(
                    "class {text:?} is none of the model's ({}); rename it or choose another order of classes",
                    some_names(model)
                ))
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Classes { labels, names: Some(model.to_vec()) })
}

fn by_number(
    texts: &[String],
    first: i64,
    model: Option<&[String]>,
) -> Result<Classes, ImportError> {
    let n_classes = model.map_or(MAX_CLASSES, <[String]>::len);
    let labels = texts
        .iter()
        .enumerate()
        .map(|(sample_idx, text)| {
            let number: i64 = text.trim().parse().map_err(|_| {
                ImportError::Unfit(format!(
                    "class {text:?} is no number; choose the model's names or names in order"
                ))
            })?;
            usize::try_from(number - first).ok().filter(|idx| *idx < n_classes).ok_or_else(|| {
                ImportError::Unfit(format!(
                    "sample {sample_idx} has label {number}, expected {first} to {}; choose another order of classes or mend the labels",
                    n_classes as i64 - 1 + first
                ))
            })
        })
        .collect::<Result<Vec<usize>, ImportError>>()?;
    let n_found = labels.iter().max().map_or(0, |max| max + 1);
    let made = || {
        (n_found <= MAX_MADE_NAMES)
            .then(|| (first..first + n_found as i64).map(|number| number.to_string()).collect())
    };
    Ok(Classes { labels, names: model.map(<[String]>::to_vec).or_else(made) })
}

fn in_order(texts: &[String], model: Option<&[String]>) -> Result<Classes, ImportError> {
    let mut names: Vec<String> = texts.to_vec();
    names.sort_by(|a, b| natural_order(a, b));
    names.dedup();
    let limit = model.map_or(MAX_CLASSES, <[String]>::len);
    if names.len() > limit {
        return Err(ImportError::Unfit(format!(
            "there are {} classes, the model has {limit}; choose another label column or a model with as many classes",
            names.len()
        )));
    }
    let place = |text: &String| names.binary_search_by(|name| natural_order(name, text)).ok();
    let labels = texts.iter().filter_map(place).collect();
    Ok(Classes { labels, names: Some(names) })
}

/// Whether two names are the same but for case, spaces and underscores.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let bare = |name: &str| name.trim().to_lowercase().replace(['_', '-'], " ");
    bare(a) == bare(b)
}

fn some_names(names: &[String]) -> String {
    let more = if names.len() > 6 { ", …" } else { "" };
    format!("{}{more}", names.iter().take(6).cloned().collect::<Vec<_>>().join(", "))
}

/// Names in order, runs of digits by their value: 2 before 10.
fn natural_order(a: &str, b: &str) -> Ordering {
    let by_parts = parts(a).cmp(&parts(b));
    by_parts.then_with(|| a.cmp(b))
}

fn parts(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let start = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, digits) = rest.split_at(start);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (number, after) = digits.split_at(end);
        parts.push((text.to_owned(), number.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> RawLabels {
        RawLabels::Names(list.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn labels_become_classes() {
        let model = ["frog".to_owned(), "traffic light".to_owned()];
        let map = |labels: &RawLabels, mapping| map_labels(labels, mapping, Some(&model));
        let found = map(&names(&["Traffic_Light", "frog"]), ClassMapping::ModelNames).unwrap();
        assert_eq!(found.unwrap().labels, [1, 0]);
        let error = map(&names(&["toad"]), ClassMapping::ModelNames).unwrap_err().to_string();
        assert!(error.contains("\"toad\"") && error.contains("frog"), "{error}");
        let numbers = RawLabels::Numbers(vec![2, 1]);
        assert_eq!(map(&numbers, ClassMapping::NumbersFromOne).unwrap().unwrap().labels, [1, 0]);
        let error = map(&numbers, ClassMapping::Numbers).unwrap_err().to_string();
        assert!(error.contains("label 2, expected 0 to 1"), "{error}");
        assert!(map(&names(&["a", "b", "c"]), ClassMapping::Sorted).is_err());
        assert!(map(&names(&["a", ""]), ClassMapping::Sorted).is_err());
        assert!(map(&names(&["a"]), ClassMapping::Numbers).is_err());
        assert_eq!(map(&RawLabels::None, ClassMapping::Sorted).unwrap(), None);
    }

    #[test]
    fn digits_in_names_sort_by_value() {
        let found = map_labels(&names(&["n10", "n2", "a"]), ClassMapping::Sorted, None).unwrap();
        assert_eq!(found.unwrap().names.unwrap(), ["a", "n2", "n10"]);
    }
}
