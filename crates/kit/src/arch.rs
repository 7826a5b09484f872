//! Architectures and the spellings each remote uses for them.

use crate::{ParseError, serde_as_text};
use std::fmt;
use std::str::FromStr;

/// One architecture. Its text form is the Go spelling, as in file names and release-controller hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Arch {
    /// `amd64` / `x86_64`; the default of every command.
    #[default]
    Amd64,
    /// `arm64` / `aarch64`
    Arm64,
    /// `ppc64le`
    Ppc64le,
    /// `s390x`
    S390x,
    /// The multi-architecture payload.
    Multi,
}

impl Arch {
    /// All of them, in the order they are listed to people.
    pub const ALL: [Self; 5] = [Self::Amd64, Self::Arm64, Self::Ppc64le, Self::S390x, Self::Multi];

    /// The spelling of file names and release-controller hosts: `amd64`.
    #[must_use]
    pub const fn go(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Ppc64le => "ppc64le",
            Self::S390x => "s390x",
            Self::Multi => "multi",
        }
    }

    /// The spelling of packages, pull specs and `reference_releases`: `x86_64`.
    #[must_use]
    pub const fn rpm(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            other => other.go(),
        }
    }

    /// What is appended to a release stream's name: empty for amd64, else `-arm64` and so on.
    #[must_use]
    pub const fn stream_suffix(self) -> &'static str {
        match self {
            Self::Amd64 => "",
            Self::Arm64 => "-arm64",
            Self::Ppc64le => "-ppc64le",
            Self::S390x => "-s390x",
            Self::Multi => "-multi",
        }
    }
}

impl FromStr for Arch {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|a| text == a.go() || text == a.rpm()).ok_or_else(|| {
            ParseError::new(
                "architecture",
                text,
                "is not known",
                "write amd64, arm64, ppc64le, s390x or multi",
            )
        })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.go())
    }
}

serde_as_text!(Arch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_and_one_is_written() {
        for arch in Arch::ALL {
            assert_eq!(arch.go().parse(), Ok(arch));
            assert_eq!(arch.rpm().parse(), Ok(arch));
            assert_eq!(arch.to_string(), arch.go());
        }
        assert!("x86".parse::<Arch>().is_err());
    }
}
