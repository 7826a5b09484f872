//! Durations as Go reads them (`time.ParseDuration`), which is how the controller reads `expires` and `interval`.

/// Units in nanoseconds.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5
    ("μs", 1_000), // U+03BC
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Why Go would not read a text as a duration; `None` where it would.
pub(crate) fn fault(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return None;
    }
    if unsigned.is_empty() {
        return Some("it is empty".to_owned());
    }
    let mut rest = unsigned;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = rest.split_at(whole);
        let mut fraction = "";
        let mut after = after;
        if let Some(tail) = after.strip_prefix('.') {
            let length = tail.bytes().take_while(u8::is_ascii_digit).count();
            (fraction, after) = tail.split_at(length);
        }
        if digits.is_empty() && fraction.is_empty() {
            return Some(format!("a number is missing before {rest:?}"));
        }
        let number = &rest[..rest.len() - after.len()];
        let length = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, left) = after.split_at(length);
        if unit.is_empty() {
            return Some(format!("a unit is missing after {number:?}"));
        }
        let Some((_, nanoseconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Some(format!("{unit:?} is no unit of time that Go knows (h, m, s, ms, us, ns)"));
        };
        // The fraction adds less than one unit; for the range only the whole part can matter that much.
        let part = if digits.is_empty() { Some(0) } else { digits.parse::<u64>().ok() };
        let sum = part.and_then(|n| n.checked_mul(*nanoseconds)).and_then(|n| total.checked_add(n));
        match sum {
            // Go allows one nanosecond more for the negative end.
            Some(sum) if sum < i64::MAX.unsigned_abs() + u64::from(text.starts_with('-')) + 1 => total = sum,
            _ => return Some("it is longer than Go can count (292 years)".to_owned()),
        }
        rest = left;
    }
    None
}

/// The duration that was probably meant, where days or weeks were written.
pub(crate) fn meant(text: &str) -> Option<String> {
    let (number, hours) = match text.split_at_checked(text.len().checked_sub(1)?)? {
        (number, "d") => (number, 24),
        (number, "w") => (number, 7 * 24),
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(format!("{}h", number.checked_mul(hours)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_is_read() {
        for text in
            ["0", "-0", "+5s", "72h", "1h30m", "1.5h", ".5s", "1.s", "100ns", "3µs", "3μs", "2540400h10m10s"]
        {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_with_the_reason() {
        let faults: Vec<String> =
            ["", "3", "7d", "h", "1h 30m", ".s", "1h-", "9999999h", "99999999999999999999999h", "-"]
                .iter()
                .map(|text| format!("{text:?} {}", fault(text).unwrap_or_default()))
                .collect();
        insta::assert_snapshot!(faults.join("\n"), @r#"
        "" it is empty
        "3" a unit is missing after "3"
        "7d" "d" is no unit of time that Go knows (h, m, s, ms, us, ns)
        "h" a number is missing before "h"
        "1h 30m" "h " is no unit of time that Go knows (h, m, s, ms, us, ns)
        ".s" a number is missing before ".s"
        "1h-" "h-" is no unit of time that Go knows (h, m, s, ms, us, ns)
        "9999999h" it is longer than Go can count (292 years)
        "99999999999999999999999h" it is longer than Go can count (292 years)
        "-" it is empty
        "#);
    }

    #[test]
    fn days_and_weeks_are_told_in_hours() {
        assert_eq!(meant("7d").as_deref(), Some("168h"));
        assert_eq!(meant("2w").as_deref(), Some("336h"));
        assert_eq!([meant("7"), meant("d"), meant(""), meant("7µ")], [None, None, None, None]);
    }
}
