//! The documents that runners write.

use super::{complaint, lines, told};
use insta::assert_snapshot;

#[test]
fn suites_in_suites_give_a_path_and_the_root_of_many_gives_none() {
    assert_snapshot!(lines(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="all" tests="4">
          <testsuite name="outer">
            <properties><property name="TestVersion" value="v4.21"/></properties>
            <testcase name="first" time="1.5"></testcase>
            <testsuite name="inner"><testcase name="deep"/></testsuite>
            <testcase name="after" time="2"/>
          </testsuite>
          <testsuite><testcase name="in a suite without a name"/></testsuite>
          <testcase name="in no suite"/>
        </testsuites>"#
    ), @"
    Passed outer > first, 1.5 s
    Passed outer|||inner > deep
    Passed outer > after, 2 s
    Passed  > in a suite without a name
    Passed  > in no suite
    ");
}

#[test]
fn a_single_suite_may_be_the_root() {
    let (lines, summary) =
        told("\u{feff}<testsuite name='e2e'>\n<testcase name='a' classname='c'/>\n</testsuite>\n");
    assert_eq!(lines, "Passed e2e > a, class \"c\"\n");
    let summary = summary.unwrap();
    assert_eq!((summary.cases(), summary.suites, summary.trailing), (1, 1, false));
}

#[test]
fn of_several_verdicts_the_heaviest_counts_and_brings_its_own_message() {
    assert_snapshot!(lines(
        r#"<testsuite name="s">
          <testcase name="failure beats skip"><skipped message="maybe"/><failure message="no"/><error message="broken"/></testcase>
          <testcase name="error beats skip"><error message="broken"/><skipped message="maybe"/></testcase>
          <testcase name="first failure tells"><failure message="one"/><failure message="two"/></testcase>
          <testcase name="a failure without words"><skipped message="maybe"/><failure/></testcase>
          <testcase name="skipped"><skipped/></testcase>
          <testcase name="skipped with a reason"><skipped>  not on <b>this</b> platform </skipped></testcase>
        </testsuite>"#
    ), @r#"
    Failed s > failure beats skip, why "no"
    Errored s > error beats skip, why "broken"
    Failed s > first failure tells, why "one"
    Failed s > a failure without words
    Skipped s > skipped
    Skipped s > skipped with a reason, why "not on this platform"
    "#);
}

#[test]
fn the_text_of_a_failure_stands_in_for_a_missing_message() {
    assert_snapshot!(lines(
        r#"<testsuite name="s">
          <testcase name="text"><failure type="x">
              expected 1 &lt; 0
          </failure></testcase>
          <testcase name="cdata"><failure message=""><![CDATA[a <b> & "c"]]> and &amp; more</failure></testcase>
          <testcase name="both"><failure message="short">long</failure></testcase>
        </testsuite>"#
    ), @r#"
    Failed s > text, why "expected 1 < 0"
    Failed s > cdata, why "a <b> & \"c\" and & more"
    Failed s > both, why "short"
    "#);
}

#[test]
fn verdicts_count_only_directly_in_a_case() {
    assert_snapshot!(lines(
        r#"<testsuite name="s">
          <testcase name="flaky in the end passed"><flakyFailure message="x"><failure/></flakyFailure></testcase>
          <testcase name="logged"><system-out><failure message="only text"/></system-out><system-err/></testcase>
          <failure message="of no case"/>
          <testcase name="rerun"><failure message="no"/><rerunFailure message="again no"/></testcase>
        </testsuite>"#
    ), @r#"
    Passed s > flaky in the end passed
    Passed s > logged
    Failed s > rerun, why "no"
    "#);
}

#[test]
fn attributes_come_in_any_order_with_entities_prefixes_and_either_quote() {
    assert_snapshot!(lines(
        "<j:testsuites xmlns:j='urn:x'><j:testsuite j:name = 'a &amp; b'>\
         <j:testcase time='1,234.5' lifecycle='informing' name='say &quot;x > y&#x21;&quot; in \u{e4}&nbsp;'\n classname=\"it's\" />\
         </j:testsuite></j:testsuites>"
    ), @r#"Passed a & b > say "x > y!" in ä&nbsp;, class "it's", lifecycle "informing", 1234.5 s"#);
    assert_snapshot!(lines("<testsuite name='&lt;&gt;'><testcase name='&#65;&apos;'/></testsuite>"), @"Passed <> > A'");
}

#[test]
fn some_runners_tell_by_an_attribute() {
    assert_snapshot!(lines(
        r#"<testsuite name="s">
          <testcase name="ran" status="run" result="completed"/>
          <testcase name="disabled" status="notrun" result="suppressed"/>
          <testcase name="failed" status="failed"/>
          <testcase name="in capitals" status="FAILED"/>
          <testcase name="skipped" status="Skipped"/>
          <testcase name="ran and failed" status="run"><failure message="no"/></testcase>
        </testsuite>"#
    ), @r#"
    Passed s > ran
    Skipped s > disabled
    Failed s > failed
    Failed s > in capitals
    Skipped s > skipped
    Failed s > ran and failed, why "no"
    "#);
}

#[test]
fn a_time_that_is_no_time_is_none() {
    assert_snapshot!(lines(
        "<testsuite><testcase name='a' time=''/><testcase name='b' time='-1'/><testcase name='c' time='NaN'/>\
         <testcase name='d' time='1e2'/></testsuite>"
    ), @"
    Passed  > a
    Passed  > b
    Passed  > c
    Passed  > d, 100 s
    ");
}

#[test]
fn what_cannot_be_handed_over_is_counted() {
    let (lines, summary) = told(
        "<testsuite name='s'><testcase/><testcase name=''><failure/></testcase>\
         <testcase name='a'><testcase name='in a case'/></testcase></testsuite><!-- end --> \n<more/>",
    );
    assert_eq!(lines, "Passed s > a\n");
    let summary = summary.unwrap();
    assert_eq!((summary.unnamed, summary.misplaced, summary.trailing), (2, 1, true));
    for behind in ["text", "</testsuite>", "<", "<!nothing", "<![CDATA[]]>", "<testsuite>"] {
        assert!(told(format!("<testsuite></testsuite>{behind}")).1.unwrap().trailing, "{behind}");
    }
}

#[test]
fn a_second_root_element_is_read_like_the_first() {
    let (lines, summary) = told(
        "<testsuite name='a'><testcase name='x'/></testsuite>\n<?xml version='1.0'?><testsuites><testsuite name='b'>\
         <testcase name='y'><failure message='no'/></testcase></testsuite></testsuites> and <more/> text\n\
         <testsuite name='c'><testcase name='z'/></testsuite>",
    );
    assert_eq!(lines, "Passed a > x\nFailed b > y, why \"no\"\nPassed c > z\n");
    let summary = summary.unwrap();
    assert_eq!((summary.roots, summary.trailing), (3, true));
    let two = "<testsuite><testcase name='x'/></testsuite><testsuite><testcase name='y'/></testsuite>";
    let summary = told(two).1.unwrap();
    assert_eq!((summary.roots, summary.trailing), (2, false));
    // Broken off in the second, nothing of what was read is lost.
    let (lines, summary) = told(&two[..two.len() - 5]);
    assert_eq!((lines.as_str(), summary.unwrap().trailing), ("Passed  > x\nPassed  > y\n", true));
}

#[test]
fn other_encodings_are_read_as_what_they_say() {
    let text = "<?xml version='1.0' encoding='UTF-16'?>\n<testsuite name='caf\u{e9}'><testcase name='\u{1f600}'/></testsuite>";
    for (mark, unit) in [
        ("\u{feff}", u16::to_le_bytes as fn(u16) -> [u8; 2]),
        ("", u16::to_le_bytes),
        ("\u{feff}", u16::to_be_bytes),
        ("", u16::to_be_bytes),
    ] {
        let bytes: Vec<u8> = format!("{mark}{text}").encode_utf16().flat_map(unit).collect();
        assert_eq!(lines(&bytes), "Passed caf\u{e9} > \u{1f600}\n");
        assert!(complaint(&bytes[..bytes.len() - 3]).contains("ends too early"));
    }
    for name in ["ISO-8859-1", "latin1", "windows-1252"] {
        let mut bytes = format!("<?xml version=\"1.0\" encoding=\"{name}\" ?><testsuite><testcase name='caf")
            .into_bytes();
        bytes.extend_from_slice(b"\xe9 \x80'/></testsuite>");
        assert_eq!(lines(&bytes), "Passed  > caf\u{e9} \u{20ac}\n", "{name}");
    }
    // In single bytes whatever it says; so do programs write it that took a text for what they meant to write.
    assert_eq!(
        lines("<?xml version='1.0' encoding='utf-16'?><testsuite><testcase name='\u{e9}'/></testsuite>"),
        "Passed  > \u{e9}\n"
    );
}

#[test]
fn comments_instructions_and_document_types_pass_by() {
    assert_snapshot!(lines(
        "<!DOCTYPE testsuite [ <!-- it's --> <!ENTITY lol \"ha > ha\"> <!ENTITY lol2 '&lol;&lol;'> ]>\
         <?style x > y ?><!-- <testcase name='no'/> -- > -->\
         <testsuite><testcase name='&lol2;'/><!----><?a?></testsuite>"
    ), @"Passed  > &lol2;");
}

#[test]
fn an_odd_byte_does_not_make_a_file_useless() {
    assert_snapshot!(lines(b"<testsuite name='s'><testcase name='caf\xe9'/><testcase name='b'/></testsuite>"), @"
    Passed s > caf\u{fffd}
    Passed s > b
    ");
}

#[test]
fn empty_is_told_apart_from_broken() {
    for empty in ["", " \n", "\u{feff}", "<?xml version=\"1.0\"?>\n", "<!-- nothing -->"] {
        assert_eq!(complaint(empty), "is empty", "{empty:?}");
    }
    assert_eq!(lines("<testsuites/>"), "");
}

#[test]
fn what_is_refused_is_told_with_its_place() {
    assert_snapshot!(
        complaint("<html>\n</html>"),
        @"line 1, column 1: is no JUnit: the root element is `html`, where `testsuites` or `testsuite` is expected");
    assert_snapshot!(
        complaint("{\"a\": 1}"),
        @"line 1, column 1: is no valid XML: text before the root element");
    assert_snapshot!(
        complaint("oops <testsuite/>"),
        @"line 1, column 1: is no valid XML: text before the root element");
    assert_snapshot!(
        complaint("<testsuite>\n  <testcase name='a'>\n</testsuite>"),
        @"line 3, column 1: is no valid XML: `</testsuite>` stands where `</testcase>` is expected");
    assert_snapshot!(
        complaint("<testsuite>\n <testcase name='a>\n <failure/></testcase></testsuite>"),
        @"line 3, column 35: ends too early, within the tag that begins at line 2, column 2; a quotation mark may be missing in it");
    assert_snapshot!(
        complaint("<testsuite>\n <testcase name='a>\n <failure message='x'/></testcase></testsuite>"),
        @"line 3, column 47: ends too early, within the tag that begins at line 2, column 2; a quotation mark may be missing in it");
    assert_snapshot!(
        complaint("<testsuite><testcase name=a/></testsuite>"),
        @r#"line 1, column 12: is no valid XML: the attributes of `testcase` cannot be read: position 14: attribute value must be enclosed in `"` or `'`"#);
    assert_snapshot!(complaint("<testsuite>a < b</testsuite>"), @"line 1, column 17: is no valid XML: a `<` within a tag; a quotation mark or a `>` before it may be missing");
    assert_snapshot!(complaint("<testsuite><!ELEMENT a></testsuite>"), @"line 1, column 12: is no valid XML: a declaration that is no comment, CDATA section or document type");
    assert_snapshot!(complaint("\u{feff}</a>"), @"line 1, column 4: is no valid XML: `</a>` closes nothing, no element is open");
    assert_snapshot!(complaint(b"\xff\xfe\0\0<\0\0\0t\0\0\0"), @"is written in UTF-32; UTF-8, UTF-16, Latin-1 and other encodings that extend ASCII are read");
    assert_snapshot!(complaint(b"<\0\0\0t\0\0\0"), @"is written in UTF-32; UTF-8, UTF-16, Latin-1 and other encodings that extend ASCII are read");
    assert_snapshot!(complaint(b"\0\0\0\0"), @"line 1, column 1: is no valid XML: text before the root element");
}

#[test]
fn a_document_that_stops_early_gave_what_it_had() {
    let whole = "<testsuite name='s'>\n<testcase name='a'/>\n<testcase name='b'><failure>x</failure></testcase>\n</testsuite>";
    let (lines, summary) = told(&whole[..whole.len() - 12]);
    assert_eq!(lines, "Passed s > a\nFailed s > b, why \"x\"\n");
    assert_snapshot!(summary.unwrap_err().to_string(), @"line 4, column 1: ends too early, `testsuite` is still open");
    assert_snapshot!(complaint(&whole[..50]), @"line 3, column 9: ends too early, within the tag that begins at line 3, column 1; a quotation mark may be missing in it");
    assert_snapshot!(complaint("<testsuite><system-out><![CDATA[log\n"), @"line 2, column 1: ends too early, within a CDATA section");
    assert_snapshot!(complaint("<testsuite><!-- "), @"line 1, column 17: ends too early, within a comment");
}
