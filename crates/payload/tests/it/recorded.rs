//! Real configurations, where they lie beside the checkout: each entry that can be converted is, and proved.

use regatta_payload::Config;
use regatta_payload::aggregate::{aggregate, deaggregate};
use serde_json::Value;
use std::path::Path;

#[test]
fn every_recorded_entry_is_converted_and_nothing_else_changes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/release-configs");
    let Ok(files) = std::fs::read_dir(&folder) else { return };
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
