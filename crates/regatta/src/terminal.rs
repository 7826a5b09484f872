//! Showing a release that moves: plain lines, or a table that is drawn anew on a terminal. All of it goes to stderr.

use jiff::Timestamp;
use regatta_engine::Watch;
use regatta_engine::report::{Moved, Observer, Snapshot, Waiting};
use regatta_kit::{Overall, Release, Status};
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use unicode_width::UnicodeWidthChar as _;

use crate::cli::Globals;

/// An instant to the minute, as people read it.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%a %d %b %H:%MZ").to_string()
}

/// A line of talk on stderr. That nobody reads it any more is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether stderr is a terminal that a picture can be drawn on.
pub(crate) fn can_draw() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Tasks that wait for the same.
pub(crate) struct Together<'a> {
    pub(crate) tasks: Vec<&'static str>,
    pub(crate) why: &'a str,
    /// The first of their next looks.
    pub(crate) next_look: Option<Timestamp>,
}

/// Waits in their order, those with one reason together.
pub(crate) fn folded<'a>(waiting: impl Iterator<Item = &'a Waiting>) -> Vec<Together<'a>> {
    let mut folded: Vec<Together<'a>> = Vec::new();
    for wait in waiting {
        match folded.iter_mut().find(|together| together.why == wait.why) {
            Some(together) => {
                together.tasks.push(wait.task.name());
                together.next_look = [together.next_look, wait.check_after].into_iter().flatten().min();
            }
            None => folded.push(Together {
                tasks: vec![wait.task.name()],
                why: &wait.why,
                next_look: wait.check_after,
            }),
        }
    }
    folded
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Plain lines on stderr.
pub(crate) struct Lines {
    last_wait: Mutex<String>,
    verbose: bool,
    watch: Watch,
}

impl Lines {
    /// Lines of a drive that is watched this way.
    pub(crate) fn new(globals: &Globals, watch: Watch) -> Self {
        Self { last_wait: Mutex::default(), verbose: globals.verbose > 0, watch }
    }

    fn line(&self, at: Timestamp, text: &str) {
        say(&format!("{}  {text}", minute(at)));
    }

    /// Says what is waited for when that has changed since it was last said.
    fn waits_once(&self, snapshot: &Snapshot) {
        let waits: Vec<String> = folded(snapshot.waiting.iter().filter(|w| w.waits_for != "tasks"))
            .iter()
            .map(|Together { tasks, why, .. }| {
                format!("{} {}: {why}", listed(tasks), if tasks.len() == 1 { "waits" } else { "wait" })
            })
            .collect();
        let now = waits.join("\n");
        let mut last = self.last_wait.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == now {
            return;
        }
        for wait in waits.iter().filter(|w| !last.lines().any(|old| old == *w)) {
            self.line(snapshot.now, wait);
        }
        *last = now;
    }
}

impl Observer for Lines {
    fn moved(&self, moved: &Moved) {
        self.line(moved.at, &format!("{}: {}", moved.task, moved.outcome));
    }

    fn waits(&self, snapshot: &dyn Fn() -> Snapshot) {
        // What a single round waits for stands in its summary.
        if self.watch == Watch::UntilDone {
            self.waits_once(&snapshot());
        }
    }

    fn hindered(&self, at: Timestamp, why: &str) {
        // The summary of a single round says it.
        if self.watch == Watch::UntilDone {
            self.line(at, why);
        }
    }

    fn takes_over(&self, at: Timestamp, from: &str) {
        self.line(at, &format!("takes over from {from}, which stopped without giving the release back"));
    }

    fn told(&self, line: &str) {
        if self.verbose {
            say(&format!("{:22}{line}", ""));
        }
    }
}

/// A table of the tasks, drawn in place.
pub(crate) struct Board {
    state: Mutex<BoardState>,
    colour: bool,
    release: Release,
    seed: u64,
}

struct BoardState {
    /// Columns of each line as drawn last; none when nothing stands there that may be drawn over.
    drawn: Vec<usize>,
    last_moves: Vec<String>,
}

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    columns: usize,
    rows: usize,
}

const MOVES_SHOWN: usize = 5;

impl Board {
    pub(crate) fn new(release: Release, seed: u64, colour: bool) -> Self {
        Self {
            state: Mutex::new(BoardState { drawn: Vec::new(), last_moves: Vec::new() }),
            colour,
            release,
            seed,
        }
    }

    fn paint(&self, status: Status) -> String {
        let code = match status {
            Status::NotStarted => "2",
            Status::InProgress => "33",
            Status::Pass => "32",
            Status::Fail => "1;31",
        };
        let sign = match status {
            Status::NotStarted => "·",
            Status::InProgress => "▶",
            Status::Pass => "✓",
            Status::Fail => "✗",
        };
        let word = format!("{sign} {:11}", status.word());
        if self.colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word }
    }

    /// Leaves the picture where it is: the next one is drawn below whatever comes between.
    pub(crate) fn let_go(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).drawn.clear();
    }

    /// The picture, at most as high as `size`: the last moves go first, then what is below.
    fn picture(&self, snapshot: &Snapshot, last_moves: &[String], size: Size) -> Vec<String> {
        let mut lines = vec![
            format!(
                "Regatta demo  {}  seed {}  {}  {}",
                self.release,
                self.seed,
                minute(snapshot.now),
                if snapshot.overall == Overall::Green { "Green" } else { "Red" }
            ),
            String::new(),
        ];
        for (task, status) in snapshot.tasks.iter() {
            let why = snapshot.waiting.iter().find(|w| w.task == task).map_or("", |w| w.why.as_str());
            let line = format!("  {} {:23}  {}", self.paint(*status), task.name(), why.replace('\n', " "));
            lines.push(line.trim_end().to_owned());
        }
        // The cursor stands on a row of its own below.
        let rows = size.rows.saturating_sub(1).max(1);
        let left = rows.saturating_sub(lines.len() + 1).min(last_moves.len());
        if left > 0 {
            lines.push(String::new());
            lines.extend(last_moves[last_moves.len() - left..].iter().cloned());
        }
        lines.truncate(rows);
        lines.iter().map(|line| cut(line, size.columns)).collect()
    }

    fn draw(&self, snapshot: &Snapshot) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let size = terminal_size();
        let lines = self.picture(snapshot, &state.last_moves, size);
        let mut out = String::new();
        // A terminal made narrower since has wrapped the old lines.
        let old_rows: usize = state.drawn.iter().map(|columns| columns.div_ceil(size.columns).max(1)).sum();
        if old_rows > 0 {
            out.push_str(&format!("\r\x1b[{}A", old_rows.min(size.rows.saturating_sub(1)).max(1)));
        }
        for line in &lines {
            out.push_str(line);
            // What is left of the old line, and the next.
            out.push_str("\x1b[K\n");
        }
        // A shorter picture than before leaves lines below it.
        out.push_str("\x1b[J");
        state.drawn = lines.iter().map(|line| columns(line)).collect();
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(out.as_bytes()).and_then(|()| err.flush());
    }
}

impl Observer for Board {
    fn moved(&self, moved: &Moved) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = moved.outcome.replace('\n', " ");
        state.last_moves.push(format!("  {}  {}: {outcome}", minute(moved.at), moved.task));
        let extra = state.last_moves.len().saturating_sub(MOVES_SHOWN);
        state.last_moves.drain(..extra);
    }

    fn waits(&self, snapshot: &dyn Fn() -> Snapshot) {
        self.draw(&snapshot());
    }
}

/// The terminal's size now; where it does not tell, what the shell says, else the smallest usual one.
fn terminal_size() -> Size {
    let told = terminal_size::terminal_size_of(std::io::stderr());
    let shell = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (columns, rows) = match told {
        Some((terminal_size::Width(columns), terminal_size::Height(rows))) if columns > 0 && rows > 0 => {
            (usize::from(columns), usize::from(rows))
        }
        _ => (shell("COLUMNS").unwrap_or(80), shell("LINES").unwrap_or(24)),
    };
    Size { columns: columns.max(2), rows: rows.max(2) }
}

/// A line in pieces: a character, and the columns it takes; escape sequences take none.
fn pieces(line: &str) -> impl Iterator<Item = (char, usize)> {
    let mut escape = false;
    line.chars().map(move |c| {
        if escape {
            escape = c != 'm';
            (c, 0)
        } else if c == '\x1b' {
            escape = true;
            (c, 0)
        } else {
            (c, c.width().unwrap_or(0))
        }
    })
}

/// The columns a line takes.
fn columns(line: &str) -> usize {
    pieces(line).map(|(_, width)| width).sum()
}

/// At most `width` columns.
fn cut(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for (c, columns) in pieces(line) {
        used += columns;
        if used >= width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    if line.contains('\x1b') {
        kept.push_str("\x1b[0m");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use regatta_kit::{Task, TaskMap};

    #[test]
    fn cutting_counts_what_is_seen() {
        assert_eq!(cut("\u{1b}[32mPass\u{1b}[0m and more", 8), "\u{1b}[32mPass\u{1b}[0m an…\u{1b}[0m");
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("船船船", 5), "船船…", "wide characters take two columns");
        assert_eq!(cut("船船船", 4), "船…", "and are never halved");
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!([listed(&[]), listed(&["a"]), listed(&["a", "b"])], ["", "a", "a and b"]);
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn a_picture_fits_its_terminal() {
        let now: Timestamp = "2026-04-16T15:03:10Z".parse().unwrap();
        let wait = Waiting {
            task: Task::StageTesting,
            waits_for: "tasks".to_owned(),
            why: "waits for push-to-cdn-staging and for everything that comes before it\nand more".to_owned(),
            since: now,
            check_after: None,
        };
        let snapshot = Snapshot {
            release: "4.20.1".parse().unwrap(),
            now,
            tasks: TaskMap::from_fn(|_| Status::NotStarted),
            overall: Overall::Green,
            waiting: vec![wait],
            needs_human: Vec::new(),
            next_look: None,
        };
        let moves: Vec<String> = (1..=5).map(|n| format!("  move {n}")).collect();
        let board = Board::new(snapshot.release, 1, false);
        let draw = |columns, rows| board.picture(&snapshot, &moves, Size { columns, rows });
        insta::assert_snapshot!(draw(60, 16).join("\n"), @"
        Regatta demo  4.20.1  seed 1  Thu 16 Apr 15:03Z  Green

          · Not Started create-test-report
          · Not Started take-ownership
          · Not Started check-cve-tracker-bug
          · Not Started push-to-cdn-staging
          · Not Started analyze-candidate-build
          · Not Started analyze-promoted-build
          · Not Started image-consistency-check
          · Not Started stage-testing            waits for push-to-…
          · Not Started image-signed-check
          · Not Started change-advisory-status

          move 4
          move 5
        ");
        for (columns, rows) in [(80, 30), (20, 5), (2, 2), (400, 100)] {
            let lines = draw(columns, rows);
            assert!(lines.len() < rows && lines.iter().all(|l| super::columns(l) <= columns), "{lines:?}");
        }
        assert_eq!(draw(120, 100).len(), 2 + 10 + 1 + 5);
    }
}
