//! Task 1: create the release's test report (specification, task 1; the report's cells: reference, Google Sheets).
//!
//! The report is a copy of the spreadsheet's template tab. A copy that an earlier run left half filled is found by its
//! title and completed: only what is missing or differs is written. The release's state itself is opened by the engine.

use regatta_kit::ids::digest;
use regatta_kit::{BoxFuture, OutsideText};
use regatta_services::errata::AdvisoryState;
use regatta_services::error::{Fault, ServiceError};
use regatta_services::jira::IssueLook;
use regatta_services::sheets::{Block, Book, Cell, RichText, Rows, Tab};
use regatta_statebox::event::{Audience, EffectKey, Evidence, Handle, Mark, Message};

use crate::by_value::{Seen, Settled, settle};
use crate::context::Context;
use crate::effects::{Early, Triggerable};
use crate::outcome::Outcome;
use crate::release_parts::{advisories, shipment};
use crate::report::{self, FIRST_ROW, NoSheet, Workbook, jira_link, until_empty};
use crate::sheet_write::{NewRows, SheetWrite, seen};

/// Title of the tab that is copied.
const TEMPLATE: &str = "template";
/// Where the test results of builds can be read.
const RESULTS: &str = "https://github.com/openshift/release-tests/blob/record/_releases";
/// Where component readiness can be read.
const READINESS: &str =
    "https://qe-component-readiness.dptools.openshift.org/sippy-ng/component_readiness/main?view=";
/// The status of bugs that wait for QE.
const ON_QA: &str = "ON_QA";

/// Runs the task.
///
/// # Errors
/// Outcomes and engine stops reached early.
pub async fn run(context: &Context<'_>) -> Result<Outcome, Early> {
    let release = context.release;
    let opened = report::open(context.services, context.settings, release, context.now).await?;
    let filled = match opened {
        Ok(workbook) => fill(context, &workbook).await?,
        Err(none) => Err(none),
    };
    let (text, evidence, fresh) = match filled {
        Ok(Filled { link, cells, bugs, settled }) => {
            let summary = format!("test report of {release}: {link}");
            let text = format!("Test report of {release} is created: {link}");
            let detail = match settled {
                Settled::ChangedBack => {
                    format!("{summary} (changed by somebody since it was filled, and left so until a retry)")
                }
                _ => format!("{summary} ({cells} cells written, {bugs} bugs in ON_QA added)"),
            };
            let fresh = settled == Settled::Made && cells > 0;
            (text, Evidence { summary: detail, links: vec![link], ..Evidence::default() }, fresh)
        }
        Err(none) => {
            let text = format!("Release {release} is taken up; {none}.");
            (text, Evidence { summary: none.to_string(), ..Evidence::default() }, true)
        }
    };
    context.effects.tell(Message { key: format!("report:{release}"), to: Audience::ReleaseChannel, text });
    Ok(if fresh { Outcome::Passed(evidence) } else { Outcome::AlreadyDone(evidence) })
}

/// What was done to the Sheet.
struct Filled {
    link: String,
    cells: usize,
    bugs: usize,
    settled: Settled,
}

/// Fills the report. All that it lacks is one effect, named by all that is to stand there: a run that was cut off is
/// settled by reading the cells again, and what somebody changed after the report was filled is left to them.
async fn fill(context: &Context<'_>, workbook: &Workbook<'_>) -> Result<Result<Filled, NoSheet>, Early> {
    let tab = match tab(context, workbook).await? {
        Ok(tab) => tab,
        Err(none) => return Ok(Err(none)),
    };
    let book = workbook.book;
    let bugs_range = format!("C{FIRST_ROW}:C");
    let mut read = book.read(&tab, &["B2:B4", "A21:A27", &bugs_range]).await?.into_iter();
    let mut next = || read.next().unwrap_or_default();
    let (head, foot, bugs) = (next(), next(), next());

    let head_cells = [(3, builds(context)), (4, ticket(context))];
    let wanted: Vec<Wanted> = head_cells
        .into_iter()
        .filter_map(|(row, cell)| {
            Some(Wanted { column: 'B', row, shown: shown(&head, row - 2), cell: cell? })
        })
        .chain(foot_cells(context).into_iter().map(|(row, cell)| Wanted {
            column: 'A',
            row,
            shown: shown(&foot, row - 21),
            cell,
        }))
        .collect();
    let links = links(context)?;
    let fixed = fixed_issues(context).await?;
    let words = wanted.iter().map(|wanted| wanted.cell.shown()).chain([links.shown()]);
    let words: Vec<&str> = words.chain(fixed.iter().map(String::as_str)).collect();
    let name = format!("sheet:report:{}", digest(words.join("\n").as_bytes(), 16));

    let listed = until_empty(&bugs);
    let rows = NewRows {
        column: 'C',
        first: FIRST_ROW + listed.len(),
        rows: new_bugs(context, &fixed, &listed).await?,
    };
    let links = (shown(&head, 0) != links.shown()).then_some(links);
    let cells: Vec<Block> = wanted.into_iter().filter_map(Wanted::block).collect();
    let bugs_added = rows.rows.len();
    let cells_written = cells.len() + usize::from(links.is_some()) + bugs_added * 3;
    let link = book.link(&tab);
    let write = SheetWrite { book, tab, cells, links, rows: Some(rows), seen: seen(&[&head, &foot, &bugs]) };
    let found = if write.is_needed() { Seen::Otherwise } else { Seen::AsWanted };
    let key = EffectKey::attempt(&name, context.attempt);
    let settled = settle(context.effects, key, found, &write).await?;
    Ok(Ok(Filled { link, cells: cells_written, bugs: bugs_added, settled }))
}

/// A cell of the report: what it shows, and what it should.
struct Wanted<'a> {
    column: char,
    row: usize,
    shown: &'a str,
    cell: Cell,
}

impl Wanted<'_> {
    /// The block that makes it show what it should; `None` when it does.
    fn block(self) -> Option<Block> {
        (self.shown != self.cell.shown())
            .then(|| Block::cell(format!("{}{}", self.column, self.row), self.cell))
    }
}

/// The release's tab, copied from the template where there is none.
async fn tab(context: &Context<'_>, workbook: &Workbook<'_>) -> Result<Result<Tab, NoSheet>, Early> {
    let title = context.release.to_string();
    let key = EffectKey::attempt(&format!("sheet:tab:{title}"), context.attempt);
    let there = workbook.tab(&title);
    let Some(template) = workbook.tab(TEMPLATE).or(there) else {
        return Ok(Err(NoSheet::NoTab(TEMPLATE.to_owned())));
    };
    let seen = if there.is_some() { Seen::AsWanted } else { Seen::Otherwise };
    let copy = Copy { book: workbook.book, template, title: &title };
    match (settle(context.effects, key.clone(), seen, &copy).await?, there) {
        (_, Some(tab)) => Ok(Ok(tab.clone())),
        (Settled::ChangedBack, None) => Ok(Err(NoSheet::TabRemoved(title))),
        (Settled::Made | Settled::Already, None) => {
            let made = context.effects.made(&key).and_then(|handle| handle.id.parse().ok());
            let id = made.ok_or_else(|| copy.bad("the recorded handle of the copy is no number of a tab"))?;
            Ok(Ok(Tab { id, title }))
        }
    }
}

/// The copy of the template.
///
/// It is named in the same request, and Sheets refuses a second tab of one title: a lost answer or a second writer
/// cannot make two.
struct Copy<'a> {
    book: Book<'a>,
    template: &'a Tab,
    title: &'a str,
}

impl Copy<'_> {
    fn handle(&self, tab: &Tab) -> Handle {
        Handle { kind: "sheet-tab".to_owned(), id: tab.id.to_string(), url: Some(self.book.link(tab)) }
    }

    fn bad(&self, why: &str) -> ServiceError {
        ServiceError {
            service: "sheets",
            call: format!("copy of {} as {}", self.template.title, self.title),
            fault: Fault::BadAnswer { why: why.to_owned(), said: OutsideText::line("", 0) },
        }
    }
}

impl Triggerable for Copy<'_> {
    fn mark(&self) -> BoxFuture<'_, Result<Mark, ServiceError>> {
        // It was not there: the look came just before.
        Box::pin(std::future::ready(Ok(Mark("none".to_owned()))))
    }

    fn find<'a>(&'a self, _mark: &'a Mark) -> BoxFuture<'a, Result<Option<Handle>, ServiceError>> {
        Box::pin(async {
            let tabs = self.book.tabs().await?.unwrap_or_default();
            Ok(tabs.iter().find(|tab| tab.title == self.title).map(|tab| self.handle(tab)))
        })
    }

    fn trigger(&self) -> BoxFuture<'_, Result<Handle, ServiceError>> {
        Box::pin(async { Ok(self.handle(&self.book.duplicate(self.template, self.title).await?)) })
    }
}

/// B3: the candidate of each architecture; nothing to write where there is none.
fn builds(context: &Context<'_>) -> Option<Cell> {
    let lines = context.metadata.candidate_builds.iter().map(|(arch, build)| format!("{arch}: {build}"));
    let text = lines.collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then(|| Cell::text(text))
}

/// B4: the ART ticket.
fn ticket(context: &Context<'_>) -> Option<Cell> {
    context.metadata.jira_ticket.as_deref().map(|key| jira_link(context.services, key))
}

/// B2: one line an advisory, its number a link, and the merge request.
fn links(context: &Context<'_>) -> Result<RichText, Early> {
    let mut text = RichText::default();
    let mut line_end = "";
    for (kind, id) in &context.metadata.advisory_ids {
        text = text
            .plain(&format!("{line_end}{kind}: "))
            .link(&id.to_string(), &context.services.errata.link(*id));
        line_end = "\n";
    }
    if let Some(mr) = shipment(context)? {
        let link = context.services.gitlab.link(&mr);
        text = text.plain(line_end).link(&link, &link);
    }
    Ok(text)
}

/// A21 and below: where test results and readiness can be read.
fn foot_cells(context: &Context<'_>) -> Vec<(usize, Cell)> {
    let (release, arch) = (context.release, context.settings.arch);
    let results = |build: &str| Cell::Link {
        url: format!("{RESULTS}/ocp-test-result-{build}-{}.json", arch.go()),
        label: format!("ocp-test-result-{build}"),
    };
    let candidate = context.metadata.candidate_builds.get(arch.rpm());
    let readiness = |view: String| Cell::Link { url: format!("{READINESS}{view}"), label: view };
    vec![
        (21, Cell::text("Blocking jobs")),
        (22, results(&release.to_string())),
        (
            23,
            candidate
                .map_or_else(|| Cell::text("no-candidate-build-no-test-results"), |build| results(build)),
        ),
        (25, Cell::text("Sippy")),
        (26, readiness(format!("{}-qe-main", release.stream))),
        (27, readiness(format!("{}-qe-auto-release", release.stream))),
    ]
}

/// Jira keys of what the shipment and the advisories fix, each once. A dropped advisory fixes nothing; one that the tool
/// does not know is asked about where it is needed.
async fn fixed_issues(context: &Context<'_>) -> Result<Vec<String>, Early> {
    let mut keys = match shipment(context)? {
        Some(mr) => {
            let gitlab = &context.services.gitlab;
            let request = gitlab.merge_request(&mr).await?;
            gitlab.shipment(&request).await?.jira_keys()
        }
        None => vec![],
    };
    for at in advisories(context) {
        match context.services.errata.advisory(at.id).await {
            Ok(advisory) if advisory.state == AdvisoryState::Dropped => {}
            Ok(advisory) => {
                keys.extend(
                    advisory.jira_issues.into_iter().filter(|key| !keys.contains(key)).collect::<Vec<_>>(),
                );
            }
            Err(ServiceError { fault: Fault::NotFound { .. }, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(keys)
}

/// Rows of the bugs that wait for QE and are not listed yet. Bugs that cannot be seen are left out.
async fn new_bugs(context: &Context<'_>, fixed: &[String], listed: &[&str]) -> Result<Vec<Vec<Cell>>, Early> {
    let services = context.services;
    let mut rows = Vec::new();
    for key in fixed.iter().filter(|key| !listed.contains(&key.as_str())) {
        let IssueLook::Found(issue) = services.jira.issue(key).await? else { continue };
        if issue.status == ON_QA {
            let contact = issue.qa_contact.unwrap_or_else(|| "Unknown".to_owned());
            rows.push(vec![jira_link(services, key), Cell::text(contact), Cell::text(issue.status)]);
        }
    }
    Ok(rows)
}

/// What the first cell of a row shows.
fn shown(rows: &Rows, index: usize) -> &str {
    rows.get(index).and_then(|row| row.first()).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Asked, Bench, outcome};
    use serde_json::{Value, json};
    use std::io::Write as _;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn a_release_without_sheet_passes_and_says_so() {
        let bench = Bench::new(|_| (500, json!({})));
        let Outcome::Passed(evidence) = outcome(run(&bench.context()).await) else {
            panic!("no Sheet is no error")
        };
        assert_eq!(evidence.summary, "no Sheet configured for this y-stream");
        assert_eq!(bench.ledger.told()[0].key, "report:4.20.1");
        let mut bench = Bench::new(|_| (500, json!({})));
        bench.settings.report_spreadsheet = Some("BOOK".to_owned());
        assert!(
            matches!(outcome(run(&bench.context()).await), Outcome::Passed(evidence) if evidence.summary.contains("GCP_SA_FILE"))
        );
    }

    #[tokio::test]
    async fn an_account_that_is_set_but_unreadable_is_a_matter_of_credentials() {
        let unreadable =
            || Bench::with_account(Some("/nonexistent/key.json".to_owned()), |_| (500, json!({})));
        let mut bench = unreadable();
        bench.settings.report_spreadsheet = Some("BOOK".to_owned());
        let Outcome::NeedsCredentials(error) = outcome(run(&bench.context()).await) else {
            panic!("the account was meant to be used")
        };
        assert!(error.to_string().contains("GCP_SA_FILE: cannot read \"/nonexistent/key.json\""), "{error}");
        assert!(bench.ledger.told().is_empty());
        let bench = unreadable();
        assert!(
            matches!(outcome(run(&bench.context()).await), Outcome::Passed(_)),
            "no Sheet needs no account"
        );
    }

    /// A spreadsheet: its tabs and what was entered, as shown.
    #[derive(Default)]
    struct Book {
        tabs: Vec<&'static str>,
        cells: std::collections::BTreeMap<String, String>,
    }

    fn outside(book: &Mutex<Book>, asked: &Asked<'_>) -> (u16, Value) {
        let mut book = book.lock().unwrap();
        let body: Value = serde_json::from_slice(asked.body).unwrap_or_default();
        match asked.what.as_str() {
            "google-token POST /token" => (200, json!({"access_token": "t", "expires_in": 3600})),
            "sheets GET /v4/spreadsheets/BOOK" => {
                let tabs = book
                    .tabs
                    .iter()
                    .enumerate()
                    .map(|(id, title)| json!({"properties": {"sheetId": id, "title": title}}));
                (200, json!({"sheets": tabs.collect::<Vec<_>>()}))
            }
            "sheets GET /v4/spreadsheets/BOOK/values:batchGet" => {
                // `'4.20.1'!B2:B4` is one column of cells; one that does not end ends where the tests do.
                let plain = asked.query.replace("%21", "!").replace("%3A", ":");
                let asked = plain
                    .split('&')
                    .filter_map(|pair| pair.strip_prefix("ranges="))
                    .map(|range| range.rsplit('!').next().unwrap());
                let read = asked.map(|range| {
                    let (from, to) = range.split_once(':').unwrap_or((range, range));
                    let row = |cell: &str| cell[1..].parse::<usize>().unwrap_or(20);
                    let cells = (row(from)..=row(to)).map(|row| {
                        json!([book.cells.get(&format!("{}{row}", &from[..1])).cloned().unwrap_or_default()])
                    });
                    json!({"values": cells.collect::<Vec<_>>()})
                });
                (200, json!({"valueRanges": read.collect::<Vec<_>>()}))
            }
            "sheets POST /v4/spreadsheets/BOOK/values:batchUpdate" => {
                for block in body["data"].as_array().unwrap() {
                    let start = block["range"]
                        .as_str()
                        .unwrap()
                        .rsplit('!')
                        .next()
                        .unwrap()
                        .split(':')
                        .next()
                        .unwrap();
                    let (letter, row): (&str, usize) = (&start[..1], start[1..].parse().unwrap());
                    for (i, cells) in block["values"].as_array().unwrap().iter().enumerate() {
                        let entered = cells[0].as_str().unwrap();
                        let shown = entered
                            .strip_prefix("=HYPERLINK(")
                            .map_or(entered, |link| link.split('"').nth(3).unwrap());
                        book.cells.insert(format!("{letter}{}", row + i), shown.to_owned());
                    }
                }
                (200, json!({}))
            }
            "sheets POST /v4/spreadsheets/BOOK:batchUpdate" => {
                let request = &body["requests"][0];
                if let Some(text) =
                    request.pointer("/updateCells/rows/0/values/0/userEnteredValue/stringValue")
                {
                    book.cells.insert("B2".to_owned(), text.as_str().unwrap().to_owned());
                    return (200, json!({"replies": [{}]}));
                }
                assert_eq!(request["duplicateSheet"], json!({"sourceSheetId": 0, "newSheetName": "4.20.1"}));
                book.tabs.push("4.20.1");
                (
                    200,
                    json!({"replies": [{"duplicateSheet": {"properties": {"sheetId": 1, "title": "4.20.1"}}}]}),
                )
            }
            "gitlab GET /api/v4/projects/group%2Fproject/merge_requests/12" => {
                (200, json!({"iid": 12, "state": "opened", "web_url": "u", "source_branch": "b"}))
            }
            "gitlab GET /api/v4/projects/group%2Fproject/merge_requests/12/changes" => {
                (200, json!({"changes": [{"new_path": "x-image.yaml"}]}))
            }
            "gitlab GET /api/v4/projects/group%2Fproject/repository/files/x-image.yaml" => {
                // shipment: {data: {releaseNotes: {issues: {fixed: [{id: A-1, source: issues.redhat.com}, {id: A-2, …}, {id: A-3, …}]}}}}
                let content = "c2hpcG1lbnQ6IHtkYXRhOiB7cmVsZWFzZU5vdGVzOiB7aXNzdWVzOiB7Zml4ZWQ6IFt7aWQ6IEEtMSwgc291cmNlOiBpc3N1ZXMucmVkaGF0LmNvbX0sIHtpZDogQS0yLCBzb3VyY2U6IGlzc3Vlcy5yZWRoYXQuY29tfSwge2lkOiBBLTMsIHNvdXJjZTogaXNzdWVzLnJlZGhhdC5jb219XX19fX0K";
                (200, json!({"encoding": "base64", "content": content}))
            }
            "jira GET /rest/api/2/serverInfo" => (200, json!({"deploymentType": "Cloud"})),
            "errata GET /api/v1/erratum/5" => {
                let issues =
                    json!({"jira_issues": [{"jira_issue": {"key": "A-4"}}, {"jira_issue": {"key": "A-1"}}]});
                (200, json!({"errata": {"rhba": {"id": 5, "status": "QE"}}, "jira_issues": issues}))
            }
            "jira GET /rest/api/2/issue/A-4" => {
                (200, json!({"key": "A-4", "fields": {"status": {"name": "ON_QA"}}}))
            }
            "jira GET /rest/api/2/issue/A-1" => {
                (200, json!({"key": "A-1", "fields": {"status": {"name": "ON_QA"}}}))
            }
            "jira GET /rest/api/2/issue/A-2" => {
                (200, json!({"key": "A-2", "fields": {"status": {"name": "Verified"}}}))
            }
            _ => (404, json!({"asked": asked.what})),
        }
    }

    /// A release with a spreadsheet that holds the template, and the key file of an account for it.
    fn with_sheet() -> (tempfile::NamedTempFile, Arc<Mutex<Book>>, Bench) {
        let mut account = tempfile::NamedTempFile::new().unwrap();
        let key = include_str!("../../services/src/testdata/service-account-key.pem");
        account
            .write_all(
                json!({"client_email": "robot@example.com", "private_key": key}).to_string().as_bytes(),
            )
            .unwrap();
        let book = Arc::new(Mutex::new(Book { tabs: vec!["template"], ..Book::default() }));
        let seen = Arc::clone(&book);
        let mut bench = Bench::with_account(Some(account.path().display().to_string()), move |asked| {
            outside(&seen, asked)
        });
        bench.settings.report_spreadsheet = Some("BOOK".to_owned());
        bench.metadata.advisory_ids = [("rpm".to_owned(), 5), ("rhcos".to_owned(), 6)].into();
        bench.metadata.candidate_builds =
            [("x86_64".to_owned(), "4.20.0-0.nightly-2026-01-01-000000".to_owned())].into();
        bench.metadata.shipment_mr =
            Some("https://gitlab.example.com/group/project/-/merge_requests/12".to_owned());
        bench.metadata.jira_ticket = Some("ART-1".to_owned());
        (account, book, bench)
    }

    #[tokio::test]
    async fn a_report_is_copied_filled_in_few_calls_and_a_half_filled_one_completed() {
        let (_account, book, mut bench) = with_sheet();
        let Outcome::Passed(evidence) = outcome(run(&bench.context()).await) else {
            panic!("nothing stands in the way")
        };
        assert_eq!(evidence.links, ["https://docs.google.com/spreadsheets/d/BOOK#gid=1"]);
        let writes = |bench: &Bench| bench.writes().iter().filter(|call| call.contains("sheets/")).count();
        assert_eq!(writes(&bench), 3, "the tab, the cells and the bugs together, the cell of links");
        let shown = |cell: &str| book.lock().unwrap().cells.get(cell).cloned().unwrap_or_default();
        assert_eq!(shown("B2"), "rpm: 5\nrhcos: 6\nhttp://gitlab.test/group/project/-/merge_requests/12");
        assert_eq!(
            (shown("B3"), shown("B4")),
            ("x86_64: 4.20.0-0.nightly-2026-01-01-000000".to_owned(), "ART-1".to_owned())
        );
        assert_eq!(
            (shown("A22"), shown("A27")),
            ("ocp-test-result-4.20.1".to_owned(), "4.20-qe-auto-release".to_owned())
        );
        let bugs = ["C8", "C9", "C10"].map(shown);
        assert_eq!(bugs, ["A-1", "A-4", ""], "of the shipment and of the advisories, each once");

        let before = bench.calls_to("sheets");
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::AlreadyDone(_)));
        assert_eq!(bench.calls_to("sheets") - before, 2, "looked at, nothing written");

        let keys = bench.ledger.keys();
        bench.ledger.lose_handles();
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::AlreadyDone(_)));
        assert_eq!((writes(&bench), bench.ledger.keys()), (3, keys), "lost answers: read back and adopted");

        book.lock().unwrap().cells.remove("B2");
        book.lock().unwrap().cells.remove("C8");
        let Outcome::AlreadyDone(evidence) = outcome(run(&bench.context()).await) else {
            panic!("somebody meant it")
        };
        assert!(evidence.summary.contains("changed by somebody since it was filled"), "{}", evidence.summary);
        bench.attempt = 2;
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Passed(_)));
        assert_eq!((shown("B2").is_empty(), shown("C8").as_str()), (false, "A-1"), "a retry completes it");
        assert_eq!(bench.ledger.told().len(), 1);
    }
    #[tokio::test]
    async fn cells_that_an_interrupted_run_did_not_come_to_are_written_and_an_empty_answer_is_no_spreadsheet()
    {
        let (_account, book, bench) = with_sheet();
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Passed(_)));
        bench.ledger.lose_handles();
        book.lock().unwrap().cells.remove("B2");
        assert!(matches!(outcome(run(&bench.context()).await), Outcome::Passed(_)));
        assert!(book.lock().unwrap().cells.contains_key("B2"), "the cells had been written, the links not");

        let (_account, book, bench) = with_sheet();
        book.lock().unwrap().tabs.clear();
        assert!(
            matches!(outcome(run(&bench.context()).await), Outcome::Transient(_)),
            "not: no Sheet, passed"
        );
        assert!(bench.ledger.told().is_empty());
    }

    #[tokio::test]
    async fn a_tab_that_somebody_removed_is_not_copied_again_within_the_attempt() {
        let (_account, book, mut bench) = with_sheet();
        run(&bench.context()).await.unwrap();
        *book.lock().unwrap() = Book { tabs: vec!["template"], ..Book::default() };
        let Outcome::Passed(evidence) = outcome(run(&bench.context()).await) else { panic!("no error") };
        assert_eq!(
            evidence.summary,
            "the tab 4.20.1 was made and removed since; it is left so until a retry"
        );
        assert_eq!(book.lock().unwrap().tabs, ["template"]);
        bench.attempt = 2;
        run(&bench.context()).await.unwrap();
        assert_eq!(book.lock().unwrap().tabs, ["template", "4.20.1"]);
    }
}
