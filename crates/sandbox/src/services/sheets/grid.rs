//! What Sheets keeps: tabs of cells.

use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::a1::Range;
use crate::services::wire::number_of;
use crate::world::World;

/// Column A of the template from row 8 on, as the reports of shipped releases carry it.
const TASK_NAMES: [&str; 12] = [
    "Take ownership of advisories",
    "Bug to be verified",
    "Payload-Images Consistency Testing",
    "Nightly build test",
    "Signed build test",
    "Check CVE tracker bugs",
    "Pushing to CDN staging",
    "Stage testing",
    "Payload image is well signed",
    "Drop bugs",
    "Approve MR and change advisory status",
    "Add QE approval for shipment MR",
];
/// The first row of a task, counted from 0.
const FIRST_TASK_ROW: usize = 7;

/// How values come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Render {
    Formatted,
    Unformatted,
    Formula,
}

/// How values are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// As if typed: formulas and numbers are recognised.
    UserEntered,
    /// As they are.
    Raw,
}

#[derive(Debug, Clone)]
pub(super) struct Spreadsheet {
    title: String,
    pub(super) sheets: Vec<Sheet>,
    /// Tabs made so far: their ids follow from it.
    made: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Sheet {
    id: u64,
    pub(super) title: String,
    pub(super) rows: usize,
    pub(super) columns: usize,
    cells: BTreeMap<(usize, usize), Cell>,
}

/// A cell's content.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    /// A text, number or truth value.
    Plain(Value),
    /// Begins with `=`.
    Formula(String),
    /// A text with links in it: text, and the runs as they came.
    Rich(String, Value),
}

impl Cell {
    fn entered(value: &Value, input: Input) -> Option<Self> {
        match (value, input) {
            (Value::Null, _) => None,
            (Value::String(text), Input::UserEntered) if text.starts_with('=') => {
                Some(Self::Formula(text.clone()))
            }
            (Value::String(text), Input::UserEntered) => Some(Self::Plain(match text.parse::<i64>() {
                Ok(number) if number.to_string() == *text => json!(number),
                _ => json!(text.strip_prefix('\'').unwrap_or(text)),
            })),
            (value, _) => Some(Self::Plain(value.clone())),
        }
    }

    fn shown(&self, render: Render) -> Value {
        match (self, render) {
            (Self::Plain(value), Render::Formatted) => match value {
                Value::String(_) => value.clone(),
                Value::Bool(truth) => json!(truth.to_string().to_uppercase()),
                other => json!(other.to_string()),
            },
            (Self::Plain(value), _) => value.clone(),
            (Self::Formula(formula), Render::Formula) => json!(formula),
            (Self::Formula(formula), _) => json!(link_label(formula).unwrap_or_else(|| "#NAME?".to_owned())),
            (Self::Rich(text, _), _) => json!(text),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Plain(value) => *value == "",
            Self::Formula(_) => false,
            Self::Rich(text, _) => text.is_empty(),
        }
    }
}

/// The label of `=HYPERLINK("url", "label")`; without a label, the URL.
fn link_label(formula: &str) -> Option<String> {
    let arguments = formula.get(..11).filter(|head| head.eq_ignore_ascii_case("=HYPERLINK("))?;
    let inner = formula[arguments.len()..].trim().strip_suffix(')')?;
    let mut texts = Vec::new();
    let mut rest = inner.trim();
    while let Some(after) = rest.strip_prefix('"') {
        // A doubled quote stands for one.
        let mut text = String::new();
        let mut chars = after.char_indices().peekable();
        let end = loop {
            match chars.next()? {
                (_, '"') if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                    chars.next();
                    text.push('"');
                }
                (at, '"') => break at,
                (_, other) => text.push(other),
            }
        };
        texts.push(text);
        rest = after[end + 1..].trim_start().trim_start_matches([',', ';']).trim_start();
    }
    if rest.is_empty() { texts.pop() } else { None }
}

impl Spreadsheet {
    /// The test report of the scenario's y-stream, with nothing but its template.
    pub(super) fn new(world: &World) -> Self {
        let mut template =
            Sheet { id: 0, title: "template".to_owned(), rows: 1000, columns: 26, cells: BTreeMap::new() };
        let text = |text: &str| Cell::Plain(json!(text));
        for (row, (name, value)) in
            [("Overall status", "Green"), ("Advisories", ""), ("Candidate builds", ""), ("ART ticket", "")]
                .iter()
                .enumerate()
        {
            template.cells.insert((row, 0), text(name));
            if !value.is_empty() {
                template.cells.insert((row, 1), text(value));
            }
        }
        let head =
            ["Task", "Status", "Bug", "QA contact", "Bug status", "CVE trackers", "", "Critical issues"];
        for (column, name) in head.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            template.cells.insert((FIRST_TASK_ROW - 1, column), text(name));
        }
        for (i, name) in TASK_NAMES.iter().enumerate() {
            template.cells.insert((FIRST_TASK_ROW + i, 0), text(name));
            template.cells.insert((FIRST_TASK_ROW + i, 1), text("Not Started"));
        }
        let title = format!("{} z-stream test report", world.scenario().release.stream);
        Self { title, sheets: vec![template], made: 0 }
    }

    pub(super) fn sheet(&self, title: &str) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.title == title)
    }

    pub(super) fn sheet_mut(&mut self, title: &str) -> Option<&mut Sheet> {
        self.sheets.iter_mut().find(|sheet| sheet.title == title)
    }

    /// `GET spreadsheets/ID`.
    pub(super) fn json(&self) -> Value {
        let sheets: Vec<Value> =
            (0..self.sheets.len()).map(|at| json!({"properties": self.properties(at)})).collect();
        json!({
            "spreadsheetId": super::SPREADSHEET_ID,
            "properties": {"title": self.title, "locale": "en_US", "autoRecalc": "ON_CHANGE", "timeZone": "Etc/GMT"},
            "sheets": sheets,
            "spreadsheetUrl": format!("https://docs.google.com/spreadsheets/d/{}/edit", super::SPREADSHEET_ID),
        })
    }

    fn properties(&self, at: usize) -> Value {
        let sheet = &self.sheets[at];
        json!({
            "sheetId": sheet.id, "title": sheet.title, "index": at, "sheetType": "GRID",
            "gridProperties": {"rowCount": sheet.rows, "columnCount": sheet.columns, "frozenRowCount": 7},
        })
    }

    /// A tab of the given id, by position.
    fn position(&self, id: &Value) -> Result<usize, String> {
        // Clients leave out the id 0 of the first tab.
        let id = id.as_u64().unwrap_or(0);
        self.sheets.iter().position(|sheet| sheet.id == id).ok_or_else(|| format!("No grid with id: {id}"))
    }

    fn free_title(&self, title: &str) -> Result<(), String> {
        match self.sheets.iter().any(|sheet| sheet.title.eq_ignore_ascii_case(title)) {
            true => {
                Err(format!("A sheet with the name \"{title}\" already exists. Please enter another name."))
            }
            false => Ok(()),
        }
    }

    fn new_id(&mut self) -> u64 {
        self.made += 1;
        1 + number_of(&format!("tab/{}", self.made), 2_000_000_000)
    }

    /// `duplicateSheet`: the copy stands behind its source unless told otherwise.
    pub(super) fn duplicate(&mut self, details: &Value) -> Result<Value, String> {
        let source = self.position(&details["sourceSheetId"])?;
        let title = match details["newSheetName"].as_str().filter(|title| !title.is_empty()) {
            Some(title) => title.to_owned(),
            None => {
                let base = format!("Copy of {}", self.sheets[source].title);
                let numbered = (2..).map(|n| format!("{base} {n}"));
                std::iter::once(base.clone())
                    .chain(numbered)
                    .find(|title| self.free_title(title).is_ok())
                    .unwrap_or(base)
            }
        };
        self.free_title(&title)?;
        let mut copy = self.sheets[source].clone();
        copy.title = title;
        copy.id = match details["newSheetId"].as_u64() {
            Some(id) if self.sheets.iter().any(|sheet| sheet.id == id) => {
                return Err(format!("Sheet with id {id} already exists."));
            }
            Some(id) => id,
            None => self.new_id(),
        };
        let wanted = details["insertSheetIndex"].as_u64().and_then(|at| usize::try_from(at).ok());
        let at = wanted.unwrap_or(source + 1).min(self.sheets.len());
        self.sheets.insert(at, copy);
        Ok(self.properties(at))
    }

    /// `addSheet`.
    pub(super) fn add(&mut self, properties: &Value) -> Result<Value, String> {
        let title = properties["title"]
            .as_str()
            .map_or_else(|| format!("Sheet{}", self.sheets.len() + 1), str::to_owned);
        self.free_title(&title)?;
        let id = self.new_id();
        self.sheets.push(Sheet { id, title, rows: 1000, columns: 26, cells: BTreeMap::new() });
        Ok(self.properties(self.sheets.len() - 1))
    }

    /// `updateSheetProperties`, of which only the title matters here.
    pub(super) fn rename(&mut self, details: &Value) -> Result<(), String> {
        let at = self.position(&details["properties"]["sheetId"])?;
        let fields = details["fields"].as_str().unwrap_or_default();
        if fields.is_empty() {
            return Err(
                "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)".to_owned()
            );
        }
        let wanted = details["properties"]["title"].as_str().unwrap_or_default();
        if fields == "*" || fields.split(',').any(|field| field.trim() == "title") {
            if wanted.is_empty() {
                return Err("The sheet name cannot be empty.".to_owned());
            }
            if self.sheets[at].title != wanted {
                self.free_title(wanted)?;
                wanted.clone_into(&mut self.sheets[at].title);
            }
        }
        Ok(())
    }

    /// `updateCells`: plain values, formulas, and texts with links.
    pub(super) fn update_cells(&mut self, details: &Value) -> Result<(), String> {
        let (place, row_key, column_key) = if details["range"].is_object() {
            (&details["range"], "startRowIndex", "startColumnIndex")
        } else {
            (&details["start"], "rowIndex", "columnIndex")
        };
        if details["fields"].as_str().is_none_or(str::is_empty) {
            return Err(
                "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)".to_owned()
            );
        }
        let at = self.position(&place["sheetId"])?;
        let number = |key: &str| place[key].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let (first_row, first_column) = (number(row_key), number(column_key));
        for (i, row) in details["rows"].as_array().into_iter().flatten().enumerate() {
            for (j, cell) in row["values"].as_array().into_iter().flatten().enumerate() {
                let value = &cell["userEnteredValue"];
                let content = if let Some(text) = value["stringValue"].as_str() {
                    match &cell["textFormatRuns"] {
                        Value::Null => Some(Cell::Plain(json!(text))),
                        runs => Some(Cell::Rich(text.to_owned(), runs.clone())),
                    }
                } else if let Some(formula) = value["formulaValue"].as_str() {
                    Some(Cell::Formula(formula.to_owned()))
                } else {
                    let plain = value.get("numberValue").or_else(|| value.get("boolValue"));
                    plain.map(|plain| Cell::Plain(plain.clone()))
                };
                self.sheets[at].set((first_row + i, first_column + j), content);
            }
        }
        Ok(())
    }

    /// `deleteSheet`.
    pub(super) fn delete(&mut self, details: &Value) -> Result<(), String> {
        let at = self.position(&details["sheetId"])?;
        if self.sheets.len() == 1 {
            return Err("You can't remove all the sheets in a document.".to_owned());
        }
        self.sheets.remove(at);
        Ok(())
    }
}

impl Sheet {
    fn set(&mut self, at: (usize, usize), content: Option<Cell>) {
        match content.filter(|cell| !cell.is_empty()) {
            Some(cell) => {
                self.rows = self.rows.max(at.0 + 1);
                self.columns = self.columns.max(at.1 + 1);
                self.cells.insert(at, cell);
            }
            None => {
                self.cells.remove(&at);
            }
        }
    }

    fn inside<'a>(&'a self, range: &'a Range) -> impl Iterator<Item = (&'a (usize, usize), &'a Cell)> {
        let (row_end, column_end) =
            (range.row_end.unwrap_or(usize::MAX), range.column_end.unwrap_or(usize::MAX));
        self.cells.iter().filter(move |((row, column), _)| {
            (range.row..row_end).contains(row) && (range.column..column_end).contains(column)
        })
    }

    /// The values of a range by rows; trailing empty rows and cells are left out.
    pub(super) fn read(&self, range: &Range, render: Render) -> Vec<Vec<Value>> {
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for ((row, column), cell) in self.inside(range) {
            let (row, column) = (row - range.row, column - range.column);
            rows.resize_with(rows.len().max(row + 1), Vec::new);
            rows[row].resize(column, json!(""));
            rows[row].push(cell.shown(render));
        }
        rows
    }

    /// Writes values from the range's first cell on; the number of cells written. `null` leaves a cell alone.
    pub(super) fn write(&mut self, range: &Range, rows: &[Vec<Value>], input: Input) -> usize {
        let mut written = 0;
        for (i, row) in rows.iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                if let Some(cell) = Cell::entered(value, input) {
                    self.set((range.row + i, range.column + j), Some(cell));
                    written += 1;
                }
            }
        }
        written
    }

    /// Empties a range.
    pub(super) fn clear(&mut self, range: &Range) {
        let gone: Vec<(usize, usize)> = self.inside(range).map(|(at, _)| *at).collect();
        for at in gone {
            self.cells.remove(&at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_show_their_label() {
        let label = |formula: &str| link_label(formula);
        assert_eq!(label("=HYPERLINK(\"https://a/b\",\"ART-1\")").as_deref(), Some("ART-1"));
        assert_eq!(label("=hyperlink(\"u\"; \"say \"\"hi\"\"\")").as_deref(), Some("say \"hi\""));
        assert_eq!(label("=HYPERLINK(\"u\")").as_deref(), Some("u"));
        assert_eq!(label("=SUM(A1)"), None);
        assert_eq!(label("=HYPERLINK(\"u"), None);
    }
}
