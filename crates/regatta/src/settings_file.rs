//! The settings file as it is written: its tables and words, and how a text becomes them. What wins over what is decided
//! by the program.

use regatta_engine::rights::Role;
use regatta_flow::policy::{AnalysisPolicy, FinalApproval};
use regatta_kit::{Arch, OutsideText, Stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One settings file. Unknown keys are refused, with line and what exists instead.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    /// Where the state is kept.
    pub store: Option<String>,
    /// Whose releases these are.
    pub owner: Option<String>,
    /// Who acts.
    pub actor: Option<String>,
    /// With which role.
    pub role: Option<Role>,
    /// The architecture whose results count.
    pub arch: Option<Arch>,
    /// The domain that completes an owner.
    pub mail_domain: Option<String>,
    /// `[policy]`
    #[serde(default)]
    pub policy: PolicyTable,
    /// `[statebox]`
    #[serde(default)]
    pub statebox: StateboxTable,
    /// `[report]`
    #[serde(default)]
    pub report: ReportTable,
    /// `[slack]`
    #[serde(default)]
    pub slack: SlackTable,
    /// `[services.NAME]`
    #[serde(default)]
    pub services: BTreeMap<String, ServiceTable>,
}

/// `[policy]`: what the team leaves to Regatta.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTable {
    /// Which verdicts of an analysis stand by themselves.
    pub analysis: Option<AnalysisPolicy>,
    /// Whether final approval is given or asked for.
    pub final_approval: Option<FinalApproval>,
}

/// `[statebox]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateboxTable {
    /// The layout of new files.
    pub layout: Option<LayoutName>,
}

/// A layout, as settings name it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutName {
    /// `json`
    Json,
    /// `yaml`
    Yaml,
}

/// `[report]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportTable {
    /// The spreadsheet of all streams.
    pub spreadsheet: Option<String>,
    /// Spreadsheets by y-stream.
    #[serde(default)]
    pub spreadsheets: BTreeMap<Stream, String>,
}

/// `[slack]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackTable {
    /// The channel of QE's releases.
    pub release_channel: Option<String>,
    /// Who is mentioned there.
    pub release_group: Option<String>,
    /// ART's channel.
    pub art_channel: Option<String>,
    /// Who is mentioned there.
    pub art_group: Option<String>,
}

/// `[services.NAME]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTable {
    /// Its base URL.
    pub url: Option<String>,
}

impl SettingsFile {
    /// The URLs that the file names, by service.
    #[must_use]
    pub fn urls(&self) -> BTreeMap<String, String> {
        self.services.iter().filter_map(|(name, table)| Some((name.clone(), table.url.clone()?))).collect()
    }
}

/// Characters of a reason that are shown.
const WHY_LENGTH: usize = 400;

/// A text that is no settings file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadSettings {
    /// From 1.
    pub line: usize,
    /// What is wrong, on one line.
    pub why: String,
}

/// Reads a settings file's text.
///
/// # Errors
/// For what is no TOML, an unknown key or word, with its line.
pub fn parse(text: &str) -> Result<SettingsFile, BadSettings> {
    toml::from_str(text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        BadSettings { line, why: OutsideText::line(error.message(), WHY_LENGTH).to_string() }
    })
}
