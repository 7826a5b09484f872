//! How a build stands by its result file's flags alone: what production's own aggregator concluded.
//!
//! | `manual_promotion` | `aggregated` | `accepted` | standing |
//! | --- | --- | --- | --- |
//! | true | any | any | promoted by hand: accepted by a recorded waiver |
//! | – | absent | any | running |
//! | – | false | any | to be aggregated again |
//! | – | true | true | accepted, if there is a job at all |
//! | – | true | false | rejected |
//! | – | true | absent | unreadable |

use regatta_kit::OutsideText;

use crate::file::{Outcome, ResultFile, RunState};

/// How a build stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Its tests are under way.
    Running,
    /// A person asked for the results to be aggregated again.
    Reaggregating,
    /// Every required job passed.
    Accepted,
    /// A person accepted it whatever the tests say.
    PromotedByHand,
    /// A required job failed.
    Rejected {
        /// The jobs that did not pass, in file order; may be empty where the file does not tell.
        failed_jobs: Vec<FailedJob>,
    },
    /// The file contradicts itself or lacks what its flags speak of.
    Unreadable {
        /// What is wrong.
        why: String,
    },
}

/// A job that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FailedJob {
    /// The Prow job's name, safe to show.
    pub name: String,
    /// How each of its runs ended, first one first.
    pub states: Vec<RunState>,
    /// Where a person looks at them.
    pub links: Vec<String>,
}

impl Standing {
    /// How the build of this file stands.
    #[must_use]
    pub fn of(file: &ResultFile) -> Self {
        if file.manual_promotion {
            return Self::PromotedByHand;
        }
        match (file.aggregated, file.accepted) {
            (None, _) => Self::Running,
            (Some(false), _) => Self::Reaggregating,
            (Some(true), Some(true)) if file.jobs.is_empty() => {
                Self::Unreadable { why: "it is accepted without a single job".to_owned() }
            }
            (Some(true), Some(true)) => Self::Accepted,
            (Some(true), Some(false)) => Self::Rejected { failed_jobs: failed(file) },
            (Some(true), None) => {
                Self::Unreadable { why: "it is aggregated, but neither accepted nor rejected".to_owned() }
            }
        }
    }

    /// Whether a gate may open by it.
    #[must_use]
    pub const fn opens(&self) -> bool {
        matches!(self, Self::Accepted | Self::PromotedByHand)
    }
}

fn failed(file: &ResultFile) -> Vec<FailedJob> {
    let bad = file.jobs.iter().filter(|job| job.outcome() != Outcome::Passed);
    bad.map(|job| FailedJob {
        name: OutsideText::line(&job.name, 150).to_string(),
        states: job.runs().map(|run| run.state.clone()).collect(),
        links: job.runs().filter_map(|run| run.url.clone()).collect(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Job, Run};
    use proptest::prelude::*;

    fn standing(text: &str) -> Standing {
        Standing::of(&ResultFile::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn every_recorded_combination_of_flags_has_its_standing() {
        let job = r#""result":[{"jobName":"a","firstJob":{"jobID":"1","jobState":"failure","jobURL":"https://x.example/1"}}]"#;
        assert_eq!(standing(&format!("{{{job}}}")), Standing::Running);
        assert_eq!(standing(&format!(r#"{{{job},"aggregated":true,"accepted":true}}"#)), Standing::Accepted);
        assert_eq!(standing(&format!(r#"{{{job},"aggregated":false}}"#)), Standing::Reaggregating);
        for flags in [
            r#""aggregated":true,"accepted":false"#,
            r#""aggregated":true,"accepted":true"#,
            r#""aggregated":false"#,
            r#""accepted":false"#,
        ] {
            assert_eq!(
                standing(&format!(r#"{{{job},{flags},"manual_promotion":true}}"#)),
                Standing::PromotedByHand
            );
        }
        let Standing::Rejected { failed_jobs } =
            standing(&format!(r#"{{{job},"aggregated":true,"accepted":false}}"#))
        else {
            panic!()
        };
        assert_eq!(
            failed_jobs,
            [FailedJob {
                name: "a".to_owned(),
                states: vec![RunState::Failure],
                links: vec!["https://x.example/1".to_owned()]
            }]
        );
    }

    #[test]
    fn a_verdict_without_ground_is_unreadable() {
        assert!(matches!(standing(r#"{"aggregated":true,"accepted":true}"#), Standing::Unreadable { .. }));
        assert!(matches!(
            standing(r#"{"aggregated":true,"result":[{"jobName":"a"}]}"#),
            Standing::Unreadable { .. }
        ));
        assert_eq!(standing(r#"{"accepted":true,"result":[{"jobName":"a"}]}"#), Standing::Running);
        assert_eq!(standing("{}"), Standing::Running);
    }

    fn files() -> impl Strategy<Value = ResultFile> {
        let flag = || proptest::option::of(any::<bool>());
        (flag(), flag(), any::<bool>(), 0usize..3).prop_map(
            |(aggregated, accepted, manual_promotion, jobs)| ResultFile {
                build: String::new(),
                aggregated,
                accepted,
                manual_promotion,
                jobs: (0..jobs)
                    .map(|i| Job {
                        name: i.to_string(),
                        first: Some(Run {
                            id: String::new(),
                            url: None,
                            state: RunState::Success,
                            completed: None,
                        }),
                        retried: vec![],
                    })
                    .collect(),
            },
        )
    }

    proptest! {
        #[test]
        fn empty_or_unset_never_opens_a_gate(file in files()) {
            let standing = Standing::of(&file);
            if standing.opens() && !file.manual_promotion {
                prop_assert!(file.aggregated == Some(true) && file.accepted == Some(true) && !file.jobs.is_empty());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = ResultFile::parse(&bytes).map(|file| (Standing::of(&file), file.summary()));
        }
    }
}
