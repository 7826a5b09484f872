//! Whatever a file looks like, an operation changes what it was asked to change and nothing else.

use proptest::prelude::*;
use regatta_payload::Config;
use regatta_payload::aggregate::{aggregate, deaggregate};
use regatta_payload::gating::{demote, promote};
use serde_json::{Map, Value, json};

/// Blanks as odd as JSON allows.
fn blank() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop::sample::select(vec![" ", "\n", "\t", "\r\n", "    "]), 0..3)
        .prop_map(|parts| parts.concat())
}

/// The fields of an entry, in any order, at least the job.
fn entry() -> impl Strategy<Value = Vec<(String, Value)>> {
    let extra = prop::sample::subsequence(
        vec![
            ("optional".to_owned(), json!(true)),
            ("maxRetries".to_owned(), json!(1)),
            ("upgrade".to_owned(), json!(true)),
            ("disabled".to_owned(), json!(false)),
            (
                "upgradeFromRelease".to_owned(),
                json!({ "candidate": { "stream": "nightly", "version": "4.20" } }),
            ),
            ("qualifiers".to_owned(), json!({ "fips": {} })),
        ],
        0..=6,
    );
    extra
        .prop_map(|mut fields| {
            fields.push(("prowJob".to_owned(), json!({ "name": "periodic-x" })));
            fields
        })
        .prop_shuffle()
}

/// Writes a value with the blanks given, in turn.
fn write(value: &Value, blanks: &mut dyn Iterator<Item = &String>, out: &mut String) {
    let Value::Object(fields) = value else {
        out.push_str(&value.to_string());
        return;
    };
    let out_blank = |blanks: &mut dyn Iterator<Item = &String>, out: &mut String| {
        out.push_str(blanks.next().map_or("", String::as_str));
    };
    out.push('{');
    out_blank(blanks, out);
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
            out_blank(blanks, out);
        }
        out.push_str(&Value::from(key.as_str()).to_string());
        out_blank(blanks, out);
        out.push(':');
        out_blank(blanks, out);
        write(value, &mut *blanks, out);
        out_blank(blanks, out);
    }
    out.push('}');
}

fn file() -> impl Strategy<Value = (String, Value)> {
    (proptest::collection::vec(entry(), 1..5), proptest::collection::vec(blank(), 1..9)).prop_map(
        |(entries, blanks)| {
            let verify: Map<String, Value> = entries
                .into_iter()
                .enumerate()
                .map(|(index, fields)| {
                    (format!("job-{index}-x"), Value::Object(fields.into_iter().collect()))
                })
                .collect();
            let value = json!({ "name": "4.21.0-0.nightly", "verify": verify, "upgrade": {} });
            let mut text = String::new();
            write(&value, &mut blanks.iter().cycle(), &mut text);
            (text, value)
        },
    )
}

/// The pieces of the text that are neither blanks nor the change: none may be lost.
fn subsequence(small: &str, big: &str) -> bool {
    let mut big = big.chars();
    small.chars().all(|c| big.any(|d| d == c))
}

proptest! {
    #[test]
    fn aggregating_adds_and_takes_nothing_away((text, value) in file(), pick in 0_usize..5) {
        let config = Config::parse(text.clone()).unwrap();
        let key = config.entries()[pick % config.entries().len()].key.clone();
        let plan = aggregate(&config, std::slice::from_ref(&key), None).unwrap();
        // Every byte of before is there still, in the same order.
        prop_assert!(subsequence(&text, &plan.text));
        let after: Value = serde_json::from_str(&plan.text).unwrap();
        let mut expected = value["verify"][&key].clone();
        if expected["optional"] != true && expected.get("maxRetries").is_none() {
            expected["maxRetries"] = 2.into();
        }
        expected["aggregatedProwJob"] = json!({ "analysisJobCount": 10 });
        prop_assert_eq!(&after["verify"][format!("aggregated-{key}")], &expected);
        let last = after["verify"][format!("aggregated-{key}")].as_object().unwrap().keys().next_back().cloned();
        prop_assert_eq!(last.as_deref(), Some("aggregatedProwJob"));
        for (other, entry) in value["verify"].as_object().unwrap() {
            if *other != key {
                prop_assert_eq!(&after["verify"][other], entry);
            }
        }
    }

    #[test]
    fn there_and_back_is_the_same_file_where_nothing_was_filled_in((text, value) in file(), pick in 0_usize..5) {
        let config = Config::parse(text.clone()).unwrap();
        let key = config.entries()[pick % config.entries().len()].key.clone();
        let entry = &value["verify"][&key];
        if entry["optional"] != true && entry.get("maxRetries").is_none() {
            return Ok(());
        }
        let there = aggregate(&config, std::slice::from_ref(&key), None).unwrap();
        let back = deaggregate(&Config::parse(there.text).unwrap(), &[key], None).unwrap();
        prop_assert_eq!(back.text, text);
    }

    #[test]
    fn promoting_and_demoting_prove_themselves_in_any_style((text, _) in file(), pick in 0_usize..5) {
        let config = Config::parse(text).unwrap();
        let key = config.entries()[pick % config.entries().len()].key.clone();
        let promoted = promote(&config, std::slice::from_ref(&key), None).unwrap();
        let config = Config::parse(promoted.text).unwrap();
        prop_assert!(config.entry(&key).unwrap().is_blocking());
        let demoted = demote(&config, std::slice::from_ref(&key)).unwrap();
        let config = Config::parse(demoted.text).unwrap();
        prop_assert!(config.entry(&key).unwrap().optional);
        prop_assert_eq!(config.entry(&key).unwrap().max_retries, None);
    }

    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Config::parse(bytes);
    }
}
