//! Documents that want too much.

use super::{complaint, lines, told};
use insta::assert_snapshot;
use regatta_junit::{MESSAGE_BYTES_MAX, NAME_BYTES_MAX};
use std::io::Read;

/// A beginning, a piece many times, an end; handed out in odd portions. Nothing of it is ever in memory as a whole.
struct Long<'a> {
    parts: Vec<(&'a [u8], usize)>,
    part: usize,
    offset: usize,
}

impl<'a> Long<'a> {
    fn new(begin: &'a str, piece: &'a str, bytes: usize, end: &'a str) -> Self {
        let parts = vec![(begin.as_bytes(), 1), (piece.as_bytes(), bytes / piece.len()), (end.as_bytes(), 1)];
        Self { parts, part: 0, offset: 0 }
    }
}

impl Read for Long<'_> {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        let mut read = 0;
        while read < target.len() {
            let Some((piece, times)) = self.parts.get_mut(self.part) else { break };
            let rest = &piece[self.offset..];
            let count = rest.len().min(target.len() - read);
            target[read..read + count].copy_from_slice(&rest[..count]);
            read += count;
            self.offset += count;
            if self.offset == piece.len() {
                self.offset = 0;
                *times -= 1;
                self.part += usize::from(*times == 0);
            }
        }
        Ok(read)
    }
}

const BYTES: usize = 64 << 20;

/// Reads one case out of something long, and says how long its texts were.
fn one_case(input: impl Read) -> (String, usize, usize) {
    let mut seen = Vec::new();
    let summary = regatta_junit::read(input, |case| {
        seen.push((format!("{:?}", case.outcome), case.name.len(), case.message.map_or(0, str::len)));
    });
    assert_eq!(summary.unwrap().cases(), 1);
    seen.pop().unwrap()
}

#[test]
fn one_endless_text_passes_by() {
    let end = "</system-out><failure message='no'/></testcase></testsuite>";
    for (begin, piece, end) in [
        ("<testsuite><testcase name='a'><system-out>", "a log of -> text ", end.to_owned()),
        ("<testsuite><testcase name='a'><system-out><![CDATA[", "<b>]] ]></b>\n", format!("]]>{end}")),
        ("<testsuite><testcase name='a'><system-out><!--", "<a> - -> --", format!("-->{end}")),
        ("<testsuite><testcase name='a'><system-out><?x", "<a> ? > ", format!("?>{end}")),
        (
            "<!DOCTYPE x [<!ENTITY a '",
            "b < > <!-- ",
            format!("'>]><testsuite><testcase name='a'><system-out>{end}"),
        ),
    ] {
        let (outcome, name, message) = one_case(Long::new(begin, piece, BYTES / 4, &end));
        assert_eq!((outcome.as_str(), name, message), ("Failed", 1, 2), "{begin}");
    }
}

#[test]
fn a_log_of_many_windows_is_not_kept() {
    let input =
        Long::new("<testsuite><testcase name='a'><failure>", "x", BYTES, "</failure></testcase></testsuite>");
    assert_eq!(one_case(input), ("Failed".to_owned(), 1, MESSAGE_BYTES_MAX));
}

#[test]
fn an_endless_attribute_is_cut() {
    let input = Long::new(
        "<testsuite><testcase name='a'><failure type='x' message='",
        "\u{20ac}&gt;",
        BYTES / 4,
        "'/></testcase></testsuite>",
    );
    let (outcome, name, message) = one_case(input);
    assert_eq!((outcome.as_str(), name), ("Failed", 1));
    assert!(message <= MESSAGE_BYTES_MAX && message > MESSAGE_BYTES_MAX - 4, "{message}");

    let input =
        Long::new("<testsuite><testcase name='", "b ", BYTES / 4, "' time='1'></testcase ></testsuite>");
    assert_eq!(one_case(input), ("Passed".to_owned(), NAME_BYTES_MAX, 0));
}

#[test]
fn a_long_name_is_cut_alike_whether_its_tag_fits_the_window_or_not() {
    for bytes in [NAME_BYTES_MAX, NAME_BYTES_MAX + 1, 200 << 10, 300 << 10] {
        let mut names = Vec::new();
        let input = Long::new("<testsuite><testcase name='", "\u{20ac}", bytes, "'/></testsuite>");
        let summary = regatta_junit::read(input, |case| names.push(case.name.len())).unwrap();
        let whole = bytes / 3 * 3;
        let expected = whole.min(NAME_BYTES_MAX / 3 * 3);
        assert_eq!((names, summary.cut), (vec![expected], u64::from(whole > NAME_BYTES_MAX)), "{bytes}");
    }
}

#[test]
fn a_tag_of_endless_attributes_is_refused() {
    let input = Long::new("<testsuite>\n<testcase name='a' ", "b='c' ", BYTES / 16, "/></testsuite>");
    assert_snapshot!(regatta_junit::read(input, |_| ()).unwrap_err().to_string(), @"line 2, column 1: a tag of more than 1048576 bytes, long values not counted");
    let input = Long::new("<testsuite>\n<testcase name='", "b", BYTES / 16, "");
    assert_snapshot!(regatta_junit::read(input, |_| ()).unwrap_err().to_string(), @"line 2, column 4194321: ends too early, within the tag that begins at line 2, column 1; a quotation mark may be missing in it");
    let input = Long::new("<testsuite><", "b", BYTES / 16, "/></testsuite>");
    assert_snapshot!(regatta_junit::read(input, |_| ()).unwrap_err().to_string(), @"line 1, column 12: a tag of more than 1048576 bytes, long values not counted");
}

#[test]
fn endless_nesting_is_refused() {
    let input = Long::new("<testsuites>\n", "<testsuite name='a'>", BYTES, "");
    assert_snapshot!(regatta_junit::read(input, |_| ()).unwrap_err().to_string(), @"line 2, column 2541: more than 128 elements within each other");
    let name = "n".repeat(2_000);
    assert_snapshot!(complaint(format!("<testsuite><{name}/></testsuite>")), @"line 1, column 12: an element's name of more than 1024 bytes");
}

#[test]
fn an_input_without_end_that_is_no_xml_is_left_at_once() {
    assert_snapshot!(regatta_junit::read(std::io::repeat(0), |_| ()).unwrap_err().to_string(), @"line 1, column 1: is no valid XML: text before the root element");
    assert_snapshot!(regatta_junit::read(std::io::repeat(b'x'), |_| ()).unwrap_err().to_string(), @"line 1, column 1: is no valid XML: text before the root element");
}

#[test]
fn an_xml_bomb_is_only_text() {
    let bomb = "<!DOCTYPE bomb [<!ENTITY a \"0123456789\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\
        <testsuite><testcase name='&b;'><failure>&b;&b;</failure></testcase></testsuite>";
    assert_eq!(lines(bomb), "Failed  > &b;, why \"&b;&b;\"\n");
}

#[test]
fn many_small_documents_worth_of_cases_pass_through() {
    let mut names = 0;
    let input = Long::new(
        "<testsuites><testsuite name='s'>",
        "<testcase name='a' classname='b' time='0.1'><system-out>x</system-out></testcase>\n",
        BYTES / 8,
        "</testsuite></testsuites>",
    );
    let summary = regatta_junit::read(input, |case| names += case.name.len()).unwrap();
    assert_eq!(summary.passed, names as u64);
    assert!(names > 90_000);
}

#[test]
fn a_reader_that_fails_is_told_as_such() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let error = regatta_junit::read(Broken, |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "cannot be read: the disk is gone");
    let (_, summary) = told("<testsuite/>");
    assert_eq!(summary.unwrap().cases(), 0);
}
