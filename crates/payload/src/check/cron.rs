//! Schedules as the controller reads them: the second version of robfig's cron parser (gopkg.in/robfig/cron.v2), with five
//! fields, or six with seconds in front, or a descriptor such as `@daily`, any of them after a `TZ=…`.
//!
//! No crate is used because those at hand differ in the details (seven as Sunday, `L` and `#`, what a step may follow), and a
//! check that differs from the controller is worth little.

use super::duration;

struct Field {
    name: &'static str,
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 6] = [
    Field { name: "second", min: 0, max: 59, names: &[] },
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day of month", min: 1, max: 31, names: &[] },
    Field { name: "month", min: 1, max: 12, names: MONTHS },
    Field { name: "day of week", min: 0, max: 6, names: DAYS },
];

const DESCRIPTORS: &[&str] =
    &["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Why the controller would not read a schedule; `None` where it would.
pub(crate) fn fault(spec: &str) -> Option<String> {
    let mut spec = spec;
    if let Some(rest) = spec.strip_prefix("TZ=") {
        let Some((zone, after)) = rest.split_once(' ') else {
            return Some("nothing stands after the time zone".to_owned());
        };
        // Whether the zone exists depends on the controller's machine; what can be none is told.
        if !zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-/".contains(&b)) || zone.starts_with('/') {
            return Some(format!("{zone:?} is no time zone"));
        }
        spec = after.trim();
    }
    if spec.starts_with('@') {
        if DESCRIPTORS.contains(&spec) {
            return None;
        }
        return match spec.strip_prefix("@every ") {
            Some(text) => duration::fault(text).map(|why| format!("{text:?} is no Go duration: {why}")),
            None => Some(format!("{spec:?} is unknown; known are {} and @every", DESCRIPTORS.join(", "))),
        };
    }
    let parts: Vec<&str> = spec.split_whitespace().collect();
    let fields = match parts.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        count => return Some(format!("it has {count} fields instead of 5, or 6 with seconds")),
    };
    fields.iter().zip(parts).find_map(|(field, part)| {
        part.split(',').filter(|range| !range.is_empty()).find_map(|range| fault_of_range(range, field))
    })
}

fn fault_of_range(range: &str, field: &Field) -> Option<String> {
    let name = field.name;
    let mut by_slash = range.split('/');
    let bounds = by_slash.next().unwrap_or_default();
    let step = by_slash.next();
    if by_slash.next().is_some() {
        return Some(format!("{range:?} has too many slashes"));
    }
    let ends: Vec<&str> = bounds.split('-').collect();
    let read = |text: &str| number(text, field).ok_or_else(|| format!("{text:?} is no {name}"));
    let (start, end) = if matches!(ends[0], "*" | "?") {
        (field.min, field.max)
    } else {
        let start = match read(ends[0]) {
            Ok(start) => start,
            Err(why) => return Some(why),
        };
        match ends[..] {
            [_] if step.is_some() => (start, field.max),
            [_] => (start, start),
            [_, end] => match read(end) {
                Ok(end) => (start, end),
                Err(why) => return Some(why),
            },
            _ => return Some(format!("{range:?} has too many dashes")),
        }
    };
    if let Some(step) = step {
        match plain_number(step) {
            None => return Some(format!("{step:?} is no step")),
            // The controller would count on the spot forever.
            Some(0) => return Some(format!("the step of {range:?} is 0")),
            Some(_) => {}
        }
    }
    if start < field.min || end > field.max {
        let outside = if start < field.min { start } else { end };
        return Some(format!("{outside} is no {name}: {} to {} are", field.min, field.max));
    }
    (start > end).then(|| format!("{range:?} ends before it begins"))
}

fn number(text: &str, field: &Field) -> Option<u64> {
    let lower = text.to_lowercase();
    match field.names.iter().position(|name| *name == lower) {
        Some(index) => Some(field.min + index as u64),
        None => plain_number(text),
    }
}

/// A number as Go's `Atoi` reads it, which allows a plus.
fn plain_number(text: &str) -> Option<u64> {
    text.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_controller_reads_is_read() {
        for spec in [
            "0 8,20 * * *",
            "*/5 * * * *",
            "30 0 8 * * ?",
            "0 0 1 JAN-mar Mon",
            "0 3 * * 0-6/2",
            "5/15 * * * *",
            "@daily",
            "@every 1h30m",
            "TZ=Europe/Berlin 0 6 * * 1-5",
            "  0   6 * * 1  ",
        ] {
            assert_eq!(fault(spec), None, "{spec}");
        }
    }

    #[test]
    fn what_it_refuses_is_refused_with_the_reason() {
        let faults: Vec<String> = [
            "",
            "0 8,25 * * *",
            "* * * *",
            "* * * * * * *",
            "0 0 0 * *",
            "0 0 * 13 *",
            "0 0 * * 7",
            "0 0 * * funday",
            "5-1 * * * *",
            "1-2-3 * * * *",
            "*/2/3 * * * *",
            "*/0 * * * *",
            "*/x * * * *",
            "-1 * * * *",
            "@fortnightly",
            "@every 2d",
            "TZ=Europe/Berlin",
            "TZ=../x 0 6 * * *",
        ]
        .iter()
        .map(|spec| format!("{spec:?} {}", fault(spec).unwrap_or_default()))
        .collect();
        insta::assert_snapshot!(faults.join("\n"), @r#"
        "" it has 0 fields instead of 5, or 6 with seconds
        "0 8,25 * * *" 25 is no hour: 0 to 23 are
        "* * * *" it has 4 fields instead of 5, or 6 with seconds
        "* * * * * * *" it has 7 fields instead of 5, or 6 with seconds
        "0 0 0 * *" 0 is no day of month: 1 to 31 are
        "0 0 * 13 *" 13 is no month: 1 to 12 are
        "0 0 * * 7" 7 is no day of week: 0 to 6 are
        "0 0 * * funday" "funday" is no day of week
        "5-1 * * * *" "5-1" ends before it begins
        "1-2-3 * * * *" "1-2-3" has too many dashes
        "*/2/3 * * * *" "*/2/3" has too many slashes
        "*/0 * * * *" the step of "*/0" is 0
        "*/x * * * *" "x" is no step
        "-1 * * * *" "" is no minute
        "@fortnightly" "@fortnightly" is unknown; known are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every
        "@every 2d" "2d" is no Go duration: "d" is no unit of time that Go knows (h, m, s, ms, us, ns)
        "TZ=Europe/Berlin" nothing stands after the time zone
        "TZ=../x 0 6 * * *" "../x" is no time zone
        "#);
    }
}
