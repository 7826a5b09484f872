//! Text between tags: nearly all of it passes by, the beginning of a message is kept.

use crate::error::Place;
use std::borrow::Cow;

/// What to do with the text that comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing: logs, blanks between elements.
    Skip,
    /// Only blanks may come, as outside of the root.
    Blank,
    /// Keep its beginning, in [`Text::kept`].
    Keep,
}

/// Where text goes.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) wish: Wish,
    /// Where something else than blanks came while only blanks may; whoever hands the text over knows the place.
    pub(crate) stray: Option<Place>,
    kept: String,
    kept_bytes_max: usize,
    /// Bytes as they came, until they can be decoded: a character or an entity may stand across two pieces.
    raw: Vec<u8>,
    raw_is: Escaping,
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escaping {
    /// With entities.
    Entities,
    /// As it is meant: the inside of a CDATA section.
    Literal,
}

impl Text {
    pub(crate) const fn new(kept_bytes_max: usize) -> Self {
        Self {
            wish: Wish::Blank,
            stray: None,
            kept: String::new(),
            kept_bytes_max,
            raw: Vec::new(),
            raw_is: Escaping::Entities,
        }
    }

    /// Text with entities.
    pub(crate) fn escaped(&mut self, piece: &[u8]) {
        match self.wish {
            Wish::Skip | Wish::Blank => {}
            Wish::Keep => self.keep(piece, Escaping::Entities),
        }
    }

    /// The inside of a CDATA section, where nothing is escaped.
    pub(crate) fn literal(&mut self, piece: &[u8]) {
        match self.wish {
            Wish::Skip | Wish::Blank => {}
            Wish::Keep => self.keep(piece, Escaping::Literal),
        }
    }

    fn keep(&mut self, piece: &[u8], escaping: Escaping) {
        if escaping != self.raw_is {
            self.decode();
            self.raw_is = escaping;
        }
        let room = self.kept_bytes_max.saturating_sub(self.kept.len() + self.raw.len());
        self.raw.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn decode(&mut self) {
        let raw = std::mem::take(&mut self.raw);
        let text = decode(whole_characters(&raw));
        match self.raw_is {
            Escaping::Literal => self.kept.push_str(&text),
            Escaping::Entities => self.kept.push_str(&unescape(whole_entities(&text))),
        }
        self.raw = raw;
        self.raw.clear();
    }

    /// Takes what was kept, without blanks around it, and begins anew.
    pub(crate) fn take_into(&mut self, target: &mut String) {
        self.decode();
        target.clear();
        target.push_str(self.kept.trim());
        self.kept.clear();
    }
}

/// Bytes of an entity that may mean something; a number may have zeros in front.
const ENTITY_BYTES_MAX: usize = 24;

/// Text as it is meant: the five entities of XML and numbered characters. Anything else stays as it is written, since
/// declarations of a document type are not followed, and a lone `&` is one.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    let ampersand = |text: &str| memchr::memchr(b'&', text.as_bytes());
    if ampersand(raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = ampersand(rest) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';');
        let meant = end.and_then(|end| Some((quick_xml::escape::unescape(&rest[..=end]).ok()?, end)));
        match meant {
            Some((meant, end)) => {
                text.push_str(&meant);
                rest = &rest[end + 1..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Bytes as text. What is no UTF-8 becomes the replacement character: one odd byte does not make a file useless.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    // The strict way is many times as fast, and nearly always enough.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Without a last character that was cut in the middle.
pub(crate) fn whole_characters(bytes: &[u8]) -> &[u8] {
    let tail = bytes.len().saturating_sub(3);
    for at in (tail..bytes.len()).rev() {
        let needed = match bytes[at] {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => break,
        };
        return if at + needed > bytes.len() { &bytes[..at] } else { bytes };
    }
    bytes
}

/// Without a last entity that was cut in the middle.
pub(crate) fn whole_entities(text: &str) -> &str {
    // The longest entity that means anything here is `&#x10FFFF;`.
    let tail = text.len().saturating_sub(10);
    match memchr::memrchr(b'&', &text.as_bytes()[tail..]) {
        Some(at) if !text.as_bytes()[tail + at..].contains(&b';') => &text[..tail + at],
        _ => text,
    }
}

/// Its first bytes, up to a whole character.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_leaves_half_a_character_or_half_an_entity() {
        let euro = "a€".as_bytes();
        assert_eq!(whole_characters(&euro[..2]), b"a");
        assert_eq!(whole_characters(&euro[..3]), b"a");
        assert_eq!(whole_characters(euro), euro);
        assert_eq!(whole_characters(b"\x80\x80\x80\x80"), b"\x80\x80\x80\x80");
        assert_eq!(whole_entities("a &am"), "a ");
        assert_eq!(whole_entities("a &amp;"), "a &amp;");
        assert_eq!(whole_entities("a & b and much more"), "a & b and much more");
    }

    #[test]
    fn pieces_join_over_characters_entities_and_cdata() {
        let mut text = Text::new(100);
        text.wish = Wish::Keep;
        text.escaped(b" a &l");
        text.escaped(b"t; \xE2\x82");
        text.escaped(b"\xAC ");
        text.literal(b"<b> &amp; ");
        text.escaped(b"&#x41;&nbsp;\n");
        let mut out = String::new();
        text.take_into(&mut out);
        assert_eq!(out, "a < € <b> &amp; A&nbsp;");
        text.escaped(b"again");
        text.take_into(&mut out);
        assert_eq!(out, "again");
    }

    #[test]
    fn one_entity_that_is_not_known_does_not_keep_the_others_from_being_read() {
        for (written, meant) in [
            ("a &nbsp; &lt;b&gt; & c &amp; d", "a &nbsp; <b> & c & d"),
            ("&&amp;&", "&&&"),
            ("&#0065;&#x41;&#0;&#xD800;&#;", "AA&#0;&#xD800;&#;"),
            ("&\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac};", "&€€€€€€€€;"),
            ("a & b; c", "a & b; c"),
        ] {
            assert_eq!(unescape(written), meant, "{written}");
        }
    }

    #[test]
    fn no_more_is_kept_than_allowed() {
        let mut text = Text::new(6);
        text.wish = Wish::Keep;
        text.escaped("aaaa€€€".as_bytes());
        text.escaped(b"bbbb");
        let mut out = String::new();
        text.take_into(&mut out);
        assert_eq!(out, "aaaa");
    }
}
