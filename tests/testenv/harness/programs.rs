//! In: the folders that `STRATIFY_TESTENV` names. Out: the path of a program in them.
//! Guarantee: a later folder stands before an earlier one; what is missing is told with the command that builds it.
use std::env;
use std::path::{Path, PathBuf};

/// Names the folders of programs, as PATH does; `tests/run` sets it to what `tests/testenv/build` prints.
pub(crate) const VARIABLE: &str = "STRATIFY_TESTENV";

/// Returns the folders of this run, each with the module that it was built from.
pub(crate) fn folders() -> Vec<(String, PathBuf)> {
    let value = env::var_os(VARIABLE).unwrap_or_default();
    let folders = env::split_paths(&value).filter(|folder| !folder.as_os_str().is_empty());
    folders.map(|folder| (module_of(&folder), folder)).collect()
}

/// Returns the path of a program that a module brings, or of the same program of a module that is named later.
pub(crate) fn program(module: &str, name: &str) -> PathBuf {
    let found = folders().into_iter().rev().map(|(_, folder)| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is not in the folders of {VARIABLE}: run the tests by `tests/run`, or set the variable to what `tests/testenv/build {module}` prints")
    })
}

/// Returns a folder that a module brings.
pub(crate) fn folder(module: &str, name: &str) -> PathBuf {
    let found = folders().into_iter().map(|(_, folder)| folder.join(name)).find(|path| path.is_dir());
    found.unwrap_or_else(|| panic!("{name}/ is not in the folders of {VARIABLE}: see `tests/testenv/build {module}`"))
}

/// A folder is named `MODULE-KEY`.
fn module_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.rsplit_once('-').map_or(name.to_string(), |(module, _)| module.to_owned())
}
