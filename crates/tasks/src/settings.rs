//! What a team sets about its tasks; filled from `regatta.toml` and the environment by the program.

use regatta_kit::{Arch, Stream};
use std::collections::BTreeMap;

/// Settings of the tasks. Defaults are those of the OpenShift QE team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSettings {
    /// Architecture whose builds and images are judged.
    pub arch: Arch,
    /// Spreadsheet id of the test report by y-stream.
    pub report_spreadsheets: BTreeMap<Stream, String>,
    /// Spreadsheet id for y-streams not listed; `None`: releases of those have no Sheet, which is no error.
    pub report_spreadsheet: Option<String>,
    /// Slack channel of the QE release team.
    pub release_channel: String,
    /// Slack user group mentioned there, by y-stream; `%s` is replaced by the y-stream.
    pub release_group: String,
    /// Slack channel of ART.
    pub art_channel: String,
    /// Slack user group mentioned there.
    pub art_group: String,
    /// Domain completed to the owner's stored local part: `redhat.com`.
    pub mail_domain: String,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            arch: Arch::Amd64,
            report_spreadsheets: BTreeMap::new(),
            report_spreadsheet: None,
            release_channel: "team-qe-release".to_owned(),
            release_group: "openshift-qe-%s-release".to_owned(),
            art_channel: "team-art".to_owned(),
            art_group: "art-team".to_owned(),
            mail_domain: "redhat.com".to_owned(),
        }
    }
}

impl TaskSettings {
    /// The spreadsheet that holds a y-stream's reports, if there is one.
    #[must_use]
    pub fn spreadsheet(&self, stream: Stream) -> Option<&str> {
        self.report_spreadsheets.get(&stream).or(self.report_spreadsheet.as_ref()).map(String::as_str)
    }
}
