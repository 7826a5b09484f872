//! What is to be written to a release's tab of the Sheet, as one effect.
//!
//! It is found again by reading back: the cells show what they should, the column lists what was to be added. Where the
//! Sheet shows a value in a form of its own, the reading differs and the same cells are written once more, which harms
//! nothing; rows are added below the end of the column as it was read just before.

use regatta_kit::BoxFuture;
use regatta_kit::ids::digest;
use regatta_services::error::ServiceError;
use regatta_services::sheets::{At, Block, Book, Cell, RichText, Rows, Tab};
use regatta_statebox::event::{Handle, Mark};

use crate::effects::Triggerable;
use crate::report::{FIRST_ROW, until_empty};

/// The cell that lists advisories and merge request, each a link.
const LINKS: At = At { row: 1, column: 1 };
/// The same in A1 notation.
const LINKS_CELL: &str = "B2";

/// What a release's tab lacks.
#[derive(Debug)]
pub struct SheetWrite<'a> {
    pub(crate) book: Book<'a>,
    pub(crate) tab: Tab,
    /// Cells that show something else than they should.
    pub(crate) cells: Vec<Block>,
    /// The cell of links, where it shows something else.
    pub(crate) links: Option<RichText>,
    /// Rows that a list lacks.
    pub(crate) rows: Option<NewRows>,
    /// Names what was seen before.
    pub(crate) seen: String,
}

/// Rows to be added to a list, whose first column names each.
#[derive(Debug)]
pub(crate) struct NewRows {
    pub(crate) column: char,
    /// The first row after the list's end.
    pub(crate) first: usize,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl NewRows {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| row.first()).map(Cell::shown)
    }

    fn block(&self) -> Option<Block> {
        let width = self.rows.iter().map(Vec::len).max().filter(|width| *width > 0)?;
        let last = char::from(u8::try_from(self.column).ok()?.checked_add(u8::try_from(width - 1).ok()?)?);
        Some(Block { range: format!("{}{}:{last}", self.column, self.first), rows: self.rows.clone() })
    }
}

/// Names what was seen: cells hold what people wrote, which public state does not repeat.
pub(crate) fn seen(rows: &[&Rows]) -> String {
    let cells = rows.iter().flat_map(|rows| rows.iter()).map(|row| row.join("\t"));
    digest(cells.collect::<Vec<_>>().join("\n").as_bytes(), 16)
}

impl SheetWrite<'_> {
    /// Whether the tab lacks anything.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        !self.cells.is_empty()
            || self.links.is_some()
            || self.rows.as_ref().is_some_and(|rows| !rows.rows.is_empty())
    }

    fn handle(&self) -> Handle {
        let rows = self.rows.iter().flat_map(|rows| &rows.rows).flatten().map(Cell::shown);
        let cells = self.cells.iter().flat_map(|block| block.rows.iter().flatten()).map(Cell::shown);
        let links = self.links.iter().map(RichText::shown);
        let written: Vec<&str> = cells.chain(links).chain(rows).collect();
        Handle {
            kind: "sheet-cells".to_owned(),
            id: digest(written.join("\n").as_bytes(), 16),
            url: Some(self.book.link(&self.tab)),
        }
    }

    async fn stands(&self) -> Result<bool, ServiceError> {
        let list = self.rows.as_ref().map(|rows| format!("{0}{FIRST_ROW}:{0}", rows.column));
        let mut ranges: Vec<&str> = self.cells.iter().map(|block| block.range.as_str()).collect();
        ranges.extend(self.links.as_ref().map(|_| LINKS_CELL));
        ranges.extend(list.as_deref());
        if ranges.is_empty() {
            return Ok(true);
        }
        let mut read = self.book.read(&self.tab, &ranges).await?.into_iter();
        let cells =
            self.cells.iter().all(|block| read.next().is_some_and(|found| shows(&found, &block.rows)));
        let links = self
            .links
            .as_ref()
            .is_none_or(|links| read.next().is_some_and(|found| first_cell(&found) == links.shown()));
        let rows = self.rows.as_ref().is_none_or(|rows| {
            read.next().is_some_and(|found| {
                let listed = until_empty(&found);
                rows.names().all(|name| listed.contains(&name))
            })
        });
        Ok(cells && links && rows)
    }
}

fn first_cell(rows: &Rows) -> &str {
    rows.first().and_then(|row| row.first()).map_or("", String::as_str)
}

/// Whether a range shows these cells from its beginning on.
fn shows(found: &Rows, wanted: &[Vec<Cell>]) -> bool {
    let at = |row: usize, column: usize| {
        found.get(row).and_then(|cells| cells.get(column)).map_or("", String::as_str)
    };
    wanted
        .iter()
        .enumerate()
        .all(|(row, cells)| cells.iter().enumerate().all(|(column, cell)| at(row, column) == cell.shown()))
}

impl Triggerable for SheetWrite<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        Box::pin(std::future::ready(Ok(Mark(self.seen.clone()))))
    }

    fn find<'a>(&'a self, _mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async { Ok(self.stands().await?.then(|| self.handle())) })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async {
            let mut blocks = self.cells.clone();
            blocks.extend(self.rows.as_ref().and_then(NewRows::block));
            self.book.write(&self.tab, &blocks).await?;
            if let Some(links) = &self.links {
                self.book.write_rich(&self.tab, LINKS, links).await?;
            }
            Ok(self.handle())
        })
    }
}
