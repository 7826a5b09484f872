use super::error::StoppedBy;
use super::replace::{Step, replace_all_by_steps};
use super::*;
use crate::failure::Failure;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

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

/// One file by itself.
impl Original {
    fn read(root: &Path, path: &Path) -> Result<Self, ReplaceError> {
        let original = Self::read_or_absent(root, path)?;
        if original.existed() { Ok(original) } else { Err(ReplaceError::Missing { path: path.to_owned() }) }
    }

    fn replace(&self, new: &[u8]) -> Result<Written, ReplaceError> {
        self.replace_by_steps(new, |_| {})
    }

    fn replace_by_steps(&self, new: &[u8], mut at: impl FnMut(Step)) -> Result<Written, ReplaceError> {
        Ok(replace_all_by_steps(&[(self, new)], |_, step| at(step))?[0])
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
    insta::assert_snapshot!(place.failure(error), @"exit 2: /checkout/_releases: is a folder, not a regular file; name a release configuration");
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

/// Public and private contents before and after.
const BOTH_OLD: [Option<&[u8]>; 2] = [Some(OLD), Some(b"old private")];
const BOTH_NEW: [Option<&[u8]>; 2] = [Some(NEW), Some(b"new private")];

/// A configuration and its private counterpart.
impl Place {
    fn private(&self) -> PathBuf {
        self.releases().join("priv/release-ocp-4.21.json")
    }

    fn with_private() -> Self {
        let place = Self::new();
        fs::create_dir(place.releases().join("priv")).unwrap();
        fs::write(place.private(), BOTH_OLD[1].unwrap()).unwrap();
        place
    }

    fn both(&self) -> [Original; 2] {
        both(&self.root())
    }

    fn replace_both(&self, at: impl FnMut(usize, Step)) -> Result<Vec<Written>, ReplaceError> {
        replace_pair(&self.both(), at)
    }

    fn holds(&self, expected: [Option<&[u8]>; 2], when: &str) {
        let [public, private] = [self.config(), self.private()].map(|path| fs::read(path).ok());
        assert_eq!([public.as_deref(), private.as_deref()], expected, "{when}");
    }

    /// How many temporary files lie beside the two.
    fn leftovers(&self) -> usize {
        let folders = [self.releases(), self.releases().join("priv")];
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        entries
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(SUFFIX))
            .count()
    }
}

fn both(root: &Path) -> [Original; 2] {
    ["_releases/release-ocp-4.21.json", "_releases/priv/release-ocp-4.21.json"]
        .map(|file| Original::read_or_absent(root, &root.join(file)).unwrap())
}

fn replace_pair(
    [public, private]: &[Original; 2],
    at: impl FnMut(usize, Step),
) -> Result<Vec<Written>, ReplaceError> {
    replace_all_by_steps(&[(public, BOTH_NEW[0].unwrap()), (private, BOTH_NEW[1].unwrap())], at)
}

#[test]
fn several_files_are_replaced_together() {
    let place = Place::with_private();
    assert_eq!(place.replace_both(|_, _| {}).unwrap(), [Written::Replaced, Written::Replaced]);
    place.holds(BOTH_NEW, "");
    assert_eq!(place.replace_both(|_, _| {}).unwrap(), [Written::Unchanged, Written::Unchanged]);

    let place = Place::new();
    assert_eq!(place.replace_both(|_, _| {}).unwrap(), [Written::Replaced, Written::Created]);
    place.holds(BOTH_NEW, "");
    assert_eq!(place.leftovers(), 0);
}

#[test]
fn when_the_second_file_is_locked_the_first_stays_as_it_is() {
    let place = Place::with_private();
    let holder = File::open(place.private()).unwrap();
    holder.lock().unwrap();
    insta::assert_snapshot!(place.failure(place.replace_both(|_, _| {}).unwrap_err()), @"exit 6: /checkout/_releases/priv/release-ocp-4.21.json: is being written by another process at this moment; nothing was written; look at it and run again");
    place.holds(BOTH_OLD, "");
    assert_eq!(place.leftovers(), 0);
}

#[test]
fn when_either_file_changes_before_the_first_is_replaced_both_stay_as_they_are() {
    for (changed, when) in
        [(0, (1, Step::Begun)), (0, (1, Step::Synced)), (1, (0, Step::Begun)), (1, (0, Step::Compared))]
    {
        let place = Place::with_private();
        let error = place.replace_both(|number, step| {
            if (number, step) == when {
                fs::write([place.config(), place.private()][changed].as_path(), b"theirs").unwrap();
            }
        });
        assert!(matches!(error, Err(ReplaceError::Changed { .. })), "{when:?}: {error:?}");
        let mut expected = BOTH_OLD;
        expected[changed] = Some(b"theirs");
        place.holds(expected, &format!("{when:?}"));
        assert_eq!(place.leftovers(), 0, "{when:?}");
    }
}

#[test]
fn a_folder_made_for_a_file_that_is_not_written_goes_again() {
    let place = Place::new();
    let error = place.replace_both(|number, step| {
        if (number, step) == (1, Step::Synced) {
            fs::write(place.config(), b"theirs").unwrap();
        }
    });
    assert!(matches!(error, Err(ReplaceError::Changed { .. })), "{error:?}");
    assert_eq!(place.names(), ["release-ocp-4.21.json"]);
}

#[test]
fn a_failure_between_the_files_tells_which_are_changed() {
    let place = Place::new();
    let error = place.replace_both(|number, step| {
        if (number, step) == (0, Step::Renamed) {
            fs::write(place.private(), b"theirs").unwrap();
        }
    });
    insta::assert_snapshot!(place.failure(error.unwrap_err()), @"exit 6: not all files could be written. Changed: /checkout/_releases/release-ocp-4.21.json. Not changed: /checkout/_releases/priv/release-ocp-4.21.json (was made by somebody else after it was read). No file is half written; look at them (`git diff`), then run again for the rest, or put back what is changed");
    place.holds([Some(NEW), Some(b"theirs")], "");

    let place = Place::with_private();
    let error = place.replace_both(|number, step| {
        if (number, step) == (0, Step::Renamed) {
            fs::remove_dir_all(place.releases().join("priv")).unwrap();
        }
    });
    let error = error.unwrap_err();
    assert!(matches!(&error, ReplaceError::Partly { by: StoppedBy::System, .. }), "{error}");
    insta::assert_snapshot!(place.failure(error), @"exit 1: not all files could be written. Changed: /checkout/_releases/release-ocp-4.21.json. Not changed: /checkout/_releases/priv/release-ocp-4.21.json (No such file or directory (os error 2)). No file is half written; look at them (`git diff`), then run again for the rest, or put back what is changed");
    place.holds([Some(NEW), None], "");

    // Where nothing had to be written before it, nothing is changed.
    let place = Place::new();
    fs::write(place.config(), NEW).unwrap();
    let error = place.replace_both(|number, step| {
        if (number, step) == (0, Step::Renamed) {
            fs::write(place.private(), b"theirs").unwrap();
        }
    });
    assert!(matches!(error, Err(ReplaceError::Changed { .. })), "{error:?}");
}

#[test]
fn two_names_of_one_file_are_refused() {
    let place = Place::with_private();
    for link in [
        |to: &Path, at: &Path| symlink(to, at).unwrap(),
        |to: &Path, at: &Path| fs::hard_link(to, at).unwrap(),
    ] {
        fs::remove_file(place.private()).unwrap();
        link(&place.config(), &place.private());
        insta::allow_duplicates! {
            insta::assert_snapshot!(place.failure(place.replace_both(|_, _| {}).unwrap_err()), @"exit 2: /checkout/_releases/release-ocp-4.21.json and /checkout/_releases/priv/release-ocp-4.21.json are one file by two names; nothing was written; put a file of its own at each");
        }
        place.holds([Some(OLD), Some(OLD)], "");
    }
}

#[test]
fn others_read_regular_files_of_a_reasonable_size_alone() {
    let place = Place::new();
    let why = |name: &str| place.failure(read_regular(&place.releases().join(name)).unwrap_err());
    let large = File::create(place.releases().join("large.json")).unwrap();
    large.set_len(MOST_BYTES + 1).unwrap();
    assert!(Command::new("mkfifo").arg(place.releases().join("pipe.json")).status().unwrap().success());
    symlink("gone.json", place.releases().join("dangling.json")).unwrap();
    symlink("pipe.json", place.releases().join("leads-to-pipe.json")).unwrap();
    insta::assert_snapshot!(
        ["large.json", "pipe.json", "leads-to-pipe.json", ".", "dangling.json", "none.json", "none/none.json"].map(why).join("\n"),
        @"
    exit 2: /checkout/_releases/large.json: is larger than 64 MiB, and no release configuration is; name a release configuration
    exit 2: /checkout/_releases/pipe.json: is a device, pipe or socket, not a regular file; name a release configuration
    exit 2: /checkout/_releases/leads-to-pipe.json: is a device, pipe or socket, not a regular file; name a release configuration
    exit 2: /checkout/_releases/.: is a folder, not a regular file; name a release configuration
    exit 2: /checkout/_releases/dangling.json: is a link to gone.json, and nothing is there
    exit 2: /checkout/_releases/none.json: there is no such file
    exit 2: /checkout/_releases/none/none.json: there is no such file
    "
    );
    assert!(matches!(read_regular(Path::new("/dev/null")), Err(ReplaceError::NotAFile { .. })));

    // Unlike what is to be replaced, what is only read may lie anywhere.
    let outside = place.all.path().join("elsewhere/theirs.json");
    fs::write(&outside, OLD).unwrap();
    symlink(&outside, place.releases().join("link.json")).unwrap();
    assert_eq!(read_regular(&place.releases().join("link.json")).unwrap(), OLD);
}

/// The variables through which a test tells a process of its own what to do.
const ROOT: &str = "REGATTA_TEST_ROOT";
const CRASH_AT: &str = "REGATTA_TEST_CRASH_AT";

/// This program, to run one of its tests by itself at `place`.
fn process(test: &str, place: &Place) -> Command {
    let test = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &test, "--nocapture"]).env(ROOT, place.root());
    command
}

/// Does nothing by itself: [`a_folder_that_takes_no_new_file_is_known_beforehand`] starts it in a process of its own.
#[test]
fn forbidden_process() {
    let Ok(root) = std::env::var(ROOT).map(PathBuf::from) else { return };
    if std::env::var_os(CRASH_AT).is_some() {
        return;
    }
    let pair = both(&root);
    pair[0].may_be_replaced().unwrap();
    for error in [pair[1].may_be_replaced().unwrap_err(), replace_pair(&pair, |_, _| {}).unwrap_err()] {
        let failure = Failure::from(error);
        println!("told: exit {}: {failure}", failure.exit_code());
    }
}

/// Runs it as somebody whom permissions stop; none where the system does not let that happen.
fn run_forbidden(place: &Place) -> Option<Output> {
    let mut command = process("forbidden_process", place);
    if fs::metadata(place.root()).unwrap().uid() == 0 {
        const NOBODY: u32 = 65534;
        let folders =
            [place.all.path().to_owned(), place.root(), place.releases(), place.releases().join("priv")];
        for path in folders.into_iter().chain([place.config(), place.private()]).filter(|path| path.exists())
        {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    match command.output() {
        // The tests themselves lie where nobody else may go.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
        ended => Some(ended.unwrap()),
    }
}

#[test]
fn a_folder_that_takes_no_new_file_is_known_beforehand() {
    let told = |place: &Place, closed: &Path| {
        chmod(closed, 0o555);
        let ended = run_forbidden(place);
        chmod(closed, 0o755);
        let ended = ended?;
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "{out}{err}");
        let all = place.all.path().canonicalize().unwrap().display().to_string();
        // The test runner's own words stand before the first.
        let lines =
            out.lines().filter_map(|line| line.split_once("told: ")).map(|(_, told)| told.replace(&all, ""));
        Some(lines.collect::<Vec<_>>().join("\n"))
    };
    let place = Place::with_private();
    if let Some(told) = told(&place, &place.releases().join("priv")) {
        insta::assert_snapshot!(told, @"
        exit 2: /checkout/_releases/priv/release-ocp-4.21.json: is replaced by a new file, and none can be made in its folder /checkout/_releases/priv (permission denied); nothing was written; make the folder writable (`chmod u+w /checkout/_releases/priv`) and run again
        exit 2: /checkout/_releases/priv/release-ocp-4.21.json: is replaced by a new file, and none can be made in its folder /checkout/_releases/priv (permission denied); nothing was written; make the folder writable (`chmod u+w /checkout/_releases/priv`) and run again
        ");
        place.holds(BOTH_OLD, "the first file stays as it was");
    }
    assert_eq!(place.leftovers(), 0);

    // The same where there is no private file yet.
    let place = Place::with_private();
    fs::remove_file(place.private()).unwrap();
    if let Some(told) = told(&place, &place.releases().join("priv")) {
        assert!(told.contains("_releases/priv ("), "{told}");
        place.holds([Some(OLD), None], "the first file stays as it was");
    }
}

#[test]
fn asking_whether_a_file_may_be_replaced_leaves_no_trace() {
    let place = Place::new();
    place.read().may_be_replaced().unwrap();
    let derived = Original::read_or_absent(&place.root(), &place.private()).unwrap();
    derived.may_be_replaced().unwrap();
    assert_eq!(place.names(), ["release-ocp-4.21.json"]);
    // A folder of the system's own, which takes no file from anybody.
    #[cfg(target_os = "linux")]
    {
        let closed = Original::read_or_absent(Path::new("/proc/self"), Path::new("/proc/self/comm")).unwrap();
        let why = closed.may_be_replaced().unwrap_err().to_string();
        assert!(why.contains("new file"), "{why}");
    }
}

/// Does nothing by itself: [`a_crash_at_any_step_leaves_each_file_old_or_new`] starts it in a process of its own.
#[test]
fn crashing_process() {
    let [Ok(root), Ok(step)] = [ROOT, CRASH_AT].map(std::env::var) else { return };
    replace_pair(&both(Path::new(&root)), |number, at| {
        if format!("{number} {at:?}") == step {
            // Nothing is cleaned up on this way out.
            std::process::exit(99);
        }
    })
    .unwrap();
}

#[test]
fn a_crash_at_any_step_leaves_each_file_old_or_new() {
    let [old, new] = [BOTH_OLD, BOTH_NEW];
    for existed in [true, false] {
        for (number, step, expected, leftovers) in [
            (0, Step::Begun, old, 1),
            (0, Step::Filled, old, 1),
            (0, Step::Synced, old, 1),
            (1, Step::Begun, old, 2),
            (1, Step::Filled, old, 2),
            (1, Step::Synced, old, 2),
            (0, Step::Compared, old, 2),
            (1, Step::Compared, old, 2),
            (0, Step::Renamed, [new[0], old[1]], 1),
            (1, Step::Renamed, new, 0),
        ] {
            let step = format!("{number} {step:?}");
            let place = Place::with_private();
            if !existed {
                fs::remove_file(place.config()).unwrap();
                fs::remove_dir_all(place.releases().join("priv")).unwrap();
            }
            let ended = process("crashing_process", &place).env(CRASH_AT, &step).output().unwrap();
            assert_eq!(ended.status.code(), Some(99), "{step}: {}", String::from_utf8_lossy(&ended.stderr));
            let there = |number: usize| expected[number].filter(|now| existed || Some(*now) == new[number]);
            place.holds([there(0), there(1)], &step);
            assert_eq!(place.leftovers(), leftovers, "{step}");

            // The next change finds its way, and clears up.
            let next: [&[u8]; 2] = [b"next", b"next private"];
            let [public, private] = place.both();
            replace_all(&[(&public, next[0]), (&private, next[1])]).unwrap();
            place.holds(next.map(Some), &step);
            assert_eq!(place.leftovers(), 0, "{step}");
        }
    }
}

#[test]
fn a_read_only_file_that_is_as_wanted_is_unchanged() {
    let place = Place::new();
    chmod(&place.config(), 0o444);
    assert_eq!(place.read().replace(OLD).unwrap(), Written::Unchanged);
}

#[test]
fn a_path_is_quoted_for_the_shell_only_where_it_must() {
    assert_eq!(quoted(Path::new("/home/kim/release")), "/home/kim/release");
    assert_eq!(quoted(Path::new("/home/kim's own")), r"'/home/kim'\''s own'");
}
