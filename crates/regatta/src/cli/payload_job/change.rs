//! `regatta payload-job aggregate|deaggregate|promote|demote|add`: one way for all that change a configuration.
//!
//! Choose, plan, warn, show what it buys, write, have the generator follow. Everything that can refuse does so before the
//! first byte is written.

use regatta_payload::add::{NewJob, add as plan_add};
use regatta_payload::aggregate::{COUNT, aggregate as plan_aggregate, deaggregate as plan_deaggregate};
use regatta_payload::caution::{self, Warned};
use regatta_payload::check::jobs::Jobs;
use regatta_payload::gating::{demote as plan_demote, promote as plan_promote};
use regatta_payload::list::Group;
use regatta_payload::operate::{Plan, Refusal};
use regatta_payload::path::PRIVATE_FOLDER;
use regatta_payload::{Config, check, power, private};
use serde::Serialize;
use std::path::Path;

use super::super::Globals;
use super::list::{self, Operation};
use super::place::{self, FileArgs, Place, Talk};
use crate::checkout::file::{self, Original, Written};
use crate::checkout::generator::{self, Made};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::terminal::say;

/// What the operations on entries take.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The entry: its key, or its number in `list --for` this operation; may be given several times (asked for on a
    /// terminal)
    #[arg(long = "job", value_name = "KEY|NUMBER")]
    jobs: Vec<String>,
    /// maxRetries for an entry that has none (a blocking one gets 2 anyway); promote sets it in any case
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10))]
    max_retries: Option<u32>,
    #[command(flatten)]
    how: How,
}

/// What `add` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The Prow job; may be given several times
    #[arg(long = "job", value_name = "PROWJOB")]
    jobs: Vec<String>,
    /// The key of the entry (default: made from the job's name)
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    how: How,
}

/// How a change is made.
#[derive(Debug, clap::Args)]
struct How {
    /// Refuse what today's rules would make one regret, instead of warning
    #[arg(long)]
    strict: bool,
    /// Show what would change, as a unified diff, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave `make release-controllers` out
    #[arg(long)]
    no_make: bool,
    /// With --no-make: write the private counterpart as the generator would
    #[arg(long)]
    write_priv: bool,
}

impl Operation {
    fn plan(self, config: &Config, keys: &[String], retries: Option<u32>) -> Result<Plan, Refusal> {
        match self {
            Self::Aggregate => plan_aggregate(config, keys, retries),
            Self::Deaggregate => plan_deaggregate(config, keys, retries),
            Self::Promote => plan_promote(config, keys, retries),
            Self::Demote => plan_demote(config, keys),
        }
    }
}

pub(crate) fn aggregate(globals: &Globals, root: Option<&Path>, args: &ChangeArgs) -> Result<u8, Failure> {
    change(globals, root, args, Operation::Aggregate)
}

pub(crate) fn deaggregate(globals: &Globals, root: Option<&Path>, args: &ChangeArgs) -> Result<u8, Failure> {
    change(globals, root, args, Operation::Deaggregate)
}

pub(crate) fn promote(globals: &Globals, root: Option<&Path>, args: &ChangeArgs) -> Result<u8, Failure> {
    change(globals, root, args, Operation::Promote)
}

pub(crate) fn demote(globals: &Globals, root: Option<&Path>, args: &ChangeArgs) -> Result<u8, Failure> {
    if args.max_retries.is_some() {
        return Err(Failure::Input(
            "--max-retries: an informing job is not tried again; leave it out".to_owned(),
        ));
    }
    change(globals, root, args, Operation::Demote)
}

pub(crate) fn add(globals: &Globals, root: Option<&Path>, args: &AddArgs) -> Result<u8, Failure> {
    args.how.sound()?;
    if args.key.is_some() && args.jobs.len() > 1 {
        return Err(Failure::Input("--key names one entry; give one --job with it".to_owned()));
    }
    let opened = Opened::of(root, &args.file)?;
    let mut names = args.jobs.clone();
    if names.is_empty() {
        let mut talk = Talk::terminal().ok_or_else(|| missing("--job PROWJOB"))?;
        names.push(talk.ask("Which Prow job?")?);
    }
    let jobs: Vec<NewJob> =
        names.into_iter().map(|prow_job| NewJob { prow_job, key: args.key.clone() }).collect();
    let version = opened.place.wanted.version.to_string();
    let plan = plan_add(&opened.config, &jobs, &version).map_err(|refusal| opened.refused(refusal))?;
    opened.carry_out(globals, &args.how, plan, None)
}

fn change(
    globals: &Globals,
    root: Option<&Path>,
    args: &ChangeArgs,
    operation: Operation,
) -> Result<u8, Failure> {
    args.how.sound()?;
    let opened = Opened::of(root, &args.file)?;
    let groups = list::candidates(&opened.place.file, &opened.config, operation)?;
    let keys =
        if args.jobs.is_empty() { opened.ask(&groups, operation)? } else { chosen(&groups, &args.jobs)? };
    let plan =
        operation.plan(&opened.config, &keys, args.max_retries).map_err(|refusal| opened.refused(refusal))?;
    opened.carry_out(globals, &args.how, plan, Some(operation))
}

impl How {
    fn sound(&self) -> Result<(), Failure> {
        if self.write_priv && !self.no_make {
            return Err(Failure::Input(
                "--write-priv goes with --no-make: otherwise the generator writes the private files"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

fn missing(what: &str) -> Failure {
    Failure::Input(format!("{what} is missing, and there is no terminal to ask on"))
}

/// Keys from keys, numbers and ranges of numbers. A key that the list does not have goes on as it is: it may be as asked
/// already.
fn chosen(groups: &[Group], words: &[String]) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    for word in words {
        if word.trim().is_empty() {
            return Err(Failure::Input("--job is empty; name a key or a number of the list".to_owned()));
        }
        match place::named(groups, word) {
            Ok(numbers) => keys.extend(keys_of(groups, &numbers)),
            Err(why) if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
                return Err(Failure::Input(format!("--job {why}")));
            }
            Err(_) => keys.push(word.clone()),
        }
    }
    Ok(keys)
}

/// The keys of jobs, in the order of the numbers given.
fn keys_of(groups: &[Group], numbers: &[usize]) -> Vec<String> {
    let jobs = || groups.iter().flat_map(|group| &group.jobs);
    let of_number = |number: &usize| jobs().find(|job| job.number == *number).map(|job| job.key.clone());
    numbers.iter().filter_map(of_number).collect()
}

/// A configuration that is about to change.
struct Opened {
    place: Place,
    config: Config,
}

impl Opened {
    fn of(root: Option<&Path>, args: &FileArgs) -> Result<Self, Failure> {
        let place = place::find(root, args)?;
        let config = place.config()?;
        Ok(Self { place, config })
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        let told = format!("{}: {refusal}", self.place.file);
        match refusal {
            Refusal::Unproved { .. } => Failure::Internal(told),
            _ if told.ends_with('?') => Failure::Input(format!("{told} Nothing was changed.")),
            _ => Failure::Input(format!("{told}; nothing was changed")),
        }
    }

    /// Shows the list and asks.
    fn ask(&self, groups: &[Group], operation: Operation) -> Result<Vec<String>, Failure> {
        let mut talk = Talk::terminal().ok_or_else(|| missing("--job KEY|NUMBER"))?;
        // Nobody chooses what cannot be written then.
        self.place.original.may_be_replaced()?;
        if groups.is_empty() {
            let why = list::nothing(&self.config, operation);
            return Err(Failure::Input(format!("{}: {why}; nothing was changed", self.place.file)));
        }
        talk.say(list::table(&self.place.file, groups, Format::Table).trim_end());
        let numbers = talk.ask_jobs(groups)?;
        if numbers.is_empty() {
            return Err(place::nothing_chosen());
        }
        Ok(keys_of(groups, &numbers))
    }

    /// Warns, writes, has the generator follow, and says what came of it.
    fn carry_out(
        &self,
        globals: &Globals,
        how: &How,
        plan: Plan,
        operation: Option<Operation>,
    ) -> Result<u8, Failure> {
        let after = Config::parse(plan.text.as_str())
            .map_err(|error| Failure::Internal(format!("the planned file is broken: {error}")))?;
        let warnings = self.warnings(&after, &plan);
        for warning in &warnings {
            let Warning { key, rule, message, source } = warning;
            say(&format!("warning: {key} {message} [{rule}; {source}]"));
        }
        let talkative = !globals.quiet;
        let aggregating = operation == Some(Operation::Aggregate) && !plan.changed.is_empty();
        let mut report = Report {
            file: &self.place.file,
            changed: &plan.changed,
            unchanged: &plan.unchanged,
            warnings: &warnings,
            files_changed: Vec::new(),
            make: Made::skipped(),
            dry_run: how.dry_run,
            buys: aggregating.then(|| power::buys(COUNT)),
            diff: None,
        };
        if how.strict && !warnings.is_empty() {
            let refused = warnings.iter().map(|warning| warning.rule).collect::<Vec<_>>().join(", ");
            report.changed = &[];
            report.show(globals, "")?;
            return Err(Failure::Failed(format!("refused by --strict ({refused}); nothing was changed")));
        }
        if aggregating && talkative {
            self.tell_what_it_buys(&plan);
        }
        let private = self.private(&after, how)?;
        let written = private.as_ref().filter(|_| how.write_priv);
        // Whatever forbids the change is told before it is shown as possible.
        if !plan.changed.is_empty() {
            self.place.original.may_be_replaced()?;
        }
        if let Some(private) = written
            && private.as_it_is() != Some(private.text.as_bytes())
        {
            private.original.may_be_replaced()?;
        }
        if how.dry_run {
            report.diff = Some(self.diff(&plan, written));
            return report.show(globals, &self.told(&plan, how));
        }
        let mut files = vec![(&self.place.file, &self.place.original, plan.text.as_bytes())];
        files.extend(written.map(|private| (&private.file, &private.original, private.text.as_bytes())));
        let replaced: Vec<(&Original, &[u8])> =
            files.iter().map(|(_, original, text)| (*original, *text)).collect();
        for ((file, _, _), outcome) in files.iter().zip(file::replace_all(&replaced)?) {
            if outcome != Written::Unchanged {
                report.files_changed.push((*file).clone());
            }
        }
        if !how.no_make && !plan.changed.is_empty() {
            let talk = if talkative { generator::Talk::Streamed } else { generator::Talk::Quiet };
            report.make = generator::make(&self.place.root, talk);
        }
        if let Some(private) = &private {
            let now = std::fs::read(self.place.root.join(&private.file)).ok();
            let moved = now.as_deref() != private.as_it_is();
            if report.make.ran && moved {
                report.files_changed.push(private.file.clone());
            }
            let as_it_should_be = now.as_deref() == Some(private.text.as_bytes());
            if talkative && report.make.failed.is_none() && !as_it_should_be {
                say(&match (report.make.ran, moved) {
                    (true, true) => private.otherwise(),
                    _ => private.stale(),
                });
            }
        }
        let failed = report.make.outcome();
        report.show(globals, &self.told(&plan, how))?;
        failed?;
        if aggregating && talkative {
            say(&ended(&plan, &after));
        }
        Ok(0)
    }

    /// What to know of the changed entries, and every error by the controller's rules that the file did not have before.
    fn warnings(&self, after: &Config, plan: &Plan) -> Vec<Warning> {
        let mut warnings: Vec<Warning> =
            caution::cautions(after, &plan.changed).into_iter().map(Warning::from).collect();
        let errors = |config: &Config| {
            let mut found = check::config(&self.place.file, check::Origin::Public, config);
            found.retain(|finding| finding.level == check::Level::Error);
            found
        };
        let before: Vec<String> = errors(&self.config).into_iter().map(|finding| finding.message).collect();
        for finding in errors(after) {
            let known = before.contains(&finding.message)
                || warnings.iter().any(|warning| warning.rule == finding.rule.id);
            if !known {
                warnings.push(Warning {
                    key: finding.entry.unwrap_or_else(|| self.place.file.clone()),
                    rule: finding.rule.id,
                    message: finding.message,
                    source: finding.rule.source,
                });
            }
        }
        // What is new is looked up, where the jobs are at hand.
        let new: Vec<&str> =
            plan.changed.iter().filter(|c| c.from.is_empty()).map(|c| c.to.as_str()).collect();
        if !new.is_empty()
            && let Some(jobs) = Jobs::of_checkout(&self.place.root)
        {
            let subject = check::Subject::public(self.place.file.clone(), plan.text.as_bytes());
            for finding in check::check(&[subject], Some(&jobs)).findings {
                let key =
                    new.iter().find(|key| finding.entry.as_ref().is_some_and(|entry| entry.ends_with(**key)));
                if let Some(key) = key.filter(|_| finding.rule.id == "missing-prow-job") {
                    warnings.push(Warning {
                        key: (*key).to_owned(),
                        rule: finding.rule.id,
                        message: finding.message,
                        source: finding.rule.source,
                    });
                }
            }
        }
        warnings
    }

    /// The private counterpart as it should be after the change, where the file has one.
    fn private(&self, after: &Config, how: &How) -> Result<Option<Private>, Failure> {
        let name = self.place.wanted.file_name();
        if !private::eligible(&name) {
            if how.write_priv {
                say(&format!(
                    "{}: only nightly files have a private counterpart; none is written",
                    self.place.file
                ));
            }
            return Ok(None);
        }
        let text =
            private::derive(after).map_err(|why| Failure::Input(format!("{}: {why}", self.place.file)));
        let text = match text {
            Ok(text) => text,
            Err(failure) if how.write_priv => return Err(failure),
            // The generator will say so itself.
            Err(_) => return Ok(None),
        };
        let file = format!("{PRIVATE_FOLDER}/{name}");
        let original = Original::read_or_absent(&self.place.root, &self.place.root.join(&file));
        match original {
            Ok(original) => Ok(Some(Private { file, text, original })),
            Err(error) if how.write_priv => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    fn tell_what_it_buys(&self, plan: &Plan) {
        say(&power::buys(COUNT).to_string());
        for change in
            plan.changed.iter().filter(|change| caution::leaves_stable_streams(&self.config, change))
        {
            say(&format!(
                "Note: the stable stream ran {} as an informing job; it takes over no aggregated jobs.",
                change.from
            ));
        }
    }

    /// Unified diffs of all files that Regatta itself would write.
    fn diff(&self, plan: &Plan, private: Option<&Private>) -> String {
        let mut out = unified(&self.place.file, self.config.text().source(), &plan.text);
        if let Some(private) = private {
            let before = String::from_utf8_lossy(private.as_it_is().unwrap_or_default());
            out.push_str(&unified(&private.file, &before, &private.text));
        }
        out
    }

    /// What is said of the entries.
    fn told(&self, plan: &Plan, how: &How) -> String {
        let mut lines = Vec::new();
        for change in &plan.changed {
            let what = match (change.from.as_str(), change.to.as_str()) {
                ("", to) => format!("{to} added"),
                (from, to) if from == to => to.to_owned(),
                (from, to) => format!("{from} -> {to}"),
            };
            lines.push(format!("{what}: {}", change.also.join(", ")));
        }
        lines.extend(plan.unchanged.iter().map(|word| format!("unchanged: {word}")));
        if how.dry_run && !plan.changed.is_empty() {
            lines.push(if how.no_make {
                "dry run: nothing was changed".to_owned()
            } else {
                "dry run: nothing was changed; otherwise `make release-controllers` would follow".to_owned()
            });
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The private counterpart of a configuration.
struct Private {
    /// From the checkout on.
    file: String,
    /// As it should be.
    text: String,
    /// As it is.
    original: Original,
}

impl Private {
    /// What there was of it.
    fn as_it_is(&self) -> Option<&[u8]> {
        self.original.existed().then(|| self.original.bytes())
    }

    /// It is not what the changed file asks for.
    fn stale(&self) -> String {
        let state = if self.original.existed() { "is stale now" } else { "does not exist yet" };
        format!(
            "Note: {} {state}: run `make release-controllers`, or this again with --no-make --write-priv.",
            self.file
        )
    }

    /// The generator has other rules by now.
    fn otherwise(&self) -> String {
        format!(
            "Note: the generator wrote {} otherwise than the rule known here; what it wrote stands.",
            self.file
        )
    }
}

/// The last word on a conversion.
fn ended(plan: &Plan, after: &Config) -> String {
    let disabled = |key: &str| after.entry(key).is_some_and(|entry| entry.disabled);
    match plan.changed.as_slice() {
        [one] if disabled(&one.to) => format!(
            "{} will run {COUNT} times on each payload once it is enabled, and its runs are judged statistically then.",
            one.to
        ),
        [one] => format!(
            "{} now runs {COUNT} times on each payload, and its runs are judged statistically.",
            one.to
        ),
        several => {
            let off = several.iter().filter(|change| disabled(&change.to)).count();
            let off = if off == 0 { String::new() } else { format!(" ({off} of them once enabled)") };
            format!(
                "These {} jobs now run {COUNT} times each on every payload{off}, and their runs are judged statistically.",
                several.len()
            )
        }
    }
}

/// What to know of a changed entry.
#[derive(Serialize)]
struct Warning {
    key: String,
    rule: &'static str,
    message: String,
    source: &'static str,
}

impl From<Warned> for Warning {
    fn from(warned: Warned) -> Self {
        let Warned { key, caution } = warned;
        Self { key, rule: caution.rule(), message: caution.to_string(), source: caution.source() }
    }
}

/// What came of it, for scripts.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a str,
    changed: &'a [regatta_payload::operate::Change],
    unchanged: &'a [String],
    warnings: &'a [Warning],
    files_changed: Vec<String>,
    make: Made,
    dry_run: bool,
    /// What the runs of an aggregated job buy.
    #[serde(skip_serializing_if = "Option::is_none")]
    buys: Option<power::Buys>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

impl Report<'_> {
    fn show(&self, globals: &Globals, told: &str) -> Result<u8, Failure> {
        output::show(globals.output, "payload-job", self, || match &self.diff {
            Some(diff) => {
                // The diff is the data; what is said of it is talk.
                if !globals.quiet {
                    say(told.trim_end());
                }
                diff.clone()
            }
            None => told.to_owned(),
        })?;
        Ok(0)
    }
}

/// A unified diff, as `patch` and `git apply` take it; empty where nothing differs.
fn unified(file: &str, before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{file}"), &format!("b/{file}"))
        .to_string()
}
