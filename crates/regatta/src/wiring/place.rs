//! The place of a process: equal for two processes only where each sees in `/proc` whether the other still runs.
//!
//! A driver that finds a release held by a process of its own place, and no such process, takes over at once; everywhere
//! else it waits until the lease has run out. So a place that two separate sets of processes share would let one driver
//! act beside another that lives. Containers made from one image share their machine's id and host name, and all
//! containers of a machine share its boot; what tells them apart is the namespace that their process numbers belong to.
//! Where any of this cannot be read there is no place, and only the lease's end counts.

use regatta_kit::ids::digest;
use std::path::Path;

/// This process' place, short enough to be part of a name. `named` is what the user calls it (`REGATTA_PLACE`): it only
/// ever tells places apart, such as machines woken from one memory image, which have the same boot.
pub(super) fn here(named: &str) -> Option<String> {
    seen_from(Path::new("/"), std::process::id(), named)
}

fn seen_from(root: &Path, process: u32, named: &str) -> Option<String> {
    let read = |file: &str| std::fs::read_to_string(root.join(file)).map(|text| text.trim().to_owned()).ok();
    let link = |file: &str| Some(std::fs::read_link(root.join(file)).ok()?.display().to_string());
    // A /proc of other processes than this one's own, as in a namespace without a mount of its own, tells nothing.
    let proc_is_ours = link("proc/self")? == process.to_string();
    // The first process is always there; a /proc that hides it hides other users' processes too.
    let shows_everybody = root.join("proc/1").exists();
    if !(proc_is_ours && shows_everybody) {
        return None;
    }
    let boot = read("proc/sys/kernel/random/boot_id").filter(|id| !id.is_empty())?;
    let namespace = link("proc/self/ns/pid")?;
    let host = read("proc/sys/kernel/hostname").unwrap_or_default();
    let machine = read("etc/machine-id").unwrap_or_default();
    Some(digest([boot, namespace, host, machine, named.to_owned()].join("\n").as_bytes(), 12))
}

#[cfg(test)]
mod tests {
    use super::seen_from;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// What process 42 finds on a machine, or in a container.
    fn machine(boot: &str, namespace: &str, host: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("proc/sys/kernel/random/boot_id", boot);
        write("proc/sys/kernel/hostname", host);
        write("etc/machine-id", "0123456789abcdef\n");
        write("proc/1/stat", "");
        fs::create_dir_all(root.path().join("proc/42/ns")).unwrap();
        symlink(namespace, root.path().join("proc/42/ns/pid")).unwrap();
        symlink("42", root.path().join("proc/self")).unwrap();
        root
    }

    fn place(root: &Path) -> Option<String> {
        seen_from(root, 42, "")
    }

    #[test]
    fn containers_of_one_image_on_one_machine_are_different_places() {
        let one = machine("b1\n", "pid:[4026532001]", "driver\n");
        let same = machine("b1\n", "pid:[4026532001]", "driver\n");
        let other_container = machine("b1\n", "pid:[4026532002]", "driver\n");
        let other_machine = machine("b2\n", "pid:[4026532001]", "driver\n");
        let other_host = machine("b1\n", "pid:[4026532001]", "driver-2\n");
        let here = place(one.path());
        assert!(here.as_ref().is_some_and(|place| place.len() == 12), "{here:?}");
        assert_eq!(place(same.path()), here);
        for other in [other_container, other_machine, other_host] {
            assert_ne!(place(other.path()), here);
        }
        assert_ne!(seen_from(one.path(), 42, "the second clone"), here);
    }

    #[test]
    fn without_a_proc_that_shows_every_process_there_is_no_place() {
        let files = ["proc/self", "proc/42/ns/pid", "proc/sys/kernel/random/boot_id"];
        for missing in files {
            let machine = machine("b1", "pid:[1]", "driver");
            assert!(place(machine.path()).is_some());
            fs::remove_file(machine.path().join(missing)).unwrap();
            assert_eq!(place(machine.path()), None, "without {missing}");
        }
        let hidden = machine("b1", "pid:[1]", "driver");
        fs::remove_dir_all(hidden.path().join("proc/1")).unwrap();
        assert_eq!(place(hidden.path()), None, "a /proc that hides other users' processes");
        let foreign = machine("b1", "pid:[1]", "driver");
        assert_eq!(seen_from(foreign.path(), 7, ""), None, "a /proc of another namespace");
    }
}
