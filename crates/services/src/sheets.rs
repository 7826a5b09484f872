//! Google Sheets: the spreadsheet that holds a y-stream's test reports, one tab a release.
//!
//! Reads and writes go in batches: the quota counts calls, not cells. Text from outside is never entered as a formula.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Fault, ServiceError};
use crate::google_token::{Account, TokenSource};
use crate::remote::{Answer, Auth, Call, Remote};

/// Google Sheets, with the source of its tokens.
#[derive(Debug)]
pub struct Sheets {
    remote: Remote,
    tokens: TokenSource,
}

/// One spreadsheet, seen at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Book<'a> {
    sheets: &'a Sheets,
    id: &'a str,
    now: Timestamp,
}

/// A tab of a spreadsheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// Its number, as in the URL's `gid`.
    pub id: i64,
    /// Its title.
    pub title: String,
}

/// What is entered into a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Plain text, whatever it begins with.
    Text(String),
    /// A link with its label.
    Link {
        /// Where to.
        url: String,
        /// What is shown.
        label: String,
    },
}

impl Cell {
    /// Plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// What a reader sees.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Link { label, .. } => label,
        }
    }

    /// As a person would type it.
    fn entered(&self) -> String {
        match self {
            // The apostrophe keeps Sheets from reading a formula; it is not shown.
            Self::Text(text) if text.starts_with(['=', '+', '-', '@', '\'']) => format!("'{text}"),
            Self::Text(text) => text.clone(),
            Self::Link { url, label } => {
                let quoted = |text: &str| text.replace('"', "\"\"");
                format!("=HYPERLINK(\"{}\",\"{}\")", quoted(url), quoted(label))
            }
        }
    }
}

/// Cells to write, row after row, from the first cell of a range on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Where it begins, and where it may end: `B3`, `C8:E20`.
    pub range: String,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Block {
    /// One cell.
    #[must_use]
    pub fn cell(range: impl Into<String>, cell: Cell) -> Self {
        Self { range: range.into(), rows: vec![vec![cell]] }
    }
}

/// Text of a single cell in which parts are links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RichText {
    text: String,
    /// Start of each run in UTF-16 units, as Sheets counts, and the link that begins there, if any.
    runs: Vec<(usize, Option<String>)>,
}

impl RichText {
    /// Adds plain text.
    #[must_use]
    pub fn plain(mut self, text: &str) -> Self {
        self.run(text, None);
        self
    }

    /// Adds text that is a link. Its place is counted here, not searched for: the same text may stand twice.
    #[must_use]
    pub fn link(mut self, text: &str, url: &str) -> Self {
        self.run(text, Some(url.to_owned()));
        self
    }

    /// What a reader sees.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.text
    }

    fn run(&mut self, text: &str, link: Option<String>) {
        if text.is_empty() {
            return;
        }
        let same = self.runs.last().map_or(link.is_none(), |(_, last)| link.is_none() && last.is_none());
        if !same {
            self.runs.push((self.text.encode_utf16().count(), link));
        }
        self.text.push_str(text);
    }

    fn wire(&self) -> Value {
        let runs = self.runs.iter().map(|(start, link)| match link {
            Some(uri) => json!({ "startIndex": start, "format": { "link": { "uri": uri } } }),
            None => json!({ "startIndex": start, "format": {} }),
        });
        json!({ "userEnteredValue": { "stringValue": self.text }, "textFormatRuns": runs.collect::<Vec<_>>() })
    }
}

/// A cell's row and column, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The row.
    pub row: u32,
    /// The column.
    pub column: u32,
}

/// Rows of a range as shown; what is empty at the end is left out by Sheets.
pub type Rows = Vec<Vec<String>>;

impl Sheets {
    /// A client that calls as `account`.
    #[must_use]
    pub const fn new(remote: Remote, token_remote: Remote, account: Account) -> Self {
        Self { remote, tokens: TokenSource::new(token_remote, account) }
    }

    /// Whether a service account is set. One that cannot be used counts: calls then fail for want of a credential.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.tokens.is_configured()
    }

    /// A spreadsheet; `now` dates the tokens that its calls need.
    #[must_use]
    pub const fn book<'a>(&'a self, id: &'a str, now: Timestamp) -> Book<'a> {
        Book { sheets: self, id, now }
    }
}

impl Book<'_> {
    /// Where a person looks at a tab.
    #[must_use]
    pub fn link(&self, tab: &Tab) -> String {
        format!("https://docs.google.com/spreadsheets/d/{}#gid={}", self.id, tab.id)
    }

    /// The tabs; `None` when there is no such spreadsheet.
    ///
    /// # Errors
    /// As every call.
    pub async fn tabs(&self) -> Result<Option<Vec<Tab>>, ServiceError> {
        let asked = self
            .send(|remote| {
                remote.get(&["v4", "spreadsheets", self.id]).query(&[("includeGridData", "false")])
            })
            .await;
        let answer = match asked {
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => return Ok(None),
            other => other?,
        };
        let book: wire::Book = answer.json()?;
        if book.sheets.is_empty() {
            return Err(answer.bad("a spreadsheet without any tab, which cannot be"));
        }
        Ok(Some(book.sheets.into_iter().map(|sheet| sheet.properties.into()).collect()))
    }

    /// Copies a tab under a new title.
    ///
    /// # Errors
    /// As every call; refused when the title is taken, so that a repeat makes no second copy.
    pub async fn duplicate(&self, source: &Tab, title: &str) -> Result<Tab, ServiceError> {
        let request = json!({ "duplicateSheet": { "sourceSheetId": source.id, "newSheetName": title } });
        let answer = self.update(&request).await?;
        let replies: wire::Replies = answer.json()?;
        let made = replies.replies.into_iter().find_map(|reply| reply.duplicate_sheet);
        Ok(made.ok_or_else(|| answer.bad("no new tab"))?.properties.into())
    }

    /// Reads ranges of a tab, as shown to people.
    ///
    /// # Errors
    /// As every call.
    pub async fn read(&self, tab: &Tab, ranges: &[&str]) -> Result<Vec<Rows>, ServiceError> {
        let mut query: Vec<(&str, String)> = vec![("valueRenderOption", "FORMATTED_VALUE".to_owned())];
        query.extend(ranges.iter().map(|range| ("ranges", a1(tab, range))));
        let answer = self
            .send(|remote| remote.get(&["v4", "spreadsheets", self.id, "values:batchGet"]).query(&query))
            .await?;
        let read: wire::ValueRanges = answer.json()?;
        if read.value_ranges.len() != ranges.len() {
            return Err(answer.bad("not as many ranges as asked for"));
        }
        let row = |row: Vec<Value>| {
            row.into_iter().map(|value| match value {
                Value::String(text) => text,
                Value::Null => String::new(),
                other => other.to_string(),
            })
        };
        Ok(read
            .value_ranges
            .into_iter()
            .map(|range| range.values.into_iter().map(|r| row(r).collect()).collect())
            .collect())
    }

    /// Writes blocks of a tab in one call; nothing is sent when there are none.
    ///
    /// # Errors
    /// As every call.
    pub async fn write(&self, tab: &Tab, blocks: &[Block]) -> Result<(), ServiceError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let data = blocks.iter().map(|block| {
            let rows = block.rows.iter().map(|row| row.iter().map(Cell::entered).collect::<Vec<_>>());
            json!({ "range": a1(tab, &block.range), "values": rows.collect::<Vec<_>>() })
        });
        let body = json!({ "valueInputOption": "USER_ENTERED", "data": data.collect::<Vec<_>>() });
        self.send(|remote| remote.post(&["v4", "spreadsheets", self.id, "values:batchUpdate"]).json(&body))
            .await?;
        Ok(())
    }

    /// Writes a cell with links in its text. Everything else about the cell stays as the template has it.
    ///
    /// # Errors
    /// As every call.
    pub async fn write_rich(&self, tab: &Tab, at: At, text: &RichText) -> Result<(), ServiceError> {
        let range = json!({
            "sheetId": tab.id,
            "startRowIndex": at.row,
            "endRowIndex": at.row + 1,
            "startColumnIndex": at.column,
            "endColumnIndex": at.column + 1,
        });
        let request = json!({ "updateCells": {
            "rows": [{ "values": [text.wire()] }],
            "fields": "userEnteredValue,textFormatRuns",
            "range": range,
        } });
        self.update(&request).await?;
        Ok(())
    }

    async fn update(&self, request: &Value) -> Result<Answer, ServiceError> {
        let path = format!("{}:batchUpdate", self.id);
        let body = json!({ "requests": [request] });
        self.send(|remote| remote.post(&["v4", "spreadsheets", &path]).json(&body)).await
    }

    /// Sends with a token; one that was kept and is refused is replaced once.
    async fn send(&self, call: impl Fn(&Remote) -> Call) -> Result<Answer, ServiceError> {
        let Sheets { remote, tokens } = self.sheets;
        let token = tokens.token(self.now).await?;
        match call(&remote.with_auth(Auth::Bearer(token))).send().await {
            Err(ServiceError { fault: Fault::NotAuthorised { .. }, .. }) => tokens.forget(),
            other => return other,
        }
        let token = tokens.token(self.now).await?;
        call(&remote.with_auth(Auth::Bearer(token))).send().await
    }
}

/// A range with its tab, in A1 notation.
fn a1(tab: &Tab, range: &str) -> String {
    format!("'{}'!{range}", tab.title.replace('\'', "''"))
}

/// Google's JSON, as far as it is read.
mod wire {
    use super::{Deserialize, Value};

    #[derive(Deserialize)]
    pub(super) struct Book {
        #[serde(default)]
        pub(super) sheets: Vec<Sheet>,
    }

    #[derive(Deserialize)]
    pub(super) struct Sheet {
        pub(super) properties: Properties,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Properties {
        // Left out for the tab of number 0, as protobuf does with zeros.
        #[serde(default)]
        sheet_id: i64,
        title: String,
    }

    impl From<Properties> for super::Tab {
        fn from(properties: Properties) -> Self {
            Self { id: properties.sheet_id, title: properties.title }
        }
    }

    #[derive(Deserialize)]
    pub(super) struct Replies {
        #[serde(default)]
        pub(super) replies: Vec<Reply>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Reply {
        pub(super) duplicate_sheet: Option<Sheet>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct ValueRanges {
        #[serde(default)]
        pub(super) value_ranges: Vec<ValueRange>,
    }

    #[derive(Deserialize)]
    pub(super) struct ValueRange {
        #[serde(default)]
        pub(super) values: Vec<Vec<Value>>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regatta_kit::Secret;

    #[test]
    fn links_are_found_where_they_stand_even_when_their_text_stands_twice() {
        let text = RichText::default()
            .plain("rpm: ")
            .link("12", "https://e/12")
            .plain("\nrhcos 12: ")
            .link("12", "https://e/x");
        assert_eq!(text.shown(), "rpm: 12\nrhcos 12: 12");
        assert_eq!(
            text.wire()["textFormatRuns"],
            json!([
                { "startIndex": 5, "format": { "link": { "uri": "https://e/12" } } },
                { "startIndex": 7, "format": {} },
                { "startIndex": 18, "format": { "link": { "uri": "https://e/x" } } },
            ])
        );
    }

    #[test]
    fn text_from_outside_is_no_formula() {
        assert_eq!(Cell::text("=IMPORTXML(\"x\")").entered(), "'=IMPORTXML(\"x\")");
        assert_eq!(Cell::text("ON_QA").entered(), "ON_QA");
        let link = Cell::Link { url: "https://j/browse/A-1".to_owned(), label: "A \"1\"".to_owned() };
        assert_eq!(link.entered(), "=HYPERLINK(\"https://j/browse/A-1\",\"A \"\"1\"\"\")");
    }

    #[test]
    fn tab_titles_are_quoted() {
        assert_eq!(a1(&Tab { id: 0, title: "4.20.1's".to_owned() }, "B1:B4"), "'4.20.1''s'!B1:B4");
    }

    #[tokio::test]
    async fn a_kept_token_that_is_refused_is_replaced_once_and_ranges_are_read_in_one_call() {
        use crate::scripted::{Scripted, answer};
        let tokens = std::sync::atomic::AtomicU32::new(0);
        let transport = Scripted::new(move |request| {
            if request.uri().path() == "/token" {
                let n = tokens.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                return Ok(answer(
                    200,
                    json!({ "access_token": format!("t{n}"), "expires_in": 3600 }).to_string(),
                ));
            }
            let stale = request.headers()["authorization"] == "Bearer t0";
            let body = json!({ "valueRanges": [{ "range": "x", "values": [["a"], [], ["1", null]] }, { "range": "y" }] });
            Ok(if stale { answer(401, "{}") } else { answer(200, body.to_string()) })
        });
        let remote = |service| {
            Remote::new(
                service,
                "https://google.example.com".parse().unwrap(),
                Auth::None,
                std::sync::Arc::clone(&transport) as _,
            )
        };
        let account =
            json!({ "client_email": "a", "private_key": include_str!("testdata/service-account-key.pem") });
        let sheets = Sheets::new(
            remote("sheets"),
            remote("google_token"),
            Account::Key(Secret::new(account.to_string())),
        );
        let tab = Tab { id: 1, title: "4.20.1".to_owned() };
        let read = sheets.book("B", Timestamp::UNIX_EPOCH).read(&tab, &["B1:B19", "C8:C"]).await.unwrap();
        assert_eq!(read, [vec![vec!["a".to_owned()], vec![], vec!["1".to_owned(), String::new()]], vec![]]);
        let seen = transport.seen();
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert_eq!(
            seen[3],
            "GET https://google.example.com/v4/spreadsheets/B/values:batchGet?valueRenderOption=FORMATTED_VALUE&ranges=%274.20.1%27%21B1%3AB19&ranges=%274.20.1%27%21C8%3AC"
        );
    }
}
