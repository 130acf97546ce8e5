//! A person's own data becomes a sample set: the same from every kind of source, and one clear line
//! where it cannot.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use quantscope::base::WorkCtx;
use quantscope::eval::import::{
    Built, ClassMapping, Colour, Fit, Guess, HeaderRow, IMPORTERS, ImportError, ImportTarget,
    Layout, RawSamples, ReadOptions, Scaling, build, guess, importer_of, prepare, read, save,
};
use quantscope::eval::{SampleSet, Split};
use quantscope::model::ResolvedInput;
use quantscope::tensor::{DType, Value};

fn data(name: &str) -> PathBuf {
    support::project("tests/data/import").join(name)
}

fn target(sample_dims: &[usize]) -> ImportTarget {
    ImportTarget {
        input: ResolvedInput {
            name: "input".to_owned(),
            dtype: DType::F32,
            fixed_batch: None,
            sample_dims: sample_dims.iter().map(|&dim| Some(dim)).collect(),
        },
        classes: None,
        example: None,
    }
}

fn import(
    path: &Path,
    target: &ImportTarget,
    change: impl FnOnce(&mut Guess, &RawSamples),
) -> Result<Built, ImportError> {
    let ctx = WorkCtx::new();
    let raw = read(path, &ReadOptions::default(), &ctx)?;
    let mut guess = guess(&raw, target);
    change(&mut guess, &raw);
    let prepared = prepare(&raw, &guess.settings, target, &ctx)?;
    build(&prepared, &guess.settings, target, &raw.name, &ctx)
}

fn guessed(path: &Path, target: &ImportTarget) -> Built {
    import(path, target, |_, _| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn values(set: &SampleSet, target: &ImportTarget) -> Vec<f32> {
    let feed = set.feed(&target.input).unwrap();
    let all: Vec<usize> = (0..set.len()).collect();
    match set.batch(&feed, &all) {
        Value::F32(batch) => batch.iter().copied().collect(),
        other => panic!("{}", other.type_name()),
    }
}

#[test]
fn the_same_pictures_give_the_same_set() {
    let target = target(&[1, 8, 8]);
    let reference = guessed(&data("pictures"), &target);
    let wanted = values(&reference.set, &target);
    assert_eq!((wanted.len(), reference.range), (6 * 64, (0.0, 1.0)));
    assert_eq!(reference.set.labels.as_deref(), Some([0, 0, 1, 1, 2, 2].as_slice()));
    for name in ["same.npz", "fortran.npz", "named.npz", "t10k-images-idx3-ubyte.gz", "same.csv"] {
        let built = import(&data(name), &target, |guess, _| {
            guess.settings.scaling = Scaling::Unit;
        })
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(values(&built.set, &target), wanted, "{name}");
        assert_eq!(built.set.labels, reference.set.labels, "{name}");
        assert_eq!(built.set.split, Split::Eval, "{name}");
        assert!(built.set.is_image, "{name}");
        assert!(built.bytes.len() < 1200, "{name}: bytes stay bytes, {}", built.bytes.len());
    }
    let named = guessed(&data("named.npz"), &target);
    assert_eq!(named.set.classes.as_deref().unwrap(), ["ant", "bee", "cat"]);
    assert_eq!(named.class_counts[1], ("bee".to_owned(), 2));
}

#[test]
fn a_saved_set_is_the_one_that_was_used() {
    let target = target(&[64]);
    let built = import(&data("same.npz"), &target, |guess, _| {
        guess.settings.scaling = Scaling::Standardized;
        guess.settings.split = Split::Calibration;
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.safetensors");
    save(&built, &path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
    let opened = SampleSet::open(&path).unwrap();
    let found = values(&opened, &target);
    assert_eq!(found, values(&built.set, &target));
    assert_eq!(opened.split, Split::Calibration);
    let mean = found.iter().map(|&x| f64::from(x)).sum::<f64>() / found.len() as f64;
    assert!(mean.abs() < 1e-5, "{mean}");
    let error = save(&built, Path::new("/nowhere/at/all.safetensors")).unwrap_err().to_string();
    assert!(error.contains("/nowhere") && error.contains("choose another place"), "{error}");
}

/// Pillow resizes with the same filter, rounding between the two directions.
#[test]
fn sizes_and_colours_are_those_of_pillow() {
    let target = target(&[1, 8, 8]);
    let as_stored = |path: &Path| {
        let built = import(path, &target, |guess, _| {
            guess.settings.scaling = Scaling::AsStored;
        });
        values(&built.unwrap().set, &target)
    };
    for (found, wanted, tolerance) in
        [("wide.npz", "wide_resized.npy", 1.0), ("colour", "colour_grey.npy", 2.0)]
    {
        let (found, wanted) = (as_stored(&data(found)), as_stored(&data(wanted)));
        assert_eq!(found.len(), wanted.len());
        let worst = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= tolerance, "{worst} beside {tolerance}");
        assert!(found.iter().zip(&wanted).filter(|(a, b)| a != b).count() * 4 < found.len());
    }
}

#[test]
fn settings_change_the_set() {
    let colour = target(&[3, 8, 8]);
    let rgb = guessed(&data("colour"), &colour);
    let bgr = import(&data("colour"), &colour, |guess, _| {
        guess.settings.colour = Colour::Bgr;
    });
    let (rgb, bgr) = (values(&rgb.set, &colour), values(&bgr.unwrap().set, &colour));
    assert_eq!((&rgb[..64], &rgb[64..128]), (&bgr[128..192], &bgr[64..128]));
    // A channels-last network, with numbers for each channel.
    let last = target(&[8, 8, 3]);
    let built = import(&data("colour"), &last, |guess, _| {
        guess.settings.scaling = Scaling::ImageNet;
    });
    let found = values(&built.unwrap().set, &last)[1];
    assert!((found - (rgb[64] - 0.456) / 0.224).abs() < 1e-5, "{found}");
    let wide = target(&[1, 4, 8]);
    for fit in [Fit::Stretch, Fit::CentreCrop, Fit::Pad] {
        let built = import(&data("pictures"), &wide, |guess, _| guess.settings.fit = fit);
        let zeros = values(&built.unwrap().set, &wide).iter().filter(|x| **x == 0.0).count();
        assert_eq!(zeros >= 6 * 16, fit == Fit::Pad, "{fit:?}: {zeros}");
    }
    let limited = import(&data("same.npz"), &target(&[64]), |guess, _| {
        guess.settings.limit = Some(3);
        guess.settings.scaling = Scaling::ByHand { subtract: vec![255.0], divide: vec![-255.0] };
    });
    let limited = limited.unwrap();
    assert_eq!(limited.set.labels.as_deref(), Some([0, 1, 2].as_slice()), "one of each class");
    assert_eq!(limited.range, (0.0, 1.0), "black and white changed places");
    let train = ReadOptions { part_idx: Some(1), ..ReadOptions::default() };
    let raw = read(&data("same.npz"), &train, &WorkCtx::new()).unwrap();
    assert_eq!((raw.parts.as_slice(), raw.len()), (&["x_test".into(), "x_train".into()][..], 2));
    assert_eq!(guess(&raw, &target(&[64])).settings.split, Split::Train);
}

#[test]
fn classes_follow_the_model() {
    let mut target = target(&[1, 8, 8]);
    target.classes = Some(["cat", "ant", "dog", "bee"].map(str::to_owned).to_vec());
    let built = guessed(&data("named.npz"), &target);
    assert_eq!(built.set.labels.as_deref(), Some([1, 1, 3, 3, 0, 0].as_slice()));
    assert_eq!(built.class_counts[2], ("dog".to_owned(), 0));
    let error = import(&data("named.npz"), &target, |guess, _| {
        guess.settings.class_mapping = ClassMapping::Numbers;
    });
    assert!(error.unwrap_err().to_string().contains("\"ant\" is no number"));
}

#[test]
fn tables_of_all_kinds_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let iris = "5.1,3.5,setosa\n4.9,3.0,setosa\n6.3,3.3,\"vir,ginica\"\n";
    let semicolons = "id;a;Class;b\n1;0.5;yes;1\n2;0.25;no;2\n3;-1;no;3\n";
    let tabs = "1\t0.5\t2.5\n0\t0.25\t1\n1\t1.5\t1\n0\t2.5\t1\n";
    let quoted = "\"a\",\"b, c\",\"y\"\r\n\"1\",\"2\",\"0\"\r\n\"3\",\"4\",\"1\"\r\n";
    for (name, text, label_column, labels, header) in [
        ("iris.csv", iris, 2, [0, 0, 1].as_slice(), HeaderRow::Data),
        ("semicolons.csv", semicolons, 2, &[1, 0, 0], HeaderRow::Names),
        ("tabs.tsv", tabs, 0, &[1, 0, 1, 0], HeaderRow::Data),
        ("quoted.csv", quoted, 2, &[0, 1], HeaderRow::Names),
    ] {
        let path = support::write(folder.path(), name, text.as_bytes());
        let built = import(&path, &target(&[2]), |guess, _| {
            assert_eq!(guess.settings.label_column, Some(label_column), "{name}");
            assert_eq!(guess.settings.read.header, Some(header), "{name}");
            assert_eq!(guess.reasons.len(), 8, "{name}: {:?}", guess.reasons);
        });
        let built = built.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(built.set.labels.as_deref(), Some(labels), "{name}");
        assert_eq!(built.preview.picture, None, "{name}");
    }
}

/// Each source that is broken, and words of the line that says so.
#[test]
fn broken_sources_say_what_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| support::write(folder.path(), name, bytes);
    let empty = folder.path().join("empty");
    fs::create_dir_all(empty.join("cats")).unwrap();
    let undecodable = folder.path().join("undecodable/cats");
    fs::create_dir_all(&undecodable).unwrap();
    support::write(&undecodable, "a.png", b"no picture");
    let same = fs::read(data("same.npz")).unwrap();
    let idx = |dims: [u32; 3], n: usize| {
        let mut bytes = vec![0, 0, 8, 3];
        bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
        bytes.extend(vec![7; n]);
        bytes
    };
    let npy = |descr: &str, shape: &str, values: &[u8]| {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(values);
        bytes
    };
    let nan: Vec<u8> = [1.0f32, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
    for (path, words) in [
        (folder.path().join("nothing"), ["no such file", "check the path"]),
        (empty, ["holds no pictures", "sub-folder"]),
        (folder.path().join("undecodable"), ["cats/a.png", "png or jpeg"]),
        (at("cut.npz", &same[..same.len() / 2]), ["cut.npz", "numpy.savez"]),
        (at("text.npz", b"not an archive"), ["text.npz", "save it again"]),
        (at("huge.npy", &npy("<f4", "(4000000000, 4000000000)", &[])), ["huge.npy", "at most"]),
        (at("short.npy", &npy("<f4", "(2, 2)", &[0; 12])), ["short.npy", "save it again"]),
        (at("nan.npy", &npy("<f4", "(1, 2)", &nan)), ["sample 0 holds NaN", "nan_to_num"]),
        (at("object.npy", &npy("|O", "(1, 2)", &nan)), ["Python objects", "astype"]),
        (at("ragged.csv", b"1,2,3\n4,5\n"), ["line 2", "delimiter"]),
        (at("empty.csv", b"\n"), ["no rows", "one row a sample"]),
        (at("gap.csv", b"a,b,y\n1,,0\n1,2,1\n"), ["line 2, column \"b\" is empty", "remove"]),
        (at("nan.csv", b"a,b,y\n1,nan,0\n1,2,1\n"), ["holds nan", "finite"]),
        (at("a-images-idx3-ubyte", &idx([2, 8, 8], 100)), ["has 100", "truncated"]),
        (at("b-images-idx3-ubyte", &idx([u32::MAX, 8, 8], 9)), ["b-images", "fewer samples"]),
        (at("notes.txt", b"hello"), ["notes.txt", "folder of pictures"]),
    ] {
        let error = import(&path, &target(&[1, 8, 8]), |_, _| {}).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{}: {error:?} lacks {word:?}", path.display());
        }
        assert!(!error.contains('\n'));
    }
}

/// Whole sources with settings or a model that do not fit them.
#[test]
fn what_does_not_fit_says_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut ten = target(&[1, 8, 8]);
    ten.classes = Some(vec!["0".to_owned(), "1".to_owned()]);
    let text = "a,b,c,y\n1,red,3,0\n2,red,3,1\n";
    let table = support::write(folder.path(), "text.csv", text.as_bytes());
    let half = support::write(folder.path(), "half.csv", b"a,b,y\n1,2,0.5\n1,2,1\n");
    let no_pictures = target(&[7]);
    for (path, target, words) in [
        (data("same.npz"), &ten, ["label 2, expected 0 to 1", "labels"]),
        (data("pictures"), &no_pictures, ["no pictures", "table"]),
        (data("same.npz"), &no_pictures, ["64 numbers", "takes 7"]),
        (table, &target(&[2]), ["column \"b\" holds text such as \"red\"", "leave it out"]),
        (half, &target(&[2]), ["label of row 0 is 0.5", "another label column"]),
    ] {
        let error = import(&path, target, |_, _| {}).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{}: {error:?} lacks {word:?}", path.display());
        }
    }
    let unfit = |change: fn(&mut Guess, &RawSamples)| {
        import(&data("same.npz"), &target(&[1, 8, 8]), change).unwrap_err().to_string()
    };
    for (change, word) in [
        ((|g, _| g.settings.layout = Layout::ChannelsLast) as fn(&mut Guess, &RawSamples), "8×8"),
        (|g, _| g.settings.colour = Colour::Rgb, "choose Grey"),
        (|g, _| g.settings.scaling = Scaling::ImageNet, "three channels"),
        (
            |g, _| {
                g.settings.scaling = Scaling::ByHand { subtract: vec![0.0], divide: vec![0.0] };
            },
            "zero",
        ),
    ] {
        assert!(unfit(change).contains(word), "{}", unfit(change));
    }
}

#[test]
fn a_picture_that_cannot_be_decoded_is_skipped_and_named() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        fs::copy(data("pictures/0/0.png"), folder.path().join(class).join("good.png")).unwrap();
    }
    let png = fs::read(data("pictures/0/0.png")).unwrap();
    support::write(&folder.path().join("b"), "cut.png", &png[..png.len() / 2]);
    support::write(&folder.path().join("b"), "empty.jpg", b"");
    support::write(folder.path(), "loose.png", &png);
    let built = guessed(folder.path(), &target(&[1, 8, 8]));
    assert_eq!(built.set.labels.as_deref(), Some([0, 1].as_slice()));
    let skipped: Vec<&str> = built.skipped.iter().map(|skipped| skipped.what.as_str()).collect();
    for name in ["cut.png", "empty.jpg", "loose.png"] {
        assert!(skipped.iter().any(|what| what.ends_with(name)), "{name}: {skipped:?}");
    }
}

#[test]
fn each_source_finds_its_importer() {
    for (name, id) in [
        ("pictures", "images"),
        ("same.npz", "npz"),
        ("wide_resized.npy", "npz"),
        ("same.csv", "csv"),
        ("t10k-images-idx3-ubyte.gz", "idx"),
        ("t10k-labels-idx1-ubyte.gz", "idx"),
    ] {
        assert_eq!(importer_of(&data(name)).map(|importer| importer.id), Some(id), "{name}");
    }
    let labels = guessed(&data("t10k-labels-idx1-ubyte.gz"), &target(&[64]));
    assert_eq!(labels.set.len(), 6, "the labels' file stands for the pair");
    assert!(importer_of(&support::project("sample_models/digits/model.onnx")).is_none());
    assert_eq!(IMPORTERS.len(), 4);
}
