//! The A1 notation: `'4.20.1'!A8:B`, `template!B1`, `H8:H`, or a tab's name alone.

/// Cells of a tab. Rows and columns count from 0; ends are exclusive, and absent where the range is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    /// The tab's name; the first tab when absent.
    pub(super) sheet: Option<String>,
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) row_end: Option<usize>,
    pub(super) column_end: Option<usize>,
    /// A single cell, into which a larger block may be written.
    single: bool,
}

impl Range {
    /// Parses; a text without `!` that names a tab (by `is_tab`) is that whole tab.
    pub(super) fn parse(text: &str, is_tab: impl Fn(&str) -> bool) -> Option<Self> {
        let whole = |sheet: Option<String>| Self {
            sheet,
            row: 0,
            column: 0,
            row_end: None,
            column_end: None,
            single: false,
        };
        let unquoted = |name: &str| match name.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')) {
            Some(inner) => inner.replace("''", "'"),
            None => name.to_owned(),
        };
        let (sheet, cells) = match text.rsplit_once('!') {
            Some((sheet, cells)) => (Some(unquoted(sheet)), cells),
            None if is_tab(&unquoted(text)) => return Some(whole(Some(unquoted(text)))),
            None => (None, text),
        };
        let (from, to) = cells.split_once(':').map_or((cells, None), |(from, to)| (from, Some(to)));
        let (column, row) = corner(from)?;
        let mut range = whole(sheet);
        (range.column, range.row) = (column.unwrap_or(0), row.unwrap_or(0));
        match to {
            None => {
                (range.row_end, range.column_end) = (Some(row? + 1), Some(column? + 1));
                range.single = true;
            }
            Some(to) => {
                let (column, row) = corner(to)?;
                (range.row_end, range.column_end) = (row.map(|row| row + 1), column.map(|column| column + 1));
            }
        }
        let ordered = range.row_end.is_none_or(|end| end > range.row)
            && range.column_end.is_none_or(|end| end > range.column);
        ordered.then_some(range)
    }

    /// A closed block.
    pub(super) fn block(row: usize, column: usize, rows: usize, columns: usize) -> Self {
        let (row_end, column_end) = (Some(row + rows.max(1)), Some(column + columns.max(1)));
        Self { sheet: None, row, column, row_end, column_end, single: rows <= 1 && columns <= 1 }
    }

    /// Whether a block of that size may be written here.
    pub(super) fn has_room_for(&self, rows: usize, columns: usize) -> bool {
        self.single
            || (self.row_end.is_none_or(|end| self.row + rows <= end)
                && self.column_end.is_none_or(|end| self.column + columns <= end))
    }

    /// As the service writes it back, in a tab of `rows` times `columns`.
    pub(super) fn shown(&self, sheet: &str, rows: usize, columns: usize) -> String {
        let plain = sheet.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !sheet.starts_with(|c: char| c.is_ascii_digit());
        let sheet = if plain { sheet.to_owned() } else { format!("'{}'", sheet.replace('\'', "''")) };
        let from = format!("{}{}", column_name(self.column), self.row + 1);
        let to = format!(
            "{}{}",
            column_name(self.column_end.unwrap_or(columns) - 1),
            self.row_end.unwrap_or(rows)
        );
        if from == to { format!("{sheet}!{from}") } else { format!("{sheet}!{from}:{to}") }
    }
}

/// Column and row of `B8`, `B` or `8`.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let text = text.replace('$', "");
    let letters = text.len() - text.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    let (letters, digits) = text.split_at(letters);
    if text.is_empty() || letters.len() > 3 || digits.len() > 7 || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let column =
        letters.bytes().fold(0, |sum, letter| sum * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1);
    let row = if digits.is_empty() { None } else { Some(digits.parse::<usize>().ok()?.checked_sub(1)?) };
    Some((column.checked_sub(1), row))
}

fn column_name(mut column: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.push(b'A' + u8::try_from(column % 26).unwrap_or_default());
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    name.into_iter().rev().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_back() {
        for (text, shown) in [
            ("'4.20.1'!A1", "'4.20.1'!A1"),
            ("template!b2:C$3", "template!B2:C3"),
            ("'4.20.1'!H8:H", "'4.20.1'!H8:H1000"),
            ("'4.20.1'!A:B", "'4.20.1'!A1:B1000"),
            ("'4.20.1'!AA10", "'4.20.1'!AA10"),
            ("'4.20.1'", "'4.20.1'!A1:Z1000"),
        ] {
            let range = Range::parse(text, |tab| tab == "4.20.1").unwrap();
            let sheet = range.sheet.clone().unwrap();
            assert_eq!(range.shown(&sheet, 1000, 26), shown);
        }
        for bad in ["", "'4.20.1'!", "'4.20.1'!1A", "'4.20.1'!A0", "'4.20.1'!B2:A1", "A", "'4.20.1'!A1:"] {
            assert_eq!(Range::parse(bad, |_| false), None, "{bad}");
        }
    }
}
