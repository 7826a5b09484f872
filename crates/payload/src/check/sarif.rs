//! A report in SARIF 2.1.0, as code scanning takes it.

use serde_json::{Value, json};

use super::rules::ALL;
use super::{Finding, Holder, Level, Report, Rule, Unreadable};

/// The report of a tool in one version, and what it could not read. Paths must be relative to the root of the sources, with
/// slashes; `uri` makes them so.
#[must_use]
pub fn log(report: &Report, unreadable: &[Unreadable], version: &str, uri: impl Fn(&str) -> String) -> Value {
    let mut notifications: Vec<Value> = unreadable.iter().map(|file| notification(file, &uri)).collect();
    notifications.extend(report.notes.iter().map(|note| json!({"level": "note", "message": {"text": note}})));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "regatta payload-job check",
                "semanticVersion": version,
                "rules": ALL.iter().map(|rule| self::rule(rule)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": unreadable.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The root of the sources"}}},
            "results": report.findings.iter().map(|finding| result(finding, &uri)).collect::<Vec<_>>(),
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    let held = match rule.holder {
        Holder::Controller => "Held by the release controller's validation",
        Holder::Repository => "Held by the repository's scripts",
        Holder::RunTime => "Not validated by the controller",
        Holder::Convention => "A convention",
    };
    let help = format!("{}\n\n{held}: {}.\n\nWhat to do: {}.", rule.why, rule.source, rule.mend);
    json!({
        "id": rule.id,
        "name": camel(rule.id),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": rule.level.name()},
        "properties": {
            "tags": ["release-controller", rule.holder],
            "precision": "high",
            "problem.severity": rule.level.name(),
        },
    })
}

/// A file that was not checked, which is no fault of its contents.
fn notification(file: &Unreadable, uri: &impl Fn(&str) -> String) -> Value {
    let Unreadable { file, why } = file;
    json!({
        "level": "error",
        "message": {"text": format!("{file}: {why}")},
        "locations": [{"physicalLocation": {"artifactLocation": artifact(file, uri)}}],
    })
}

fn artifact(file: &str, uri: &impl Fn(&str) -> String) -> Value {
    let uri = uri(file);
    // What is absolute has no base.
    if uri.contains("://") { json!({"uri": uri}) } else { json!({"uri": uri, "uriBaseId": "SRCROOT"}) }
}

fn result(finding: &Finding, uri: &impl Fn(&str) -> String) -> Value {
    let Finding { place, end, rule, .. } = finding;
    let text = match &finding.mend {
        Some(mend) if mend.ends_with('?') => format!("{}. {mend}", finding.told()),
        Some(mend) => format!("{}. What to do: {mend}.", finding.told()),
        None => format!("{}.", finding.told()),
    };
    let mut region = json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": end.line,
        "endColumn": end.column,
    });
    if let Some(span) = finding.span {
        region["byteOffset"] = span.start.into();
        region["byteLength"] = (span.end - span.start).into();
    }
    let artifact = artifact(&finding.file, uri);
    let mut location = json!({"physicalLocation": {"artifactLocation": artifact, "region": region}});
    if let Some(entry) = &finding.entry {
        location["logicalLocations"] = json!([{"fullyQualifiedName": entry, "kind": "object"}]);
    }
    json!({
        "ruleId": rule.id,
        "ruleIndex": ALL.iter().position(|known| known.id == rule.id),
        "level": match finding.level { Level::Error => "error", Level::Warning => "warning" },
        "message": {"text": text},
        "locations": [location],
        // Stays the same while the line moves, so that a finding stays one finding.
        "partialFingerprints": {
            "regatta/v1": format!("{}:{}", rule.id, finding.entry.as_deref().unwrap_or(&finding.message)),
        },
    })
}

/// `unknown-field` as `UnknownField`, the form in which rule names are shown.
fn camel(id: &str) -> String {
    id.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect::<String>()
        })
        .collect()
}
