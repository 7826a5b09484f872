//! The test report: which cell of a release's Google Sheet holds what, and the projection of the state onto it.
//!
//! The Sheet is for people to read. A release without one is legal everywhere; nothing is ever decided by its cells.

use jiff::Timestamp;
use regatta_kit::{Overall, Release, Status, Task, TaskMap};
use regatta_services::Services;
use regatta_services::error::ServiceError;
use regatta_services::sheets::{Block, Book, Cell, Rows, Tab};
use std::fmt;

use crate::settings::TaskSettings;
pub use crate::sheet_write::SheetWrite;
use crate::sheet_write::{NewRows, seen};

/// First row of the tables of bugs.
pub(crate) const FIRST_ROW: usize = 8;
/// Column of the CVE trackers that advisories and shipment miss.
const CVE_COLUMN: char = 'F';
/// Column of the critical issues.
const CRITICAL_COLUMN: char = 'H';
/// Rows from which overall status and task statuses are read.
const STATUS_RANGE: &str = "B1:B19";
/// Row of the overall status.
const OVERALL_ROW: usize = 1;

/// Row of a task's status in the Konflux layout. The rows between belong to duties that the flow does not drive.
const fn row(task: Task) -> Option<usize> {
    match task {
        // The report's existence is its status.
        Task::CreateTestReport => None,
        Task::TakeOwnership => Some(8),
        Task::ImageConsistencyCheck => Some(10),
        Task::AnalyzeCandidateBuild => Some(11),
        Task::AnalyzePromotedBuild => Some(12),
        Task::CheckCveTrackerBug => Some(13),
        Task::PushToCdnStaging => Some(14),
        Task::StageTesting => Some(15),
        Task::ImageSignedCheck => Some(16),
        Task::ChangeAdvisoryStatus => Some(18),
    }
}

/// Why a release has no Sheet to write to. All of these are legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSheet {
    /// No spreadsheet is set for its y-stream.
    NotConfigured,
    /// No service account is set.
    NoAccount,
    /// The spreadsheet that is set does not exist or is not shared.
    NoSpreadsheet,
    /// The spreadsheet has no tab of this title.
    NoTab(String),
    /// The tab that was made for the release is there no more.
    TabRemoved(String),
}

impl fmt::Display for NoSheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("no Sheet configured for this y-stream"),
            Self::NoAccount => f.write_str("no Sheet configured: no service account is set (GCP_SA_FILE)"),
            Self::NoSpreadsheet => f.write_str("the spreadsheet configured for this y-stream does not exist"),
            Self::NoTab(title) => write!(f, "the spreadsheet has no tab {title}"),
            Self::TabRemoved(title) => {
                write!(f, "the tab {title} was made and removed since; it is left so until a retry")
            }
        }
    }
}

/// The y-stream's spreadsheet with its tabs.
pub(crate) struct Workbook<'a> {
    pub(crate) book: Book<'a>,
    pub(crate) tabs: Vec<Tab>,
}

impl Workbook<'_> {
    /// A tab by its title.
    pub(crate) fn tab(&self, title: &str) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.title == title)
    }
}

/// Opens the spreadsheet of a release's y-stream.
pub(crate) async fn open<'a>(
    services: &'a Services,
    settings: &'a TaskSettings,
    release: Release,
    now: Timestamp,
) -> Result<Result<Workbook<'a>, NoSheet>, ServiceError> {
    let Some(id) = settings.spreadsheet(release.stream) else { return Ok(Err(NoSheet::NotConfigured)) };
    if !services.sheets.is_configured() {
        return Ok(Err(NoSheet::NoAccount));
    }
    let book = services.sheets.book(id, now);
    Ok(book.tabs().await?.map(|tabs| Workbook { book, tabs }).ok_or(NoSheet::NoSpreadsheet))
}

/// The cells of the release's Sheet that do not show the state yet: overall status and every task's status.
///
/// The cells of the two analyses stay `In Progress` until the final approval has passed (specification, task 5).
///
/// # Errors
/// When the spreadsheet could not be read; a missing one is no error.
pub async fn statuses<'a>(
    services: &'a Services,
    settings: &'a TaskSettings,
    release: Release,
    statuses: &TaskMap<Status>,
    overall: Overall,
    now: Timestamp,
) -> Result<Result<SheetWrite<'a>, NoSheet>, ServiceError> {
    let (book, tab) = match tab(services, settings, release, now).await? {
        Ok(tab) => tab,
        Err(none) => return Ok(Err(none)),
    };
    let shown = book.read(&tab, &[STATUS_RANGE]).await?.into_iter().next().unwrap_or_default();
    let cells = differences(&shown, statuses, overall);
    Ok(Ok(SheetWrite { book, tab, cells, links: None, rows: None, seen: seen(&[&shown]) }))
}

/// The cells of column B that do not show the state.
fn differences(shown: &Rows, statuses: &TaskMap<Status>, overall: Overall) -> Vec<Block> {
    let finished = statuses[Task::ChangeAdvisoryStatus] == Status::Pass;
    let wanted = Task::ALL.into_iter().filter_map(|task| {
        let analysis = matches!(task, Task::AnalyzeCandidateBuild | Task::AnalyzePromotedBuild);
        let status = if analysis && !finished { Status::InProgress } else { statuses[task] };
        Some((row(task)?, status.word()))
    });
    let all = std::iter::once((OVERALL_ROW, overall.word())).chain(wanted);
    let is_shown = |row: usize| shown.get(row - 1).and_then(|cells| cells.first()).map_or("", String::as_str);
    all.filter(|(row, word)| is_shown(*row) != *word)
        .map(|(row, word)| Block::cell(format!("B{row}"), Cell::text(word)))
        .collect()
}

/// Missed CVE trackers that the Sheet's column of them does not list yet.
///
/// # Errors
/// As [`statuses`].
pub async fn missed_trackers<'a>(
    services: &'a Services,
    settings: &'a TaskSettings,
    release: Release,
    keys: &[String],
    now: Timestamp,
) -> Result<Result<SheetWrite<'a>, NoSheet>, ServiceError> {
    unlisted(services, settings, release, CVE_COLUMN, keys, now).await
}

/// Jira keys that the Sheet's column of critical issues does not list yet.
///
/// # Errors
/// As [`statuses`].
pub async fn critical_issues<'a>(
    services: &'a Services,
    settings: &'a TaskSettings,
    release: Release,
    keys: &[String],
    now: Timestamp,
) -> Result<Result<SheetWrite<'a>, NoSheet>, ServiceError> {
    unlisted(services, settings, release, CRITICAL_COLUMN, keys, now).await
}

async fn unlisted<'a>(
    services: &'a Services,
    settings: &'a TaskSettings,
    release: Release,
    column: char,
    keys: &[String],
    now: Timestamp,
) -> Result<Result<SheetWrite<'a>, NoSheet>, ServiceError> {
    let (book, tab) = match tab(services, settings, release, now).await? {
        Ok(tab) => tab,
        Err(none) => return Ok(Err(none)),
    };
    let range = format!("{column}{FIRST_ROW}:{column}");
    let shown = book.read(&tab, &[&range]).await?.into_iter().next().unwrap_or_default();
    let listed = until_empty(&shown);
    let new = keys.iter().filter(|key| !listed.contains(&key.as_str()));
    let rows = NewRows {
        column,
        first: FIRST_ROW + listed.len(),
        rows: new.map(|key| vec![jira_link(services, key)]).collect(),
    };
    Ok(Ok(SheetWrite { book, tab, cells: vec![], links: None, rows: Some(rows), seen: seen(&[&shown]) }))
}

/// The release's own tab.
async fn tab<'a>(
    services: &'a Services,
    settings: &'a TaskSettings,
    release: Release,
    now: Timestamp,
) -> Result<Result<(Book<'a>, Tab), NoSheet>, ServiceError> {
    let workbook = match open(services, settings, release, now).await? {
        Ok(workbook) => workbook,
        Err(none) => return Ok(Err(none)),
    };
    let title = release.to_string();
    Ok(match workbook.tab(&title) {
        Some(tab) => Ok((workbook.book, tab.clone())),
        None => Err(NoSheet::NoTab(title)),
    })
}

/// The first cells of rows, up to the first that is empty.
pub(crate) fn until_empty(rows: &Rows) -> Vec<&str> {
    let first = rows.iter().map(|row| row.first().map_or("", |cell| cell.trim()));
    first.take_while(|cell| !cell.is_empty()).collect()
}

/// A cell that shows a Jira key and leads to its issue.
pub(crate) fn jira_link(services: &Services, key: &str) -> Cell {
    Cell::Link { url: services.jira.link(key), label: key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cells: &[(usize, &str)]) -> Rows {
        let mut rows = vec![vec![]; 19];
        for (row, word) in cells {
            rows[row - 1] = vec![(*word).to_owned()];
        }
        rows
    }

    fn written(blocks: &[Block]) -> Vec<String> {
        blocks.iter().map(|block| format!("{}={}", block.range, block.rows[0][0].shown())).collect()
    }

    #[test]
    fn only_cells_that_differ_are_written_and_analyses_stay_in_progress() {
        let mut statuses = TaskMap::from_fn(|_| Status::Pass);
        statuses[Task::StageTesting] = Status::Fail;
        statuses[Task::ChangeAdvisoryStatus] = Status::NotStarted;
        let sheet = shown(&[
            (1, "Green"),
            (8, "Pass"),
            (10, "In Progress"),
            (11, "In Progress"),
            (13, "Pass"),
            (14, "Pass"),
            (18, "Not Started"),
        ]);
        assert_eq!(
            written(&differences(&sheet, &statuses, Overall::Red)),
            ["B1=Red", "B12=In Progress", "B10=Pass", "B15=Fail", "B16=Pass"]
        );
    }

    #[test]
    fn after_the_final_approval_the_analyses_show_their_verdict() {
        let statuses = TaskMap::from_fn(|_| Status::Pass);
        let blocks = differences(&shown(&[]), &statuses, Overall::Green);
        let cells = written(&blocks);
        assert!(
            cells.contains(&"B11=Pass".to_owned()) && cells.contains(&"B12=Pass".to_owned()),
            "{cells:?}"
        );
        let done: Vec<(usize, &str)> = (8..=18).map(|row| (row, "Pass")).chain([(1, "Green")]).collect();
        assert!(differences(&shown(&done), &statuses, Overall::Green).is_empty());
    }

    #[test]
    fn a_column_ends_at_its_first_empty_cell() {
        let rows: Rows =
            vec![vec!["A-1".to_owned()], vec![" A-2 ".to_owned()], vec![], vec!["A-4".to_owned()]];
        assert_eq!(until_empty(&rows), ["A-1", "A-2"]);
    }
}
