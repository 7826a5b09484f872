//! Data on stdout in the form asked for. A closed pipe ends quietly.

use serde::Serialize;
use serde_json::{Map, Value};
use std::io::{IsTerminal as _, Write as _};
use unicode_width::UnicodeWidthStr as _;

use crate::failure::Failure;

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with everything.
    Wide,
    /// For scripts.
    Json,
    /// For scripts that prefer it.
    Yaml,
}

/// Whether colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether talk on stderr is coloured; data on stdout never is.
    pub(crate) fn on_stderr(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        }
    }
}

/// Writes text to stdout.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::ClosedPipe),
        Err(source) => Err(Failure::File { place: "standard output".to_owned(), source }),
    }
}

/// Writes a value with its schema first, as JSON or YAML; `table` makes the text for people.
pub(crate) fn show(
    format: Format,
    schema: &str,
    value: &impl Serialize,
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    print(&text(format, schema, value, table)?)
}

/// What [`show`] writes.
pub(crate) fn text(
    format: Format,
    schema: &str,
    value: &impl Serialize,
    table: impl FnOnce() -> String,
) -> Result<String, Failure> {
    match format {
        Format::Table | Format::Wide => Ok(table()),
        Format::Json => {
            let value = with_schema(schema, value)?;
            let text = serde_json::to_string_pretty(&value).map_err(|e| Failure::Internal(e.to_string()))?;
            Ok(format!("{text}\n"))
        }
        Format::Yaml => Ok(regatta_statebox::yaml_write::write(&with_schema(schema, value)?)),
    }
}

fn with_schema(schema: &str, value: &impl Serialize) -> Result<Value, Failure> {
    let mut object = Map::new();
    object.insert("schema".to_owned(), format!("regatta.{schema}/v1").into());
    match serde_json::to_value(value).map_err(|e| Failure::Internal(e.to_string()))? {
        Value::Object(fields) => object.extend(fields),
        other => {
            object.insert("items".to_owned(), other);
        }
    }
    Ok(Value::Object(object))
}

/// A table with aligned columns and two spaces between; the last column is not padded.
pub(crate) fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|h| h.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (i, cell) in cells.enumerate() {
            text.push_str(cell);
            if i + 1 < widths.len() {
                text.extend(std::iter::repeat_n(' ', widths[i].saturating_sub(cell.width()) + 2));
            }
        }
        format!("{}\n", text.trim_end())
    };
    let mut out = line(&mut head.iter().copied());
    for row in rows {
        out.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    out
}

/// What a command did, one line, on stderr unless quiet; the object on stdout when a script asks.
#[derive(Serialize)]
pub(crate) struct Changed<'a> {
    pub(crate) changed: bool,
    pub(crate) dry_run: bool,
    pub(crate) what: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_leave_no_trailing_blanks() {
        let rows = vec![
            vec!["a".to_owned(), "longer".to_owned(), "x".to_owned()],
            vec!["bbb".to_owned(), String::new(), String::new()],
        ];
        insta::assert_snapshot!(columns(&["K", "VALUE", "NOTE"], &rows), @r"
        K    VALUE   NOTE
        a    longer  x
        bbb
        ");
    }
}
