//! In: how a program is looked for. Out: its file and its version, found once.
//! Guarantee: what cannot be found is looked for again the next time: the operator may have put it there.
use crate::decide::value::Fault;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A program that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its file.
    pub(super) file: PathBuf,
    /// What it says of its version, with its name before it.
    pub(super) version: Arc<str>,
}

/// A program that is looked for when it is needed first.
#[derive(Debug, Default)]
pub(super) struct Program(OnceLock<Found>);

impl Program {
    pub(super) fn find(&self, look: impl FnOnce() -> Result<Found, Fault>) -> Result<&Found, Fault> {
        if let Some(found) = self.0.get() {
            return Ok(found);
        }
        let found = look()?;
        Ok(self.0.get_or_init(|| found))
    }
}

/// Returns the first word of a text that is a version, without its `v`.
pub(super) fn version_in(text: &str) -> Option<semver::Version> {
    let mut words = text.split(|c: char| c.is_whitespace() || "\"',{}:".contains(c));
    words.find_map(|word| {
        let word = word.rsplit('/').next().unwrap_or(word);
        semver::Version::parse(word.strip_prefix('v').unwrap_or(word)).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_found_in_what_programs_say_of_it() {
        for (text, expected) in [
            ("v4.3.1+gabcdef0\n", Some((4, 3, 1))),
            ("v5.8.3", Some((5, 8, 3))),
            ("{Version:kustomize/v4.5.7 GitCommit:x}", Some((4, 5, 7))),
            ("\"gitVersion\": \"v1.37.2\"", Some((1, 37, 2))),
            ("no version", None),
        ] {
            let found = version_in(text).map(|version| (version.major, version.minor, version.patch));
            assert_eq!(found, expected, "in {text}");
        }
    }
}
