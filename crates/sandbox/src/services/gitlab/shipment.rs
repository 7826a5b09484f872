//! The shipment merge request's content: its files, its pipeline, and the stage advisories it leads to.
//!
//! ART opens the merge request before the world begins. Its pipeline triggers the stage release; when that has
//! succeeded, the merge request gets its label and each file names the stage advisory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexSet;
use jiff::{SignedDuration, Timestamp};
use regatta_kit::Arch;

use crate::delays::Quantiles;
use crate::images::{ReleaseImage, release_images};
use crate::services::catalogue::{self, FixedBy};
use crate::services::wire::{number_of, percent_encode};
use crate::world::World;

/// From the world's start to the end of the stage release, minutes.
const STAGE_RELEASE_MINUTES: Quantiles = Quantiles([70.0, 100.0, 140.0, 200.0, 280.0]);
/// The stage release begins this long after the world.
const STAGE_RELEASE_BEGINS: SignedDuration = SignedDuration::from_mins(20);

/// Where the stage advisories are published; readable without a token.
pub(super) const ADVISORY_PROJECT: &str = "rhtap-release/advisories";

/// Kinds of shipment files, in the order in which the merge request lists them.
const KINDS: [&str; 4] = ["extras", "fbc", "image", "metadata"];

/// The one shipment of the world.
#[derive(Debug, Clone)]
pub(super) struct Shipment {
    /// Number within the project.
    pub(super) iid: u64,
    /// `hybrid-platforms/art/ocp-shipment-data`.
    pub(super) project: String,
    pub(super) source_branch: String,
    pub(super) title: String,
    pub(super) opened_at: Timestamp,
    pub(super) stage_begins_at: Timestamp,
    pub(super) stage_ends_at: Timestamp,
}

/// A file of the merge request.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn base64(&self) -> String {
        STANDARD.encode(&self.text)
    }
}

impl Shipment {
    /// The scenario's shipment; `None` in the Errata flow or if its URL is none of GitLab's.
    pub(super) fn of(world: &World) -> Option<Self> {
        let scenario = world.scenario();
        let url = scenario.shipment_mr.as_deref()?;
        let (_, rest) = url.split_once("://")?;
        let (_, path) = rest.split_once('/')?;
        let (project, iid) = path.split_once("/-/merge_requests/")?;
        let opened_at = scenario.start - SignedDuration::from_hours(3);
        let takes = world.delay("gitlab", "stage-release", 0, STAGE_RELEASE_MINUTES);
        let stage_ends_at = scenario.start + takes;
        world.announce(stage_ends_at, "gitlab: the stage release pipeline ends");
        Some(Self {
            iid: iid.trim_end_matches('/').parse().ok()?,
            project: project.to_owned(),
            source_branch: format!(
                "prepare-shipment-{}-{}",
                scenario.release,
                opened_at.strftime("%Y%m%d%H%M%S")
            ),
            title: format!("Shipment for {}", scenario.release),
            opened_at,
            stage_begins_at: scenario.start + STAGE_RELEASE_BEGINS,
            stage_ends_at,
        })
    }

    /// State of the stage release now, in GitLab's words.
    pub(super) fn stage_status(&self, now: Timestamp) -> &'static str {
        if now >= self.stage_ends_at {
            "success"
        } else if now >= self.stage_begins_at {
            "running"
        } else {
            "created"
        }
    }

    /// The merge request's labels now.
    pub(super) fn labels(&self, world: &World) -> Vec<String> {
        let mut labels =
            vec![format!("openshift-{}", world.scenario().release.stream), "shipment".to_owned()];
        if self.stage_status(world.now()) == "success" {
            labels.push("stage-release-success".to_owned());
        }
        labels
    }

    /// The files as they stand on the source branch now.
    pub(super) fn files(&self, world: &World, base: &str) -> Vec<File> {
        KINDS
            .iter()
            .map(|kind| File { path: self.path(world, kind), text: self.yaml(world, kind, base) })
            .collect()
    }

    fn path(&self, world: &World, kind: &str) -> String {
        let release = world.scenario().release;
        let stream = release.stream;
        let application = format!("openshift-{}-{}", stream.major, stream.minor);
        let stamp = self.opened_at.strftime("%Y%m%d%H%M%S");
        // Only the catalogue's file carries its kind between dots; that is how it is told apart.
        if kind == "fbc" {
            return format!(
                "shipment/ocp/openshift-{stream}/fbc-{application}/prod/{release}.fbc.{stamp}.yaml"
            );
        }
        format!("shipment/ocp/openshift-{stream}/{application}/prod/{release}-{kind}.{stamp}.yaml")
    }

    fn yaml(&self, world: &World, kind: &str, base: &str) -> String {
        let scenario = world.scenario();
        let release = scenario.release;
        let stream = release.stream;
        let application = format!("openshift-{}-{}", stream.major, stream.minor);
        let fbc = kind == "fbc";
        let mut text = format!(
            "shipment:\n  metadata:\n    product: ocp\n    application: {application}\n    group: openshift-{stream}\n    assembly: {}\n    fbc: {fbc}\n",
            scenario.release.assembly_key()
        );
        text.push_str("  environments:\n");
        for environment in ["stage", "prod"] {
            text.push_str(&format!(
                "    {environment}:\n      releasePlan: ocp-{environment}-{application}-{kind}\n"
            ));
            if environment == "stage" && !fbc && self.stage_status(world.now()) == "success" {
                let id = self.advisory_id(world, kind);
                let year = scenario.release_date.year();
                text.push_str(&format!(
                    "      advisory:\n        url: https://access.stage.redhat.com/errata/RHBA-{year}:{id}\n        internal_url: {base}/{ADVISORY_PROJECT}/-/raw/main/{}\n",
                    percent_encode(&self.advisory_path(world, kind), "/")
                ));
            }
        }
        let stamp = self.opened_at.strftime("%Y%m%d%H%M%S");
        text.push_str(&format!("  snapshot:\n    name: ocp-{stream}-{kind}-{stamp}\n    spec:\n      application: {application}\n      components:\n"));
        if fbc {
            text.push_str(&format!(
                "      - name: fbc-ose-metering\n        containerImage: quay.io/redhat-user-workloads/ocp-art-tenant/art-fbc@sha256:{}\n",
                regatta_kit::ids::digest(format!("{release}/fbc").as_bytes(), 64)
            ));
        }
        for Shipped { image, .. } in
            images(world).iter().filter(|shipped| shipped.kind == kind && shipped.image.arch == Arch::Amd64)
        {
            text.push_str(&format!(
                "      - name: {}\n        containerImage: {}\n        source:\n          git:\n            url: https://github.com/openshift/{}\n            revision: {}\n",
                image.name,
                image.pull_spec(),
                image.name,
                regatta_kit::ids::digest(image.name.as_bytes(), 40)
            ));
        }
        if !fbc {
            text.push_str("  data:\n    releaseNotes:\n      type: RHBA\n");
            text.push_str(&format!("      live_id: {}\n      synopsis: OpenShift Container Platform {release} bug fix and security update\n", self.advisory_id(world, kind)));
            text.push_str("      issues:\n");
            let fixed: Vec<_> = catalogue::bugs(scenario)
                .into_iter()
                .filter(|bug| matches!(bug.fixed_by, FixedBy::Shipment(file) if file == kind))
                .collect();
            if fixed.is_empty() {
                text.push_str("        fixed: []\n");
            } else {
                text.push_str("        fixed:\n");
                for bug in fixed {
                    text.push_str(&format!(
                        "        - id: {}\n          source: redhat.atlassian.net\n",
                        bug.key
                    ));
                }
            }
        }
        text
    }

    fn advisory_id(&self, world: &World, kind: &str) -> u64 {
        19_000 + number_of(&format!("{}/{kind}/advisory", world.scenario().release), 900)
    }

    fn advisory_path(&self, world: &World, kind: &str) -> String {
        let year = world.scenario().release_date.year();
        format!("data/advisories/ocp-art-tenant/{year}/{}/advisory.yaml", self.advisory_id(world, kind))
    }

    /// The stage advisory at a path of the advisories' project, once it is published.
    pub(super) fn stage_advisory(&self, world: &World, path: &str) -> Option<String> {
        if self.stage_status(world.now()) != "success" {
            return None;
        }
        let kind = KINDS
            .into_iter()
            .filter(|kind| *kind != "fbc")
            .find(|kind| self.advisory_path(world, kind) == path)?;
        let scenario = world.scenario();
        let id = self.advisory_id(world, kind);
        let mut text = format!(
            "apiVersion: rhtap.redhat.com/v1alpha1\nkind: Advisory\nmetadata:\n  name: '{year}:{id}'\nspec:\n  product_id: 79\n  product_name: Red Hat OpenShift Enterprise\n  product_version: '{stream}'\n  product_stream: OCP-{stream}\n  live_id: {id}\n  type: RHBA\n  synopsis: OpenShift Container Platform {release} bug fix and security update\n  content:\n    images:\n",
            year = scenario.release_date.year(),
            stream = scenario.release.stream,
            release = scenario.release,
        );
        for shipped in images(world).iter().filter(|shipped| shipped.kind == kind) {
            text.push_str(&format!(
                "    - architecture: {}\n      component: {}\n      containerImage: {}\n      repository: {}\n      tags:\n      - v{}\n",
                shipped.image.arch,
                shipped.image.name,
                shipped.stage_pull_spec(),
                shipped.stage_repository(),
                scenario.release
            ));
        }
        Some(text)
    }
}

/// An image of the release and the shipment file that lists it.
struct Shipped {
    kind: &'static str,
    image: ReleaseImage,
}

impl Shipped {
    fn stage_repository(&self) -> String {
        format!("registry.stage.redhat.io/openshift4/{}-rhel9", self.image.name)
    }

    fn stage_pull_spec(&self) -> String {
        format!("{}@{}", self.stage_repository(), self.image.digest)
    }
}

/// The release's images by shipment file: most are payload images, a few come beside it.
fn images(world: &World) -> Vec<Shipped> {
    let all = release_images(world.scenario().release);
    let names: IndexSet<String> = all.iter().map(|image| image.name.clone()).collect();
    let kind_of = |image: &ReleaseImage| match names.get_index_of(&image.name) {
        Some(i) if i + 1 == names.len() => "metadata",
        Some(i) if i + 2 == names.len() => "extras",
        _ => "image",
    };
    all.into_iter().map(|image| Shipped { kind: kind_of(&image), image }).collect()
}
