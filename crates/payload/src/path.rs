//! Which file holds the configuration of a release, a stream and an architecture, and which there are instead.
//!
//! The name is the product and the version, the stream unless it is the nightly one, the architecture unless it is amd64
//! (reference: payload jobs, d). The rule names files that nobody has: there is no stable file of a minor version and no ci
//! file of an architecture. [`near`] then tells what there is, and how to ask for it.
//!
//! Raw text becomes a name only through the types here, which hold neither slashes nor dots where none belong.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Where the files stand in a checkout.
pub const FOLDER: &str = "core-services/release-controller/_releases";

/// Where the generated private files stand in a checkout; they are never edited.
pub const PRIVATE_FOLDER: &str = "core-services/release-controller/_releases/priv";

const PRODUCT: &str = "release-ocp-";
const SUFFIX: &str = ".json";

/// The version a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// A minor version, such as `4.21`.
    Minor {
        /// The first number.
        major: u16,
        /// The second.
        minor: u16,
    },
    /// All minor versions of a major one, as the stable streams have it: `4.y`.
    Line {
        /// The major version.
        major: u16,
    },
    /// A major version alone, as the dev-preview stream has it: `4`.
    Major {
        /// The major version.
        major: u16,
    },
}

impl Version {
    /// Its first number.
    #[must_use]
    pub const fn major(self) -> u16 {
        match self {
            Self::Minor { major, .. } | Self::Line { major } | Self::Major { major } => major,
        }
    }

    /// Minor versions by number, then what is for all of them.
    const fn rank(self) -> (u16, u8, u16) {
        match self {
            Self::Minor { major, minor } => (major, 0, minor),
            Self::Line { major } => (major, 1, 0),
            Self::Major { major } => (major, 2, 0),
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor { major, minor } => write!(f, "{major}.{minor}"),
            Self::Line { major } => write!(f, "{major}.y"),
            Self::Major { major } => write!(f, "{major}"),
        }
    }
}

impl FromStr for Version {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        strict_version(text).ok_or_else(|| {
            let meant = meant_version(text).map(|version| version.to_string());
            BadWord::new("release version (4.21, 4.y or 4)", text, meant)
        })
    }
}

fn strict_version(text: &str) -> Option<Version> {
    // Two digits each are more than OpenShift has used, and keep `421` from being a version.
    let number = |text: &str| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let padded = text.len() > 1 && text.starts_with('0');
        if plain && !padded { text.parse::<u16>().ok() } else { None }
    };
    match text.split_once('.') {
        None => Some(Version::Major { major: number(text)? }),
        Some((major, "y")) => Some(Version::Line { major: number(major)? }),
        Some((major, minor)) => Some(Version::Minor { major: number(major)?, minor: number(minor)? }),
    }
}

/// What a slip such as `4,21`, `v4.21`, `4.21.0` or `421` was meant to be.
fn meant_version(text: &str) -> Option<Version> {
    let text = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = text.split_at(digits(text));
    if major.is_empty() {
        return None;
    }
    let unpadded = |text: &str| match text.trim_start_matches('0') {
        "" => "0".to_owned(),
        rest => rest.to_owned(),
    };
    let mut after = rest.chars();
    let joined = after.next().is_some_and(|c| matches!(c, '.' | ',' | '-' | '_' | ':' | ' '));
    let rest = after.as_str();
    let guess = if joined && rest.starts_with(['x', 'X', 'y', 'Y', 'z', 'Z', '*']) {
        format!("{}.y", unpadded(major))
    } else if joined && digits(rest) > 0 {
        format!("{}.{}", unpadded(major), unpadded(&rest[..digits(rest)]))
    } else if major.len() == 3 {
        format!("{}.{}", &major[..1], &major[1..])
    } else {
        unpadded(major)
    };
    strict_version(&guess)
}

/// A stream of payloads: `nightly`, `ci`, `stable`, `dev-preview` or any other such word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(String);

impl StreamName {
    /// The stream whose files have no stream in their name.
    pub const NIGHTLY: &str = "nightly";

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its files have no stream in their name.
    #[must_use]
    pub fn is_nightly(&self) -> bool {
        self.0 == Self::NIGHTLY
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StreamName {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        const WHAT: &str = "stream (nightly, ci, stable, dev-preview)";
        if strict_stream(text) {
            return Ok(Self(text.to_owned()));
        }
        if text.parse::<ConfigArch>().is_ok() {
            // Else `4.21 arm64` would look for a stream of that name, and find the nightly file of the architecture.
            return Err(BadWord::new(WHAT, text, Some(format!("{} {text}", Self::NIGHTLY))));
        }
        let tidy = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        Err(BadWord::new(WHAT, text, strict_stream(&tidy).then_some(tidy)))
    }
}

fn strict_stream(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.parse::<ConfigArch>().is_err()
}

/// The architecture a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ConfigArch {
    /// `amd64`, not written in names.
    #[default]
    Amd64,
    /// `arm64`
    Arm64,
    /// `multi`: one payload for all.
    Multi,
    /// `multi-2`: the second of those, there from 4.16 to 4.22.
    Multi2,
    /// `ppc64le`
    Ppc64le,
    /// `s390x`
    S390x,
}

impl ConfigArch {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Amd64, Self::Arm64, Self::Multi, Self::Multi2, Self::Ppc64le, Self::S390x];

    /// As files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Multi => "multi",
            Self::Multi2 => "multi-2",
            Self::Ppc64le => "ppc64le",
            Self::S390x => "s390x",
        }
    }
}

impl fmt::Display for ConfigArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ConfigArch {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        match text {
            "x86_64" => Ok(Self::Amd64),
            "aarch64" => Ok(Self::Arm64),
            _ => Self::ALL.into_iter().find(|arch| arch.name() == text).ok_or_else(|| {
                let tidy = text.trim().to_ascii_lowercase().replace('_', "-");
                let meant = match tidy.as_str() {
                    "x86-64" | "x64" | "x86" | "amd" => Some(Self::Amd64),
                    "arm" | "aarch" => Some(Self::Arm64),
                    "ppc64" | "ppc" | "power" => Some(Self::Ppc64le),
                    "s390" | "z" => Some(Self::S390x),
                    "multi2" => Some(Self::Multi2),
                    tidy => Self::ALL
                        .into_iter()
                        .filter(|arch| similar(arch.name(), tidy))
                        .min_by_key(|arch| strsim::damerau_levenshtein(arch.name(), tidy)),
                };
                BadWord::new(
                    "architecture (amd64, arm64, multi, multi-2, ppc64le, s390x)",
                    text,
                    meant.map(|arch| arch.name().to_owned()),
                )
            }),
        }
    }
}

/// A word that cannot be part of a file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given} is no {what}{}", meant.as_ref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default())]
pub struct BadWord {
    what: &'static str,
    given: String,
    /// What was meant, where a slip is plain.
    pub meant: Option<String>,
}

impl BadWord {
    fn new(what: &'static str, given: &str, meant: Option<String>) -> Self {
        // Shown in a line of its own terminal, so without what could move the cursor, and not at any length.
        let shown: String = given.chars().take(60).collect();
        Self { what, given: format!("{shown:?}"), meant }
    }
}

/// The name of a file.
#[must_use]
pub fn file_name(version: Version, stream: &StreamName, arch: ConfigArch) -> String {
    let stream = if stream.is_nightly() { String::new() } else { format!("-{stream}") };
    let arch = if arch == ConfigArch::Amd64 { String::new() } else { format!("-{arch}") };
    format!("{PRODUCT}{version}{stream}{arch}{SUFFIX}")
}

/// The configuration that somebody asks for, there or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wanted {
    /// The version.
    pub version: Version,
    /// The stream.
    pub stream: StreamName,
    /// The architecture.
    pub arch: ConfigArch,
}

impl Wanted {
    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(self.version, &self.stream, self.arch)
    }

    /// What a file of this name is for; none of other products and other files.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let middle = name.strip_prefix(PRODUCT)?.strip_suffix(SUFFIX)?;
        let (version, rest) = middle.split_once('-').unwrap_or((middle, ""));
        let version = strict_version(version)?;
        // The longer name first: `multi-2` ends in no other, but is no stream `multi` either.
        let mut archs: Vec<ConfigArch> = ConfigArch::ALL.into_iter().skip(1).collect();
        archs.sort_by_key(|arch| std::cmp::Reverse(arch.name().len()));
        let split = archs.into_iter().find_map(|arch| {
            let stream = rest.strip_suffix(arch.name())?;
            (stream.is_empty() || stream.ends_with('-')).then(|| (stream.trim_end_matches('-'), arch))
        });
        let (stream, arch) = split.unwrap_or((rest, ConfigArch::Amd64));
        let stream = if stream.is_empty() { StreamName::NIGHTLY } else { stream };
        let wanted = Self { version, stream: stream.parse().ok()?, arch };
        // `release-ocp-4.21-nightly.json` would read as a name that the rule never makes.
        (wanted.file_name() == name).then_some(wanted)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.version, self.stream)?;
        if self.arch == ConfigArch::Amd64 { Ok(()) } else { write!(f, " {}", self.arch) }
    }
}

/// What there is instead of a file that is not there: a line each, the best first. `existing` are names of files.
#[must_use]
pub fn near(wanted: &Wanted, existing: &[String]) -> Vec<String> {
    let mut have: Vec<Wanted> = existing.iter().filter_map(|name| Wanted::of_file(name)).collect();
    have.sort();
    if have.is_empty() {
        return vec![format!("there is no {PRODUCT}*{SUFFIX} file at all")];
    }
    let mut lines = Vec::new();
    let shown = |found: &Wanted| format!("{found} ({})", found.file_name());
    // One file for all minor versions, as stable has it.
    let whole = |found: &&Wanted| {
        found.version != wanted.version
            && found.version.major() == wanted.version.major()
            && !matches!(found.version, Version::Minor { .. })
            && found.stream == wanted.stream
    };
    if let Some(found) = best_arch(have.iter().filter(whole), wanted.arch) {
        let all = wanted.version.major();
        lines.push(format!("{} is one stream for all of {all}: {}", wanted.stream, shown(found)));
    }
    let here: Vec<&Wanted> = have.iter().filter(|found| found.version == wanted.version).collect();
    let of_stream: Vec<&&Wanted> = here.iter().filter(|found| found.stream == wanted.stream).collect();
    if let [only] = of_stream[..] {
        let (version, stream) = (only.version, &only.stream);
        lines.push(format!("{version} {stream} is there for {} alone: {}", only.arch, shown(only)));
    } else if !of_stream.is_empty() {
        let archs = of_stream.iter().map(|found| found.arch.to_string()).collect::<Vec<_>>();
        lines.push(format!("{} {} is there for {}", wanted.version, wanted.stream, archs.join(", ")));
    }
    if of_stream.is_empty() {
        let like =
            here.iter().copied().filter(|found| similar(found.stream.as_str(), wanted.stream.as_str()));
        if let Some(found) = best_arch(like, wanted.arch) {
            lines.push(format!("did you mean {}?", shown(found)));
        }
    }
    if here.is_empty() {
        lines.push(versions_there(wanted, &have));
    } else if of_stream.is_empty() {
        lines.push(format!("{} has {}", wanted.version, streams_of(&here)));
    }
    lines
}

/// Which versions there are of this stream and architecture, else of the stream, else at all.
fn versions_there(wanted: &Wanted, have: &[Wanted]) -> String {
    let versions = |filter: &dyn Fn(&&Wanted) -> bool| {
        let found: BTreeSet<Version> = have.iter().filter(filter).map(|w| w.version).collect();
        found.iter().map(Version::to_string).collect::<Vec<_>>().join(", ")
    };
    let stream = &wanted.stream;
    let of_both = versions(&|found| found.stream == *stream && found.arch == wanted.arch);
    let of_stream = versions(&|found| found.stream == *stream);
    let there = match (of_both.as_str(), of_stream.as_str()) {
        ("", "") => format!("there are {}", versions(&|_| true)),
        ("", versions) => format!("{stream} is there for {versions}"),
        (versions, _) if wanted.arch == ConfigArch::Amd64 => format!("{stream} is there for {versions}"),
        (versions, _) => format!("{stream} {} is there for {versions}", wanted.arch),
    };
    format!("{} has no file; {there}", wanted.version)
}

/// `nightly (amd64, arm64), ci`: streams with their architectures, where there is more than amd64.
fn streams_of(here: &[&Wanted]) -> String {
    let streams: BTreeSet<&StreamName> = here.iter().map(|found| &found.stream).collect();
    let mut told: Vec<String> = Vec::new();
    for stream in streams {
        let archs: Vec<&str> =
            here.iter().filter(|found| found.stream == *stream).map(|found| found.arch.name()).collect();
        told.push(match archs[..] {
            ["amd64"] => stream.to_string(),
            _ => format!("{stream} ({})", archs.join(", ")),
        });
    }
    told.join(", ")
}

fn best_arch<'a>(found: impl Iterator<Item = &'a Wanted>, arch: ConfigArch) -> Option<&'a Wanted> {
    found.min_by_key(|found| (found.arch != arch, found.arch))
}

/// Whether one word could be a slip of the other: letters swapped, left out or put in.
#[must_use]
pub fn similar(one: &str, other: &str) -> bool {
    let allowed = if one.len().min(other.len()) < 4 { 1 } else { 2 };
    strsim::damerau_levenshtein(one, other) <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Wanted {
        let mut words = text.split(' ');
        Wanted {
            version: words.next().unwrap().parse().unwrap(),
            stream: words.next().unwrap().parse().unwrap(),
            arch: words.next().map_or(ConfigArch::Amd64, |arch| arch.parse().unwrap()),
        }
    }

    fn existing() -> Vec<String> {
        [
            "4-dev-preview",
            "4.20",
            "4.20-ci",
            "4.21",
            "4.21-arm64",
            "4.21-multi",
            "4.21-multi-2",
            "4.21-ci",
            "4.y-stable",
            "4.y-stable-multi",
            "5.0",
            "5.0-ci",
            "5.y-stable",
        ]
        .iter()
        .map(|middle| format!("release-ocp-{middle}.json"))
        .chain(["release-okd-4.21.json".to_owned(), "OWNERS".to_owned()])
        .collect()
    }

    fn instead(text: &str) -> String {
        near(&wanted(text), &existing()).join("\n")
    }

    #[test]
    fn a_name_is_version_stream_and_architecture_without_their_defaults() {
        for (asked, middle) in [
            ("4.21 nightly", "4.21"),
            ("4.21 nightly x86_64", "4.21"),
            ("4.21 nightly aarch64", "4.21-arm64"),
            ("4.21 nightly multi-2", "4.21-multi-2"),
            ("4.21 ci", "4.21-ci"),
            ("4.20 stable s390x", "4.20-stable-s390x"),
            ("4.y stable multi", "4.y-stable-multi"),
            ("4 dev-preview arm64", "4-dev-preview-arm64"),
        ] {
            let name = format!("release-ocp-{middle}.json");
            assert_eq!(wanted(asked).file_name(), name);
            assert_eq!(Wanted::of_file(&name), Some(wanted(asked)), "{name} read back");
        }
        for other in [
            "release-okd-4.21.json",
            "release-ocp-4.21-nightly.json",
            "release-ocp-4.21-amd64.json",
            "release-ocp-.json",
            "release-ocp-4.21-CI.json",
            "OWNERS",
        ] {
            assert_eq!(Wanted::of_file(other), None, "{other}");
        }
    }

    #[test]
    fn words_that_are_no_part_of_a_name_are_refused_with_what_was_meant() {
        let version = |text: &str| text.parse::<Version>().unwrap_err().to_string();
        assert_eq!(version("4,21"), r#""4,21" is no release version (4.21, 4.y or 4); did you mean 4.21?"#);
        for (slip, meant) in [
            ("v4.21", "4.21"),
            ("release-4.21", "4.21"),
            ("4.21.0", "4.21"),
            ("4.21.0-0.nightly-2026-01-31-123456", "4.21"),
            ("4.021", "4.21"),
            ("421", "4.21"),
            ("4.x", "4.y"),
            ("4.Y", "4.y"),
            (" 4.21", "4.21"),
        ] {
            assert_eq!(slip.parse::<Version>().unwrap_err().meant.as_deref(), Some(meant), "{slip}");
        }
        for nonsense in
            ["", "..", "../../etc/passwd", "latest", "-1", "$(id)", "4.21;ls", "४.२१", "99999999999"]
        {
            assert!(nonsense.parse::<Version>().is_err(), "{nonsense}");
        }

        let stream = |text: &str| text.parse::<StreamName>().unwrap_err().to_string();
        assert_eq!(
            stream("arm64"),
            r#""arm64" is no stream (nightly, ci, stable, dev-preview); did you mean nightly arm64?"#
        );
        assert_eq!(
            stream("Nightly"),
            r#""Nightly" is no stream (nightly, ci, stable, dev-preview); did you mean nightly?"#
        );
        for nonsense in ["", ".", "../priv", "a/b", "a;b", "-ci", "ci-", "c\u{7}i", "multi-2", "ünstable"] {
            assert!(nonsense.parse::<StreamName>().is_err(), "{nonsense}");
        }

        for (slip, meant) in
            [("x64", "amd64"), ("ARM64", "arm64"), ("ppc64", "ppc64le"), ("multi2", "multi-2")]
        {
            assert_eq!(slip.parse::<ConfigArch>().unwrap_err().meant.as_deref(), Some(meant), "{slip}");
        }
        assert_eq!(
            "\u{1b}[2J".parse::<ConfigArch>().unwrap_err().to_string(),
            r#""\u{1b}[2J" is no architecture (amd64, arm64, multi, multi-2, ppc64le, s390x)"#
        );
    }

    #[test]
    fn a_stable_stream_is_one_for_a_major_version() {
        insta::assert_snapshot!(instead("4.21 stable"), @"
        stable is one stream for all of 4: 4.y stable (release-ocp-4.y-stable.json)
        4.21 has ci, nightly (amd64, arm64, multi, multi-2)
        ");
        insta::assert_snapshot!(instead("4 stable multi"), @"
        stable is one stream for all of 4: 4.y stable multi (release-ocp-4.y-stable-multi.json)
        4 has dev-preview
        ");
        insta::assert_snapshot!(instead("4.21 dev-preview"), @"
        dev-preview is one stream for all of 4: 4 dev-preview (release-ocp-4-dev-preview.json)
        4.21 has ci, nightly (amd64, arm64, multi, multi-2)
        ");
        insta::assert_snapshot!(instead("6.0 stable"), @"6.0 has no file; stable is there for 4.y, 5.y");
    }

    #[test]
    fn an_architecture_that_is_not_there_names_those_that_are() {
        insta::assert_snapshot!(instead("4.21 nightly s390x"), @"4.21 nightly is there for amd64, arm64, multi, multi-2");
        insta::assert_snapshot!(instead("4.20 ci arm64"), @"4.20 ci is there for amd64 alone: 4.20 ci (release-ocp-4.20-ci.json)");
    }

    #[test]
    fn a_misspelt_stream_names_the_one_that_was_meant() {
        insta::assert_snapshot!(instead("4.21 nigthly"), @"
        did you mean 4.21 nightly (release-ocp-4.21.json)?
        4.21 has ci, nightly (amd64, arm64, multi, multi-2)
        ");
        insta::assert_snapshot!(instead("4.21 konflux"), @"4.21 has ci, nightly (amd64, arm64, multi, multi-2)");
    }

    #[test]
    fn an_unknown_version_names_those_there_are() {
        insta::assert_snapshot!(instead("4.99 nightly"), @"4.99 has no file; nightly is there for 4.20, 4.21, 5.0");
        insta::assert_snapshot!(instead("4.99 nightly multi"), @"4.99 has no file; nightly multi is there for 4.21");
        insta::assert_snapshot!(instead("4.99 nightly ppc64le"), @"4.99 has no file; nightly is there for 4.20, 4.21, 5.0");
        insta::assert_snapshot!(instead("9 unheard"), @"9 has no file; there are 4.20, 4.21, 4.y, 4, 5.0, 5.y");
        assert_eq!(near(&wanted("4.21 ci"), &[]), ["there is no release-ocp-*.json file at all"]);
    }
}
