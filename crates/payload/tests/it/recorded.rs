//! Real configurations, where they lie beside the checkout: each entry that can be converted is, and proved.

use regatta_payload::Config;
use regatta_payload::aggregate::{aggregate, deaggregate};
use regatta_payload::private::derive;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where they lie, if they do.
fn recorded() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/release-configs");
    folder.is_dir().then_some(folder)
}

#[test]
fn every_recorded_entry_is_converted_and_nothing_else_changes() {
    let Some(folder) = recorded() else { return };
    let files = std::fs::read_dir(folder).unwrap();
    let mut converted = 0;
    for path in
        files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
    {
        let source = std::fs::read_to_string(&path).unwrap();
        let Ok(before) = serde_json::from_str::<Value>(&source) else {
            assert!(Config::parse(source).is_err());
            continue;
        };
        let config = Config::parse(source.clone()).unwrap();
        for entry in config.entries().iter().filter(|entry| entry.aggregated.is_none()) {
            let key = &entry.key;
            let plan = aggregate(&config, std::slice::from_ref(key), None).unwrap();
            let mut expected = before.clone();
            let verify = expected["verify"].as_object_mut().unwrap();
            let mut value = verify.remove(key).unwrap();
            if value["optional"] != true && value.get("maxRetries").is_none() {
                value["maxRetries"] = 2.into();
            }
            value["aggregatedProwJob"] = serde_json::json!({ "analysisJobCount": 10 });
            verify.insert(format!("aggregated-{key}"), value);
            assert_eq!(
                serde_json::from_str::<Value>(&plan.text).unwrap(),
                expected,
                "{} {key}",
                path.display()
            );
            // All that was there is there still: a line is only ever given a prefix or a comma.
            let mut rest = plan.text.as_str();
            for line in source.lines() {
                let start = line
                    .trim_end_matches("},")
                    .trim_end_matches('}')
                    .replace(&format!("\"{key}\""), "\"aggregated-");
                let at =
                    rest.find(start.split("aggregated-").next().unwrap()).unwrap_or_else(|| panic!("{line}"));
                rest = &rest[at..];
            }
            if entry.optional || entry.max_retries.is_some() {
                let back =
                    deaggregate(&Config::parse(plan.text).unwrap(), std::slice::from_ref(key), None).unwrap();
                assert_eq!(back.text, source, "{} {key}", path.display());
            }
            converted += 1;
        }
    }
    assert!(converted > 500, "{converted}");
}

/// Every leaf and empty object, by its path.
fn leaves(value: &Value, path: &str, found: &mut std::collections::BTreeMap<String, String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                leaves(value, &format!("{path}/{key}"), found);
            }
        }
        other => {
            found.insert(path.to_owned(), other.to_string());
        }
    }
}

#[test]
fn private_files_derived_here_are_those_of_the_generator() {
    let Some(folder) = recorded() else { return };
    let both = |name: &str| {
        let public = std::fs::read(folder.join(name)).unwrap();
        let private = std::fs::read_to_string(folder.join("priv").join(name)).unwrap();
        (derive(&Config::parse(public).unwrap()).unwrap(), private)
    };
    let (derived, private) = both("release-ocp-4.21-multi-2.json");
    assert_eq!(derived, private);
    assert_eq!(private.len(), 809);
    // Of other commits than their public files: jobs differ, and nothing else does.
    for name in ["release-ocp-4.21-multi.json", "release-ocp-5.0.json"] {
        let (derived, private) = both(name);
        let map = |text: &str| {
            let mut found = std::collections::BTreeMap::new();
            leaves(&serde_json::from_str(text).unwrap(), "", &mut found);
            found
        };
        let (here, there) = (map(&derived), map(&private));
        let mut same = 0;
        for path in here.keys().chain(there.keys()).collect::<std::collections::BTreeSet<_>>() {
            if here.get(path) == there.get(path) {
                same += 1;
            } else {
                assert!(path.starts_with("/verify/"), "{name}: {path}");
                println!("{name} {path}: {:?} here, {:?} there", here.get(path), there.get(path));
            }
        }
        println!("{name}: {same} values the same");
    }
}
