//! `regatta statebox` on files.

use crate::program::{Program, shared};

#[test]
fn production_files_are_accepted_and_reproduced_byte_for_byte() {
    let Some(folder) = shared("statebox/dev/tip") else {
        println!("no StateBox files beside the checkout; made ones are run in the statebox crate");
        return;
    };
    let program = Program::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut arguments = vec!["statebox", "validate"];
    arguments.extend(files.iter().map(|f| f.to_str().unwrap()));
    let ran = program.run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.shown());
    for file in &files {
        let bytes = std::fs::read_to_string(file).unwrap();
        let yaml = program.run(&["statebox", "convert", "--to", "yaml", file.to_str().unwrap()]);
        assert_eq!((yaml.code, &yaml.out), (0, &bytes), "{}", file.display());
        let json = program.run(&["statebox", "convert", "--to", "json", file.to_str().unwrap()]);
        let between = program.home.path().join("between.json");
        std::fs::write(&between, &json.out).unwrap();
        let back = program.run(&["statebox", "convert", "--to", "yaml", between.to_str().unwrap()]);
        assert_eq!((back.code, &back.out), (0, &bytes), "{} through JSON", file.display());
    }
    println!("{} files reproduced", files.len());
}
