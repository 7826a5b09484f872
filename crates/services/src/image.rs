//! Image digests: the only part of an image's name that says which bytes it is.

use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest of an image: `sha256:` and 64 hexadecimal digits, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageDigest(String);

impl ImageDigest {
    /// The 64 digits alone.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0
    }
}

/// Text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no sha256: digest of 64 hexadecimal digits")]
pub struct NotADigest;

impl FromStr for ImageDigest {
    type Err = NotADigest;

    /// Reads `sha256:…`, alone or at the end of a pull spec after `@`.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digest = text.rsplit('@').next().unwrap_or(text);
        let hex = digest.strip_prefix("sha256:").ok_or(NotADigest)?;
        let plain = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if plain { Ok(Self(hex.to_owned())) } else { Err(NotADigest) }
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_alone_and_in_pull_specs_and_nothing_else_is() {
        let hex = "0123456789abcdef".repeat(4);
        for text in [format!("sha256:{hex}"), format!("quay.io/a/b@sha256:{hex}")] {
            assert_eq!(text.parse::<ImageDigest>().unwrap().to_string(), format!("sha256:{hex}"));
        }
        for bad in ["", "sha256:", "sha256:../../x", &hex, &format!("sha256:{}", hex.to_uppercase())] {
            assert_eq!(bad.parse::<ImageDigest>(), Err(NotADigest), "{bad}");
        }
    }
}
