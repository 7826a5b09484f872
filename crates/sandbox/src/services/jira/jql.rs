//! The part of JQL that release tools use: clauses joined by AND, each a field, an operator and one value or a list.
//!
//! What is beyond that is refused with an error rather than answered wrongly.

use jiff::Timestamp;

use super::model::Issue;

/// A parsed query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query(Vec<Clause>);

#[derive(Debug, PartialEq, Eq)]
struct Clause {
    /// Lower case.
    field: String,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
    Contains(String),
    Empty,
    NotEmpty,
    /// A condition on history, which every issue here meets.
    Always,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Quoted(text) | Self::Sign(text) => text,
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self, Self::Sign(text) if text == sign)
    }
}

const FIELDS: [&str; 13] = [
    "project",
    "key",
    "issuekey",
    "id",
    "status",
    "summary",
    "labels",
    "issuetype",
    "type",
    "parent",
    "assignee",
    "priority",
    "target version",
];

impl Query {
    /// Parses; the error is a sentence for the asker.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut rest = tokens.as_slice();
        let mut clauses = Vec::new();
        while let Some((first, after)) = rest.split_first() {
            if first.is_word("order") {
                break;
            }
            let field = first.text().to_lowercase();
            let known =
                FIELDS.contains(&field.as_str()) || field.starts_with("customfield_") || field == "cf";
            if !known {
                return Err(format!(
                    "Field '{}' does not exist or you do not have permission to view it.",
                    first.text()
                ));
            }
            let (test, after) = test(after)?;
            clauses.push(Clause { field, test });
            rest = match after.split_first() {
                Some((and, after)) if and.is_word("and") => after,
                Some((order, _)) if order.is_word("order") => break,
                None => break,
                Some((other, _)) => {
                    return Err(format!(
                        "Error in the JQL Query: expecting either 'AND' or 'ORDER BY' but got '{}'.",
                        other.text()
                    ));
                }
            };
        }
        Ok(Self(clauses))
    }

    /// Whether the issue meets every clause.
    pub(super) fn matches(&self, issue: &Issue, now: Timestamp) -> bool {
        self.0.iter().all(|clause| {
            let values = clause.values(issue, now);
            let any = |wanted: &[String]| {
                wanted.iter().any(|wanted| values.iter().any(|value| value.eq_ignore_ascii_case(wanted)))
            };
            match &clause.test {
                Test::OneOf(wanted) => any(wanted),
                Test::NoneOf(wanted) => !any(wanted),
                Test::Contains(words) => {
                    let text = values.join(" ").to_lowercase();
                    words
                        .to_lowercase()
                        .split_whitespace()
                        .all(|word| text.contains(word.trim_matches(['"', '\\', '*'])))
                }
                Test::Empty => values.is_empty(),
                Test::NotEmpty => !values.is_empty(),
                Test::Always => true,
            }
        })
    }
}

impl Clause {
    /// The field's values in an issue.
    fn values(&self, issue: &Issue, now: Timestamp) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self.field.as_str() {
            "project" => one(issue.project()),
            "key" | "issuekey" | "id" => vec![issue.key.clone(), issue.id()],
            "status" => one(issue.status(now)),
            "summary" => one(&issue.summary),
            "labels" => issue.labels.clone(),
            "issuetype" | "type" => one(&issue.kind),
            "priority" => one(&issue.priority),
            "parent" => issue.parent.iter().cloned().collect(),
            "assignee" => {
                issue.assignee.iter().flat_map(|person| [person.jira_account(), person.email()]).collect()
            }
            "target version" => issue.target_version.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

/// What follows a field.
fn test(tokens: &[Token]) -> Result<(Test, &[Token]), String> {
    let incomplete = || "Error in the JQL Query: the query ends too early.".to_owned();
    let (operator, rest) = tokens.split_first().ok_or_else(incomplete)?;
    let word = operator.text().to_lowercase();
    let next_is = |word: &str| rest.first().is_some_and(|token| token.is_word(word));
    match word.as_str() {
        "=" | "!=" | "~" => {
            let (value, rest) = rest.split_first().ok_or_else(incomplete)?;
            let value = value.text().to_owned();
            let test = match word.as_str() {
                "=" => Test::OneOf(vec![value]),
                "!=" => Test::NoneOf(vec![value]),
                _ => Test::Contains(value),
            };
            Ok((test, rest))
        }
        "in" => list(rest).map(|(values, rest)| (Test::OneOf(values), rest)),
        "not" if next_is("in") => list(&rest[1..]).map(|(values, rest)| (Test::NoneOf(values), rest)),
        "is" if next_is("not") => Ok((Test::NotEmpty, rest.get(2..).ok_or_else(incomplete)?)),
        "is" => Ok((Test::Empty, rest.get(1..).ok_or_else(incomplete)?)),
        "changed" => {
            let end = rest
                .iter()
                .position(|token| token.is_word("and") || token.is_word("order"))
                .unwrap_or(rest.len());
            Ok((Test::Always, &rest[end..]))
        }
        _ => Err(format!("Error in the JQL Query: expecting an operator but got '{}'.", operator.text())),
    }
}

/// A list in parentheses.
fn list(tokens: &[Token]) -> Result<(Vec<String>, &[Token]), String> {
    let close = tokens.iter().position(|token| token.is_sign(")"));
    let (Some(close), true) = (close, tokens.first().is_some_and(|token| token.is_sign("("))) else {
        return Err("Error in the JQL Query: expecting a list in parentheses.".to_owned());
    };
    let values = tokens[1..close]
        .iter()
        .filter(|token| !token.is_sign(","))
        .map(|token| token.text().to_owned())
        .collect();
    Ok((values, &tokens[close + 1..]))
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let end =
                    rest[1..].find(first).ok_or("Error in the JQL Query: a quoted string has no end.")?;
                tokens.push(Token::Quoted(rest[1..=end].to_owned()));
                end + 2
            }
            '(' | ')' | ',' => {
                tokens.push(Token::Sign(first.to_string()));
                1
            }
            '=' | '!' | '~' | '<' | '>' => {
                let end = rest.find(|c| !"=!~<>".contains(c)).unwrap_or(rest.len());
                tokens.push(Token::Sign(rest[..end].to_owned()));
                end
            }
            _ => {
                let end =
                    rest.find(|c: char| c.is_whitespace() || "(),=!~<>\"'".contains(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notificators_query_is_understood() {
        let query = "project = OCPBUGS AND issuetype in (Bug, Vulnerability) AND status = ON_QA AND 'Target Version' in (4.12.z, 4.20.z) AND status changed to ON_QA after 2025-10-01 ORDER BY key";
        let Query(clauses) = Query::parse(query).unwrap();
        assert_eq!(clauses.len(), 5);
        assert_eq!(
            clauses[3],
            Clause {
                field: "target version".to_owned(),
                test: Test::OneOf(vec!["4.12.z".to_owned(), "4.20.z".to_owned()])
            }
        );
        assert_eq!(clauses[4].test, Test::Always);
    }

    #[test]
    fn what_is_beyond_it_is_refused() {
        for bad in [
            "colour = red",
            "project = A OR project = B",
            "summary ~ \"open",
            "project",
            "key in OCPBUGS-1",
            "key >= 3",
        ] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
    }
}
