use super::*;
use std::os::unix::fs::symlink;
use std::process::Command;

const OLD: &[u8] = b"{\n  \"name\": \"old\"\n}\n";
const NEW: &[u8] = b"{\n  \"name\": \"new\", \"message\": \"longer than before\"\n}";

/// A checkout with one configuration, and a place beside it that is not of it.
struct Place {
    all: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { all: tempfile::tempdir().unwrap() };
        fs::create_dir_all(place.releases()).unwrap();
        fs::create_dir(place.all.path().join("elsewhere")).unwrap();
        fs::write(place.config(), OLD).unwrap();
        place
    }

    fn root(&self) -> PathBuf {
        self.all.path().join("checkout")
    }

    fn releases(&self) -> PathBuf {
        self.root().join("_releases")
    }

    fn config(&self) -> PathBuf {
        self.releases().join("release-ocp-4.21.json")
    }

    fn read(&self) -> Original {
        Original::read(&self.root(), &self.config()).unwrap()
    }

    /// The names in the folder of the configuration.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.releases()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Exit code and message, with this place's own path taken out.
    fn failure(&self, error: ReplaceError) -> String {
        let failure = Failure::from(error);
        let all = self.all.path().canonicalize().unwrap();
        format!("exit {}: {failure}", failure.exit_code()).replace(&all.display().to_string(), "")
    }
}

fn create_or_replace(root: &Path, path: &Path, new: &[u8]) -> Result<Written, ReplaceError> {
    Original::read_or_absent(root, path)?.replace(new)
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_is_replaced_whole_and_keeps_its_permissions() {
    let place = Place::new();
    chmod(&place.config(), 0o640);
    let original = place.read();
    assert_eq!((original.bytes(), original.existed()), (OLD, true));
    assert_eq!(original.replace(NEW).unwrap(), Written::Replaced);
    assert_eq!(fs::read(place.config()).unwrap(), NEW);
    assert_eq!(fs::metadata(place.config()).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(place.names(), ["release-ocp-4.21.json"], "nothing is left beside it");
}

#[test]
fn contents_that_are_there_already_are_not_written_again() {
    let place = Place::new();
    let inode = fs::metadata(place.config()).unwrap().ino();
    assert_eq!(place.read().replace(OLD).unwrap(), Written::Unchanged);
    assert_eq!(fs::metadata(place.config()).unwrap().ino(), inode);
}

#[test]
fn a_read_only_file_is_replaced_only_by_those_who_may_write_it() {
    let place = Place::new();
    chmod(&place.config(), 0o444);
    // Root may; what is asked here is the system, not the mode.
    let may = fs::OpenOptions::new().write(true).open(place.config()).is_ok();
    let original = place.read();
    assert_eq!(original.may_be_replaced().is_ok(), may, "known before anybody is asked");
    match original.replace(NEW) {
        Ok(written) => assert_eq!((written, may), (Written::Replaced, true)),
        Err(error) => assert!(matches!(error, ReplaceError::ReadOnly { .. }) && !may, "{error}"),
    }
    assert_eq!(fs::read(place.config()).unwrap(), if may { NEW } else { OLD });
    assert_eq!(fs::metadata(place.config()).unwrap().mode() & 0o7777, 0o444);
}

#[test]
fn a_file_that_changed_meanwhile_is_a_conflict() {
    let place = Place::new();
    let original = place.read();
    fs::write(place.config(), b"{}").unwrap();
    insta::assert_snapshot!(place.failure(original.replace(NEW).unwrap_err()), @"exit 6: /checkout/_releases/release-ocp-4.21.json: was changed by somebody else after it was read; nothing was written; look at it and run again");
    assert_eq!(fs::read(place.config()).unwrap(), b"{}");

    let original = place.read();
    fs::remove_file(place.config()).unwrap();
    insta::assert_snapshot!(place.failure(original.replace(NEW).unwrap_err()), @"exit 6: /checkout/_releases/release-ocp-4.21.json: was removed after it was read; nothing was written; look at it and run again");
}

#[test]
fn a_change_between_the_first_look_and_the_last_is_a_conflict() {
    for step in [Step::Begun, Step::Filled, Step::Synced] {
        let place = Place::new();
        let error = place.read().replace_by_steps(NEW, |at| {
            if at == step {
                fs::write(place.config(), b"theirs").unwrap();
            }
        });
        assert!(matches!(error, Err(ReplaceError::Changed { .. })), "{step:?}: {error:?}");
        assert_eq!(fs::read(place.config()).unwrap(), b"theirs", "{step:?}");
        assert_eq!(place.names(), ["release-ocp-4.21.json"], "{step:?}");
    }
}

#[test]
fn of_two_changes_at_once_one_is_a_conflict() {
    let place = Place::new();
    let (first, second) = (place.read(), place.read());
    let mut met = None;
    first
        .replace_by_steps(NEW, |at| {
            if at == Step::Compared {
                met = Some(second.replace(b"second").unwrap_err());
            }
        })
        .unwrap();
    insta::assert_snapshot!(place.failure(met.unwrap()), @"exit 6: /checkout/_releases/release-ocp-4.21.json: is being written by another process at this moment; nothing was written; look at it and run again");
    assert!(matches!(second.replace(b"second"), Err(ReplaceError::Changed { .. })), "the first is done");
    assert_eq!(fs::read(place.config()).unwrap(), NEW);
}

#[test]
fn a_link_inside_the_checkout_stays_and_its_target_is_replaced() {
    let place = Place::new();
    let link = place.root().join("link.json");
    symlink("_releases/release-ocp-4.21.json", &link).unwrap();
    let original = Original::read(&place.root(), &link).unwrap();
    assert_eq!(original.target, place.config().canonicalize().unwrap());
    assert_eq!(original.replace(NEW).unwrap(), Written::Replaced);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(!fs::symlink_metadata(place.config()).unwrap().is_symlink());
    assert_eq!(fs::read(place.config()).unwrap(), NEW);
}

#[test]
fn a_link_that_leads_out_of_the_checkout_is_refused() {
    let place = Place::new();
    let outside = place.all.path().join("elsewhere/theirs.json");
    fs::write(&outside, OLD).unwrap();
    fs::remove_file(place.config()).unwrap();
    symlink(&outside, place.config()).unwrap();
    insta::assert_snapshot!(place.failure(place.read().replace(NEW).unwrap_err()), @"exit 2: /checkout/_releases/release-ocp-4.21.json: leads to /elsewhere/theirs.json, which lies outside the checkout /checkout; nothing was written; change that file where it belongs, or put a file of its own here");
    assert_eq!(fs::read(&outside).unwrap(), OLD);

    let folder = place.releases().join("priv");
    symlink(place.all.path().join("elsewhere"), &folder).unwrap();
    let error = create_or_replace(&place.root(), &folder.join("new.json"), NEW).unwrap_err();
    assert!(matches!(error, ReplaceError::Outside { .. }), "a folder on the way is looked at too: {error}");
    assert!(!place.all.path().join("elsewhere/new.json").exists());
}

#[test]
fn a_link_put_in_the_place_of_the_file_meanwhile_is_a_conflict() {
    let place = Place::new();
    let original = place.read();
    let other = place.root().join("other.json");
    fs::rename(place.config(), &other).unwrap();
    symlink(&other, place.config()).unwrap();
    insta::assert_snapshot!(place.failure(original.replace(NEW).unwrap_err()), @"exit 6: /checkout/_releases/release-ocp-4.21.json: was moved or linked to another file after it was read; nothing was written; look at it and run again");
    assert_eq!(fs::read(other).unwrap(), OLD);
}

#[test]
fn what_is_no_regular_file_is_refused_before_it_is_opened() {
    let place = Place::new();
    let error = Original::read(&place.root(), &place.releases()).unwrap_err();
    insta::assert_snapshot!(place.failure(error), @"exit 2: /checkout/_releases: is a folder, not a regular file; nothing was written; name a release configuration");
    let pipe = place.releases().join("pipe.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = Original::read(&place.root(), &pipe).unwrap_err();
    assert!(matches!(error, ReplaceError::NotAFile { what: "a device, pipe or socket", .. }), "{error}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let place = Place::new();
    let missing = place.releases().join("release-ocp-9.9.json");
    let error = Original::read(&place.root(), &missing).unwrap_err();
    insta::assert_snapshot!(place.failure(error), @"exit 2: /checkout/_releases/release-ocp-9.9.json: there is no such file");
    symlink("nowhere.json", &missing).unwrap();
    insta::assert_snapshot!(place.failure(Original::read(&place.root(), &missing).unwrap_err()), @"exit 2: /checkout/_releases/release-ocp-9.9.json: is a link to nowhere.json, and nothing is there");
}

#[test]
fn what_is_derived_is_made_with_its_folder_or_replaced() {
    let place = Place::new();
    let derived = place.releases().join("priv/release-ocp-4.21.json");
    let write = |new: &[u8]| create_or_replace(&place.root(), &derived, new).unwrap();
    assert_eq!(write(OLD), Written::Created);
    assert_eq!(write(OLD), Written::Unchanged);
    assert_eq!(write(NEW), Written::Replaced);
    assert_eq!(fs::read(&derived).unwrap(), NEW);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&derived), mode(&place.config()), "made as any other file is");
}

#[test]
fn a_file_made_by_somebody_else_meanwhile_is_a_conflict() {
    let place = Place::new();
    let path = place.releases().join("new.json");
    let absent = || Original::read_or_absent(&place.root(), &path).unwrap();
    for step in [Step::Begun, Step::Compared] {
        let _ = fs::remove_file(&path);
        let error = absent().replace_by_steps(NEW, |at| {
            if at == step {
                fs::write(&path, b"theirs").unwrap();
            }
        });
        insta::allow_duplicates! {
            insta::assert_snapshot!(place.failure(error.unwrap_err()), @"exit 6: /checkout/_releases/new.json: was made by somebody else after it was read; nothing was written; look at it and run again");
        }
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
    }
}

#[test]
fn leftovers_of_crashes_are_removed_and_what_others_hold_is_not() {
    let place = Place::new();
    let beside = |name: &str| place.releases().join(name);
    let ours = ".release-ocp-4.21.json.regatta-AbCdEf.swp";
    let held = ".release-ocp-4.21.json.regatta-GhIjKl.swp";
    // An editor's, another file's, and another file's whose name begins alike.
    let foreign = [
        ".release-ocp-4.21.json.swp",
        ".release-ocp-4.20.json.regatta-AbCdEf.swp",
        ".release-ocp-4.21.json.bak.regatta-AbCdEf.swp",
    ];
    for name in foreign.iter().chain([&ours, &held]) {
        fs::write(beside(name), b"half").unwrap();
    }
    let holder = File::open(beside(held)).unwrap();
    holder.lock().unwrap();
    place.read().replace(NEW).unwrap();
    let mut expected = vec![held, "release-ocp-4.21.json"];
    expected.extend(foreign);
    expected.sort_unstable();
    assert_eq!(place.names(), expected);
}

/// The variables through which a test tells the process that is to crash what to do.
const CRASH: [&str; 2] = ["REGATTA_TEST_CRASH_ROOT", "REGATTA_TEST_CRASH_AT"];

/// Does nothing by itself: [`a_crash_at_any_step_leaves_the_old_file_or_the_new`] starts it in a process of its own.
#[test]
fn crashing_process() {
    let [Ok(root), Ok(step)] = CRASH.map(std::env::var) else { return };
    let root = PathBuf::from(root);
    let original = Original::read_or_absent(&root, &root.join("_releases/release-ocp-4.21.json")).unwrap();
    original
        .replace_by_steps(NEW, |at| {
            if format!("{at:?}") == step {
                // Nothing is cleaned up on this way out.
                std::process::exit(99);
            }
        })
        .unwrap();
}

#[test]
fn a_crash_at_any_step_leaves_the_old_file_or_the_new() {
    let this = std::env::current_exe().unwrap();
    let test = format!("{}::crashing_process", module_path!().split_once("::").unwrap().1);
    for existed in [true, false] {
        for (step, expected, leftovers) in [
            (Step::Begun, OLD, 1),
            (Step::Filled, OLD, 1),
            (Step::Synced, OLD, 1),
            (Step::Compared, OLD, 1),
            (Step::Renamed, NEW, 0),
        ] {
            let place = Place::new();
            if !existed {
                fs::remove_file(place.config()).unwrap();
            }
            let ended = Command::new(&this)
                .args(["--exact", &test, "--nocapture"])
                .env(CRASH[0], place.root())
                .env(CRASH[1], format!("{step:?}"))
                .output()
                .unwrap();
            assert_eq!(ended.status.code(), Some(99), "{step:?}: {}", String::from_utf8_lossy(&ended.stderr));
            let expected = (existed || expected == NEW).then_some(expected);
            assert_eq!(fs::read(place.config()).ok().as_deref(), expected, "{step:?}");
            let names = place.names();
            let configs = names.iter().filter(|name| name.ends_with(".json")).count();
            assert_eq!(
                (names.len() - configs, configs),
                (leftovers, usize::from(expected.is_some())),
                "{names:?}"
            );

            // The next change finds its way, and clears up.
            create_or_replace(&place.root(), &place.config(), b"next").unwrap();
            assert_eq!(fs::read(place.config()).unwrap(), b"next");
            assert_eq!(place.names(), ["release-ocp-4.21.json"], "{step:?}");
        }
    }
}

#[test]
fn a_path_is_quoted_for_the_shell_only_where_it_must() {
    assert_eq!(quoted(Path::new("/home/kim/release")), "/home/kim/release");
    assert_eq!(quoted(Path::new("/home/kim's own")), r"'/home/kim'\''s own'");
}
