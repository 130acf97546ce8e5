//! What a panel shows as rows and columns, to be copied or saved.

use super::export::csv;

/// Cells as text under column names: numbers plain, so that other programs read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Comma-separated.
    pub fn to_csv(&self) -> String {
        csv(&self.header, self.rows.iter().cloned())
    }
}
