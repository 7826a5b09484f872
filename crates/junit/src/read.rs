//! What the elements mean.

use crate::cut::{Cutter, Markup};
use crate::encoding::Utf8;
use crate::error::JunitError;
use crate::text::{Text, Wish, decode, shortened, unescape, whole_entities};
use crate::{Case, DEPTH_MAX, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, Outcome, Summary};
use quick_xml::events::attributes::{AttrError, Attributes};
use std::io::Read;

/// Bytes of an element's name; more is an error.
const ELEMENT_NAME_BYTES_MAX: usize = 1 << 10;

/// What an element is, where it stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Suites,
    Suite,
    Case,
    /// `failure`, `error`, `skipped`, directly in a case.
    Verdict(Verdict),
    Other,
}

/// In rising weight: of several in one case the heaviest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Skipped,
    Error,
    Failure,
}

/// The case being read. Its texts are used again for the next.
#[derive(Debug, Default)]
struct Current {
    name: String,
    classname: Slot,
    lifecycle: Slot,
    seconds: Option<f64>,
    verdict: Option<Verdict>,
    /// The verdict that the message belongs to.
    message_of: Option<Verdict>,
    message: String,
    scratch: String,
}

/// A text that may be absent, and whose memory is used again.
#[derive(Debug, Default)]
struct Slot {
    text: String,
    filled: bool,
}

impl Slot {
    const fn empty(&mut self) {
        self.filled = false;
    }

    const fn fill(&mut self) -> &mut String {
        self.filled = true;
        &mut self.text
    }

    fn get(&self) -> Option<&str> {
        self.filled.then_some(self.text.as_str())
    }
}

/// Reads a document and hands over its cases in order.
///
/// The input needs no buffer of its own. If reading fails, the cases before the place were handed over already: whoever
/// wants all or nothing holds them back until the end.
///
/// # Errors
/// See [`JunitError`].
pub fn read<R: Read>(input: R, mut each: impl FnMut(Case<'_>)) -> Result<Summary, JunitError> {
    let mut cutter = Cutter::new(Utf8::new(input)?);
    cutter.begin()?;
    let mut state = State::default();
    let mut text = Text::new(MESSAGE_BYTES_MAX);
    loop {
        let markup = match cutter.next(&mut text) {
            Err(error) if !state.whole || matches!(error, JunitError::Io(_)) => return Err(error),
            // The document is whole; what somebody put behind it does not undo it.
            Err(_) => return Ok(state.broken_off()),
            Ok(markup) => markup,
        };
        if let Some(place) = text.stray.take() {
            if !state.whole {
                let why = "text before the root element".to_owned();
                return Err(JunitError::Malformed { place, why });
            }
            state.summary.trailing = true;
            if markup == Markup::Nothing {
                // There may be more than what was cut until now.
                continue;
            }
        }
        match markup {
            Markup::Start | Markup::Empty => match state.open(&cutter) {
                Err(_) if state.whole => return Ok(state.broken_off()),
                opened => {
                    opened?;
                    if markup == Markup::Empty {
                        state.close(&mut text, &mut each);
                    }
                }
            },
            Markup::End => match state.check_end(&cutter) {
                Err(_) if state.whole => return Ok(state.broken_off()),
                checked => {
                    checked?;
                    state.close(&mut text, &mut each);
                }
            },
            Markup::Nothing => return state.finish(&cutter),
        }
        text.wish = state.wish();
    }
}

#[derive(Debug, Default)]
struct State {
    summary: Summary,
    /// The open elements, and their names one after the other with the end of each.
    kinds: Vec<Kind>,
    names: Vec<u8>,
    name_ends: Vec<usize>,
    /// The names of the open suites are the first `suites_open`; those behind are used again.
    suites: Vec<String>,
    suites_open: usize,
    case: Current,
    /// Whether a root element was read to its end.
    whole: bool,
}

impl State {
    fn wish(&self) -> Wish {
        match self.kinds.last() {
            None => Wish::Blank,
            Some(Kind::Verdict(verdict)) if self.case.message_of < Some(*verdict) => Wish::Keep,
            // What is nested in a message belongs to it.
            Some(Kind::Other) if self.verdict_around().is_some_and(|v| self.case.message_of < Some(v)) => {
                Wish::Keep
            }
            Some(_) => Wish::Skip,
        }
    }

    fn verdict_around(&self) -> Option<Verdict> {
        self.kinds.iter().rev().find_map(|kind| match kind {
            Kind::Verdict(verdict) => Some(*verdict),
            _ => None,
        })
    }

    fn open<R: Read>(&mut self, cutter: &Cutter<R>) -> Result<(), JunitError> {
        let tag = decode(cutter.tag());
        let name_bytes = tag.bytes().position(|byte| byte.is_ascii_whitespace()).unwrap_or(tag.len());
        let name = &tag[..name_bytes];
        if !name.starts_with(|first: char| first.is_alphabetic() || first == '_' || first == ':') {
            let why = format!("`<{}` begins no element", shortened(name, 40));
            return Err(JunitError::Malformed { place: cutter.tag_place(), why });
        }
        if self.kinds.len() == DEPTH_MAX || name_bytes > ELEMENT_NAME_BYTES_MAX {
            let what = if name_bytes > ELEMENT_NAME_BYTES_MAX {
                format!("an element's name of more than {ELEMENT_NAME_BYTES_MAX} bytes")
            } else {
                format!("more than {DEPTH_MAX} elements within each other")
            };
            return Err(JunitError::TooMuch { place: cutter.tag_place(), what });
        }
        let kind = self.kind_of(name);
        if self.kinds.is_empty() {
            match kind {
                Kind::Suites | Kind::Suite => self.summary.roots += 1,
                _ if self.whole => self.summary.trailing = true,
                _ => return Err(JunitError::NotJunit { root: name.to_owned(), place: cutter.tag_place() }),
            }
        }
        self.kinds.push(kind);
        self.names.extend_from_slice(name.as_bytes());
        self.name_ends.push(self.names.len());

        let attributes = Attributes::new(&tag, name_bytes);
        let read = match kind {
            Kind::Suite => self.open_suite(attributes),
            Kind::Case => self.open_case(attributes),
            Kind::Verdict(verdict) => self.open_verdict(verdict, attributes),
            Kind::Suites | Kind::Other => Ok(()),
        };
        read.map_err(|error| JunitError::Malformed {
            place: cutter.tag_place(),
            why: format!("the attributes of `{}` cannot be read: {error}", shortened(name, 40)),
        })
    }

    /// An element means something only in its place: a `failure` in a `system-out`, or in a `flakyFailure`, is none.
    fn kind_of(&mut self, name: &str) -> Kind {
        let name = name.rsplit(':').next().unwrap_or(name);
        let parent = self.kinds.last();
        match name {
            "testsuites" if matches!(parent, None | Some(Kind::Suites)) => Kind::Suites,
            "testsuite" if matches!(parent, None | Some(Kind::Suites | Kind::Suite)) => Kind::Suite,
            "testcase" if matches!(parent, Some(Kind::Suites | Kind::Suite)) => Kind::Case,
            "testcase" if parent.is_some() || self.whole => {
                self.summary.misplaced += 1;
                Kind::Other
            }
            "failure" if parent == Some(&Kind::Case) => Kind::Verdict(Verdict::Failure),
            "error" if parent == Some(&Kind::Case) => Kind::Verdict(Verdict::Error),
            "skipped" if parent == Some(&Kind::Case) => Kind::Verdict(Verdict::Skipped),
            _ => Kind::Other,
        }
    }

    fn open_suite(&mut self, attributes: Attributes<'_>) -> Result<(), AttrError> {
        self.summary.suites += 1;
        if self.suites.len() == self.suites_open {
            self.suites.push(String::new());
        }
        let name = &mut self.suites[self.suites_open];
        name.clear();
        self.suites_open += 1;
        for attribute in unchecked(attributes) {
            let attribute = attribute?;
            if attribute.key.local_name().as_ref() == "name" {
                self.summary.cut += put(name, &attribute.value);
            }
        }
        Ok(())
    }

    fn open_case(&mut self, attributes: Attributes<'_>) -> Result<(), AttrError> {
        let case = &mut self.case;
        case.name.clear();
        case.message.clear();
        case.classname.empty();
        case.lifecycle.empty();
        (case.seconds, case.verdict, case.message_of) = (None, None, None);
        for attribute in unchecked(attributes) {
            let attribute = attribute?;
            let value = &attribute.value;
            match attribute.key.local_name().as_ref() {
                "name" => self.summary.cut += put(&mut case.name, value),
                "classname" => self.summary.cut += put(case.classname.fill(), value),
                "lifecycle" => self.summary.cut += put(case.lifecycle.fill(), value),
                "time" => case.seconds = seconds(value),
                // Some runners say it in an attribute and write no element.
                "status" | "result" => case.verdict = case.verdict.max(verdict_of_status(value)),
                _ => {}
            }
        }
        Ok(())
    }

    fn open_verdict(&mut self, verdict: Verdict, attributes: Attributes<'_>) -> Result<(), AttrError> {
        let case = &mut self.case;
        case.verdict = case.verdict.max(Some(verdict));
        for attribute in unchecked(attributes) {
            let attribute = attribute?;
            if attribute.key.local_name().as_ref() == "message" && case.message_of < Some(verdict) {
                put(&mut case.scratch, &attribute.value);
                let message = shortened(&case.scratch, MESSAGE_BYTES_MAX).trim();
                if !message.is_empty() {
                    case.message.clear();
                    case.message.push_str(message);
                    case.message_of = Some(verdict);
                }
            }
        }
        Ok(())
    }

    fn check_end<R: Read>(&self, cutter: &Cutter<R>) -> Result<(), JunitError> {
        let Some((&end, before)) = self.name_ends.split_last() else {
            let why =
                format!("`</{}>` closes nothing, no element is open", shortened(&decode(cutter.tag()), 40));
            return Err(JunitError::Malformed { place: cutter.tag_place(), why });
        };
        let name = &self.names[before.last().copied().unwrap_or(0)..end];
        if name == cutter.tag() {
            return Ok(());
        }
        let (expected, found) = (decode(name), decode(cutter.tag()));
        if expected == found {
            return Ok(());
        }
        let (expected, found) = (shortened(&expected, 40), shortened(&found, 40));
        let why = format!("`</{found}>` stands where `</{expected}>` is expected");
        Err(JunitError::Malformed { place: cutter.tag_place(), why })
    }

    fn close(&mut self, text: &mut Text, each: &mut impl FnMut(Case<'_>)) {
        self.name_ends.pop();
        self.names.truncate(self.name_ends.last().copied().unwrap_or(0));
        match self.kinds.pop() {
            Some(Kind::Suite) => self.suites_open -= 1,
            Some(Kind::Case) => self.close_case(each),
            Some(Kind::Verdict(verdict)) if self.case.message_of < Some(verdict) => {
                text.take_into(&mut self.case.scratch);
                if !self.case.scratch.is_empty() {
                    std::mem::swap(&mut self.case.message, &mut self.case.scratch);
                    self.case.message_of = Some(verdict);
                }
            }
            _ => {}
        }
        self.whole |= self.kinds.is_empty();
    }

    fn close_case(&mut self, each: &mut impl FnMut(Case<'_>)) {
        let case = &self.case;
        if case.name.is_empty() {
            self.summary.unnamed += 1;
            return;
        }
        let (outcome, count) = match case.verdict {
            None => (Outcome::Passed, &mut self.summary.passed),
            Some(Verdict::Skipped) => (Outcome::Skipped, &mut self.summary.skipped),
            Some(Verdict::Error) => (Outcome::Errored, &mut self.summary.errored),
            Some(Verdict::Failure) => (Outcome::Failed, &mut self.summary.failed),
        };
        *count += 1;
        each(Case {
            suites: &self.suites[..self.suites_open],
            name: &case.name,
            classname: case.classname.get(),
            outcome,
            lifecycle: case.lifecycle.get(),
            seconds: case.seconds,
            message: case.message_of.filter(|of| Some(*of) == case.verdict).map(|_| case.message.as_str()),
        });
    }

    /// What was read, where something behind the root element cannot be: nothing of it is lost.
    fn broken_off(mut self) -> Summary {
        self.summary.trailing = true;
        self.summary
    }

    fn finish<R: Read>(self, cutter: &Cutter<R>) -> Result<Summary, JunitError> {
        let Some(&end) = self.name_ends.last() else {
            return if self.whole { Ok(self.summary) } else { Err(JunitError::Empty) };
        };
        if self.whole {
            return Ok(self.broken_off());
        }
        let begin = self.name_ends.iter().rev().nth(1).copied().unwrap_or(0);
        let inside = format!("`{}` is still open", shortened(&decode(&self.names[begin..end]), 40));
        Err(JunitError::Truncated { place: cutter.place(), inside })
    }
}

/// Without the search for an attribute that stands twice, which no reader of JUnit makes.
fn unchecked(mut attributes: Attributes<'_>) -> Attributes<'_> {
    attributes.with_checks(false);
    attributes
}

/// Puts a value into a text that is used again; 1 if it had to be cut.
fn put(target: &mut String, raw: &str) -> u64 {
    let long = raw.len() > NAME_BYTES_MAX;
    let raw = if long { whole_entities(shortened(raw, NAME_BYTES_MAX)) } else { raw };
    target.clear();
    target.push_str(&unescape(raw));
    u64::from(long)
}

/// Seconds as runners write them: `1.5`, and with thousands set apart `1,234.5`.
fn seconds(raw: &str) -> Option<f64> {
    let raw = raw.trim();
    let value: f64 = if raw.contains(',') { raw.replace(',', "").parse() } else { raw.parse() }.ok()?;
    (value.is_finite() && value >= 0.0).then_some(value)
}

fn verdict_of_status(status: &str) -> Option<Verdict> {
    let is = |words: &[&str]| words.iter().any(|word| status.trim().eq_ignore_ascii_case(word));
    if is(&["failed", "failure", "fail"]) {
        Some(Verdict::Failure)
    } else if is(&["error", "errored"]) {
        Some(Verdict::Error)
    } else if is(&["notrun", "suppressed", "disabled", "skipped", "ignored"]) {
        Some(Verdict::Skipped)
    } else {
        None
    }
}
