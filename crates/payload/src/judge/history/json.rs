//! A history in JSON: one document, or a row a line.

use super::rows::{Collected, Field, Row, Written, Wrong};
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;

/// Reads a row a line.
pub(super) fn lines(text: &str) -> Result<Collected, Wrong> {
    let mut collected = Collected::default();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |why: String| Wrong { line: Some(number), why };
        collected.line = Some(number);
        let mut reader = serde_json::Deserializer::from_str(line);
        RowOf(&mut collected, None)
            .deserialize(&mut reader)
            .and_then(|()| reader.end())
            .map_err(|error| wrong(said(&error)))?;
    }
    Ok(collected)
}

/// Reads one document, or a row a line where the first line is a row.
pub(super) fn whole(text: &str) -> Result<Collected, Wrong> {
    if is_row(text.trim_start().lines().next().unwrap_or_default()) {
        return lines(text);
    }
    let mut collected = Collected::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    Document(&mut collected).deserialize(&mut reader).and_then(|()| reader.end()).map_err(|error| Wrong {
        line: Some(error.line() as u64).filter(|line| *line > 0),
        why: said(&error),
    })?;
    Ok(collected)
}

fn is_row(line: &str) -> bool {
    let Ok(fields) = serde_json::from_str::<HashMap<String, IgnoredAny>>(line) else { return false };
    let is_known =
        |name: &String| matches!(Field::named(name), Some(Field::Name | Field::Backend | Field::HistoryRuns));
    fields.keys().any(is_known) && !fields.keys().any(|name| matches!(name.as_str(), "tests" | "disruption"))
}

/// What a reader says, without the place, which is told in front.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
    if error.is_syntax() || error.is_eof() {
        format!("is no valid JSON: {why} (column {})", error.column())
    } else {
        why.to_owned()
    }
}

fn written(value: &Value) -> Written<'_> {
    match value {
        Value::String(text) => Written::Text(text),
        Value::Number(number) => Written::Number(number.to_string()),
        Value::Array(values) => {
            let seconds: Option<Vec<f64>> =
                values.iter().map(|value| value.as_f64().filter(|seconds| *seconds >= 0.0)).collect();
            seconds.map_or_else(|| Written::Other("a list of other things".to_owned()), Written::List)
        }
        other => Written::Other(kind(other).to_owned()),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The whole: a list of rows, or an object with `tests` and `disruption`. Rows are judged while they are read, so that
/// the reader knows the line of a wrong one.
struct Document<'a>(&'a mut Collected);

/// A list of rows, or an object with a row a key, which is the name of what the key stands for.
struct Rows<'a>(&'a mut Collected, Field);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tests, or an object with the list `tests`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<(), A::Error> {
        Rows(self.0, Field::Name).visit_seq(rows)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut names = Vec::new();
        let mut known = false;
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "tests" => fields.next_value_seed(Rows(self.0, Field::Name))?,
                "disruption" => fields.next_value_seed(Rows(self.0, Field::Backend))?,
                "schema" => {
                    let schema: Value = fields.next_value()?;
                    if schema.as_str().is_some_and(|schema| schema.starts_with("regatta.judgement/")) {
                        return Err(A::Error::custom(
                            "is a judgement, which tells of the runs that were judged; a history of them is written by \
                             `payload-job judge DIR --write-history FILE`",
                        ));
                    }
                    names.push("`schema`".to_owned());
                    continue;
                }
                "runs" | "history_runs" => {
                    let value: Value = fields.next_value()?;
                    let mut row = Row::default();
                    row.take_field(Field::HistoryRuns, &name, written(&value)).map_err(A::Error::custom)?;
                    self.0.add(&row).map_err(A::Error::custom)?;
                    continue;
                }
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                    names.push(format!("`{name}`"));
                    continue;
                }
            }
            known = true;
        }
        if known {
            return Ok(());
        }
        let there = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        Err(A::Error::custom(format!("has {there}, where the list `tests` is expected")))
    }
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(()) = rows.next_element_seed(RowOf(self.0, None))? {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(name) = rows.next_key::<String>()? {
            rows.next_value_seed(RowOf(self.0, Some((self.1, &name))))?;
        }
        Ok(())
    }
}

/// One row; the name of its test or backend may be its key.
struct RowOf<'a>(&'a mut Collected, Option<(Field, &'a str)>);

impl<'de> DeserializeSeed<'de> for RowOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row such as {\"name\": \"x\", \"passes\": 9, \"runs\": 10}")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<(), A::Error> {
        let fields = Map::deserialize(MapAccessDeserializer::new(fields))?;
        let mut row = Row::default();
        let mut taken = || {
            if let Some((field, key)) = self.1 {
                row.take_field(field, "the key", Written::Text(key))?;
            }
            for (called, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                row.take(called, written(value))?;
            }
            self.0.add(&row)
        };
        // Told from within the row, so that the reader names the line on which it ends.
        taken().map_err(A::Error::custom)
    }
}
