//! A history as a table: a row a line, with commas, semicolons or tabs between the values; values in quotation marks may
//! hold those, line ends and, doubled, quotation marks (RFC 4180).

use super::rows::{Collected, Field, Row, Written, Wrong};

/// Reads a table whose first line names the fields.
pub(super) fn read(text: &str) -> Result<Collected, Wrong> {
    let mut table = Table { rest: text, line: 1, separator: separator(text) };
    let mut header = Vec::new();
    table.record(&mut header)?;
    if !header.iter().any(|name| Field::named(name) == Some(Field::Name)) {
        let names = header.join(", ");
        let why = format!("has the columns {names}; one called `name` is expected, and `passes` and `runs`");
        return Err(Wrong { line: Some(1), why });
    }
    let mut collected = Collected::default();
    let mut values = Vec::new();
    loop {
        values.clear();
        let Some(line) = table.record(&mut values)? else { return Ok(collected) };
        let wrong = |why: String| Wrong { line: Some(line), why };
        collected.line = Some(line);
        if values == [""] {
            continue;
        }
        if values.len() != header.len() {
            return Err(wrong(format!("has {} values, where {} are expected", values.len(), header.len())));
        }
        let mut row = Row::default();
        for (called, value) in header.iter().zip(&values) {
            // An empty place in a table is no value.
            let value = value.trim();
            if !value.is_empty() || Field::named(called) == Some(Field::Name) {
                row.take(called, Written::Text(value)).map_err(wrong)?;
            }
        }
        collected.add(&row).map_err(wrong)?;
    }
}

/// What stands between the names of the columns most often.
fn separator(text: &str) -> char {
    let header = text.lines().next().unwrap_or_default();
    let count = |separator: &char| header.matches(*separator).count();
    // Of as many the last counts, so that a comma does.
    ['\t', ';', ','].into_iter().max_by_key(count).unwrap_or(',')
}

struct Table<'a> {
    rest: &'a str,
    line: u64,
    separator: char,
}

impl Table<'_> {
    /// Takes the values of the next record; its first line, or none at the end.
    fn record(&mut self, values: &mut Vec<String>) -> Result<Option<u64>, Wrong> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        loop {
            let value = if self.rest.starts_with('"') { self.quoted()? } else { self.bare() };
            values.push(value);
            let ending = self.rest.chars().next();
            self.rest = ending.map_or("", |ending| &self.rest[ending.len_utf8()..]);
            match ending {
                Some(separator) if separator == self.separator => {}
                Some('\n') => {
                    self.line += 1;
                    return Ok(Some(line));
                }
                None => return Ok(Some(line)),
                Some(_) => {
                    let why = "has something between a closing quotation mark and the next value".to_owned();
                    return Err(Wrong { line: Some(self.line), why });
                }
            }
        }
    }

    fn bare(&mut self) -> String {
        let end = self.rest.find([self.separator, '\n']).unwrap_or(self.rest.len());
        let value = self.rest[..end].trim().to_owned();
        self.rest = &self.rest[end..];
        value
    }

    fn quoted(&mut self) -> Result<String, Wrong> {
        let begin = self.line;
        let mut value = String::new();
        self.rest = &self.rest[1..];
        loop {
            let Some(end) = self.rest.find('"') else {
                let why = "has a quotation mark that is not closed".to_owned();
                return Err(Wrong { line: Some(begin), why });
            };
            value.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    value.push('"');
                    self.rest = rest;
                }
                None => break,
            }
        }
        self.line += value.matches('\n').count() as u64;
        // A line may end in a carriage return as well.
        self.rest = self.rest.strip_prefix('\r').unwrap_or(self.rest);
        Ok(value)
    }
}
