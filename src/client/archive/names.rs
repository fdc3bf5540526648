//! In: the names of an archive's entries. Out: paths inside, or why a name is refused.
//! Guarantee: no two of them are one file on any file system that Stratify or its users may have.
use super::{Limits, Reason};
use crate::name::RepoPath;
use std::collections::BTreeMap;

/// How much of a name is shown.
const SHOWN_CHARS: usize = 200;

/// The names so far, by how a file system without case has them.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<String, Known>,
    last: Option<String>,
}

#[derive(Debug)]
struct Known {
    name: String,
    is_folder: bool,
}

impl Names {
    /// Takes an entry's name; nothing for the archive's own root.
    pub(super) fn take(&mut self, name: &[u8], is_folder: bool, limits: Limits) -> Result<Option<RepoPath>, Reason> {
        let text = std::str::from_utf8(name).map_err(|_| Reason::Name)?;
        let text = if is_folder { text.strip_suffix('/').unwrap_or(text) } else { text };
        let text = text.strip_prefix("./").unwrap_or(text);
        if is_folder && matches!(text, "" | ".") {
            return Ok(None);
        }
        let is_odd = |c: char| c.is_control() || c == '\\';
        let path = RepoPath::new(text).ok().filter(|_| !text.contains(is_odd)).ok_or(Reason::Name)?;
        if text.matches('/').count() > limits.depth {
            return Err(Reason::TooDeep(limits.depth));
        }
        for (at, _) in text.match_indices('/') {
            self.enter(text.get(..at).unwrap_or_default(), true)?;
        }
        self.enter(text, is_folder)?;
        if self.known.len() > limits.entries {
            return Err(Reason::TooMany(limits.entries));
        }
        self.last = Some(shown(name));
        Ok(Some(path))
    }

    /// The last name that was taken.
    pub(super) fn last(&self) -> Option<String> {
        self.last.clone()
    }

    fn enter(&mut self, name: &str, is_folder: bool) -> Result<(), Reason> {
        let folded: String = name.chars().flat_map(char::to_lowercase).collect();
        match self.known.get(&folded) {
            None => {
                self.known.insert(folded, Known { name: name.into(), is_folder });
                Ok(())
            }
            Some(known) if known.name != name => Err(Reason::Case(shown(known.name.as_bytes()))),
            // A folder is named by each file inside, and by itself; said again, it changes nothing.
            Some(known) if known.is_folder && is_folder => Ok(()),
            Some(_) => Err(Reason::Twice),
        }
    }
}

/// Returns a name so that it cannot act on a terminal.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let mut shown: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().count() > SHOWN_CHARS {
        shown.push('…');
    }
    shown
}
