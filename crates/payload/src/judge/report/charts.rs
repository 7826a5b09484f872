//! The report's charts: plain SVG drawn by hand, with a sentence each for who cannot see them.
//!
//! They take numbers, not verdicts: what is drawn is decided by the page. Coordinates are rounded to a tenth, so that equal
//! input gives equal bytes.

use maud::{Markup, PreEscaped, html};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// Builds the inside of an SVG. Only numbers and texts of the page's own go in, except through [`Canvas::tip`].
struct Canvas {
    body: String,
    width: f64,
    height: f64,
}

impl Canvas {
    fn new(width: f64, height: f64) -> Self {
        Self { body: String::new(), width, height }
    }

    fn put(&mut self, piece: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(piece);
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.put(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    /// A text at a place; `anchor` is `start`, `middle` or `end`.
    fn text(&mut self, class: &str, anchor: &str, (x, y): (f64, f64), text: &str) {
        let text = html! { (text) }.into_string();
        self.put(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// A rectangle with a tip.
    fn bar(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), tip: &str) {
        let tip = Self::tip(tip);
        self.put(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="1.5">{tip}</rect>"#
        ));
    }

    fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, tip: &str) {
        let tip = Self::tip(tip);
        self.put(format_args!(
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}">{tip}</circle>"#
        ));
    }

    /// A square standing on its corner, for what is neither good nor bad.
    fn diamond(&mut self, class: &str, (x, y): (f64, f64), radius: f64, tip: &str) {
        let tip = Self::tip(tip);
        self.put(format_args!(
            r#"<path class="{class}" d="M{x:.1} {:.1}l{radius:.1} {radius:.1}l-{radius:.1} {radius:.1}l-{radius:.1}-{radius:.1}z">{tip}</path>"#,
            y - radius
        ));
    }

    fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let steps: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.put(format_args!(r#"<polyline class="{class}" points="{}"/>"#, steps.join(" ")));
    }

    fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        let steps: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.put(format_args!(r#"<polygon class="{class}" points="{}"/>"#, steps.join(" ")));
    }

    /// What a pointer resting on a shape is told; may hold text from outside, so it is escaped.
    fn tip(tip: &str) -> String {
        if tip.is_empty() { String::new() } else { html! { title { (tip) } }.into_string() }
    }

    fn finish(self, spoken: &str) -> Markup {
        html! {
            svg class=(if self.width > 400.0 { "chart wide" } else { "chart" }) role="img" aria-label=(spoken)
                viewBox=(format!("0 0 {:.0} {:.0}", self.width, self.height)) {
                (PreEscaped(self.body))
            }
        }
    }
}

/// Ends with `s` unless one.
fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// How likely each number of passes is for an unchanged test, where the line is, and what came.
pub(super) struct Outcomes<'a> {
    /// The chance of 0, 1, 2 … passes; one more entry than there are attempts.
    pub(super) chances: &'a [f64],
    /// The passes that came.
    pub(super) passes: u32,
    /// The passes required.
    pub(super) required: u32,
}

/// Bars of chance, those below the required number in the colour of failure.
pub(super) fn outcomes(chart: &Outcomes<'_>) -> Markup {
    let (width, height, left, bottom, top) = (330.0, 132.0, 4.0, 34.0, 22.0);
    let mut canvas = Canvas::new(width, height);
    let count = chart.chances.len().max(1);
    let step = (width - 2.0 * left) / count as f64;
    let floor = height - bottom;
    let most = chart.chances.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let at = |passes: usize| left + step * passes as f64;
    let required = chart.required as usize;
    if required > 0 {
        let zone = at(required.min(count)) - left;
        canvas.put(format_args!(
            r#"<rect class="zone" x="{left:.1}" y="{top:.1}" width="{zone:.1}" height="{:.1}"/>"#,
            floor - top
        ));
        canvas.line("limit", (left + zone, top - 6.0), (left + zone, floor));
        let (anchor, x) =
            if zone > width / 2.0 { ("end", left + zone - 5.0) } else { ("start", left + zone + 5.0) };
        canvas.text("", anchor, (x, top - 8.0), &format!("required: {required}"));
    }
    let every = count.div_ceil(14);
    for (passes, chance) in chart.chances.iter().enumerate() {
        let tall = (chance / most * (floor - top - 4.0)).max(1.0);
        let observed = passes == chart.passes as usize;
        let class = match (observed, passes < required) {
            (true, true) => "f-fail",
            (true, false) => "f-pass",
            (false, true) => "f-fail-soft",
            (false, false) => "f-soft",
        };
        let tip = format!(
            "{passes} pass{}: {} of unchanged tests",
            if passes == 1 { "" } else { "es" },
            percent(*chance)
        );
        canvas.bar(class, (at(passes) + step * 0.14, floor - tall), (step * 0.72, tall), &tip);
        let middle = at(passes) + step / 2.0;
        if observed {
            let y = (floor - tall - 9.0).max(top - 6.0);
            let tone = if passes < required { "f-fail" } else { "f-pass" };
            canvas.put(format_args!(r#"<path class="{tone}" d="M{:.1} {y:.1}h10l-5 7z"/>"#, middle - 5.0));
            canvas.text("strong", "middle", (middle, floor + 14.0), &passes.to_string());
        } else if passes % every == 0 || passes + 1 == count {
            canvas.text("", "middle", (middle, floor + 14.0), &passes.to_string());
        }
    }
    canvas.line("axis", (left, floor), (width - left, floor));
    canvas.text(
        "",
        "middle",
        (width / 2.0, height - 4.0),
        &format!("passes of {} run{}", count - 1, plural(count as u64 - 1)),
    );
    let likely = chart.chances.get(chart.passes as usize).copied().unwrap_or(0.0);
    canvas.finish(&format!(
        "By its history an unchanged test passes exactly {} of {} run{} with a chance of {}; {} {} required.",
        chart.passes,
        count - 1,
        plural(count as u64 - 1),
        percent(likely),
        chart.required,
        if chart.required == 1 { "is" } else { "are" }
    ))
}

/// One spot of the landscape: tests with the same history (to a tenth of a percent) and the same passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// The share of earlier runs that passed, in percent; none for a test without history.
    pub(super) history: Option<f64>,
    /// The share of these runs that passed, 0 to 1.
    pub(super) share: f64,
    /// How many tests stand here.
    pub(super) tests: u64,
    /// Whether they failed, and whether that counts.
    pub(super) kind: Kind,
}

/// How a test came out, for colour and shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Passed.
    Passed,
    /// Failed, but only informs.
    Informing,
    /// Failed.
    Failed,
}

/// All tests: earlier pass rate against that of these runs, with the line of what is required.
///
/// The axis of history is a square root of the failure rate: most tests pass almost always, and there the differences
/// matter.
pub(super) fn landscape(spots: &[Spot], required: &[(f64, u32)], attempts: u32) -> Markup {
    let (width, height, left, right, top, bottom) = (520.0, 320.0, 46.0, 14.0, 14.0, 44.0);
    let mut canvas = Canvas::new(width, height);
    let unknown = 52.0;
    let start = left + unknown;
    let x = |percent: f64| {
        let gap = (100.0 - percent.clamp(0.0, 100.0)).sqrt() / 10.0;
        start + (1.0 - gap) * (width - right - start)
    };
    let y = |share: f64| top + (1.0 - share) * (height - top - bottom);
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        canvas.line("grid", (left, y(tick)), (width - right, y(tick)));
        canvas.text("", "end", (left - 6.0, y(tick) + 4.0), &format!("{:.0}%", tick * 100.0));
    }
    for tick in [0.0, 50.0, 80.0, 90.0, 95.0, 99.0, 100.0] {
        canvas.line("grid", (x(tick), top), (x(tick), y(0.0)));
        canvas.text("", "middle", (x(tick), y(0.0) + 15.0), &format!("{tick:.0}"));
    }
    canvas.text("", "middle", (left + unknown / 2.0, y(0.0) + 15.0), "new");
    canvas.text("", "middle", ((start + width) / 2.0, height - 6.0), "passed in earlier runs, %");
    canvas.text("", "start", (4.0, height - 6.0), "↑ in these runs");
    if attempts > 0 && required.len() > 1 {
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for pair in required.windows(2) {
            let level = y(f64::from(pair[0].1) / f64::from(attempts));
            steps.push((x(pair[0].0), level));
            steps.push((x(pair[1].0), level));
        }
        if let Some((percent, passes)) = required.last() {
            steps.push((x(*percent), y(f64::from(*passes) / f64::from(attempts))));
        }
        let mut below = steps.clone();
        below.extend([(x(100.0), y(0.0)), (x(0.0), y(0.0))]);
        canvas.area("zone", &below);
        canvas.path("limit", &steps);
    }
    let mut sorted = spots.to_vec();
    sorted.sort_by(|a, b| a.kind.cmp(&b.kind).then(b.tests.cmp(&a.tests)));
    for spot in &sorted {
        let at = (spot.history.map_or(left + unknown / 2.0, x), y(spot.share));
        let radius = (2.6 + (spot.tests as f64).ln() * 1.5).min(14.0);
        let known = spot.history.map_or("no history".to_owned(), |h| format!("{h:.1}% earlier"));
        let tip =
            format!("{} test{}: {known}, {:.0}% now", spot.tests, plural(spot.tests), spot.share * 100.0);
        match spot.kind {
            Kind::Passed => canvas.dot("f-soft", at, radius, &tip),
            Kind::Informing => canvas.diamond("f-inform", at, radius + 2.5, &tip),
            Kind::Failed => canvas.bar(
                "f-fail",
                (at.0 - radius - 1.0, at.1 - radius - 1.0),
                (2.0 * radius + 2.0, 2.0 * radius + 2.0),
                &tip,
            ),
        }
    }
    let total: u64 = spots.iter().map(|spot| spot.tests).sum();
    let below: u64 = spots.iter().filter(|s| s.kind != Kind::Passed).map(|s| s.tests).sum();
    canvas.finish(&format!(
        "{total} test{} by earlier and present pass rate; below the required line: {below}.",
        plural(total)
    ))
}

/// The smallest p-values by rank on a logarithmic axis, with the line under which they survive the control of false
/// discoveries: level × rank ÷ tests.
pub(super) fn ranks(smallest: &[(f64, Kind)], level: f64, tests: usize) -> Markup {
    let (width, height, left, right, top, bottom) = (520.0, 320.0, 52.0, 14.0, 14.0, 44.0);
    let mut canvas = Canvas::new(width, height);
    let count = smallest.len().max(1);
    let line_at = |rank: usize| level * rank as f64 / tests.max(1) as f64;
    let lowest = smallest.iter().map(|(p, _)| *p).chain([line_at(1)]).fold(1.0, f64::min).max(1e-30);
    // Room below the lowest, so that its sign does not lie on the axis.
    let decades = (-lowest.log10() + 0.4).ceil().max(1.0);
    let x = |rank: f64| left + (rank - 0.5) / count as f64 * (width - left - right);
    let y = |p: f64| top + (-p.max(1e-30).log10() / decades) * (height - top - bottom);
    let every = (decades / 6.0).ceil().max(1.0) as usize;
    for decade in (0..=decades as usize).step_by(every) {
        let at = top + decade as f64 / decades * (height - top - bottom);
        canvas.line("grid", (left, at), (width - right, at));
        let label = match decade {
            0 => "1".to_owned(),
            1..=3 => format!("0.{}1", "0".repeat(decade - 1)),
            _ => format!("1e-{decade}"),
        };
        canvas.text("", "end", (left - 6.0, at + 4.0), &label);
    }
    let line: Vec<(f64, f64)> = (1..=count).map(|rank| (x(rank as f64), y(line_at(rank)))).collect();
    canvas.path("limit", &line);
    for (i, (p, kind)) in smallest.iter().enumerate() {
        let at = (x(i as f64 + 1.0), y(*p));
        let tip = format!("rank {}: p = {}", i + 1, p_value(*p));
        match kind {
            Kind::Passed => canvas.dot("f-soft", at, 4.0, &tip),
            Kind::Informing => canvas.diamond("f-inform", at, 6.5, &tip),
            Kind::Failed => canvas.bar("f-fail", (at.0 - 5.0, at.1 - 5.0), (10.0, 10.0), &tip),
        }
    }
    let floor = height - bottom;
    canvas.line("axis", (left, floor), (width - right, floor));
    canvas.text("", "middle", (x(1.0), floor + 15.0), "1");
    if count > 1 {
        canvas.text("", "middle", (x(count as f64), floor + 15.0), &count.to_string());
    }
    canvas.text(
        "",
        "middle",
        ((left + width) / 2.0, height - 6.0),
        "tests by p-value, the most striking first",
    );
    canvas.text("", "start", (4.0, height - 6.0), "↑ p-value");
    let under =
        smallest.iter().enumerate().filter(|(i, (p, _))| *p <= line_at(i + 1)).map(|(i, _)| i + 1).max();
    canvas.finish(&format!(
        "The {count} smallest p-value{} of {tests} test{}; under the line of false-discovery control: {}.",
        plural(count as u64),
        plural(tests as u64),
        under.unwrap_or(0)
    ))
}

/// One curve of [`power`].
pub(super) struct Curve {
    /// How many runs it stands for.
    pub(super) runs: u32,
    /// The true pass rate, 0 to 1, and the chance that the test then fails, 0 to 1.
    pub(super) points: Vec<(f64, f64)>,
}

/// The chance that a drop is found, by the true pass rate after it. The first curve is that of these runs.
pub(super) fn power(curves: &[Curve]) -> Markup {
    let (width, height, left, right, top, bottom) = (520.0, 300.0, 46.0, 60.0, 14.0, 44.0);
    let mut canvas = Canvas::new(width, height);
    let x = |rate: f64| left + (1.0 - rate) * (width - left - right);
    let y = |chance: f64| top + (1.0 - chance) * (height - top - bottom);
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        canvas.line("grid", (left, y(tick)), (width - right, y(tick)));
        canvas.text("", "end", (left - 6.0, y(tick) + 4.0), &format!("{:.0}%", tick * 100.0));
    }
    for tick in [100.0, 80.0, 60.0, 40.0, 20.0, 0.0] {
        canvas.text("", "middle", (x(tick / 100.0), y(0.0) + 15.0), &format!("{tick:.0}"));
    }
    for (i, curve) in curves.iter().enumerate().rev() {
        let points: Vec<(f64, f64)> =
            curve.points.iter().map(|(rate, chance)| (x(*rate), y(*chance))).collect();
        canvas.path(if i == 0 { "line" } else { "line thin" }, &points);
        // More runs lie to the left and are named there, fewer to the right, so that no name lies on a curve.
        let own = curves.first().map_or(curve.runs, |own| own.runs);
        let (level, class, dx, anchor) = match curve.runs.cmp(&own) {
            Ordering::Equal => (0.6, "strong", -7.0, "end"),
            Ordering::Greater => (0.8, "", -7.0, "end"),
            Ordering::Less => (0.4, "", 8.0, "start"),
        };
        if let Some((rate, chance)) = curve.points.iter().find(|(_, chance)| *chance >= level) {
            canvas.text(
                class,
                anchor,
                (x(*rate) + dx, y(*chance) + 4.0),
                &format!("{} run{}", curve.runs, plural(curve.runs.into())),
            );
        }
    }
    canvas.line("axis", (left, y(0.0)), (width - right, y(0.0)));
    canvas.text(
        "",
        "middle",
        ((left + width - right) / 2.0, height - 6.0),
        "true pass rate after the drop, %",
    );
    canvas.text("", "start", (4.0, height - 6.0), "↑ found");
    let spoken: Vec<String> = curves
        .first()
        .map(|curve| {
            [0.9, 0.8, 0.5]
                .iter()
                .filter_map(|rate| {
                    let (_, chance) = curve.points.iter().find(|(r, _)| (r - rate).abs() < 1e-6)?;
                    Some(format!("to {:.0}%: {}", rate * 100.0, percent(*chance)))
                })
                .collect()
        })
        .unwrap_or_default();
    canvas.finish(&format!("The chance to find a drop {}.", spoken.join(", ")))
}

/// A share as people read it: `32%`, `1.2%`, `under 0.1%`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent <= 0.0 {
        "0%".to_owned()
    } else if percent < 0.1 {
        "under 0.1%".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1}%")
    } else if percent < 99.95 {
        format!("{percent:.0}%")
    } else if share < 1.0 {
        "over 99.9%".to_owned()
    } else {
        "100%".to_owned()
    }
}

/// A pass rate as people read it: `100%` and `0%` only where it is exactly that, a tenth where there is one.
pub(super) fn rate(share: f64) -> String {
    let percent = share * 100.0;
    let inner = if share > 0.0 && share < 1.0 { percent.clamp(0.1, 99.9) } else { percent };
    let text = format!("{inner:.1}");
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

/// A p-value as people read it: `0.043`, `0.0009`, `3.1e-7`.
pub(super) fn p_value(p: f64) -> String {
    if p >= 0.9995 {
        "1".to_owned()
    } else if p >= 0.01 {
        format!("{p:.3}")
    } else if p >= 0.0001 {
        format!("{p:.4}")
    } else {
        format!("{p:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_keep_their_meaning() {
        assert_eq!(
            [0.0, 0.0004, 0.0123, 0.5, 0.9999].map(percent),
            ["0%", "under 0.1%", "1.2%", "50%", "over 99.9%"]
        );
        assert_eq!([1.0, 0.995, 0.9999, 0.95, 0.0].map(rate), ["100%", "99.5%", "99.9%", "95%", "0%"]);
        assert_eq!([1.0, 0.0432, 0.00091, 3.14e-7].map(p_value), ["1", "0.043", "0.0009", "3.1e-7"]);
    }

    #[test]
    fn text_in_a_tip_is_escaped() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.dot("f-pass", (1.0, 1.0), 2.0, "<script>&");
        assert!(canvas.finish("x").into_string().contains("<title>&lt;script&gt;&amp;</title>"));
    }
}
