//! The people of the imitated world: one directory behind Jira, GitLab, Slack and the Errata Tool.
//!
//! Whoever has an address at the company exists; ids follow from the address, so that no service needs to be told of a
//! person before another one speaks of them.

use super::wire::{number_of, uuid};

/// The company's mail domain: every well-formed address there is somebody's.
pub(crate) const DOMAIN: &str = "redhat.com";

/// People who appear in the world's own data.
pub(crate) const CAST: [&str; 6] = ["qe-lead", "dev-one", "dev-two", "qa-one", "qa-two", "art-bot"];

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Local part of the address, the same on every service.
    pub(crate) name: String,
}

impl Person {
    /// The person of that login name, if it can be one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
        (!name.is_empty() && name.len() <= 64 && name.chars().all(plain)).then_some(Self { name })
    }

    /// The person of that address; nobody for addresses elsewhere.
    pub(crate) fn at(email: &str) -> Option<Self> {
        let (name, domain) = email.trim().split_once('@')?;
        domain.eq_ignore_ascii_case(DOMAIN).then(|| Self::named(name)).flatten()
    }

    /// Mail address.
    pub(crate) fn email(&self) -> String {
        format!("{}@{DOMAIN}", self.name)
    }

    /// Name as shown to people.
    pub(crate) fn display_name(&self) -> String {
        let words = self.name.split(['.', '-', '_', '+']).filter(|word| !word.is_empty()).map(|word| {
            let (first, rest) = word.split_at(1);
            format!("{}{rest}", first.to_ascii_uppercase())
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Account id at Jira Cloud.
    pub(crate) fn jira_account(&self) -> String {
        format!("712020:{}", uuid(&self.name))
    }

    /// Member id at Slack.
    pub(crate) fn slack_id(&self) -> String {
        format!("U{}", regatta_kit::ids::digest(self.name.as_bytes(), 10).to_ascii_uppercase())
    }

    /// Numeric user id at GitLab and the Errata Tool.
    pub(crate) fn number(&self) -> u64 {
        1_000 + number_of(&self.name, 8_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_at_the_company_exists_and_nobody_elsewhere() {
        let person = Person::at("Jane.Doe@RedHat.com").unwrap();
        assert_eq!(person.email(), "jane.doe@redhat.com");
        assert_eq!(person.display_name(), "Jane Doe");
        assert_eq!(person.jira_account(), Person::named("jane.doe").unwrap().jira_account());
        assert_eq!(Person::at("jane@example.com"), None);
        assert_eq!(Person::at("@redhat.com"), None);
        assert_eq!(Person::at("jane"), None);
    }
}
