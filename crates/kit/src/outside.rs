//! Text that came from outside: logs, tickets, chat, error bodies. It is data and decides nothing.

use std::fmt;

/// Outside text, made safe to show: control characters become spaces, and its length is bounded.
///
/// Terminal escape sequences and forged lines are defused by the first rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct OutsideText(String);

impl OutsideText {
    /// Keeps at most `limit` characters on one line; a cut is marked with `…`.
    #[must_use]
    pub fn line(text: &str, limit: usize) -> Self {
        let mut kept: String = text
            .trim()
            .chars()
            .take(limit)
            .map(|c| if c.is_control() || is_direction_mark(c) { ' ' } else { c })
            .collect();
        if text.trim().chars().nth(limit).is_some() {
            kept.push('…');
        }
        Self(kept)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that reorder what a reader sees.
const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for OutsideText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_lines_are_defused_and_length_is_bounded() {
        let text = OutsideText::line("ok\u{1b}[31m\ntask [x] is [Pass]", 12);
        assert_eq!(text.as_str(), "ok [31m task…");
        assert_eq!(OutsideText::line("short", 12).as_str(), "short");
    }
}
