//! Cuts a stream of XML into tags, in a window that never grows.
//!
//! Text, CDATA sections, comments, processing instructions and document types go by piece by piece, however long they
//! are. Only a tag is ever wanted as a whole. One that does not fit the window is copied aside with its long attribute
//! values cut.
//!
//! The window also counts lines as it moves on, so that an error can be told with its place.

use crate::error::{JunitError, Place};
use crate::text::{Text, Wish, whole_characters};
use crate::{NAME_BYTES_MAX, TAG_BYTES_MAX};
use memchr::{memchr, memchr2, memchr3, memmem};
use quick_xml::parser::{ElementParser, Parser as _};
use std::io::{ErrorKind, Read};
use std::ops::Range;

/// Bytes of the window.
const WINDOW_BYTES: usize = 256 << 10;

/// What stands next in the document, text apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Markup {
    /// `<a …>`; its inside is [`Cutter::tag`].
    Start,
    /// `<a …/>`
    Empty,
    /// `</a>`
    End,
    /// Nothing more.
    Nothing,
}

/// Bytes of a value that are copied aside: so many that it is still seen to be too long when a last character that was
/// cut in the middle is gone.
const VALUE_BYTES_MAX: usize = NAME_BYTES_MAX + 4;

#[derive(Debug)]
pub(crate) struct Cutter<R> {
    input: R,
    window: Vec<u8>,
    /// What was read and not yet cut.
    start: usize,
    end: usize,
    ended: bool,
    /// Line of the first byte of the window, and how many bytes of that line came before.
    line: u64,
    column: u64,
    tag: Range<usize>,
    tag_is_aside: bool,
    tag_place_aside: Place,
    aside: Vec<u8>,
}

impl<R: Read> Cutter<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            window: vec![0; WINDOW_BYTES],
            start: 0,
            end: 0,
            ended: false,
            line: 1,
            column: 0,
            tag: 0..0,
            tag_is_aside: false,
            tag_place_aside: Place { line: 1, column: 1 },
            aside: Vec::new(),
        }
    }

    /// The inside of the last tag: without its brackets, and without the slash of an empty or an end tag.
    pub(crate) fn tag(&self) -> &[u8] {
        if self.tag_is_aside { &self.aside } else { &self.window[self.tag.clone()] }
    }

    /// Where the last tag begins.
    pub(crate) fn tag_place(&self) -> Place {
        if self.tag_is_aside {
            return self.tag_place_aside;
        }
        let open = self.window[..self.tag.start].iter().rposition(|byte| *byte == b'<');
        self.place_at(open.unwrap_or(self.tag.start))
    }

    /// Where reading stands.
    pub(crate) fn place(&self) -> Place {
        self.place_at(self.start)
    }

    fn place_at(&self, at: usize) -> Place {
        let before = &self.window[..at];
        let lines = memchr::memchr_iter(b'\n', before).count() as u64;
        let column = match memchr::memrchr(b'\n', before) {
            Some(newline) => (at - newline) as u64,
            None => self.column + at as u64 + 1,
        };
        Place { line: self.line + lines, column }
    }

    fn malformed<T>(&self, at: usize, why: impl Into<String>) -> Result<T, JunitError> {
        Err(JunitError::Malformed { place: self.place_at(at), why: why.into() })
    }

    fn truncated<T>(&self, inside: &str) -> Result<T, JunitError> {
        Err(JunitError::Truncated { place: self.place_at(self.end), inside: inside.to_owned() })
    }

    fn truncated_tag<T>(&self, begin: Place) -> Result<T, JunitError> {
        self.truncated(&format!(
            "within the tag that begins at {begin}; a quotation mark may be missing in it"
        ))
    }

    /// Reads on; whatever was cut gives way. `false` at the end of the input, or when the window is full.
    fn more(&mut self) -> Result<bool, JunitError> {
        if self.ended {
            return Ok(false);
        }
        // Moving what is left is cheap only when it is little, reading is cheap only when there is room.
        if self.start == self.end || self.window.len() - self.end < self.window.len() / 2 {
            let place = self.place_at(self.start);
            (self.line, self.column) = (place.line, place.column - 1);
            self.window.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.window.len() {
            return Ok(false);
        }
        let read = loop {
            match self.input.read(&mut self.window[self.end..]) {
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        };
        self.ended = read == 0;
        self.end += read;
        Ok(read > 0)
    }

    /// Whether at least so many bytes are in the window.
    fn has(&mut self, bytes: usize) -> Result<bool, JunitError> {
        while self.end - self.start < bytes {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn rest(&self) -> &[u8] {
        &self.window[self.start..self.end]
    }

    /// Takes a byte order mark away.
    pub(crate) fn begin(&mut self) -> Result<(), JunitError> {
        self.has(3)?;
        if self.rest().starts_with(b"\xEF\xBB\xBF") {
            self.start += 3;
        }
        Ok(())
    }

    /// The next tag; the text before it goes to `text`.
    pub(crate) fn next(&mut self, text: &mut Text) -> Result<Markup, JunitError> {
        loop {
            match memchr(b'<', self.rest()) {
                Some(at) => {
                    self.pass_text(self.start + at, text);
                }
                None => {
                    self.pass_text(self.end, text);
                    // What begins with text is no XML, however much of it follows.
                    if text.stray.is_some() || !self.more()? {
                        return Ok(Markup::Nothing);
                    }
                    continue;
                }
            }
            if !self.has(2)? {
                return self.truncated("within a tag");
            }
            match self.window[self.start + 1] {
                b'!' => self.declaration(text)?,
                b'?' => {
                    self.start += 2;
                    self.until(b"?>", "within a processing instruction", |_| {})?;
                }
                b'/' => {
                    self.element()?;
                    let trimmed = self.tag().trim_ascii_end().len();
                    self.tag.end = self.tag.start + trimmed;
                    self.aside.truncate(trimmed);
                    self.tag.start = (self.tag.start + 1).min(self.tag.end);
                    if self.tag_is_aside {
                        self.aside.remove(0);
                    }
                    return Ok(Markup::End);
                }
                _ => {
                    self.element()?;
                    let empty = self.tag().ends_with(b"/");
                    if empty {
                        self.tag.end -= usize::from(!self.tag_is_aside);
                        self.aside.pop();
                    }
                    return Ok(if empty { Markup::Empty } else { Markup::Start });
                }
            }
        }
    }

    fn pass_text(&mut self, end: usize, text: &mut Text) {
        let piece = &self.window[self.start..end];
        text.escaped(piece);
        if text.wish == Wish::Blank && text.stray.is_none() {
            let stray = piece.iter().position(|byte| !byte.is_ascii_whitespace());
            text.stray = stray.map(|at| self.place_at(self.start + at));
        }
        self.start = end;
    }

    /// `<!`: a comment, a CDATA section or a document type.
    fn declaration(&mut self, text: &mut Text) -> Result<(), JunitError> {
        if self.has(4)? && self.rest().starts_with(b"<!--") {
            self.start += 4;
            return self.until(b"-->", "within a comment", |_| {});
        }
        if self.has(9)? && self.rest().starts_with(b"<![CDATA[") {
            if text.wish == Wish::Blank {
                text.stray.get_or_insert(self.place());
            }
            self.start += 9;
            return self.until(b"]]>", "within a CDATA section", |piece| text.literal(piece));
        }
        if self.rest().starts_with(b"<!DOCTYPE") {
            return self.document_type();
        }
        if self.rest().len() < 9 {
            return self.truncated("within a declaration");
        }
        self.malformed(self.start, "a declaration that is no comment, CDATA section or document type")
    }

    /// Goes on to behind a mark; the pieces before it are shown.
    fn until(&mut self, mark: &[u8], inside: &str, mut each: impl FnMut(&[u8])) -> Result<(), JunitError> {
        let finder = memmem::Finder::new(mark);
        loop {
            if let Some(at) = finder.find(self.rest()) {
                each(&self.window[self.start..self.start + at]);
                self.start += at + mark.len();
                return Ok(());
            }
            // The beginning of the mark may be there already.
            let held = mark.len() - 1;
            let passed = self.rest().len().saturating_sub(held);
            each(&self.window[self.start..self.start + passed]);
            self.start += passed;
            if !self.more()? {
                return self.truncated(inside);
            }
        }
    }

    /// Goes on to behind `<!DOCTYPE …>`, whatever it declares.
    fn document_type(&mut self) -> Result<(), JunitError> {
        self.start += 2;
        let mut depth = 1_u64;
        while depth > 0 {
            let found = match memchr2(b'<', b'>', self.rest()) {
                Some(found) => found,
                None => self.rest().len(),
            };
            let quote = memchr2(b'"', b'\'', &self.rest()[..found]);
            let at = quote.unwrap_or(found);
            self.start += at;
            if self.start == self.end {
                if !self.more()? {
                    return self.truncated("within a document type");
                }
                continue;
            }
            let found = self.window[self.start];
            match found {
                quote @ (b'"' | b'\'') => {
                    self.start += 1;
                    self.until(&[quote], "within a document type", |_| {})?;
                }
                b'>' => {
                    self.start += 1;
                    depth -= 1;
                }
                // A comment may hold a lone quote.
                _ if self.has(4)? && self.rest().starts_with(b"<!--") => {
                    self.start += 4;
                    self.until(b"-->", "within a comment", |_| {})?;
                }
                _ => {
                    self.start += 1;
                    depth += 1;
                }
            }
        }
        Ok(())
    }

    /// Cuts a whole tag: [`Self::tag`] is then all between `<` and `>`.
    fn element(&mut self) -> Result<(), JunitError> {
        let mut parser = ElementParser::Outside;
        let mut seen = 1;
        let close = loop {
            let from = self.start + seen;
            if let Some(at) = parser.feed(&self.window[from..self.end]) {
                break from + at;
            }
            seen = self.end - self.start;
            if !self.more()? {
                if self.ended {
                    return self.truncated_tag(self.place());
                }
                return self.element_aside();
            }
        };
        self.tag = self.start + 1..close;
        self.tag_is_aside = false;
        if let Some(at) = memchr(b'<', &self.window[self.tag.clone()]) {
            let why = "a `<` within a tag; a quotation mark or a `>` before it may be missing";
            return self.malformed(self.tag.start + at, why);
        }
        self.start = close + 1;
        Ok(())
    }

    /// The same for a tag that does not fit the window.
    fn element_aside(&mut self) -> Result<(), JunitError> {
        self.tag_is_aside = true;
        self.tag_place_aside = self.place();
        self.aside.clear();
        self.start += 1;
        let mut quote = None;
        let mut kept = 0;
        loop {
            if self.start == self.end && !self.more()? {
                return self.truncated_tag(self.tag_place_aside);
            }
            let rest = &self.window[self.start..self.end];
            match quote {
                None => {
                    let found = memchr3(b'>', b'"', b'\'', rest);
                    let piece = &rest[..found.unwrap_or(rest.len())];
                    self.aside.extend_from_slice(piece);
                    self.start += piece.len();
                    if let Some(at) = found {
                        self.start += 1;
                        if rest[at] == b'>' {
                            break;
                        }
                        quote = Some(rest[at]);
                        self.aside.push(rest[at]);
                        kept = 0;
                    }
                }
                Some(mark) => {
                    let found = memchr(mark, rest);
                    let piece = &rest[..found.unwrap_or(rest.len())];
                    let room = VALUE_BYTES_MAX.saturating_sub(kept).min(piece.len());
                    self.aside.extend_from_slice(&piece[..room]);
                    kept += room;
                    self.start += piece.len();
                    if found.is_some() {
                        self.start += 1;
                        if kept == VALUE_BYTES_MAX {
                            self.aside.truncate(whole_characters(&self.aside).len());
                        }
                        self.aside.push(mark);
                        quote = None;
                    }
                }
            }
            if self.aside.len() > TAG_BYTES_MAX {
                let what = format!("a tag of more than {TAG_BYTES_MAX} bytes, long values not counted");
                return Err(JunitError::TooMuch { place: self.tag_place_aside, what });
            }
        }
        if memchr(b'<', &self.aside).is_some() {
            let why = "a `<` within a tag; a quotation mark or a `>` before it may be missing".to_owned();
            return Err(JunitError::Malformed { place: self.tag_place_aside, why });
        }
        Ok(())
    }
}
