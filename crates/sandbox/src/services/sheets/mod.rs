//! Google Sheets: one spreadsheet with the tab `template`, from which reports are copied.
//!
//! A batch of requests is taken whole or not at all. Nothing is computed but `HYPERLINK`, whose label is what a cell with
//! one shows.

mod a1;
mod grid;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Mutex;

use self::a1::Range;
use self::grid::{Input, Render, Sheet, Spreadsheet};
use super::google_token;
use super::wire::{self, Call, Service};
use crate::imitation::Imitation;
use crate::world::World;

/// The id of the one spreadsheet.
pub const SPREADSHEET_ID: &str = "1RegattaSandboxTestReport-abcdefghijklmnopqr";

/// The service.
pub fn imitation(world: World) -> Imitation {
    Imitation::answering(Sheets { state: Mutex::new(Spreadsheet::new(&world)), world })
}

struct Sheets {
    world: World,
    state: Mutex<Spreadsheet>,
}

/// An answer's body, or what is wrong with the request.
type Answer = Result<Value, String>;

impl Service for Sheets {
    fn answer(&self, call: &Call) -> Response {
        match call.authorization("Bearer") {
            None => {
                let why = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";
                return error(StatusCode::FORBIDDEN, "PERMISSION_DENIED", why);
            }
            Some(token) if !google_token::is_valid(token, self.world.now()) => {
                let why = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
                return error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", why);
            }
            Some(_) => {}
        }
        let (method, path) = call.route();
        let ["v4", "spreadsheets", id, rest @ ..] = path.as_slice() else {
            return wire::html(
                StatusCode::NOT_FOUND,
                "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>",
            );
        };
        let (id, action) = id.split_once(':').map_or((*id, ""), |(id, action)| (id, action));
        if id != SPREADSHEET_ID {
            return error(StatusCode::NOT_FOUND, "NOT_FOUND", "Requested entity was not found.");
        }
        let mut sheet = wire::lock(&self.state);
        let answer = match (method, action, rest) {
            ("GET", "", []) => Ok(sheet.json()),
            ("POST", "batchUpdate", []) => self.batch_update(call, &mut sheet),
            ("GET", "", ["values:batchGet"]) => batch_get(call, &sheet),
            ("POST", "", ["values:batchUpdate"]) => batch_put(call, &mut sheet),
            ("POST", "", ["values", range]) if range.ends_with(":clear") => {
                clear(&mut sheet, range.trim_end_matches(":clear"))
            }
            ("GET", "", ["values", range]) => get(call, &sheet, range),
            ("PUT", "", ["values", range]) => put(call, &mut sheet, range),
            _ => {
                return wire::html(
                    StatusCode::NOT_FOUND,
                    "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>",
                );
            }
        };
        match answer {
            Ok(body) => wire::ok(&body),
            Err(why) => error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", &why),
        }
    }
}

impl Sheets {
    fn batch_update(&self, call: &Call, state: &mut Spreadsheet) -> Answer {
        let body = call.json().ok_or("Invalid JSON payload received.")?;
        let requests = body["requests"]
            .as_array()
            .filter(|all| !all.is_empty())
            .ok_or("Must specify at least one request.")?;
        let mut changed = state.clone();
        let mut replies = Vec::new();
        let mut copies = 0;
        for (i, request) in requests.iter().enumerate() {
            let (name, details) = request
                .as_object()
                .and_then(|one| one.iter().next())
                .ok_or_else(|| format!("Invalid requests[{i}]: No request set."))?;
            let wrong = |why: String| format!("Invalid requests[{i}].{name}: {why}");
            replies.push(match name.as_str() {
                "duplicateSheet" => {
                    copies += 1;
                    json!({"duplicateSheet": {"properties": changed.duplicate(details).map_err(wrong)?}})
                }
                "addSheet" => json!({"addSheet": {"properties": changed.add(&details["properties"]).map_err(wrong)?}}),
                "updateSheetProperties" => changed.rename(details).map(|()| json!({})).map_err(wrong)?,
                "updateCells" => changed.update_cells(details).map(|()| json!({})).map_err(wrong)?,
                "deleteSheet" => changed.delete(details).map(|()| json!({})).map_err(wrong)?,
                _ => return Err(format!("Invalid JSON payload received. Unknown name \"{name}\" at 'requests[{i}]': Cannot find field.")),
            });
        }
        *state = changed;
        for _ in 0..copies {
            self.world.effects().record(format!("sheet-tab:{}", self.world.scenario().release));
            self.world.log("sheets", "the template was copied");
        }
        Ok(json!({"spreadsheetId": SPREADSHEET_ID, "replies": replies}))
    }
}

/// Finds the tab and the cells that a range names.
fn locate<'a>(state: &'a Spreadsheet, text: &str) -> Result<(&'a Sheet, Range), String> {
    let unknown = || format!("Unable to parse range: {text}");
    let parsed = Range::parse(text, |title| state.sheet(title).is_some()).ok_or_else(unknown)?;
    let sheet = match &parsed.sheet {
        Some(title) => state.sheet(title).ok_or_else(unknown)?,
        None => state.sheets.first().ok_or_else(unknown)?,
    };
    Ok((sheet, parsed))
}

fn render_of(call: &Call) -> Result<Render, String> {
    match call.query("valueRenderOption") {
        None | Some("FORMATTED_VALUE") => Ok(Render::Formatted),
        Some("UNFORMATTED_VALUE") => Ok(Render::Unformatted),
        Some("FORMULA") => Ok(Render::Formula),
        Some(other) => Err(format!(
            "Invalid value at 'value_render_option' (type.googleapis.com/google.apps.sheets.v4.ValueRenderOption), \"{other}\""
        )),
    }
}

fn input_of(option: Option<&str>) -> Result<Input, String> {
    match option {
        Some("USER_ENTERED") => Ok(Input::UserEntered),
        Some("RAW") => Ok(Input::Raw),
        _ => Err("'valueInputOption' is required but not specified".to_owned()),
    }
}

fn read(call: &Call, state: &Spreadsheet, range: &str) -> Answer {
    let (sheet, parsed) = locate(state, range)?;
    let columns = call.query("majorDimension") == Some("COLUMNS");
    let rows = sheet.read(&parsed, render_of(call)?);
    let values = if columns { transposed(&rows) } else { rows };
    let mut answer = json!({
        "range": parsed.shown(&sheet.title, sheet.rows, sheet.columns), "majorDimension": if columns { "COLUMNS" } else { "ROWS" },
    });
    // An empty range has no key `values` at all.
    if !values.is_empty() {
        answer["values"] = json!(values);
    }
    Ok(answer)
}

fn get(call: &Call, state: &Spreadsheet, range: &str) -> Answer {
    read(call, state, range)
}

fn batch_get(call: &Call, state: &Spreadsheet) -> Answer {
    let ranges: Result<Vec<Value>, String> =
        call.query_all("ranges").map(|range| read(call, state, range)).collect();
    Ok(json!({"spreadsheetId": SPREADSHEET_ID, "valueRanges": ranges?}))
}

fn transposed(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..width)
        .map(|column| {
            let mut values: Vec<Value> =
                rows.iter().map(|row| row.get(column).cloned().unwrap_or_else(|| json!(""))).collect();
            while values.last().is_some_and(|value| *value == "") {
                values.pop();
            }
            values
        })
        .collect()
}

/// Writes one block of values; answers as the service does for each block.
fn write(state: &mut Spreadsheet, range: &str, body: &Value, input: Input) -> Answer {
    let (sheet, parsed) = locate(state, range)?;
    let title = sheet.title.clone();
    let rows: Vec<Vec<Value>> = serde_json::from_value(body["values"].clone())
        .map_err(|_| "Invalid values: expected a list of lists".to_owned())?;
    let rows = if body["majorDimension"] == "COLUMNS" { transposed(&rows) } else { rows };
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    if !parsed.has_room_for(rows.len(), width) {
        return Err(format!(
            "Requested writing within range [{range}], but tried writing to row [{}]",
            rows.len()
        ));
    }
    let written = Range::block(parsed.row, parsed.column, rows.len(), width);
    let sheet = state.sheet_mut(&title).ok_or("the tab is gone")?;
    let cells = sheet.write(&written, &rows, input);
    Ok(json!({
        "spreadsheetId": SPREADSHEET_ID, "updatedRange": written.shown(&title, sheet.rows, sheet.columns), "updatedRows": rows.len(),
        "updatedColumns": width, "updatedCells": cells,
    }))
}

fn put(call: &Call, state: &mut Spreadsheet, range: &str) -> Answer {
    let body = call.json().ok_or("Invalid JSON payload received.")?;
    write(state, range, &body, input_of(call.query("valueInputOption"))?)
}

fn batch_put(call: &Call, state: &mut Spreadsheet) -> Answer {
    let body = call.json().ok_or("Invalid JSON payload received.")?;
    let input = input_of(body["valueInputOption"].as_str())?;
    let mut changed = state.clone();
    let mut responses = Vec::new();
    for block in body["data"].as_array().into_iter().flatten() {
        responses.push(write(&mut changed, block["range"].as_str().unwrap_or_default(), block, input)?);
    }
    *state = changed;
    let sum = |key: &str| responses.iter().filter_map(|one| one[key].as_u64()).sum::<u64>();
    Ok(json!({
        "spreadsheetId": SPREADSHEET_ID, "totalUpdatedRows": sum("updatedRows"), "totalUpdatedColumns": sum("updatedColumns"),
        "totalUpdatedCells": sum("updatedCells"), "totalUpdatedSheets": u64::from(!responses.is_empty()), "responses": responses,
    }))
}

fn clear(state: &mut Spreadsheet, range: &str) -> Answer {
    let (sheet, parsed) = locate(state, range)?;
    let title = sheet.title.clone();
    let sheet = state.sheet_mut(&title).ok_or("the tab is gone")?;
    sheet.clear(&parsed);
    Ok(
        json!({"spreadsheetId": SPREADSHEET_ID, "clearedRange": parsed.shown(&title, sheet.rows, sheet.columns)}),
    )
}

/// An error as Google writes it.
fn error(status: StatusCode, word: &str, message: &str) -> Response {
    wire::json(status, &json!({"error": {"code": status.as_u16(), "message": message, "status": word}}))
}

#[cfg(test)]
mod tests;
