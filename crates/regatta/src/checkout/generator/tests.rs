//! The steps with stand-ins: `venv/bin/python` is a link to a program that says yes or no to everything, and what is made is
//! in the Makefile. The real Python is met by the program's own tests.

use super::*;
use std::os::unix::fs::symlink;

/// A checkout whose Makefile does what a test needs.
struct Place {
    root: tempfile::TempDir,
    /// The folders of programs; `make` and a shell are to be had from the system.
    search: OsString,
}

impl Place {
    fn new(recipe: &str) -> Self {
        let place =
            Self { root: tempfile::tempdir().unwrap(), search: std::env::var_os("PATH").unwrap_or_default() };
        let recipe: String = recipe.lines().map(|line| format!("\t@{line}\n")).collect();
        fs::write(place.path("Makefile"), format!(".PHONY: {TARGET}\n{TARGET}:\n{recipe}")).unwrap();
        place
    }

    /// With a `venv` whose Python answers everything by `answer`: `true` or `false`.
    fn with_venv(recipe: &str, answer: &str) -> Self {
        let place = Self::new(recipe);
        fs::create_dir_all(place.path("venv/bin")).unwrap();
        symlink(place.program(answer), place.path("venv/bin/python")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn program(&self, name: &str) -> PathBuf {
        std::env::split_paths(&self.search)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
            .unwrap()
    }

    /// Only these programs are to be had, the second of each pair under the first's name.
    fn only(mut self, programs: &[(&str, &str)]) -> Self {
        let bin = self.path("bin");
        fs::create_dir(&bin).unwrap();
        for (name, program) in programs {
            symlink(self.program(program), bin.join(name)).unwrap();
        }
        self.search = bin.into();
        self
    }

    /// With a program of its own in the folder of programs that [`Place::only`] made. It is put there by another process: one
    /// that this process has open for writing might not be started.
    fn with_program(self, name: &str, text: &str) -> Self {
        let draft = self.path("draft");
        fs::write(&draft, text).unwrap();
        fs::set_permissions(&draft, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let copied = std::process::Command::new("cp").arg(&draft).arg(self.path("bin").join(name)).status();
        assert!(copied.unwrap().success());
        self
    }

    fn make(&self) -> Made {
        make_with(self.root.path(), Talk::Quiet, &self.search)
    }

    fn log(&self) -> String {
        self.shown(&fs::read_to_string(self.path("venv").join(log::NAME)).unwrap())
    }

    /// What went wrong, with this place's own path as ROOT and without make's last word, which is in the language of the
    /// tester.
    fn failed(&self, made: &Made) -> String {
        let failed = made.failed.as_deref().unwrap();
        let lines: Vec<&str> = failed.lines().filter(|line| !line.contains(" *** ")).collect();
        self.shown(&lines.join("\n"))
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&self.root.path().canonicalize().unwrap().display().to_string(), "ROOT")
    }
}

#[test]
fn make_runs_in_the_environment_that_activating_the_venv_makes() {
    let place = Place::with_venv(
        r#"echo "in $$(pwd), $$VIRTUAL_ENV, $${PYTHONHOME-none}"
echo "$$PATH" | cut -d: -f1 >&2
echo made > generated.yaml"#,
        "true",
    );
    let made = place.make();
    assert_eq!((made.ran, made.exit_code, &made.failed), (true, Some(0), &None));
    assert_eq!(serde_json::to_string(&made).unwrap(), r#"{"ran":true,"exit_code":0}"#);
    assert_eq!(made.log.unwrap(), place.path("venv").canonicalize().unwrap().join(log::NAME));
    insta::assert_snapshot!(place.log(), @"
    $ ROOT/venv/bin/python -c import yaml
    $ make release-controllers
    in ROOT, ROOT/venv, none
    ROOT/venv/bin
    [exit code 0]
    ");
    assert!(place.path("generated.yaml").exists());
}

#[test]
fn a_failing_make_is_told_with_its_exit_code_its_last_lines_and_the_way_to_repeat_it() {
    let place = Place::with_venv("echo reading; echo 'release 4.21: no such periodics' >&2; exit 3", "true");
    let made = place.make();
    // Make says 2 whatever its recipe says; that is what it said.
    assert_eq!((made.ran, made.exit_code), (true, Some(2)));
    insta::assert_snapshot!(place.failed(&made), @"
    `make release-controllers` failed with exit code 2 in ROOT; the edit stays
      it said last:
        reading
        release 4.21: no such periodics
      to repeat it: cd ROOT && . venv/bin/activate && make release-controllers
      whole output: ROOT/venv/regatta-make-release-controllers.log
    ");
    assert_eq!(made.outcome().unwrap_err().exit_code(), 1);
    assert!(place.log().contains("no such periodics"), "{}", place.log());
}

#[test]
fn a_failure_of_the_network_is_named() {
    let place = Place::with_venv(
        "echo 'curl: (6) Could not resolve host: raw.githubusercontent.com' >&2; exit 6",
        "true",
    );
    insta::assert_snapshot!(place.failed(&place.make()), @"
    `make release-controllers` failed with exit code 2 in ROOT; the edit stays
      it said last:
        curl: (6) Could not resolve host: raw.githubusercontent.com
      this looks like a failure of the network (curl: (6) Could not resolve host: raw.githubusercontent.com): its Makefile downloads with curl (a CRD of the release controller), so it needs the network; check the connection or the proxy settings
      to repeat it: cd ROOT && . venv/bin/activate && make release-controllers
      whole output: ROOT/venv/regatta-make-release-controllers.log
    ");
}

#[test]
fn a_make_that_a_signal_ends_is_told() {
    let place = Place::with_venv("kill -KILL $$PPID", "true");
    let made = place.make();
    assert_eq!((made.ran, made.exit_code), (true, None));
    insta::assert_snapshot!(place.failed(&made), @"
    `make release-controllers` was ended by signal 9 in ROOT; the edit stays
      to repeat it: cd ROOT && . venv/bin/activate && make release-controllers
      whole output: ROOT/venv/regatta-make-release-controllers.log
    ");
}

#[test]
fn what_make_leaves_running_is_not_waited_for() {
    let place = Place::with_venv("tail -f /dev/null & echo $$! > left-running; echo done", "true");
    let made = place.make();
    let id = fs::read_to_string(place.path("left-running")).unwrap();
    std::process::Command::new("sh").args(["-c", "kill \"$0\"", id.trim()]).status().unwrap();
    assert_eq!(made.exit_code, Some(0), "{:?}", made.failed);
    assert!(place.log().contains("done"), "{}", place.log());
}

#[test]
fn pyyaml_that_cannot_be_installed_is_told_before_make_runs() {
    let place = Place::with_venv("echo never", "false");
    let made = place.make();
    assert_eq!((made.ran, made.exit_code), (false, None));
    insta::assert_snapshot!(place.failed(&made), @"
    `python -m pip install PyYAML` failed with exit code 1 in ROOT; the edit stays
      `make release-controllers` needs it and was not run
      pip fetches PyYAML from the package index, so it needs the network
      to repeat it: cd ROOT && . venv/bin/activate && python -m pip install PyYAML && make release-controllers
      whole output: ROOT/venv/regatta-make-release-controllers.log
    ");
    insta::assert_snapshot!(place.log(), @"
    $ ROOT/venv/bin/python -c import yaml
    $ ROOT/venv/bin/python -m pip install --no-input PyYAML
    [exit code 1]
    ");
}

#[test]
fn a_venv_that_cannot_be_made_is_told_and_the_log_is_kept_elsewhere() {
    let place = Place::new("echo never").only(&[("make", "make"), ("python3", "false")]);
    let made = place.make();
    let log = made.log.clone().unwrap();
    let failed = place.failed(&made).replace(&log.display().to_string(), "LOG");
    insta::assert_snapshot!(failed, @"
    `python3 -m venv venv` failed with exit code 1 in ROOT; the edit stays
      `make release-controllers` needs it and was not run
      to repeat it: cd ROOT && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && make release-controllers
      whole output: LOG
    ");
    assert!(log.starts_with(std::env::temp_dir()));
    assert_eq!(fs::read_to_string(&log).unwrap(), "$ python3 -m venv venv\n[exit code 1]\n");
    fs::remove_file(log).unwrap();
}

#[test]
fn a_python_that_makes_no_venv_is_told() {
    let place = Place::new("echo never").only(&[("make", "make"), ("python3", "true")]);
    let made = place.make();
    fs::remove_file(made.log.as_ref().unwrap()).unwrap();
    let failed = place.failed(&made);
    assert!(
        failed.starts_with("`python3 -m venv venv` ended well, but there is no venv in ROOT"),
        "{failed}"
    );
}

#[test]
fn programs_that_are_missing_are_told_before_anything_is_made() {
    let place = Place::new("echo never").only(&[]);
    insta::assert_snapshot!(place.failed(&place.make()), @"`make release-controllers` cannot run: there is no make on the PATH; the edit stays; install it (Debian: apt-get install make), then: cd ROOT && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && make release-controllers");
    let place = Place::new("echo never").only(&[("make", "make")]);
    insta::assert_snapshot!(place.failed(&place.make()), @"`make release-controllers` cannot run: there is no venv, and no python3 on the PATH to make it; the edit stays; install it (Debian: apt-get install python3 python3-venv), then: cd ROOT && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && make release-controllers");
    assert!(!place.path("venv").exists());
}

#[test]
fn a_checkout_without_the_target_is_told_before_anything_is_made() {
    let place = Place::new("echo never");
    fs::write(place.path("Makefile"), "all:\n\techo all\n").unwrap();
    insta::assert_snapshot!(place.failed(&place.make()), @"ROOT/Makefile: has no target release-controllers, so `make release-controllers` cannot run; the edit stays; run it in a whole checkout of the configuration repository");
    fs::remove_file(place.path("Makefile")).unwrap();
    insta::assert_snapshot!(place.failed(&place.make()), @"ROOT: has no Makefile, so `make release-controllers` cannot run; the edit stays; run it in a whole checkout of the configuration repository");
    assert!(!place.path("venv").exists());
}

#[test]
fn a_broken_venv_is_told_and_left_as_it_is() {
    let place = Place::new("echo never");
    fs::create_dir_all(place.path("venv/lib")).unwrap();
    insta::assert_snapshot!(place.failed(&place.make()), @"ROOT/venv: has no bin/python: it is a half-made virtual environment, or none, so `make release-controllers` was not run; the edit stays; nothing there was touched: look at it, then make it anew: cd ROOT && rm -r venv && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && make release-controllers");
    fs::create_dir(place.path("venv/bin")).unwrap();
    symlink("/opt/python3.6/bin/python3", place.path("venv/bin/python")).unwrap();
    insta::assert_snapshot!(place.failed(&place.make()), @"ROOT/venv: its bin/python leads to /opt/python3.6/bin/python3, which is gone (a virtual environment does not outlive its Python), so `make release-controllers` was not run; the edit stays; nothing there was touched: look at it, then make it anew: cd ROOT && rm -r venv && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && make release-controllers");
    assert!(place.path("venv/lib").is_dir() && !place.path("venv").join(log::NAME).exists());

    let place = Place::new("echo never");
    fs::write(place.path("venv"), "a note").unwrap();
    let failed = place.failed(&place.make());
    assert!(failed.starts_with("ROOT/venv: is no folder"), "{failed}");
}

#[test]
fn an_empty_venv_folder_is_as_good_as_none() {
    let place = Place::new("echo never").only(&[("make", "make"), ("python3", "false")]);
    fs::create_dir(place.path("venv")).unwrap();
    let made = place.make();
    fs::remove_file(made.log.as_ref().unwrap()).unwrap();
    assert!(place.failed(&made).starts_with("`python3 -m venv venv` failed with exit code 1"));
}

/// Makes half of an environment, and fails.
const HALF: &str = "#!/bin/sh
mkdir -p venv/bin venv/lib && ln -s /usr/bin/env venv/bin/python && ln -s lib venv/lib64
echo no space left on device >&2
exit 1
";

/// The programs that [`HALF`] needs.
const PROGRAMS: [(&str, &str); 4] = [("make", "make"), ("mkdir", "mkdir"), ("ln", "ln"), ("sh", "sh")];

#[test]
fn a_venv_that_was_begun_and_not_finished_is_removed_again() {
    let place = Place::new("echo never").only(&PROGRAMS).with_program("python3", HALF);
    let made = place.make();
    let log = made.log.clone().unwrap();
    insta::assert_snapshot!(place.failed(&made).replace(&log.display().to_string(), "LOG"), @"
    `python3 -m venv venv` failed with exit code 1 in ROOT; the edit stays
      `make release-controllers` needs it and was not run
      it said last:
        no space left on device
      what it made of ROOT/venv was removed again
      to repeat it: cd ROOT && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && make release-controllers
      whole output: LOG
    ");
    assert!(fs::read_to_string(&log).unwrap().contains("no space left on device"));
    fs::remove_file(log).unwrap();
    assert!(!place.path("venv").exists());

    // A folder that was there before stays, as empty as it was.
    fs::create_dir(place.path("venv")).unwrap();
    let made = place.make();
    fs::remove_file(made.log.as_ref().unwrap()).unwrap();
    assert_eq!(fs::read_dir(place.path("venv")).unwrap().count(), 0);
}

#[test]
fn a_venv_that_ends_up_without_a_python_is_removed_again() {
    let text = "#!/bin/sh\nmkdir -p venv/lib\n";
    let place = Place::new("echo never").only(&PROGRAMS).with_program("python3", text);
    let made = place.make();
    fs::remove_file(made.log.as_ref().unwrap()).unwrap();
    assert!(place.failed(&made).contains("ended well, but there is no venv"), "{made:?}");
    assert!(!place.path("venv").exists());
}

#[test]
fn a_venv_without_pip_is_to_be_made_anew() {
    // As it is when its making was killed: a Python is there, and nothing else.
    let text = "#!/bin/sh\n[ \"$1\" = -c ] && exit 1\necho \"$0: No module named pip\" >&2\nexit 1\n";
    let place = Place::new("echo never").only(&PROGRAMS).with_program("half", text);
    fs::create_dir_all(place.path("venv/bin")).unwrap();
    fs::rename(place.path("bin/half"), place.path("venv/bin/python")).unwrap();
    for _ in 0..2 {
        // Doing it again says the same, and nothing of the environment is touched.
        insta::allow_duplicates! {
            insta::assert_snapshot!(place.failed(&place.make()), @"
            `python -m pip install PyYAML` failed with exit code 1 in ROOT; the edit stays
              `make release-controllers` needs it and was not run
              it said last:
                ROOT/venv/bin/python: No module named pip
              ROOT/venv has no pip that works: it was made only half, or without one; the command below makes it anew
              to repeat it: cd ROOT && rm -r venv && python3 -m venv venv && . venv/bin/activate && python -m pip install PyYAML && make release-controllers
              whole output: ROOT/venv/regatta-make-release-controllers.log
            ");
        }
    }
    assert!(place.path("venv/bin/python").exists());
}
