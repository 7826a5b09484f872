//! The YAML layout, written as production's tool writes it.
//!
//! Readers of these files compare them line by line, so the rules are those of the writer in use there: block style,
//! keys in order, lists not indented below their key, width 80, unicode as it is; `|` for text with line breaks where
//! a block can hold it, else double quotes; plain words where they can be mistaken for nothing else, else single
//! quotes. The one departure: text with the line breaks of unicode (NEL, LS, PS) goes into double quotes, because any
//! other form would come back changed.

use serde_json::{Map, Value};

/// The column past which a line is broken at its next single space.
const WIDTH: usize = 80;
/// Spaces a level.
const STEP: usize = 2;
/// A key this long, or longer, is written after a `?`.
const LONG_KEY: usize = 123;

/// Writes a tree.
pub fn write(tree: &Value) -> String {
    let mut writer = Writer { out: String::new(), column: 0, open_end: false };
    match tree {
        Value::Object(map) if !map.is_empty() => writer.mapping(map, 0),
        Value::Array(list) if !list.is_empty() => writer.sequence(list, 0),
        other => {
            writer.scalar(&render(other), STEP, Place::Value);
            writer.fresh_line();
        }
    }
    if writer.open_end {
        // Kept line breaks at the very end would otherwise belong to whatever is appended.
        writer.put("...");
        writer.fresh_line();
    }
    writer.out
}

/// Where a scalar stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a colon: on one line.
    Key,
    /// Anywhere else.
    Value,
}

/// A scalar before it is written: its text, and whether it is a string that must come back as one.
enum Scalar<'a> {
    Text(&'a str),
    Bare(String),
}

fn render(value: &Value) -> Scalar<'_> {
    match value {
        Value::String(text) => Scalar::Text(text),
        Value::Null => Scalar::Bare("null".to_owned()),
        Value::Bool(flag) => Scalar::Bare(flag.to_string()),
        Value::Number(number) => Scalar::Bare(match number.as_f64() {
            Some(float) if number.is_f64() => float_text(float),
            _ => number.to_string(),
        }),
        Value::Array(_) => Scalar::Bare("[]".to_owned()),
        Value::Object(_) => Scalar::Bare("{}".to_owned()),
    }
}

/// A float in the form that readers of YAML 1.1 take for one: with a dot always, and a sign in the exponent.
fn float_text(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{dot}e{sign}{:02}", exponent.abs())
}

struct Writer {
    out: String,
    /// Characters on the current line.
    column: usize,
    /// Whether the last thing written is a block that keeps its line breaks.
    open_end: bool,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
        self.open_end = false;
    }

    fn fresh_line(&mut self) {
        if self.column > 0 {
            self.out.push('\n');
            self.column = 0;
        }
    }

    fn indent(&mut self, indent: usize) {
        self.fresh_line();
        self.pad(indent);
    }

    /// Spaces up to a column.
    fn pad(&mut self, column: usize) {
        for _ in self.column..column {
            self.out.push(' ');
        }
        self.column = self.column.max(column);
    }

    fn mapping(&mut self, map: &Map<String, Value>, indent: usize) {
        for (i, (key, value)) in map.iter().enumerate() {
            // The first key of a mapping inside a list stands on the dash's line.
            if i == 0 && self.column > 0 && self.column < indent {
                self.pad(indent)
            } else {
                self.indent(indent)
            }
            let analysis = Analysis::of(key);
            if !key.is_empty() && !analysis.line_breaks && key.chars().count() < LONG_KEY {
                self.scalar(&Scalar::Text(key), indent + STEP, Place::Key);
                self.put(":");
                self.value_after_key(value, indent);
            } else {
                self.put("?");
                self.item(&Value::String(key.clone()), indent);
                self.indent(indent);
                self.put(":");
                self.item(value, indent);
            }
        }
        self.fresh_line();
    }

    fn value_after_key(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.fresh_line();
                self.mapping(map, indent + STEP);
            }
            Value::Array(list) if !list.is_empty() => {
                self.fresh_line();
                self.sequence(list, indent);
            }
            other => {
                self.put(" ");
                self.scalar(&render(other), indent + STEP, Place::Value);
            }
        }
    }

    fn sequence(&mut self, list: &[Value], indent: usize) {
        for (i, value) in list.iter().enumerate() {
            if i == 0 && self.column > 0 && self.column < indent {
                self.pad(indent)
            } else {
                self.indent(indent)
            }
            self.put("-");
            self.item(value, indent);
        }
        self.fresh_line();
    }

    /// What follows a dash, or one of the marks of a long key: it begins on the same line.
    fn item(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => self.mapping(map, indent + STEP),
            Value::Array(list) if !list.is_empty() => self.sequence(list, indent + STEP),
            other => {
                self.put(" ");
                self.scalar(&render(other), indent + STEP, Place::Value);
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, indent: usize, place: Place) {
        let text = match scalar {
            Scalar::Bare(text) => return self.put(text),
            Scalar::Text(text) => text,
        };
        let analysis = Analysis::of(text);
        let block = text.contains('\n');
        if block && place == Place::Value && analysis.allows_block() {
            self.literal(text, indent);
        } else if !block && analysis.allows_plain() && !text.is_empty() && !is_taken(text) {
            self.broken_at_spaces(text, indent, place);
        } else if !block && analysis.allows_single() {
            self.put("'");
            self.broken_at_spaces(&text.replace('\'', "''"), indent, place);
            self.put("'");
        } else {
            self.double_quoted(text, indent, place);
        }
    }

    /// Words with their spaces; past the width the next single space between two words becomes a line break.
    fn broken_at_spaces(&mut self, text: &str, indent: usize, place: Place) {
        let mut rest = text;
        let mut first = true;
        while !rest.is_empty() {
            let word_end = rest.find(' ').unwrap_or(rest.len());
            let (word, tail) = rest.split_at(word_end);
            self.put(word);
            first &= word.is_empty();
            let space_end = tail.find(|c| c != ' ').unwrap_or(tail.len());
            let (spaces, next) = tail.split_at(space_end);
            let between_words = !first && !next.is_empty();
            if spaces.len() == 1 && between_words && place == Place::Value && self.column > WIDTH {
                self.indent(indent);
            } else {
                self.put(spaces);
            }
            first = false;
            rest = next;
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        let mut header = "|".to_owned();
        if text.starts_with([' ', '\n']) {
            header.push('2');
        }
        let keeps = text.ends_with("\n\n") || text == "\n";
        header.push_str(if keeps {
            "+"
        } else if text.ends_with('\n') {
            ""
        } else {
            "-"
        });
        self.put(&header);
        self.fresh_line();
        let body = text.strip_suffix('\n').unwrap_or(text);
        for line in body.split('\n') {
            if !line.is_empty() {
                self.pad(indent);
                self.out.push_str(line);
            }
            self.out.push('\n');
            self.column = 0;
        }
        self.open_end = keeps;
    }

    fn double_quoted(&mut self, text: &str, indent: usize, place: Place) {
        self.put("\"");
        let chars: Vec<char> = text.chars().collect();
        // `start..end` is read but not yet written.
        let (mut start, mut end) = (0, 0);
        while end <= chars.len() {
            let here = chars.get(end).copied();
            let escape = here.is_some_and(|c| !stands_in_double_quotes(c));
            if here.is_none() || escape {
                if start < end {
                    self.put_chars(&chars[start..end]);
                    start = end;
                }
                if let Some(c) = here {
                    self.put(&escaped(c));
                    start = end + 1;
                }
            }
            let inside = end > 0 && end + 1 < chars.len();
            let may_break = here == Some(' ') || start >= end;
            // After an escape `start` is one past `end`, and the line counts as one shorter.
            let column = (self.column + end).saturating_sub(start);
            if inside && may_break && column > WIDTH && place == Place::Value {
                if start < end {
                    self.put_chars(&chars[start..end]);
                    start = end;
                }
                self.put("\\");
                self.indent(indent);
                if chars[start] == ' ' {
                    // A space at the beginning of the next line has to say that it counts.
                    self.put("\\");
                }
            }
            end += 1;
        }
        self.put("\"");
    }

    fn put_chars(&mut self, chars: &[char]) {
        self.out.extend(chars);
        self.column += chars.len();
        self.open_end = false;
    }
}

fn stands_in_double_quotes(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn escaped(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            let code = u32::from(other);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// What a text contains that forbids one style or another.
#[derive(Debug, Default)]
struct Analysis {
    /// Something that means something else outside of quotes.
    indicators: bool,
    line_breaks: bool,
    /// Characters that only an escape can carry.
    special: bool,
    /// A space or line break at the beginning.
    blank_start: bool,
    /// A space or line break at the end.
    blank_end: bool,
    space_end: bool,
    /// A space at the beginning of a later line.
    break_space: bool,
    /// A space at the end of a line.
    space_break: bool,
}

impl Analysis {
    fn of(text: &str) -> Self {
        let mut found = Self {
            indicators: text.starts_with("---") || text.starts_with("..."),
            blank_start: text.starts_with([' ', '\n']),
            blank_end: text.ends_with([' ', '\n']),
            space_end: text.ends_with(' '),
            ..Self::default()
        };
        let blank = |c: Option<char>| c.is_none_or(|c| matches!(c, '\0' | ' ' | '\t' | '\r' | '\n'));
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            found.indicators |= match c {
                '#' => blank(before),
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    before.is_none()
                }
                '?' | '-' => before.is_none() && blank(next),
                ':' => blank(next),
                _ => false,
            };
            found.line_breaks |= c == '\n';
            let stands = matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10fffe}');
            found.special |= !stands || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}');
            found.break_space |= c == ' ' && before == Some('\n');
            found.space_break |= c == '\n' && before == Some(' ');
            before = Some(c);
        }
        found
    }

    fn allows_plain(&self) -> bool {
        self.allows_single() && !self.line_breaks && !self.indicators && !self.blank_start && !self.blank_end
    }

    fn allows_single(&self) -> bool {
        !self.special && !self.space_break && !self.break_space
    }

    fn allows_block(&self) -> bool {
        !self.special && !self.space_break && !self.space_end
    }
}

/// Whether a plain word would be read as something other than a string (YAML 1.1: booleans, null, numbers, dates).
pub(crate) fn is_taken(word: &str) -> bool {
    is_bool(word).is_some()
        || is_null(word)
        || matches!(word, "<<" | "=")
        || is_int(word)
        || is_float(word)
        || is_timestamp(word)
}

/// The booleans of YAML 1.1 as the tool in use knows them: three spellings of six words.
pub(crate) fn is_bool(word: &str) -> Option<bool> {
    let upper = word.to_ascii_uppercase();
    let lower = word.to_ascii_lowercase();
    let mut capital = lower.clone();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if ![upper, lower.clone(), capital].iter().any(|spelling| spelling == word) {
        return None;
    }
    match lower.as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

pub(crate) fn is_null(word: &str) -> bool {
    matches!(word, "" | "~" | "null" | "Null" | "NULL")
}

fn unsigned(word: &str) -> &str {
    word.strip_prefix(['-', '+']).unwrap_or(word)
}

/// Digits and underscores, beginning with a digit that `first` accepts.
fn digits(word: &str, first: impl Fn(u8) -> bool) -> bool {
    word.bytes().next().is_some_and(first) && word.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// `:MM` parts of the sixties notation, at least one.
fn sixties(parts: &str) -> bool {
    parts.split(':').all(|part| match part.as_bytes() {
        [b] => b.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    })
}

pub(crate) fn is_int(word: &str) -> bool {
    let word = unsigned(word);
    let some =
        |rest: &str, digit: fn(u8) -> bool| !rest.is_empty() && rest.bytes().all(|b| b == b'_' || digit(b));
    if let Some(rest) = word.strip_prefix("0b") {
        return some(rest, |b| matches!(b, b'0' | b'1'));
    }
    if let Some(rest) = word.strip_prefix("0x") {
        return some(rest, |b| b.is_ascii_hexdigit());
    }
    if let Some(rest) = word.strip_prefix('0') {
        return rest.is_empty() || some(rest, |b| (b'0'..=b'7').contains(&b));
    }
    let leading = |b: u8| (b'1'..=b'9').contains(&b);
    match word.split_once(':') {
        Some((head, parts)) => digits(head, leading) && sixties(parts),
        None => digits(word, leading),
    }
}

pub(crate) fn is_float(word: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit();
    if matches!(word, ".nan" | ".NaN" | ".NAN") || matches!(unsigned(word), ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let exponent = |text: &str| {
        let rest = text.strip_prefix(['e', 'E']).and_then(|rest| rest.strip_prefix(['-', '+']));
        text.is_empty()
            || rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let fraction_then_exponent = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '_')).unwrap_or(text.len());
        exponent(&text[end..])
    };
    if let Some(rest) = word.strip_prefix('.') {
        return rest.bytes().next().is_some_and(digit) && fraction_then_exponent(rest);
    }
    let Some((whole, rest)) = unsigned(word).split_once('.') else { return false };
    match whole.split_once(':') {
        Some((head, parts)) => {
            digits(head, digit) && sixties(parts) && rest.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        }
        None => digits(whole, digit) && fraction_then_exponent(rest),
    }
}

pub(crate) fn is_timestamp(word: &str) -> bool {
    fn number(text: &str, range: std::ops::RangeInclusive<usize>) -> Option<&str> {
        let n = text.bytes().take_while(u8::is_ascii_digit).take(*range.end()).count();
        range.contains(&n).then(|| &text[n..])
    }
    let bytes = word.as_bytes();
    if word.len() == 10
        && word
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
    {
        return true;
    }
    if !bytes.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let parse = || {
        let rest = number(word, 4..=4)?.strip_prefix('-')?;
        let rest = number(rest, 1..=2)?.strip_prefix('-')?;
        let rest = number(rest, 1..=2)?;
        let spaces = rest.trim_start_matches([' ', '\t']);
        let rest = if spaces.len() < rest.len() { spaces } else { rest.strip_prefix(['T', 't'])? };
        let rest = number(rest, 1..=2)?.strip_prefix(':')?;
        let rest = number(rest, 2..=2)?.strip_prefix(':')?;
        let mut rest = number(rest, 2..=2)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        let zone = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() || zone == "Z" {
            return Some(());
        }
        let rest = number(zone.strip_prefix(['-', '+'])?, 1..=2)?;
        let minutes = rest.strip_prefix(':').and_then(|rest| number(rest, 2..=2));
        (rest.is_empty() || minutes == Some("")).then_some(())
    };
    parse().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml_read;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn scalars_are_written_as_the_tool_in_use_writes_them() {
        let cases = [
            ("", " ''\n"),
            ("plain", " plain\n"),
            ("two words", " two words\n"),
            ("a: b", " 'a: b'\n"),
            ("a:b", " a:b\n"),
            ("http://x", " http://x\n"),
            ("ends:", " 'ends:'\n"),
            ("# no", " '# no'\n"),
            ("a #b", " 'a #b'\n"),
            ("a#b", " a#b\n"),
            ("- x", " '- x'\n"),
            ("-x", " -x\n"),
            ("-", " '-'\n"),
            ("? x", " '? x'\n"),
            ("?x", " ?x\n"),
            ("[x]", " '[x]'\n"),
            ("x]", " x]\n"),
            ("{x", " '{x'\n"),
            ("&a", " '&a'\n"),
            ("*a", " '*a'\n"),
            ("!a", " '!a'\n"),
            ("|", " '|'\n"),
            (">", " '>'\n"),
            ("%a", " '%a'\n"),
            ("@a", " '@a'\n"),
            ("`a", " '`a'\n"),
            ("it's", " it's\n"),
            ("'q'", " '''q'''\n"),
            ("\"q\"", " '\"q\"'\n"),
            ("say \"x\"", " say \"x\"\n"),
            (" lead", " ' lead'\n"),
            ("trail ", " 'trail '\n"),
            ("yes", " 'yes'\n"),
            ("No", " 'No'\n"),
            ("ON", " 'ON'\n"),
            ("oN", " oN\n"),
            ("null", " 'null'\n"),
            ("~", " '~'\n"),
            ("Null", " 'Null'\n"),
            ("1", " '1'\n"),
            ("1.0", " '1.0'\n"),
            ("1e5", " 1e5\n"),
            ("1.5e+3", " '1.5e+3'\n"),
            (".5", " '.5'\n"),
            ("0x1F", " '0x1F'\n"),
            ("010", " '010'\n"),
            ("08", " 08\n"),
            ("0b1", " '0b1'\n"),
            ("1_000", " '1_000'\n"),
            ("1:30", " '1:30'\n"),
            ("4.20.18", " 4.20.18\n"),
            ("2026-04-03", " '2026-04-03'\n"),
            ("2026-4-3", " 2026-4-3\n"),
            ("2026-04-03T16:03:22Z", " '2026-04-03T16:03:22Z'\n"),
            ("2026-04-03 16:03:22.5 +02:00", " '2026-04-03 16:03:22.5 +02:00'\n"),
            ("2026-Apr-09", " 2026-Apr-09\n"),
            ("=", " '='\n"),
            ("<<", " '<<'\n"),
            ("...", " '...'\n"),
            ("---x", " '---x'\n"),
            (".", " .\n"),
            (".inf", " '.inf'\n"),
            (".nan", " '.nan'\n"),
            ("true", " 'true'\n"),
            ("a\nb", " |-\n    a\n    b\n"),
            ("a\nb\n", " |\n    a\n    b\n"),
            ("a\nb\n\n", " |+\n    a\n    b\n\n...\n"),
            ("\na", " |2-\n\n    a\n"),
            (" a\nb", " |2-\n     a\n    b\n"),
            ("a\n  b", " |-\n    a\n      b\n"),
            ("a \nb", " \"a \\nb\"\n"),
            ("a\nb ", " \"a\\nb \"\n"),
            ("a\n\nb", " |-\n    a\n\n    b\n"),
            ("\n", " |2+\n\n...\n"),
            ("tab\there", " \"tab\\there\"\n"),
            ("a\tb\nc", " \"a\\tb\\nc\"\n"),
            ("bell\u{7}", " \"bell\\a\"\n"),
            ("é 日本", " é 日本\n"),
            ("🚢", " 🚢\n"),
            ("🚢 \n🚢", " \"\\U0001F6A2 \\n\\U0001F6A2\"\n"),
            ("nb\u{a0}sp", " nb\u{a0}sp\n"),
            ("bom\u{feff}", " \"bom\\uFEFF\"\n"),
            ("back\\slash", " back\\slash\n"),
            ("back\\slash \nx", " \"back\\\\slash \\nx\"\n"),
            (
                "word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word end",
                " word word word word word word word word word word word word word word word word\n    word word word word word word word word word word word word word word end\n",
            ),
            (
                "it's: word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word end",
                " 'it''s: word word word word word word word word word word word word word word\n    word word word word word word word word word word word word word word word word\n    end'\n",
            ),
            (
                "word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word \nx",
                " \"word word word word word word word word word word word word word word word word\\\n    \\ word word word word word word word word word word word word word word \\nx\"\n",
            ),
            (
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy  zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz end",
                " xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n    yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy  zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n    end\n",
            ),
            (
                "tab\tword word word word word word word word word word word word word word word word word word word word word word word word word word word word word word end",
                " \"tab\\tword word word word word word word word word word word word word word word\\\n    \\ word word word word word word word word word word word word word word word end\"\n",
            ),
        ];
        for (text, expected) in cases {
            let tree = json!({ "k": [{ "n": text }] });
            let written = write(&tree);
            assert_eq!(written, format!("k:\n- n:{expected}"), "{text:?}");
            assert_eq!(yaml_read::read(&written), Ok(tree), "{text:?}");
        }
    }

    #[test]
    fn numbers_collections_and_long_keys_are_written_as_the_tool_in_use_writes_them() {
        let tree = json!({
            "empty": {}, "none": [], "yes": true, "n": null, "i": -3, "f": [1.0, 1e16, 1.5e-5, 1e300, -2.25, 0.0001],
            "nested": [[1, [2]], { "a": { "b": [] } }], "": 1, "line\nbreak": "x", "a: b": 2,
            (("k".repeat(123))): { "x": [1], "y": 2 },
        });
        let written = write(&tree);
        let expected = format!(
            "empty: {{}}\nnone: []\n'yes': true\nn: null\ni: -3\nf:\n- 1.0\n- 1.0e+16\n- 1.5e-05\n- 1.0e+300\n- -2.25\n- 0.0001\nnested:\n- - 1\n  - - 2\n- a:\n    b: []\n? ''\n: 1\n? |-\n  line\n  break\n: x\n'a: b': 2\n? {0}\n: x:\n  - 1\n  y: 2\n",
            "k".repeat(123)
        );
        assert_eq!(written, expected);
        assert_eq!(yaml_read::read(&written), Ok(tree));
    }

    #[test]
    fn unicode_line_breaks_come_back() {
        let tree = json!({ "k": "a\u{85}b\u{2028}c\u{2029}d\ne" });
        assert_eq!(write(&tree), "k: \"a\\Nb\\Lc\\Pd\\ne\"\n");
        assert_eq!(yaml_read::read(&write(&tree)), Ok(tree));
    }

    fn text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a",
            "word",
            ": ",
            ":",
            " #",
            "#",
            "- ",
            "-",
            "? ",
            "'",
            "\"",
            "\\",
            " ",
            "  ",
            "\n",
            "\n\n",
            " \n",
            "\n ",
            "\t",
            "\r",
            "yes",
            "no",
            "null",
            "~",
            "1.0",
            "1",
            "0x1f",
            "1:30",
            "2026-04-03",
            "T16:03:22Z",
            "é",
            "日本",
            "\u{1f6a2}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\u{0}",
            "\u{1b}",
            "\u{7f}",
            "[",
            "]",
            "{",
            "}",
            ",",
            "&",
            "*",
            "!",
            "|",
            ">",
            "%",
            "@",
            "`",
            "=",
            "<<",
            "---",
            "...",
            "https://example.com/a/b?c=d#e",
            "looooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong",
        ]);
        prop_oneof![
            prop::collection::vec(piece.clone(), 0..12).prop_map(|p| p.concat()),
            prop::collection::vec(piece, 0..40).prop_map(|p| p.join(" ")),
            any::<String>(),
        ]
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            8 => text().prop_map(Value::String),
            1 => Just(Value::Null),
            1 => any::<bool>().prop_map(Value::Bool),
            1 => any::<i64>().prop_map(Value::from),
            1 => any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((text(), inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_comes_back(value in tree()) {
            let tree = json!({ "k": value });
            let written = write(&tree);
            prop_assert_eq!(yaml_read::read(&written), Ok(tree), "{}", written);
        }
    }
}
