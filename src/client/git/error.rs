//! In: what Git, a child or a file refused. Out: faults with an owner and a hint.
//! Guarantee: no credential stands in a fault, not even where a server sends it back.
use crate::decide::value::{Fault, Owner, Source};
use std::error::Error;
use std::fmt;
use std::iter;

/// What was attempted on a repository, and what came of it.
#[derive(Debug)]
pub struct GitError(String);

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for GitError {}

/// Returns a fault of `owner`; `spurious` if trying again can help.
pub(crate) fn fault(owner: Owner, spurious: bool, message: impl Into<String>, hint: &str) -> Fault {
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    Fault { owner, spurious, hint, source: Source::Error(Box::new(GitError(message.into()))) }
}

/// Returns the fault of a repository on this machine that could not be read or written.
pub(crate) fn local(attempt: &str, error: &(dyn Error + 'static)) -> Fault {
    fault(
        Owner::Operator,
        false,
        format!("{attempt}: {}", chain(error)),
        "look at the repository's folder: its rights, the space left, and `git fsck`",
    )
}

/// Returns a function that makes the fault of a local repository out of gix's error.
pub(crate) fn in_local(attempt: &str) -> impl FnOnce(gix::Error) -> Fault + '_ {
    move |error| local(attempt, &error)
}

/// Returns a function that makes the fault of a local repository out of an error of the file system.
pub(crate) fn in_folder(attempt: &str) -> impl FnOnce(std::io::Error) -> Fault + '_ {
    move |error| {
        let spurious = matches!(error.raw_os_error(), Some(libc_enospc) if libc_enospc == ENOSPC);
        Fault { spurious, ..local(attempt, &error) }
    }
}

/// "No space left on device": it can pass by itself.
const ENOSPC: i32 = 28;

/// The longest part of an error that is handed on: servers send whole pages.
const CHARS_MAX: usize = 600;

/// Returns the texts of an error and its sources, the same text once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut all: Vec<String> = match error.downcast_ref::<gix::Error>() {
        Some(error) => error.iter_errors().map(ToString::to_string).collect(),
        None => iter::successors(Some(error), |error: &&(dyn Error + 'static)| (**error).source())
            .map(ToString::to_string)
            .collect(),
    };
    all.retain(|text| !text.is_empty());
    for text in all {
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    let text = texts.join(": ").replace(|c: char| c.is_control(), " ");
    text.chars().take(CHARS_MAX).collect()
}
