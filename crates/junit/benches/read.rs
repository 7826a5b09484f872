//! How fast documents are read: bytes a second.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use std::fmt::Write as _;

fn main() {
    divan::main();
}

/// As an end-to-end run writes it: long names, few failures, some with a log.
fn end_to_end(cases: usize) -> String {
    let mut xml =
        String::from("<testsuites><testsuite name=\"openshift-tests\" tests=\"3000\" time=\"7000\">\n");
    for case in 0..cases {
        let name = format!(
            "[sig-network][Feature:Router][apigroup:route.openshift.io] The HAProxy router should serve route {case} \
             of &quot;host-{}&quot; [Suite:openshift/conformance/parallel]",
            case % 7
        );
        let _ = write!(xml, "  <testcase name=\"{name}\" time=\"{}.25\"", case % 60);
        match case % 50 {
            0 => {
                let log =
                    "I0101 00:00:00.000000 1 reflector.go:1] Waiting for the route, a -&gt; b\n".repeat(40);
                let _ = writeln!(
                    xml,
                    "><failure message=\"timed out\">{log}</failure><system-out>{log}</system-out></testcase>"
                );
            }
            1..=9 => xml.push_str("><skipped message=\"not on this platform\"/></testcase>\n"),
            _ => xml.push_str("></testcase>\n"),
        }
    }
    xml.push_str("</testsuite></testsuites>\n");
    xml
}

fn run(bencher: Bencher<'_, '_>, xml: &str) {
    bencher.counter(BytesCount::of_str(xml)).bench_local(|| {
        let mut names = 0;
        let summary = regatta_junit::read(black_box(xml).as_bytes(), |case| names += case.name.len());
        (summary.map(|summary| summary.cases()).unwrap_or_default(), names)
    });
}

/// 3,000 cases.
#[divan::bench]
fn one_run(bencher: Bencher<'_, '_>) {
    run(bencher, &end_to_end(3_000));
}

/// 64 MB of it.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn large(bencher: Bencher<'_, '_>) {
    run(bencher, &end_to_end(225_000));
}

/// Nothing but tags.
#[divan::bench]
fn dense(bencher: Bencher<'_, '_>) {
    let xml = format!("<testsuite>{}</testsuite>", "<testcase name=\"a\"/>".repeat(50_000));
    run(bencher, &xml);
}

/// One log of 64 MB.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn one_log(bencher: Bencher<'_, '_>) {
    let log = "a line of a log, with <b>tags</b> and -> arrows\n".repeat(1_400_000);
    run(
        bencher,
        &format!(
            "<testsuite><testcase name=\"a\"><system-out><![CDATA[{log}]]></system-out></testcase></testsuite>"
        ),
    );
}
