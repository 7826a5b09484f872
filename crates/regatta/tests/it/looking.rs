//! Commands that only look: help, version, completions, the checks of `doctor`, and pipes that close.

use crate::program::{Program, Ran};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

#[test]
fn the_version_is_name_and_number() {
    let ran = Program::new().run(&["--version"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, concat!("regatta ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn help_lists_the_commands() {
    insta::assert_snapshot!(Program::new().run(&["--help"]).shown(), @"
    exit 0
    Drives OpenShift z-stream releases from announcement to final QE approval

    Usage: regatta [OPTIONS] <COMMAND>

    Commands:
      demo         Drive a release to its end in an imitated world, in about a minute
      sandbox      Serve the imitated world until interrupted
      drive        Make every move that is legal now, then say what is waited for
      status       Show how releases stand
      timeline     Show what happened to a release, in order
      graph        Show the flow as a picture
      explain      Explain a task or an error code
      override     Decide a task in place of the evidence; recorded
      retry        Ask for another attempt at a task
      reset        Put a task back to its beginning
      issue        Add, resolve or list issues
      statebox     Check, convert or merge StateBox files
      payload-job  The jobs that judge payloads: list, aggregate, check, judge …
      config       Show the settings in force
      doctor       Check settings, credentials and services, a line each
      completions  Print a shell's completions

    Options:
      -o, --output <OUTPUT>
              Form of the output

              Possible values:
              - table: For people
              - wide:  For people, with everything
              - json:  For scripts
              - yaml:  For scripts that prefer it
              
              [default: table]

          --store <STORE>
              Where releases are kept: sqlite:FILE, memory: or github:OWNER/REPO@BRANCH

          --config <FILE>
              Settings file (default: ./regatta.toml, then the user's)

          --color <COLOR>
              Whether to use colour

              Possible values:
              - auto:   On a terminal, unless `NO_COLOR` is set
              - always: Always
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Say only what somebody has to know or do

      -v, --verbose...
              Say more; twice for still more

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Exit codes: 0 done or unchanged, 1 failed (Red, faults found, refused), 2 wrong usage or input, 3
    waiting on the outside, 4 credentials, 5 waiting for a person, 6 conflict, 7 a service is
    unavailable, 70 a fault of Regatta's own.
    Try it without any account: regatta demo
    ");
}

#[test]
fn every_usual_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Program::new().run(&["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{shell}");
        for word in ["regatta", "timeline", "override"] {
            assert!(ran.out.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_reader_who_goes_away_ends_it_quietly() {
    let program = Program::new();
    let mut shell = program.command(&["completions", "bash"]);
    let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // More than a pipe holds is written, and only a little is read.
    let mut out = child.stdout.take().unwrap();
    let mut little = [0; 100];
    out.read_exact(&mut little).unwrap();
    drop(out);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn talk_that_nobody_reads_does_not_end_a_drive() {
    let program = Program::new();
    let mut child = program
        .command(&["demo", "-o", "table"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, 0, "{}", ran.shown());
    assert!(ran.out.contains("Done: every task passed."), "{}", ran.out);
}

/// `doctor --offline` in an environment, without the lines on services whose credentials are just missing.
fn checked(program: &mut Program, env: &[(&str, &str)]) -> String {
    program.env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let ran = program.run(&["doctor", "--offline"]);
    let lines = ran.out.lines().filter(|line| {
        ["sheets", "google_token", "elliott", "store", "gangway"].iter().any(|what| line.starts_with(what))
    });
    let lines: Vec<&str> = lines.collect();
    format!("exit {}\n{}", ran.code, lines.join("\n")).replace(program.home.path().to_str().unwrap(), "~")
}

#[test]
fn a_doctor_knows_what_may_be_left_out_and_what_may_not() {
    let mut program = Program::new();
    let bin = program.home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = bin.to_str().unwrap().to_owned();
    let store = ("REGATTA_STORE", "memory:");
    insta::assert_snapshot!(checked(&mut program, &[store, ("PATH", &path)]), @"
    exit 4
    sheets              ✓ good     not set: releases have no Sheet
    google_token        ✓ good     not set: releases have no Sheet
    elliott             ✗ bad      no program of this name on PATH: install it, or set REGATTA_ELLIOTT to its command (check-cve-tracker-bug asks it)
    store               ✓ good     memory:: 0 releases
    ");

    std::fs::write(bin.join("elliott"), "").unwrap();
    insta::assert_snapshot!(
        checked(&mut program, &[store, ("PATH", &path), ("GCP_SA_FILE", "absent.json")]),
        @r#"
    exit 4
    sheets              ✗ bad      GCP_SA_FILE: cannot read "absent.json": No such file or directory (os error 2)
    google_token        ✗ bad      GCP_SA_FILE: cannot read "absent.json": No such file or directory (os error 2)
    elliott             ✗ bad      no program of this name on PATH: install it, or set REGATTA_ELLIOTT to its command (check-cve-tracker-bug asks it)
    store               ✓ good     memory:: 0 releases
    "#
    );

    std::fs::set_permissions(bin.join("elliott"), PermissionsExt::from_mode(0o755)).unwrap();
    insta::assert_snapshot!(
        checked(&mut program, &[store, ("PATH", &path), ("REGATTA_REPORT_SPREADSHEET", "BOOK")]),
        @"
    exit 4
    sheets              ✓ good     a spreadsheet is set, but no service account (GCP_SA_FILE): releases have no Sheet
    google_token        ✓ good     a spreadsheet is set, but no service account (GCP_SA_FILE): releases have no Sheet
    elliott             ✓ good     found: ~/bin/elliott
    store               ✓ good     memory:: 0 releases
    "
    );
    insta::assert_snapshot!(
        checked(&mut program, &[store, ("PATH", &path), ("REGATTA_ELLIOTT", "podman run elliott")]),
        @r#"
    exit 4
    sheets              ✓ good     not set: releases have no Sheet
    google_token        ✓ good     not set: releases have no Sheet
    elliott             ✗ bad      REGATTA_ELLIOTT names "podman", which is no program
    store               ✓ good     memory:: 0 releases
    "#
    );
}
