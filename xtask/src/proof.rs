//! The table of proofs: what `docs/` says shows that a fault is absent has to be there.
//!
//! A table whose last column is headed `shown by` claims something in every row. Each claim is a code span in that column:
//!
//! | form | means |
//! | --- | --- |
//! | `CRATE path::of::test` | a test of that package, by the name under which `cargo test -p CRATE` runs it |
//! | `fuzz NAME` | the fuzz target `fuzz/fuzz_targets/NAME.rs` |
//! | `cargo xtask WORD …` | a command of this crate, by the line of its help |
//!
//! What is named and does not exist is a fault, and so is a row that names nothing, unless its section is one of those that
//! say so in their heading. That a test would fail if the fault came back, no program can tell: a reader has to.

use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::repository;

/// Heading of the column that is held to what it says.
const COLUMN: &str = "shown by";
/// How the headings begin under which a row may name no proof.
const ADMITTED: [&str; 3] = ["Not built yet", "Does not apply", "Shown by nothing yet"];

/// Every claim of `docs/*.md` that does not hold, as `path:line: what and why`.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let evidence = Evidence::read(root)?;
    let mut ids = BTreeMap::new();
    let mut faults = Vec::new();
    for (path, text) in documents(root)? {
        faults.extend(faults_in(&path, &text, &evidence, &mut ids));
    }
    Ok(faults)
}

/// The Markdown files of `docs/`, by their path from the root, sorted.
fn documents(root: &Path) -> Result<BTreeMap<String, String>> {
    let folder = root.join("docs");
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            found.insert(path.strip_prefix(root).unwrap_or(&path).display().to_string(), text);
        }
    }
    Ok(found)
}

/// What there is to point to.
#[derive(Debug, Default)]
struct Evidence {
    /// Names of tests by package.
    tests: BTreeMap<String, BTreeSet<String>>,
    /// Fuzz targets.
    targets: BTreeSet<String>,
    /// Commands of this crate.
    commands: BTreeSet<String>,
}

impl Evidence {
    fn read(root: &Path) -> Result<Self> {
        let mut evidence = Self::default();
        let crates = root.join("crates");
        let listed = fs::read_dir(&crates).with_context(|| format!("cannot list {}", crates.display()))?;
        let mut packages = vec![root.join("xtask")];
        for entry in listed {
            packages.push(entry.with_context(|| format!("cannot list {}", crates.display()))?.path());
        }
        for package in packages {
            // Without a manifest it is no package, only a folder that something left behind.
            let Ok(manifest) = fs::read_to_string(package.join("Cargo.toml")) else { continue };
            let Some(name) = package_name(&manifest) else { continue };
            let tests = evidence.tests.entry(name).or_default();
            let mut files = Vec::new();
            repository::collect(&package, &mut files)?;
            for file in files {
                let text =
                    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let module = module_of(file.strip_prefix(&package).unwrap_or(&file));
                tests.extend(tests_in(&module, &text));
            }
        }
        if let Ok(listed) = fs::read_dir(root.join("fuzz/fuzz_targets")) {
            let files = listed.flatten().map(|entry| entry.path());
            let targets = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
            evidence.targets =
                targets.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
        }
        evidence.commands = commands_in(crate::HELP);
        Ok(evidence)
    }

    /// Whether what a claim names exists, and if not, what is wrong.
    fn holds(&self, claim: &str) -> Result<(), String> {
        if let Some(command) = claim.strip_prefix("cargo xtask ") {
            let word = command.split(' ').next().unwrap_or_default();
            let known = self.commands.contains(word);
            return known.then_some(()).ok_or_else(|| format!("`cargo xtask` has no command {word}"));
        }
        let Some((package, name)) = claim.split_once(' ').filter(|(_, name)| !name.contains(' ')) else {
            return Err(format!(
                "`{claim}` is no proof: write `CRATE path::of::test`, `fuzz NAME` or `cargo xtask WORD`"
            ));
        };
        if package == "fuzz" {
            let known = self.targets.contains(name);
            return known.then_some(()).ok_or_else(|| format!("there is no fuzz/fuzz_targets/{name}.rs"));
        }
        let Some(tests) = self.tests.get(package) else {
            return Err(format!("there is no package {package}"));
        };
        if tests.contains(name) {
            return Ok(());
        }
        let last = name.rsplit("::").next().unwrap_or(name);
        let same = tests.iter().find(|test| test.rsplit("::").next() == Some(last));
        Err(match same {
            Some(test) => format!("{package} has no test {name}; it has {test}"),
            None => format!("{package} has no test {name}"),
        })
    }
}

/// The package's name in its manifest.
fn package_name(manifest: &str) -> Option<String> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = \""))?;
    Some(line.split('"').next()?.to_owned())
}

/// The words with which lines of the help begin.
fn commands_in(help: &str) -> BTreeSet<String> {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    let words = lines.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
    words.map(str::to_owned).collect()
}

/// The module that a file of a package is, as names of tests begin: `stage_testing`, `judge::history::tests`.
///
/// Of a folder of integration tests the first part is the binary, which test names do not carry.
fn module_of(path: &Path) -> Vec<String> {
    let parts = path.with_extension("");
    let mut parts: Vec<String> = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let binaries = matches!(parts.first().map(String::as_str), Some("tests" | "benches"));
    parts = parts.split_off((1 + usize::from(binaries)).min(parts.len()));
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// Names of the tests in a source file: every `fn` below an attribute whose last word is `test`.
///
/// Modules inside a file are told by indentation, which the formatter holds.
fn tests_in(module: &[String], text: &str) -> Vec<String> {
    let mut inside: Vec<(usize, String)> = Vec::new();
    let mut marked = false;
    let mut tests = Vec::new();
    for line in text.lines() {
        let code = line.trim_start();
        let depth = line.len() - code.len();
        if code == "}" && inside.last().is_some_and(|(at, _)| *at == depth) {
            inside.pop();
        } else if let Some(name) = module_name(code) {
            inside.push((depth, name.to_owned()));
        } else if is_test_attribute(code) {
            marked = true;
        } else if marked && let Some(name) = function_name(code) {
            let names = module.iter().chain(inside.iter().map(|(_, name)| name)).map(String::as_str);
            tests.push(names.chain([name]).collect::<Vec<_>>().join("::"));
            marked = false;
        }
    }
    tests
}

/// The name of a module that begins on this line.
fn module_name(code: &str) -> Option<&str> {
    let code = code.strip_prefix("pub(crate) ").or_else(|| code.strip_prefix("pub ")).unwrap_or(code);
    code.strip_prefix("mod ")?.strip_suffix(" {")
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(flavor = …)]`
fn is_test_attribute(code: &str) -> bool {
    let Some(inner) = code.strip_prefix("#[") else { return false };
    let path = inner.split(['(', ']']).next().unwrap_or_default();
    path.rsplit("::").next() == Some("test")
}

/// The name after `fn`, with or without `async` before it.
fn function_name(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("async ").unwrap_or(code).strip_prefix("fn ")?;
    Some(&rest[..rest.find(['(', '<'])?])
}

/// The claims of one document that do not hold. `ids` are those of all documents so far, each with its place.
fn faults_in(path: &str, text: &str, evidence: &Evidence, ids: &mut BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    // Whether a row may go without proof is said by the nearest heading.
    let mut admitted = false;
    // Columns of the table that is being read, if it makes claims.
    let mut columns: Option<usize> = None;
    for (index, line) in text.lines().enumerate() {
        let place = format!("{path}:{}", index + 1);
        if line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim();
            admitted = ADMITTED.iter().any(|words| heading.starts_with(words));
        }
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let cells = cells(line);
        let last = cells.last().copied().unwrap_or_default();
        let Some(expected) = columns else {
            columns = (last == COLUMN).then_some(cells.len());
            continue;
        };
        if cells.iter().all(|cell| cell.bytes().all(|byte| matches!(byte, b'-' | b':'))) {
            continue;
        }
        if cells.len() != expected {
            faults.push(format!("{place}: a row of {} columns in a table of {expected}", cells.len()));
            continue;
        }
        let id = cells.first().copied().unwrap_or_default();
        if let Some(earlier) = ids.insert(id.to_owned(), place.clone()) {
            faults.push(format!("{place}: the row {id:?} is already at {earlier}"));
        }
        let claims = code_spans(last);
        if claims.is_empty() && !admitted {
            faults.push(format!(
                "{place}: {id} names no proof: name a test, or put the row under one of the headings {}",
                ADMITTED.map(|words| format!("{words:?}")).join(", ")
            ));
        }
        let broken = claims.into_iter().filter_map(|claim| evidence.holds(claim).err());
        faults.extend(broken.map(|why| format!("{place}: {id}: {why}")));
    }
    faults
}

/// The cells of a table's line.
fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_start_matches('|').trim_end_matches('|').split('|').map(str::trim).collect()
}

/// What stands between backticks.
fn code_spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            tests: BTreeMap::from([(
                "regatta-kit".to_owned(),
                BTreeSet::from(["version::tests::no_text_panics".to_owned()]),
            )]),
            targets: BTreeSet::from(["versions".to_owned()]),
            commands: commands_in("cargo xtask COMMAND\n\n  layering  the house\n            and more"),
        }
    }

    fn told(text: &str) -> Vec<String> {
        faults_in("docs/proof.md", text, &evidence(), &mut BTreeMap::new())
    }

    fn table(rows: &str) -> String {
        format!("## Versions\n\n| id | fault | shown by |\n| --- | --- | --- |\n{rows}")
    }

    #[test]
    fn what_exists_may_be_named() {
        assert_eq!(
            told(&table(
                "| V-01 | `a` | `regatta-kit version::tests::no_text_panics`, `fuzz versions` |\n\
                 | V-02 | b | `cargo xtask layering --all` |\n"
            )),
            [""; 0]
        );
    }

    #[test]
    fn what_does_not_exist_is_told_with_its_place_and_what_was_meant() {
        assert_eq!(
            told(&table(
                "| V-01 | a | `regatta-kit no_text_panics`, `regatta-kit version::tests::gone` |\n\
                 | V-02 | b | `fuzz gone`, `regatta-sails a::b` |\n\
                 | V-03 | c | `cargo xtask sing`, `something` |\n"
            )),
            [
                "docs/proof.md:5: V-01: regatta-kit has no test no_text_panics; it has version::tests::no_text_panics",
                "docs/proof.md:5: V-01: regatta-kit has no test version::tests::gone",
                "docs/proof.md:6: V-02: there is no fuzz/fuzz_targets/gone.rs",
                "docs/proof.md:6: V-02: there is no package regatta-sails",
                "docs/proof.md:7: V-03: `cargo xtask` has no command sing",
                "docs/proof.md:7: V-03: `something` is no proof: write `CRATE path::of::test`, `fuzz NAME` or \
                 `cargo xtask WORD`",
            ]
        );
    }

    #[test]
    fn a_row_without_proof_stands_only_where_the_heading_says_so() {
        let bare = "| V-01 | a | – |\n";
        let [fault] = &told(&table(bare))[..] else { panic!() };
        assert!(fault.starts_with("docs/proof.md:5: V-01 names no proof"), "{fault}");
        for heading in ["Not built yet", "Does not apply to Regatta", "Shown by nothing yet"] {
            let text = table(bare).replace("## Versions", &format!("### {heading}"));
            assert_eq!(told(&text), [""; 0], "{heading}");
            // The next heading ends it.
            assert_eq!(told(&format!("## {heading}\n\n{}", table(bare))).len(), 1);
        }
        // A proof that is named there all the same has to exist.
        let named = table("| V-01 | a | `regatta-kit gone` |\n").replace("Versions", "Not built yet");
        assert_eq!(told(&named).len(), 1);
    }

    #[test]
    fn rows_are_whole_and_have_names_of_their_own() {
        let row = "| V-01 | a | `fuzz versions` |\n";
        assert_eq!(
            told(&table(&format!("{row}{row}| V-02 | `fuzz versions` |\n"))),
            [
                "docs/proof.md:6: the row \"V-01\" is already at docs/proof.md:5",
                "docs/proof.md:7: a row of 2 columns in a table of 3",
            ]
        );
        assert_eq!(told("| word | meaning |\n| --- | --- |\n| a | b |\n"), [""; 0], "it claims nothing");
    }

    #[test]
    fn tests_are_found_under_the_names_they_run_by() {
        // Put together here, so that these lines are no tests of this file.
        let text = [
            "fn helper() {",
            "}",
            "@[cfg(test)]",
            "mod tests {",
            "    @[test]",
            "    fn one() {",
            "    }",
            "    mod deep {",
            "        @[tokio::test(flavor = \"current_thread\")]",
            "        /// Why.",
            "        async fn two() {",
            "        }",
            "    }",
            "    proptest! {",
            "        @[test]",
            "        fn three(text in \".*\") {",
            "        }",
            "    }",
            "    fn no_test() {",
            "    }",
            "}",
            "@[test]",
            "fn outside() {",
            "}",
        ]
        .join("\n")
        .replace('@', "#");
        let module = module_of(Path::new("src/judge/history.rs"));
        assert_eq!(
            tests_in(&module, &text),
            [
                "judge::history::tests::one",
                "judge::history::tests::deep::two",
                "judge::history::tests::three",
                "judge::history::outside"
            ]
        );
    }

    #[test]
    fn files_are_the_modules_that_cargo_takes_them_for() {
        for (path, module) in [
            ("src/lib.rs", ""),
            ("src/gitlab/mod.rs", "gitlab"),
            ("src/gitlab/tests.rs", "gitlab::tests"),
            ("tests/it/main.rs", ""),
            ("tests/it/kill.rs", "kill"),
            ("tests/recorded.rs", ""),
        ] {
            assert_eq!(module_of(Path::new(path)).join("::"), module, "{path}");
        }
    }

    #[test]
    fn the_table_of_this_repository_holds() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository");
        assert_eq!(faults(root).expect("the repository can be read"), [""; 0]);
    }
}
