//! Which file is meant: from the arguments, or asked on a terminal.
//!
//! Questions and hints go to stderr. Whoever answers is a [`Talk`], so that tests answer as a person does. The end of the input
//! ends the command, with nothing changed.

use regatta_payload::Config;
use regatta_payload::list::{self, Group};
use regatta_payload::operate::near;
use regatta_payload::path::{self, ConfigArch, FOLDER, StreamName, Version, Wanted};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{BufRead, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};

use crate::checkout::file::Original;
use crate::failure::Failure;

/// Which configuration; what is missing is asked for on a terminal.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FileArgs {
    /// The version, such as 4.21; 4.y for what stands for all of 4
    #[arg(value_name = "RELEASE")]
    pub(crate) release: Option<String>,
    /// The stream: nightly, ci, stable …
    #[arg(value_name = "STREAM")]
    pub(crate) stream: Option<String>,
    /// The architecture: arm64, s390x, ppc64le, multi … (default: amd64)
    #[arg(value_name = "ARCH")]
    pub(crate) arch: Option<String>,
}

/// A file that was found, and what it held.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// The file from the checkout on, as it is shown.
    pub(crate) file: String,
    /// Whose configuration it is.
    pub(crate) wanted: Wanted,
    /// What it held, and what it may be replaced by.
    pub(crate) original: Original,
}

impl Place {
    /// The configuration that the file holds.
    ///
    /// # Errors
    /// What is wrong with it, where, and what would mend it.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::parse(self.original.bytes())
            .map_err(|error| Failure::Input(format!("{}: {error}", self.file)))
    }
}

/// Adds a line to what is given; nothing at the end of the input.
type ReadLine<'a> = Box<dyn FnMut(&mut Vec<u8>) -> std::io::Result<usize> + 'a>;

/// Somebody who answers.
pub(crate) struct Talk<'a> {
    input: ReadLine<'a>,
    output: Box<dyn Write + 'a>,
}

/// More than any answer needs.
const ANSWER_BYTES: u64 = 64 * 1024;

impl<'a> Talk<'a> {
    /// The person at the terminal; none where questions could not be seen or answered.
    pub(crate) fn terminal() -> Option<Talk<'static>> {
        let there = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        there.then(|| Talk {
            // Taken for one line at a time, so that two who ask never wait for each other.
            input: Box::new(|line| std::io::stdin().lock().take(ANSWER_BYTES).read_until(b'\n', line)),
            output: Box::new(std::io::stderr()),
        })
    }

    /// Answers that stand ready.
    #[cfg(test)]
    pub(crate) fn with(mut input: impl BufRead + 'a, output: &'a mut Vec<u8>) -> Self {
        let input = move |line: &mut Vec<u8>| input.by_ref().take(ANSWER_BYTES).read_until(b'\n', line);
        Self { input: Box::new(input), output: Box::new(output) }
    }

    /// A line for the person.
    pub(crate) fn say(&mut self, line: &str) {
        // That nobody reads it shows in the answer.
        let _ = writeln!(self.output, "{line}");
    }

    /// A question and its answer without the blanks around it.
    ///
    /// # Errors
    /// The end of the input: nothing chosen.
    pub(crate) fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let _ = write!(self.output, "{question} ").and_then(|()| self.output.flush());
        let mut line = Vec::new();
        // An input that cannot be read answers no more than one that has ended.
        if !(self.input)(&mut line).is_ok_and(|bytes| bytes > 0) {
            self.say("");
            return Err(nothing_chosen());
        }
        Ok(String::from_utf8_lossy(&line).trim().to_owned())
    }

    /// Asks until the answer reads.
    fn ask_until<T>(
        &mut self,
        question: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            match read(&self.ask(question)?) {
                Ok(value) => return Ok(value),
                Err(why) => self.say(&why),
            }
        }
    }

    /// Asks which jobs of a list that was shown; their numbers, in the order they were named and each once. None: the person
    /// wants to stop.
    ///
    /// # Errors
    /// The end of the input: nothing chosen.
    pub(crate) fn ask_jobs(&mut self, groups: &[Group]) -> Result<Vec<usize>, Failure> {
        const QUESTION: &str = "Which jobs? Numbers or keys, separated by blanks or commas; empty to stop:";
        self.ask_until(QUESTION, |answer| chosen(groups, answer))
    }
}

/// What is said when somebody stops.
pub(crate) fn nothing_chosen() -> Failure {
    Failure::Input("nothing chosen; nothing was changed".to_owned())
}

/// The numbers of the jobs that an answer names; ranges such as `3-5` too.
fn chosen(groups: &[Group], answer: &str) -> Result<Vec<usize>, String> {
    let mut numbers = Vec::new();
    let mut wrong = Vec::new();
    for word in answer.split([' ', ',', ';', '\t']).filter(|word| !word.is_empty()) {
        match named(groups, word) {
            Ok(found) => numbers.extend(found),
            Err(why) => wrong.push(why),
        }
    }
    let mut seen = BTreeSet::new();
    numbers.retain(|number| seen.insert(*number));
    if wrong.is_empty() { Ok(numbers) } else { Err(wrong.join("\n")) }
}

/// The numbers of the jobs that one word names: a number, a key, or a range such as `3-5`.
///
/// # Errors
/// What there is instead.
pub(crate) fn named(groups: &[Group], word: &str) -> Result<Vec<usize>, String> {
    if let Some(job) = list::find(groups, word) {
        return Ok(vec![job.number]);
    }
    let number = |text: &str| text.parse::<usize>().ok();
    if let Some((from, to)) = word.split_once('-')
        && let (Some(from), Some(to)) = (number(from), number(to))
        && (1..=to).contains(&from)
        && to <= count(groups)
    {
        return Ok((from..=to).collect());
    }
    Err(no_such_job(groups, word))
}

fn count(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.jobs.len()).sum()
}

/// What there is instead of a job that is neither a number nor a key of the list.
fn no_such_job(groups: &[Group], word: &str) -> String {
    let count = count(groups);
    let shown: String = word.chars().take(100).collect();
    if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return match count {
            0 => format!("{shown}: the list is empty"),
            1 => format!("{shown}: the list has one job, number 1"),
            count => format!("{shown}: the numbers go from 1 to {count}"),
        };
    }
    let near = near(word, groups.iter().flat_map(|group| &group.jobs).map(|job| job.key.as_str()));
    match near[..] {
        [] => format!("{shown:?} is no key of the list"),
        [one] => format!("{shown:?} is no key of the list; did you mean {one}?"),
        ref several => {
            format!("{shown:?} is no key of the list; did you mean one of {}?", several.join(", "))
        }
    }
}

/// The checkout: the folder given, else the nearest one around the current folder.
///
/// # Errors
/// There is none, or the folder given is none.
pub(crate) fn checkout(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let is_checkout = |folder: &Path| folder.join(FOLDER).is_dir();
    if let Some(folder) = given {
        if is_checkout(folder) {
            return Ok(folder.to_owned());
        }
        let why = if folder.is_dir() {
            format!("{} has no {FOLDER}; --root names the top folder of the checkout", folder.display())
        } else {
            format!("--root {}: there is no such folder", folder.display())
        };
        return Err(Failure::Input(why));
    }
    let here = std::env::current_dir()
        .map_err(|source| Failure::File { place: "the current folder".to_owned(), source })?;
    here.ancestors().find(|folder| is_checkout(folder)).map(Path::to_owned).ok_or_else(|| {
        Failure::Input(format!(
            "neither {} nor a folder above it has {FOLDER}; run in a checkout of openshift/release, or name one with --root",
            here.display()
        ))
    })
}

/// The file that the arguments name; what is missing is asked for where somebody can answer.
///
/// # Errors
/// No checkout, arguments missing or wrong, no such file (with what there is instead), a file that cannot be read.
pub(crate) fn find(root: Option<&Path>, args: &FileArgs) -> Result<Place, Failure> {
    let root = checkout(root)?;
    // The terminal is only taken where something is to be asked.
    let mut talk = if args.release.is_none() || args.stream.is_none() { Talk::terminal() } else { None };
    find_in(root, args, talk.as_mut())
}

/// [`find`] in a checkout, asking this person.
pub(crate) fn find_in(root: PathBuf, args: &FileArgs, talk: Option<&mut Talk<'_>>) -> Result<Place, Failure> {
    let input = |error: &dyn Display| Failure::Input(error.to_string());
    let version = args.release.as_deref().map(str::parse::<Version>).transpose().map_err(|e| input(&e))?;
    let stream = args.stream.as_deref().map(str::parse::<StreamName>).transpose().map_err(|e| input(&e))?;
    let arch = args.arch.as_deref().map(arch_or_default).transpose().map_err(Failure::Input)?;
    if let (Some(version), Some(stream)) = (version, &stream) {
        let wanted = Wanted { version, stream: stream.clone(), arch: arch.unwrap_or_default() };
        return match read(&root, wanted)? {
            Ok(place) => Ok(place),
            Err(why) => Err(Failure::Input(why)),
        };
    }
    let Some(talk) = talk else {
        let missing = match (version, &stream) {
            (None, None) => "RELEASE and STREAM are missing",
            (None, _) => "RELEASE is missing",
            _ => "STREAM is missing",
        };
        let why = format!("{missing}, and there is no terminal to ask on; name them, such as 4.21 nightly");
        return Err(Failure::Input(why));
    };
    let there: Vec<Wanted> = names(&root)?.iter().filter_map(|name| Wanted::of_file(name)).collect();
    if let Some(given) = version
        && !there.iter().any(|wanted| wanted.version == given)
    {
        // Asking on could not mend what was given.
        let nightly = StreamName::NIGHTLY.parse().map_err(|e| input(&e))?;
        let wanted =
            Wanted { version: given, stream: stream.unwrap_or(nightly), arch: arch.unwrap_or_default() };
        return match read(&root, wanted)? {
            Ok(place) => Ok(place),
            Err(why) => Err(Failure::Input(why)),
        };
    }
    let mut version = version;
    loop {
        let wanted = ask_for(talk, &there, version, stream.as_ref(), arch)?;
        let of_version = wanted.version;
        match read(&root, wanted)? {
            Ok(place) => return Ok(place),
            Err(why) => talk.say(&why),
        }
        // A version that has files was answered well; only the rest is asked again.
        if stream.is_none() && there.iter().any(|wanted| wanted.version == of_version) {
            version = Some(of_version);
        }
    }
}

/// An architecture; left blank it is the default.
fn arch_or_default(text: &str) -> Result<ConfigArch, String> {
    if text.is_empty() { Ok(ConfigArch::default()) } else { text.parse().map_err(|e| format!("{e}")) }
}

/// Asks for what is not given, with what there is as a hint.
fn ask_for(
    talk: &mut Talk<'_>,
    there: &[Wanted],
    version: Option<Version>,
    stream: Option<&StreamName>,
    arch: Option<ConfigArch>,
) -> Result<Wanted, Failure> {
    let joined = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(", ");
    let version = match version {
        Some(version) => version,
        None => {
            let versions: BTreeSet<Version> = there
                .iter()
                .filter(|w| stream.is_none_or(|stream| w.stream == *stream))
                .map(|w| w.version)
                .collect();
            let hint = versions.iter().map(Version::to_string).collect::<Vec<_>>().join(", ");
            talk.ask_until(&format!("Release ({hint}):"), |text| text.parse().map_err(|e| format!("{e}")))?
        }
    };
    let of_version = || there.iter().filter(|w| w.version == version);
    let stream = match stream {
        Some(stream) => stream.clone(),
        None => {
            let hint = joined(of_version().map(|w| w.stream.to_string()).collect());
            let question = if hint.is_empty() {
                // The version has no file; the answer will lead to what there is instead.
                format!("Stream of {version}:")
            } else {
                format!("Stream of {version} ({hint}):")
            };
            talk.ask_until(&question, |text| text.parse().map_err(|e| format!("{e}")))?
        }
    };
    let arch = match arch {
        Some(arch) => arch,
        None => {
            let archs: BTreeSet<ConfigArch> =
                of_version().filter(|w| w.stream == stream).map(|w| w.arch).collect();
            if archs.iter().all(|arch| *arch == ConfigArch::Amd64) {
                // Nothing to choose, or nothing there.
                ConfigArch::Amd64
            } else {
                let hint = archs.iter().map(|arch| arch.name()).collect::<Vec<_>>().join(", ");
                let question = format!("Architecture of {version} {stream} ({hint}; empty for amd64):");
                talk.ask_until(&question, arch_or_default)?
            }
        }
    };
    Ok(Wanted { version, stream, arch })
}

/// Reads the file; where there is none, what there is instead.
fn read(root: &Path, wanted: Wanted) -> Result<Result<Place, String>, Failure> {
    let name = wanted.file_name();
    let file = format!("{FOLDER}/{name}");
    let path = root.join(&file);
    let original = Original::read_or_absent(root, &path)?;
    match original.existed() {
        true => Ok(Ok(Place { root: root.to_owned(), file, wanted, original })),
        false => {
            let mut lines = vec![format!("there is no {file}")];
            lines.extend(path::near(&wanted, &names(root)?).into_iter().map(|line| format!("  {line}")));
            Ok(Err(lines.join("\n")))
        }
    }
}

/// The names in the folder of configurations.
fn names(root: &Path) -> Result<Vec<String>, Failure> {
    let folder = || -> std::io::Result<Vec<String>> {
        std::fs::read_dir(root.join(FOLDER))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    folder().map_err(|source| Failure::File { place: FOLDER.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use regatta_payload::Config;

    const FILES: [&str; 7] = ["4.21", "4.21-arm64", "4.21-ci", "4.y-stable", "4.20-ci", "5.0", "5.0-multi"];

    fn made_checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(FOLDER);
        std::fs::create_dir_all(folder.join("priv")).unwrap();
        for middle in FILES {
            std::fs::write(folder.join(format!("release-ocp-{middle}.json")), middle).unwrap();
        }
        root
    }

    fn args(text: &str) -> FileArgs {
        let mut words = text.split_whitespace().map(str::to_owned);
        FileArgs { release: words.next(), stream: words.next(), arch: words.next() }
    }

    /// What is said to a person who answers so, and what comes of it.
    fn talked(given: &str, answers: &str) -> String {
        let root = made_checkout();
        let mut said = Vec::new();
        let mut talk = Talk::with(answers.as_bytes(), &mut said);
        let found = find_in(root.path().to_owned(), &args(given), Some(&mut talk));
        drop(talk);
        let came = match found {
            Ok(place) => {
                format!("found {} holding {}", place.file, String::from_utf8_lossy(place.original.bytes()))
            }
            Err(failure) => format!("exit {}: {failure}", failure.exit_code()),
        };
        // Answers are not shown again: each ends the line of its question.
        format!("{}\n{came}", String::from_utf8(said).unwrap().replace(": ", ":\n").trim_end())
    }

    #[test]
    fn what_is_missing_is_asked_for_with_what_there_is() {
        insta::assert_snapshot!(talked("", "4.21\nnightly\narm64\n"), @"
        Release (4.20, 4.21, 4.y, 5.0):
        Stream of 4.21 (ci, nightly):
        Architecture of 4.21 nightly (amd64, arm64; empty for amd64):
        found core-services/release-controller/_releases/release-ocp-4.21-arm64.json holding 4.21-arm64
        ");
        insta::assert_snapshot!(talked("4.21", "nightly\n\n"), @"
        Stream of 4.21 (ci, nightly):
        Architecture of 4.21 nightly (amd64, arm64; empty for amd64):
        found core-services/release-controller/_releases/release-ocp-4.21.json holding 4.21
        ");
        insta::assert_snapshot!(talked("4.20", "ci\n"), @"
        Stream of 4.20 (ci):
        found core-services/release-controller/_releases/release-ocp-4.20-ci.json holding 4.20-ci
        ");
    }

    #[test]
    fn an_answer_that_does_not_fit_is_told_why_and_asked_again() {
        insta::assert_snapshot!(talked("", "4,21\n4.21\nstable\n4.y\nstable\n"), @r#"
        Release (4.20, 4.21, 4.y, 5.0):
        "4,21" is no release version (4.21, 4.y or 4); did you mean 4.21?
        Release (4.20, 4.21, 4.y, 5.0):
        Stream of 4.21 (ci, nightly):
        there is no core-services/release-controller/_releases/release-ocp-4.21-stable.json
          stable is one stream for all of 4:
        4.y stable (release-ocp-4.y-stable.json)
          4.21 has ci, nightly (amd64, arm64)
        Stream of 4.21 (ci, nightly):
        "4.y" is no stream (nightly, ci, stable, dev-preview)
        Stream of 4.21 (ci, nightly):
        there is no core-services/release-controller/_releases/release-ocp-4.21-stable.json
          stable is one stream for all of 4:
        4.y stable (release-ocp-4.y-stable.json)
          4.21 has ci, nightly (amd64, arm64)
        Stream of 4.21 (ci, nightly):
        exit 2: nothing chosen; nothing was changed
        "#);
    }

    #[test]
    fn the_end_of_the_input_ends_the_questions() {
        insta::assert_snapshot!(talked("4.21", ""), @"
        Stream of 4.21 (ci, nightly):
        exit 2: nothing chosen; nothing was changed
        ");
    }

    #[test]
    fn without_anybody_to_ask_the_missing_arguments_are_named() {
        let root = made_checkout();
        let why = |given: &str| {
            let failure = find_in(root.path().to_owned(), &args(given), None).unwrap_err();
            assert_eq!(failure.exit_code(), 2);
            failure.to_string()
        };
        insta::assert_snapshot!(why(""), @"RELEASE and STREAM are missing, and there is no terminal to ask on; name them, such as 4.21 nightly");
        insta::assert_snapshot!(why("4.21"), @"STREAM is missing, and there is no terminal to ask on; name them, such as 4.21 nightly");
    }

    #[test]
    fn an_architecture_left_blank_is_the_default() {
        let root = made_checkout();
        let args = FileArgs {
            release: Some("4.21".to_owned()),
            stream: Some("nightly".to_owned()),
            arch: Some(String::new()),
        };
        let place = find_in(root.path().to_owned(), &args, None).unwrap();
        assert_eq!(place.file, "core-services/release-controller/_releases/release-ocp-4.21.json");
        assert_eq!(
            (place.root.as_path(), place.wanted.to_string()),
            (root.path(), "4.21 nightly".to_owned())
        );
    }

    #[test]
    fn a_folder_that_is_no_checkout_is_told_apart_from_none() {
        let root = made_checkout();
        assert_eq!(checkout(Some(root.path())).unwrap(), root.path());
        let inside = root.path().join("core-services");
        let why = checkout(Some(&inside)).unwrap_err().to_string();
        assert!(why.ends_with("--root names the top folder of the checkout"), "{why}");
        let why = checkout(Some(&root.path().join("nowhere"))).unwrap_err().to_string();
        assert!(why.ends_with("nowhere: there is no such folder"), "{why}");
    }

    fn jobs() -> Vec<Group> {
        let keys = ["aws-ovn", "aws-ovn-upgrade", "gcp-ovn", "vsphere-ovn-upi", "metal-ipi"];
        let entries: Vec<String> =
            keys.iter().map(|key| format!(r#""{key}": {{"prowJob": {{"name": "e2e-{key}"}}}}"#)).collect();
        list::list(&Config::parse(format!(r#"{{"verify": {{{}}}}}"#, entries.join(","))).unwrap())
    }

    #[test]
    fn jobs_are_chosen_by_number_key_and_range_each_once() {
        let choose = |answer: &str| chosen(&jobs(), answer).unwrap();
        assert_eq!(choose("3, 1 gcp-ovn;2"), [3, 1, 2]);
        assert_eq!(choose("2-4"), [2, 3, 4]);
        assert_eq!(choose(" "), [0; 0], "an empty answer chooses nothing");
    }

    #[test]
    fn a_wrong_choice_is_told_word_by_word_and_asked_again() {
        let mut said = Vec::new();
        let mut talk = Talk::with(&b"0 6 3-9 aws-onv ovn nope\n2\n"[..], &mut said);
        assert_eq!(talk.ask_jobs(&jobs()).unwrap(), [2]);
        assert!(talk.ask_jobs(&jobs()).is_err(), "the input has ended");
        drop(talk);
        insta::assert_snapshot!(String::from_utf8(said).unwrap().replace(": ", ":\n"), @r#"
        Which jobs? Numbers or keys, separated by blanks or commas; empty to stop:
        0:
        the numbers go from 1 to 5
        6:
        the numbers go from 1 to 5
        3-9:
        the numbers go from 1 to 5
        "aws-onv" is no key of the list; did you mean aws-ovn?
        "ovn" is no key of the list; did you mean one of aws-ovn, gcp-ovn, aws-ovn-upgrade, vsphere-ovn-upi?
        "nope" is no key of the list
        Which jobs? Numbers or keys, separated by blanks or commas; empty to stop:
        Which jobs? Numbers or keys, separated by blanks or commas; empty to stop:
        "#);
    }
}
