//! Showing a release that moves: plain lines, or a table that is drawn anew on a terminal. All of it goes to stderr.

use jiff::Timestamp;
use regatta_engine::report::{Moved, Observer, Snapshot};
use regatta_kit::{Overall, Release, Status};
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use crate::cli::Globals;

/// An instant to the minute, as people read it.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%a %d %b %H:%MZ").to_string()
}

/// Plain lines on stderr.
pub(crate) struct Lines {
    last_wait: Mutex<String>,
    verbose: bool,
}

impl Lines {
    pub(crate) fn new(globals: &Globals) -> Self {
        Self { last_wait: Mutex::default(), verbose: globals.verbose > 0 }
    }

    pub(crate) fn line(&self, at: Timestamp, text: &str) {
        eprintln!("{}  {text}", minute(at));
    }

    pub(crate) fn quiet_line(&self, text: &str) {
        if self.verbose {
            eprintln!("{:22}{text}", "");
        }
    }

    /// Says what is waited for when that has changed since it was last said.
    pub(crate) fn waits_once(&self, snapshot: &Snapshot) {
        let waits: Vec<String> = snapshot
            .waiting
            .iter()
            .filter(|w| w.waits_for != "tasks")
            .map(|w| format!("{} waits: {}", w.task, w.why))
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

/// A table of the tasks, drawn in place.
pub(crate) struct Board {
    state: Mutex<BoardState>,
    colour: bool,
    release: Release,
    seed: u64,
}

struct BoardState {
    drawn_lines: usize,
    last_moves: Vec<String>,
}

const MOVES_SHOWN: usize = 5;

impl Board {
    pub(crate) fn new(release: Release, seed: u64, colour: bool) -> Self {
        Self {
            state: Mutex::new(BoardState { drawn_lines: 0, last_moves: Vec::new() }),
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

    fn draw(&self, snapshot: &Snapshot) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = vec![format!(
            "Regatta demo   release {}   seed {}   scenario time {}   overall {}",
            self.release,
            self.seed,
            minute(snapshot.now),
            if snapshot.overall == Overall::Green { "Green" } else { "Red" }
        )];
        lines.push(String::new());
        for (task, status) in snapshot.tasks.iter() {
            let why = snapshot.waiting.iter().find(|w| w.task == task).map_or("", |w| w.why.as_str());
            lines.push(format!("  {}  {:24} {}", self.paint(*status), task.name(), why));
        }
        lines.push(String::new());
        lines.extend(state.last_moves.iter().cloned());
        let width = terminal_width();
        let mut out = String::new();
        if state.drawn_lines > 0 {
            out.push_str(&format!("\x1b[{}A", state.drawn_lines));
        }
        for line in &lines {
            out.push_str("\x1b[2K");
            out.push_str(&cut(line, width));
            out.push('\n');
        }
        // A shorter picture than before leaves lines below it.
        out.push_str("\x1b[J");
        state.drawn_lines = lines.len();
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(out.as_bytes()).and_then(|()| err.flush());
    }
}

impl Observer for Board {
    fn moved(&self, moved: &Moved) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last_moves.push(format!("  {}  {}: {}", minute(moved.at), moved.task, moved.outcome));
        let extra = state.last_moves.len().saturating_sub(MOVES_SHOWN);
        state.last_moves.drain(..extra);
    }

    fn waits(&self, snapshot: &Snapshot) {
        self.draw(snapshot);
    }
}

/// The width the shell tells, else a safe one.
fn terminal_width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|w| *w >= 40).unwrap_or(118)
}

/// At most `width` columns; escape sequences take none.
fn cut(line: &str, width: usize) -> String {
    let mut kept = String::new();
    let (mut used, mut escape) = (0, false);
    for c in line.chars() {
        if escape {
            escape = c != 'm';
        } else if c == '\x1b' {
            escape = true;
        } else {
            used += 1;
            if used >= width {
                kept.push('…');
                if line.contains('\x1b') {
                    kept.push_str("\x1b[0m");
                }
                return kept;
            }
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_what_is_seen() {
        assert_eq!(cut("\u{1b}[32mPass\u{1b}[0m and more", 8), "\u{1b}[32mPass\u{1b}[0m an…\u{1b}[0m");
        assert_eq!(cut("short", 8), "short");
    }
}
