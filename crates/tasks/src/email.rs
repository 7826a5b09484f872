//! E-mail addresses of owners, parsed before use. This is the one rule on what an address is.

use regatta_kit::ParseError;
use std::str::FromStr;

/// An address of the form `local@domain.tld`, in ASCII, as the team's tools accept it (specification, task 2).
///
/// It has no `Display`: state, messages and notes are public and show the local part only. What needs the whole address
/// says so by [`Email::as_str`].
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

    /// The text with this address, in any case, cut to its local part.
    #[must_use]
    pub fn shortened_in(&self, text: &str) -> String {
        let address = self.0.to_ascii_lowercase();
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // The case of ASCII letters alone is changed, so that places in both texts agree.
        while let Some(at) = rest.to_ascii_lowercase().find(&address) {
            out.push_str(&rest[..at]);
            out.push_str(self.local());
            rest = &rest[at + address.len()..];
        }
        out + rest
    }
}

impl FromStr for Email {
    type Err = ParseError;

    /// Reads a whole address. The error is one sentence for people: what was given, what is wrong, how to mend it.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = |why: &str| ParseError {
            what: "e-mail address",
            given: text.chars().take(80).collect(),
            why: why.to_owned(),
            mend: "write local@domain.tld, such as jdoe@example.com",
        };
        let (local, domain) = text.split_once('@').ok_or_else(|| fail("has no @"))?;
        let is_local =
            !local.is_empty() && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"._%+-".contains(&b));
        if !is_local || local.len() > 64 {
            return Err(fail("has no plain name before the @"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_and_local_parts_completed() {
        assert_eq!(Email::complete("jdoe", "example.com").unwrap().as_str(), "jdoe@example.com");
        let email = Email::complete("j.doe+qe@corp.example.com", "redhat.com").unwrap();
        assert_eq!((email.as_str(), email.local()), ("j.doe+qe@corp.example.com", "j.doe+qe"));
        for good in ["me@example.com", "a.b+c@x-y.redhat.com"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
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
            "\na@x.com",
            "me",
            "me@",
            "@x.com",
            "me@x",
            "me@x.c",
            "me@x.c0m",
            "m e@x.com",
            "me@x..com",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
        assert_eq!(
            "me@x".parse::<Email>().unwrap_err().to_string(),
            "e-mail address \"me@x\": has no domain such as example.com after the @; write local@domain.tld, such as jdoe@example.com"
        );
    }

    #[test]
    fn an_address_in_a_text_is_cut_to_its_local_part() {
        let email: Email = "jdoe@example.com".parse().unwrap();
        assert_eq!(email.shortened_in("é JDoe@Example.com, jdoe@example.com!"), "é jdoe, jdoe!");
        assert_eq!(email.shortened_in("nobody"), "nobody");
    }
}
