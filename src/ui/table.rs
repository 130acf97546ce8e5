//! What a panel shows as rows and columns, to be copied or saved.

/// Cells as text under column names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Comma-separated, quoted as RFC 4180 says.
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        // Writing into memory does not fail, and rows are as long as the header.
        let _ = writer.write_record(&self.header);
        for row in &self.rows {
            let _ = writer.write_record(row);
        }
        writer
            .into_inner()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_quotes_are_quoted() {
        let mut table = Table::new(&["layer", "note"]);
        table.rows.push(vec!["a,b".to_owned(), "say \"x\"".to_owned()]);
        assert_eq!(table.to_csv(), "layer,note\n\"a,b\",\"say \"\"x\"\"\"\n");
    }
}
