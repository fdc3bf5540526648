//! In: `tests/cases/*.md`, each a rule with files and what the program says of them. Out: a difference where it says otherwise.
//! Guarantee: what the cases show is what the program prints; `STRATIFY_BLESS=1` writes it anew, to be read before it is kept.
mod file;
mod memory;
mod print;
mod properties;
mod repositories;

use crate::fleet::Files;
use file::{Block, Case, CaseFile};
use similar::TextDiff;
use std::path::{Path, PathBuf};
use std::{env, fs, thread};
use stratify::decide::document::{EntryKind, TooLarge};

/// The same stack as the threads have on which syncs run.
const STACK_BYTES: usize = 64 << 20;

#[test]
fn every_case_is_what_the_program_says() {
    let wrong = on_a_deep_stack(run);
    assert!(wrong.is_empty(), "{}\nSTRATIFY_BLESS=1 writes what is said now", wrong.join("\n"));
}

/// Runs what reads hostile files as it is run in a sync.
fn on_a_deep_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let work = thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread starts");
    work.join().expect("the work does not panic")
}

fn run() -> Vec<String> {
    let base = Files::folder("tests/cases/base");
    let mut wrong = Vec::new();
    for path in case_files() {
        let text = fs::read_to_string(&path).expect("the case is readable");
        let mut file = CaseFile::parse(&text);
        for case in &mut file.cases {
            let (before, after) = edited(&base, case);
            for block in case.blocks.iter_mut().filter(|block| block.is_expectation()) {
                block.body = print::expectation(block, &before, &after);
            }
        }
        let said = file.to_text();
        if said == text {
            continue;
        }
        if env::var_os("STRATIFY_BLESS").is_some() {
            fs::write(&path, &said).expect("the case is writable");
        } else {
            let name = path.display().to_string();
            let difference = TextDiff::from_lines(&text, &said);
            wrong.push(difference.unified_diff().context_radius(4).header(&name, "what the program says").to_string());
        }
    }
    wrong
}

/// Returns each case's title with its fleet before and after.
fn all_cases() -> Vec<(String, Files, Files)> {
    let base = Files::folder("tests/cases/base");
    let files = case_files().into_iter().map(|path| fs::read_to_string(path).expect("the case is readable"));
    let cases = files.flat_map(|text| CaseFile::parse(&text).cases);
    let steps = cases.map(|case| {
        let (before, after) = edited(&base, &case);
        (case.title, before, after)
    });
    steps.collect()
}

fn case_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it is readable").path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    paths.sort();
    assert!(paths.len() > 5, "the cases are found");
    paths
}

/// Returns the fleet before and after a case's edits; a block with the word `before` counts for both.
fn edited(base: &Files, case: &Case) -> (Files, Files) {
    let apply = |files: Files, block: &Block| edit(&files, block, &case.title);
    let is_before = |block: &&Block| block.has("before") && !repositories::is_beside(block);
    let before = case.blocks.iter().filter(is_before).fold(base.clone(), apply);
    let is_edit = |block: &&Block| !block.is_expectation() && !block.has("before") && !repositories::is_beside(block);
    let after = case.blocks.iter().filter(is_edit).fold(before.clone(), apply);
    (repositories::beside(before, case), repositories::beside(after, case))
}

fn edit(files: &Files, block: &Block, case: &str) -> Files {
    let path = block.option("path").unwrap_or_else(|| panic!("`{case}`: a file has a path"));
    match block.word.as_str() {
        "remove" => files.with(path, None),
        "link" => files.with_entry(path, EntryKind::Symlink, Ok(block.body.trim_end().as_bytes().into())),
        "diff" => {
            let text = files.text(path).unwrap_or_else(|| panic!("`{case}`: there is {path}"));
            files.with(path, Some(&patched(&text, &block.body, case)))
        }
        _ => match block.option("generate").map(|what| what.split_once(':').unwrap_or((what, "0"))) {
            None => files.with(path, Some(&block.body)),
            Some((what, count)) => generate(files, path, &block.body, what, count.parse().expect("it is a number")),
        },
    }
}

/// Makes what nobody would want to read; in the body, `@` is what is generated.
fn generate(files: &Files, path: &str, body: &str, what: &str, count: usize) -> Files {
    let filled = |text: String| files.with(path, Some(&body.replace('@', &text)));
    match what {
        "nesting" => filled(format!("{}{}", "[".repeat(count), "]".repeat(count))),
        "items" => filled(vec!["1"; count].join(", ")),
        "sum" => filled(vec!["1"; count / 2].join("+")),
        "bytes" => {
            let size = TooLarge { bytes: count as u64, bytes_max: 16 << 20 };
            files.with_entry(path, EntryKind::File, Err(size))
        }
        "latin-1" => {
            let bytes: Vec<u8> = body.chars().map(|c| u8::try_from(u32::from(c)).expect("it is Latin-1")).collect();
            files.with_entry(path, EntryKind::File, Ok(bytes.into()))
        }
        "windows" => files.with(path, Some(&format!("\u{feff}{}", body.replace('\n', "\r\n")))),
        "tabs" => files.with(path, Some(&body.replace('→', "\t"))),
        _ => panic!("`{what}` is nothing that can be generated"),
    }
}

/// Replaces the lines that begin with ` ` or `-`, which have to stand once, by those that begin with ` ` or `+`.
fn patched(text: &str, body: &str, case: &str) -> String {
    let lines = |signs: [char; 2]| -> String {
        let lines = body.split_inclusive('\n').filter(|line| line.starts_with(signs));
        lines.map(|line| line.get(1..).unwrap_or_default()).collect()
    };
    let (old, new) = (lines([' ', '-']), lines([' ', '+']));
    assert_eq!(text.matches(&old).count(), 1, "`{case}`: the old lines stand once in:\n{text}");
    text.replacen(&old, &new, 1)
}
