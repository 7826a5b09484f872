//! E-mail addresses of owners, parsed before use.

use regatta_kit::ParseError;
use std::fmt;
use std::str::FromStr;

/// An address of the form `local@domain.tld`, in ASCII, as the team's tools accept it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Reads an address, or a local part alone, which is completed with `domain`: the state keeps local parts only.
    ///
    /// # Errors
    /// When neither reading gives an address.
    pub fn complete(text: &str, domain: &str) -> Result<Self, ParseError> {
        if text.contains('@') { text.parse() } else { format!("{text}@{domain}").parse() }
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.split('@').next().unwrap_or(&self.0)
    }
}

impl FromStr for Email {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| ParseError {
            what: "e-mail",
            given: text.chars().take(80).collect(),
            why: why.to_owned(),
            mend: "write an address such as jdoe@example.com",
        };
        let (local, domain) = text.split_once('@').ok_or_else(|| fail("has no @"))?;
        let is_local =
            !local.is_empty() && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"._%+-".contains(&b));
        if !is_local || local.len() > 64 {
            return Err(fail("has no usable part before the @"));
        }
        let labels: Vec<&str> = domain.split('.').collect();
        let is_label =
            |label: &&str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let ends_well =
            labels.last().is_some_and(|tld| tld.len() >= 2 && tld.bytes().all(|b| b.is_ascii_alphabetic()));
        if labels.len() < 2 || !labels.iter().all(is_label) || !ends_well || domain.len() > 255 {
            return Err(fail("has no domain such as example.com after the @"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_and_local_parts_completed() {
        assert_eq!(Email::complete("jdoe", "example.com").unwrap().as_str(), "jdoe@example.com");
        let email = Email::complete("j.doe+qe@corp.example.com", "redhat.com").unwrap();
        assert_eq!((email.as_str(), email.local()), ("j.doe+qe@corp.example.com", "j.doe+qe"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "@",
            "a@b",
            "a@b.c",
            "a b@example.com",
            "a@example..com",
            "a@example.c0",
            "é@example.com",
            "a@b@c.com",
            "a@x.com\n",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
    }
}
