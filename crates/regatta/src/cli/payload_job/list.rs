//! `regatta payload-job list`: the jobs that are not aggregated, in groups, numbered through.

use regatta_payload::aggregate::COUNT;
use regatta_payload::list::{Group, Listed, list_where};
use regatta_payload::{Config, Entry, power};
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::Path;
use unicode_width::UnicodeWidthStr as _;

use super::super::Globals;
use super::place::{self, FileArgs};
use crate::failure::Failure;
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Whose candidates: the numbers are those that this operation takes
    #[arg(long = "for", value_name = "OPERATION", value_enum)]
    operation: Option<Operation>,
}

/// What can be done to entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Operation {
    /// Run a job several times (the default)
    Aggregate,
    /// Run it once again
    Deaggregate,
    /// Make it blocking
    Promote,
    /// Make it informing
    Demote,
}

impl Operation {
    /// Whether there is something for it to do.
    const fn applies(self, entry: &Entry) -> bool {
        match self {
            Self::Aggregate => entry.aggregated.is_none(),
            Self::Deaggregate => entry.aggregated.is_some(),
            Self::Promote => entry.optional,
            Self::Demote => !entry.optional,
        }
    }

    /// What is said where it applies to none of so many entries.
    fn nothing(self, entries: usize) -> String {
        if entries == 0 {
            return "verify is empty".to_owned();
        }
        let state = match self {
            Self::Aggregate => "aggregated already",
            Self::Deaggregate => "a single one",
            Self::Promote => "blocking already",
            Self::Demote => "informing already",
        };
        match entries {
            1 => format!("the only job is {state}"),
            more => format!("each of the {more} jobs is {state}"),
        }
    }
}

/// The entries that an operation can be applied to, numbered through.
///
/// # Errors
/// There is no `verify`, or it is no object.
pub(crate) fn candidates(file: &str, config: &Config, operation: Operation) -> Result<Vec<Group>, Failure> {
    match config.verify() {
        Some(verify) if matches!(verify.value, regatta_payload::text::Value::Object(_)) => {
            Ok(list_where(config, |entry| operation.applies(entry)))
        }
        Some(verify) => {
            let place = config.text().place(verify.span.start);
            Err(Failure::Input(format!(
                "{file}: {place}: `verify` is {} where an object is needed",
                verify.kind()
            )))
        }
        None => Ok(Vec::new()),
    }
}

#[derive(Serialize)]
struct ListView<'a> {
    file: &'a str,
    groups: Vec<GroupView<'a>>,
}

#[derive(Serialize)]
struct GroupView<'a> {
    name: &'static str,
    jobs: Vec<JobView<'a>>,
}

#[derive(Serialize)]
struct JobView<'a> {
    number: usize,
    key: &'a str,
    prow_job: Option<&'a str>,
    optional: bool,
    upgrade: bool,
    disabled: bool,
    max_retries: Option<i64>,
    notes: Vec<String>,
}

pub(crate) fn run(globals: &Globals, root: Option<&Path>, args: &ListArgs) -> Result<u8, Failure> {
    let place = place::find(root, &args.file)?;
    let config = place.config()?;
    let operation = args.operation.unwrap_or(Operation::Aggregate);
    let groups = candidates(&place.file, &config, operation)?;
    let view = view(&place.file, &groups);
    output::show(globals.output, "payload-jobs", &view, || {
        if groups.is_empty() {
            return format!("{}\n\n{}\n", place.file, nothing(&config, operation));
        }
        let width = Width::of_stdout();
        if operation != Operation::Aggregate {
            return told(&place.file, &groups, globals.output, width);
        }
        let buys = width.fill(&format!("Aggregating a job buys {}", power::buys(COUNT)));
        format!("{}\n{buys}\n", told(&place.file, &groups, globals.output, width))
    })?;
    Ok(0)
}

/// The list as it is shown before a question, so as wide as stderr.
pub(crate) fn table(file: &str, groups: &[Group], format: Format) -> String {
    told(file, groups, format, Width::of_stderr())
}

fn told(file: &str, groups: &[Group], format: Format, width: Width) -> String {
    let detail = if format == Format::Wide { Detail::All } else { Detail::Usual };
    format!("{file}\n\n{}", rows(groups, detail, width))
}

/// Why a list is empty.
pub(crate) fn nothing(config: &Config, operation: Operation) -> String {
    let verb = match operation {
        Operation::Aggregate => "aggregate",
        Operation::Deaggregate => "deaggregate",
        Operation::Promote => "promote",
        Operation::Demote => "demote",
    };
    match config.verify() {
        None => format!("nothing to {verb}: the file has no verify section"),
        Some(_) => format!("nothing to {verb}: {}", operation.nothing(config.entries().len())),
    }
}

fn view<'a>(file: &'a str, groups: &'a [Group]) -> ListView<'a> {
    let job = |job: &'a Listed| JobView {
        number: job.number,
        key: &job.key,
        prow_job: job.prow_job.as_deref(),
        optional: job.optional,
        upgrade: job.upgrade,
        disabled: job.disabled,
        max_retries: job.max_retries,
        notes: job.notes.iter().map(ToString::to_string).collect(),
    };
    let groups = groups
        .iter()
        .map(|group| GroupView { name: group.name(), jobs: group.jobs.iter().map(job).collect() });
    ListView { file, groups: groups.collect() }
}

/// How much a table tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What one needs to choose.
    Usual,
    /// Retries and the kind of each job too.
    All,
}

/// The columns that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// A terminal's.
    Columns(usize),
    /// Nobody reads it on a terminal: a line a job.
    Endless,
}

impl Width {
    /// What stdout has.
    fn of_stdout() -> Self {
        Self::of(std::io::stdout().is_terminal().then(|| terminal_size::terminal_size_of(std::io::stdout())))
    }

    /// What stderr has, where questions are asked.
    fn of_stderr() -> Self {
        Self::of(std::io::stderr().is_terminal().then(|| terminal_size::terminal_size_of(std::io::stderr())))
    }

    /// Of a terminal, which may tell its size; none is no terminal.
    fn of(terminal: Option<Option<(terminal_size::Width, terminal_size::Height)>>) -> Self {
        match terminal {
            None => Self::Endless,
            Some(Some((terminal_size::Width(columns), _))) if columns > 0 => {
                Self::Columns(usize::from(columns))
            }
            Some(_) => Self::Columns(80),
        }
    }

    /// A text in lines that are not wider, broken between words.
    fn fill(self, text: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.holds(line.width() + 1 + word.width()) => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines.join("\n")
    }

    const fn holds(self, columns: usize) -> bool {
        match self {
            Self::Columns(there) => columns <= there,
            Self::Endless => true,
        }
    }
}

/// The groups under their headings. A job takes a line; where that is wider than the terminal, the Prow job stands below its
/// key, since neither may be cut: both are there to be copied. Notes that do not fit stand below as well.
fn rows(groups: &[Group], detail: Detail, width: Width) -> String {
    let jobs = || groups.iter().flat_map(|group| &group.jobs);
    let number_width = jobs().map(|job| job.number.to_string().len()).max().unwrap_or(1);
    let indent = number_width + 4;
    let key_width = jobs().map(|job| job.key.width()).max().unwrap_or(0);
    let job_width = jobs().map(|job| shown(job).width()).max().unwrap_or(0);
    let job_beside_key = width.holds(indent + key_width + 2 + job_width);
    let mut out = String::new();
    for group in groups {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", group.name()));
        for job in &group.jobs {
            let notes = notes(job, detail);
            let number = job.number;
            let mut line = format!("  {number:>number_width$}  {:key_width$}  ", job.key);
            if job_beside_key {
                line.push_str(&format!("{:job_width$}  ", shown(job)));
            }
            let below = if width.holds(line.width() + notes.width()) {
                line.push_str(&notes);
                ""
            } else {
                notes.as_str()
            };
            push_line(&mut out, &line);
            if !job_beside_key {
                push_line(&mut out, &format!("{:indent$}{}", "", shown(job)));
            }
            if !below.is_empty() {
                push_line(&mut out, &format!("{:indent$}{below}", ""));
            }
        }
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

fn shown(job: &Listed) -> &str {
    job.prow_job.as_deref().unwrap_or("-")
}

fn notes(job: &Listed, detail: Detail) -> String {
    let mut notes: Vec<String> = Vec::new();
    if detail == Detail::All {
        if !job.optional {
            notes.push("blocking".to_owned());
        }
        if job.upgrade {
            notes.push("upgrade".to_owned());
        }
        match job.max_retries {
            None => notes.push("no maxRetries".to_owned()),
            Some(retries) => notes.push(format!("maxRetries {retries}")),
        }
    }
    // What a person has to know is not hidden behind what is usual.
    notes.splice(0..0, job.notes.iter().map(ToString::to_string));
    notes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(verify: &str) -> Config {
        Config::parse(format!(r#"{{"name": "4.21.0-0.nightly", "verify": {{{verify}}}}}"#)).unwrap()
    }

    fn groups() -> Vec<Group> {
        list_where(
            &config(
                r#""aws-ovn-upgrade-micro": {"upgrade": true, "maxRetries": 3, "prowJob": {"name": "periodic-e2e-aws-ovn-upgrade"}},
            "aggregated-aws-ovn-upgrade-4.21-micro": {"prowJob": {"name": "periodic-e2e-aws-ovn-upgrade"},
              "aggregatedProwJob": {"analysisJobCount": 10}},
            "cnv-conformance": {"optional": true, "disabled": true, "prowJob": {"name": "periodic-azure-deploy-cnv"}},
            "odd-one": {}"#,
            ),
            |entry| Operation::Aggregate.applies(entry),
        )
    }

    #[test]
    fn a_wide_terminal_shows_a_line_a_job() {
        insta::assert_snapshot!(rows(&groups(), Detail::Usual, Width::Endless), @"
        AWS
          1  aws-ovn-upgrade-micro  periodic-e2e-aws-ovn-upgrade  same job as aggregated-aws-ovn-upgrade-4.21-micro (live)

        Azure
          2  cnv-conformance        periodic-azure-deploy-cnv     informing, disabled

        Other & specialised
          3  odd-one                -                             has no Prow job
        ");
    }

    #[test]
    fn a_narrower_one_puts_below_what_does_not_fit() {
        insta::assert_snapshot!(rows(&groups(), Detail::Usual, Width::Columns(80)), @"
        AWS
          1  aws-ovn-upgrade-micro  periodic-e2e-aws-ovn-upgrade
             same job as aggregated-aws-ovn-upgrade-4.21-micro (live)

        Azure
          2  cnv-conformance        periodic-azure-deploy-cnv     informing, disabled

        Other & specialised
          3  odd-one                -                             has no Prow job
        ");
        insta::assert_snapshot!(rows(&groups(), Detail::Usual, Width::Columns(50)), @"
        AWS
          1  aws-ovn-upgrade-micro
             periodic-e2e-aws-ovn-upgrade
             same job as aggregated-aws-ovn-upgrade-4.21-micro (live)

        Azure
          2  cnv-conformance        informing, disabled
             periodic-azure-deploy-cnv

        Other & specialised
          3  odd-one                has no Prow job
             -
        ");
    }

    #[test]
    fn a_sentence_is_broken_between_words() {
        assert_eq!(Width::Columns(9).fill("a job runs several times"), "a job\nruns\nseveral\ntimes");
        assert_eq!(Width::Columns(4).fill("unbreakable words"), "unbreakable\nwords");
        assert_eq!(Width::Endless.fill("a job  runs"), "a job runs");
    }

    #[test]
    fn the_wide_form_tells_kind_and_retries() {
        insta::assert_snapshot!(rows(&groups(), Detail::All, Width::Endless), @"
        AWS
          1  aws-ovn-upgrade-micro  periodic-e2e-aws-ovn-upgrade  same job as aggregated-aws-ovn-upgrade-4.21-micro (live), blocking, upgrade, maxRetries 3

        Azure
          2  cnv-conformance        periodic-azure-deploy-cnv     informing, disabled, no maxRetries

        Other & specialised
          3  odd-one                -                             has no Prow job, blocking, no maxRetries
        ");
    }

    #[test]
    fn an_empty_list_says_why() {
        let single = r#""aggregated-x": {"aggregatedProwJob": {"analysisJobCount": 10}}"#;
        let why = |config: &Config| nothing(config, Operation::Aggregate);
        insta::assert_snapshot!(why(&config(single)), @"nothing to aggregate: the only job is aggregated already");
        insta::assert_snapshot!(why(&config(&format!("{single}, {}", single.replace('x', "y")))), @"nothing to aggregate: each of the 2 jobs is aggregated already");
        insta::assert_snapshot!(why(&config("")), @"nothing to aggregate: verify is empty");
        insta::assert_snapshot!(why(&Config::parse("{}").unwrap()), @"nothing to aggregate: the file has no verify section");
        insta::assert_snapshot!(nothing(&config(single), Operation::Promote), @"nothing to promote: the only job is blocking already");
    }
}
