//! In: every Rust file of the package. Out: each that breaks a rule of form, as `file:line: what`.
//! Guarantee: what no linter keeps is kept here: headers, sizes, names of rooms, and who may print.
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a file: more is not read in one go. Blocks of tests do not count.
const LINES_MAX: usize = 600;

/// The lines among which a header stands.
const HEADER_LINES: usize = 8;

/// Names of rooms that say nothing.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "misc", "common"];

#[test]
fn every_file_says_what_goes_in_what_comes_out_and_what_is_guaranteed() {
    let offences = offences(&["src", "tests/it", "tests/testenv", "benches"], |_, text| {
        let mut header = text.lines().take_while(|line| line.starts_with("//!")).take(HEADER_LINES);
        let crate_page = text.starts_with("//! Brings Kubernetes clusters"); // lib.rs: what rustdoc shows first
        let opens = crate_page || text.starts_with("//! In: ");
        // `decide` as a whole and the crate call it by its stronger name.
        let guarantees = header.any(|line| line.contains("Guarantee: ") || line.contains("**Invariant:** "));
        let opens = (!opens).then_some((1, "does not open with `//! In:`"));
        let guarantees = (!guarantees).then_some((1, "has no `Guarantee:` in its header"));
        opens.into_iter().chain(guarantees).collect()
    });
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn a_file_can_be_read_in_one_go() {
    let offences = offences(&["src"], |_, text| {
        let lines = without_tests(text).count();
        (lines > LINES_MAX).then_some((lines, "is too long: split it")).into_iter().collect()
    });
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn nothing_is_left_for_later_and_no_room_is_named_for_nothing() {
    // Put together here, so that this file does not offend.
    let later = ["TO", "DO"].concat();
    let offences = offences(&["src", "tests/it", "tests/testenv", "benches"], |path, text| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let is_empty = |name: &str| EMPTY_NAMES.contains(&name);
        let named = (is_empty(&stem) || is_empty(&folder)).then_some((1, "is named for nothing"));
        let left = lines_with(text, |line| line.contains(&later)).map(|line| (line, "leaves something for later"));
        named.into_iter().chain(left).collect()
    });
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn only_the_printer_and_the_log_write_to_the_terminal() {
    let offences = offences(&["src"], |path, text| {
        let may = path.starts_with("src/cli/print") || path.ends_with("src/cli/trace.rs");
        let writes = |line: &str| ["stdout()", "stderr()", "eprint!", "eprintln!"].iter().any(|it| line.contains(it));
        let found = lines_with(text, writes).filter(|_| !may);
        found.map(|line| (line, "writes to the terminal")).collect()
    });
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

/// Returns what `look` finds in the files of some folders.
fn offences(folders: &[&str], look: impl Fn(&Path, &str) -> Vec<(usize, &'static str)>) -> Vec<String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut offences = Vec::new();
    for file in folders.iter().flat_map(|folder| rust_files(&package.join(folder))) {
        let text = fs::read_to_string(&file).expect("source files are UTF-8");
        let path = file.strip_prefix(package).expect("it was found there");
        offences.extend(look(path, &text).into_iter().map(|(line, what)| format!("{}:{line}: {what}", path.display())));
    }
    offences
}

/// Returns the numbers of the lines that are as asked.
fn lines_with<'a>(text: &'a str, is: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = usize> + 'a {
    text.lines().enumerate().filter(move |(_, line)| is(line)).map(|(at, _)| at + 1)
}

/// Returns the lines before, between and after the blocks of tests; a block ends at the brace in the first column.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().filter(move |line| {
        let was_test = is_test;
        is_test = (is_test || line.starts_with("mod tests {")) && *line != "}";
        !was_test && !is_test
    })
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it is readable").path()).collect();
    paths.sort();
    let files = paths.into_iter().flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
