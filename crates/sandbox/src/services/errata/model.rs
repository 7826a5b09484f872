//! What the Errata Tool keeps: advisories and their push jobs.

use jiff::{SignedDuration, Timestamp};

use crate::delays::Quantiles;
use crate::services::catalogue;
use crate::services::people::Person;
use crate::services::wire::number_of;
use crate::world::World;

/// Pushing to stage takes 30 to 60 minutes (specification, task list), minutes.
const PUSH_MINUTES: Quantiles = Quantiles([30.0, 36.0, 44.0, 52.0, 60.0]);
/// A push job stays READY this long before a worker takes it.
const READY_FOR: SignedDuration = SignedDuration::from_mins(2);
/// Then it prepares this long before it waits for Pub.
const RUNS_FOR: SignedDuration = SignedDuration::from_mins(10);

pub(super) struct State {
    pub(super) advisories: Vec<Advisory>,
    pub(super) next_push_id: u64,
}

impl State {
    pub(super) fn new(world: &World) -> Self {
        let scenario = world.scenario();
        let advisories =
            scenario.advisories.iter().map(|(kind, id)| Advisory::new(world, kind, *id)).collect();
        Self { advisories, next_push_id: 640_000 + number_of(&scenario.release.to_string(), 50_000) }
    }

    pub(super) fn advisory(&self, id: &str) -> Option<&Advisory> {
        self.advisories.iter().find(|advisory| advisory.is(id))
    }

    pub(super) fn advisory_mut(&mut self, id: &str) -> Option<&mut Advisory> {
        self.advisories.iter_mut().find(|advisory| advisory.is(id))
    }
}

/// An advisory.
#[derive(Debug, Clone)]
pub(super) struct Advisory {
    pub(super) id: u64,
    /// `rpm`, `rhcos`, …
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) synopsis: String,
    pub(super) topic: String,
    pub(super) description: String,
    pub(super) solution: String,
    /// Space separated.
    pub(super) cve: String,
    pub(super) ids_fixed: Vec<String>,
    pub(super) assigned_to: Person,
    pub(super) package_owner: Person,
    pub(super) manager: Person,
    pub(super) qe_group: String,
    pub(super) text_ready: bool,
    pub(super) security_approved: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) pushes: Vec<Push>,
}

/// One push job: one advisory to one target.
#[derive(Debug, Clone)]
pub(super) struct Push {
    pub(super) id: u64,
    pub(super) target: &'static str,
    pub(super) made_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

impl Push {
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        let age = now.duration_since(self.made_at);
        if now >= self.ends_at {
            "COMPLETE"
        } else if age < READY_FOR {
            "READY"
        } else if age < READY_FOR + RUNS_FOR {
            "RUNNING"
        } else {
            "WAITING_ON_PUB"
        }
    }
}

impl Advisory {
    fn new(world: &World, kind: &str, id: u64) -> Self {
        let scenario = world.scenario();
        let release = scenario.release;
        let security = catalogue::is_security(kind);
        let bugs = catalogue::advisory_bugs(scenario, kind);
        let what = if kind == "rpm" { "packages and".to_owned() } else { format!("{kind} images and") };
        let nature = if security { "security" } else { "bug fix" };
        let important = if security { "Moderate: " } else { "" };
        Self {
            id,
            kind: kind.to_owned(),
            status: "QE".to_owned(),
            synopsis: format!("{important}OpenShift Container Platform {release} {what} {nature} update"),
            topic: format!("Red Hat OpenShift Container Platform release {release} is now available with updates to packages and images that fix several bugs."),
            description: format!("This advisory contains the {kind} content for Red Hat OpenShift Container Platform {release}."),
            solution: "See the documentation, which will be updated shortly for this release, for important instructions on how to upgrade your cluster.".to_owned(),
            cve: bugs.iter().filter_map(|bug| bug.cve.clone()).collect::<Vec<_>>().join(" "),
            ids_fixed: bugs.into_iter().map(|bug| bug.key).collect(),
            assigned_to: Person { name: "openshift-qe-group".to_owned() },
            package_owner: Person { name: "art-bot".to_owned() },
            manager: Person { name: "art-manager".to_owned() },
            qe_group: "OpenShift QE".to_owned(),
            text_ready: true,
            security_approved: true,
            created_at: scenario.start - SignedDuration::from_hours(30),
            updated_at: scenario.start - SignedDuration::from_hours(2),
            pushes: Vec::new(),
        }
    }

    fn is(&self, id: &str) -> bool {
        self.id.to_string() == id
    }

    /// `RHSA` or `RHBA`.
    pub(super) fn kind_of_errata(&self) -> &'static str {
        if catalogue::is_security(&self.kind) { "RHSA" } else { "RHBA" }
    }

    /// Whether the state machine allows the move; the reason when not.
    pub(super) fn may_become(&self, wanted: &str) -> Result<(), String> {
        let from = self.status.as_str();
        match (from, wanted) {
            ("NEW_FILES", "QE") | ("QE", "NEW_FILES" | "REL_PREP") | ("REL_PREP", "NEW_FILES" | "QE") => {
                Ok(())
            }
            (
                _,
                "NEW_FILES" | "QE" | "REL_PREP" | "PUSH_READY" | "IN_PUSH" | "SHIPPED_LIVE"
                | "DROPPED_NO_SHIP",
            ) => Err(format!("Invalid state transition: {from} to {wanted}")),
            _ => Err(format!("'{wanted}' is not a valid state")),
        }
    }

    /// Makes the push jobs of one push to stage.
    pub(super) fn push_to_stage(&mut self, world: &World, next_id: &mut u64) -> Vec<Push> {
        let targets: &[&'static str] =
            if self.kind == "rpm" || self.kind == "rhcos" || self.kind == "microshift" {
                &["cdn_stage"]
            } else {
                &["cdn_stage", "cdn_docker_stage"]
            };
        let entity = self.id.to_string();
        let now = world.now();
        let made: Vec<Push> = targets
            .iter()
            .map(|target| {
                let ends_at = now
                    + world.delay(
                        "errata",
                        &format!("{entity}/{target}"),
                        self.pushes.len() as u64,
                        PUSH_MINUTES,
                    );
                *next_id += 1;
                Push { id: *next_id, target, made_at: now, ends_at }
            })
            .collect();
        for push in &made {
            world.announce(
                push.ends_at,
                format!("errata: push {} of {} to {} ends", push.id, self.id, push.target),
            );
        }
        self.pushes.extend(made.iter().cloned());
        made
    }
}
