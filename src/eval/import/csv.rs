//! Tables of numbers with a column of classes: comma, semicolon, tab or bar between cells, quoted or
//! not, with a first row of names or without.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;

use super::raw::{Column, RawContent, RawSamples, Table};
use super::settings::{HeaderRow, ReadOptions};
use super::{ImportError, Importer, check_size, file_name};
use crate::base::{WorkCtx, shortened};

pub(super) static IMPORTER: Importer =
    Importer { id: "csv", name: "Tables", extensions: &["csv", "tsv"], detect, read };

/// What may stand between two cells.
pub const DELIMITERS: [(char, &str); 4] =
    [(',', "Comma"), (';', "Semicolon"), ('\t', "Tab"), ('|', "Bar")];
const MAX_COLUMNS: usize = 100_000;

fn detect(path: &Path) -> bool {
    let name = file_name(path).to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    path.is_file() && (name.ends_with(".csv") || name.ends_with(".tsv"))
}

fn read(path: &Path, options: &ReadOptions, ctx: &WorkCtx) -> Result<RawSamples, ImportError> {
    let failed = |reason: String| match ctx.check() {
        Err(cancelled) => ImportError::Cancelled(cancelled),
        Ok(()) => ImportError::at(path, reason),
    };
    let delimiter = match options.delimiter {
        Some(delimiter) => delimiter,
        None => guess_delimiter(path).map_err(failed)?,
    };
    let survey = Survey::make(path, delimiter, ctx).map_err(failed)?;
    let has_header = match options.header {
        Some(header) => header == HeaderRow::Names,
        None => survey.looks_like_header(),
    };
    let table = survey.fill(path, has_header, ctx).map_err(failed)?;
    Ok(RawSamples {
        name: file_name(path),
        path: path.to_owned(),
        importer: &IMPORTER,
        parts: Vec::new(),
        part_idx: 0,
        content: RawContent::Table(table),
        skipped: Vec::new(),
        notes: Vec::new(),
    })
}

fn open(path: &Path) -> Result<Box<dyn Read>, String> {
    let file = File::open(path).map_err(|error| crate::base::unreadable(&error))?;
    let is_packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let file = BufReader::new(file);
    Ok(if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// The mark that makes most cells of the first lines, as many in each.
fn guess_delimiter(path: &Path) -> Result<char, String> {
    let mut start = Vec::new();
    open(path)?
        .take(1 << 16)
        .read_to_end(&mut start)
        .map_err(|error| crate::base::unreadable(&error))?;
    let n_cells = |delimiter: char| {
        let byte = u8::try_from(delimiter).unwrap_or(b',');
        let mut reader = ReaderBuilder::new()
            .delimiter(byte)
            .has_headers(false)
            .flexible(true)
            .from_reader(&*start);
        let lens: Vec<usize> =
            reader.byte_records().take(8).flatten().map(|record| record.len()).collect();
        // The last line may be cut.
        let whole = if lens.len() > 1 { &lens[..lens.len() - 1] } else { &lens };
        let first = whole.first().copied().unwrap_or(0);
        (whole.iter().filter(|len| **len == first).count(), first)
    };
    let candidates = DELIMITERS.iter().map(|(delimiter, _)| *delimiter);
    let best = candidates.rev().filter(|d| n_cells(*d).1 > 1).max_by_key(|d| n_cells(*d));
    Ok(best.unwrap_or(','))
}

/// What one walk over the file finds: how many rows, and which columns are text.
struct Survey {
    delimiter: char,
    first: Vec<String>,
    /// Cells below the first row that are no numbers.
    is_text: Vec<bool>,
    n_records: usize,
}

type Records<'a> = Box<dyn FnMut(u64, &ByteRecord) -> Result<(), String> + 'a>;

impl Survey {
    fn make(path: &Path, delimiter: char, ctx: &WorkCtx) -> Result<Self, String> {
        let mut survey = Self { delimiter, first: Vec::new(), is_text: Vec::new(), n_records: 0 };
        let each: Records = Box::new(|line, record| {
            if survey.n_records == 0 {
                survey.first = record.iter().map(text).collect();
                survey.is_text = vec![false; record.len()];
                if record.len() > MAX_COLUMNS {
                    return Err(format!(
                        "it has {} columns, at most {MAX_COLUMNS} are read; save it as .npz",
                        record.len()
                    ));
                }
            } else {
                if record.len() != survey.first.len() {
                    return Err(format!(
                        "line {line} has {} cells, the first has {}; make all lines the same or choose another delimiter",
                        record.len(),
                        survey.first.len()
                    ));
                }
                for (cell, is_text) in record.iter().zip(&mut survey.is_text) {
                    *is_text |=
                        !*is_text && !cell.trim_ascii().is_empty() && number(cell).is_none();
                }
            }
            survey.n_records += 1;
            Ok(())
        });
        walk(path, delimiter, ctx, each)?;
        if survey.n_records == 0 {
            return Err("it holds no rows; expected one row a sample".to_owned());
        }
        Ok(survey)
    }

    /// A first row is one of names when some cell is no number and those below are, or when none
    /// is a number and one is named as a column of classes is.
    fn looks_like_header(&self) -> bool {
        let is_number = |cell: &String| number(cell.as_bytes()).is_some();
        let differs = |(cell, is_text): (&String, &bool)| !is_number(cell) && !is_text;
        self.n_records > 1
            && (self.first.iter().zip(&self.is_text).any(differs)
                || (!self.first.iter().any(is_number)
                    && self.first.iter().any(|cell| super::guess::is_label_name(cell))))
    }

    fn fill(self, path: &Path, has_header: bool, ctx: &WorkCtx) -> Result<Table, String> {
        let n_rows = self.n_records - usize::from(has_header);
        if n_rows == 0 {
            return Err(
                "it holds a row of names and nothing below; expected one row a sample".to_owned()
            );
        }
        let n_columns = self.first.len();
        check_size(n_rows as u64 * n_columns as u64, 4)?;
        let mut is_text = self.is_text;
        if !has_header {
            for (cell, is_text) in self.first.iter().zip(&mut is_text) {
                *is_text |= number(cell.as_bytes()).is_none() && !cell.trim().is_empty();
            }
        }
        let names: Vec<String> = (0..n_columns)
            .map(|idx| match self.first.get(idx).map(|cell| cell.trim()) {
                Some(name) if has_header && !name.is_empty() => name.to_owned(),
                _ => format!("column {}", idx + 1),
            })
            .collect();
        let mut columns: Vec<Column> = is_text
            .iter()
            .map(|is_text| match is_text {
                true => Column::Texts(Vec::with_capacity(n_rows)),
                false => Column::Numbers(Vec::with_capacity(n_rows)),
            })
            .collect();
        let mut n_seen = 0;
        let each: Records = Box::new(|line, record| {
            n_seen += 1;
            if has_header && n_seen == 1 {
                return Ok(());
            }
            for ((cell, column), name) in record.iter().zip(&mut columns).zip(&names) {
                match column {
                    Column::Texts(texts) => texts.push(text(cell).trim().to_owned()),
                    Column::Numbers(numbers) => match number(cell).filter(|x| x.is_finite()) {
                        Some(number) => numbers.push(number),
                        None => {
                            let found = match text(cell).trim() {
                                "" => "is empty".to_owned(),
                                found => format!("holds {}", shortened(found.to_owned())),
                            };
                            return Err(format!(
                                "line {line}, column {name:?} {found}, expected a finite number; fill it in or remove the line"
                            ));
                        }
                    },
                }
            }
            Ok(())
        });
        walk(path, self.delimiter, ctx, each)?;
        Ok(Table { names, columns, n_rows, has_header, delimiter: self.delimiter })
    }
}

/// Calls `each` with the line and cells of every row.
fn walk(path: &Path, delimiter: char, ctx: &WorkCtx, mut each: Records) -> Result<(), String> {
    let mut reader = ReaderBuilder::new()
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .has_headers(false)
        .flexible(true)
        .from_reader(open(path)?);
    let mut record = ByteRecord::new();
    let mut n_seen = 0u64;
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| format!("it cannot be read as a table: {error}"))?
    {
        if n_seen.is_multiple_of(256) {
            ctx.check().map_err(|cancelled| cancelled.to_string())?;
        }
        n_seen += 1;
        let line = record.position().map_or(n_seen, csv::Position::line);
        each(line, &record)?;
    }
    Ok(())
}

fn number(cell: &[u8]) -> Option<f32> {
    std::str::from_utf8(cell).ok()?.trim().trim_start_matches('\u{feff}').parse().ok()
}

fn text(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').to_owned()
}
