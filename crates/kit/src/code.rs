//! Stable error codes, each with a page: what it means, what usually causes it, what mends it.
//!
//! `regatta explain CODE` prints the page. A code is never reused for another meaning.

use std::fmt;

/// What a failure asks for. Decided where the failure arises, never guessed later from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Worth trying again later: a time-out, a limit, an outage.
    Transient,
    /// Will not get better by itself; the task fails.
    Permanent,
    /// A person has to decide or repair something.
    NeedsPerson,
    /// A credential is missing, wrong or expired.
    NeedsCredentials,
}

macro_rules! codes {
    ($($variant:ident = $id:literal, $title:literal, cause $cause:literal, mend $mend:literal;)*) => {
        /// A stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code there is, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as shown: `RG` and three digits.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// One line on what it means.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What usually causes it.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn mend(self) -> &'static str {
                match self { $(Self::$variant => $mend,)* }
            }
        }
    };
}

codes! {
    BadInput = "RG001", "an argument, file or setting could not be understood",
        cause "A word on the command line, a line of a file or a key of the settings has not the form it must have.",
        mend "The message names the word, the place and the right form; correct it and run the command again. Nothing was changed.";
    RefusedByRule = "RG002", "a rule of the flow refuses this",
        cause "The command asks for a transition the flow does not know, or for a task whose start conditions do not hold.",
        mend "`regatta status RELEASE` shows what the release waits for. A person may go past a gate with `regatta override`.";
    ErrataFlow = "RG003", "the release has no shipment merge request",
        cause "Its assembly in releases.yml has no `shipment`: it is released by the older Errata flow, which `drive` does not know.",
        mend "Run its tasks one by one; if the release should have a shipment, ask ART to add it to ocp-build-data.";
    WrongWorld = "RG004", "the store belongs to another world",
        cause "State made over a sandbox is never driven against real services, nor the reverse.",
        mend "Use another `--store`, or the settings of the world this store was made in.";
    NewerFormat = "RG005", "the state was written by a newer Regatta",
        cause "The document's format version is higher than this program knows.",
        mend "Upgrade this Regatta; it changes nothing in a document it does not fully understand.";
    Denied = "RG006", "the role does not allow this",
        cause "Overrides and, where the policy asks for it, final approval need a lead; changes need an operator.",
        mend "Set REGATTA_ROLE if it is wrong, or ask somebody with the role named to run the command.";
    HeldByAnother = "RG007", "another driver holds the release",
        cause "A drive of this release is under way elsewhere; two never act on one release.",
        mend "Wait for it, or use `--watch`, which takes over when the other's hold has run out.";
    Unreachable = "RG101", "a remote service could not be reached",
        cause "The connection was refused or dropped, or no answer came in time.",
        mend "Regatta tries again by itself. `regatta doctor` shows which services answer; check network, VPN and the service's status.";
    Limited = "RG102", "a remote service asks for fewer requests",
        cause "It answered 429, or a rate limit is used up.",
        mend "Regatta waits as long as the service asks and tries again by itself.";
    ServerFault = "RG103", "a remote service reported a fault of its own",
        cause "It answered with a status of 500 or above.",
        mend "Regatta tries again by itself; if it lasts, tell the service's owners, quoting the answer shown.";
    BadAnswer = "RG104", "a remote service answered with something unexpected",
        cause "The answer was cut short, too large, of another type, or lacks a field that must be there.",
        mend "The message quotes the answer's beginning. Check the base URL with `regatta config show`; a proxy's log-in page is a usual cause.";
    NotAuthorised = "RG105", "a credential is missing, wrong or expired",
        cause "The service answered 401 or 403, or the environment variable that holds the credential is not set.",
        mend "Renew the credential named in the message and run the drive again; it resumes where it was.";
    NotFound = "RG106", "a remote service does not know what was asked for",
        cause "It answered 404: the advisory, ticket, merge request, job or page does not exist or cannot be seen.",
        mend "Check the release's metadata with `regatta status RELEASE`; if it is out of date, ask ART to correct releases.yml.";
    Refused = "RG107", "a remote service refused the request",
        cause "It understood the request and said no; its reason is quoted.",
        mend "Mend what the reason names, then `regatta retry RELEASE TASK`.";
    Conflict = "RG108", "the state moved while it was being changed",
        cause "Somebody else wrote the same release at the same moment, more often than the retries allow.",
        mend "Run the command again: it starts from the newest state.";
    JobFailed = "RG201", "a test job ended without success",
        cause "The Jenkins or Prow run that the task waits for failed, was aborted or is unstable.",
        mend "Open the run's link, and after mending `regatta retry RELEASE TASK`; if the failure may be waived, `regatta override RELEASE TASK --verdict pass --reason …`.";
    PushFailed = "RG202", "a push to CDN staging failed",
        cause "The Errata Tool reports a push job as FAILED.",
        mend "Look at the push job in the Errata Tool, then `regatta retry RELEASE push-to-cdn-staging`.";
    ImagesUnhealthy = "RG203", "images of the shipment are graded worse than B",
        cause "The catalog's freshness grade of at least one image is C or worse, or unknown.",
        mend "The list is on the merge request. Ask ART for rebuilt images, or override with the reason they may ship.";
    NotSigned = "RG204", "the release image has no signature",
        cause "The signature mirror has no signature for the image's digest.",
        mend "Ask ART to sign the release, then `regatta retry RELEASE image-signed-check`.";
    AlertsBlocking = "RG205", "an advisory has blocking security alerts",
        cause "The Errata Tool lists alerts that block this RHSA.",
        mend "Resolve the alerts named, then `regatta retry RELEASE change-advisory-status`.";
    DuplicateEffect = "RG301", "an effect was found more than once at the remote",
        cause "Somebody triggered the same job by hand, or a remote that offers no way to look was asked twice after a lost answer.",
        mend "Regatta follows the first one. Cancel the others if they do harm.";
    Internal = "RG900", "a fault of Regatta's own",
        cause "Something that cannot happen did.",
        mend "Keep the message and the state file, and report both.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for Code {
    type Err = crate::ParseError;

    fn from_str(text: &str) -> Result<Self, crate::ParseError> {
        Self::ALL.iter().copied().find(|c| c.id().eq_ignore_ascii_case(text)).ok_or_else(|| {
            crate::ParseError::new(
                "code",
                text,
                "is not one of Regatta's",
                "codes are RG and three digits, such as RG105",
            )
        })
    }
}

crate::serde_as_text!(Code);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sorted_and_every_page_is_written() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()));
        for code in Code::ALL {
            assert_eq!(code.id().parse(), Ok(*code));
            assert!(code.cause().ends_with('.') && code.mend().len() > 20, "{code}");
        }
    }
}
