//! What holds for any document.

use proptest::prelude::*;
use quick_xml::escape::escape;
use regatta_junit::Outcome;
use std::io::Read;

/// A case as it was meant.
#[derive(Debug, Clone, PartialEq)]
struct Meant {
    suites: Vec<String>,
    name: String,
    outcome: Outcome,
    message: Option<String>,
}

#[derive(Debug, Clone)]
enum Tree {
    Suite(String, Vec<Tree>),
    Case(String, Outcome, String),
    Noise(&'static str),
}

fn tree() -> impl Strategy<Value = Tree> {
    let outcome = prop_oneof![
        Just(Outcome::Passed),
        Just(Outcome::Failed),
        Just(Outcome::Errored),
        Just(Outcome::Skipped)
    ];
    let leaf = prop_oneof![
        4 => ("\\PC{1,12}", outcome, "\\PC{0,12}").prop_map(|(name, outcome, message)| {
            Tree::Case(name, outcome, message)
        }),
        1 => prop_oneof![
            Just("<!-- <testcase name='x'> -->"),
            Just("<properties><property name='a' value='>'/></properties>"),
            Just("<system-out><![CDATA[<testcase name='x'/>]]></system-out>"),
            Just("<?p ?>\n"),
        ]
        .prop_map(Tree::Noise),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        ("\\PC{0,8}", prop::collection::vec(inner, 0..4)).prop_map(|(name, trees)| Tree::Suite(name, trees))
    })
}

fn write(trees: &[Tree], path: &mut Vec<String>, xml: &mut String, meant: &mut Vec<Meant>) {
    for tree in trees {
        match tree {
            Tree::Suite(name, trees) => {
                xml.push_str(&format!("<testsuite tests='1' name=\"{}\">", escape(name.as_str())));
                path.push(name.clone());
                write(trees, path, xml, meant);
                path.pop();
                xml.push_str("</testsuite>\n");
            }
            Tree::Case(name, outcome, message) => {
                let element = match outcome {
                    Outcome::Passed => None,
                    Outcome::Failed => Some("failure"),
                    Outcome::Errored => Some("error"),
                    Outcome::Skipped => Some("skipped"),
                };
                xml.push_str(&format!("<testcase name='{}'", escape(name.as_str())));
                match element {
                    None => xml.push_str("/>"),
                    Some(element) => xml.push_str(&format!(
                        "><{element} message=\"{}\">log</{element}></testcase>",
                        escape(message.as_str())
                    )),
                }
                let message = match message.trim() {
                    "" => "log".to_owned(),
                    message => message.to_owned(),
                };
                let message = element.map(|_| message);
                meant.push(Meant { suites: path.clone(), name: name.clone(), outcome: *outcome, message });
            }
            Tree::Noise(noise) => xml.push_str(noise),
        }
    }
}

/// Hands out a few bytes at a time.
struct Portions<'a>(&'a [u8], usize);

impl Read for Portions<'_> {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(self.1).min(target.len());
        let (now, later) = self.0.split_at(count);
        target[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fn read(xml: &[u8], portion: usize) -> Vec<Meant> {
    let mut cases = Vec::new();
    regatta_junit::read(Portions(xml, portion), |case| {
        cases.push(Meant {
            suites: case.suites.to_vec(),
            name: case.name.to_owned(),
            outcome: case.outcome,
            message: case.message.map(str::to_owned),
        });
    })
    .unwrap();
    cases
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(trees in prop::collection::vec(tree(), 0..6), portion in 1_usize..40) {
        let (mut xml, mut meant) = (String::from("<testsuites>"), Vec::new());
        write(&trees, &mut Vec::new(), &mut xml, &mut meant);
        xml.push_str("</testsuites>");
        prop_assert_eq!(&read(xml.as_bytes(), usize::MAX), &meant);
        prop_assert_eq!(&read(xml.as_bytes(), portion), &meant);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = regatta_junit::read(bytes.as_slice(), |_| ());
    }

    #[test]
    fn no_soup_of_markup_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<testsuite", "<testcase", " name='", "'", "\"", ">", "/>", "</", "<", "<!--", "-->", "<![CDATA[", "]]>",
            "<!DOCTYPE", "<?", "?>", "&", "&lt;", "testsuite", "testcase", "<failure>", "</failure>", "]", "[", "\u{e4}", " ",
        ]), 0..40),
    ) {
        let _ = regatta_junit::read(pieces.concat().as_bytes(), |_| ());
    }

    #[test]
    fn no_change_of_a_document_makes_it_panic(
        trees in prop::collection::vec(tree(), 1..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut xml = String::from("<testsuites>");
        write(&trees, &mut Vec::new(), &mut xml, &mut Vec::new());
        let mut bytes = xml.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = regatta_junit::read(bytes.as_slice(), |_| ());
    }
}
