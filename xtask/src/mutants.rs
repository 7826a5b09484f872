//! `cargo xtask mutants`: the rules of a release, broken one place at a time, and whether a test notices.
//!
//! `cargo-mutants` makes the changes, in a copy of the tree. What no test notices has to stand in
//! `crates/flow/mutants-explained.json` with the reason why it makes no difference; an entry names the mutant and the
//! source line it is on, as line numbers move.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench::target;
use crate::tools;

/// Where survivors are explained.
const EXPLAINED: &str = "crates/flow/mutants-explained.json";
/// A test run of the crate takes some seconds; a mutant that makes it run longer than this, seconds, never ends.
const TIMEOUT: &str = "120";

/// A mutant, as `cargo-mutants` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mutant {
    /// As listed: `FILE:LINE:COLUMN: WHAT`.
    listed: String,
    file: String,
    what: String,
    /// The source line, without the spaces around it.
    line: String,
}

/// Breaks the crate of the rules; `words` go to `cargo-mutants`.
pub(crate) fn mutants(root: &Path, words: &[&str]) -> Result<()> {
    let bin = tools::folder_of(root, "cargo-mutants")?;
    let out = target(root).join("mutants");
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut command = Command::new("cargo");
    command.args(["mutants", "--package", "regatta-flow", "--no-shuffle", "--timeout", TIMEOUT, "--output"]);
    command.arg(&out);
    // The tests take seconds either way; compiling is what is repeated.
    command.arg("--cargo-arg=--config=profile.dev.package.regatta-flow.opt-level=0");
    command.args(words);
    // The walks of the model are long and find what the other tests find.
    command.args(["--", "--lib", "--test", "rules", "--", "--skip", "model::"]);
    command.current_dir(root).env("PATH", tools::path_with(&bin)?).env("INSTA_UPDATE", "no");
    for name in ["CARGO", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    let status = command.status().context("cargo could not be started")?;
    // 2: some survived; 3: some timed out. Everything else is no result.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo-mutants came to no result ({status})");
    }
    let listed = |name: &str| -> Result<Vec<String>> {
        let path = out.join("mutants.out").join(format!("{name}.txt"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let (killed, survived, timeout) = (listed("caught")?, listed("missed")?, listed("timeout")?);
    let unviable = listed("unviable")?.len();
    println!(
        "{} killed, {} survived, {} timed out; {unviable} more do not compile",
        killed.len(),
        survived.len(),
        timeout.len()
    );
    let explained = explained(&fs::read_to_string(root.join(EXPLAINED)).context(EXPLAINED)?)?;
    let mut unexplained = 0_usize;
    for listed in &survived {
        let mutant = mutant(listed, |file| fs::read_to_string(root.join(file)).unwrap_or_default());
        match explained.iter().find(|(known, _)| known.is(&mutant)) {
            Some((_, why)) => println!("explained: {listed}\n           {why}"),
            None => {
                println!("survived:  {listed}");
                unexplained += 1;
            }
        }
    }
    if unexplained > 0 {
        bail!("{unexplained} mutant(s) survived: write a test that notices, or explain them in {EXPLAINED}");
    }
    Ok(())
}

impl Mutant {
    /// Whether both are the same change of the same line.
    fn is(&self, other: &Self) -> bool {
        (&self.file, &self.what, &self.line) == (&other.file, &other.what, &other.line)
    }
}

/// Reads what `cargo-mutants` lists: `crates/flow/src/gate.rs:158:5: replace …`.
fn mutant(listed: &str, source: impl Fn(&str) -> String) -> Mutant {
    let mut parts = listed.splitn(4, ':');
    let mut part = || parts.next().unwrap_or_default().trim().to_owned();
    let (file, number, _column, what) = (part(), part(), part(), part());
    let index = number.parse::<usize>().unwrap_or(0).saturating_sub(1);
    let line = source(&file).lines().nth(index).unwrap_or_default().trim().to_owned();
    Mutant { listed: listed.to_owned(), file, what, line }
}

/// The mutants explained, and why each makes no difference.
fn explained(text: &str) -> Result<Vec<(Mutant, String)>> {
    let entries: Vec<Value> = serde_json::from_str(text).context(EXPLAINED)?;
    let read = |entry: &Value| {
        let field = |name: &str| {
            let text = entry.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            text.map(str::to_owned).with_context(|| format!("{EXPLAINED}: an entry without {name:?}"))
        };
        let (file, what, line) = (field("file")?, field("mutant")?, field("line")?);
        Ok((Mutant { listed: String::new(), file, what, line }, field("why")?))
    };
    entries.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"[{"file": "src/a.rs", "mutant": "replace > with >= in f", "line": "x > y", "why": "never equal"}]"#;

    #[test]
    fn an_explanation_holds_for_its_line_wherever_that_moves_and_for_no_other() {
        let known = explained(ENTRY).unwrap();
        let found = |listed: &str, source: &str| {
            let mutant = mutant(listed, |_| source.to_owned());
            known.iter().any(|(known, _)| known.is(&mutant))
        };
        assert!(found("src/a.rs:1:3: replace > with >= in f", "x > y"));
        assert!(found("src/a.rs:2:7: replace > with >= in f", "\n    x > y"));
        assert!(!found("src/a.rs:1:3: replace > with >= in f", "x > z"));
        assert!(!found("src/a.rs:1:3: replace > with < in f", "x > y"));
        assert!(!found("src/b.rs:1:3: replace > with >= in f", "x > y"));
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        assert!(explained(&ENTRY.replace("never equal", " ")).is_err());
        assert!(explained("[{}]").is_err());
    }
}
