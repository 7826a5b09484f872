//! Build names: what the release controller calls a payload. Either a release or a nightly.

use crate::version::number;
use crate::{Arch, ParseError, Release, Stream, serde_as_text};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::fmt;
use std::str::FromStr;

/// A nightly: `4.20.0-0.nightly-2025-01-28-123456`, with `-arm64` and so on before the time for other architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nightly {
    /// The y-stream it was built from.
    pub stream: Stream,
    /// The architecture; absent in the name for amd64.
    pub arch: Arch,
    /// The build time in the name, UTC.
    pub built: DateTime,
}

const BUILD_MEND: &str =
    "write a release such as 4.20.1 or a nightly such as 4.20.0-0.nightly-2025-01-28-123456";

impl Nightly {
    /// The instant the name states.
    #[must_use]
    pub fn built_at(&self) -> jiff::Timestamp {
        // UTC has no gaps, and the year has four digits, so the conversion cannot fail.
        self.built.to_zoned(TimeZone::UTC).expect("UTC covers every four-digit year").timestamp()
    }
}

impl FromStr for Nightly {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| ParseError::new("nightly", text, why, BUILD_MEND);
        let (version, rest) = text.split_once("-0.nightly-").ok_or_else(|| fail("lacks -0.nightly-"))?;
        let stream = version.strip_suffix(".0").ok_or_else(|| fail("does not start with X.Y.0"))?;
        let stream: Stream = stream.parse().map_err(|_| fail("does not start with X.Y.0"))?;
        let (arch, time) = match rest.split_once('-') {
            Some((word, time)) if number(word).is_none() => {
                let arch: Arch = word.parse().map_err(|_| fail("names an unknown architecture"))?;
                if arch == Arch::Amd64 || word != arch.go() {
                    return Err(fail("spells its architecture as no nightly does"));
                }
                (arch, time)
            }
            _ => (Arch::Amd64, rest),
        };
        let shape = time.len() == 17
            && time
                .bytes()
                .enumerate()
                .all(|(i, b)| if matches!(i, 4 | 7 | 10) { b == b'-' } else { b.is_ascii_digit() });
        if !shape {
            return Err(fail("does not end in YYYY-MM-DD-HHMMSS"));
        }
        let built =
            DateTime::strptime("%Y-%m-%d-%H%M%S", time).map_err(|_| fail("states an impossible time"))?;
        Ok(Self { stream, arch, built })
    }
}

impl fmt::Display for Nightly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = &self.built;
        write!(
            f,
            "{}.0-0.nightly{}-{:04}-{:02}-{:02}-{:02}{:02}{:02}",
            self.stream,
            self.arch.stream_suffix(),
            b.year(),
            b.month(),
            b.day(),
            b.hour(),
            b.minute(),
            b.second()
        )
    }
}

serde_as_text!(Nightly);

/// A payload's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Build {
    /// A build that was promoted to a release, or will be.
    Release(Release),
    /// A nightly.
    Nightly(Nightly),
}

impl Build {
    /// The y-stream it belongs to.
    #[must_use]
    pub const fn stream(&self) -> Stream {
        match self {
            Self::Release(r) => r.stream,
            Self::Nightly(n) => n.stream,
        }
    }

    /// Path of its test result file on branch `record` (reference: jobs and results, files).
    #[must_use]
    pub fn result_file(&self, arch: Arch) -> String {
        format!("_releases/ocp-test-result-{self}-{}.json", arch.go())
    }
}

impl FromStr for Build {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.contains("nightly") {
            return text.parse().map(Self::Nightly);
        }
        text.parse().map(Self::Release).map_err(|e: ParseError| ParseError {
            what: "build",
            mend: BUILD_MEND,
            ..e
        })
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(r) => r.fmt(f),
            Self::Nightly(n) => n.fmt(f),
        }
    }
}

serde_as_text!(Build);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nightlies_of_every_architecture() {
        for name in [
            "4.20.0-0.nightly-2025-01-28-123456",
            "4.20.0-0.nightly-arm64-2025-01-28-123456",
            "4.12.0-0.nightly-ppc64le-2026-04-02-131509",
            "4.12.0-0.nightly-s390x-2026-04-02-131509",
            "5.0.0-0.nightly-multi-2026-04-02-131509",
        ] {
            assert_eq!(name.parse::<Nightly>().unwrap().to_string(), name);
            assert!(matches!(name.parse(), Ok(Build::Nightly(_))));
        }
        let nightly: Nightly = "4.20.0-0.nightly-2025-01-28-123456".parse().unwrap();
        assert_eq!(nightly.built_at().to_string(), "2025-01-28T12:34:56Z");
    }

    #[test]
    fn near_misses_are_refused() {
        for bad in [
            "4.20.1-0.nightly-2025-01-28-123456",
            "4.20.0-0.nightly-2025-13-28-123456",
            "4.20.0-0.nightly-2025-01-28-12345",
            "4.20.0-0.nightly-x86_64-2025-01-28-123456",
            "4.20.0-0.nightly-amd64-2025-01-28-123456",
            "4.20.0-0.nightly-aarch64-2025-01-28-123456",
            "4.20.0-0.nightly-2025-01-28-123456/..",
            "nightly",
        ] {
            assert!(bad.parse::<Build>().is_err(), "{bad}");
        }
    }

    #[test]
    fn result_files_are_named_after_the_build() {
        let build: Build = "4.20.1".parse().unwrap();
        assert_eq!(build.result_file(Arch::Amd64), "_releases/ocp-test-result-4.20.1-amd64.json");
    }
}
