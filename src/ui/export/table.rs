//! Tables as comma-separated values, quoted as in RFC 4180, lines ended by a line feed.

/// A header and rows as one text; fields with commas, quotes or line ends are quoted.
///
/// Fields are written as they are: give numbers with a plain minus and a point, and without units
/// or spaces, so that other programs read them.
pub fn csv<R, F>(header: &[&str], rows: R) -> String
where
    R: IntoIterator<Item = Vec<F>>,
    F: AsRef<str>,
{
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    // Writing to memory does not fail, and rows may differ in length.
    let _ = writer.write_record(header);
    for row in rows {
        let _ = writer.write_record(row.iter().map(AsRef::as_ref));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let rows =
            vec![vec!["conv, first", "4"], vec!["say \"x\"", "-1.5"], vec!["two\nlines", ""]];
        let text = csv(&["layer", "bits"], rows);
        assert_eq!(
            text,
            "layer,bits\n\"conv, first\",4\n\"say \"\"x\"\"\",-1.5\n\"two\nlines\",\n"
        );
        assert_eq!(csv(&["a"], Vec::<Vec<String>>::new()), "a\n");
    }
}
