//! The house: a crate may import lower floors only.
//!
//! The floors are written here a second time on purpose. A new crate, or a new edge between crates, is an architectural
//! decision, and this file is where it has to be taken.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt;
use std::path::Path;
use std::process::Command;

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A floor of the house; imports go down only.
    Floor(u8),
    /// The imitated outside world: knows the vocabulary and nothing else.
    Sandbox,
    /// Cross-crate stories: may import everything, and nothing imports it.
    Scenarios,
    /// This crate: imports none, and none imports it.
    Xtask,
}

/// Every crate and its place.
const HOUSE: [(&str, Place); 16] = [
    (VOCABULARY, Place::Floor(0)),
    ("regatta-junit", Place::Floor(0)),
    ("regatta-flow", Place::Floor(1)),
    ("regatta-results", Place::Floor(1)),
    ("regatta-payload", Place::Floor(1)),
    ("regatta-statebox", Place::Floor(2)),
    ("regatta-history", Place::Floor(2)),
    ("regatta-services", Place::Floor(2)),
    ("regatta-tasks", Place::Floor(3)),
    ("regatta-engine", Place::Floor(4)),
    ("regatta-agents", Place::Floor(5)),
    ("regatta-server", Place::Floor(6)),
    (PRODUCT, Place::Floor(7)),
    ("regatta-sandbox", Place::Sandbox),
    ("scenarios", Place::Scenarios),
    ("xtask", Place::Xtask),
];

/// The one crate that the sandbox may import.
const VOCABULARY: &str = "regatta-kit";
/// The one crate that may carry the sandbox to users.
const PRODUCT: &str = "regatta";

impl Place {
    fn of(name: &str) -> Option<Self> {
        HOUSE.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, place)| *place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floor(floor) => f.pad(&floor.to_string()),
            Self::Sandbox | Self::Scenarios | Self::Xtask => f.pad("side"),
        }
    }
}

/// What an import is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The crate itself.
    Normal,
    /// Its tests.
    Dev,
    /// Its build script.
    Build,
}

/// One crate of the workspace importing another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: String,
    to: String,
    kind: Kind,
}

/// The crates of the workspace and the imports among them.
#[derive(Debug)]
pub(crate) struct House {
    crates: Vec<String>,
    edges: Vec<Edge>,
}

impl House {
    /// Asks cargo.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
            .current_dir(root)
            .output()
            .context("cargo metadata did not start")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
        Self::from_metadata(&metadata)
    }

    fn from_metadata(metadata: &Value) -> Result<Self> {
        let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        let name_of =
            |value: &Value| value["name"].as_str().map(str::to_owned).context("a package without a name");
        let mut crates = packages.iter().map(name_of).collect::<Result<Vec<_>>>()?;
        let mut edges = Vec::new();
        for package in packages {
            let from = name_of(package)?;
            for dependency in package["dependencies"].as_array().into_iter().flatten() {
                let to = name_of(dependency)?;
                let kind = match dependency["kind"].as_str() {
                    None => Kind::Normal,
                    Some("dev") => Kind::Dev,
                    Some("build") => Kind::Build,
                    Some(other) => bail!("{from} has a dependency of the unknown kind {other:?}"),
                };
                if crates.contains(&to) {
                    edges.push(Edge { from: from.clone(), to, kind });
                }
            }
        }
        crates.sort_by_key(|name| (Place::of(name), name.clone()));
        edges.sort();
        Ok(Self { crates, edges })
    }

    /// Every edge and crate that breaks the rules, in words.
    pub(crate) fn faults(&self) -> Vec<String> {
        let homeless = self.crates.iter().filter(|name| Place::of(name).is_none()).map(|name| {
            format!("{name} has no floor: decide where it stands, then write it into xtask/src/layering.rs")
        });
        homeless.chain(self.edges.iter().filter_map(|edge| judge(edge).err())).collect()
    }

    /// The house from the roof down, each crate with its imports; those of its tests in brackets.
    pub(crate) fn table(&self) -> String {
        let width = self.crates.iter().map(String::len).max().unwrap_or(0);
        let mut out = format!("floor  {:width$}  imports\n", "crate");
        for name in self.crates.iter().rev() {
            let place = Place::of(name).map_or_else(|| "?".to_owned(), |place| place.to_string());
            let imports: Vec<String> = self
                .edges
                .iter()
                .filter(|edge| edge.from == *name)
                .map(
                    |edge| if edge.kind == Kind::Normal { edge.to.clone() } else { format!("[{}]", edge.to) },
                )
                .collect();
            let imports = if imports.is_empty() { "-".to_owned() } else { imports.join(" ") };
            out.push_str(&format!("{place:5}  {name:width$}  {imports}\n"));
        }
        out
    }
}

/// Whether one crate may import another, and if not, why.
fn judge(edge: &Edge) -> Result<(), String> {
    let Edge { from, to, kind } = edge;
    // A crate without a place is a fault of its own.
    let (Some(upper), Some(lower)) = (Place::of(from), Place::of(to)) else { return Ok(()) };
    let refuse = |why: &str| Err(format!("{from} imports {to}: {why}"));
    match (upper, lower) {
        (Place::Xtask, _) => refuse("xtask imports no crate of the product, it starts cargo"),
        (_, Place::Xtask) => refuse("nothing imports xtask"),
        (Place::Scenarios, _) => Ok(()),
        (_, Place::Scenarios) => refuse("the scenarios are tests only"),
        (Place::Sandbox, _) if to == VOCABULARY => Ok(()),
        (Place::Sandbox, _) => refuse("the sandbox shares the vocabulary with the product and nothing else"),
        (_, Place::Sandbox) if *kind == Kind::Dev || from == PRODUCT => Ok(()),
        (_, Place::Sandbox) => refuse("the sandbox is a dev-dependency everywhere but in the binary"),
        (Place::Floor(upper), Place::Floor(lower)) if lower < upper => Ok(()),
        (Place::Floor(upper), Place::Floor(lower)) if lower == upper => {
            refuse(&format!("both stand on floor {upper}, and imports go down only"))
        }
        (Place::Floor(upper), Place::Floor(lower)) => {
            refuse(&format!("floor {lower} lies above floor {upper}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edge(from: &str, to: &str, kind: Kind) -> Edge {
        Edge { from: from.to_owned(), to: to.to_owned(), kind }
    }

    fn why_not(from: &str, to: &str, kind: Kind) -> String {
        judge(&edge(from, to, kind)).expect_err("the edge should be refused")
    }

    #[test]
    fn imports_go_down() {
        for (from, to) in [
            ("regatta", "regatta-kit"),
            ("regatta-engine", "regatta-tasks"),
            ("regatta-tasks", "regatta-services"),
            ("regatta-statebox", "regatta-flow"),
            ("regatta-results", "regatta-junit"),
        ] {
            assert_eq!(judge(&edge(from, to, Kind::Normal)), Ok(()));
        }
    }

    #[test]
    fn imports_go_neither_up_nor_sideways_also_not_in_tests() {
        for kind in [Kind::Normal, Kind::Dev, Kind::Build] {
            assert_eq!(
                why_not("regatta-statebox", "regatta-services", kind),
                "regatta-statebox imports regatta-services: both stand on floor 2, and imports go down only"
            );
            assert_eq!(
                why_not("regatta-flow", "regatta-engine", kind),
                "regatta-flow imports regatta-engine: floor 4 lies above floor 1"
            );
        }
    }

    #[test]
    fn the_sandbox_knows_the_vocabulary_alone() {
        assert_eq!(judge(&edge("regatta-sandbox", "regatta-kit", Kind::Normal)), Ok(()));
        for kind in [Kind::Normal, Kind::Dev, Kind::Build] {
            assert!(why_not("regatta-sandbox", "regatta-services", kind).contains("nothing else"));
            assert!(why_not("regatta-sandbox", "regatta-junit", kind).contains("nothing else"));
        }
    }

    #[test]
    fn only_the_binary_and_tests_know_the_sandbox() {
        assert_eq!(judge(&edge("regatta", "regatta-sandbox", Kind::Normal)), Ok(()));
        assert_eq!(judge(&edge("regatta-services", "regatta-sandbox", Kind::Dev)), Ok(()));
        assert!(why_not("regatta-engine", "regatta-sandbox", Kind::Normal).contains("dev-dependency"));
        assert!(why_not("regatta-engine", "regatta-sandbox", Kind::Build).contains("dev-dependency"));
    }

    #[test]
    fn scenarios_import_everything_and_nothing_imports_them() {
        for (name, place) in HOUSE {
            if place != Place::Scenarios && place != Place::Xtask {
                assert_eq!(judge(&edge("scenarios", name, Kind::Normal)), Ok(()));
                assert!(judge(&edge(name, "scenarios", Kind::Dev)).is_err());
            }
            assert!(judge(&edge("xtask", name, Kind::Normal)).is_err());
            assert!(judge(&edge(name, "xtask", Kind::Normal)).is_err());
        }
    }

    #[test]
    fn a_crate_without_a_floor_is_a_fault_and_foreign_crates_are_none_of_ours() {
        let metadata = json!({"packages": [
            {"name": "regatta-flow", "dependencies": [
                {"name": "regatta-kit", "kind": null},
                {"name": "jiff", "kind": null},
                {"name": "regatta-sandbox", "kind": "dev"}
            ]},
            {"name": "regatta-kit", "dependencies": []},
            {"name": "regatta-sandbox", "dependencies": [{"name": "regatta-flow", "kind": "dev"}]},
            {"name": "regatta-clouds", "dependencies": []}
        ]});
        let house = House::from_metadata(&metadata).expect("the metadata is whole");
        assert_eq!(
            house.table(),
            "floor  crate            imports\n\
             side   regatta-sandbox  [regatta-flow]\n\
             1      regatta-flow     regatta-kit [regatta-sandbox]\n\
             0      regatta-kit      -\n\
             ?      regatta-clouds   -\n"
        );
        let faults = house.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("regatta-clouds has no floor"));
        assert!(faults[1].starts_with("regatta-sandbox imports regatta-flow"));
    }
}
