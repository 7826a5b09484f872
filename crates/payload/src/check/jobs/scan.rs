//! The names of periodics by their lines, without parsing: some ten megabytes of YAML in milliseconds.
//!
//! In a file as the generator of jobs writes it, the name of an item under the top-level `periodics:` stands in the column of
//! the item's keys, and nothing else does. YAML can say the same in many other ways, so [`form`] tells whether a file is
//! of that form and the scan has missed nothing. It asks more than it must: a file that it doubts is parsed, no more.

/// The names of the periodics in a file of Prow jobs. A file in another form than the usual one may have more, or others.
pub(super) fn names(bytes: &[u8]) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = bytes;
    // The column of the items' keys, once the first item told it.
    let mut column = None;
    let Some(start) = section_start(bytes) else { return found };
    rest = &rest[start..];
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        match line.get(indent) {
            None | Some(b'#' | b'\r') => continue,
            // An item begins: its first key stands behind the dash.
            Some(b'-') if column.is_none_or(|column| indent < column) => {
                let gap = line[indent + 1..].iter().take_while(|byte| **byte == b' ').count();
                let here = indent + 1 + gap;
                let column = *column.get_or_insert(here);
                if here == column
                    && let Some(name) = line.get(here..).and_then(name_of)
                {
                    found.push(name);
                }
            }
            // A key at the left edge ends the section, or the same key begins it anew, which no file has.
            Some(_) if indent == 0 => break,
            Some(b'n') if column == Some(indent) => {
                if let Some(name) = name_of(&line[indent..]) {
                    found.push(name);
                }
            }
            Some(_) => {}
        }
    }
    found
}

/// Where the line after `periodics:` begins.
fn section_start(bytes: &[u8]) -> Option<usize> {
    const HEAD: &[u8] = b"periodics:";
    memchr::memmem::find_iter(bytes, HEAD)
        .find(|at| *at == 0 || bytes[at - 1] == b'\n')
        .map(|at| memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1))
}

fn name_of(line: &[u8]) -> Option<&str> {
    let value = std::str::from_utf8(line.strip_prefix(b"name:")?).ok()?.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.split(quote).next());
    let value =
        quoted('"').or_else(|| quoted('\'')).unwrap_or_else(|| value.split(" #").next().unwrap_or(value));
    (!value.is_empty()).then_some(value.trim_end())
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As the generator writes: the names that a scan finds are all there are.
    Usual,
    /// In a way in which a scan may miss names, or no YAML at all.
    Other,
}

/// How a file is written.
pub(super) fn form(bytes: &[u8]) -> Form {
    // Breaks of lines besides the usual one would be lines to YAML and none to the scan.
    let breaks: [&[u8]; 4] = [b"\r", "\u{85}".as_bytes(), "\u{2028}".as_bytes(), "\u{2029}".as_bytes()];
    if breaks.iter().any(|line_break| memchr::memmem::find(bytes, line_break).is_some()) {
        return Form::Other;
    }
    let mut shape = Shape { section: Section::None, sections: 0, items: None, named: Named::Once };
    let usual = bytes.split(|byte| *byte == b'\n').all(|line| shape.takes(line).is_some());
    if usual && shape.named != Named::NotYet { Form::Usual } else { Form::Other }
}

/// Where the lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    None,
    Periodics,
    Other,
}

/// Whether the item at hand has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    NotYet,
    /// By the line before, and would go on if this one stood further to the right.
    JustNow,
    Once,
}

/// What is known of a file's form so far.
struct Shape {
    section: Section,
    /// How many sections are periodics.
    sections: usize,
    /// The columns of the items' dashes and of their keys.
    items: Option<(usize, usize)>,
    named: Named,
}

impl Shape {
    /// Takes the next line; `None` where it is none that the generator writes.
    fn takes(&mut self, line: &[u8]) -> Option<()> {
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let text = &line[indent..];
        let first = *text.first().unwrap_or(&b'#');
        if first == b'#' {
            return Some(());
        }
        if self.items.is_some_and(|(_, keys)| indent > keys) {
            return (self.named != Named::JustNow).then_some(());
        }
        if self.named == Named::JustNow {
            self.named = Named::Once;
        }
        if indent == 0 && first != b'-' {
            return self.section(text);
        }
        match self.section {
            Section::None => None,
            Section::Other => Some(()),
            Section::Periodics => self.item(text, indent),
        }
    }

    /// A key at the left edge.
    fn section(&mut self, text: &[u8]) -> Option<()> {
        let (key, value) = key_and_value(text)?;
        let empty = matches!(value, b"[]" | b"{}");
        if self.named == Named::NotYet || !(value.is_empty() || empty) {
            return None;
        }
        self.items = None;
        self.section = Section::Other;
        if key == b"periodics" {
            self.sections += 1;
            if !empty {
                self.section = Section::Periodics;
            }
        }
        (self.sections <= 1).then_some(())
    }

    /// A line in the columns of the items under `periodics:`.
    fn item(&mut self, text: &[u8], indent: usize) -> Option<()> {
        if text[0] != b'-' {
            return self.key(text).filter(|()| self.items.is_some_and(|(_, keys)| keys == indent));
        }
        if self.items.is_some_and(|(_, keys)| keys == indent) {
            // A list below one of the item's keys.
            return Some(());
        }
        let gap = text[1..].iter().take_while(|byte| **byte == b' ').count();
        let here = (indent, indent + 1 + gap);
        if gap == 0 || self.named == Named::NotYet || *self.items.get_or_insert(here) != here {
            return None;
        }
        self.named = Named::NotYet;
        self.key(&text[1 + gap..])
    }

    /// A key of an item, whose value ends on the line or stands below, further to the right.
    fn key(&mut self, text: &[u8]) -> Option<()> {
        let (key, value) = key_and_value(text)?;
        if key == b"name" {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
            let inner = unquoted(value).unwrap_or(value);
            let simple = inner.first().is_some_and(u8::is_ascii_alphanumeric) && inner.iter().all(plain);
            let first = std::mem::replace(&mut self.named, Named::JustNow) == Named::NotYet;
            return (simple && first).then_some(());
        }
        let ends = match value.first() {
            Some(b'"' | b'\'') => unquoted(value).is_some(),
            Some(b'[' | b'{') => matches!(value, b"[]" | b"{}"),
            Some(b'&' | b'*' | b'!' | b'?' | b'%' | b'@' | b'`') => false,
            _ => true,
        };
        ends.then_some(())
    }
}

/// `key: value`, where the key is a plain word.
fn key_and_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let (key, rest) = text.split_at(text.iter().take_while(|byte| word(byte)).count());
    let value = rest.strip_prefix(b":")?;
    let apart = key.first()?.is_ascii_alphabetic() && (value.is_empty() || value[0] == b' ');
    apart.then_some((key, value.trim_ascii()))
}

/// What stands between quotes; `None` where there are none, or where more than text is between them.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    [b'"', b'\''].into_iter().find_map(|quote| {
        let inner = value.strip_prefix(&[quote])?.strip_suffix(&[quote])?;
        (!inner.contains(&quote) && !inner.contains(&b'\\')).then_some(inner)
    })
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_the_generator_writes_is_of_the_usual_form() {
        for usual in [
            "",
            "presubmits:\n  openshift/release:\n  - name: pull-ci\n    args: [\"a\n  b\"]\n",
            "periodics: []\npostsubmits: {}\n",
            "# by hand\nperiodics:\n- agent: kubernetes\n  args:\n  - {name: x}\n  name: one\n  spec:\n    name: y\n- name: \"two\"\n",
            "periodics:\n  - cron: '@daily'\n    name: one\n    run: |\n      name: x\n",
        ] {
            assert_eq!(form(usual.as_bytes()), Form::Usual, "{usual}");
        }
        for other in [
            "periodics:\n- {name: one}\n",
            "periodics:\n- \"name\": one\n",
            "periodics:\n- name : one\n",
            "periodics:\n- name: >-\n    one\n",
            "periodics:\n- name: one\n- cron: x\n",
            "periodics:\n- cron: x\npresubmits: {}\n",
            "periodics:\n- name: one\n    two\n",
            "periodics:\n- name: one\n  <<: *base\n",
            "periodics:\n- name: one\n  cron: \"a\n    b\"\n",
            "periodics:\n- name: one\n  name: two\n",
            "periodics:\n- name: one\n - name: two\n",
            "periodics:\n- name: one\r- name: two\n",
            "periodics:\n- name: one\nperiodics:\n- name: two\n",
            "---\nperiodics:\n- name: one\n",
            "periodics: [\n{name: one}]\n",
            "{\"periodics\": []}",
            "\"periodics\":\n- name: one\n",
            "\u{feff}periodics:\n- name: one\n",
            "  periodics:\n  - name: one\n",
            "half a fi",
        ] {
            assert_eq!(form(other.as_bytes()), Form::Other, "{other}");
        }
    }

    proptest! {
        /// The parser is the judge: where the form is the usual one, the scan finds the names that the parser finds.
        #[test]
        fn in_the_usual_form_a_scan_misses_nothing(
            lines in prop::collection::vec((prop::option::weighted(0.1, 0..5_usize), 0..PIECES.len()), 0..8),
        ) {
            let line = |(odd, piece): &(Option<usize>, usize)| {
                let (usual, piece) = PIECES[*piece];
                format!("{}{piece}\n", " ".repeat(odd.unwrap_or(usual)))
            };
            let text: String = lines.iter().map(line).collect();
            let text = format!("periodics:\n{text}");
            if form(text.as_bytes()) == Form::Usual
                && let Ok(parsed) = yaml::names(text.clone().into_bytes())
            {
                prop_assert_eq!(names(text.as_bytes()), parsed, "{}", text);
            }
        }
    }

    /// Lines of files of jobs and where they usually begin.
    const PIECES: [(usize, &str); 22] = [
        (0, "- name: one"),
        (0, "- name: 'two'"),
        (0, "- agent: kubernetes"),
        (0, "- cron: x"),
        (2, "name: three"),
        (2, "name: \"four\""),
        (2, "name : five"),
        (2, "name: >-"),
        (4, "six"),
        (2, "spec:"),
        (4, "name: not"),
        (2, "cron: |"),
        (2, "cron: \"@daily\""),
        (0, "- - name: seven"),
        (0, "-   name: eight"),
        (0, "- {name: nine}"),
        (0, "presubmits:"),
        (0, "# a word"),
        (0, ""),
        (2, "'name': ten"),
        (2, "? name"),
        (2, ": eleven"),
    ];

    #[test]
    fn only_the_names_of_periodics_are_names() {
        let file = "\
presubmits:
  openshift/release:
  - name: pull-ci-openshift-release-master-images
periodics:
# by hand
- agent: kubernetes
  labels:
    name: not-this
  name: periodic-one
  spec:
    containers:
    - args:
      - --name: x
      name: container
    - name: other
      command: |
        name: text
  name_of: nothing
- name: \"periodic-two\" # quoted

- name: 'periodic-three'
  decorate: true
postsubmits:
  openshift/release:
  - name: branch-ci
";
        assert_eq!(names(file.as_bytes()), ["periodic-one", "periodic-two", "periodic-three"]);
    }

    #[test]
    fn items_may_be_indented_and_lines_may_end_as_on_windows() {
        let file = "periodics:\r\n    -   cron: \"@daily\"\r\n        name: one\r\n        spec:\r\n          name: no\r\n    -   name: two\r\n";
        assert_eq!(names(file.as_bytes()), ["one", "two"]);
        assert_eq!(names(b"presubmits:\n  a:\n  - name: x\n"), Vec::<&str>::new());
        assert_eq!(names(b"periodics: []\n"), Vec::<&str>::new());
        assert_eq!(names(b"periodics:\n- name: last"), ["last"]);
    }
}
