//! Masking of free text at the moment it is written: e-mail addresses, credentials, private hosts.
//!
//! Documents may lie in a public repository. Typed fields (links, handles, actors, metadata) are never masked, and
//! text that already stands is left alone: rewriting history would hide nothing.

use std::borrow::Cow;
use std::ops::Range;

use crate::event::{Body, Event, IssueChange};

/// Stands for an e-mail address; production's word.
pub const EMAIL: &str = "[EMAIL_REDACTED]";
/// Stands for a credential.
pub const TOKEN: &str = "[TOKEN_REDACTED]";
/// Stands for a host that only resolves inside.
pub const HOST: &str = "[HOST_REDACTED]";

/// Domains whose hosts are private, by their endings.
const PRIVATE_DOMAINS: [&str; 11] = [
    ".corp.redhat.com",
    ".engineering.redhat.com",
    ".cee.redhat.com",
    ".devel.redhat.com",
    ".psi.redhat.com",
    ".ipa.redhat.com",
    ".dc.redhat.com",
    ".eng.redhat.com",
    ".upshift.redhat.com",
    ".internal",
    ".cluster.local",
];

/// How credentials begin, and how many characters must follow for it to be one.
const TOKEN_STARTS: [(&str, usize); 19] = [
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("gldt-", 16),
    ("glcbt-", 16),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxa-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("xapp-", 8),
    ("sha256~", 20),
    ("AKIA", 16),
    ("AIza", 30),
    ("ya29.", 16),
];

/// Words after which a credential follows, behind a space, `=` or `:`.
const TOKEN_WORDS: [&str; 9] =
    ["bearer", "password", "passwd", "token", "access_token", "secret", "client_secret", "api_key", "apikey"];

/// Masks e-mail addresses, credentials and private hosts.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut found = tokens(text);
    found.extend(emails(text));
    found.extend(hosts(text));
    replace(text, found)
}

/// Masks e-mail addresses and credentials: for messages, whose links must work where they are told.
#[must_use]
pub fn mask_message(text: &str) -> Cow<'_, str> {
    let mut found = tokens(text);
    found.extend(emails(text));
    replace(text, found)
}

/// Masks the free text of an event.
pub(crate) fn event(event: &mut Event) {
    option(&mut event.reason);
    match &mut event.body {
        Body::TaskMoved { evidence, result, .. } => {
            option(result);
            if let Some(evidence) = evidence {
                own(&mut evidence.summary);
            }
        }
        Body::Asked { question } => {
            own(&mut question.text);
            question.options.iter_mut().for_each(own);
        }
        Body::Closed { how, .. } => own(how),
        Body::Issue(IssueChange::Added { text, .. }) => own(text),
        Body::Issue(IssueChange::Resolved { text, resolution }) => {
            own(text);
            own(resolution);
        }
        Body::Queued { message } => {
            if let Cow::Owned(masked) = mask_message(&message.text) {
                message.text = masked;
            }
        }
        Body::Opened { .. }
        | Body::Refreshed { .. }
        | Body::Observed { .. }
        | Body::Intended { .. }
        | Body::Leased { .. }
        | Body::Triggered { .. }
        | Body::Overridden { .. }
        | Body::Told { .. }
        | Body::Imported { .. } => {}
    }
}

fn own(text: &mut String) {
    if let Cow::Owned(masked) = mask(text) {
        *text = masked;
    }
}

fn option(text: &mut Option<String>) {
    if let Some(text) = text {
        own(text);
    }
}

type Found = (Range<usize>, &'static str);

/// Replaces what was found; of overlapping finds the first, and of two beginning together the longer, counts.
fn replace(text: &str, mut found: Vec<Found>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|(range, _)| (range.start, usize::MAX - range.end));
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for (range, word) in found {
        if range.start < at {
            continue;
        }
        masked.push_str(&text[at..range.start]);
        masked.push_str(word);
        at = range.end;
    }
    masked.push_str(&text[at..]);
    Cow::Owned(masked)
}

const fn word_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Where the run of bytes that `accept` ends, from `at`.
fn run(text: &str, at: usize, accept: impl Fn(u8) -> bool) -> usize {
    text.as_bytes()[at..].iter().position(|b| !accept(*b)).map_or(text.len(), |n| at + n)
}

const fn token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'~' | b'+' | b'/' | b'=')
}

fn tokens(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(b"://") {
            found.extend(userinfo(text, at + 3));
        }
        if (at > 0 && word_byte(bytes[at - 1])) || !bytes[at].is_ascii_graphic() {
            continue;
        }
        let rest = &text[at..];
        if let Some((start, least)) = TOKEN_STARTS.iter().find(|(start, _)| rest.starts_with(start)) {
            let end = run(text, at + start.len(), |b| word_byte(b) || matches!(b, b'-' | b'.'));
            if end - at - start.len() >= *least {
                found.push((at..end, TOKEN));
            }
        } else if rest.starts_with("eyJ") {
            let end = run(text, at, |b| word_byte(b) || matches!(b, b'-' | b'.'));
            let parts: Vec<&str> = text[at..end].trim_end_matches('.').split('.').collect();
            if parts.len() >= 3 && parts[0].len() >= 8 && parts[1].len() >= 8 {
                found.push((at..end, TOKEN));
            }
        } else if rest.starts_with("-----BEGIN ")
            && rest.lines().next().is_some_and(|l| l.contains("PRIVATE KEY"))
        {
            let end = rest.find("-----END").map_or(text.len(), |n| at + n);
            let end = text[end..].find('\n').map_or(text.len(), |n| end + n);
            found.push((at..end, TOKEN));
        } else {
            found.extend(after_word(text, at));
        }
    }
    found
}

/// `user:password@` in a URL.
fn userinfo(text: &str, at: usize) -> Option<Found> {
    let end = run(text, at, |b| !b.is_ascii_whitespace() && !matches!(b, b'/' | b'?' | b'#' | b'"' | b'\''));
    let place = text[at..end].rfind('@')?;
    text[at..at + place].contains(':').then_some((at..at + place, TOKEN))
}

/// `Bearer …`, `password=…`, `token: …`: what follows is masked, the word stays.
fn after_word(text: &str, at: usize) -> Option<Found> {
    let end = run(text, at, word_byte);
    let word = text[at..end].to_ascii_lowercase();
    if !TOKEN_WORDS.contains(&word.as_str()) {
        return None;
    }
    let bearer = word == "bearer";
    let bytes = text.as_bytes();
    let mut start = end;
    if !bearer {
        start = run(text, start, |b| matches!(b, b'"' | b'\'' | b' '));
        if !bytes.get(start).is_some_and(|b| matches!(b, b'=' | b':')) {
            return None;
        }
        start += 1;
    }
    start = run(text, start, |b| matches!(b, b'"' | b'\'' | b' '));
    if text[start..].get(..6).is_some_and(|word| word.eq_ignore_ascii_case("bearer")) {
        // `token: Bearer …` is found at its second word.
        return None;
    }
    let end = run(text, start, token_byte);
    let value = text[start..end].trim_end_matches('.');
    // Prose such as "token: expired" names no credential: those have digits.
    let likely = value.len() >= 8 && value.bytes().any(|b| b.is_ascii_digit());
    likely.then(|| (start..start + value.len(), TOKEN))
}

fn emails(text: &str) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let local = |b: u8| word_byte(b) || matches!(b, b'.' | b'%' | b'+' | b'-');
        let start = bytes[..at].iter().rposition(|b| !local(*b)).map_or(0, |n| n + 1);
        let end = run(text, at + 1, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        let domain = text[at + 1..end].trim_end_matches(['.', '-']);
        let top = domain.rsplit('.').next().unwrap_or_default();
        let whole = domain.contains('.') && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic());
        if start < at && whole {
            found.push((start..at + 1 + domain.len(), EMAIL));
        }
    }
    found
}

fn hosts(text: &str) -> Vec<Found> {
    let host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !host(text.as_bytes()[at]) {
            at += 1;
            continue;
        }
        let end = run(text, at, host);
        let raw = &text[at..end];
        let name = raw.trim_start_matches(['.', '-']);
        let start = end - name.len();
        let name = name.trim_end_matches(['.', '-']);
        let lower = name.to_ascii_lowercase();
        let private = PRIVATE_DOMAINS.iter().any(|d| lower.len() > d.len() && lower.ends_with(d));
        if private || private_address(name) {
            found.push((start..start + name.len(), HOST));
        }
        at = end;
    }
    found
}

/// Addresses that are routed nowhere outside.
fn private_address(name: &str) -> bool {
    name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_private())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_credentials_and_private_hosts_are_masked() {
        let cases = [
            ("QA Owner is updated to jdoe+qe@redhat.com.", "QA Owner is updated to [EMAIL_REDACTED]."),
            ("ghp_abcdefghijklmnopqrstuvwxyz0123456789 leaked", "[TOKEN_REDACTED] leaked"),
            ("used glpat-AbCdEfGhIjKlMnOpQrSt, failed", "used [TOKEN_REDACTED], failed"),
            ("xoxb-123456789-abcdefgh", "[TOKEN_REDACTED]"),
            ("Authorization: Bearer abc123def456", "Authorization: Bearer [TOKEN_REDACTED]"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig-nature_1", "[TOKEN_REDACTED]"),
            ("https://bot:hunter2@github.com/x", "https://[TOKEN_REDACTED]@github.com/x"),
            ("?access_token=abcd1234efgh&x=1", "?access_token=[TOKEN_REDACTED]&x=1"),
            (
                "see https://gitlab.cee.redhat.com/a/b/-/merge_requests/460",
                "see https://[HOST_REDACTED]/a/b/-/merge_requests/460",
            ),
            ("jenkins-x.dno.corp.redhat.com:8443 is down", "[HOST_REDACTED]:8443 is down"),
            ("from 10.0.12.7", "from [HOST_REDACTED]"),
        ];
        for (text, masked) in cases {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "All blocking tests passed BO3 verification. Candidate build: 4.20.0-0.nightly-2026-04-02-035740",
            "https://prow.ci.openshift.org/view/gs/test-platform-results/logs/x/2041024146950852608",
            "quay.io/openshift-release-dev/ocp-release@sha256:2dab927fd20984e247301b2483083b71",
            "the token: expired; ask @team-art; sha256:2dab927fd209",
            "[EMAIL_REDACTED] and [TOKEN_REDACTED] and [HOST_REDACTED]",
            "redhat.com, access.redhat.com and issues.redhat.com are public; release 4.20.10",
        ] {
            assert!(matches!(mask(text), Cow::Borrowed(_)), "{}", mask(text));
        }
    }

    #[test]
    fn messages_keep_their_links() {
        let text = "Owner a@b.example.com: https://gitlab.cee.redhat.com/x";
        assert_eq!(mask_message(text), "Owner [EMAIL_REDACTED]: https://gitlab.cee.redhat.com/x");
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing_more(text in "[a-z0-9@.: /_=\\-é\n]{0,80}") {
            let once = mask(&text).into_owned();
            prop_assert_eq!(mask(&once).into_owned(), once.clone());
        }
    }
}
