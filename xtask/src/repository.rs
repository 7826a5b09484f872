//! Rules for the source files themselves that neither compiler nor clippy holds.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A file that is longer than this before its tests holds more than one idea.
const MOST_LINES: usize = 800;

/// Folders that hold no source of ours.
const NOT_OURS: [&str; 3] = ["target", "node_modules", "venv"];

/// What no source file may name, and why. In two halves each, so that this file keeps its own rule.
const BANNED: [(&str, &str, &str); 5] = [
    ("todo", "!(", "what is not built yet is absent, not a stub"),
    ("unimplemented", "!(", "what is not built yet is absent, not a stub"),
    ("#[ig", "nore", "a test that does not run proves nothing: mend it or delete it"),
    ("thread::s", "leep", "every wait goes through the injected clock"),
    ("danger_", "accept", "a service whose certificate nobody checks may be anybody"),
];

/// Every breach under `root`, as `path:line: what and why`, sorted.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    files.sort();
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        faults.extend(faults_in(file.strip_prefix(root).unwrap_or(&file), &text));
    }
    Ok(faults)
}

/// Rust files below a folder, without hidden folders and those of tools.
pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // The entry's own type, so that a link never leads out of the repository.
        let kind = entry.file_type().with_context(|| format!("cannot look at {}", path.display()))?;
        if kind.is_dir() && !name.starts_with('.') && !NOT_OURS.contains(&name.as_ref()) {
            collect(&path, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn faults_in(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut faults = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (head, tail, why) in BANNED {
            let word = format!("{head}{tail}");
            if line.contains(&word) {
                faults.push(format!("{shown}:{}: {word}: {why}", index + 1));
            }
        }
    }
    let lines = lines_before_tests(text);
    if !is_test(path) && lines > MOST_LINES {
        faults
            .push(format!("{shown}: {lines} lines before its tests, at most {MOST_LINES}: split it by idea"));
    }
    faults
}

/// Lines up to the module of unit tests.
fn lines_before_tests(text: &str) -> usize {
    text.lines().take_while(|line| line.trim_end() != "#[cfg(test)]").count()
}

/// Whether the whole file is tests.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_words_are_named_with_file_line_and_reason() {
        let text = format!("fn a() {{}}\nfn b() {{ {}{}) }}\n", "todo", "!(");
        assert_eq!(
            faults_in(Path::new("crates/flow/src/a.rs"), &text),
            [format!("crates/flow/src/a.rs:2: {}!(: what is not built yet is absent, not a stub", "todo")]
        );
        for (head, tail, _) in BANNED {
            assert_eq!(faults_in(Path::new("a.rs"), &format!("{head}{tail}")).len(), 1);
        }
    }

    #[test]
    fn long_files_are_faults_unless_the_rest_is_tests() {
        let long = "//\n".repeat(MOST_LINES + 1);
        let tested = format!("{}#[cfg(test)]\n{long}", "//\n".repeat(MOST_LINES));
        assert_eq!(
            faults_in(Path::new("src/a.rs"), &long),
            ["src/a.rs: 801 lines before its tests, at most 800: split it by idea"]
        );
        assert_eq!(faults_in(Path::new("src/a.rs"), &tested), [""; 0]);
        assert_eq!(faults_in(Path::new("crates/flow/tests/a.rs"), &long), [""; 0]);
    }

    #[test]
    fn this_repository_keeps_the_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository");
        assert_eq!(faults(root).expect("the repository can be read"), [""; 0]);
    }
}
