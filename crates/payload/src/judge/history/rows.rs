//! What a row says, whatever kind of file it stands in.

use super::{History, Past, Spread, TestId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: Option<u64>,
    pub(super) why: String,
}

/// A field that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Suite,
    Name,
    Passes,
    Flakes,
    Failures,
    Runs,
    /// Of passes and flakes.
    WorkingPercent,
    /// Of whatever the writer means by it.
    Percent,
    HistoryRuns,
    Backend,
    Seconds,
    Mean,
    StandardDeviation,
    P70,
    P85,
    P95,
}

impl Field {
    /// By its name or another that tables in use have.
    pub(super) fn named(name: &str) -> Option<Self> {
        let plain: String =
            name.trim().chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
        Some(match plain.as_str() {
            "suite" | "testsuite" | "suitename" | "testsuitename" => Self::Suite,
            "name" | "testname" | "test" => Self::Name,
            "passes" | "passcount" => Self::Passes,
            "flakes" | "flakecount" => Self::Flakes,
            "failures" | "fails" | "failcount" => Self::Failures,
            "runs" | "total" | "totalcount" | "attempts" | "attemptcount" => Self::Runs,
            "workingpercentage" => Self::WorkingPercent,
            "percent" | "percentage" | "passpercentage" => Self::Percent,
            "historyruns" => Self::HistoryRuns,
            "backend" | "backendname" => Self::Backend,
            "seconds" => Self::Seconds,
            "mean" => Self::Mean,
            "standarddeviation" | "stddev" => Self::StandardDeviation,
            "p70" => Self::P70,
            "p85" => Self::P85,
            "p95" => Self::P95,
            _ => return None,
        })
    }
}

/// A value as it is written, under the name that the file has for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given<'a> {
    pub(super) called: &'a str,
    pub(super) value: Written<'a>,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written<'a> {
    Text(&'a str),
    /// A number or what should be one.
    Number(String),
    List(Vec<f64>),
    /// Anything else, as people are told.
    Other(String),
}

/// The fields of one row.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    fields: HashMap<Field, Given<'a>>,
}

impl<'a> Row<'a> {
    /// Takes a field; those that mean nothing are passed over.
    pub(super) fn take(&mut self, called: &'a str, value: Written<'a>) -> Result<(), String> {
        match Field::named(called) {
            Some(field) => self.take_field(field, called, value),
            None => Ok(()),
        }
    }

    pub(super) fn take_field(
        &mut self,
        field: Field,
        called: &'a str,
        value: Written<'a>,
    ) -> Result<(), String> {
        match self.fields.entry(field) {
            Entry::Occupied(before) => {
                Err(format!("`{called}` stands beside `{}`, which is the same", before.get().called))
            }
            Entry::Vacant(free) => {
                free.insert(Given { called, value });
                Ok(())
            }
        }
    }

    /// A percentage, also with its sign.
    fn percent(&self, field: Field) -> Result<Option<f64>, String> {
        let expected = "a percentage from 0 to 100";
        let Some(given) = self.fields.get(&field) else { return Ok(None) };
        let Written::Text(text) = given.value else { return self.number(field, 100.0, expected) };
        let number = text.trim().trim_end_matches('%').trim_end().parse::<f64>();
        match number {
            Ok(number) if (0.0..=100.0).contains(&number) => Ok(Some(number)),
            _ => Err(given.expected(expected)),
        }
    }

    fn has(&self, field: Field) -> bool {
        self.fields.contains_key(&field)
    }

    fn text(&self, field: Field) -> Result<Option<&'a str>, String> {
        match self.fields.get(&field) {
            None => Ok(None),
            Some(Given { value: Written::Text(text), .. }) => Ok(Some(text)),
            Some(given) => Err(given.expected("a text")),
        }
    }

    /// A number from 0 to a bound.
    fn number(&self, field: Field, max: f64, expected: &str) -> Result<Option<f64>, String> {
        let Some(given) = self.fields.get(&field) else { return Ok(None) };
        let written = match &given.value {
            Written::Text(text) => text.trim(),
            Written::Number(number) => number.as_str(),
            _ => return Err(given.expected(expected)),
        };
        match written.parse::<f64>() {
            Ok(number) if (0.0..=max).contains(&number) => Ok(Some(number)),
            _ => Err(given.expected(expected)),
        }
    }

    /// A whole number; `12.0` is one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range and whole"
    )]
    fn count(&self, field: Field) -> Result<Option<u32>, String> {
        let expected = "a whole number from 0";
        let number = self.number(field, f64::from(u32::MAX), expected)?;
        match number {
            Some(number) if number.fract() != 0.0 => Err(self.fields[&field].expected(expected)),
            number => Ok(number.map(|number| number as u32)),
        }
    }
}

impl Given<'_> {
    fn expected(&self, expected: &str) -> String {
        let found = match &self.value {
            Written::Text(text) if text.trim().is_empty() => "empty".to_owned(),
            Written::Text(text) => format!("{text:?}"),
            Written::Number(number) => number.clone(),
            Written::List(_) => "a list".to_owned(),
            Written::Other(what) => what.clone(),
        };
        format!("`{}` is {found}, where {expected} is expected", self.called)
    }
}

/// All rows of a file.
#[derive(Debug, Default)]
pub(super) struct Collected {
    tests: HashMap<TestId, Past>,
    /// The place of each test.
    places: HashMap<TestId, Place>,
    /// The line being read, where a row is a line.
    pub(super) line: Option<u64>,
    backends: HashMap<String, Backend>,
    runs: Option<u32>,
    never_run: u64,
    /// Tests whose total is not the sum of what it is made of.
    summed: u64,
}

/// Where a test stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Line(u64),
    /// The place in the list of tests, from 1.
    InList(usize),
}

#[derive(Debug)]
enum Backend {
    Seen(Vec<f64>),
    Known(Spread),
}

impl Collected {
    /// Takes a row of any kind.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), String> {
        if row.has(Field::HistoryRuns) {
            self.runs = row.count(Field::HistoryRuns)?;
            return Ok(());
        }
        if row.has(Field::Backend) { self.add_backend(row) } else { self.add_test(row) }
    }

    fn add_test(&mut self, row: &Row<'_>) -> Result<(), String> {
        let name = match row.text(Field::Name)? {
            Some(name) if !name.trim().is_empty() => name,
            Some(_) => return Err("`name` is empty, where the name of a test is expected".to_owned()),
            None => return Err("has no `name`, where the name of a test is expected".to_owned()),
        };
        let of_test = |why: String| format!("{why} (test `{name}`)");
        let suite = row.text(Field::Suite)?.unwrap_or_default();
        let (past, total) = past(row).map_err(of_test)?;
        self.summed += u64::from(total == Total::ReplacedBySum);
        let id = TestId { suite: suite.to_owned(), name: name.to_owned() };
        let place = self.line.map_or(Place::InList(self.places.len() + 1), Place::Line);
        if let Some(first) = self.places.insert(id.clone(), place) {
            let of_suite = if suite.is_empty() { String::new() } else { format!(" of the suite `{suite}`") };
            let first = match first {
                Place::Line(line) => format!("in line {line}"),
                Place::InList(number) => format!("as number {number} of the tests"),
            };
            return Err(format!("the test `{name}`{of_suite} stands twice, first {first}"));
        }
        match past {
            Past::Counts { runs: 0, .. } => self.never_run += 1,
            past => {
                self.tests.insert(id, past);
            }
        }
        Ok(())
    }

    fn add_backend(&mut self, row: &Row<'_>) -> Result<(), String> {
        let name = match row.text(Field::Backend)? {
            Some(name) if !name.trim().is_empty() => name,
            _ => return Err("`backend` is empty, where the name of a backend is expected".to_owned()),
        };
        let of_backend = |why: String| format!("{why} (backend `{name}`)");
        let backend = match row.fields.get(&Field::Seconds) {
            Some(Given { value: Written::List(seconds), .. }) => Backend::Seen(seconds.clone()),
            Some(given) => return Err(of_backend(given.expected("a list of seconds"))),
            None => {
                let number = |field: Field, called: &str| {
                    row.number(field, f64::MAX, "a number of seconds from 0")?
                        .ok_or_else(|| format!("has no `{called}`, and no list `seconds` either"))
                };
                let known = || {
                    Ok(Spread {
                        mean: number(Field::Mean, "mean")?,
                        standard_deviation: number(Field::StandardDeviation, "standard_deviation")?,
                        p70: number(Field::P70, "p70")?,
                        p85: number(Field::P85, "p85")?,
                        p95: number(Field::P95, "p95")?,
                    })
                };
                Backend::Known(known().map_err(of_backend)?)
            }
        };
        match self.backends.insert(name.to_owned(), backend) {
            None => Ok(()),
            Some(_) => Err(format!("the backend `{name}` stands twice")),
        }
    }

    /// What the rows say together.
    pub(super) fn into_history(self) -> Result<History, Wrong> {
        if self.places.is_empty() && self.backends.is_empty() {
            let why = "holds no test, where one a row is expected".to_owned();
            return Err(Wrong { line: None, why });
        }
        let mut history = History { tests: self.tests, runs: self.runs, ..History::default() };
        if self.never_run > 0 {
            history.notes.push(format!(
                "tests without a run in the history, which are taken for new: {}",
                self.never_run
            ));
        }
        if self.summed > 0 {
            history.notes.push(format!(
                "tests whose passes, flakes and failures do not add up to their runs, so that the sum was taken (a total \
                 may have skips in it): {}",
                self.summed
            ));
        }
        if !history.tests.is_empty() && history.tests.keys().all(|id| id.suite.is_empty()) {
            history.notes.push(
                "no row of the history names a suite, so each counts for the test of its name in every suite"
                    .to_owned(),
            );
        }
        let mut backends: Vec<(String, Backend)> = self.backends.into_iter().collect();
        backends.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, backend) in backends {
            match backend {
                Backend::Known(spread) => {
                    history.disruption.insert(name, spread);
                }
                Backend::Seen(seconds) => history.add_disruption(name, seconds),
            }
        }
        Ok(history)
    }
}

/// Whether the total that a row gives is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Total {
    Taken,
    /// It is another than the sum of passes, flakes and failures.
    ReplacedBySum,
}

/// Counts where there are any, else the percentage.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 100")]
fn past(row: &Row<'_>) -> Result<(Past, Total), String> {
    let passed = row.count(Field::Passes)?;
    let flaked = row.count(Field::Flakes)?;
    let failed = row.count(Field::Failures)?;
    let total = row.count(Field::Runs)?;
    let mut percent = None;
    for field in [Field::WorkingPercent, Field::Percent] {
        let number = row.percent(field)?;
        percent = percent.or(number);
    }
    let passes = passed.map(|passed| passed.saturating_add(flaked.unwrap_or(0)));
    let mut taken = Total::Taken;
    let (passes, runs) = match (passes, failed, total) {
        (Some(passes), None, Some(runs)) => (passes, runs),
        (Some(passes), Some(failed), Some(runs)) => {
            let sum = passes.saturating_add(failed);
            if sum != runs {
                taken = Total::ReplacedBySum;
            }
            (passes, sum)
        }
        (Some(passes), Some(failed), None) => (passes, passes.saturating_add(failed)),
        (None, Some(failed), Some(runs)) if failed <= runs => (runs - failed, runs),
        (None, Some(failed), Some(runs)) => {
            return Err(format!("has more failures ({failed}) than runs ({runs})"));
        }
        _ => {
            return match percent {
                Some(percent) => Ok((Past::Percentage { percent: percent as u8 }, taken)),
                None => {
                    Err("has neither counts nor a percentage: `passes` and `runs` are expected, or `passes` \
                             and `failures`, or `percent`"
                        .to_owned())
                }
            };
        }
    };
    if passes > runs {
        return Err(match flaked {
            Some(flaked) if flaked > 0 => {
                format!("has more passes ({}) and flakes ({flaked}) than runs ({runs})", passes - flaked)
            }
            _ => format!("has more passes ({passes}) than runs ({runs})"),
        });
    }
    Ok((Past::Counts { passes, runs }, taken))
}
