//! Release versions: the z-stream release (`4.20.1`, `5.0.0-rc.2`) and the y-stream it belongs to (`4.20`).

use crate::{ParseError, serde_as_text};
use std::fmt;
use std::str::FromStr;

/// A y-stream: the `4.20` of `4.20.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// `4` or `5`.
    pub major: u16,
    /// `20` of `4.20`.
    pub minor: u16,
}

const STREAM_MEND: &str = "write a y-stream such as 4.20 or 5.0";

impl FromStr for Stream {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| ParseError::new("y-stream", text, why, STREAM_MEND);
        let (major, minor) = text.split_once('.').ok_or_else(|| fail("has no dot"))?;
        let part = |word: &str| number(word).ok_or_else(|| fail("is not two plain numbers"));
        Ok(Self { major: part(major)?, minor: part(minor)? })
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

serde_as_text!(Stream);

/// What precedes a final release. Engineering candidates sort before release candidates, both before the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PreRelease {
    /// `-ec.N`
    EngineeringCandidate(u16),
    /// `-rc.N`
    ReleaseCandidate(u16),
}

impl fmt::Display for PreRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EngineeringCandidate(n) => write!(f, "ec.{n}"),
            Self::ReleaseCandidate(n) => write!(f, "rc.{n}"),
        }
    }
}

/// A release that is driven: `4.20.1`, `5.0.1`, `4.22.0-rc.0`, `4.22.0-ec.4`.
///
/// Ordered as releases are: numerically, pre-releases before the release they lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Release {
    /// The y-stream.
    pub stream: Stream,
    /// The last number.
    pub patch: u16,
    /// Set for `-ec.N` and `-rc.N`, which exist only for patch 0.
    pub pre: Option<PreRelease>,
}

const RELEASE_MEND: &str = "write a release such as 4.20.1, 5.0.1, 4.22.0-rc.0 or 4.22.0-ec.4";

impl Release {
    /// The key of the release's assembly in `releases.yml`: `rc.N` or `ec.N` for a pre-release, else the version
    /// (reference: ConfigStore, release argument).
    #[must_use]
    pub fn assembly_key(&self) -> String {
        self.pre.map_or_else(|| self.to_string(), |pre| pre.to_string())
    }
}

impl FromStr for Release {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| ParseError::new("release", text, why, RELEASE_MEND);
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (text, None),
        };
        let mut parts = core.split('.');
        let (Some(major), Some(minor), Some(patch), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(fail("is not three numbers with dots"));
        };
        let part = |word: &str| number(word).ok_or_else(|| fail("is not three plain numbers with dots"));
        let stream = Stream { major: part(major)?, minor: part(minor)? };
        let patch = part(patch)?;
        let pre = match pre {
            None => None,
            Some(pre) => {
                let (kind, n) =
                    pre.split_once('.').ok_or_else(|| fail("has a suffix other than -rc.N or -ec.N"))?;
                let n = number(n).ok_or_else(|| fail("has no plain number after its suffix"))?;
                Some(match kind {
                    "ec" => PreRelease::EngineeringCandidate(n),
                    "rc" => PreRelease::ReleaseCandidate(n),
                    _ => return Err(fail("has a suffix other than -rc.N or -ec.N")),
                })
            }
        };
        if pre.is_some() && patch != 0 {
            return Err(fail("is a pre-release of a patch other than 0"));
        }
        Ok(Self { stream, patch, pre })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.stream, self.patch)?;
        if let Some(pre) = self.pre {
            write!(f, "-{pre}")?;
        }
        Ok(())
    }
}

impl Ord for Release {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // A final release comes after all of its pre-releases, so `None` is the greatest.
        let key = |r: &Self| (r.stream, r.patch, r.pre.is_none(), r.pre);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

serde_as_text!(Release);

/// A plain decimal number: digits only, no sign, no leading zero.
pub(crate) fn number(word: &str) -> Option<u16> {
    let plain = word.bytes().all(|b| b.is_ascii_digit()) && (word.len() == 1 || !word.starts_with('0'));
    if plain { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    #[test]
    fn releases_sort_as_people_expect() {
        let order = [
            "4.9.0",
            "4.12.87",
            "4.20.1",
            "4.20.10",
            "4.22.0-ec.4",
            "4.22.0-rc.0",
            "4.22.0",
            "5.0.0-rc.1",
            "5.0.1",
        ];
        let mut parsed: Vec<Release> = order.iter().map(|t| release(t)).collect();
        parsed.reverse();
        parsed.sort();
        assert_eq!(parsed.iter().map(ToString::to_string).collect::<Vec<_>>(), order);
    }

    #[test]
    fn five_zero_one_is_not_mistaken_for_another_stream() {
        assert_eq!(release("5.0.1").stream.to_string(), "5.0");
        assert_eq!(release("4.15.0").stream.to_string(), "4.15");
        assert_eq!(release("4.20.10").stream.to_string(), "4.20");
    }

    #[test]
    fn malformed_releases_say_what_is_wrong() {
        for bad in [
            "",
            "4.20",
            "4.20.1.1",
            "v4.20.1",
            "4.20.01",
            "4.20.1-rc.1",
            "4.22.0-rc",
            "4.22.0-beta.1",
            "4.20.-1",
            "../4.20.1",
            "4.20.1 ",
            "4.20.99999999",
        ] {
            let error = bad.parse::<Release>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("{bad:?}")) && error.contains("write a release such as"),
                "{error}"
            );
        }
    }

    #[test]
    fn assembly_keys_of_pre_releases_are_short() {
        assert_eq!(release("4.22.0-rc.3").assembly_key(), "rc.3");
        assert_eq!(release("4.20.1").assembly_key(), "4.20.1");
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_back(major in 4u16..6, minor in 0u16..30, patch in 0u16..120, pre in proptest::option::of((any::<bool>(), 0u16..9))) {
            let pre = pre.map(|(rc, n)| if rc { PreRelease::ReleaseCandidate(n) } else { PreRelease::EngineeringCandidate(n) });
            let patch = if pre.is_some() { 0 } else { patch };
            let value = Release { stream: Stream { major, minor }, patch, pre };
            prop_assert_eq!(value, release(&value.to_string()));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            if let Ok(value) = text.parse::<Release>() {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
