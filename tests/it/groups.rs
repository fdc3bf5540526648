//! In: how this binary was built, and what it finds. Out: which groups of tests run, on standard error.
//! Guarantee: a group that is left out is told; a group that is to run and has no servers fails.
use std::env;
use std::io::{Write, stderr};
use std::path::PathBuf;

#[test]
fn the_groups_of_this_run_are_told() {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("STRATIFY_TESTENV").unwrap_or_default()).collect();
    let text = if cfg!(feature = "testenv") {
        let missing = folders.iter().find(|folder| !folder.is_dir());
        assert_eq!(missing, None, "a folder of STRATIFY_TESTENV is not there: `tests/testenv/build` makes them");
        assert!(!folders.is_empty(), "the servers are not there: `tests/run core kubernetes` builds and names them");
        let names = folders.iter().filter_map(|folder| folder.file_name()).map(|name| name.to_string_lossy());
        format!("servers for the tests: {}", names.collect::<Vec<_>>().join(", "))
    } else {
        "groups left out, since they need servers: kubernetes, old-kubernetes, capi, forges, sources, old-helm (see tests/run)"
            .to_owned()
    };
    // Not by `println!`, which the test runner keeps back where a test passes.
    writeln!(stderr(), "\n{text}").expect("there is a standard error");
}
