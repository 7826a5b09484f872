//! Turns what is written in another encoding into UTF-8, in front of everything else.
//!
//! Told by a byte order mark, by how `<` is written, or by the declaration of a document in single bytes. Nearly every
//! document is UTF-8 and goes by untouched.

use crate::error::JunitError;
use std::io::{self, ErrorKind, Read};

/// Bytes at the beginning that may hold the declaration.
const HEAD_BYTES: usize = 256;

/// Bytes that are decoded at a time.
const PIECE_BYTES: usize = 32 << 10;

/// What stands for the bytes 0x80 to 0x9F where a document says Latin-1: those of Windows, as everywhere on the web.
const WINDOWS: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

#[derive(Debug, Clone, Copy)]
enum Encoding {
    /// UTF-8, or whatever is handed on as it is.
    AsItIs,
    Utf16(fn([u8; 2]) -> u16),
    Latin1,
}

/// An input in UTF-8, whatever that behind it is written in.
#[derive(Debug)]
pub(crate) struct Utf8<R> {
    input: R,
    encoding: Encoding,
    /// As they came, and not yet decoded.
    raw: Vec<u8>,
    /// To be handed on, from a place.
    ready: Vec<u8>,
    given: usize,
    /// The first half of a character that stands in two units.
    half: Option<u16>,
    ended: bool,
}

impl<R: Read> Utf8<R> {
    /// Looks at the beginning.
    pub(crate) fn new(mut input: R) -> Result<Self, JunitError> {
        let mut head = vec![0; HEAD_BYTES];
        let mut filled = 0;
        // A declaration is waited for only where one begins.
        while filled < 4 || (head.starts_with(b"<?xml") && !head[..filled].contains(&b'>')) {
            match input.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        head.truncate(filled);
        let encoding = match *head {
            [0, 0, 0xFE, 0xFF, ..] | [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => {
                return Err(JunitError::Encoding { encoding: "UTF-32" });
            }
            [0xFE, 0xFF, ..] | [0, 1..=255, 0, 1..=255, ..] => Encoding::Utf16(u16::from_be_bytes),
            [0xFF, 0xFE, ..] | [1..=255, 0, 1..=255, 0, ..] => Encoding::Utf16(u16::from_le_bytes),
            _ if says_latin1(&head) => Encoding::Latin1,
            _ => Encoding::AsItIs,
        };
        let (raw, ready) =
            if matches!(encoding, Encoding::AsItIs) { (Vec::new(), head) } else { (head, Vec::new()) };
        Ok(Self { input, encoding, raw, ready, given: 0, half: None, ended: false })
    }

    fn decode(&mut self) {
        let mut buffer = [0; 4];
        let mut put = |c: char| self.ready.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        match self.encoding {
            Encoding::AsItIs => self.ready.append(&mut self.raw),
            Encoding::Latin1 => {
                for byte in self.raw.drain(..) {
                    let windows = byte.checked_sub(0x80).and_then(|at| WINDOWS.chars().nth(at.into()));
                    put(windows.unwrap_or(char::from(byte)));
                }
            }
            Encoding::Utf16(unit) => {
                let pairs = self.raw.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
                let mut units: Vec<u16> = self.half.take().into_iter().chain(pairs).collect();
                self.half = units.pop_if(|last| (0xD800..0xDC00).contains(last) && !self.ended);
                for c in char::decode_utf16(units) {
                    put(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                // An odd byte waits for the next one.
                self.raw.drain(..self.raw.len() / 2 * 2);
            }
        }
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            if matches!(self.encoding, Encoding::AsItIs) {
                return self.input.read(target);
            }
            if self.ended {
                return Ok(0);
            }
            (self.given, self.ready) = (0, std::mem::take(&mut self.ready));
            self.ready.clear();
            let had = self.raw.len();
            self.raw.resize(had + PIECE_BYTES, 0);
            let read = self.input.read(&mut self.raw[had..]);
            self.raw.truncate(had + *read.as_ref().unwrap_or(&0));
            self.ended = read? == 0;
            self.decode();
        }
        let count = target.len().min(self.ready.len() - self.given);
        target[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// Whether the declaration names Latin-1, or the encoding of Windows that is taken for it.
fn says_latin1(head: &[u8]) -> bool {
    let Some(end) = head.iter().position(|byte| *byte == b'>') else { return false };
    let declaration = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
    let Some((begin, said)) = declaration.split_once("encoding") else { return false };
    let said = said.trim_start().trim_start_matches('=').trim_start();
    let name: String = said.chars().skip(1).take_while(|c| !matches!(c, '"' | '\'')).collect();
    begin.starts_with("<?xml")
        && matches!(
            name.as_str(),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "windows-1252" | "cp1252"
        )
}
