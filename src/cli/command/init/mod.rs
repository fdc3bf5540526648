//! In: a folder. Out: a small fleet in it, from templates that stand beside this file.
//! Guarantee: nothing that exists is overwritten, and where one file exists none is written.
use super::{Answer, Failure};
use crate::cli::args::Init;
use crate::cli::print::{Text, Tone};
use crate::client::git::{fault, in_folder};
use crate::decide::value::Owner;
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Keeps what syncs leave in the folder out of Git.
const IGNORED: &str = include_str!("template/gitignore");

macro_rules! files { ($($path:literal)*) => { &[$(($path, include_str!(concat!("template/", $path)))),*] } }

/// The files of the fleet, with their content.
const FILES: &[(&str, &str)] = files! {
    "fleet.yaml"
    "environments/dev/environment.yaml"
    "profiles/base/profile.yaml"
    "profiles/base/os/settings.yaml"
    "profiles/base/kubernetes/priority.yaml"
    "profiles/base/network/policy.yaml"
    "profiles/base/storage/class.yaml"
    "profiles/apps/profile.yaml"
    "profiles/apps/welcome/page.tpl.yaml"
    "clusters/dev/dev-1/cluster.yaml"
};

/// Writes the fleet.
pub(super) fn run(options: &Init) -> Result<Answer, Failure> {
    let folder = &options.folder;
    let attempt = format!("could not write a fleet to {}", folder.display());
    let existing: Vec<&str> =
        FILES.iter().map(|(path, _)| *path).filter(|path| folder.join(path).symlink_metadata().is_ok()).collect();
    if !existing.is_empty() {
        let message = format!("{attempt}: {} there already", listed(&existing));
        return Err(fault(Owner::Operator, false, message, "give an empty folder: nothing is overwritten").into());
    }
    for (path, content) in FILES {
        write(&folder.join(path), content).map_err(in_folder(&attempt))?;
    }
    ignore(folder).map_err(in_folder(&attempt))?;
    Ok(answer(folder))
}

fn answer(folder: &Path) -> Answer {
    let mut text = Text::default();
    for path in written() {
        text.pieces([(Tone::Good, "+ ".to_owned()), (Tone::Plain, folder.join(path).display().to_string())]);
    }
    text.line("next: commit it (`git init` first, outside of a repository), then `stratify lint` and `stratify plan`");
    let paths: Vec<&str> = written().collect();
    Answer::new(text, json!({ "folder": folder.display().to_string(), "files": paths }))
}

/// Returns the paths of all that is written.
fn written() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(path, _)| *path).chain([".gitignore"])
}

fn listed(paths: &[&str]) -> String {
    format!("{} {}", paths.join(", "), if paths.len() == 1 { "is" } else { "are" })
}

fn write(file: &Path, content: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // What came into being since we looked is not overwritten either.
    File::create_new(file)?.write_all(content.as_bytes())
}

/// Adds our lines to what Git ignores already.
fn ignore(folder: &Path) -> io::Result<()> {
    let file = folder.join(".gitignore");
    let before = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return write(&file, IGNORED),
        Err(error) => return Err(error),
    };
    if before.lines().any(|line| line.trim() == IGNORED.trim()) {
        return Ok(());
    }
    let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    File::options().append(true).open(&file)?.write_all(format!("{newline}{IGNORED}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn scratch() -> (TempDir, Init) {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = scratch.path().join("fleet");
        (scratch, Init { folder })
    }

    #[test]
    fn a_fleet_is_written_whole() {
        let (_scratch, options) = scratch();
        let answer = run(&options).expect("the folder is empty");
        let told = answer.data["files"].as_array().expect("it lists them").len();
        assert_eq!(told, FILES.len() + 1, ".gitignore is one of them");
        for (path, content) in FILES {
            let written = fs::read_to_string(options.folder.join(path)).expect("it was written");
            assert_eq!(&written, content, "{path}");
        }
        let ignored = fs::read_to_string(options.folder.join(".gitignore")).expect("it was written");
        assert_eq!(ignored, ".stratify/\n", "what syncs leave is kept out of Git");
    }

    #[test]
    fn nothing_is_written_where_one_file_exists() {
        let (_scratch, options) = scratch();
        fs::create_dir_all(&options.folder).expect("the folder is ours");
        fs::write(options.folder.join("fleet.yaml"), "mine").expect("the folder is ours");
        let Err(Failure::Fault(fault)) = run(&options) else { panic!("it had to be refused") };
        assert!(fault.to_string().contains("fleet.yaml is there already"), "{fault}");
        let left: Vec<_> = fs::read_dir(&options.folder).expect("it is ours").collect();
        assert_eq!(left.len(), 1, "only what was there before");
    }

    #[test]
    fn what_git_ignores_already_is_kept() {
        let (_scratch, options) = scratch();
        fs::create_dir_all(&options.folder).expect("the folder is ours");
        fs::write(options.folder.join(".gitignore"), "target").expect("the folder is ours");
        run(&options).expect("a .gitignore is no fleet");
        ignore(&options.folder).expect("it is there");
        let ignored = fs::read_to_string(options.folder.join(".gitignore")).expect("it is there");
        assert_eq!(ignored, "target\n.stratify/\n", "our line is added once");
    }
}
